"""What moves the picture: Adam, and SciPy's L-BFGS, behind one small protocol.

Pictures are tensors (1, height, width, 3) from 0 to 1 here.
An objective takes one and returns its losses; their `total` is what is minimised.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol, runtime_checkable

import numpy as np
import tensorflow as tf

from myvgg.nst.evaluation import Evaluate
from myvgg.nst.settings import Settings

State = dict[str, Any]
"""Arrays and tensors by name, none of which changes later: variables that are read are copied before they change."""

_MOVING = ("image", "mean", "square", "average")
"""What Adam moves with every step."""

EDGE = 0.002
"""How near to the ends of their range pixels begin for L-BFGS, half a level of 255: at an end they would not move."""

FIRST = 0.05
"""Root mean square of the first step of L-BFGS, in angles; SciPy's own, of length one, would hardly move a picture."""

LEG = 100
"""Evaluations after which L-BFGS starts afresh: SciPy keeps its history to itself, and a run must be resumable."""


@runtime_checkable
class Optimizer(Protocol):
    """Something that improves a picture step by step."""

    def step(self) -> dict[str, float]:
        """Move once; return the losses of the picture before, their total NaN where no picture came out."""

    @property
    def picture(self) -> tf.Tensor:
        """What one would keep if it ended here."""

    @property
    def done(self) -> bool:
        """Whether there is nothing left to improve."""

    def state(self) -> State:
        """Return what a new optimiser needs to go on from here, `steps` among it."""

    def restart(self) -> None:
        """Go back to the picture with the lowest loss, forget the rest, and go on more carefully."""

    def close(self) -> None:
        """Let go of what is held."""


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
        zero = np.zeros(state["image"].shape, np.float32)
        self._moving = {name: tf.Variable(state.get(name, zero), trainable=False) for name in _MOVING}
        self._counts = {name: int(state.get(name, 0)) for name in ("steps", "moves", "averaged")}
        self._best, self._lowest = tf.constant(state.get("best", state["image"])), float(state.get("lowest", np.inf))
        self._move = tf.function(self._moved, autograph=False)

    def step(self) -> dict[str, float]:
        """Evaluate, and go a step along the averaged gradient."""
        before = self._moving["image"].read_value()  # no copy: where this is still held, the move makes a new buffer
        losses, gradient = self._evaluate(before)
        found = {name: float(loss) for name, loss in losses.items()}
        if found["total"] < self._lowest:
            self._best, self._lowest = before, found["total"]
        del before
        self._counts = {name: count + 1 for name, count in self._counts.items()}
        is_finite = self._move(gradient, tf.constant(self._rate), tf.constant(float(self._counts["moves"])))
        return found if is_finite else found | {"total": np.nan}

    @property
    def picture(self) -> tf.Tensor:
        """The average of the pictures of this scale, or the last where nothing is averaged."""
        decay = self._settings.average
        if not decay or not self._counts["averaged"]:
            return self._moving["image"].read_value()
        return self._moving["average"] / (1 - decay ** self._counts["averaged"])

    def state(self) -> State:
        """Return the picture, the moments and the average."""
        numbers = {**self._counts, "rate": self._rate, "lowest": self._lowest}
        arrays = {name: each.read_value() for name, each in self._moving.items()} | {"best": self._best}
        return {**arrays, **{name: np.array(number) for name, number in numbers.items()}}

    def restart(self) -> None:
        """Go back, with half the step, without moments and with a new average."""
        self._rate /= 2
        zero = tf.zeros_like(self._best)
        for name, each in self._moving.items():
            each.assign(self._best if name == "image" else zero)
        self._counts |= {"moves": 0, "averaged": 0}

    def close(self) -> None:
        """Do nothing."""

    def _moved(self, gradient: tf.Tensor, rate: tf.Tensor, moves: tf.Tensor) -> tf.Tensor:
        """Move in place, in one call of the graph, which an interruption does not cut in two."""
        s, moving = self._settings, self._moving
        image, average = moving["image"], moving["average"]
        tf.raw_ops.ResourceApplyAdam(
            var=image.handle,
            m=moving["mean"].handle,
            v=moving["square"].handle,
            beta1_power=s.beta1**moves,
            beta2_power=s.beta2**moves,
            lr=rate,
            beta1=s.beta1,
            beta2=s.beta2,
            epsilon=s.epsilon,
            grad=gradient,
        )
        if s.clip == "step":
            image.assign(tf.clip_by_value(image, 0, 1))
        if s.average:
            average.assign_add((1 - s.average) * (image - average))
        return tf.reduce_all(tf.math.is_finite(image))


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
    """SciPy's L-BFGS, in legs; it keeps the best picture that it has seen.

    Pixels stay within their range as (1 + sin z) / 2, where z is what moves. That takes a tenth fewer evaluations than
    the bounds of L-BFGS-B, whose steps end where the first pixel meets its bound.

    Reference:
        Liu and Nocedal (1989), "On the Limited Memory BFGS Method for Large Scale Optimization", algorithm 2.1.
    """

    def __init__(self, evaluate: Evaluate, state: State, settings: Settings) -> None:
        """Start from a state: a picture `image` alone, or what `state` returned."""
        self._evaluate = evaluate
        self._settings = settings
        self._start = {"steps": np.array(0), "best": state["image"], "lowest": np.array(np.inf)} | {
            name: state[name] for name in ("image", "steps", "best", "lowest") if name in state
        }
        self._steps, self._best, self._lowest = self._counters(self._start)
        self._leg: _Leg | None = None
        self.done = False

    def step(self) -> dict[str, float]:
        """Evaluate the picture that SciPy asks for."""
        if self._leg is None:
            self._leg = _Leg(self._start["image"], self._settings)
        asked = tf.constant(self._leg.asked.reshape(self._start["image"].shape), tf.float32)
        losses, gradient = self._evaluate(asked)
        found = {name: float(loss) for name, loss in losses.items()}
        self._steps += 1
        if found["total"] < self._lowest:
            self._best, self._lowest = asked, found["total"]
        self._leg.tell(found["total"], np.asarray(gradient, np.float64).ravel())
        if self._leg.finished:
            self._next_leg()
        return found

    @property
    def picture(self) -> tf.Tensor:
        """The picture with the lowest loss at this scale."""
        return self._best

    def state(self) -> State:
        """Return where the present leg began: what came after is computed again."""
        return dict(self._start)

    def restart(self) -> None:
        """Begin a leg at the best picture."""
        self._begin()
        self.done = False

    def close(self) -> None:
        """End SciPy's thread."""
        if self._leg is not None:
            self._leg.close()
        self._leg = None

    def _next_leg(self) -> None:
        """Go on from the best picture, unless a whole leg has not improved it: then the state stays at its begin."""
        self.done = self._lowest >= float(self._start["lowest"])
        if not self.done:
            self._begin()

    def _begin(self) -> None:
        self.close()
        best = self._best.numpy()
        self._start = {"image": best, "best": best, "lowest": np.array(self._lowest), "steps": np.array(self._steps)}

    @staticmethod
    def _counters(state: State) -> tuple[int, tf.Tensor, float]:
        return int(state["steps"]), tf.constant(state["best"]), float(state["lowest"])


class _Leg:
    """One call of SciPy's minimiser in a thread of its own, which waits while it is not asked.

    Attributes:
        asked: The point whose loss and gradient SciPy wants.
        finished: Whether it wants nothing any more.
    """

    def __init__(self, start: np.ndarray, settings: Settings) -> None:
        self._questions: SimpleQueue[np.ndarray | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[float, np.ndarray] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._minimize, args=(start, settings), daemon=True)
        self._thread.start()
        self._receive()

    def tell(self, loss: float, gradient: np.ndarray) -> None:
        """Answer, and wait for the next question."""
        self._answers.put((loss, gradient))
        self._receive()

    def close(self) -> None:
        """End the thread."""
        if not self.finished:
            self._answers.put(None)
        self._thread.join()

    def _receive(self) -> None:
        question = self._questions.get()
        self.finished = question is None
        if question is not None:
            self.asked = question

    def _minimize(self, start: np.ndarray, settings: Settings) -> None:
        from scipy.optimize import minimize

        x = np.asarray(start, np.float64).ravel()
        is_bound, unit = settings.clip == "step", FIRST * math.sqrt(x.size)
        question = self._question_of_angles if is_bound else self._question

        def scaled(z: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient = question(unit * z)
            return loss, unit * gradient

        try:
            minimize(
                scaled,
                (np.arcsin(2 * np.clip(x, EDGE, 1 - EDGE) - 1) if is_bound else x) / unit,
                jac=True,
                method="L-BFGS-B",
                options={"maxcor": settings.history, "maxfun": LEG - 1, "maxiter": LEG, "ftol": 0, "gtol": 0},
            )
        except _Closed:
            return
        finally:
            self._questions.put(None)

    def _question_of_angles(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = self._question((1 + np.sin(z)) / 2)
        return loss, gradient * np.cos(z) / 2

    def _question(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self._questions.put(x.copy())
        if (answer := self._answers.get()) is None:
            raise _Closed
        return answer


class _Closed(Exception):  # noqa: N818, no error
    """Nobody wants SciPy's answer any more."""


OPTIMIZERS: dict[str, Any] = {"adam": Adam, "lbfgs": LBFGS}
"""What `optimizer` names."""
