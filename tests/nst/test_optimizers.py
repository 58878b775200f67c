"""The optimisers, on objectives whose minimum is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from myvgg.nst.optimizers import LBFGS
from myvgg.nst.settings import Settings

BENDS = np.array([1.0, 30.0, 900.0], np.float32)
"""Second derivatives by channel, so that a step along the gradient does not do."""


class Valley:
    """An objective, (pixels - bottom)^2 along three axes of different bends, that counts what it is asked."""

    def __init__(self, bottom: np.ndarray) -> None:
        self.bottom, self.asked = bottom, list[np.ndarray]()

    def __call__(self, pixels: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Evaluate."""
        self.asked.append(pixels.numpy())
        away = pixels - self.bottom
        return {"total": tf.reduce_sum(BENDS * away**2)}, 2 * BENDS * away


@pytest.fixture
def descents() -> Iterator[list[LBFGS]]:
    """Optimisers that end with the test."""
    begun: list[LBFGS] = []
    yield begun
    for optimizer in begun:
        optimizer.close()


@pytest.mark.parametrize("clip", ["step", "end"])
def test_lbfgs_finds_the_lowest_picture_in_range(clip: Any, descents: list[LBFGS]) -> None:
    """Pixels whose lowest loss lies beyond the range end at its border, the others where they are lowest."""
    rng = np.random.default_rng(3)
    bottom = rng.uniform(-0.5, 1.5, (1, 5, 4, 3)).astype(np.float32)
    valley = Valley(bottom)
    start = rng.uniform(0, 1, bottom.shape).astype(np.float32)
    descents.append(LBFGS(valley, {"image": start}, Settings(clip=clip)))
    for _ in range(60):
        descents[0].step()
    expected = np.clip(bottom, 0, 1) if clip == "step" else bottom
    assert np.abs(descents[0].picture.numpy() - expected).max() < 1e-3
    if clip == "step":
        assert min(asked.min() for asked in valley.asked) >= 0
        assert max(asked.max() for asked in valley.asked) <= 1


def test_lbfgs_comes_back_into_the_range(descents: list[LBFGS]) -> None:
    """Pixels that a long first step took beyond the range are not stuck there."""
    bottom = np.full((1, 2, 2, 3), 0.999, np.float32)
    descents.append(LBFGS(Valley(bottom), {"image": np.zeros_like(bottom)}, Settings()))
    for _ in range(40):
        descents[0].step()
    assert np.abs(descents[0].picture.numpy() - bottom).max() < 1e-4
