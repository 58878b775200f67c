"""L-BFGS as a generator, beside SciPy's and beside dense matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice, pairwise

import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der

from myvgg.nst.lbfgs import DECREASE, FLATNESS, Answer, Pair, Place, Point, lbfgs

Function = Callable[[Point], Answer]


def rosenbrock(point: Point) -> Answer:
    """Evaluate the curved valley that minimisers are tried on."""
    return float(rosen(point)), rosen_der(point)


def bowl(point: Point) -> Answer:
    """Evaluate a quadratic whose bends go from 1 to 10^4."""
    bends = np.geomspace(1, 1e4, point.size)
    return float(bends @ point**2) / 2, bends * point


def quartic(point: Point) -> Answer:
    """Evaluate a bowl that is flat at its bottom and steep outside."""
    return float((point**4).sum()), 4 * point**3


def wall(point: Point) -> Answer:
    """Evaluate a slope whose loss is no number beyond 1."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float((-np.log(1 - point) - 2 * point).sum()), 1 / (1 - point) - 2


def answers(
    function: Function, begin: Point | Place, *, history: int = 10, first: float = 0.05
) -> Iterator[tuple[Point, float, Place | None]]:
    """Yield the points that are asked for, their losses, and the places from where; a thousand at most."""
    descent = lbfgs(begin, history=history, first=first)
    with suppress(StopIteration):
        point, place = descent.send(None)  # type: ignore[arg-type]  # begins
        for _ in range(1000):
            answer = function(point)
            yield point, answer[0], place
            point, place = descent.send(answer)


def start_of(size: int) -> Point:
    """Return a point to begin from."""
    return np.random.default_rng(size).uniform(-0.9, 0.9, size)


@pytest.mark.slow
@pytest.mark.parametrize("function", [rosenbrock, bowl, quartic])
@pytest.mark.parametrize("size", [2, 40])
def test_it_takes_about_as_many_evaluations_as_scipys(function: Function, size: int) -> None:
    """With the same first step, of length one, ours is at a hundredth of the loss after half as many again."""
    start = start_of(size)
    losses: list[float] = []

    def noted(point: Point) -> Answer:
        answer = function(point)
        losses.append(answer[0])
        return answer

    minimize(noted, start, jac=True, method="L-BFGS-B", options={"maxcor": 10, "ftol": 0, "gtol": 0})
    aim = losses[0] / 100
    needed = next(index for index, loss in enumerate(losses, 1) if loss <= aim)
    ours = islice(answers(function, start, first=size**-0.5), needed * 3 // 2 + 2)
    assert min(loss for _, loss, _ in ours) <= aim


@pytest.mark.parametrize(("function", "bottom"), [(rosenbrock, 1.0), (bowl, 0.0), (wall, 0.5)])
def test_it_ends_at_the_bottom(function: Function, bottom: float) -> None:
    """Where nothing is lower any more it ends by itself; what is no number on the way is stepped back from."""
    seen = list(answers(function, start_of(6)))
    assert len(seen) < 1000
    assert np.allclose(min(seen, key=lambda each: each[1])[0], bottom, atol=1e-5)


def test_a_slope_that_is_no_number_is_stepped_back_from() -> None:
    """A first step into a place whose gradient overflows is taken back, though the loss there is a number."""

    def cliff(point: Point) -> Answer:
        return float(np.square(point - 0.5).sum()), np.where(np.abs(point) > 1, np.nan, 2 * (point - 0.5))

    seen = list(answers(cliff, start_of(6), first=2.0))
    assert any(np.abs(point).max() > 1 for point, _, _ in seen)
    assert np.allclose(min(seen, key=lambda each: each[1])[0], 0.5, atol=1e-5)


def test_a_bottom_is_the_end() -> None:
    """From where the gradient is zero there is nowhere to go."""
    descent = lbfgs(np.zeros(3), history=10, first=0.05)
    descent.send(None)  # type: ignore[arg-type]  # begins
    with pytest.raises(StopIteration):
        descent.send((0.0, np.zeros(3)))


@pytest.mark.parametrize("function", [rosenbrock, bowl, quartic, wall])
@pytest.mark.parametrize("first", [1e-4, 0.05, 20.0])
def test_steps_meet_wolfes_conditions(function: Function, first: float) -> None:
    """From place to place the loss falls and the slope flattens as they demand, however bad the first length is."""
    found = [place for _, _, place in islice(answers(function, start_of(8), history=5, first=first), 60) if place]
    places = [place for index, place in enumerate(found) if index == 0 or place.loss < found[index - 1].loss][:20]
    assert len(places) > 5
    for before, after in pairwise(places):
        step = after.point - before.point
        slope = before.gradient @ step
        assert after.loss <= before.loss + DECREASE * slope
        assert abs(after.gradient @ step) <= -FLATNESS * slope


def test_a_first_step_far_beyond_the_bottom_is_taken_back() -> None:
    """From near the minimum of x^2 + x^6, a first step to a loss that is 10^11 times as large still ends lower."""

    def steep(point: Point) -> Answer:
        return float((point**2 + point**6).sum()), 2 * point + 6 * point**5

    found = [loss for _, loss, _ in answers(steep, np.full(1, 7e-5), first=3.0)]
    assert found[0] == pytest.approx(4.9e-9)
    assert found[1] > 1e11 * found[0]
    assert min(found) < 1e-3 * found[0]
    assert len(found) < 100


def test_the_first_step_has_its_length() -> None:
    """Along the gradient, with the root mean square that was asked for."""
    (start, _, _), (point, _, _) = islice(answers(bowl, start_of(50), first=0.03), 2)
    step, gradient = point - start, bowl(start)[1]
    assert np.sqrt((step**2).mean()) == pytest.approx(0.03)
    assert step @ gradient == pytest.approx(-np.linalg.norm(step) * np.linalg.norm(gradient))


@pytest.mark.parametrize("count", [1, 3, 7])
def test_directions_are_those_of_the_dense_matrix(count: int) -> None:
    """The direction is minus the gradient by the inverse Hessian, updated pair by pair as a matrix."""
    rng, size = np.random.default_rng(count), 12
    root = rng.normal(size=(size, size))
    hessian = root @ root.T + np.eye(size)
    steps = rng.normal(size=(count, size))
    pairs = tuple(Pair(step, hessian @ step) for step in steps)
    place = Place(rng.normal(size=size), 1.0, rng.normal(size=size), pairs)
    inverse = np.eye(size) * (steps[-1] @ pairs[-1].change) / (pairs[-1].change @ pairs[-1].change)
    for step, change in pairs:
        left = np.eye(size) - np.outer(step, change) / (step @ change)
        inverse = left @ inverse @ left.T + np.outer(step, step) / (step @ change)
    point, _, _ = next(answers(bowl, place))
    assert np.allclose(point, place.point - inverse @ place.gradient, rtol=1e-10)


@pytest.mark.parametrize("history", [1, 4])
def test_it_is_taken_up_between_any_two_places(history: int) -> None:
    """A descent that begins at a place of another goes through the same points."""
    asked = list(islice(answers(rosenbrock, start_of(9), history=history), 30))
    places = [place for _, _, place in asked]
    assert {len(place.pairs) for place in places if place} == set(range(history + 1))
    for place in (places[index] for index in (1, 6, 12, 21)):
        assert place is not None
        begin = next(index for index, other in enumerate(places) if other is place)
        again = islice(answers(rosenbrock, place, history=history), 30 - begin)
        for (point, _, _), (expected, _, _) in zip(again, asked[begin:], strict=True):
            assert np.array_equal(point, expected)
