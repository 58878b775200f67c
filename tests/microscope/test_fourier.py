"""Pictures as waves in uncorrelated colours, and views of them, against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import affine_transform
from scipy.special import logit

from myvgg.microscope.fourier import (
    CONTRAST,
    EIGENVALUES,
    EIGENVECTORS,
    color_matrix,
    frequency_scale,
    start_waves,
    to_pixels,
    to_waves,
)
from myvgg.microscope.views import JITTER, ROTATION, ZOOM, View, random_view, seen_from


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 9), (6, 5), (1, 1), (1, 4)])
def test_pixels_are_numpys_inverse_transform(height: int, width: int) -> None:
    """Without the sigmoid and the colours, a picture must be the inverse real transform of the scaled waves."""
    waves = 20 * start_waves(height, width, seed=3)
    picture = to_pixels(tf.constant(waves), width).numpy().astype(np.float64)
    found = logit(picture / 255) @ np.linalg.inv(color_matrix().T) * CONTRAST
    coefficients = (waves[0] + 1j * waves[1]) * frequency_scale(height, width)
    expected = np.fft.irfft2(coefficients, (height, width), axes=(0, 1))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 9), (6, 5), (1, 1), (1, 4)])
def test_a_photograph_comes_back(height: int, width: int) -> None:
    """The waves of a photograph must give it again, with values next to black and white brought a little inwards."""
    picture = np.random.default_rng(1).uniform(0, 255, (height, width, 3)).astype(np.float32)
    picture[0, 0] = 0, 255, 128
    found = to_pixels(tf.constant(to_waves(picture)), width).numpy()
    np.testing.assert_allclose(found, picture.clip(4, 251), atol=0.05)


def test_waves_of_half_the_length_are_half_as_strong() -> None:
    """A wave's factor must fall as one over its frequency, in both directions alike, and the mean's be finite."""
    scale = frequency_scale(16, 16)[..., 0]
    np.testing.assert_allclose(scale[0, 1] / scale[0, [2, 4, 8]], [2, 4, 8])
    np.testing.assert_allclose(scale[1:8, 0], scale[0, 1:8])
    np.testing.assert_allclose(scale[-3, 0], scale[3, 0])
    assert scale[0, 0] == scale[0, 1] == 16 * 16


def test_colours_have_the_published_covariance() -> None:
    """Colours of white noise must have the published axes and, up to one factor, the published variances."""
    covariance = color_matrix() @ color_matrix().T
    variances, axes = np.linalg.eigh(covariance)
    np.testing.assert_allclose(variances[::-1] / variances[-1], np.array(EIGENVALUES) / EIGENVALUES[0], rtol=1e-3)
    np.testing.assert_allclose(np.abs(np.diag(axes[:, ::-1].T @ np.array(EIGENVECTORS))), 1, atol=1e-3)
    correlations = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert correlations.min() > 0.7  # as in photographs, where all three colours mostly tell the brightness


def test_the_start_is_grey() -> None:
    """The first picture must show nothing, and another seed another nothing."""
    first, second = (to_pixels(tf.constant(start_waves(32, 32, seed=seed)), 32).numpy() for seed in (0, 1))
    assert np.abs(first - 127.5).max() < 10
    assert not np.array_equal(first, second)


def test_a_view_is_scipys_affine_transform() -> None:
    """A turned, scaled and shifted picture must be that of SciPy on a torus, far beyond the borders too."""
    picture = np.random.default_rng(0).uniform(0, 255, (9, 14, 2)).astype(np.float32)
    for seed in range(4):
        matrix, shift = random_view(np.random.default_rng(seed))
        centre = (np.array(picture.shape[:2]) - 1) / 2
        offset = centre + shift - matrix @ centre
        expected = [
            affine_transform(picture[..., plane].astype(np.float64), matrix, offset, order=1, mode="grid-wrap")
            for plane in range(2)
        ]
        found = seen_from(tf.constant(picture), tf.constant(matrix), tf.constant(shift)).numpy()
        np.testing.assert_allclose(found, np.stack(expected, -1), atol=0.02)


def test_views_stay_within_their_limits() -> None:
    """Shift, rotation and scale must stay within their limits and come near them."""
    rng = np.random.default_rng(0)
    views: list[View] = [random_view(rng) for _ in range(300)]
    shifts = np.abs([view.shift for view in views])
    zooms = np.abs([np.log(np.linalg.det(view.matrix)) / 2 for view in views])
    angles = np.abs([np.rad2deg(np.arctan2(view.matrix[1, 0], view.matrix[0, 0])) for view in views])
    for values, limit in ((shifts, JITTER), (zooms, ZOOM), (angles, ROTATION)):
        assert 0.9 * limit < values.max() <= limit * 1.0001
