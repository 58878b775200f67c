"""Runs from files to files: one run, many runs, and their records, checkpoints, tables and sheets."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    try:
        return import_module(f"myvgg.runs.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"myvgg.runs.{name}":
            raise
        raise AttributeError(f"module 'myvgg.runs' has no attribute {name!r}") from None
