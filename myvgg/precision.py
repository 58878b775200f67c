"""The precision that convolutions compute in, and the one that this machine is fastest at."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Sequence
from typing import Literal

import tensorflow as tf

from myvgg import kernels

Precision = Literal["float32", "bfloat16", "float16"]
"""What convolutions compute in."""

FASTER = 1.3
"""Times that bfloat16 must be faster to be worth its rounding; where it is not computed as such, both are alike."""

BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})
"""Flags of processors that multiply in bfloat16, twice as fast and more."""

LIMIT = "ONEDNN_MAX_CPU_ISA"
"""Variable that keeps oneDNN from using what the processor has."""


@functools.cache
def fastest_precision() -> Precision:
    """Return the precision that this machine convolves fastest in.

    Where the processor's flags tell, they decide, so that the same machine always gives the same answer, busy or not.
    Elsewhere, as on a GPU, both precisions are measured in a fraction of a second.
    """
    if (known := _known_precision()) is not None:
        return known
    taken = convolution_times(("float32", "bfloat16"), side=48, channels=128, seconds=0.05)
    return "bfloat16" if taken["bfloat16"] * FASTER < taken["float32"] else "float32"


def _known_precision() -> Precision | None:
    """Return the precision that kernels and processor tell, or None where they do not."""
    flags, onednn = kernels.processor_flags(), kernels.has_onednn()
    if kernels.has_gpu() or onednn is None or not flags or LIMIT in os.environ:
        return None
    return "bfloat16" if onednn and flags & BFLOAT16 else "float32"


def convolution_times(precisions: Sequence[str], *, side: int, channels: int, seconds: float) -> dict[str, float]:
    """Time a 3 x 3 convolution of a square map, again and again: the shortest of each precision.

    Precisions take turns, so that what else the machine does disturbs them alike.

    Args:
        precisions: What to convolve in.
        side: Of the map, in pixels.
        channels: Of the map, and of what comes out.
        seconds: To go on for, with two turns at least. Now and then a core is missing for a tenth of a second: what
            must not be measured in such a time only needs longer.

    Returns:
        Seconds, by precision.
    """
    pairs = {
        precision: (tf.zeros([1, side, side, channels], precision), tf.zeros([3, 3, channels, channels], precision))
        for precision in precisions
    }

    def turn() -> dict[str, float]:
        return {precision: _seconds(*pair) for precision, pair in pairs.items()}

    turn()  # the first prepares
    end = time.perf_counter() + seconds
    turns = [turn(), turn()]
    while time.perf_counter() < end:
        turns.append(turn())
    return {precision: min(taken[precision] for taken in turns) for precision in precisions}


def _seconds(x: tf.Tensor, kernel: tf.Tensor) -> float:
    start = time.perf_counter()
    tf.nn.conv2d(x, kernel, 1, "SAME").numpy()
    return time.perf_counter() - start
