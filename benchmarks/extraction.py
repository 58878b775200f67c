"""Features of many pictures, to relu5_1, beside Keras and PyTorch.

Held equal: the same random parameters, the same batch of 16 preprocessed pictures of 224 x 224, no preprocessing inside
the clock, outputs that end as an array. All three compute the same 13 convolutions and 4 pools.
In bfloat16, ours computes convolutions in half precision and gives float32; it is measured where that is fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks import rivals
from benchmarks.measure import Result, Task, compare
from myvgg.cli.program import muted
from myvgg.params import LayerParams, Params, random
from myvgg.runtime.process import keep_memory

NEEDS = ("keras",)
BATCH, SIZE = 16, 224
ROUNDS = 7
TIMES = {"float32": 0.97, "bfloat16": 1.9}
"""How many times as fast as Keras we mean to be: in float32 not slower, but for the noise of the machine."""


def run() -> Iterator[Result]:
    """Time batches in turns."""
    keep_memory()
    with muted():
        from myvgg.precision import fastest_precision

        params = random(include_top=False)
        precisions = dict.fromkeys(["float32", fastest_precision()])
    batch = np.random.default_rng(0).uniform(-128, 128, (BATCH, SIZE, SIZE, 3)).astype(np.float32)
    model = rivals.keras_model(params, ["block5_conv1"])
    keras = partial(model.predict, batch, batch_size=BATCH, verbose=0)
    for precision in precisions:
        what = f"features to relu5_1, {BATCH} x {SIZE} x {SIZE}, {precision}"
        ours = our_features(params, batch, precision)
        yield compare(what, "Keras, `model.predict`", ours, keras, rounds=ROUNDS).at_least(TIMES[precision])
        if find_spec("torch"):
            torch = rivals.pytorch_features(params, batch, precision=precision)
            result = compare(what, f"PyTorch, channels last, {precision}", ours, torch, rounds=ROUNDS)
            yield result.at_least(0.97) if precision == "float32" else result


def our_features(params: Params, batch: np.ndarray, precision: str) -> Task:
    """Return what computes the batch, compiled."""
    import tensorflow as tf

    from myvgg import features

    layers = {
        name: LayerParams(*(tf.cast(tf.constant(part), precision) for part in layer))
        for name, layer in params.layers.items()
    }

    def compute(x: Any) -> Any:
        return features(replace(params, layers=layers), x, ["relu5_1"])["relu5_1"]

    compiled = tf.function(compute, autograph=False)
    return lambda: compiled(tf.constant(batch)).numpy()
