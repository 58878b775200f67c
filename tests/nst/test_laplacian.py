"""Pyramids: exact back and forth, exact gradients, and optimisers that move them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from myvgg.nst import Settings
from myvgg.nst.laplacian import Laplacian, optimizer_of, parameters_of, shape_of
from myvgg.nst.state import AdamState

RNG = np.random.default_rng(0)
SIZES = [(64, 48), (37, 54), (5, 2), (1, 7)]


def picture(height: int, width: int) -> np.ndarray:
    """Draw noise from 0 to 1."""
    return RNG.uniform(0, 1, (1, height, width, 3)).astype(np.float32)


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("levels", [1, 3, 8])
def test_a_picture_comes_back(height: int, width: int, levels: int) -> None:
    """The pyramid of a picture gives that picture, up to rounding, at any size and with any number of levels."""
    pyramid, given = Laplacian(height, width, levels), picture(height, width)
    parameters = pyramid.analyze(given)
    assert parameters.shape == pyramid.shape
    assert parameters.dtype == np.float32
    assert_allclose(pyramid.synthesize(parameters), given, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("levels", [1, 3, 8])
def test_the_adjoint_is_exact(height: int, width: int, levels: int) -> None:
    """The product of a gradient with a synthesis is that of its adjoint with the parameters."""
    pyramid, gradient = Laplacian(height, width, levels), picture(height, width)
    parameters = RNG.standard_normal(pyramid.shape).astype(np.float32)
    left = np.vdot(gradient.astype(float), pyramid.synthesize(parameters))
    right = np.vdot(pyramid.adjoint(gradient).astype(float), parameters)
    assert left == pytest.approx(right, rel=1e-5, abs=1e-4)


def test_bands_are_those_of_tensorflow() -> None:
    """Halving is the mean of two by two pixels, and doubling TensorFlow's bilinear filter."""
    given = picture(16, 24)
    fine, coarse = np.split(Laplacian(16, 24, 1).analyze(given).reshape(-1, 3), [16 * 24])
    halved = given.reshape(8, 2, 12, 2, 3).mean((1, 3))
    assert_allclose(coarse.reshape(8, 12, 3), halved, atol=1e-6)
    doubled = tf.image.resize(halved, (16, 24), "bilinear").numpy()
    assert_allclose(fine.reshape(16, 24, 3), given[0] - doubled, atol=1e-6)


def test_a_flat_picture_has_only_a_coarsest_level() -> None:
    """All bands of a flat picture are zero."""
    parameters = Laplacian(13, 19, 3).analyze(np.full((1, 13, 19, 3), 0.25, np.float32)).reshape(-1, 3)
    assert_allclose(parameters[: -1 * 2], 0, atol=1e-7)
    assert_allclose(parameters[-1 * 2 :], 0.25)


@pytest.mark.parametrize("parameters", ["pixels", "pyramid"])
def test_optimisers_find_a_picture(parameters: Any) -> None:
    """Steps of pixels and of pyramids come to the picture that the loss asks for, beyond 0 to 1 with pyramids only."""
    settings = Settings(parameters=parameters, learning_rate=0.05, average=0.0, pyramid_levels=3)
    start, goal = picture(20, 30), 2 * picture(20, 30) - 0.5
    optimizer = optimizer_of(AdamState(parameters_of(start, settings)), settings, (30, 20))
    assert optimizer.state().image.shape == shape_of(settings, (30, 20))
    for count in range(300):
        assert optimizer.steps == count
        pixels = optimizer.ask()
        assert pixels is not None
        assert pixels.shape == start.shape
        away = pixels - goal
        assert optimizer.tell(float((away**2).sum()), 2 * away) == ""
    expected = goal if parameters == "pyramid" else goal.clip(0, 1)
    assert np.abs(optimizer.picture - expected).max() < 0.05


def test_coarse_levels_move_many_pixels_at_once() -> None:
    """Under one step of equal length in all parameters, a pyramid moves the picture by the sum of its levels."""
    settings = Settings(parameters="pyramid", learning_rate=0.01, average=0.0, pyramid_levels=2)
    start = np.full((1, 16, 16, 3), 0.5, np.float32)
    optimizer = optimizer_of(AdamState(parameters_of(start, settings)), settings, (16, 16))
    optimizer.tell(1.0, np.ones_like(start))
    assert_allclose(optimizer.picture, 0.5 - 3 * 0.01, atol=1e-5)


def test_lbfgs_moves_pixels_only() -> None:
    """L-BFGS has bounds for pixels, and none for pyramids."""
    with pytest.raises(ValueError, match="optimizer must be adam where parameters is pyramid, not lbfgs"):
        Settings(optimizer="lbfgs", parameters="pyramid")
