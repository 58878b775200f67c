"""How strongly a network's tensors respond to photographs, for those who compare tensors of several layers.

Style transfer divides features by these numbers, so that a weight means the same for every layer and weights file.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from myvgg.params import Params
from myvgg.preprocessing import preprocess
from myvgg.vgg19 import features

_PACKAGE = Path(__file__).parent
FOLDER = (_PACKAGE if (_PACKAGE / "examples").is_dir() else _PACKAGE.parent) / "examples"
"""The repository's `examples`, or what an installed package carries of it: the pictures."""

PHOTOGRAPHS = ("astronaut.jpg", "chelsea.jpg", "coffee.jpg")
SIZE = 256
"""Longest side at which they are looked at, in pixels."""


def measured(params: Params) -> Params:
    """Return the parameters with `rms` filled in, as it is where it was."""
    return params if params.rms else replace(params, rms=rms(params))


def rms(params: Params) -> dict[str, float]:
    """Compute the root mean square of every tensor before the dense layers, with maximum pools, on three photographs.

    A tensor that is zero everywhere gets one, since it is there to divide by.
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
    return [float(tf.reduce_mean(tf.square(tensor))) for tensor in features(params, x, names).values()]
