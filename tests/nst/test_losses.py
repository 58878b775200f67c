"""Each loss has the value and the gradient of its formula, written as NumPy loops in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from myvgg.nst.losses import content_loss, gram_matrix, style_loss, total_variation

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


def style_reference(features: np.ndarray, target: np.ndarray) -> float:
    """The mean squared difference of Gram matrices."""
    difference = gram_reference(features) - gram_reference(target)
    return sum(entry**2 for entry in difference.flat) / difference.size


def variation_reference(image: np.ndarray) -> float:
    """The sum over neighbours below and to the right, per value of the picture."""
    _, height, width, channels = image.shape
    total = 0.0
    for y, x, c in np.ndindex(height, width, channels):
        total += (image[0, y + 1, x, c] - image[0, y, x, c]) ** 2 if y + 1 < height else 0
        total += (image[0, y, x + 1, c] - image[0, y, x, c]) ** 2 if x + 1 < width else 0
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
def test_style_loss_is_the_mean_squared_difference_of_gram_matrices(shape: tuple[int, ...]) -> None:
    """Value and gradient are those of the formula; the gradient is 4 F (G - A) / (M N^2)."""
    features, target = draw(shape, 0), draw((1, 3, 2, shape[-1]), 1)
    gram = tf.constant(gram_reference(target), tf.float32)
    value, gradient = value_and_gradient(lambda x: style_loss(gram_matrix(x), gram), features)
    difference = gram_reference(features) - gram_reference(target)
    assert close(value, style_reference(features, target))
    assert close(gradient, 4 * features @ difference / (shape[1] * shape[2]) / difference.size)
    assert close(gradient, central_differences(lambda x: style_reference(x, target), features))


def test_style_loss_is_zero_at_the_target() -> None:
    """Equal Gram matrices cost nothing."""
    gram = tf.constant(gram_reference(draw((1, 3, 4, 5))), tf.float32)
    value, gradient = value_and_gradient(lambda x: style_loss(x, gram), gram.numpy())
    assert value == 0
    assert not gradient.any()


def test_style_loss_is_four_times_equation_4() -> None:
    """For maps of one size, Gatys' E = sum (G - A)^2 / (4 N^2 M^2), with sums for Gram matrices, is a quarter of it."""
    features, target = draw((1, 5, 7, 3), 0), draw((1, 5, 7, 3), 1)
    M, N = 35, 3
    G, A = (rows.T @ rows for rows in (features.reshape(M, N), target.reshape(M, N)))
    expected = 4 * ((G - A) ** 2).sum() / (4 * N**2 * M**2)
    grams = [gram_matrix(tf.constant(x, tf.float32)) for x in (features, target)]
    assert close(style_loss(*grams).numpy(), expected)


@pytest.mark.parametrize("s", [0.25, 2.0, 16.0])
def test_style_loss_grows_with_the_fourth_power(s: float) -> None:
    """Features s times as large have s^4 times the loss, exactly where s is a power of two."""
    features, target = (tf.constant(draw((1, 5, 7, 3), seed), tf.float32) for seed in (0, 1))
    expected = s**4 * style_loss(gram_matrix(features), gram_matrix(target)).numpy()
    actual = style_loss(gram_matrix(s * features), gram_matrix(s * target)).numpy()
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
