"""Losses of samples: sets of columns, one a row, that are compared with each other and not position by position.

A column holds the colours and the features of one position. All functions are pure: samples in, a scalar of their type
out.

Reference:
    Kolkin, Salavon and Shakhnarovich (2019), "Style Transfer by Relaxed Optimal Transport and Self-Similarity".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from jaxtyping import Float

from myvgg.nst.losses import Scalar

Columns = Float[tf.Tensor, "places channels"]
"""Columns of a picture, one a row."""

Others = Float[tf.Tensor, "other_places channels"]
"""Columns of a style, or of the same picture."""

Table = Float[tf.Tensor, "places other_places"]

TINY = 1e-12
"""Added to squared lengths, so that columns without features have a direction."""

ALIKE = 1e-4
"""Smallest mean distance by which the distances of a place from all others are divided. Those of equal places, or of a
place from itself, are errors of rounding."""

NEAR = 1e-5
"""Smallest squared distance of colours, from -0.5 to 0.5, so that equal colours have a gradient."""

OPPONENT = np.array(
    [
        [1 / 3**0.5, 1 / 3**0.5, 1 / 3**0.5],
        [-1 / 3**0.5, (3 + 3**0.5) / 6, (3**0.5 - 3) / 6],
        [-1 / 3**0.5, (3**0.5 - 3) / 6, (3 + 3**0.5) / 6],
    ]
)
"""The rotation of R, G, B that turns grey to the first axis: a sum and two differences of colours."""


class Distance(NamedTuple):
    """A distance of columns.

    Attributes:
        table: From (n, channels) and (m, channels) to the distances (n, m) of all pairs.
        pairs: From (n, channels) twice to the distances (n,) of columns in the same row.
    """

    table: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    pairs: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class Spread(NamedTuple):
    """Mean, (channels,), and covariance, (channels, channels), of columns."""

    mean: tf.Tensor
    covariance: tf.Tensor


def relaxed_earth_mover(columns: Columns, style: Others, distance: Distance) -> Scalar:
    """Compare two sets: the larger one of the mean distances from each column to the nearest of the other set.

    Args:
        columns: Of the picture; their directions for `COSINE`.
        style: Of the style, likewise.
        distance: Of two columns.

    Reference:
        Kolkin et al. (2019), equations 4 to 6: a lower bound of the earth mover's distance.
    """
    costs = tf.stop_gradient(distance.table(columns, style))
    # The pairs are taken again for the gradient, which would be a product of two large matrices otherwise.
    nearest, nearest_of_style = (tf.argmin(costs, axis, tf.int32) for axis in (1, 0))
    there = tf.reduce_mean(distance.pairs(columns, tf.gather(style, nearest)))
    back = tf.reduce_mean(distance.pairs(tf.gather(columns, nearest_of_style), style))
    return tf.maximum(there, back)


def nearest_loss(columns: Columns, style: Others) -> Scalar:
    """Compare each column with the nearest one of the style: the mean cosine distance, from the means of both sets.

    Args:
        columns: Of the picture.
        style: Of the style.

    Reference:
        Kolkin, Kucera, Paris, Sykora, Shechtman and Shakhnarovich (2022), "Neural Neighbor Style Transfer",
        section 3.4, on feature splitting.
    """
    columns, style = (directions(each - tf.reduce_mean(each, 0)) for each in (columns, style))
    nearest = tf.argmin(tf.stop_gradient(COSINE.table(columns, style)), 1, tf.int32)
    return tf.reduce_mean(COSINE.pairs(columns, tf.gather(style, nearest)))


def spread_of(columns: Others) -> Spread:
    """Return the mean and the covariance of columns."""
    mean = tf.reduce_mean(columns, 0)
    centred = columns - mean
    # Differs from the authors' program, which divides by the number of columns less one.
    return Spread(mean, tf.matmul(centred, centred, transpose_a=True) / tf.cast(tf.shape(columns)[0], columns.dtype))


def spread_loss(columns: Columns, wanted: Spread) -> Scalar:
    """Compare means and covariances: the mean absolute difference of each.

    Args:
        columns: Of the picture.
        wanted: Of the style.

    Reference:
        Kolkin et al. (2019), equation 7.
    """
    fixed = tf.stop_gradient(columns)
    count, channels = tf.cast(tf.shape(columns)[0], columns.dtype), columns.shape[-1]
    found = spread_of(fixed)
    mean, covariance = (one - tf.cast(other, one.dtype) for one, other in zip(found, wanted, strict=True))
    # Written by hand, since the covariance is symmetric, and TensorFlow would take two products for its gradient.
    slopes = tf.matmul(fixed - found.mean, tf.sign(covariance)) * 2 / (count * channels**2)
    slopes += tf.sign(mean) / (count * channels)
    value = tf.reduce_mean(tf.abs(mean)) + tf.reduce_mean(tf.abs(covariance))
    return value + tf.reduce_sum(tf.stop_gradient(slopes) * (columns - fixed))


def palette_loss(colors: Columns, style: Others) -> Scalar:
    """Compare colours, from 0 to 1, as a sum and two differences by their relaxed earth mover's distance.

    Args:
        colors: Of the picture, (places, 3).
        style: Of the style, (places, 3).

    Reference:
        Kolkin et al. (2019), section 2.3, on color matching.
    """
    turned = tf.constant(OPPONENT.T, colors.dtype)
    return relaxed_earth_mover(tf.matmul(colors - 0.5, turned), tf.matmul(style - 0.5, turned), COLOR_DISTANCE)


def self_similarity_loss(columns: Columns, content: Columns) -> Scalar:
    """Compare arrangements: how alike the places of a picture are to each other, and how alike those of the content.

    Distances of all pairs of places are divided by their sums over the first of the two. The loss is the mean absolute
    difference, times the number of places. Places that are all alike, or a single one, have no arrangement: their
    distances count as zero.

    Args:
        columns: Of the picture.
        content: Of the content, at the same places.

    Reference:
        Kolkin et al. (2019), equation 9.
    """
    places = tf.cast(tf.shape(columns)[0], columns.dtype)
    tables = [COSINE.table(each, each) for each in map(directions, (columns, content))]
    found, wanted = (table / tf.maximum(tf.reduce_sum(table, 0, keepdims=True), ALIKE * places) for table in tables)
    return tf.reduce_mean(tf.abs(found - wanted)) * places


def directions(columns: Others) -> Others:
    """Return columns of length one."""
    return columns * tf.math.rsqrt(tf.reduce_sum(tf.square(columns), -1, keepdims=True) + TINY)


def _cosine_table(columns: Columns, others: Others) -> Table:
    return 1 - tf.matmul(columns, others, transpose_b=True)


def _cosine_pairs(columns: Columns, others: Columns) -> Float[tf.Tensor, " places"]:
    return 1 - tf.reduce_sum(columns * others, -1)


def _length(squared: tf.Tensor, channels: int) -> tf.Tensor:
    return tf.sqrt(tf.maximum(squared, NEAR) / channels)


def _color_table(colors: Columns, others: Others) -> Table:
    squares, other_squares = (tf.reduce_sum(tf.square(each), -1) for each in (colors, others))
    squared = squares[:, tf.newaxis] + other_squares - 2 * tf.matmul(colors, others, transpose_b=True)
    return _cosine_table(directions(colors), directions(others)) + _length(squared, 3)


def _color_pairs(colors: Columns, others: Columns) -> Float[tf.Tensor, " places"]:
    squared = tf.reduce_sum(tf.square(colors - others), -1)
    return _cosine_pairs(directions(colors), directions(others)) + _length(squared, 3)


COSINE = Distance(_cosine_table, _cosine_pairs)
"""One less the cosine of the angle between two columns, from their directions."""

COLOR_DISTANCE = Distance(_color_table, _color_pairs)
"""The cosine distance, and the root of the mean squared difference."""
