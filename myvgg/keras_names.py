"""The classes of this package that Keras finds in saved models, known to it without being imported."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

CLASSES = {"VGGFeatures": "myvgg.keras_layers", "PerceptualLoss": "myvgg.keras_losses"}
"""The modules of the classes."""


class _Later:
    """Stands for a class in Keras' table of names, until a model needs it."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def from_config(self, config: dict[str, Any]) -> Any:
        return getattr(import_module(CLASSES[self.__name__]), self.__name__).from_config(config)


class _AfterKeras(MetaPathFinder):
    """Tells Keras the classes as soon as it has been imported."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        if fullname != "keras":
            return None
        sys.meta_path.remove(self)
        try:
            spec = find_spec(fullname)
        finally:
            sys.meta_path.insert(0, self)  # somebody may only have asked whether there is a Keras
        if spec and spec.loader:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                sys.meta_path.remove(self)
                _register()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def register() -> None:
    """Tell Keras the classes, now, or when it is imported."""
    if hasattr(sys.modules.get("keras"), "saving"):
        _register()
    else:
        sys.meta_path.insert(0, _AfterKeras())


def _register() -> None:
    known = import_module("keras").saving.get_custom_objects()
    for name in CLASSES:
        known.setdefault(f"myvgg>{name}", _Later(name))
