"""The optimisers, on objectives whose minimum is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from myvgg.nst import optimizers
from myvgg.nst.optimizers import LBFGS, Adam
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


def adam(pixels: Valley, steps: int, **settings: Any) -> Adam:
    """Make steps from grey."""
    optimizer = Adam(pixels, {"image": np.full_like(pixels.bottom, 0.5)}, Settings(**settings))
    for _ in range(steps):
        optimizer.step()
    return optimizer


@pytest.fixture
def valley() -> Valley:
    """Return an objective whose minimum is in range."""
    return Valley(np.random.default_rng(4).uniform(0.1, 0.9, (1, 7, 5, 3)).astype(np.float32))


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_strips_are_of_no_consequence(average: float, valley: Valley, monkeypatch: pytest.MonkeyPatch) -> None:
    """In strips of eight numbers, Adam goes where it goes at once, bit for bit."""
    expected = adam(valley, 6, average=average).state()
    monkeypatch.setattr(optimizers, "STRIP", 8)
    actual = adam(valley, 6, average=average).state()
    assert {*actual} == {*expected}
    assert all(np.array_equal(actual[name], expected[name]) for name in expected)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_the_average_is_that_of_its_formula(average: float, valley: Valley) -> None:
    """The picture is the mean of all pictures, each weighing so many times as much as the one before it."""
    found = adam(valley, 8, average=average).picture
    pictures = np.array(valley.asked[1:])
    last = adam(Valley(valley.bottom), 8, average=0.0).picture
    weights = [average ** (7 - index) for index in range(8)]
    expected = np.average([*pictures, last], axis=0, weights=weights)
    assert np.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("is_writeable", [False, True])
def test_pictures_stay_as_they_were_handed_out(average: float, is_writeable: bool, valley: Valley) -> None:
    """At the beginning, after steps and after going back, whether the gradient's memory may be taken or not."""

    def evaluate(pixels: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
        losses, gradient = valley(pixels)
        gradient.setflags(write=is_writeable)
        return losses, gradient

    optimizer = Adam(evaluate, {"image": np.full_like(valley.bottom, 0.5)}, Settings(average=average))
    handed = [optimizer.picture]
    copies = [handed[0].copy()]
    for index in range(6):
        optimizer.step()
        if index == 3:
            optimizer.restart()
        handed.append(optimizer.picture)
        copies.append(handed[-1].copy())
    assert all(np.array_equal(picture, copy) for picture, copy in zip(handed, copies, strict=True))


def test_going_back_is_exact_to_a_tenth_of_a_level(valley: Valley) -> None:
    """The best picture is kept in half precision, which nobody sees."""
    optimizer = adam(valley, 20, average=0.0)
    best = min(list(valley.asked), key=lambda pixels: float(valley(pixels)[0]["total"]))
    optimizer.restart()
    assert 255 * np.abs(optimizer.picture - best).max() < 0.1
