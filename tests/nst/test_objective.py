"""The objective: what it does where memory runs out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from myvgg.nst.evaluation import AnyPixels, Evaluate
from myvgg.nst.objective import Objective
from myvgg.nst.stages import Losses

PIXELS = np.zeros((1, 2, 2, 3), np.float32)


class Scarce:
    """A machine whose memory suffices for tiles of a side; a whole picture has a side of 1000."""

    def __init__(self, side: int) -> None:
        self.side, self.bound = side, list[int | None]()

    def __call__(self, tile: int | None) -> Evaluate:
        """Bind, and return an evaluation that fails where the memory does not suffice."""
        self.bound.append(tile)

        def evaluate(pixels: AnyPixels, _: int) -> tuple[Losses, np.ndarray]:
            if (tile or 1000) > self.side:
                raise tf.errors.ResourceExhaustedError(None, None, "OOM")
            return Losses(*map(tf.constant, (1.0, 2.0, 3.0, 6.0))), pixels + 1

        return evaluate


def half(tile: int | None) -> int | None:
    """Return half of a side, down to 100."""
    return smaller if (smaller := (tile or 1000) // 2) >= 100 else None


def test_losses_are_numbers() -> None:
    """An objective gives numbers and an array, and binds once."""
    machine = Scarce(1000)
    objective = Objective(machine, tile=None, smaller=half)
    for _ in range(3):
        losses, gradient = objective(PIXELS, 0)
    assert losses == Losses(1.0, 2.0, 3.0, 6.0)
    assert np.array_equal(gradient, PIXELS + 1)
    assert machine.bound == [None]
    assert objective.notes() == []


def test_goes_on_in_smaller_tiles() -> None:
    """Where the memory runs out, tiles are made smaller until it suffices, and each change is noted once."""
    machine = Scarce(300)
    objective = Objective(machine, tile=None, smaller=half)
    objective(PIXELS, 0)
    assert machine.bound == [None, 500, 250]
    assert objective.tile == 250
    assert objective.notes() == [
        "not enough memory: going on in tiles of 500 pixels",
        "not enough memory: going on in tiles of 250 pixels",
    ]
    assert objective.notes() == []


def test_gives_up_where_tiles_cannot_be_smaller() -> None:
    """Where the smallest tiles are too large, the error says what to do."""
    objective = Objective(Scarce(50), tile=400, smaller=half)
    with pytest.raises(MemoryError, match="not enough memory for a picture of this size: lower the size"):
        objective(PIXELS, 0)


def test_a_limit_that_comes_near_is_met_by_smaller_tiles() -> None:
    """A process that is short of memory after a step goes on in smaller tiles, where there are any, and says so."""
    machine, short = Scarce(1000), [False, True, False, True, True]
    objective = Objective(machine, tile=400, smaller=half, is_short=lambda: short.pop(0))
    notes = []
    for _ in range(5):
        objective(PIXELS, 0)
        notes += objective.notes()
    assert machine.bound == [400, 200, 100]
    assert notes == [f"little memory left: going on in tiles of {side} pixels" for side in (200, 100)]


@pytest.mark.parametrize("before", [True, False])
def test_statistics_have_all_bits(before: bool) -> None:
    """GPUs do not round to TF32 while targets and losses are computed, and do as the user says afterwards."""
    seen: list[bool] = []

    def bind(_: int | None) -> Any:
        seen.append(tf.config.experimental.tensor_float_32_execution_enabled())
        return evaluate

    def evaluate(pixels: np.ndarray, _: int) -> Any:
        seen.append(tf.config.experimental.tensor_float_32_execution_enabled())
        return Losses(1.0, 1.0, 1.0, 1.0), pixels

    usual = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(before)
    try:
        Objective(bind, tile=None, smaller=lambda _: None)(np.zeros((1, 8, 8, 3), np.float32), 0)
        assert tf.config.experimental.tensor_float_32_execution_enabled() == before
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(usual)
    assert seen == [False, False]
