"""Each loss has the value and the gradient of its formula, written as NumPy loops in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

from myvgg.nst.losses import (
    RIDGE,
    Gaussian,
    Moments,
    content_gradient,
    content_loss,
    covariance,
    gaussian,
    gram_loss,
    gram_matrix,
    mean_loss,
    moments,
    moments_gradient,
    total_variation,
    trace_sqrt,
    wasserstein_loss,
)

ROUNDING = 3e-6
"""Sums of some hundred float32 terms, relative to the largest of what is compared; float32 has 6e-8 for each."""

SHAPES = [(1, 1, 1, 1), (1, 1, 7, 3), (1, 5, 1, 2), (1, 5, 7, 3), (1, 4, 6, 5)]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=["one value", "one row", "one column", "odd", "even"])


def draw(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Return float64 values that float32 holds exactly."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32).astype(np.float64)


def content_reference(features: np.ndarray, target: np.ndarray) -> float:
    """Equation 1, as a mean."""
    return sum((features[i] - target[i]) ** 2 for i in np.ndindex(features.shape)) / features.size


def gram_reference(features: np.ndarray) -> np.ndarray:
    """Equation 3, as a mean over positions."""
    _, height, width, channels = features.shape
    gram = np.zeros((channels, channels))
    for y, x, i, j in np.ndindex(height, width, channels, channels):
        gram[i, j] += features[0, y, x, i] * features[0, y, x, j] / (height * width)
    return gram


def gram_loss_reference(features: np.ndarray, target: np.ndarray) -> float:
    """The mean squared difference of Gram matrices."""
    difference = gram_reference(features) - gram_reference(target)
    return sum(entry**2 for entry in difference.flat) / difference.size


def variation_reference(image: np.ndarray, measure: Callable[[float], float] = np.square) -> float:
    """The sum over neighbours below and to the right, per value of the picture."""
    _, height, width, channels = image.shape
    total = 0.0
    for y, x, c in np.ndindex(height, width, channels):
        total += measure(image[0, y + 1, x, c] - image[0, y, x, c]) if y + 1 < height else 0
        total += measure(image[0, y, x + 1, c] - image[0, y, x, c]) if x + 1 < width else 0
    return total / image.size


def central_differences(function: Callable[[np.ndarray], float], x: np.ndarray, h: float = 1e-4) -> np.ndarray:
    """Differentiate in float64; exact for the quadratic losses, to h^2 for the quartic one."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        offset = np.zeros_like(x)
        offset[index] = h
        gradient[index] = (function(x + offset) - function(x - offset)) / (2 * h)
    return gradient


def value_and_gradient(function: Callable[[tf.Tensor], tf.Tensor], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Evaluate and differentiate with TensorFlow, checked to be float32."""
    x = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    assert value.dtype == tf.float32
    assert value.shape == ()
    return value.numpy(), tape.gradient(value, x).numpy()


def close(actual: np.ndarray, expected: np.ndarray | float) -> bool:
    """Compare up to rounding."""
    return np.allclose(actual, expected, rtol=0, atol=ROUNDING * max(np.abs(expected).max(), 1e-30))


@shapes
def test_content_loss_is_the_mean_squared_difference(shape: tuple[int, ...]) -> None:
    """Value and gradient are those of equation 1 as a mean; the gradient is 2 (F - P) / N."""
    features, target = draw(shape, 0), draw(shape, 1)
    value, gradient = value_and_gradient(lambda x: content_loss(x, tf.constant(target, tf.float32)), features)
    assert close(value, content_reference(features, target))
    assert close(gradient, 2 * (features - target) / features.size)
    assert close(gradient, central_differences(lambda x: content_reference(x, target), features))


def test_content_loss_is_zero_at_the_target() -> None:
    """What equals its target costs nothing and is not pulled anywhere."""
    features = draw((1, 3, 4, 5))
    value, gradient = value_and_gradient(lambda x: content_loss(x, tf.constant(features, tf.float32)), features)
    assert value == 0
    assert not gradient.any()


@shapes
def test_gram_matrix_is_the_mean_of_outer_products(shape: tuple[int, ...]) -> None:
    """The Gram matrix is what equation 3 says, divided by the number of positions."""
    features = draw(shape)
    actual = gram_matrix(tf.constant(features, tf.float32)).numpy()
    assert close(actual, gram_reference(features))
    assert actual.shape == (shape[-1], shape[-1])


def test_gram_matrix_of_ones_is_ones() -> None:
    """The product of ones summed over all M positions is M, so its mean is exactly 1, for every size of map."""
    for height, width in [(1, 1), (1, 9), (7, 5), (16, 16)]:
        actual = gram_matrix(tf.ones((1, height, width, 3))).numpy()
        assert np.array_equal(actual, np.ones((3, 3), np.float32))


def test_gram_matrix_forgets_positions() -> None:
    """Positions in another order have the same Gram matrix, up to the order of the sum; other channels do not."""
    features = draw((1, 6, 5, 4))
    shuffled = np.random.default_rng(3).permutation(features.reshape(30, 4)).reshape(1, 5, 6, 4)
    expected = gram_matrix(tf.constant(features, tf.float32)).numpy()
    assert close(gram_matrix(tf.constant(shuffled, tf.float32)).numpy(), expected)
    assert not close(gram_matrix(tf.constant(features[..., ::-1].copy(), tf.float32)).numpy(), expected)


@pytest.mark.parametrize(("height", "width"), [(4, 6), (1, 9), (8, 3)])
def test_gram_matrices_of_repeated_textures_are_equal(height: int, width: int) -> None:
    """A texture laid out twice has the Gram matrix of one, so that pictures of different sizes can be compared."""
    features = draw((1, height, width, 3))
    expected = gram_matrix(tf.constant(features, tf.float32)).numpy()
    for axis in (1, 2):
        actual = gram_matrix(tf.constant(np.concatenate([features, features], axis), tf.float32)).numpy()
        assert close(actual, expected)


@shapes
def test_gram_loss_is_the_mean_squared_difference_of_gram_matrices(shape: tuple[int, ...]) -> None:
    """Value and gradient are those of the formula; the gradient is 4 F (G - A) / (M N^2)."""
    features, target = draw(shape, 0), draw((1, 3, 2, shape[-1]), 1)
    gram = tf.constant(gram_reference(target), tf.float32)
    value, gradient = value_and_gradient(lambda x: gram_loss(gram_matrix(x), gram), features)
    difference = gram_reference(features) - gram_reference(target)
    assert close(value, gram_loss_reference(features, target))
    assert close(gradient, 4 * features @ difference / (shape[1] * shape[2]) / difference.size)
    assert close(gradient, central_differences(lambda x: gram_loss_reference(x, target), features))


def test_gram_loss_is_zero_at_the_target() -> None:
    """Equal Gram matrices cost nothing."""
    gram = tf.constant(gram_reference(draw((1, 3, 4, 5))), tf.float32)
    value, gradient = value_and_gradient(lambda x: gram_loss(x, gram), gram.numpy())
    assert value == 0
    assert not gradient.any()


def test_gram_loss_is_four_times_equation_4() -> None:
    """For maps of one size, Gatys' E = sum (G - A)^2 / (4 N^2 M^2), with sums for Gram matrices, is a quarter of it."""
    features, target = draw((1, 5, 7, 3), 0), draw((1, 5, 7, 3), 1)
    M, N = 35, 3
    G, A = (rows.T @ rows for rows in (features.reshape(M, N), target.reshape(M, N)))
    expected = 4 * ((G - A) ** 2).sum() / (4 * N**2 * M**2)
    grams = [gram_matrix(tf.constant(x, tf.float32)) for x in (features, target)]
    assert close(gram_loss(*grams).numpy(), expected)


@pytest.mark.parametrize("s", [0.25, 2.0, 16.0])
def test_gram_loss_grows_with_the_fourth_power(s: float) -> None:
    """Features s times as large have s^4 times the loss, exactly where s is a power of two."""
    features, target = (tf.constant(draw((1, 5, 7, 3), seed), tf.float32) for seed in (0, 1))
    expected = s**4 * gram_loss(gram_matrix(features), gram_matrix(target)).numpy()
    actual = gram_loss(gram_matrix(s * features), gram_matrix(s * target)).numpy()
    assert actual == expected


@shapes
def test_total_variation_is_that_of_loops(shape: tuple[int, ...]) -> None:
    """Value and gradient are those of the sum over neighbours; a single pixel has none."""
    image = draw(shape)
    value, gradient = value_and_gradient(total_variation, image)
    assert close(value, variation_reference(image))
    assert close(gradient, central_differences(variation_reference, image))


def test_a_constant_picture_has_no_total_variation() -> None:
    """Nothing varies in a picture of one colour, whatever it is."""
    value, gradient = value_and_gradient(total_variation, np.full((1, 5, 7, 3), [10.0, 130.0, 255.0]))
    assert value == 0
    assert not gradient.any()


@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 7), (1, 6), (9, 1)])
def test_total_variation_of_a_checkerboard(height: int, width: int) -> None:
    """Every pair of neighbours in a checkerboard of 0 and 1 differs by 1, so the pairs are counted."""
    y, x = np.mgrid[:height, :width]
    image = np.repeat(((y + x) % 2)[None, ..., None], 3, axis=-1)
    pairs = (height - 1) * width + height * (width - 1)
    actual = total_variation(tf.constant(image, tf.float32)).numpy()
    assert actual == np.float32(3 * pairs) / np.float32(3 * height * width)


def test_total_variation_of_a_step() -> None:
    """A single edge costs its height squared times its length, per value, in either direction."""
    image = np.zeros((1, 4, 6, 1), np.float32)
    image[:, :, 3:] = 2
    for picture in (image, image.transpose(0, 2, 1, 3).copy()):
        assert total_variation(tf.constant(picture)).numpy() == np.float32(4 * 2**2 / 24)


@shapes
def test_absolute_total_variation_is_tensorflows(shape: tuple[int, ...]) -> None:
    """With `l1`, it is TensorFlow's own total variation over the number of values, and that of loops."""
    image = draw(shape)
    value, gradient = value_and_gradient(lambda x: total_variation(x, norm="l1"), image)
    assert close(value, tf.image.total_variation(tf.constant(image)).numpy()[0] / image.size)
    assert close(value, variation_reference(image, abs))
    assert close(gradient, central_differences(lambda x: variation_reference(x, abs), image))


@shapes
def test_mean_loss_compares_channels_means(shape: tuple[int, ...]) -> None:
    """Value and gradient are those of the mean over channels of squared differences of the means over positions."""
    features, target = draw(shape, 0), draw((1, 3, 2, shape[-1]), 1).mean((0, 1, 2))

    def reference(features: np.ndarray) -> float:
        return sum((features[..., c].mean() - target[c]) ** 2 for c in range(shape[-1])) / shape[-1]

    value, gradient = value_and_gradient(
        lambda x: mean_loss(moments(x).mean, tf.constant(target, tf.float32)), features
    )
    assert close(value, reference(features))
    assert close(gradient, central_differences(reference, features))


@shapes
def test_weighted_moments_are_those_of_loops(shape: tuple[int, ...]) -> None:
    """Each position enters the mean, and the mean of products, with its own weight."""
    _, height, width, channels = shape
    features = draw(shape)
    weights = np.random.default_rng(4).random((height, width))
    weights /= weights.sum()
    mean, second = np.zeros(channels), np.zeros((channels, channels))
    for y, x in np.ndindex(height, width):
        mean += weights[y, x] * features[0, y, x]
        second += weights[y, x] * np.outer(features[0, y, x], features[0, y, x])
    actual = moments(tf.constant(features), tf.constant(weights))
    assert np.allclose(actual.mean, mean, rtol=0, atol=EXACT)
    assert np.allclose(actual.second, second, rtol=0, atol=EXACT)


@pytest.mark.parametrize("positions", [None, 24])
@pytest.mark.parametrize("weights", [None, np.array([[0.1, 0.2, 0.3], [0.1, 0.1, 0.2]])], ids=["equal", "weighted"])
def test_the_gradient_of_moments_is_tensorflows(weights: np.ndarray | None, positions: int | None) -> None:
    """Also a function that treats second moments unsymmetrically gets its gradient whole, for a tile as well."""
    features, mean, second = (tf.constant(draw(shape, seed)) for seed, shape in enumerate([(1, 2, 3, 4), (4,), (4, 4)]))
    shares = None if weights is None else tf.constant(weights)
    with tf.GradientTape() as tape:
        tape.watch(features)
        found = moments(features, shares, positions=positions)
        loss = tf.reduce_sum(mean * found.mean) + tf.reduce_sum(second * found.second)
    actual = moments_gradient(features, Moments(mean, second), shares, positions=positions)
    assert np.allclose(actual, tape.gradient(loss, features), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("positions", [None, 24])
def test_the_gradient_of_the_content_is_tensorflows(positions: int | None) -> None:
    """For a whole layer and for a tile."""
    features, target = (tf.constant(draw((1, 2, 3, 4), seed)) for seed in (0, 1))
    with tf.GradientTape() as tape:
        tape.watch(features)
        loss = 1.5 * content_loss(features, target, positions=positions)
    actual = content_gradient(features, target, tf.constant(1.5, tf.float64), positions=positions)
    assert np.allclose(actual, tape.gradient(loss, features), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_statistics_of_half_precision_are_float32(dtype: str) -> None:
    """Maps in half precision have moments and losses in float32, those of their values, and gradients in their type."""
    rough, other = (tf.cast(draw((1, 5, 7, 3), seed), dtype) for seed in (0, 1))
    found, expected = moments(rough), moments(tf.cast(rough, tf.float32))
    assert all(np.array_equal(a, e) for a, e in zip(found, expected, strict=True))
    assert found.second.dtype == content_loss(rough, other).dtype == tf.float32
    assert moments_gradient(rough, found).dtype == content_gradient(rough, other, tf.constant(1.0)).dtype == dtype


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_weights_of_large_pictures_fit_into_half_precision(dtype: str) -> None:
    """Weights of a billion positions, and the gradient by moments that makes up for them, are beyond float16."""
    features = tf.constant(np.maximum(draw((1, 5, 7, 3)), 0), tf.float32)
    weights = tf.constant(np.abs(draw((5, 7), 1)) * 1e-9, tf.float32)
    by_moments = Moments(*(tf.constant(1e9 * draw(shape, 2), tf.float32) for shape in ((3,), (3, 3))))
    rough = tf.cast(moments_gradient(tf.cast(features, dtype), by_moments, weights), tf.float32)
    expected = moments_gradient(features, by_moments, weights)
    assert np.linalg.norm(rough - expected) < 0.02 * np.linalg.norm(expected)
    nowhere = moments_gradient(tf.cast(features, dtype), by_moments, tf.zeros_like(weights))
    assert not np.any(tf.cast(nowhere, tf.float32))


def test_equal_weights_are_no_weights() -> None:
    """Weights of one over the number of positions give what no weights give."""
    features = tf.constant(draw((1, 5, 7, 3)))
    expected = moments(features)
    actual = moments(features, tf.fill([5, 7], tf.constant(1 / 35, tf.float64)))
    assert all(np.allclose(a, e, rtol=0, atol=EXACT) for a, e in zip(actual, expected, strict=True))


def test_positions_without_weight_do_not_count() -> None:
    """Weights of zero leave exactly the rest, which is how a mask cuts out a region."""
    features = draw((1, 4, 6, 3))
    weights = np.zeros((4, 6))
    weights[:, :2] = 1 / 8
    expected = moments(tf.constant(features[:, :, :2].copy()))
    actual = moments(tf.constant(features), tf.constant(weights))
    assert all(np.allclose(a, e, rtol=0, atol=EXACT) for a, e in zip(actual, expected, strict=True))


EXACT = 1e-12
"""Some dozen float64 operations on values around one."""


def random_moments(channels: int, seed: int, *, positions: int = 0) -> Moments:
    """Return float64 moments of random features, of many more positions than channels unless it is said."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((positions or 20 * channels, channels)) @ rng.uniform(-1, 1, (channels, channels))
    rows += rng.uniform(-2, 2, channels) + 2 * rng.standard_normal(rows.shape)  # well conditioned
    return moments(tf.constant(rows[np.newaxis, np.newaxis]))


def wasserstein_reference(mean: np.ndarray, scatter: np.ndarray, other: np.ndarray, spread: np.ndarray) -> float:
    """Dowson and Landau's d^2 with SciPy's matrix roots, over the channels."""
    root = scipy.linalg.sqrtm(spread)
    cross = scipy.linalg.sqrtm(root @ scatter @ root)
    return (((mean - other) ** 2).sum() + np.trace(scatter + spread - 2 * np.real(cross))) / len(mean)


@pytest.mark.parametrize("channels", [1, 2, 5, 24])
def test_wasserstein_loss_is_the_distance_of_gaussians(channels: int) -> None:
    """With all directions kept and Newton's method run to its end, the value is SciPy's to ten digits."""
    found, target = random_moments(channels, 0), random_moments(channels, 1)
    expected = wasserstein_reference(*(np.array(part) for m in (found, target) for part in (m.mean, covariance(m))))
    actual = wasserstein_loss(found, gaussian(target, rank=channels), steps=40)
    assert actual.dtype == tf.float64
    assert float(actual) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("channels", [2, 5, 24])
def test_the_usual_steps_of_newtons_method_are_enough(channels: int) -> None:
    """With the default number of steps, in float32, the value is SciPy's within a thousandth."""
    found, target = random_moments(channels, 0), random_moments(channels, 1)
    expected = wasserstein_reference(*(np.array(part) for m in (found, target) for part in (m.mean, covariance(m))))
    single = [Moments(*(tf.cast(part, tf.float32) for part in each)) for each in (found, target)]
    assert float(wasserstein_loss(single[0], gaussian(single[1]))) == pytest.approx(expected, rel=1e-3)


def test_wasserstein_gradient_is_that_of_finite_differences() -> None:
    """In float64, the gradient with respect to features is the reference's central difference in every value."""
    features, target = draw((1, 5, 6, 4), 0), random_moments(4, 1)
    prepared = gaussian(target, rank=4)

    def reference(features: np.ndarray) -> float:
        rows = features.reshape(-1, 4)
        scatter = np.cov(rows.T, bias=True) + RIDGE * np.eye(4)
        return wasserstein_reference(rows.mean(0), scatter, np.array(target.mean), np.array(covariance(target)))

    x = tf.constant(features)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = wasserstein_loss(moments(x), prepared, steps=40)
    actual = tape.gradient(loss, x).numpy()
    expected = central_differences(reference, features)
    assert np.allclose(actual, expected, rtol=0, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("rank", [1, 3, 5])
def test_a_truncated_target_has_the_truncated_covariance(rank: int) -> None:
    """With fewer directions, the formula holds with the part of the covariance that the largest of them make up."""
    found, target = random_moments(5, 0), random_moments(5, 1)
    values, vectors = np.linalg.eigh(np.array(covariance(target)))
    truncated = (vectors[:, -rank:] * values[-rank:]) @ vectors[:, -rank:].T
    prepared = gaussian(target, rank=rank)
    assert prepared.root.shape == (5, rank)
    assert float(prepared.trace) == pytest.approx(values[-rank:].sum(), rel=EXACT)
    assert np.allclose(prepared.root @ tf.transpose(prepared.root), truncated, rtol=0, atol=1e-10)
    scatter = np.array(covariance(found))
    # Equals the trace of the product's root, of which SciPy needs no root of a singular matrix.
    between = np.trace(scipy.linalg.sqrtm(prepared.root.numpy().T @ scatter @ prepared.root.numpy()))
    squared = ((np.array(found.mean) - np.array(target.mean)) ** 2).sum()
    expected = (squared + np.trace(scatter) + np.trace(truncated) - 2 * between) / 5
    assert float(wasserstein_loss(found, prepared, steps=40)) == pytest.approx(expected, rel=1e-10)


def test_wasserstein_loss_of_equal_moments_is_zero() -> None:
    """What has the target's moments costs nothing and is not pulled anywhere, up to rounding."""
    features = draw((1, 8, 9, 4))
    target = gaussian(moments(tf.constant(features)))
    x = tf.constant(features)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = wasserstein_loss(moments(x), target, steps=40)
    assert abs(float(loss)) < 1e-10
    assert np.abs(tape.gradient(loss, x)).max() < 1e-10


def test_wasserstein_loss_of_a_shift_is_its_square() -> None:
    """Distributions of one form whose means differ are as far apart as the means are."""
    features, shift = draw((1, 8, 9, 4)), np.array([1.0, -2.0, 0.5, 0.0])
    target = gaussian(moments(tf.constant(features)))
    actual = wasserstein_loss(moments(tf.constant(features + shift)), target, steps=40)
    assert float(actual) == pytest.approx((shift**2).mean(), rel=1e-9)


@pytest.mark.parametrize("factor", [0.25, 3.0])
def test_wasserstein_loss_of_a_stretch(factor: float) -> None:
    """Centred features stretched by s have |s - 1|^2 times the variance to travel; the ridge enters the fifth digit."""
    features = draw((1, 30, 30, 3))
    features -= features.mean((0, 1, 2))
    target = gaussian(moments(tf.constant(features)))
    actual = wasserstein_loss(moments(tf.constant(factor * features)), target, steps=40)
    assert float(actual) == pytest.approx((factor - 1) ** 2 * (features**2).mean(), rel=1e-3)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("constant", ["picture", "style", "both"])
def test_constant_features_give_numbers(constant: str, dtype: tf.DType) -> None:
    """Features that are the same everywhere, zero even, on either side, give a finite loss and gradient."""
    flat, noisy = np.tile([0.0, 3.0, -1.0], (1, 4, 5, 1)), draw((1, 4, 5, 3))
    features = tf.constant(flat if constant in ("picture", "both") else noisy, dtype)
    target = gaussian(moments(tf.constant(flat if constant in ("style", "both") else noisy, dtype)))
    with tf.GradientTape() as tape:
        tape.watch(features)
        loss = wasserstein_loss(moments(features), target)
    gradient = tape.gradient(loss, features).numpy()
    assert np.isfinite(float(loss))
    assert np.isfinite(gradient).all()
    if constant == "both":
        assert abs(float(loss)) < 2 * RIDGE
    elif constant == "style":
        variance = features.numpy().reshape(-1, 3).var(0).sum()
        shift = ((features.numpy().mean((0, 1, 2)) - flat[0, 0, 0]) ** 2).sum()
        assert float(loss) == pytest.approx((variance + shift) / 3, rel=0.05)  # but for the ridge's root


@pytest.mark.parametrize("which", ["picture", "style"])
def test_one_position_gives_numbers(which: str) -> None:
    """A single position has a mean and no covariance; loss and gradient are finite."""
    one, many = draw((1, 1, 1, 3), 1), draw((1, 4, 5, 3), 2)
    features = tf.constant(one if which == "picture" else many, tf.float32)
    target = gaussian(moments(tf.constant(many if which == "picture" else one, tf.float32)))
    with tf.GradientTape() as tape:
        tape.watch(features)
        loss = wasserstein_loss(moments(features), target)
    assert np.isfinite(float(loss))
    assert np.isfinite(tape.gradient(loss, features)).all()
    assert directions(target) == (3 if which == "picture" else 1)


def directions(target: Gaussian) -> int:
    """Count the directions with variance that a target has."""
    return int(np.count_nonzero(np.abs(target.root.numpy()).max(axis=0)))


def test_more_channels_than_positions_give_numbers() -> None:
    """Deep layers have more channels than positions; directions without variance are no part of the target."""
    found, target = (moments(tf.constant(draw((1, 2, 3, 16), seed), tf.float32)) for seed in (0, 1))
    prepared = gaussian(target)
    assert directions(prepared) == 5  # six positions less their mean
    assert prepared.root.shape == (16, 16)  # whatever the style, so that one graph serves all
    expected = wasserstein_reference(
        *(np.array(part, np.float64) for m in (found, target) for part in (m.mean, covariance(m)))
    )
    assert float(wasserstein_loss(found, prepared)) == pytest.approx(expected, rel=0.01)  # but for the ridge


@pytest.mark.parametrize("size", [1, 3, 12])
def test_trace_of_a_root_has_its_closed_form(size: int) -> None:
    """The value is the sum of the eigenvalues' roots, the gradient half the inverse root."""
    rng = np.random.default_rng(size)
    factors = rng.standard_normal((size, 3 * size))
    matrix = factors @ factors.T / size + 0.1 * np.eye(size)
    x = tf.constant(matrix)
    with tf.GradientTape() as tape:
        tape.watch(x)
        trace = trace_sqrt(x, steps=40)
        scaled = 3 * trace
    assert float(trace) == pytest.approx(np.sqrt(np.linalg.eigvalsh(matrix)).sum(), rel=1e-12)
    expected = 1.5 * np.linalg.inv(scipy.linalg.sqrtm(matrix))
    assert np.allclose(tape.gradient(scaled, x), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_trace_of_the_root_of_nothing_is_zero() -> None:
    """A matrix of zeros gives zero and a finite gradient, not a division by zero."""
    x = tf.zeros([3, 3])
    with tf.GradientTape() as tape:
        tape.watch(x)
        trace = trace_sqrt(x)
    assert float(trace) == pytest.approx(0, abs=1e-12)
    assert np.isfinite(tape.gradient(trace, x)).all()


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_trace_of_a_root_does_not_mind_the_scale(size: float) -> None:
    """A matrix s times as large has a root of sqrt(s) times the trace, in float32, whatever s."""
    matrix = np.diag([1.0, 2.0, 4.0]).astype(np.float32)
    expected = np.sqrt(size) * (1 + np.sqrt(2) + 2)
    assert float(trace_sqrt(tf.constant(np.float32(size) * matrix))) == pytest.approx(expected, rel=1e-5)


def test_a_target_is_of_the_moments_type() -> None:
    """Means are passed on, and roots come back in the type of the moments."""
    for dtype in (tf.float32, tf.float64):
        found = moments(tf.constant(draw((1, 4, 5, 3)), dtype))
        target = gaussian(found)
        assert isinstance(target, Gaussian)
        assert target.root.dtype == target.trace.dtype == dtype
        assert np.array_equal(target.mean, found.mean)


@pytest.mark.parametrize("height", [24, 96, 384])
@pytest.mark.parametrize("level", [0.3, 4.0])
def test_flat_pictures_have_a_distance(height: int, level: float) -> None:
    """Features that are equal everywhere, whose variance is rounding alone, have the distance of their mean."""
    rng = np.random.default_rng(height)
    flat = np.broadcast_to(level * rng.uniform(0, 1, 64).astype(np.float32), (1, height, 512, 64))
    texture = rng.normal(1, 1, (1, 64, 64, 64)).astype(np.float32)
    image = tf.constant(flat)
    target = gaussian(moments(tf.constant(texture)))
    with tf.GradientTape() as tape:
        tape.watch(image)
        loss = wasserstein_loss(moments(image), target)
    rows = texture.reshape(-1, 64).astype(np.float64)
    expected = (np.square(rows.mean(0) - flat[0, 0, 0]).sum() + np.trace(np.cov(rows.T, bias=True))) / 64
    assert float(loss) == pytest.approx(expected, rel=0.05)  # the root of what rounding leaves
    assert np.isfinite(tape.gradient(loss, image)).all()
