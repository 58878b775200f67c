"""A whole picture of the default settings beside steps of the tutorial's objective at the full size.

Held equal: the trained weights that `myvgg.store` finds, the pictures, 512 pixels on the longest side, the precision.
Both are runs of this package; the tutorial's objective is `--preset tf-tutorial`, whose steps are timed one by one, and
the median counts. The picture's time has all of its steps, targets and traces.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

from benchmarks.measure import Result
from benchmarks.quality import load
from myvgg import store
from myvgg.cli.program import muted
from myvgg.runtime.process import keep_memory, run_in_order

NEEDS = ("tensorflow",)
SIZE = 512
STEPS = 20
"""Steps of the tutorial's objective whose time a picture shall take at most, in float32."""

TIMED = 7
WITHIN = 25
"""Seconds that a picture shall take at most, in bfloat16."""


def run() -> Iterator[Result]:
    """Make a picture and some steps in each precision."""
    keep_memory()
    run_in_order()
    with muted():
        from myvgg.nst import Settings, steps
        from myvgg.photographs import measured

        params = measured(store.load(include_top=False))
    pictures = load("chelsea"), load("waves")
    precisions: tuple[Any, ...] = ("float32", "bfloat16")
    for precision in precisions:
        tutorial = Settings.preset("tf-tutorial", size=SIZE, precision=precision)
        ticks = [time.perf_counter() for _ in islice(steps(*pictures, tutorial, params=params), TIMED)]
        step = statistics.median(after - before for before, after in pairwise(ticks))
        start = time.perf_counter()
        for _ in steps(*pictures, Settings(size=SIZE, precision=precision), params=params):
            pass
        ours = time.perf_counter() - start
        rival = f"{STEPS} steps of the tutorial's objective"
        result = Result(f"a picture at {SIZE}, {precision}", rival, ours, STEPS * step, "s", STEPS * step / ours)
        yield result.at_least(1) if precision == "float32" else result.within(WITHIN)
