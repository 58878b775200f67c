"""The losses of style transfer: tensors in, a scalar of the same type out, no weights multiplied in.

Features are (1, height, width, channels).
All losses are means, so that they mean the same for every size of picture and width of layer. For the features of a
tile, `positions` is the number of positions of the whole layer: the result is the tile's part of the mean, and the
parts of all tiles add up to it.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf
from jaxtyping import Float
from threadpoolctl import threadpool_limits

Features = Float[tf.Tensor, "1 height width channels"]
Vector = Float[tf.Tensor, " channels"]
Matrix = Float[tf.Tensor, "channels channels"]
Scalar = Float[tf.Tensor, ""]
Count: TypeAlias = int | tf.Tensor

RIDGE = 1e-4
"""Added to the diagonal of covariances, in squared units of features, to keep their roots and gradients finite."""

ROUNDING = 32
"""Bound of the rounding error of E[ff'] - E[f]E[f]': this many machine epsilons of the squared length of E[f]. For flat
pictures of 512 pixels, 28 were measured."""

RANK = 128
"""Number of principal directions of a style's covariance that are compared; more change no picture visibly."""

NEWTON_STEPS = 12
"""Steps of the Newton-Schulz iteration. They suffice for directions with a hundredth of the largest variance or more.
The roots of smaller variances come out too small, so that the distance there is too large: features are drawn towards
less variance than the style has."""

TINY = 1e-30
"""Added to divisors that may be zero."""


class Moments(NamedTuple):
    """First and second raw moment of features over positions: E[f], (channels,), and E[ff'], (channels, channels)."""

    mean: tf.Tensor
    second: tf.Tensor


class Gaussian(NamedTuple):
    """A target distribution of features: its mean and its covariance.

    Attributes:
        mean: (channels,).
        root: (channels, rank); root root' is the covariance. Columns of directions without variance are zero.
        trace: Of the covariance.
    """

    mean: tf.Tensor
    root: tf.Tensor
    trace: tf.Tensor


def content_loss(features: Features, target: Features, *, positions: Count | None = None) -> Scalar:
    """Compare arrangements: the mean squared difference of features.

    Args:
        features: Of the picture.
        target: Of the content.
        positions: Of the layer; those of `features` by default.

    Reference:
        Gatys, Ecker and Bethge (2016), "Image Style Transfer Using Convolutional Neural Networks", equation 1.
    """
    squares = tf.square(full(features) - full(target))
    # Differs from equation 1: a mean, not half a sum.
    return tf.reduce_sum(squares) / (_count(squares, positions) * target.shape[-1])


def content_gradient(
    features: Features, target: Features, by_loss: Scalar, *, positions: Count | None = None
) -> Features:
    """Return the gradient of `by_loss` times `content_loss` by the features, in their type."""
    difference = full(features) - full(target)
    values = _count(difference, positions) * target.shape[-1]
    return tf.cast(2 * by_loss / values * difference, features.dtype)


def moments(
    features: Features, weights: Float[tf.Tensor, "height width"] | None = None, *, positions: Count | None = None
) -> Moments:
    """Take the mean of features, and of their products, over all positions: F'1 and F'F over the positions.

    Args:
        features: Of one layer.
        weights: Of the positions, summing to one over the whole layer; equal by default.
        positions: Number of positions of the whole layer; that of `features` by default. Ignored where there are
            weights.

    Reference:
        Gatys, Ecker and Bethge (2016), equation 3; with weights, Gatys et al. (2017), "Controlling Perceptual Factors
        in Neural Style Transfer", equation 3.
    """
    features = full(features)
    rows = _rows(features)
    if weights is None:
        count = _count(features, positions)
        # Differs from equation 3: a mean over positions.
        return Moments(_summed(features) / count, tf.matmul(rows, rows, transpose_a=True) / count)
    weighted = features * tf.cast(weights[:, :, tf.newaxis], features.dtype)
    return Moments(_summed(weighted), tf.matmul(_rows(weighted), rows, transpose_a=True))


def moments_gradient(
    features: Features,
    by_moments: Moments,
    weights: Float[tf.Tensor, "height width"] | None = None,
    *,
    positions: Count | None = None,
) -> Features:
    """Return the gradient of m'E[f] + tr(M'E[ff']) by the features, in their type: F(M + M') + 1m'.

    It is one product of matrices in the type of the maps, where differentiating `moments` would take two in float32.

    Args:
        features: As for `moments`.
        by_moments: m and M: the gradient of a loss by the moments.
        weights: As for `moments`.
        positions: As for `moments`.
    """
    mean, matrix = by_moments.mean, by_moments.second + tf.transpose(by_moments.second)
    if weights is None:
        count = _count(features, positions)
        mean, matrix = mean / count, matrix / count
    else:  # the largest weight goes with the matrix, since weights alone are too small for half precision
        weights = tf.cast(weights, mean.dtype)
        largest = tf.reduce_max(weights) + TINY
        mean, matrix, weights = largest * mean, largest * matrix, weights / largest
    dtype = features.dtype
    # Reshaped before the sum, so that they are not fused: TensorFlow's fused product ends the process without memory.
    product = tf.reshape(tf.matmul(_rows(features), tf.cast(matrix, dtype)), tf.shape(features))
    gradient = product + tf.cast(mean, dtype)
    return gradient if weights is None else gradient * tf.cast(weights[:, :, tf.newaxis], dtype)


def full(features: tf.Tensor) -> tf.Tensor:
    """Return maps in float32 or float64, the types of statistics and losses."""
    return features if features.dtype == tf.float64 else tf.cast(features, tf.float32)


def _rows(features: Features) -> Float[tf.Tensor, "positions channels"]:
    return tf.reshape(features, [-1, features.shape[-1]])


def _count(features: Features, positions: Count | None) -> Scalar:
    found = tf.shape(_rows(features))[0] if positions is None else positions
    return tf.cast(found, tf.float64 if features.dtype == tf.float64 else tf.float32)


def _summed(features: Features) -> Vector:
    """Sum over positions, column by column and then across: hundreds of thousands of equal numbers would drift."""
    return tf.reduce_sum(tf.reduce_sum(features[0], 0), 0)


def gram_matrix(features: Features) -> Matrix:
    """Take the mean products of channels over all positions: F'F over the positions, the second of `moments`.

    Args:
        features: Of one layer.

    Reference:
        Gatys, Ecker and Bethge (2016), equation 3.

    Example:
        >>> import tensorflow as tf
        >>> gram_matrix(tf.reshape(tf.constant([1.0, 0.0, 1.0, 2.0]), (1, 1, 2, 2))).numpy().tolist()
        [[1.0, 1.0], [1.0, 2.0]]
    """
    return moments(features).second


def gram_loss(gram: Matrix, target: Matrix) -> Scalar:
    """Compare textures: the mean squared difference of Gram matrices.

    Reference:
        Gatys, Ecker and Bethge (2016), equation 4.
    """
    return tf.reduce_mean(tf.square(gram - target))  # Differs from equation 4: four times it, for maps of one size.


def mean_loss(mean: Vector, target: Vector) -> Scalar:
    """Compare the mean squared difference of mean features.

    Reference:
        Li, Wang, Liu and Hou (2017), "Demystifying Neural Style Transfer", section 4.1, on matching moments.
    """
    return tf.reduce_mean(tf.square(mean - target))


def covariance(moments: Moments) -> Matrix:
    """Return E[ff'] - E[f]E[f]', with a small ridge on its diagonal."""
    mean, second = moments
    return second - mean[:, tf.newaxis] * mean + _ridge(mean) * tf.eye(mean.shape[0], dtype=mean.dtype)


def _ridge(mean: Vector) -> Scalar:
    """Return the ridge that keeps a covariance positive definite, also of flat pictures, whose variance is rounding."""
    rounding = ROUNDING * np.finfo(mean.dtype.as_numpy_dtype).eps
    return RIDGE + rounding * tf.stop_gradient(tf.reduce_sum(tf.square(mean)))


def gaussian(moments: Moments, *, rank: int = RANK) -> Gaussian:
    """Prepare the moments of a style for comparison; runs eagerly.

    Args:
        moments: Of the style's features.
        rank: How many principal directions to keep, those with the largest variance. Features are drawn towards no
            variance in the others.
    """
    mean = moments.mean
    with threadpool_limits(limits=1, user_api="blas"):  # threads wait for busy cores
        values, vectors = np.linalg.eigh(np.asarray(covariance(moments), np.float64))
    kept = max(1, min(rank, int(np.sum(values > 3 * float(_ridge(mean))))))  # smaller ones are the ridge
    values = np.maximum(values[-rank:], 0) * (np.arange(len(values))[-rank:] >= len(values) - kept)
    root = vectors[:, -rank:] * np.sqrt(values)  # all styles have roots of one shape, so that graphs serve them all
    return Gaussian(mean, tf.constant(root, mean.dtype), tf.constant(values.sum(), mean.dtype))


def wasserstein_loss(moments: Moments, target: Gaussian, *, steps: int = NEWTON_STEPS) -> Scalar:
    """Compare textures as Gaussians: the squared Wasserstein distance of their features, per channel.

    Args:
        moments: Of the picture.
        target: Of the style.
        steps: Of Newton's method.

    Returns:
        The squared 2-Wasserstein distance |m - m'|^2 + tr(S + S' - 2 (S'^1/2 S S'^1/2)^1/2), over the channels.

    Reference:
        Dowson and Landau (1982), "The Fréchet Distance between Multivariate Normal Distributions", d^2 of the abstract.
    """
    scatter = covariance(moments)
    between = tf.matmul(target.root, scatter @ target.root, transpose_a=True)
    spread = tf.linalg.trace(scatter) + target.trace - 2 * trace_sqrt(between, steps=steps)
    return (tf.reduce_sum(tf.square(moments.mean - target.mean)) + spread) / target.mean.shape[0]


def trace_sqrt(matrix: Float[tf.Tensor, "size size"], *, steps: int = NEWTON_STEPS) -> Scalar:
    """Return the trace of the square root of a positive definite matrix, with its gradient in closed form.

    Root and inverse root come from the coupled Newton-Schulz iteration, matrix products only; the gradient is half the
    inverse root, since d tr(A^1/2) = tr(A^-1/2 dA) / 2.

    Reference:
        Higham (2008), "Functions of Matrices", equation 6.35, scaled by the Frobenius norm to converge.
    """
    fixed = tf.stop_gradient(matrix)
    norm = tf.norm(fixed) + np.finfo(matrix.dtype.as_numpy_dtype).tiny
    identity = tf.eye(matrix.shape[0], dtype=matrix.dtype)
    root, inverse = fixed / norm, identity
    for _ in range(steps):
        factor = 1.5 * identity - 0.5 * (inverse @ root)
        root, inverse = root @ factor, factor @ inverse
    gradient = 0.5 * inverse / tf.sqrt(norm)
    # The sum is zero and has the gradient. tf.custom_gradient would do as well, but keeps every graph for ever.
    return tf.linalg.trace(root) * tf.sqrt(norm) + tf.reduce_sum(gradient * (matrix - fixed))


def total_variation(
    image: Float[tf.Tensor, "1 height width channels"],
    *,
    norm: Literal["l2", "l1"] = "l2",
    inside: Any = None,
    positions: Count | None = None,
) -> Scalar:
    """Measure roughness: differences of horizontal and vertical neighbours, squared or absolute, over all values.

    Args:
        image: A picture.
        norm: `l2` sums squares, `l1` absolute values.
        inside: First row, end of rows, first column and end of columns whose pixels count, each compared with the next
            in both directions where there is one; all by default.
        positions: Pixels of the whole picture; those of `image` by default.

    Reference:
        Mahendran and Vedaldi (2015), "Understanding Deep Image Representations by Inverting Them", the regulariser of
        total variation, with exponent beta = 2.
    """
    measure = {"l2": tf.square, "l1": tf.abs}[norm]
    if inside is None:
        inside = 0, tf.shape(image)[1], 0, tf.shape(image)[2]
    top, bottom, left, right = (inside[index] for index in range(4))
    rows = tf.minimum(bottom + 1, tf.shape(image)[1]) - top - 1
    columns = tf.minimum(right + 1, tf.shape(image)[2]) - left - 1

    def part(down: int, across: int, height: Any, width: Any) -> tf.Tensor:
        # tf.slice, since with the gradient of image[...] it all takes six times as long.
        return tf.slice(image, [0, top + down, left + across, 0], [-1, height, width, -1])

    vertical = part(1, 0, rows, right - left) - part(0, 0, rows, right - left)
    horizontal = part(0, 1, bottom - top, columns) - part(0, 0, bottom - top, columns)
    # Differs from the paper: not a sum.
    values = _count(image, positions) * image.shape[-1]
    return (tf.reduce_sum(measure(vertical)) + tf.reduce_sum(measure(horizontal))) / values
