"""Responses of a network's tensors to photographs: their root mean squares.

Style transfer divides features by these numbers. So a weight means the same for every layer and every weights file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import tensorflow as tf
from PIL import Image

from myvgg.example_pictures import FOLDER
from myvgg.network import POOLS, Pooling, activations
from myvgg.params import Params, Preprocessing
from myvgg.preprocessing import preprocess

PHOTOGRAPHS = ("astronaut.jpg", "chelsea.jpg", "coffee.jpg")
"""Names of the photographs in the folder."""

SIZE = 256
"""Longest side of the photographs in pixels; they are reduced to it."""

Prepare = Callable[[Any, Preprocessing], Any]
"""From pictures (1, height, width, 3), R, G, B, 0 to 255, and the preprocessing of parameters to the input."""


def preprocess_like(image: Any, like: Preprocessing) -> Any:
    """Prepare pictures as the parameters say."""
    return preprocess(image, like=like)


def measured(params: Params) -> Params:
    """Return the parameters with their `rms`, which is computed if it is empty."""
    return params if params.rms else replace(params, rms=responses(params))


def responses(params: Params, *, pooling: Pooling = "max", prepare: Prepare = preprocess_like) -> Mapping[str, float]:
    """Return the responses of parameters: those of their file, or computed ones, once for the same arguments.

    A file holds the responses with maximum pools, to pictures prepared as `params.preprocessing` says.

    Args:
        params: The parameters.
        pooling: Kind of the pools.
        prepare: From pictures to the network's input.
    """
    if params.rms and (pooling, prepare) == ("max", preprocess_like):
        return params.rms
    known = _KNOWN.setdefault(params, {})
    if (pooling, prepare) not in known:
        known[pooling, prepare] = rms(params, pooling=pooling, prepare=prepare)
    return known[pooling, prepare]


_KNOWN: WeakKeyDictionary[Params, dict[tuple[Pooling, Prepare], Mapping[str, float]]] = WeakKeyDictionary()
"""Computed responses, for as long as their parameters live."""


def rms(params: Params, *, pooling: Pooling = "max", prepare: Prepare = preprocess_like) -> dict[str, float]:
    """Compute the root mean square of every tensor before the dense layers, on three photographs.

    For a tensor of zeros it is 1, so that one can divide by it.

    Args:
        params: The parameters, which may end early.
        pooling: Kind of the pools.
        prepare: From pictures to the network's input.

    Returns:
        Root mean squares by tensor.
    """
    order = params.architecture.layer_names(include_top=False)
    missing = [layer.name for layer in params.architecture.convolutions if layer.name not in params.layers]
    names = order[: order.index(missing[0])] if missing else order
    squares = np.mean([_mean_squares(params, name, names, pooling, prepare) for name in PHOTOGRAPHS], axis=0)
    return {name: math.sqrt(square) or 1.0 for name, square in zip(names, squares, strict=True)}


def _mean_squares(params: Params, file: str, names: tuple[str, ...], pooling: Pooling, prepare: Prepare) -> list[float]:
    with Image.open(FOLDER / file) as image:
        image.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
        x = prepare(tf.constant(np.asarray(image, np.float32)[np.newaxis]), params.preprocessing)
    computed = activations(params, x, POOLS[pooling], "valid", "zero", training=False)
    return [float(tf.reduce_mean(tf.square(tensor))) for _, (_, tensor) in zip(names, computed, strict=False)]
