"""The optimisers, on objectives whose minimum is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from myvgg.nst import optimizers
from myvgg.nst.optimizers import LBFGS, Adam
from myvgg.nst.settings import Settings
from myvgg.nst.state import AdamState, LBFGSState

BENDS = np.array([1.0, 30.0, 900.0], np.float32)
"""Second derivatives by channel, so that a step along the gradient does not do."""


class Valley:
    """An objective, (pixels - bottom)^2 along three axes of different bends, that counts what it is asked."""

    def __init__(self, bottom: np.ndarray) -> None:
        self.bottom, self.asked = bottom, list[np.ndarray]()

    def __call__(self, pixels: np.ndarray) -> tuple[float, np.ndarray]:
        """Evaluate."""
        self.asked.append(pixels.copy())
        away = pixels - self.bottom
        return float((BENDS * away**2).sum()), 2 * BENDS * away


def go(optimizer: Adam | LBFGS, objective: Callable[[np.ndarray], tuple[float, np.ndarray]], steps: int) -> list[str]:
    """Make steps while the picture can be improved, and return their notes."""
    notes = []
    for _ in range(steps):
        if (pixels := optimizer.ask()) is None:
            break
        notes.append(optimizer.tell(*objective(pixels)))
    return notes


@pytest.mark.parametrize("clip", ["step", "end"])
def test_lbfgs_finds_the_lowest_picture_in_range(clip: Any) -> None:
    """Pixels whose lowest loss lies beyond the range end at its border, the others where they are lowest."""
    rng = np.random.default_rng(3)
    bottom = rng.uniform(-0.5, 1.5, (1, 5, 4, 3)).astype(np.float32)
    valley = Valley(bottom)
    start = rng.uniform(0, 1, bottom.shape).astype(np.float32)
    descent = LBFGS(LBFGSState(start), Settings(clip=clip))
    go(descent, valley, 200)
    expected = np.clip(bottom, 0, 1) if clip == "step" else bottom
    first, lowest, best = (valley(x)[0] for x in (start, descent.picture, expected))
    assert best <= lowest < best + 1e-4 * (first - best)
    if clip == "step":
        assert min(asked.min() for asked in valley.asked) >= 0
        assert max(asked.max() for asked in valley.asked) <= 1


@pytest.mark.parametrize("start", [0.0, 1.0])
@pytest.mark.parametrize("bottom", [0.001, 0.5, 0.999])
def test_lbfgs_leaves_the_ends_of_the_range(start: float, bottom: float) -> None:
    """Black and white pixels are not stuck, and a picture near the other end is found."""
    lowest = np.full((1, 2, 2, 3), bottom, np.float32)
    descent = LBFGS(LBFGSState(np.full_like(lowest, start)), Settings())
    go(descent, Valley(lowest), 80)
    assert np.abs(descent.picture - lowest).max() < 1e-3


def adam(objective: Valley, steps: int, **settings: Any) -> Adam:
    """Make steps from grey."""
    optimizer = Adam(AdamState(np.full_like(objective.bottom, 0.5)), Settings(**settings))
    go(optimizer, objective, steps)
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
    for name, value in vars(expected).items():
        assert np.array_equal(getattr(actual, name), value), name


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
    optimizer = Adam(AdamState(np.full_like(valley.bottom, 0.5)), Settings(average=average))
    handed = [optimizer.picture]
    copies = [handed[0].copy()]
    for index in range(6):
        loss, gradient = valley(optimizer.ask())
        gradient.setflags(write=is_writeable)
        optimizer.tell(np.nan if index == 3 else loss, gradient)
        handed.append(optimizer.picture)
        copies.append(handed[-1].copy())
    assert all(np.array_equal(picture, copy) for picture, copy in zip(handed, copies, strict=True))


def test_a_state_stays_as_it_was_handed_out(valley: Valley) -> None:
    """Steps after a state was taken do not change its arrays, and go where they go without it."""
    watched, alone = adam(valley, 3), adam(valley, 3)
    state = watched.state()
    before = {name: np.array(value) for name, value in vars(state).items()}
    for optimizer in (watched, alone):
        go(optimizer, valley, 3)
    assert all(np.array_equal(getattr(state, name), value) for name, value in before.items())
    assert np.array_equal(watched.picture, alone.picture)


# Broken losses.


def broken(objective: Valley, at: set[int], factor: float = np.nan) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Multiply the loss and the gradient of some evaluations, counted from 1."""
    count = 0

    def evaluate(pixels: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal count
        count += 1
        loss, gradient = objective(pixels)
        return (loss * factor, gradient * np.float32(factor)) if count in at else (loss, gradient)

    return evaluate


def test_going_back_is_exact_to_a_tenth_of_a_level(valley: Valley) -> None:
    """The best picture is kept in half precision, which nobody sees."""
    optimizer = adam(valley, 20, average=0.0)
    best = min(list(valley.asked), key=lambda pixels: valley(pixels)[0])
    go(optimizer, broken(valley, {1}), 1)
    assert 255 * np.abs(optimizer.picture - best).max() < 0.1


def test_adam_goes_back_after_a_broken_loss(valley: Valley) -> None:
    """After a loss of NaN, Adam goes back to its best picture, says so, and goes on."""
    optimizer = Adam(AdamState(np.full_like(valley.bottom, 0.5)), Settings())
    notes = go(optimizer, broken(valley, {4}), 6)
    assert [bool(note) for note in notes] == [False, False, False, True, False, False]
    assert notes[3].startswith("the loss was nan: back to the best picture")
    assert np.isfinite(optimizer.picture).all()


def test_a_broken_gradient_counts_as_a_broken_loss(valley: Valley) -> None:
    """A picture that is no number any more does not stay."""
    optimizer = Adam(AdamState(np.full_like(valley.bottom, 0.5)), Settings(clip="end"))
    loss, gradient = valley(optimizer.ask())
    assert "the loss was nan" in optimizer.tell(loss, gradient * np.nan)
    assert np.isfinite(optimizer.ask()).all()


def test_adam_goes_half_as_far_after_going_back(valley: Valley) -> None:
    """The first step after going back moves half as far as the first one did."""
    settings = Settings(average=0.0, clip="end")
    optimizer = Adam(AdamState(np.full_like(valley.bottom, 0.5)), settings)
    evaluate = broken(valley, {2})
    go(optimizer, evaluate, 2)
    before = optimizer.picture
    go(optimizer, evaluate, 1)
    assert np.median(np.abs(optimizer.picture - before)) == pytest.approx(settings.learning_rate / 2, rel=0.01)


def test_a_loss_that_explodes_is_broken(valley: Valley) -> None:
    """A thousand times the first loss counts as broken."""
    optimizer = Adam(AdamState(np.full_like(valley.bottom, 0.5)), Settings())
    notes = go(optimizer, broken(valley, {3}, factor=2e6), 6)
    assert [bool(note) for note in notes] == [False, False, True, False, False, False]


@pytest.mark.parametrize("epsilon", [0.0, 1e-50])
@pytest.mark.parametrize("slope", [0.0, 1e-25])
def test_pixels_without_a_gradient_stay(epsilon: float, slope: float, valley: Valley) -> None:
    """Where float32 rounds the square of a gradient and epsilon to zero, nothing is divided by it."""
    start = np.full_like(valley.bottom, 0.5)
    optimizer = Adam(AdamState(start), Settings(epsilon=epsilon, average=0.0, clip="end"))
    assert not any(optimizer.tell(1.0, np.full_like(start, slope)) for _ in range(3))
    assert np.abs(optimizer.picture - start).max() < 0.01


def test_a_small_loss_that_grows_is_not_broken(valley: Valley) -> None:
    """A picture that starts nearly at its optimum may have a thousand times its first loss after a step of Adam."""
    optimizer = Adam(AdamState((valley.bottom + 1e-6).astype(np.float32)), Settings(average=0.0, clip="end"))
    losses = []

    def shallow(pixels: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = valley(pixels)
        losses.append(loss / 100)
        return losses[-1], gradient / 100

    assert not any(go(optimizer, shallow, 8))
    assert max(losses) > 1e3 * losses[0] > 0


def test_the_fourth_broken_loss_ends_the_run(valley: Valley) -> None:
    """Adam goes back three times, over all scales, and then raises."""
    optimizer = Adam(AdamState(np.full_like(valley.bottom, 0.5), restarts=1), Settings())
    evaluate = broken(valley, {3, 5, 8})
    assert sum(map(bool, go(optimizer, evaluate, 7))) == 2
    with pytest.raises(FloatingPointError, match=r"the loss is nan .* going back has not helped: lower the"):
        go(optimizer, evaluate, 1)


def test_lbfgs_leaves_trial_steps_to_its_line_search(valley: Valley) -> None:
    """A trial step with a loss of NaN, or with a huge one, is shortened without a note."""
    for factor in (np.nan, 1e9):
        descent = LBFGS(LBFGSState(np.full_like(valley.bottom, 0.5)), Settings())
        notes = go(descent, broken(valley, {2, 3}, factor=factor), 40)
        assert not any(notes)
        assert valley(descent.picture)[0] < 1e-2 * valley(np.full_like(valley.bottom, 0.5))[0]


def test_lbfgs_ends_where_no_loss_is_a_number(valley: Valley) -> None:
    """Where the first loss is no number, there is nothing to go back to."""
    descent = LBFGS(LBFGSState(np.full_like(valley.bottom, 0.5)), Settings())
    with pytest.raises(FloatingPointError, match="the loss is nan from the first step on"):
        go(descent, broken(valley, {1}), 1)


def test_lbfgs_ends_where_no_gradient_is_a_number(valley: Valley) -> None:
    """A first gradient that is no number is said, and not taken for the end of the descent."""

    def evaluate(pixels: np.ndarray) -> tuple[float, np.ndarray]:
        return valley(pixels)[0], np.full_like(pixels, np.nan)

    descent = LBFGS(LBFGSState(np.full_like(valley.bottom, 0.5)), Settings())
    with pytest.raises(FloatingPointError, match="the gradient is no number at the first step"):
        go(descent, evaluate, 1)
