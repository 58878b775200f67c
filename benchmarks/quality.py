"""Time to a picture that is good enough: the default settings beside `neural-style`'s 500 iterations.

Held equal: the trained weights that `myvgg.store` finds, six pairs of example pictures, 512 pixels on the longest side
for content and style, losses in float32; the clock runs from the pictures as arrays, with targets and traces.
Ours runs until its picture reaches a score of 0.6 (`myvgg.runs.metrics`, measured with the clock stopped). The rival's
500 iterations are timed by its steps: the median of some times 500, which leaves its targets and trace out.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks import rivals
from benchmarks.ablation import PAIRS
from benchmarks.measure import Result, compare
from myvgg import store
from myvgg.cli.program import muted
from myvgg.example_pictures import FOLDER
from myvgg.params import Params
from myvgg.runtime.process import keep_memory

NEEDS = ("keras",)
SIZE = 512
SCORE = 0.6
ITERATIONS = 500
RIVAL = f"neural-style, {ITERATIONS} iterations"
TIMED = 6
TIMES = 10
EVERY = 3
"""Steps between two looks at the score."""


def run() -> Iterator[Result]:
    """Time pair by pair, ours and the rival's in turns."""
    keep_memory()
    with muted():
        from myvgg.photographs import measured

        params = measured(store.load(include_top=False))
    results = []
    for content, style in PAIRS:
        ours, score = our_seconds(params, content, style)
        theirs = ITERATIONS * step_seconds(params, content, style)
        what = f"{content} with {style} at {SIZE}, score {score:.2f}"
        result = Result(what, RIVAL, ours, theirs, "s", theirs / ours)
        results.append(replace(result, reached=score >= SCORE))
        yield results[-1]
    ours, theirs, ratio = (
        statistics.mean(values) for values in zip(*((r.ours, r.theirs, r.ratio) for r in results), strict=True)
    )
    yield Result(f"score {SCORE}, mean of {len(PAIRS)} pairs", RIVAL, ours, theirs, "s", ratio).at_least(TIMES)


def our_seconds(params: Params, content: str, style: str) -> tuple[float, float]:
    """Return how long the default settings take until the score is reached, and the score there."""
    from myvgg.nst import Settings, steps
    from myvgg.runs.metrics import report

    pictures = load(content), load(style)
    run = steps(*pictures, Settings(size=SIZE, precision="float32"), params=params)
    seconds, score = 0.0, 0.0
    start = time.perf_counter()
    for step in run:
        if step.scale == step.scales and step.iteration % EVERY == 0:
            seconds += time.perf_counter() - start
            score = report(step.image, *pictures, params=params).score
            if score >= SCORE:
                break
            start = time.perf_counter()
    return seconds, score


def step_seconds(params: Params, content: str, style: str) -> float:
    """Return how long a step of the rival's takes."""
    advance = rivals.anishathalye(params, *(_small(name) for name in (content, style)))
    return compare("", "", advance, lambda: None, rounds=TIMED).ours


def load(name: str) -> np.ndarray:
    """Read an example picture."""
    from myvgg import images

    return images.load(FOLDER / f"{name}.jpg")


def _small(name: str) -> np.ndarray:
    from myvgg.images import resize

    return resize(load(name), SIZE) / 255
