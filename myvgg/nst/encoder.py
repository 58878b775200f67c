"""The encoder of style transfer: from a picture to features that are comparable from layer to layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
import tensorflow as tf
from jaxtyping import Float

from myvgg.network import features, lean_gradients
from myvgg.nst.settings import Settings
from myvgg.params import LayerParams, Params, Preprocessing, WeightsError
from myvgg.photographs import preprocess_like, responses
from myvgg.precision import Precision, fastest_precision

Image = Float[tf.Tensor, "1 height width 3"]
"""One picture, R, G, B, 0 to 255."""

TORCHVISION_MEAN = (103.53, 116.28, 123.675)
"""B, G, R; a rounded copy of another training set's mean, which programs for torchvision's weights subtract."""

INPUTS: dict[str, Callable[[Image, Preprocessing], tf.Tensor]] = {
    "vgg": preprocess_like,
    "torchvision": lambda image, _: tf.reverse(image, [-1]) - TORCHVISION_MEAN,
    "unit": lambda image, _: image / 255,
}
"""The network's inputs that `preprocessing` names."""


class Encoder:
    """The convolutions of VGG19 with a run's pooling, padding, preprocessing, precision and scaling of layers.

    Attributes:
        params: The parameters, float32.
        rms: The layers' responses to photographs, with the run's pools and preprocessing; empty without scaling.
        precision: The type of its computations and of its features.
    """

    def __init__(self, params: Params, settings: Settings) -> None:
        """Make an encoder of parameters; measure their responses to photographs where the file does not have them.

        Raises:
            WeightsError: A layer is all zero, so that no signal gets through it.
        """
        if zero := [name for name, layer in params.layers.items() if not layer.kernel.any()]:
            raise WeightsError(params.origin.file or "weights", f"all zero: {', '.join(zero)}; get the file again")
        self.params, self.rms = params, dict[str, float]()
        if settings.layer_scaling == "rms":
            self.rms.update(responses(params, pooling=settings.pooling, prepare=INPUTS[settings.preprocessing]))
        self.precision: Precision = fastest_precision() if settings.precision == "auto" else settings.precision
        self._divisors = _divisors(params, self.rms) if self.rms else {}
        layers, before = {}, 1.0
        for name in (layer.name for layer in params.architecture.convolutions if layer.name in params.layers):
            divisor = self._divisors.get(name, 1.0)
            kernel, bias = params.layers[name]
            parts = (kernel * np.float32(before / divisor), bias / np.float32(divisor))
            layers[name] = LayerParams(*(tf.cast(tf.constant(part), self.precision) for part in parts))
            before = divisor
        self._params, self._settings = replace(params, layers=layers), settings

    def __call__(self, image: Image, layers: Iterable[str]) -> dict[str, tf.Tensor]:
        """Compute the named tensors, each divided by its root mean square on photographs where the settings say so."""
        if not (names := list(dict.fromkeys(layers))):
            return {}
        settings = self._settings
        x = INPUTS[settings.preprocessing](image, self.params.preprocessing)
        with lean_gradients():
            found = features(
                self._params,
                x,
                names,
                pooling=settings.pooling,
                pool_padding=settings.pool_padding,
                padding=settings.padding,
                dtype=None,
            )
        if not self._divisors:
            return found
        left = {name: self._divisors[name] / self.rms[name] for name in names}
        return {name: tensor if left[name] == 1 else tensor * left[name] for name, tensor in found.items()}


def _divisors(params: Params, rms: Mapping[str, float]) -> dict[str, float]:
    """Return the divisor of each tensor with which rectified maps have a root mean square of one.

    A factor goes through rectifications and pools unchanged. So kernels are scaled, which costs nothing, while scaled
    maps would cost a pass over each. Pools, and tensors before their rectification, need one more factor.
    """
    convolutions = {layer.name for layer in params.architecture.convolutions}
    names = params.architecture.layer_names(include_top=False)
    divisors, divisor = {}, 1.0
    for name, rectified in pairwise((*names, "")):
        if name in convolutions:
            divisor = rms.get(rectified, divisor)
        divisors[name] = divisor
    return divisors
