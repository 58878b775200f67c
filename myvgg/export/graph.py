"""The network as a function of TensorFlow's, to be stored as a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from myvgg.architecture import Architecture, PoolPadding
from myvgg.params import LayerParams, Params
from myvgg.vgg19 import Pooling, checked_names, features


def compute(
    params: Params,
    names: Sequence[str],
    *,
    pooling: Pooling = "max",
    pool_padding: PoolPadding = "valid",
    layers: Mapping[str, Any] | None = None,
    batch: int | None = None,
    size: int | None = None,
) -> Any:
    """Return a function of pictures, compiled for one kind of input.

    Args:
        params: The parameters.
        names: What it gives.
        pooling: As in `features`.
        pool_padding: As in `features`.
        layers: Variables in place of the arrays, which would become constants of the graph.
        batch: How many pictures; any number unless told.
        size: Their height and width, in pixels; any unless told, but for dense layers.
    """
    names = checked_names(names)
    side = size or side_of(params.architecture, names)
    bound = (
        params if layers is None else replace(params, layers={n: LayerParams(*parts) for n, parts in layers.items()})
    )
    bound, mean, scale = as_rgb(bound)

    def call(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return features(bound, (images - mean) / scale, names, pooling=pooling, pool_padding=pool_padding)

    signature = [tf.TensorSpec([batch, side, side, 3], tf.float32, name="images")]
    return tf.function(call, input_signature=signature, autograph=False)


def as_rgb(params: Params) -> tuple[Params, np.ndarray, np.ndarray]:
    """Return parameters that take R, G, B, with the mean to subtract and the scale to divide by, in that order.

    The first kernel's inputs are reversed in place of the picture's channels.
    """
    channels, mean, scale = params.preprocessing
    numbers = np.array(mean, np.float32), np.array(scale, np.float32)
    if channels == "rgb":
        return params, *numbers
    first = params.architecture.convolutions[0].name
    kernel, bias = params.layers[first]
    turned = {**params.layers, first: LayerParams(kernel[:, :, ::-1], bias)}
    return replace(params, layers=turned), numbers[0][::-1], numbers[1][::-1]


def side_of(architecture: Architecture, names: Sequence[str]) -> int | None:
    """Return the height and width that the names ask for: dense layers one, maps none."""
    maps = architecture.layer_names(include_top=False)
    return None if all(architecture.resolve(name) in maps for name in names) else architecture.input_size
