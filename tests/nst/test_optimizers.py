"""Adam is Keras' Adam, without an epsilon that matters."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from myvgg.nst.optimizers import Adam

ROUNDING = 1e-5
"""Relative to the largest value: 20 steps of some ten float32 operations each, whose order differs from Keras'."""

START = np.array([3.0, -2.0, 0.5, 40.0], np.float32)


def quadratic(x: np.ndarray | tf.Tensor) -> tf.Tensor:
    """Return the gradient of a long valley whose lowest point is not the origin."""
    matrix = np.array([[9, 2, 0, 1], [2, 5, 1, 0], [0, 1, 0.1, 0], [1, 0, 0, 0.02]], np.float32)
    return tf.linalg.matvec(tf.constant(matrix), tf.convert_to_tensor(x) - [1.0, 2.0, 3.0, 4.0])


def trajectory(scale: float = 1.0, rate: float = 0.3, steps: int = 20, **options: tuple[float, float]) -> np.ndarray:
    """Return where Adam goes from the start, step by step."""
    variable = tf.Variable(START)
    adam = Adam(variable, rate, **options)
    places = []
    for _ in range(steps):
        variable.assign(adam.step(scale * quadratic(variable)))
        places.append(variable.numpy().copy())
    return np.array(places)


@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.9, 0.999), (0.0, 0.5)], ids=str)
def test_goes_where_keras_goes(betas: tuple[float, float]) -> None:
    """On a quadratic, every one of 20 steps ends where Keras' Adam does, with its epsilon set to almost nothing."""
    variable = keras.Variable(START)
    reference = keras.optimizers.Adam(learning_rate=0.3, beta_1=betas[0], beta_2=betas[1], epsilon=1e-20)
    expected = []
    for _ in range(20):
        reference.apply([quadratic(variable.value)], [variable])
        expected.append(variable.numpy().copy())
    actual = trajectory(betas=betas)
    assert np.allclose(actual, expected, rtol=0, atol=ROUNDING * np.abs(expected).max())


def test_second_moment_is_remembered_for_a_hundred_steps() -> None:
    """The default betas are 0.9 and 0.99."""
    assert np.array_equal(trajectory(), trajectory(betas=(0.9, 0.99)))


@pytest.mark.parametrize("scale", [2.0**-30, 2.0**-10, 2.0**20], ids=["1e-9", "1e-3", "1e6"])
def test_the_size_of_the_gradient_does_not_matter(scale: float) -> None:
    """Gradients of a billionth of the size lead the same way: no epsilon swallows them."""
    assert np.allclose(trajectory(scale), trajectory(), rtol=0, atol=ROUNDING * np.abs(START).max())


@pytest.mark.parametrize("gradient", [1e-9, -1e-9, 1.0, -1e9])
def test_a_constant_gradient_moves_by_the_learning_rate(gradient: float) -> None:
    """Corrected moments of a constant are the constant, so each step, the first one too, has the full length."""
    variable = tf.Variable([100.0])
    adam = Adam(variable, 5.0)
    for count in range(1, 6):
        variable.assign(adam.step(tf.constant([gradient])))
        expected = 100 - 5 * np.sign(gradient) * count
        assert np.allclose(variable.numpy(), expected, rtol=ROUNDING, atol=0)


def test_no_gradient_no_step() -> None:
    """Where the gradient is zero, nothing moves, and nothing is divided by zero."""
    variable = tf.Variable([1.0, 2.0])
    adam = Adam(variable, 5.0)
    for _ in range(3):
        actual = adam.step(tf.constant([0.0, 1.0])).numpy()
        assert actual[0] == 1
        assert np.isfinite(actual).all()


def test_the_caller_moves_the_variable() -> None:
    """A step returns the next place and leaves the variable to the caller, who may keep it within bounds."""
    variable = tf.Variable([1.0])
    actual = Adam(variable, 5.0).step(tf.constant([1.0])).numpy()
    assert np.allclose(actual, [-4.0], rtol=ROUNDING)
    assert np.array_equal(variable.numpy(), [1.0])


def test_two_optimizers_do_not_share_their_moments() -> None:
    """Each keeps its own memory."""
    first, second = tf.Variable([0.0]), tf.Variable([0.0])
    adams = Adam(first, 1.0), Adam(second, 1.0)
    adams[0].step(tf.constant([-100.0]))
    assert np.allclose(adams[1].step(tf.constant([1.0])).numpy(), [-1.0], rtol=ROUNDING)
