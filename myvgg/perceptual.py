"""The perceptual distance of two pictures, with a gradient: to measure by, or to train with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import tensorflow as tf
from jaxtyping import Float32

from myvgg.network import check_layers, checked_names, features
from myvgg.params import HasParams, LayerParams, Params, bound_params_of
from myvgg.preprocessing import check_eager, preprocess_batch

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
    return PerceptualDistance(layers=layers, params=_stored() if params is None else params, bind=False)(a, b)


class PerceptualDistance(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """The perceptual distance as an object that binds its weights once, to train with; see `perceptual_distance`.

    Attributes:
        layers: The tensors that are compared.
        bound_params: The parameters, as variables.

    Example:
        >>> import myvgg
        >>> image = myvgg.images.load("examples/chelsea.jpg")
        >>> distance = myvgg.PerceptualDistance(params=myvgg.VGG19.load("bundled"))
        >>> float(distance(image, image)[0])
        0.0
    """

    def __init__(
        self, *, layers: Sequence[str] = LAYERS, params: Params | HasParams | None = None, bind: bool = True
    ) -> None:
        """Read and bind the weights.

        Args:
            layers: Tensors or Keras' names, of maps.
            params: The parameters, or a network such as `VGG19`, whose variables are followed; by default the ones
                that `VGG19.load()` finds.
            bind: Turn arrays into variables, which all graphs share.

        Raises:
            ValueError: An unknown layer, one that the parameters do not have, or one that has no maps.
            WeightsError: There are no weights.
            RuntimeError: Eager execution is off.
        """
        check_eager()
        super().__init__(name="perceptual_distance")
        params = _stored() if params is None else bound_params_of(params)
        self.layers = tuple(dict.fromkeys(checked_names(layers)))
        architecture = params.architecture
        maps = architecture.layer_names(include_top=False)
        if any(architecture.resolve(layer) not in maps for layer in self.layers):
            raise ValueError("layers must be maps, which fc6, fc7, fc8 and what follows them are not")
        needed = check_layers(architecture, params.layers, architecture.deepest(self.layers))
        if bind:
            self._parameters = {name: LayerParams(*map(_variable, params.layers[name])) for name in needed}
            params = replace(params, layers=self._parameters)
        self.bound_params = params

    def __call__(self, a: Any, b: Any) -> Float32[tf.Tensor, " batch"]:
        """Compare pictures; both are computed as one batch.

        Args:
            a: R, G, B, 0 to 255, uint8 or floating point, (batch, height, width, 3) or one picture (height, width, 3).
            b: Others of the same shape, or one to compare all with. In a graph, shapes may be unknown.

        Raises:
            ValueError: Another shape or type, pictures too small, or shapes that do not go together.
        """
        a, b = (preprocess_batch(each, like=self.bound_params.preprocessing) for each in (a, b))
        _check_shapes(a.shape, b.shape)
        found = features(self.bound_params, tf.concat([a, b], 0), self.layers)
        first = tf.shape(a)[0]
        return tf.add_n([_distance(maps[:first], maps[first:]) for maps in found.values()])


@cache
def _stored() -> Params:
    from myvgg.loading import load_params

    return load_params(include_top=False)


def _variable(part: Any) -> tf.Variable:
    return part if isinstance(part, tf.Variable) else tf.Variable(part, trainable=False)


def _check_shapes(a: tf.TensorShape, b: tf.TensorShape) -> None:
    """Refuse pictures of two sizes, and numbers of pictures that do not go together; None goes with all."""
    numbers = {a[0], b[0]} - {None, 1}
    if not a[1:3].is_compatible_with(b[1:3]) or len(numbers) > 1:
        raise ValueError(f"a and b must have one shape, or one of them be one picture, not {a} and {b}")


def _distance(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    a, b = (maps * tf.math.rsqrt(tf.reduce_sum(maps**2, -1, keepdims=True) + EPSILON) for maps in (a, b))
    return tf.reduce_mean(tf.reduce_sum((a - b) ** 2, -1), [1, 2])
