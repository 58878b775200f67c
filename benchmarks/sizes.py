"""Time and memory of a run by the size of its picture, beside what its plan says before.

Held equal: one scale of the default settings with random weights, each size in a process of its own, so that a peak is
its own; the plan is made in that process right before. Where a limit is given, the picture is computed in tiles.
Time is that of all steps with the targets and the trace before them. Memory is the peak of the process, all included.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.measure import Result, run_command

NEEDS = ("tensorflow",)
CASES = (
    (256, 192, 8, None),
    (512, 384, 4, None),
    (1024, 768, 3, None),
    (2048, 1536, 2, None),
    (1024, 768, 2, 1.5),
    (2048, 1536, 1, 2.0),
    (4096, 3072, 1, 3.8),
    (8000, 8000, 1, 15.0),
)
"""Width, height, steps, and the gigabytes that the run may take."""

NEAR = 0.25
LIMITS = {(4096, 3072): 4e9, (8000, 8000): 16e9}
"""Bytes that must suffice."""


def run() -> Iterator[Result]:
    """Run each case once."""
    for width, height, steps, limit in CASES:
        arguments = [str(each) for each in (width, height, steps, limit or 0)]
        found = json.loads(run_command([sys.executable, "-m", "benchmarks.sizes", *arguments]).splitlines()[-1])
        tiles = f" in tiles of {found['tile']}" if found["tile"] else ""
        what = f"{width} x {height}{tiles}, {found['precision']}, {steps} step{'s' if steps > 1 else ''}"
        taken, planned = found["seconds"], found["planned_seconds"]
        yield _near(Result(what, "its plan", taken, planned, "s", planned / taken))
        peak, planned = found["memory"], found["planned_memory"]
        yield _near(Result(f"{what}, memory", "its plan", peak, planned, "bytes", peak / planned))
        if limit := LIMITS.get((width, height)):
            yield Result(f"{what}, memory", "what must do", peak, limit, "bytes", peak / limit).below(1)


def measure(width: int, height: int, steps: int, limit: float | None) -> dict[str, Any]:
    """Run one case in this process, which must not have done anything else before."""
    from myvgg.command import keep_memory, muted, run_in_order

    keep_memory()
    run_in_order()
    with muted():
        from myvgg.nst import Settings, images, plan, stylize
        from myvgg.nst.network import fastest_precision
        from myvgg.params import random
        from myvgg.photographs import FOLDER, measured

    params = measured(random(include_top=False))
    content, style = (images.load(FOLDER / f"{name}.jpg") for name in ("chelsea", "waves"))
    content = images.resize(content, (width, height)).astype("uint8")
    settings = Settings(size=f"{width}x{height}", scales=1, iterations=steps, max_memory=limit)
    (planned,) = plan.plan(settings, plan.Sizes((width, height), [style.shape[1::-1]]), params).scales
    run = stylize(content, style, settings, params=params)
    start = time.perf_counter()
    for _ in run:
        pass
    return {
        "seconds": time.perf_counter() - start,
        "planned_seconds": planned.seconds,
        "memory": _peak(),
        "planned_memory": planned.memory,
        "tile": planned.tile,
        "precision": fastest_precision(),
    }


def _near(result: Result) -> Result:
    reached = 1 - NEAR <= result.ratio <= 1 + NEAR
    return replace(result, to_reach=f"within {NEAR:.0%} of it", reached=reached)


def _peak() -> int:
    """Return the most bytes that this process has had in memory; `getrusage` would begin with its parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    width, height, steps = map(int, sys.argv[1:4])
    print(json.dumps(measure(width, height, steps, float(sys.argv[4]) or None)))
