"""Neural style transfer: a picture is optimised until it has the content's arrangement and the style's look."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from myvgg.nst.settings import Settings

if TYPE_CHECKING:
    from myvgg import images as images
    from myvgg.images import ImageError as ImageError
    from myvgg.nst.stages import Losses as Losses
    from myvgg.nst.state import State as State
    from myvgg.nst.transfer import Step as Step
    from myvgg.nst.transfer import steps as steps
    from myvgg.runs.result import Result as Result
    from myvgg.runs.result import stylize as stylize

_HOMES = {
    "stylize": "myvgg.runs.result",
    "Result": "myvgg.runs.result",
    "steps": "myvgg.nst.transfer",
    "Step": "myvgg.nst.transfer",
    "State": "myvgg.nst.state",
    "Losses": "myvgg.nst.stages",
    "ImageError": "myvgg.images",
}
"""The module of each public name."""

__all__ = ["ImageError", "Losses", "Result", "Settings", "State", "Step", "images", "steps", "stylize"]


def __getattr__(name: str) -> Any:
    if name == "images":
        return import_module("myvgg.images")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'myvgg.nst' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
