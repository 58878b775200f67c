"""Time and memory of a run by the size of its picture, beside what its plan says before.

Settings are the default with random weights, and once `--preset print`. Each size has a process of its own, so that a
peak is its own; the plan is made in that process right before. One step at one scale is made, but for the first case
and for the print, which are whole runs. Where a limit is given, the picture is computed in tiles. Time is that of all
steps with the targets and traces before them. Memory is the peak of the process, all included. Some cases are run again
without oneDNN, with the kernels that TensorFlow has on a processor without AVX512_VNNI, AVX512_BF16 and AMX.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from benchmarks.measure import Result, peak, run_command

NEEDS = ("tensorflow",)
WHOLE_RUN = (512, 384, 0)
CASES = (
    WHOLE_RUN,
    (128, 96, 0),
    (256, 192, 0),
    (512, 384, 0),
    (1024, 768, 0),
    (2048, 1536, 0),
    (1024, 768, 1.5),
    (2048, 1536, 2.0),
    (4096, 3072, 3.6),
    (8000, 8000, 15.0),
)
"""Width, height, and the gigabytes that the run may take, or 0 for what it takes by itself."""

PRINT = (2048, 1536, 4.2)
"""A whole run of `--preset print`, from its draft to the details of the last scale, which is in tiles."""

WITHOUT_ONEDNN = ((512, 384, 0), (1024, 768, 0), (2048, 1536, 0), (1024, 768, 1.5), (4096, 3072, 3.6))
"""Cases that are run again with TensorFlow's other kernels."""

NEAR = 0.25
LIMITS = {(4096, 3072): 4e9, (8000, 8000): 16e9}
"""Bytes that must suffice."""


def run() -> Iterator[Result]:
    """Run each case once."""
    for index, (width, height, limit) in enumerate(CASES):
        yield from _results(width, height, limit, steps=1 if index else 0)
    yield from _results(*PRINT, steps=0, preset="print")
    for width, height, limit in WITHOUT_ONEDNN:
        yield from _results(width, height, limit, steps=1, kernels={"TF_ENABLE_ONEDNN_OPTS": "0"})


def _results(
    width: int,
    height: int,
    limit: float,
    *,
    steps: int,
    preset: str = "default",
    kernels: Mapping[str, str] | None = None,
) -> Iterator[Result]:
    arguments = [str(each) for each in (width, height, steps, limit, preset)]
    command = [sys.executable, "-m", "benchmarks.sizes", *arguments]
    found = json.loads(run_command(command, variables=kernels).splitlines()[-1])
    tiles = f" in tiles of {found['tile']}" if found["tile"] else ""
    other = ", without oneDNN" if kernels else ""
    whole = "a whole run" if preset == "default" else f"a whole run of {preset}"
    what = f"{'one step' if steps else whole} at {width} x {height}{tiles}, {found['precision']}{other}"
    taken, planned = found["seconds"], found["planned_seconds"]
    pixels = width * height if steps and not kernels else 0  # a point of the curve
    yield _near(Result(what, "its plan", taken, planned, "s", planned / taken, pixels=pixels))
    peak, planned = found["memory"], found["planned_memory"]
    yield _near(Result(f"{what}, memory", "its plan", peak, planned, "bytes", peak / planned, pixels=pixels))
    if must := LIMITS.get((width, height)):
        yield Result(f"{what}, memory", "what must do", peak, must, "bytes", peak / must).below(1)


def measure(
    width: int, height: int, count: int, limit: float | None, preset: str = "default", precision: str = "auto"
) -> dict[str, Any]:
    """Run one case in this process, which must not have done anything else before.

    Args:
        width: In pixels.
        height: In pixels.
        count: Steps at one scale; 0 for a whole run.
        limit: Gigabytes.
        preset: Name of the settings.
        precision: Of the convolutions.
    """
    from myvgg.cli.program import muted
    from myvgg.runtime.process import keep_memory, run_in_order

    keep_memory()
    run_in_order()
    with muted():
        from myvgg import images
        from myvgg.example_pictures import FOLDER
        from myvgg.nst import Settings, plan, steps
        from myvgg.params import random
        from myvgg.photographs import measured
        from myvgg.precision import fastest_precision

    params = measured(random(include_top=False))
    content, style = (images.load(FOLDER / f"{name}.jpg") for name in ("chelsea", "waves"))
    content = images.resize(content, (width, height)).astype("uint8")
    settings = Settings.preset(preset, size=f"{width}x{height}", max_memory=limit, precision=precision)
    settings = replace(settings, scales=1, iterations=count) if count else settings
    planned = plan.plan(settings, plan.Sizes((width, height), [style.shape[1::-1]]), params)
    run = steps(content, style, settings, params=params)
    start = time.perf_counter()
    for _ in run:
        pass
    return {
        "seconds": time.perf_counter() - start,
        "planned_seconds": planned.seconds,
        "memory": peak(),
        "planned_memory": planned.memory,
        "tile": planned.scales[-1].tile,
        "precision": fastest_precision() if precision == "auto" else precision,
    }


def _near(result: Result) -> Result:
    reached = 1 - NEAR <= result.ratio <= 1 + NEAR
    return replace(result, to_reach=f"within {NEAR:.0%} of it", reached=reached)


if __name__ == "__main__":
    width, height, count = map(int, sys.argv[1:4])
    print(json.dumps(measure(width, height, count, float(sys.argv[4]) or None, *sys.argv[5:])))
