"""The perceptual distance of two pictures, with a gradient: to measure by, or to train with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import tensorflow as tf
from jaxtyping import Float32

from myvgg.network import features
from myvgg.params import HasParams, Params, bound_params_of
from myvgg.preprocessing import preprocess_batch

LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
"""The layers of VGG16 in the reference; VGG19 has them too."""

EPSILON = 1e-10
"""Added to squared lengths, so that features that are all zero have a direction and a gradient, both zero."""


def perceptual_distance(
    a: Any, b: Any, *, layers: Sequence[str] = LAYERS, params: Params | HasParams | None = None
) -> Float32[tf.Tensor, " batch"]:
    """Compare pictures by their features, position by position.

    At every position of a layer, the features of both pictures are brought to length one; the distance is the mean
    over positions of the square of their difference, summed over layers: 0 for equal pictures, up to 4 a layer.

    Args:
        a: R, G, B, 0 to 255, uint8 or floating point, (batch, height, width, 3) or one picture (height, width, 3).
        b: Others of the same shape, or one to compare all with.
        layers: Tensors or Keras' names, of maps.
        params: The parameters, or a network such as `VGG19`; by default the ones that `VGG19.load()` finds, read once.

    Returns:
        One number for each pair.

    Raises:
        ValueError: Another shape or type, pictures too small, shapes that do not go together, or an unknown layer.
        WeightsError: There are no weights.

    Reference:
        Zhang, Isola, Efros, Shechtman and Wang (2018), "The Unreasonable Effectiveness of Deep Features as a Perceptual
        Metric", equation 1 with all weights w one, which are not learnt here.

    Example:
        >>> import myvgg
        >>> image = myvgg.images.load("examples/chelsea.jpg")
        >>> vgg = myvgg.VGG19.load("bundled")
        >>> float(myvgg.perceptual_distance(image, image, params=vgg)[0])
        0.0
    """
    params = _stored() if params is None else bound_params_of(params)
    found = [features(params, preprocess_batch(each, like=params.preprocessing), layers) for each in (a, b)]
    shapes = [next(iter(each.values())).shape for each in found]
    if shapes[0][1:3] != shapes[1][1:3] or (1 not in (shapes[0][0], shapes[1][0]) and shapes[0][0] != shapes[1][0]):
        raise ValueError(f"a and b must have one shape, but at {layers[0]} theirs are {shapes[0]} and {shapes[1]}")
    return tf.add_n([_distance(found[0][layer], found[1][layer]) for layer in dict.fromkeys(layers)])


@cache
def _stored() -> Params:
    from myvgg.loading import load_params

    return load_params(include_top=False)


def _distance(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    if a.shape.rank != 4:
        raise ValueError("layers must be maps, which fc6, fc7, fc8 and what follows them are not")
    a, b = (maps * tf.math.rsqrt(tf.reduce_sum(maps**2, -1, keepdims=True) + EPSILON) for maps in (a, b))
    return tf.reduce_mean(tf.reduce_sum((a - b) ** 2, -1), [1, 2])
