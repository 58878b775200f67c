"""The optimisers: they ask for the loss and gradient of a picture, are told both, and move the picture.

Pictures and all of their size are NumPy's, and TensorFlow sees tiles of them: TensorFlow's pool leaves gaps between
tensors of that size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable
from weakref import ref

import numpy as np

from myvgg.nst.lbfgs import Answer, Pair, Place, Point, lbfgs
from myvgg.nst.settings import Settings
from myvgg.nst.state import AdamState, LBFGSState, Pixels

EXPLODED = 1e3
"""Ratio of a loss to the first loss of its scale from which on Adam goes back to the best picture."""

LEAST_EPSILON = 1e-22
"""Smallest number that Adam adds to its denominator. Squares of smaller gradients are 0 in float32, and so would be the
denominator with an epsilon of 0."""

MAX_RESTARTS = 3
"""Number of times that Adam goes back in a run."""

STRIP = 2**16
"""Numbers that Adam moves at once, so few that they stay in the processor's cache."""

EDGE = 0.002
"""Distance of the first pixels of L-BFGS from the ends of their range, half a level of 255: at an end they would not
move."""

FIRST = 0.05
"""Root mean square of the first step of L-BFGS, in angles, when nothing is known of the curvature yet."""


@runtime_checkable
class Optimizer(Protocol):
    """An optimiser of a picture at one scale, which is asked and told by turns."""

    @property
    def steps(self) -> int:
        """Number of steps at this scale."""

    @property
    def picture(self) -> Pixels:
        """The result if the run ended now; its array is never changed."""

    def ask(self) -> Pixels | None:
        """Return the picture whose loss is wanted; None when the picture cannot be improved."""

    def tell(self, loss: float, gradient: np.ndarray) -> str:
        """Move by the loss and the gradient of the picture that was asked for, whose array may be written over.

        Returns:
            A note of what was done against a broken loss, otherwise empty.

        Raises:
            FloatingPointError: The loss is broken, and going back has not helped.
        """

    def state(self) -> Any:
        """Return the present state, which is never changed."""


class Adam:
    """Adam with bias correction, an average of its pictures, and a guard against losses that explode.

    Reference:
        Kingma and Ba (2015), "Adam: A Method for Stochastic Optimization", algorithm 1, and section 7.2 on averaging.
    """

    def __init__(self, state: AdamState, settings: Settings) -> None:
        """Start from a state: of a picture alone, from `enlarged`, or from `state`."""
        self._settings = settings
        self._rate = settings.learning_rate if state.rate is None else state.rate
        given = {"image": state.image, "mean": state.mean, "square": state.square, "average": state.average}
        self._moving = {
            name: np.zeros_like(state.image) if array is None else np.array(array, np.float32)
            for name, array in given.items()
        }
        self._counts = {"steps": state.steps, "moves": state.moves, "averaged": state.averaged}
        self._best = np.asarray(state.image if state.best is None else state.best, np.float16)
        self._lowest, self._first, self._restarts = state.lowest, state.first, state.restarts
        self._handed = "average" if settings.average else "image"
        self._lent: Callable[[], AdamState | None] = lambda: None

    @property
    def steps(self) -> int:
        """Number of steps at this scale."""
        return self._counts["steps"]

    @property
    def picture(self) -> Pixels:
        """The average of the pictures of this scale, or the last picture where nothing is averaged."""
        return self._moving[self._handed] if self._counts["averaged"] else self._moving["image"].copy()

    def ask(self) -> Pixels:
        """Return the present picture."""
        return self._moving["image"]

    def tell(self, loss: float, gradient: np.ndarray) -> str:
        """Go a step along the averaged gradient, or back to the best picture where the loss has exploded."""
        if not (math.isfinite(loss) or math.isfinite(self._lowest)):
            raise FloatingPointError(
                f"the loss of the first picture is {loss:g}: the weights of the losses are too large"
            )
        self._first = loss if math.isnan(self._first) else self._first
        if loss < self._lowest:
            # Half precision rounds by at most a sixteenth of a level of 255.
            self._best, self._lowest = self._moving["image"].astype(np.float16), loss
        self._counts = {name: count + 1 for name, count in self._counts.items()}
        self._move(gradient)
        loss = loss if np.isfinite(self._moving["image"]).all() else math.nan
        return self._go_back(loss) if self._is_broken(loss) else ""

    def state(self) -> AdamState:
        """Return the present state; while somebody holds it, the next step leaves its arrays alone."""
        numbers = {"lowest": self._lowest, "first": self._first, "rate": self._rate, "restarts": self._restarts}
        state = AdamState(**self._moving, best=self._best, **self._counts, **numbers)  # type: ignore[arg-type]
        self._lent = ref(state)
        return state

    def _is_broken(self, loss: float) -> bool:
        """Tell whether a loss has exploded: it is no number, or far above the first loss of its scale.

        A picture that starts near its optimum has a tiny first loss. So a loss up to the sum of the weights, about that
        of an unchanged content, never counts as exploded.
        """
        s = self._settings
        usual = s.content_weight + s.style_weight * s.style_strength + s.tv_weight
        return not math.isfinite(loss) or (self._first > 0 and loss > max(EXPLODED * self._first, usual))

    def _go_back(self, loss: float) -> str:
        """Go back to the best picture, with half the learning rate, without moments and with a new average."""
        if self._restarts == MAX_RESTARTS:
            raise FloatingPointError(
                f"the loss is {loss:g} after {self.steps} steps at this scale, and going back has not helped: lower "
                "the learning rate, or the weights do not suit these pictures"
            )
        self._restarts += 1
        self._rate /= 2
        best = self._best.astype(np.float32)
        self._moving = {name: best if name == "image" else np.zeros_like(best) for name in self._moving}
        self._counts |= {"moves": 0, "averaged": 0}
        return f"the loss was {loss:g}: back to the best picture of this scale with half the learning rate"

    def _move(self, gradient: np.ndarray) -> None:
        """Move in place, strip by strip, but for the picture that is handed out, which takes the gradient's memory.

        With its `share` of the new picture, the average is that of section 7.2 with its bias taken out.
        """
        if self._lent() is not None:
            self._moving = {name: array.copy() for name, array in self._moving.items()}
        s, before, moves = self._settings, self._moving, self._counts["moves"]
        rate = self._rate * math.sqrt(1 - s.beta2**moves) / (1 - s.beta1**moves)
        share = (1 - s.average) / (1 - s.average ** self._counts["averaged"])
        epsilon = max(s.epsilon, LEAST_EPSILON)
        after = {**before, self._handed: gradient if gradient.flags.writeable else np.empty_like(gradient)}
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, gradient.size, STRIP):
                part = slice(start, start + STRIP)
                slope = gradient.reshape(-1)[part]
                image, mean, square, average = (before[name].reshape(-1)[part] for name in before)
                mean += (1 - s.beta1) * (slope - mean)
                square += (1 - s.beta2) * (slope * slope - square)
                moved = image - rate * mean / (np.sqrt(square) + epsilon)
                if s.clip == "step":
                    np.clip(moved, 0, 1, out=moved)
                after["image"].reshape(-1)[part] = moved
                if s.average:
                    after["average"].reshape(-1)[part] = average + share * (moved - average)
        self._moving = after


class LBFGS:
    """L-BFGS; its result is the best picture that it has seen.

    Pixels stay within their range as (1 + sin z) / 2, where z is what moves. That takes a tenth fewer evaluations than
    the bounds of L-BFGS-B, whose steps end where the first pixel meets its bound.

    Reference:
        Liu and Nocedal (1989), "On the Limited Memory BFGS Method for Large Scale Optimization", algorithm 2.1.
    """

    def __init__(self, state: LBFGSState, settings: Settings) -> None:
        """Start from a state: of a picture alone, or from `state`."""
        self._shape, self._is_bound = state.image.shape, settings.clip == "step"
        self._best, self._lowest = np.array(state.image, np.float32), state.lowest
        self._steps = self._since = state.steps
        begin = self._point_of(state.image) if state.point is None else _place_of(state)
        self._descent = lbfgs(begin, history=settings.history, first=FIRST)
        self._place: Place | None = None
        self._point: Point | None = None
        self._go_on(None)

    @property
    def steps(self) -> int:
        """Number of steps at this scale."""
        return self._steps

    @property
    def picture(self) -> Pixels:
        """The picture with the lowest loss at this scale."""
        return self._best

    def ask(self) -> Pixels | None:
        """Return the picture of the point that the line search tries."""
        if self._point is None:
            return None
        values = (1 + np.sin(self._point)) / 2 if self._is_bound else self._point
        self._asked = values.reshape(self._shape)
        return self._asked

    def tell(self, loss: float, gradient: np.ndarray) -> str:
        """Learn the loss of the picture; trial steps of any loss are left to the line search."""
        assert self._point is not None
        self._steps += 1
        if loss < self._lowest:
            self._best, self._lowest = self._asked, loss
        slopes = gradient.ravel()
        self._go_on((loss, slopes * np.cos(self._point) / 2 if self._is_bound else slopes))
        if self._point is None and not math.isfinite(self._lowest):
            raise FloatingPointError(
                f"the loss is {loss:g} from the first step on: the weights do not suit these pictures"
            )
        if self._point is None and self._place is None and not np.isfinite(gradient).all():
            raise FloatingPointError("the gradient is no number at the first step: the weights do not suit it")
        return ""

    def state(self) -> LBFGSState:
        """Return the state at the beginning of the present line search."""
        state = LBFGSState(self._best, self._lowest, self._since)
        if self._place is None:
            return state
        pairs = np.array(self._place.pairs, np.float32).reshape(-1, 2, self._place.point.size)
        place = self._place
        return replace(state, point=place.point, loss=place.loss, gradient=place.gradient, pairs=pairs)

    def _point_of(self, image: np.ndarray) -> Point:
        values = np.asarray(image, np.float32).ravel()
        return np.arcsin(2 * np.clip(values, EDGE, 1 - EDGE) - 1) if self._is_bound else values

    def _go_on(self, answer: Answer | None) -> None:
        """Learn the next point; where a line search begins, note the number of steps before it."""
        try:
            self._point, place = self._descent.send(answer)  # type: ignore[arg-type]  # None begins
        except StopIteration:
            self._point = None
            return
        if place is not self._place:
            self._place, self._since = place, self._steps


def enlarged(
    state: AdamState | LBFGSState, image: Pixels, resample: Callable[[np.ndarray], np.ndarray]
) -> AdamState | LBFGSState:
    """Return the state in which the next scale begins.

    L-BFGS begins anew. Adam keeps its moments: gradients of means shrink as the number of pixels grows.

    Args:
        state: The last one of a scale.
        image: Its picture at the next scale's size.
        resample: Brings maps (height, width, channels) to that size.
    """
    if isinstance(state, LBFGSState):
        return LBFGSState(image)
    assert state.mean is not None
    assert state.square is not None
    mean, square = (resample(np.asarray(moment)[0])[np.newaxis] for moment in (state.mean, state.square))
    shrinkage = np.float32(math.prod(state.mean.shape) / mean.size)
    return AdamState(
        image,
        mean=mean * shrinkage,
        square=np.maximum(square, 0) * shrinkage**2,
        moves=state.moves,
        rate=state.rate,
        restarts=state.restarts,
    )


def _place_of(state: LBFGSState) -> Place:
    assert state.point is not None
    assert state.gradient is not None
    pairs = () if state.pairs is None else tuple(Pair(*pair) for pair in state.pairs)
    return Place(state.point, state.loss, state.gradient, pairs)


OPTIMIZERS: dict[str, tuple[Any, Any]] = {"adam": (Adam, AdamState), "lbfgs": (LBFGS, LBFGSState)}
"""The optimisers that `optimizer` names, each with its state."""
