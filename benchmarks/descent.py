"""Time to a loss: from coarse to fine by L-BFGS, beside 400 steps of Adam, in pixforgeon's own objective.

Held equal: the objective of the preset `pixforgeon` at 512 pixels, all in float32, the weights `myvgg.store` finds, one
pair of example pictures, operations one after the other, the clock from the pictures as arrays, with targets and
traces. The rival is pixforgeon's program: TensorFlow's tutorial with weights of its own. Its 400 steps are run, and the
loss that they reach, measured by our own evaluation, is what ours must reach: 20 steps at 128 pixels, 20 at 256, then
at 512 until the loss is there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks import rivals
from benchmarks.measure import Result
from benchmarks.quality import load
from myvgg.cli.program import muted
from myvgg.params import Params
from myvgg.runtime.process import keep_memory, run_in_order

NEEDS = ("keras",)
PAIR = ("chelsea", "waves")
ITERATIONS = 400
COARSE = (128, 256)
COARSE_STEPS = 20
AT_MOST = 120
TIMES = 10
LEARNING_RATE = 0.01


def run() -> Iterator[Result]:
    """Run the rival to its end, then ours until it is there."""
    keep_memory()
    run_in_order()
    with muted():
        from myvgg import store
        from myvgg.nst import Settings

        params = store.load(include_top=False)
    settings = Settings.preset("pixforgeon")
    content, style = map(load, PAIR)
    theirs, loss = adam_seconds(params, content, style)
    ours, steps = our_seconds(params, content, style, loss)
    what = f"{' with '.join(PAIR)} at {settings.size}, {steps} evaluations there, float32"
    yield Result(what, f"pixforgeon, {ITERATIONS} iterations", ours, theirs, "s", theirs / ours).at_least(TIMES)


def adam_seconds(params: Params, content: np.ndarray, style: np.ndarray) -> tuple[float, float]:
    """Return how long the rival's steps take, and the loss that they end at."""
    from myvgg.images import resize
    from myvgg.nst import Settings, steps

    settings = Settings.preset("pixforgeon")
    small = [np.asarray(resize(each, 512, method="bilinear") / 255, np.float32) for each in (content, style)]
    start = time.perf_counter()
    advance = rivals.tutorial(
        params, *small, weights=(settings.style_weight, settings.content_weight, settings.tv_weight), rate=LEARNING_RATE
    )
    for _ in range(ITERATIONS):
        picture = advance()
    seconds = time.perf_counter() - start
    look = replace(settings, iterations=1, init="given")
    (step,) = steps(content, style, look, params=params, first=picture * 255)
    return seconds, step.losses.total


def our_seconds(params: Params, content: np.ndarray, style: np.ndarray, loss: float) -> tuple[float, int]:
    """Return how long it takes to a loss, and how many evaluations of the largest scale that is."""
    from myvgg.nst import Settings, steps

    settings = replace(Settings.preset("pixforgeon"), optimizer="lbfgs")
    start, picture = time.perf_counter(), None
    for size in COARSE:
        init = "content" if picture is None else "given"
        coarse = replace(settings, size=size, style_size=size, iterations=COARSE_STEPS, init=init)
        for step in steps(content, style, coarse, params=params, first=picture):
            picture = step.image
    fine = replace(settings, iterations=AT_MOST, init="given")
    for step in steps(content, style, fine, params=params, first=picture):
        if step.losses.total <= loss:
            return time.perf_counter() - start, step.iteration
    raise RuntimeError(f"the loss of {loss:g} was not reached in {AT_MOST} evaluations, but {step.losses.total:g}")
