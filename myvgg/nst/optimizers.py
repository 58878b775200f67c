"""What moves the picture: Adam and L-BFGS, behind one small protocol.

Pictures are arrays (1, height, width, 3) from 0 to 1 here: what is as large as a picture is NumPy's, which takes no
more memory than it must, and TensorFlow sees tiles of it.
An objective takes one and returns its losses; their `total` is what is minimised.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from myvgg.interrupts import uninterrupted
from myvgg.nst.evaluation import Evaluate, Pixels
from myvgg.nst.lbfgs import Answer, Pair, Place, Point, lbfgs
from myvgg.nst.settings import Settings

State = dict[str, Any]
"""Arrays by name; some change with the next step."""

STRIP = 2**16
"""Numbers that Adam moves at once, so few that they stay in the processor's cache."""

EDGE = 0.002
"""How near to the ends of their range pixels begin for L-BFGS, half a level of 255: at an end they would not move."""

FIRST = 0.05
"""Root mean square of the first step of L-BFGS, in angles, when nothing is known of the curvature yet."""


@runtime_checkable
class Optimizer(Protocol):
    """Something that improves a picture step by step."""

    def step(self) -> dict[str, float]:
        """Move once; return the losses of the picture before, their total NaN where no picture came out."""

    @property
    def picture(self) -> Pixels:
        """What one would keep if it ended here; it stays as it is."""

    @property
    def done(self) -> bool:
        """Whether there is nothing left to improve."""

    def state(self) -> State:
        """Return what a new optimiser needs to go on from here, `steps` among it."""

    def restart(self) -> None:
        """Go back to where the loss was low, and go on more carefully."""


class Adam:
    """Adam with bias correction, and an average of its pictures.

    Reference:
        Kingma and Ba (2015), "Adam: A Method for Stochastic Optimization", algorithm 1, and section 7.2 on averaging.
    """

    done = False

    def __init__(self, evaluate: Evaluate, state: State, settings: Settings) -> None:
        """Start from a state: a picture `image` alone, or what `state` or `enlarged` returned."""
        self._evaluate, self._settings = evaluate, settings
        self._rate = float(state.get("rate", settings.learning_rate))
        shape = state["image"].shape
        self._moving = {
            name: np.array(state[name], np.float32) if name in state else np.zeros(shape, np.float32)
            for name in ("image", "mean", "square", "average")
        }
        self._counts = {name: int(state.get(name, 0)) for name in ("steps", "moves", "averaged")}
        self._best = np.asarray(state.get("best", state["image"]), np.float16)  # to a twentieth of a level of 255
        self._lowest = float(state.get("lowest", np.inf))
        self._handed = "average" if settings.average else "image"

    def step(self) -> dict[str, float]:
        """Evaluate, and go a step along the averaged gradient."""
        losses, gradient = self._evaluate(self._moving["image"])
        found = {name: float(loss) for name, loss in losses.items()}
        with uninterrupted():
            if found["total"] < self._lowest:
                self._best, self._lowest = self._moving["image"].astype(np.float16), found["total"]
            self._counts = {name: count + 1 for name, count in self._counts.items()}
            self._move(np.asarray(gradient))
        return found if np.isfinite(self._moving["image"]).all() else found | {"total": np.nan}

    @property
    def picture(self) -> Pixels:
        """The average of the pictures of this scale, or the last where nothing is averaged."""
        return self._moving[self._handed] if self._counts["averaged"] else self._moving["image"].copy()

    def state(self) -> State:
        """Return the picture, the moments and the average."""
        numbers = {**self._counts, "rate": self._rate, "lowest": self._lowest}
        return {**self._moving, "best": self._best, **{name: np.array(number) for name, number in numbers.items()}}

    def restart(self) -> None:
        """Go back, with half the step, without moments and with a new average."""
        self._rate /= 2
        best = self._best.astype(np.float32)
        self._moving = {name: best if name == "image" else np.zeros_like(best) for name in self._moving}
        self._counts |= {"moves": 0, "averaged": 0}

    def _move(self, gradient: np.ndarray) -> None:
        """Move in place, strip by strip, but for what is handed out: its next picture takes the gradient's memory.

        With its `share` of the new picture, the average is that of section 7.2 with its bias taken out.
        """
        s, before, moves = self._settings, self._moving, self._counts["moves"]
        rate = self._rate * math.sqrt(1 - s.beta2**moves) / (1 - s.beta1**moves)
        share = (1 - s.average) / (1 - s.average ** self._counts["averaged"])
        after = {**before, self._handed: gradient if gradient.flags.writeable else np.empty_like(gradient)}
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, gradient.size, STRIP):
                part = slice(start, start + STRIP)
                slope = gradient.reshape(-1)[part]
                image, mean, square, average = (before[name].reshape(-1)[part] for name in before)
                mean += (1 - s.beta1) * (slope - mean)
                square += (1 - s.beta2) * (slope * slope - square)
                moved = image - rate * mean / (np.sqrt(square) + s.epsilon)
                if s.clip == "step":
                    np.clip(moved, 0, 1, out=moved)
                after["image"].reshape(-1)[part] = moved
                if s.average:
                    after["average"].reshape(-1)[part] = average + share * (moved - average)
        self._moving = after


def enlarged(state: State, resize: Callable[[np.ndarray], np.ndarray]) -> State:
    """Carry Adam's moments to a larger picture: gradients of means shrink as the number of pixels grows."""
    if "mean" not in state:
        return {}
    mean, square = (resize(np.asarray(state[name])[0])[np.newaxis] for name in ("mean", "square"))
    shrinkage = np.float32(math.prod(state["mean"].shape) / mean.size)
    return {
        "mean": mean * shrinkage,
        "square": np.maximum(square, 0) * shrinkage**2,
        **{name: state[name] for name in ("moves", "rate")},
    }


class LBFGS:
    """L-BFGS; it keeps the best picture that it has seen.

    Pixels stay within their range as (1 + sin z) / 2, where z is what moves. That takes a tenth fewer evaluations than
    the bounds of L-BFGS-B, whose steps end where the first pixel meets its bound.

    Reference:
        Liu and Nocedal (1989), "On the Limited Memory BFGS Method for Large Scale Optimization", algorithm 2.1.
    """

    def __init__(self, evaluate: Evaluate, state: State, settings: Settings) -> None:
        """Start from a state: a picture `image` alone, or what `state` returned."""
        self._evaluate, self._settings = evaluate, settings
        self._shape, self._is_bound = state["image"].shape, settings.clip == "step"
        self._best, self._lowest = np.array(state["image"], np.float32), float(state.get("lowest", np.inf))
        self._steps = int(state.get("steps", 0))
        begin = _loaded(state) if "point" in state else self._point_of(state["image"])
        self._descent = lbfgs(begin, history=settings.history, first=FIRST)
        self._place: Place | None = None
        self._since, self.done = self._steps, False
        self._go_on(None)

    def step(self) -> dict[str, float]:
        """Evaluate the picture that is asked for."""
        values = (1 + np.sin(self._point)) / 2 if self._is_bound else self._point
        asked = values.reshape(self._shape)
        losses, slopes = self._evaluate(asked)
        found = {name: float(loss) for name, loss in losses.items()}
        self._steps += 1
        if found["total"] < self._lowest:
            self._best, self._lowest = asked, found["total"]
        gradient = np.asarray(slopes).ravel()
        self._go_on((found["total"], gradient * np.cos(self._point) / 2 if self._is_bound else gradient))
        return found

    @property
    def picture(self) -> Pixels:
        """The picture with the lowest loss at this scale."""
        return self._best

    def state(self) -> State:
        """Return where the present line search began: its steps are made again."""
        found = {"image": self._best, "lowest": np.array(self._lowest), "steps": np.array(self._since)}
        return found if self._place is None else found | _saved(self._place)

    def restart(self) -> None:
        """Do nothing: a line search goes back by itself, and takes a shorter step."""

    def _point_of(self, image: np.ndarray) -> Point:
        values = np.asarray(image, np.float32).ravel()
        return np.arcsin(2 * np.clip(values, EDGE, 1 - EDGE) - 1) if self._is_bound else values

    def _go_on(self, answer: Answer | None) -> None:
        """Learn the next point; where a line search begins, note the number of steps before it."""
        try:
            self._point, place = self._descent.send(answer)  # type: ignore[arg-type]  # None begins
        except StopIteration:
            self.done = True
            return
        if place is not self._place:
            self._place, self._since = place, self._steps


def _saved(place: Place) -> State:
    """Make arrays of a place; its pairs become one of shape (pairs, 2, values)."""
    pairs = np.array(place.pairs, np.float32).reshape(-1, 2, place.point.size)
    return {**place._asdict(), "loss": np.array(place.loss), "pairs": pairs}


def _loaded(state: State) -> Place:
    return Place(
        state["point"],
        float(state["loss"]),
        state["gradient"],
        tuple(Pair(*pair) for pair in state["pairs"]),
    )


OPTIMIZERS: dict[str, Any] = {"adam": Adam, "lbfgs": LBFGS}
"""What `optimizer` names."""
