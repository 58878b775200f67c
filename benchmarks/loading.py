"""From a weights file to arrays and to a network, beside Keras.

Held equal: the same 20,024,384 values in both files (read back and compared before the clock starts), no classifier, a
warm file cache, one process, TensorFlow imported before; nothing is kept from one round to the next.
Not equal, and so told apart: `converters.load` ends in checked arrays where `model.load_weights` fills a model that was
built before; `VGG19.load` and `keras.applications.VGG19` both end in a network that is ready to be called.
The third row is the hardest: our whole way to a network, beside filling Keras' ready-made one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.measure import Result, compare
from myvgg import converters
from myvgg.cli.program import muted
from myvgg.params import Params, random

NEEDS = ("keras",)
ROUNDS = 15
TIMES = 5.0
"""How many times as fast as Keras we mean to be."""


def run() -> Iterator[Result]:
    """Write random parameters in both formats and load them."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "vgg19.safetensors"), Path(folder, "vgg19.h5")
        params = random(include_top=False)
        converters.save(params, ours)
        converters.save(params, theirs)
        yield from _compare(ours, theirs, params)


def _compare(ours: Path, theirs: Path, params: Params) -> Iterator[Result]:
    with muted():
        import keras

        from myvgg import VGG19

    built = keras.applications.VGG19(include_top=False, weights=None)
    built.load_weights(theirs)
    _check_equal(params, converters.load(ours), [variable.numpy() for variable in built.weights])

    def construct() -> object:
        return keras.applications.VGG19(include_top=False, weights=str(theirs))

    def fill() -> None:
        built.load_weights(theirs)

    def arrays() -> object:
        return converters.load(ours)

    def network() -> object:
        return VGG19.load(ours)

    filling, constructing = "Keras, `load_weights` into a built model", "Keras, `VGG19(weights=...)`"
    yield compare("load a file to arrays", filling, arrays, fill, rounds=ROUNDS).at_least(TIMES)
    yield compare("load a file to a network", constructing, network, construct, rounds=ROUNDS).at_least(TIMES)
    yield compare("load a file to a network", filling, network, fill, rounds=ROUNDS)


def _check_equal(params: Params, loaded: Params, theirs: list[np.ndarray]) -> None:
    expected = [array for layer in params.layers.values() for array in layer]
    ours = [array for layer in loaded.layers.values() for array in layer]
    for written, read, filled in zip(expected, ours, theirs, strict=True):
        assert np.array_equal(written, read)
        assert np.array_equal(written, filled)
