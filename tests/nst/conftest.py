"""Fixtures: the small network, and pictures that are large enough for its deepest layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from myvgg.params import Params
    from myvgg.vgg19 import VGG19


@pytest.fixture(scope="session")
def network(tiny_params: Params) -> VGG19:
    """The small network with average pooling."""
    from myvgg.vgg19 import VGG19

    return VGG19(tiny_params, pooling="avg")


@pytest.fixture(scope="session")
def content() -> np.ndarray:
    """A picture of soft blobs, wider than high, with sides that pooling does not divide."""
    return blobs(19, 27, seed=1)


@pytest.fixture(scope="session")
def style() -> np.ndarray:
    """A picture of noise, higher than wide."""
    return np.random.default_rng(2).uniform(0, 255, (29, 18, 3)).astype(np.float32)


def blobs(height: int, width: int, seed: int) -> np.ndarray:
    """Draw waves of three colours."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width][..., None]
    a, b, phase = rng.uniform(0.1, 0.6, (3, 3))
    return (127.5 + 120 * np.sin(a * y + b * x + 9 * phase)).astype(np.float32)
