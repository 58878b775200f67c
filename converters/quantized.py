"""Our own safetensors with kernels in 8 bits, a quarter of the size; see `myvgg.quantization`."""

from __future__ import annotations

from pathlib import Path

from myvgg.params import Params


def write(params: Params, path: Path) -> None:
    """Write kernels as indices and values; see `converters.save`. `converters.safetensors` reads the file."""
    params.save(path, bits=8)
