"""The state of a run: one frozen record from which it goes on with equal results.

All arrays in a state are as they were when it was taken: nothing changes them afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float16, Float32

Pixels = Float32[np.ndarray, "1 height width 3"]
"""A picture from 0 to 1, or an array of its shape."""


@dataclass(frozen=True, eq=False)
class AdamState:
    """The state of Adam.

    Attributes:
        image: The picture whose loss is wanted next.
        mean: Running mean of the gradient.
        square: Running mean of the squared gradient.
        average: Running mean of the pictures of this scale.
        best: The picture with the lowest loss at this scale.
        lowest: Its loss.
        first: The loss of the first picture at this scale; NaN before it is known.
        rate: The learning rate.
        steps: Steps at this scale.
        moves: Steps that are in `mean` and `square`.
        averaged: Pictures that are in `average`.
        restarts: How often the run went back to its best picture, at all scales.
    """

    image: Pixels
    mean: Pixels | None = None
    square: Pixels | None = None
    average: Pixels | None = None
    best: Float16[np.ndarray, "1 height width 3"] | None = None
    lowest: float = float("inf")
    first: float = float("nan")
    rate: float | None = None
    steps: int = 0
    moves: int = 0
    averaged: int = 0
    restarts: int = 0


@dataclass(frozen=True, eq=False)
class LBFGSState:
    """The state of L-BFGS at the beginning of a line search, whose steps are made again.

    Attributes:
        image: The picture with the lowest loss at this scale.
        lowest: Its loss.
        steps: Steps at this scale before the line search.
        point: The unknowns, one for each value of the picture; None before the first step.
        loss: The loss there.
        gradient: The gradient there.
        pairs: Steps with their changes of the gradient, (pairs, 2, values).
    """

    image: Pixels
    lowest: float = float("inf")
    steps: int = 0
    point: Float32[np.ndarray, " values"] | None = None
    loss: float = float("inf")
    gradient: Float32[np.ndarray, " values"] | None = None
    pairs: Float32[np.ndarray, "pairs 2 values"] | None = None


@dataclass(frozen=True, eq=False)
class State:
    """The state of a run.

    Attributes:
        optimizer: The state of the optimiser at the present scale.
        scale: Index of the scale, from 0.
        before: Steps at earlier scales.
        tile: Side of the tiles in pixels; None for the whole picture.
        begin: The result of the scale before in the size of this one: its places looked for their matches, and above
            a draft, details are added to it. None at the first scale, and where nothing is matched and no draft made.
    """

    optimizer: AdamState | LBFGSState
    scale: int = 0
    before: int = 0
    tile: int | None = None
    begin: Pixels | None = None

    def __repr__(self) -> str:
        return f"State({type(self.optimizer).__name__}, scale {self.scale + 1}, step {self.steps})"

    @property
    def steps(self) -> int:
        """Steps at all scales."""
        return self.before + self.optimizer.steps
