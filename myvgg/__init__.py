"""VGG19 from scratch in raw TensorFlow operations, equal to Keras' bit for bit, and style transfer on top of it.

TensorFlow is imported when a name that needs it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from myvgg.keras_names import register as _register

if TYPE_CHECKING:
    import converters as converters
    from myvgg import export as export
    from myvgg import figures as figures
    from myvgg import images as images
    from myvgg import microscope as microscope
    from myvgg import nst as nst
    from myvgg import params as params
    from myvgg import store as store
    from myvgg import visualization as visualization
    from myvgg.architecture import CONFIGURATION_D as CONFIGURATION_D
    from myvgg.architecture import CONFIGURATION_E as CONFIGURATION_E
    from myvgg.architecture import Architecture as Architecture
    from myvgg.architecture import LayerInfo as LayerInfo
    from myvgg.extraction.classification import Classification as Classification
    from myvgg.extraction.classification import classify as classify
    from myvgg.extraction.feature_table import FeatureTable as FeatureTable
    from myvgg.extraction.library import extract as extract
    from myvgg.extraction.readers import read_features as read_features
    from myvgg.extraction.stored_features import StoredFeatures as StoredFeatures
    from myvgg.extractor import Extractor as Extractor
    from myvgg.keras_layers import keras_layer as keras_layer
    from myvgg.keras_losses import PerceptualLoss as PerceptualLoss
    from myvgg.network import features as features
    from myvgg.network import logits as logits
    from myvgg.params import LayerParams as LayerParams
    from myvgg.params import Params as Params
    from myvgg.params import Preprocessing as Preprocessing
    from myvgg.params import WeightsError as WeightsError
    from myvgg.params import WeightsWarning as WeightsWarning
    from myvgg.perceptual import PerceptualDistance as PerceptualDistance
    from myvgg.perceptual import perceptual_distance as perceptual_distance
    from myvgg.preprocessing import deprocess as deprocess
    from myvgg.preprocessing import preprocess as preprocess
    from myvgg.runtime.process import configure as configure
    from myvgg.vgg19 import VGG as VGG
    from myvgg.vgg19 import VGG16 as VGG16
    from myvgg.vgg19 import VGG19 as VGG19

_register()

__version__ = "0.1.0"

_HOMES = {
    "VGG19": "myvgg.vgg19",
    "VGG16": "myvgg.vgg19",
    "VGG": "myvgg.vgg19",
    "features": "myvgg.network",
    "logits": "myvgg.network",
    "Extractor": "myvgg.extractor",
    "extract": "myvgg.extraction.library",
    "read_features": "myvgg.extraction.readers",
    "FeatureTable": "myvgg.extraction.feature_table",
    "StoredFeatures": "myvgg.extraction.stored_features",
    "classify": "myvgg.extraction.classification",
    "Classification": "myvgg.extraction.classification",
    "perceptual_distance": "myvgg.perceptual",
    "PerceptualDistance": "myvgg.perceptual",
    "PerceptualLoss": "myvgg.keras_losses",
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
    "configure": "myvgg.runtime.process",
}
"""The module of each public name."""

_MODULES = (
    *(
        "architecture",
        "cli",
        "converters",
        "export",
        "extraction",
        "figures",
        "images",
        "labels",
        "loading",
        "microscope",
        "network",
        "normalization",
    ),
    *("nst", "params", "parity", "photographs", "precision", "quantization", "random_weights", "runs", "runtime"),
    *("sizes", "store", "visualization"),
)
"""The modules that are reachable after `import myvgg`."""

__all__ = [*_HOMES, "layer_names", "layer_info", "summary", "nst", "images", "converters"]  # all of them strings


def layer_names(*, include_top: bool = True) -> tuple[str, ...]:
    """List the names of VGG19's tensors in the order of computation, `conv1_1` to `prob`, or to `pool5` without top.

    Example:
        >>> import myvgg
        >>> myvgg.layer_names()[:3]
        ('conv1_1', 'relu1_1', 'conv1_2')
    """
    from myvgg.architecture import CONFIGURATION_E

    return CONFIGURATION_E.layer_names(include_top=include_top)


def layer_info(name: str, *, height: int = 224, width: int = 224, architecture: str = "vgg19") -> LayerInfo:
    """Describe a tensor for pictures of one size: shape, channels, stride, receptive field, parameters, multiply-adds.

    Args:
        name: Such as `relu4_2`, or Keras' `block4_conv2`.
        height: Height of the pictures, in pixels.
        width: Width of the pictures, in pixels.
        architecture: `vgg19` or `vgg16`.

    Raises:
        ValueError: An unknown tensor, or pictures so small that nothing is left of them there.

    Example:
        >>> import myvgg
        >>> myvgg.layer_info("relu4_2").shape
        (28, 28, 512)
    """
    return _architecture(architecture).layer_info(name, height=height, width=width)


def summary(*, height: int = 224, width: int = 224, architecture: str = "vgg19") -> str:
    """Write the `layer_info` of all tensors as a table, down to the last tensor that such pictures have.

    Raises:
        ValueError: Another architecture, or a size below 1.

    Example:
        >>> import myvgg
        >>> myvgg.summary().splitlines()[-1]
        'all                                      143,667,240  19,632,062,464'
    """
    return _architecture(architecture).summary(height=height, width=width)


def _architecture(name: str) -> Architecture:
    from myvgg.architecture import ARCHITECTURES

    if name not in ARCHITECTURES:
        raise ValueError(f"architecture must be one of {', '.join(ARCHITECTURES)}, not {name!r}")
    return ARCHITECTURES[name]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"myvgg.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'myvgg' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
