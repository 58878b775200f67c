"""The optimisers, on objectives whose minimum is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from myvgg.nst.optimizers import LBFGS
from myvgg.nst.settings import Settings

BENDS = np.array([1.0, 30.0, 900.0], np.float32)
"""Second derivatives by channel, so that a step along the gradient does not do."""


class Valley:
    """An objective, (pixels - bottom)^2 along three axes of different bends, that counts what it is asked."""

    def __init__(self, bottom: np.ndarray) -> None:
        self.bottom, self.asked = bottom, list[np.ndarray]()

    def __call__(self, pixels: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
        """Evaluate."""
        self.asked.append(pixels.copy())
        away = pixels - self.bottom
        return {"total": (BENDS * away**2).sum()}, 2 * BENDS * away


def go(optimizer: LBFGS, steps: int) -> None:
    """Make steps while there is something to improve."""
    for _ in range(steps):
        if optimizer.done:
            break
        optimizer.step()


@pytest.mark.parametrize("clip", ["step", "end"])
def test_lbfgs_finds_the_lowest_picture_in_range(clip: Any) -> None:
    """Pixels whose lowest loss lies beyond the range end at its border, the others where they are lowest."""
    rng = np.random.default_rng(3)
    bottom = rng.uniform(-0.5, 1.5, (1, 5, 4, 3)).astype(np.float32)
    valley = Valley(bottom)
    start = rng.uniform(0, 1, bottom.shape).astype(np.float32)
    descent = LBFGS(valley, {"image": start}, Settings(clip=clip))
    go(descent, 200)
    expected = np.clip(bottom, 0, 1) if clip == "step" else bottom
    first, lowest, best = (float(valley(x)[0]["total"]) for x in (start, descent.picture, expected))
    assert best <= lowest < best + 1e-4 * (first - best)
    if clip == "step":
        assert min(asked.min() for asked in valley.asked) >= 0
        assert max(asked.max() for asked in valley.asked) <= 1


@pytest.mark.parametrize("start", [0.0, 1.0])
@pytest.mark.parametrize("bottom", [0.001, 0.5, 0.999])
def test_lbfgs_leaves_the_ends_of_the_range(start: float, bottom: float) -> None:
    """Black and white pixels are not stuck, and a picture near the other end is found."""
    lowest = np.full((1, 2, 2, 3), bottom, np.float32)
    descent = LBFGS(Valley(lowest), {"image": np.full_like(lowest, start)}, Settings())
    go(descent, 80)
    assert np.abs(descent.picture - lowest).max() < 1e-3
