"""VGG19 from scratch in raw TensorFlow operations, exact to the bit, and style transfer on top of it.

TensorFlow is imported when a name that needs it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from myvgg import nst as nst
    from myvgg.architecture import CONFIGURATION_D as CONFIGURATION_D
    from myvgg.architecture import CONFIGURATION_E as CONFIGURATION_E
    from myvgg.architecture import Architecture as Architecture
    from myvgg.architecture import LayerInfo as LayerInfo
    from myvgg.extractor import Extractor as Extractor
    from myvgg.keras_layers import keras_layer as keras_layer
    from myvgg.params import LayerParams as LayerParams
    from myvgg.params import Params as Params
    from myvgg.params import Preprocessing as Preprocessing
    from myvgg.params import WeightsError as WeightsError
    from myvgg.params import WeightsWarning as WeightsWarning
    from myvgg.perceptual import perceptual_distance as perceptual_distance
    from myvgg.preprocessing import deprocess as deprocess
    from myvgg.preprocessing import preprocess as preprocess
    from myvgg.vgg19 import VGG16 as VGG16
    from myvgg.vgg19 import VGG19 as VGG19
    from myvgg.vgg19 import features as features
    from myvgg.vgg19 import logits as logits

_HOMES = {
    "VGG19": "myvgg.vgg19",
    "VGG16": "myvgg.vgg19",
    "features": "myvgg.vgg19",
    "logits": "myvgg.vgg19",
    "Extractor": "myvgg.extractor",
    "perceptual_distance": "myvgg.perceptual",
    "keras_layer": "myvgg.keras_layers",
    "preprocess": "myvgg.preprocessing",
    "deprocess": "myvgg.preprocessing",
    "Params": "myvgg.params",
    "LayerParams": "myvgg.params",
    "Preprocessing": "myvgg.params",
    "WeightsError": "myvgg.params",
    "WeightsWarning": "myvgg.params",
    "Architecture": "myvgg.architecture",
    "CONFIGURATION_E": "myvgg.architecture",
    "CONFIGURATION_D": "myvgg.architecture",
    "LayerInfo": "myvgg.architecture",
}

__all__ = [*_HOMES, "layer_names", "layer_info", "summary", "nst"]  # all of them strings


def layer_names(*, include_top: bool = True) -> tuple[str, ...]:
    """List the names of VGG19's tensors in the order of computation, `conv1_1` to `prob`, or to `pool5` without top."""
    from myvgg.architecture import CONFIGURATION_E

    return CONFIGURATION_E.layer_names(include_top=include_top)


def layer_info(name: str, *, height: int = 224, width: int = 224, architecture: str = "vgg19") -> LayerInfo:
    """Describe a tensor for pictures of one size: shape, channels, stride, receptive field, parameters, multiply-adds.

    Args:
        name: Such as `relu4_2`, or Keras' `block4_conv2`.
        height: Of the pictures, in pixels.
        width: Of the pictures, in pixels.
        architecture: `vgg19` or `vgg16`.

    Raises:
        ValueError: There is no such tensor, or nothing is left of such pictures there.
    """
    return _architecture(architecture).layer_info(name, height=height, width=width)


def summary(*, height: int = 224, width: int = 224, architecture: str = "vgg19") -> str:
    """Write what `layer_info` says of all tensors as a table, down to the last that such pictures have.

    Raises:
        ValueError: Another architecture, or a size below 1.
    """
    return _architecture(architecture).summary(height=height, width=width)


def _architecture(name: str) -> Architecture:
    from myvgg.architecture import ARCHITECTURES

    if name not in ARCHITECTURES:
        raise ValueError(f"architecture must be one of {', '.join(ARCHITECTURES)}, not {name!r}")
    return ARCHITECTURES[name]


def __getattr__(name: str) -> Any:
    if name == "nst":
        return import_module("myvgg.nst")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'myvgg' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
