"""Our own stored format with kernels in 8 bits, a quarter of the size: `myvgg.quantization` says how."""

from __future__ import annotations

from pathlib import Path

from myvgg.params import Params, save


def write(params: Params, path: Path) -> None:
    """Write kernels as indices and values; see `converters.save`. `converters.safetensors` reads the file."""
    save(params, path, bits=8)
