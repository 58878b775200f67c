"""Our own safetensors, the format of `Params.save`."""

from __future__ import annotations

from pathlib import Path

from myvgg.params import Params
from myvgg.params import load as read

__all__ = ["read", "write"]


def write(params: Params, path: Path) -> None:
    """Write kernels and biases in 32 bits; see `converters.save`."""
    params.save(path)
