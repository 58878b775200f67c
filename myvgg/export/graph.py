"""The network as a compiled function of TensorFlow's, to be stored as a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from myvgg import kernels
from myvgg.architecture import Architecture, PoolPadding
from myvgg.extractor import Reduction, columns_of, reduced
from myvgg.network import Pooling, checked_names, features
from myvgg.params import LayerParams, Params


def compute(
    params: Params,
    names: Sequence[str],
    *,
    pooling: Pooling = "max",
    pool_padding: PoolPadding = "valid",
    layers: Mapping[str, Any] | None = None,
    batch: int | None = None,
    size: int | None = None,
    reduce: Reduction = "none",
) -> Any:
    """Return a function from pictures to tensors by name, compiled for one kind of input.

    Args:
        params: The parameters.
        names: Tensors or Keras' names.
        pooling: As in `myvgg.features`.
        pool_padding: As in `myvgg.features`.
        layers: Variables by layer, in place of the arrays, which would become constants of the graph.
        batch: Number of pictures; None for any.
        size: Height and width of the pictures, in pixels; None for any, or for the one that dense layers need.
        reduce: The reduction of maps.

    Raises:
        ValueError: An unknown name, or none.
    """
    names = checked_names(names)
    columns_of(params.architecture, names, reduce)
    side = size or side_of(params.architecture, names)
    bound = (
        params if layers is None else replace(params, layers={n: LayerParams(*parts) for n, parts in layers.items()})
    )

    def call(images: tf.Tensor) -> dict[str, tf.Tensor]:
        turned, mean, scale = rgb_params(bound)  # in the graph, which reads the variables with every call
        found = features(turned, (images - mean) / scale, names, pooling=pooling, pool_padding=pool_padding)
        return reduced(params.architecture, found, reduce)

    signature = [tf.TensorSpec([batch, side, side, 3], tf.float32, name="images")]
    return kernels.compiled(call, input_signature=signature)


def rgb_params(params: Params) -> tuple[Params, np.ndarray, np.ndarray]:
    """Return parameters that take R, G, B, the mean to subtract before them, and the scale to divide by.

    For parameters that take B, G, R, the inputs of the first kernel are reversed, in place of the channels of every
    picture.
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
    """Return the height and width that pictures must have: one for dense layers, None, for any, for maps."""
    maps = architecture.layer_names(include_top=False)
    return None if all(architecture.resolve(name) in maps for name in names) else architecture.input_size
