"""The normalised network of Gatys: every filter has a mean response of one to photographs; the classes do not change.

A positive factor of a channel passes through rectification and pooling. So a convolution's outputs are divided by
numbers that are multiplied into the inputs of the next layer.

Reference:
    Gatys, Ecker and Bethge (2015), "Texture Synthesis Using Convolutional Neural Networks", section 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import tensorflow as tf
from jaxtyping import Float, UInt8

from myvgg.architecture import Pool, rectified
from myvgg.network import features
from myvgg.params import LayerParams, Params
from myvgg.preprocessing import preprocess

AnyPicture = UInt8[np.ndarray, "_ _ 3"] | Float[np.ndarray, "_ _ 3"]


def normalized(params: Params, pictures: Iterable[AnyPicture]) -> Params:
    """Scale the kernels so that every filter has a mean response of one after rectification.

    A filter without any response to the pictures stays as it is.

    Args:
        params: The parameters, with the dense layers or without.
        pictures: Pictures, R, G, B, 0 to 255, of any sizes that are large enough for the last convolution.

    Returns:
        The scaled parameters; their origin notes it.

    Raises:
        ValueError: No pictures, or one that is too small.
    """
    means = mean_responses(params, pictures)
    layers, before = dict(params.layers), np.ones(3, np.float32)
    for layer in params.architecture.layers:
        if isinstance(layer, Pool) or layer.name not in layers:
            continue
        kernel, bias = layers[layer.name]
        inputs = np.tile(before, kernel.shape[-2] // before.size)[
            :, np.newaxis
        ]  # fc6 has the channels of one position after the other
        mean = means.get(layer.name, np.ones_like(bias))
        layers[layer.name] = LayerParams(kernel * inputs / mean, bias / mean)
        before = mean
    notes = (*params.origin.notes, "scaled so that every filter has a mean response of one")
    return replace(params, layers=layers, origin=replace(params.origin, notes=notes), rms={})


def mean_responses(params: Params, pictures: Iterable[AnyPicture]) -> dict[str, np.ndarray]:
    """Compute the mean response of each filter over all positions of all pictures; 1 for a filter without response.

    Args:
        params: The parameters.
        pictures: Pictures, R, G, B, 0 to 255.

    Returns:
        Means of the filters, by convolution.

    Raises:
        ValueError: No pictures, or one that is too small.
    """
    names = [layer.name for layer in params.architecture.convolutions if layer.name in params.layers]
    sums, positions = {name: np.float64(0) for name in names}, dict.fromkeys(names, 0)
    for picture in pictures:
        x = preprocess(picture[np.newaxis], like=params.preprocessing)
        found = features(params, x, [rectified(name) for name in names])
        for name in names:
            maps = found[rectified(name)]
            sums[name] = sums[name] + tf.reduce_sum(tf.cast(maps, tf.float64), [0, 1, 2]).numpy()
            positions[name] += maps.shape[1] * maps.shape[2]
    if not any(positions.values()):
        raise ValueError("pictures must be one at least")
    means = {name: np.asarray(sums[name] / positions[name], np.float32) for name in names}
    return {name: np.where(mean > 0, mean, np.float32(1)) for name, mean in means.items()}
