"""The objective of a scale: loss and gradient of a picture, in smaller tiles where the memory runs out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from myvgg import kernels
from myvgg.nst.evaluation import Evaluate
from myvgg.nst.stages import Losses
from myvgg.nst.state import Pixels
from myvgg.runtime.process import arrive


class Objective:
    """Loss and gradient of a picture.

    Where the memory runs out, or comes near to its limit, the objective goes on in smaller tiles and notes it.

    Attributes:
        tile: Side of the present tiles, in pixels; None for the whole picture.
    """

    def __init__(
        self,
        bind: Callable[[int | None], Evaluate],
        *,
        tile: int | None,
        smaller: Callable[[int | None], int | None],
        is_short: Callable[[], bool] = lambda: False,
    ) -> None:
        """Make an objective; its targets are computed with the first call.

        Args:
            bind: Computes the targets, and returns the evaluation of a picture in tiles of a side.
            tile: Side of the first tiles.
            smaller: Returns the side of tiles of half as many pixels; None if tiles cannot be smaller.
            is_short: Tells whether the process has come near to its limit of memory.
        """
        self._bind, self._smaller, self._is_short = bind, smaller, is_short
        self._evaluate: Evaluate | None = None
        self._notes = list[str]()
        self.tile = tile

    def __call__(self, pixels: Pixels, step: int) -> tuple[Losses, np.ndarray]:
        """Evaluate a picture from 0 to 1.

        Args:
            pixels: The picture.
            step: Number of steps at this scale before.

        Returns:
            Its losses as numbers, and the gradient of their total, which is read-only where it is a view of a tensor.

        Raises:
            MemoryError: The memory does not suffice for the smallest tiles either.
        """
        while True:
            try:
                with kernels.without_tf32():
                    self._evaluate = self._evaluate or self._bind(self.tile)
                    arrive()
                    losses, gradient = self._evaluate(pixels, step)
            except (tf.errors.ResourceExhaustedError, MemoryError) as error:
                if not self._go_on_in_smaller_tiles("not enough memory"):
                    raise MemoryError("not enough memory for a picture of this size: lower the size") from error
                continue
            if self._is_short():
                self._go_on_in_smaller_tiles("little memory left")
            return Losses(*map(float, losses)), np.asarray(gradient)

    def notes(self) -> list[str]:
        """Return and clear the pending notes about memory."""
        notes, self._notes = self._notes, []
        return notes

    def _go_on_in_smaller_tiles(self, reason: str) -> bool:
        side = self._smaller(self.tile)
        if side is None:
            return False
        self._evaluate, self.tile = None, side  # the old targets are freed before the new ones are computed
        self._notes.append(f"{reason}: going on in tiles of {side} pixels")
        return True
