"""Fixtures: the small network, measured on photographs, and two small pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from myvgg.params import Params


@pytest.fixture(scope="session")
def params(tiny_params: Params) -> Params:
    """The small network's parameters, with how its layers respond to photographs."""
    from myvgg.photographs import measured

    return measured(tiny_params)


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
