"""The forward pass to relu5_1, beside Keras.

Held equal: the same random parameters, held in variables on both sides; the same preprocessed picture, 512 x 512,
batch of one, float32, with no preprocessing inside the clock; Keras' model ends at `block5_conv1`, so both compute the
same 13 convolutions and 4 pools; both outputs end as an array.
The outputs must be equal bit for bit before anything is timed.
A compiled function is timed beside `model.predict`, which compiles as well; eager calls beside `model(x)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from benchmarks import rivals
from benchmarks.measure import Result, Task, compare
from myvgg.cli.program import muted
from myvgg.params import LayerParams, random

NEEDS = ("keras",)
ROUNDS = 15
SIZE = 512
TIMES = 0.97
"""How many times as fast as Keras we mean to be: as fast, but for the noise of the machine."""


def run() -> Iterator[Result]:
    """Check that both compute the same and time them."""
    with muted():
        import tensorflow as tf  # it greets when it is imported

        from myvgg import features

    params = random(include_top=False)
    model = rivals.keras_model(params, ["block5_conv1"])
    layers = {name: LayerParams(*map(tf.Variable, layer)) for name, layer in params.layers.items()}
    picture = np.random.default_rng(0).uniform(-128, 128, (1, SIZE, SIZE, 3)).astype(np.float32)
    x = tf.constant(picture)

    def eager(x: Any) -> Any:
        return features(replace(params, layers=layers), x, ["relu5_1"])["relu5_1"]

    compiled = tf.function(eager, autograph=False)
    what = f"forward to relu5_1, {SIZE} x {SIZE}"
    contests: dict[str, tuple[Task, str, Task]] = {
        "compiled": (_array_of(compiled, x), "Keras, `model.predict`", partial(model.predict, picture, verbose=0)),
        "eager": (_array_of(eager, x), "Keras, `model(x)`", _array_of(model, x)),
    }
    _check_equal(*(task() for ours, _, theirs in contests.values() for task in (ours, theirs)))
    for how, (ours, rival, theirs) in contests.items():
        yield compare(f"{what}, {how}", rival, ours, theirs, rounds=ROUNDS).at_least(TIMES)


def _array_of(network: Callable[[Any], Any], x: Any) -> Task:
    return lambda: network(x).numpy()


def _check_equal(first: np.ndarray, *others: np.ndarray) -> None:
    assert first.any()
    assert all(np.array_equal(first, other) for other in others)
