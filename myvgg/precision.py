"""The precision of convolutions, and the fastest one on this machine."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Sequence
from typing import Literal

import tensorflow as tf

from myvgg import kernels

Precision = Literal["float32", "bfloat16", "float16"]
"""Type of the numbers in convolutions."""

MIN_SPEEDUP = 1.3
"""Smallest speed-up for which bfloat16 is worth its rounding; without instructions for it there is no speed-up."""

BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""Instruction sets that multiply in bfloat16, at least twice as fast as in float32."""

ISA_LIMIT = "ONEDNN_MAX_CPU_ISA"
"""Environment variable that forbids oneDNN some of the processor's instruction sets."""


@functools.cache
def fastest_precision() -> Precision:
    """Return the fastest precision of convolutions on this machine.

    Where the processor's instruction sets are known, they decide; so the answer does not depend on the load of the
    machine. Elsewhere, as on a GPU, both precisions are measured in a fraction of a second.
    """
    if (known := _known_precision()) is not None:
        return known
    taken = convolution_times(("float32", "bfloat16"), side=48, channels=128, seconds=0.05)
    return "bfloat16" if taken["bfloat16"] * MIN_SPEEDUP < taken["float32"] else "float32"


def _known_precision() -> Precision | None:
    """Return the precision that follows from kernels and processor; None if they are not known."""
    flags, onednn = kernels.processor_flags(), kernels.has_onednn()
    if kernels.has_gpu() or onednn is None or not flags or ISA_LIMIT in os.environ:
        return None
    return "bfloat16" if onednn and flags & BFLOAT16_FLAGS else "float32"


def convolution_times(precisions: Sequence[str], *, side: int, channels: int, seconds: float) -> dict[str, float]:
    """Measure the shortest time of a 3 x 3 convolution in each precision.

    Precisions take turns, so other work on the machine slows all of them.

    Args:
        precisions: The precisions.
        side: Height and width of the map in pixels.
        channels: Number of inputs and of outputs.
        seconds: Time to go on, with two turns at least. Longer times are more reliable, since a core may be busy with
            other work for a tenth of a second.

    Returns:
        Seconds by precision.
    """
    pairs = {
        precision: (tf.zeros([1, side, side, channels], precision), tf.zeros([3, 3, channels, channels], precision))
        for precision in precisions
    }

    def turn() -> dict[str, float]:
        return {precision: _seconds(*pair) for precision, pair in pairs.items()}

    turn()  # the first turn includes preparations
    end = time.perf_counter() + seconds
    turns = [turn(), turn()]
    while time.perf_counter() < end:
        turns.append(turn())
    return {precision: min(taken[precision] for taken in turns) for precision in precisions}


def _seconds(x: tf.Tensor, kernel: tf.Tensor) -> float:
    start = time.perf_counter()
    tf.nn.conv2d(x, kernel, 1, "SAME")[0, 0, 0, 0].numpy()  # waits for the result without a copy of it
    return time.perf_counter() - start
