"""VGG19 from scratch in raw TensorFlow operations, exact to the bit, and style transfer on top of it.

TensorFlow is imported when a name that needs it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from myvgg import nst as nst
    from myvgg.architecture import CONFIGURATION_E as CONFIGURATION_E
    from myvgg.architecture import Architecture as Architecture
    from myvgg.params import LayerParams as LayerParams
    from myvgg.params import Params as Params
    from myvgg.params import WeightsError as WeightsError
    from myvgg.preprocessing import deprocess as deprocess
    from myvgg.preprocessing import preprocess as preprocess
    from myvgg.vgg19 import VGG19 as VGG19
    from myvgg.vgg19 import features as features
    from myvgg.vgg19 import logits as logits

_HOMES = {
    "VGG19": "myvgg.vgg19",
    "features": "myvgg.vgg19",
    "logits": "myvgg.vgg19",
    "preprocess": "myvgg.preprocessing",
    "deprocess": "myvgg.preprocessing",
    "Params": "myvgg.params",
    "LayerParams": "myvgg.params",
    "WeightsError": "myvgg.params",
    "Architecture": "myvgg.architecture",
    "CONFIGURATION_E": "myvgg.architecture",
}

__all__ = [*_HOMES, "layer_names", "nst"]  # all of them strings


def layer_names(*, include_top: bool = True) -> tuple[str, ...]:
    """List the names of VGG19's tensors in the order of computation, `conv1_1` to `prob`, or to `pool5` without top."""
    from myvgg.architecture import CONFIGURATION_E

    return CONFIGURATION_E.layer_names(include_top=include_top)


def __getattr__(name: str) -> Any:
    if name == "nst":
        return import_module("myvgg.nst")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'myvgg' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
