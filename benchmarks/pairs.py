"""Pictures with the bundled weights beside pictures with a file of 32 bits: scores, and the difference of pixels.

The file is the one that `MYVGG_TEST_WEIGHTS` names. Held equal: the six pairs of examples of the ablation, the default
settings, the seed, and the network that measures the score, which is that of the file.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.ablation import PAIRS
from benchmarks.measure import Result
from benchmarks.quality import load
from myvgg import store
from myvgg.cli.program import muted
from myvgg.runtime.process import keep_memory, run_in_order

NEEDS = ("tensorflow",)
SIZE = 512
NEAR = 0.5
"""Points of the score, in per cent, by which the mean may differ."""


def run() -> Iterator[Result]:
    """Make each picture twice; nothing is measured where there is no file to compare with."""
    if not (reference := os.environ.get("MYVGG_TEST_WEIGHTS")):
        return
    keep_memory()
    run_in_order()
    with muted():
        from myvgg.nst import Settings, steps
        from myvgg.photographs import measured
        from myvgg.runs.metrics import report

    exact = measured(store.load(reference, include_top=False))
    rounded = store.load("bundled")
    scores: list[tuple[float, float]] = []
    for content, style in PAIRS:
        pictures, made = (load(content), load(style)), []
        for params in (rounded, exact):
            *_, last = steps(*pictures, Settings(size=SIZE), params=params)
            made.append(last.image)
        ours, theirs = (100 * report(image, *pictures, params=exact).score for image in made)
        scores.append((ours, theirs))
        difference = float(np.abs(made[0] - made[1]).mean())
        what = f"score of {content} with {style} at {SIZE}, pixels differ by {difference:.1f} of 255 on average"
        yield Result(what, "exact kernels", ours, theirs, "%", ours / theirs)
    ours, theirs = (statistics.mean(side) for side in zip(*scores, strict=True))
    mean = Result(f"score, mean of {len(PAIRS)} pairs", "exact kernels", ours, theirs, "%", ours / theirs)
    yield replace(mean, to_reach=f"within {NEAR} points", reached=abs(ours - theirs) <= NEAR)
