"""Responses of a network's tensors to photographs: their root mean squares.

Style transfer divides features by these numbers. So a weight means the same for every layer and every weights file.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import tensorflow as tf
from PIL import Image

from myvgg.network import POOLS, activations
from myvgg.params import Params
from myvgg.preprocessing import preprocess

_PACKAGE = Path(__file__).parent
FOLDER = (_PACKAGE if (_PACKAGE / "examples").is_dir() else _PACKAGE.parent) / "examples"
"""The folder `examples` of the repository, or of the installed package: pictures."""

PHOTOGRAPHS = ("astronaut.jpg", "chelsea.jpg", "coffee.jpg")
"""Names of the photographs in the folder."""

SIZE = 256
"""Longest side of the photographs in pixels; they are reduced to it."""


def measured(params: Params) -> Params:
    """Return the parameters with their `rms`, which is computed if it is empty, once for the same parameters.

    Args:
        params: The parameters.
    """
    if params.rms:
        return params
    if params not in _MEASURED:
        _MEASURED[params] = replace(params, rms=rms(params))
    return _MEASURED[params]


_MEASURED: WeakKeyDictionary[Params, Params] = WeakKeyDictionary()
"""Parameters with their responses, for as long as those without them live."""


def rms(params: Params) -> dict[str, float]:
    """Compute the root mean square of every tensor before the dense layers, on three photographs with maximum pools.

    For a tensor of zeros it is 1, so that one can divide by it.

    Args:
        params: The parameters, which may end early.

    Returns:
        Root mean squares by tensor.
    """
    order = params.architecture.layer_names(include_top=False)
    missing = [layer.name for layer in params.architecture.convolutions if layer.name not in params.layers]
    names = order[: order.index(missing[0])] if missing else order
    squares = np.mean([_mean_squares(params, name, names) for name in PHOTOGRAPHS], axis=0)
    return {name: math.sqrt(square) or 1.0 for name, square in zip(names, squares, strict=True)}


def _mean_squares(params: Params, file: str, names: tuple[str, ...]) -> list[float]:
    with Image.open(FOLDER / file) as image:
        image.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
        x = preprocess(np.asarray(image)[np.newaxis], like=params.preprocessing)
    computed = activations(params, x, POOLS["max"], "valid", "zero", training=False)
    return [float(tf.reduce_mean(tf.square(tensor))) for _, (_, tensor) in zip(names, computed, strict=False)]
