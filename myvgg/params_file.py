"""Our weights file: safetensors with arrays named `conv1_1.kernel` and so on, and metadata.

In a file of 8 bits, `conv1_1.indices` and `conv1_1.values` take the place of a kernel; see `myvgg.quantization`.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

from myvgg.architecture import Architecture
from myvgg.parameter_records import LayerParams, WeightsError
from myvgg.params_metadata import metadata_of
from myvgg.quantization import LEVELS, Quantized, dequantize, quantize
from myvgg.runtime.files import replacing

if TYPE_CHECKING:
    from myvgg.params import Params

SUFFIX = ".safetensors"
"""Suffix of the files that `Params.save` writes."""

SUFFIX_8_BITS = "-8bit.safetensors"
"""End of the names of files with kernels of 8 bits."""

ROUNDED = "kernels rounded to 256 values a layer"
"""Note in the origin of parameters that come from a file of 8 bits."""


class Stored(NamedTuple):
    """The contents of a file.

    Attributes:
        tensors: Arrays by name, such as `conv1_1.kernel`.
        metadata: Texts by name.
    """

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]


def write(params: Params, path: str | os.PathLike[str], *, bits: int) -> None:
    """Write parameters, whole or not at all. The same parameters give the same bytes.

    Args:
        params: The parameters.
        path: The file.
        bits: 8 or 32 bits for a number of a kernel.

    Raises:
        OSError: The file cannot be written; an older file stays as it was.
    """
    if bits == 8 and ROUNDED not in params.origin.notes:
        params = _note_rounding(params)
    tensors = {
        f"{name}.{part}": np.ascontiguousarray(array)  # safetensors writes memory as it lies, whatever the strides
        for name, layer in params.layers.items()
        for part, array in (_quantized(layer) if bits == 8 else layer._asdict()).items()
    }
    with replacing(path) as temporary:
        try:
            safetensors.numpy.save_file(tensors, temporary, metadata=metadata_of(params))
        except safetensors.SafetensorError as error:
            raise OSError(str(error)) from error
        _sort_metadata(temporary)


def read(path: str | os.PathLike[str]) -> Stored:
    """Read arrays and metadata, not yet checked. Arrays of 32 bits are views of the file.

    Args:
        path: The file.

    Raises:
        WeightsError: The file cannot be read, is damaged, or is not ours.
    """
    try:
        with safetensors.safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            tensors = _mapped(path, file)
    except OSError as error:
        raise WeightsError(path, f"cannot be read: {error.strerror or error}") from error
    except safetensors.SafetensorError as error:
        raise WeightsError(path, f"damaged or cut off, get the file again ({error})") from error
    if not metadata.get("format", "").startswith("myvgg "):
        raise WeightsError(path, "a safetensors file, but not one that myvgg wrote, nor torchvision's VGG")
    return Stored(tensors, metadata)


def unpack(tensors: Mapping[str, np.ndarray], architecture: Architecture) -> tuple[dict[str, np.ndarray], list[str]]:
    """Replace indices and values of 8 bits by kernels, where their shapes are right.

    Args:
        tensors: Arrays by name.
        architecture: The network, which tells the shapes.

    Returns:
        The arrays, with zeros of the right shape for a kernel that cannot be unpacked, and a sentence for each problem.
    """
    parts = {name: name.rpartition(".")[::2] for name in tensors}
    unpacked = {name: array for name, array in tensors.items() if parts[name][1] not in Quantized._fields}
    problems = list[str]()
    for layer in dict.fromkeys(layer for layer, part in parts.values() if part in Quantized._fields):
        shape = _kernel_shape(layer, tensors, architecture)
        problem = _problem(layer, tensors, shape)
        if problem and shape:
            problems.append(problem)
        unpacked[f"{layer}.kernel"] = (
            dequantize(Quantized(*(tensors[f"{layer}.{part}"] for part in Quantized._fields)))
            if shape and not problem
            else np.broadcast_to(np.zeros((), np.float32), shape)
        )
    return unpacked, problems


def _note_rounding(params: Params) -> Params:
    """Add to the origin that kernels are rounded; runs tell weights apart by the name of their generation."""
    origin = params.origin
    generation = f"{origin.generation}, in 8 bits".removeprefix(", ")
    return replace(params, origin=replace(origin, generation=generation, notes=(*origin.notes, ROUNDED)))


def _quantized(layer: LayerParams) -> dict[str, np.ndarray]:
    return {**quantize(layer.kernel)._asdict(), "bias": layer.bias}


def _sort_metadata(path: Path) -> None:
    """Sort the metadata in a safetensors header, which the library writes in random order."""
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        ordered = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        file.seek(8)
        file.write(ordered.ljust(size))


def _mapped(path: str | os.PathLike[str], file: Any) -> dict[str, np.ndarray]:
    """Return the arrays of an open safetensors file as views of the file; nothing is copied.

    The format has no gaps, and the library has compared the header with the size of the file. Who writes into an array
    gets pages of memory for it; the file stays as it is.
    """
    slices = {name: file.get_slice(name) for name in file.offset_keys()}
    if {part.get_dtype() for part in slices.values()} != {"F32"}:
        return dict(file.get_tensors())
    ends = np.cumsum([math.prod(part.get_shape()) for part in slices.values()])
    values = np.memmap(path, "<f4", "c", Path(path).stat().st_size - 4 * int(ends[-1]))
    arrays = np.split(np.asarray(values), ends[:-1])
    return {name: array.reshape(slices[name].get_shape()) for name, array in zip(slices, arrays, strict=True)}


def _kernel_shape(layer: str, tensors: Mapping[str, np.ndarray], architecture: Architecture) -> tuple[int, ...]:
    """Return the shape of a layer's kernel, with as many outputs as its bias has; empty for an unknown layer."""
    if layer not in architecture.parametric:
        return ()
    shape = architecture.parametric[layer].kernel_shape
    bias = tensors.get(f"{layer}.bias")
    return shape if bias is None else (*shape[:-1], bias.size)


def _problem(layer: str, tensors: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> str:
    """Tell the problem of a layer's indices and values; empty if there is none."""
    if f"{layer}.kernel" in tensors:
        return f"{layer} has both a kernel and indices"
    if missing := [part for part in Quantized._fields if f"{layer}.{part}" not in tensors]:
        return f"{layer} has no {missing[0]}"
    indices, values = (tensors[f"{layer}.{part}"] for part in Quantized._fields)
    if indices.dtype != np.uint8 or indices.shape != shape:
        return f"{layer} indices are {indices.dtype} {indices.shape}, expected uint8 {shape}"
    if values.dtype != np.float32 or values.shape != (LEVELS,):
        return f"{layer} values are {values.dtype} {values.shape}, expected float32 ({LEVELS},)"
    return "" if np.isfinite(values).all() else f"{layer} values hold NaN or infinite values"
