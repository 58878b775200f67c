"""Neural style transfer by optimising the picture, from a noisy copy of the content and with Adam."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from myvgg.nst.settings import Settings

if TYPE_CHECKING:
    from myvgg.nst import images as images
    from myvgg.nst.images import ImageError as ImageError
    from myvgg.nst.transfer import Step as Step
    from myvgg.nst.transfer import stylize as stylize

_HOMES = {"stylize": "myvgg.nst.transfer", "Step": "myvgg.nst.transfer", "ImageError": "myvgg.nst.images"}

__all__ = ["ImageError", "Settings", "Step", "images", "stylize"]


def __getattr__(name: str) -> Any:
    if name == "images":
        return import_module("myvgg.nst.images")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'myvgg.nst' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
