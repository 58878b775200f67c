"""A step of style transfer without oneDNN: gradients of convolutions as convolutions, beside TensorFlow's own.

Held equal: the default settings in float32, random weights, 768 x 576 pixels, TensorFlow's kernels for a processor
without AVX512_VNNI, AVX512_BF16 and AMX. Each case runs in a process of its own, in turns, so that a peak is its own.
Time is the median of some steps; memory is the peak of the process, all included.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator
from itertools import pairwise

from benchmarks.measure import Result, peak, run_command

NEEDS = ("tensorflow",)
WIDTH, HEIGHT = 768, 576
STEPS = 5
ROUNDS = 2
WITHOUT_ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "0"}


def run() -> Iterator[Result]:
    """Run both cases in turns, and compare the medians."""
    found: dict[str, list[dict[str, float]]] = {"lean": [], "plain": []}
    for _ in range(ROUNDS):
        for case, results in found.items():
            command = [sys.executable, "-m", "benchmarks.gradient", case]
            results.append(json.loads(run_command(command, variables=WITHOUT_ONEDNN).splitlines()[-1]))
    what, rival = f"a step at {WIDTH} x {HEIGHT} without oneDNN, float32", "TensorFlow's own gradient"
    ours, theirs = (statistics.median(each["seconds"] for each in found[case]) for case in ("lean", "plain"))
    yield Result(what, rival, ours, theirs, "s", theirs / ours)
    ours, theirs = (statistics.median(each["memory"] for each in found[case]) for case in ("lean", "plain"))
    yield Result(f"{what}, memory", rival, ours, theirs, "bytes", ours / theirs)


def measure(case: str) -> dict[str, float]:
    """Time some steps in this process, which must not have done anything else before."""
    from myvgg.cli.program import muted
    from myvgg.runtime.process import keep_memory, run_in_order

    keep_memory()
    run_in_order()
    with muted():
        from myvgg import images, kernels
        from myvgg.example_pictures import FOLDER
        from myvgg.nst import Settings, steps
        from myvgg.params import random
        from myvgg.photographs import measured
    if case == "plain":
        kernels.has_onednn = lambda: True
    content, style = (images.load(FOLDER / f"{name}.jpg") for name in ("chelsea", "waves"))
    content = images.resize(content, (WIDTH, HEIGHT))
    settings = Settings(size=f"{WIDTH}x{HEIGHT}", scales=1, iterations=STEPS + 1, precision="float32")
    run = steps(content, style, settings, params=measured(random(include_top=False)))
    times = [time.perf_counter() for _ in run]
    return {"seconds": statistics.median(b - a for a, b in pairwise(times)), "memory": peak()}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
