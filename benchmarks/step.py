"""One step of style transfer at 512 x 384, beside the tutorial's code, PyTorch, and the arithmetic alone.

Held equal: the objective of TensorFlow's tutorial (content at relu5_2, Gram matrices at relu1_1 to relu5_1, total
variation, Adam), the same random weights, the same pictures, one step with everything that belongs to it, traced
before. Ours computes convolutions in what `--precision auto` finds the fastest here; the tutorial knows float32 only.
The arithmetic alone is the multiply-adds of the convolutions, forward and back to the picture, over the rate that the
best of several convolutions of VGG19 reaches in the same precision in the same run.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks import rivals
from benchmarks.measure import Result, Task, compare
from myvgg.architecture import CONFIGURATION_E
from myvgg.cli.program import muted
from myvgg.params import Params, random
from myvgg.runtime.process import keep_memory

NEEDS = ("keras",)
HEIGHT, WIDTH = 384, 512
DEEPEST = "conv5_2"
ROUNDS = 7
TIMES_TUTORIAL = 2.1
OF_ARITHMETIC = 0.85
SHAPES = ((128, 128, 128), (64, 256, 256), (48, 512, 512), (24, 512, 512))
"""Side, inputs and outputs of the convolutions among which the fastest is sought."""


def run() -> Iterator[Result]:
    """Time steps in turns."""
    keep_memory()
    with muted():
        from myvgg.precision import fastest_precision

        params, precision = random(include_top=False), fastest_precision()
        rng = np.random.default_rng(0)
        content, style = (rng.uniform(0, 1, (HEIGHT, WIDTH, 3)).astype(np.float32) for _ in range(2))
        ours = our_step(params, content, style, precision)
    what = f"a step at {WIDTH} x {HEIGHT}, the tutorial's objective, {precision}"
    theirs = rivals.tutorial(params, content, style)
    yield compare(what, "the tutorial, Keras' VGG19", ours, theirs, rounds=ROUNDS).at_least(TIMES_TUTORIAL)
    yield compare(what, "its arithmetic alone", ours, arithmetic(precision), rounds=ROUNDS).at_least(OF_ARITHMETIC)
    for other in dict.fromkeys(["float32", precision]) if find_spec("torch") else ():
        torch = rivals.pytorch(params, content, style, precision=other)
        yield compare(what, f"PyTorch, channels last, {other}", ours, torch, rounds=ROUNDS).at_least(1.0)


def our_step(params: Params, content: np.ndarray, style: np.ndarray, precision: Any) -> Task:
    """Return what makes a step of a run with the tutorial's settings."""
    from dataclasses import replace

    from myvgg.nst import Settings, steps

    settings = replace(Settings.preset("tf-tutorial"), size=WIDTH, iterations=10**6, precision=precision)
    run = steps(content * 255, style * 255, settings, params=params)
    return lambda: next(run)


def arithmetic(precision: str) -> Task:
    """Return what makes the fastest convolution as often as a step has its multiply-adds."""
    import tensorflow as tf

    activations = CONFIGURATION_E.activations
    needed = itertools.takewhile(lambda layer: layer.name != "conv5_3", CONFIGURATION_E.convolutions)
    counts = [math.prod(conv.kernel_shape) / activations[conv.name].stride ** 2 for conv in needed]
    both_ways = 2 * sum(counts) * HEIGHT * WIDTH
    tasks = []
    for side, inputs, outputs in SHAPES:
        x, kernel = tf.zeros([1, side, side, inputs], precision), tf.zeros([3, 3, inputs, outputs], precision)
        one = 9 * inputs * outputs * side**2

        def convolve(x: Any = x, kernel: Any = kernel, times: int = round(both_ways / one)) -> Any:
            for _ in range(times):
                last = tf.nn.conv2d(x, kernel, 1, "SAME")
            return last.numpy()

        tasks.append(convolve)
    return min(tasks, key=_shortest)


def _shortest(task: Task) -> float:
    return compare("", "", task, task, rounds=2).ours
