"""L-BFGS as a generator: it asks for the loss and the gradient of points, and whoever answers decides when.

SciPy's and PyTorch's implementations call the function themselves, and do not hand out their state. Here, a run can
stop and go on between any two evaluations.

Reference:
    Nocedal and Wright (2006), "Numerical Optimization", chapters 3 and 7.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Point = Float[np.ndarray, " n"]
Answer = tuple[float, Point]
"""A loss and its gradient."""

DECREASE, FLATNESS = 1e-3, 0.9
"""The two constants of Wolfe's strong conditions for a line search; SciPy has the same."""

TRIALS = 12
"""Trial steps of a line search, before it gives up."""

WIDEST = 4.0
"""Ratio of a trial step to the one before, while the loss still falls steeply."""

MARGIN = 0.1
"""Part of an interval, at each end, in which no trial is made."""


class Pair(NamedTuple):
    """A step and the change of the gradient along it, which tell the curvature."""

    step: Point
    change: Point


class Place(NamedTuple):
    """The state of a descent: a point with its loss and gradient, and the last pairs."""

    point: Point
    loss: float
    gradient: Point
    pairs: tuple[Pair, ...] = ()


class _End(NamedTuple):
    """The loss and its slope at one length along a line."""

    length: float
    loss: float
    slope: float


def lbfgs(begin: Point | Place, *, history: int, first: float) -> Generator[tuple[Point, Place | None], Answer, None]:
    """Descend; ends where no step along the gradient makes the loss lower.

    Args:
        begin: A point, or where an earlier descent had come to.
        history: Pairs that are remembered.
        first: Root mean square of a step about which nothing is known yet.

    Yields:
        The point whose loss and gradient shall be sent, and the last place, from where the descent can be taken up.

    Reference:
        Algorithm 7.5.
    """
    place = begin if isinstance(begin, Place) else Place(begin, *(yield begin, None))
    while True:
        direction, length = _direction(place), 1.0
        if not place.pairs:
            length = first * math.sqrt(direction.size) / (float(np.linalg.norm(direction)) or 1.0)
        found = yield from _search(place, direction, length)
        if found is not None:
            step, change = found.point - place.point, found.gradient - place.gradient
            pairs = (*place.pairs, Pair(step, change)) if step @ change > 0 else place.pairs
            place = found._replace(pairs=pairs[-history:])
        elif place.pairs:
            place = place._replace(pairs=())
        else:
            return


def _direction(place: Place) -> Point:
    """Return minus the gradient by the inverse Hessian that the pairs stand for (algorithm 7.4, equation 7.20)."""
    direction, shares = -place.gradient, []
    for step, change in reversed(place.pairs):
        shares.append((step @ direction) / (step @ change))
        direction -= shares[-1] * change
    if place.pairs:
        step, change = place.pairs[-1]
        direction *= (step @ change) / (change @ change)
    for (step, change), share in zip(place.pairs, reversed(shares), strict=True):
        direction += (share - (change @ direction) / (step @ change)) * step
    return direction


def _search(
    place: Place, direction: Point, length: float
) -> Generator[tuple[Point, Place | None], Answer, Place | None]:
    """Find a place along a direction that meets Wolfe's conditions, or is at least lower (algorithms 3.5 and 3.6)."""
    start = _End(0.0, place.loss, float(place.gradient @ direction))
    if not start.slope < 0:
        return None
    low, high, lowest = start, None, None
    for _ in range(TRIALS):
        point = place.point + np.asarray(length, direction.dtype) * direction
        loss, gradient = yield point, place
        slope = float(gradient @ direction)
        here = _End(length, loss if math.isfinite(slope) else math.inf, slope)
        if not (here.loss <= start.loss + DECREASE * length * start.slope and here.loss < low.loss):
            high = here
        else:
            lowest = Place(point, loss, gradient)
            if abs(here.slope) <= -FLATNESS * start.slope:
                break
            if here.slope * (1 if high is None else high.length - low.length) > 0:
                high = low
            low = here
        length = WIDEST * length if high is None else _between(low, high)
    return lowest


def _between(low: _End, high: _End) -> float:
    """Return the length where a cubic through both ends is lowest, not too near to either (equation 3.59)."""
    width, share = high.length - low.length, MARGIN
    if math.isfinite(high.loss):
        bend = low.slope + high.slope - 3 * (high.loss - low.loss) / width
        root = math.copysign(math.sqrt(max(0.0, bend**2 - low.slope * high.slope)), width)
        share = 1 - (high.slope + root - bend) / ((high.slope - low.slope + 2 * root) or math.inf)
    return low.length + width * min(max(share, MARGIN), 1 - MARGIN)
