"""The problems of arrays from outside, compared with a network: layers, shapes, types, values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from myvgg.architecture import ARCHITECTURES, Architecture
from myvgg.parameter_records import LayerParams

Arrays = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Kernel and bias by layer, not yet checked."""


def pair_up(tensors: Mapping[str, np.ndarray], *, separator: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Group arrays named `conv1_1.kernel` and `conv1_1.bias` by layer; a missing array becomes an empty one.

    An array of another name becomes a layer of that name, which `problems` then reports as unknown.

    Args:
        tensors: Arrays by name.
        separator: Character between the names of layer and part.
    """
    nothing = np.empty(0, np.float32)
    split = {name: name.rpartition(separator) for name in tensors}
    layers = dict.fromkeys(layer if part in LayerParams._fields else name for name, (layer, _, part) in split.items())
    return {
        layer: (tensors.get(f"{layer}{separator}kernel", nothing), tensors.get(f"{layer}{separator}bias", nothing))
        for layer in layers
    }


def problems(arrays: Arrays, labels: Sequence[str], architecture: Architecture) -> Iterator[str]:
    """Yield a sentence for each problem of arrays and labels.

    Args:
        arrays: Kernel and bias by layer.
        labels: Names of the classes, or none.
        architecture: The network that they must fit.
    """
    yield from _layer_problems(arrays, architecture)
    for name, layer in architecture.parametric.items():
        if name in arrays:
            kernel, bias = arrays[name]
            yield from _array_problems(f"{name} kernel", kernel, layer.kernel_shape)
            yield from _array_problems(f"{name} bias", bias, (layer.outputs,))
    last = architecture.classifier[-1]
    if labels and last.name in arrays and len(labels) != last.outputs:
        yield f"{len(labels)} class names for {last.outputs} classes"


def another_network(names: Iterable[str], architecture: Architecture) -> str:
    """Return a sentence that tells which other network a file holds; empty if it is not known to be another one.

    Args:
        names: Names of all convolutions in the file.
        architecture: The network that is wanted.
    """
    names = set(names)
    convolutions = {layer.name for layer in architecture.convolutions}
    for other in ARCHITECTURES.values():
        if names == {layer.name for layer in other.convolutions} != convolutions:
            return (
                f"{other.name.upper()}'s file ({len(names)} convolutions, {architecture.name} has "
                f"{len(convolutions)}): choose the architecture {other.name}, or get {architecture.name}'s"
            )
    return ""


def _layer_problems(names: Iterable[str], architecture: Architecture) -> list[str]:
    """Tell which layers are unknown or missing. A file may end early, but only between two blocks."""
    names, order = set(names), list(architecture.parametric)
    if problem := another_network((name for name in names if name.startswith("conv")), architecture):
        return [problem]
    extra = sorted(names - set(order))
    found = [f"layers that {architecture.name} does not have: {', '.join(extra)}"] if extra else []
    deepest = next((name for name in reversed(order) if name in names), order[0])
    end = max(index for index, name in enumerate(order) if block_of(name) == block_of(deepest))
    missing = [name for name in order[: end + 1] if name not in names]
    return [*found, f"missing layers: {', '.join(missing)}"] if missing else found


def block_of(layer: str) -> str:
    """Return the name of the block of a layer: `conv1` of `conv1_2`, `fc` of the dense layers."""
    return layer.partition("_")[0] if "_" in layer else "fc"


def _array_problems(name: str, array: np.ndarray, shape: tuple[int, ...]) -> list[str]:
    if array.shape != shape:
        return [f"{name} has shape {array.shape}, expected {shape}"]
    if not np.issubdtype(array.dtype, np.floating):
        return [f"{name} has {array.dtype} values, expected float32"]
    with np.errstate(over="ignore"):
        converted = array.astype(np.float32, copy=False)
    # A finite sum of squares is a proof in half the time; large finite values can make it infinite.
    if not (np.isfinite(np.vdot(converted, converted)) or np.isfinite(converted).all()):
        return [f"{name} holds NaN or infinite values" + " as float32" * bool(np.isfinite(array).all())]
    return []
