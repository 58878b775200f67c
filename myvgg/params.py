"""The parameters of a network: every converter reads into them, and every network computes with them.

Arrays are laid out as in Keras: float32, kernels of convolutions (height, width, inputs, outputs), fc6 flattened in the
order height, width, channels. The inputs of conv1_1 have the order that `Params.preprocessing` tells.
No module below this one imports TensorFlow.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from myvgg import params_file
from myvgg.architecture import CONFIGURATION_E, Architecture, Conv, Dense
from myvgg.parameter_records import (
    CAFFE,
    TORCHVISION,
    LayerParams,
    Origin,
    Preprocessing,
    WeightsError,
    WeightsWarning,
)
from myvgg.params_checks import Arrays, another_network, pair_up
from myvgg.params_checks import problems as problems_of
from myvgg.params_file import ROUNDED, SUFFIX, SUFFIX_8_BITS
from myvgg.params_metadata import Metadata, metadata_of, parse_metadata
from myvgg.runtime.errors import warn_once

__all__ = [
    "CAFFE",
    "ROUNDED",
    "TORCHVISION",
    "Arrays",
    "HasParams",
    "LayerParams",
    "Metadata",
    "Origin",
    "Params",
    "Preprocessing",
    "WeightsError",
    "WeightsWarning",
    "another_network",
    "bound_params_of",
    "checked",
    "draw",
    "load",
    "metadata_of",
    "pair_up",
    "params_of",
    "parse_metadata",
    "random",
]


@dataclass(frozen=True, eq=False)
class Params:
    """The parameters of a network.

    Attributes:
        layers: Kernel and bias by layer, `conv1_1` to `conv5_4`, `fc6`, `fc7`, `fc8`. They are whole blocks from the
            first on, and either all dense layers or none.
        labels: Names of the classes in the order of `fc8`; empty if the file has none.
        origin: The source of the arrays.
        architecture: The network that they belong to.
        rms: Root mean square of each tensor on photographs, from `myvgg.photographs`; empty if not measured.
        preprocessing: The way from a picture to the network's input.
    """

    layers: Mapping[str, LayerParams]
    labels: tuple[str, ...] = ()
    origin: Origin = field(default_factory=Origin)
    architecture: Architecture = CONFIGURATION_E
    rms: Mapping[str, float] = field(default_factory=dict)
    preprocessing: Preprocessing = CAFFE

    @property
    def include_top(self) -> bool:
        """True where the parameters have dense layers."""
        return self.architecture.classifier[0].name in self.layers

    @property
    def nbytes(self) -> int:
        """Size of all arrays together, in bytes."""
        return sum(array.nbytes for layer in self.layers.values() for array in layer)

    def __repr__(self) -> str:
        source = self.origin.generation or self.origin.file or "of unknown origin"
        return f"Params({self.architecture.name}, {len(self.layers)} layers, {source})"

    def save(self, path: str | os.PathLike[str], *, bits: Literal[8, 32] | None = None) -> None:
        """Write the parameters as safetensors: arrays `conv1_1.kernel` and so on; labels and origin as metadata.

        The same parameters give the same bytes. `myvgg.converters.save` writes other formats.

        Args:
            path: The file; its name ends in .safetensors.
            bits: 32, or 8 for a file of a quarter of the size: kernels become `conv1_1.indices` and `conv1_1.values`,
                see `myvgg.quantization`, with an error of about a hundredth of a kernel's standard deviation, and the
                origin notes the rounding. None takes 8 where the name ends in -8bit.safetensors, as in
                `converters.save`, and 32 otherwise.

        Raises:
            ValueError: Another suffix, or another number of bits.
            OSError: The file cannot be written; an older file stays as it was.
        """
        if bits is None:
            bits = 8 if Path(path).name.lower().endswith(SUFFIX_8_BITS) else 32
        if bits not in (8, 32):
            raise ValueError(f"bits must be 8 or 32, not {bits}")
        if Path(path).suffix.lower() != SUFFIX:
            raise ValueError(f"cannot write {os.fspath(path)}: name it {SUFFIX}, or use myvgg.converters.save")
        params_file.write(self, path, bits=bits)


@runtime_checkable
class HasParams(Protocol):
    """A network with parameters, such as `myvgg.VGG19`.

    Attributes:
        params: The present parameters as arrays.
        bound_params: The parameters with the network's variables in place of arrays.
    """

    bound_params: Params

    @property
    def params(self) -> Params:
        """The present parameters as arrays."""


def params_of(network: Params | HasParams) -> Params:
    """Return the parameters of a network as arrays; parameters are returned as they are.

    Raises:
        ValueError: An object that has no parameters.
    """
    return network if isinstance(network, Params) else _checked_network(network).params


def bound_params_of(network: Params | HasParams) -> Params:
    """Return the parameters of a network with its variables, through which gradients go.

    Raises:
        ValueError: An object that has no parameters.
    """
    return network if isinstance(network, Params) else _checked_network(network).bound_params


def _checked_network(network: HasParams) -> HasParams:
    if not hasattr(network, "bound_params"):
        raise ValueError(f"params must be myvgg.Params or a network such as myvgg.VGG19, not {type(network).__name__}")
    return network


def checked(
    arrays: Arrays,
    *,
    path: str | os.PathLike[str],
    labels: Sequence[str] = (),
    origin: Origin | None = None,
    architecture: Architecture = CONFIGURATION_E,
    rms: Mapping[str, float] | None = None,
    preprocessing: Preprocessing = CAFFE,
    problems: Sequence[str] = (),
) -> Params:
    """Make parameters of arrays from outside; check names, shapes, types and values.

    Args:
        arrays: Kernel and bias by layer, floating point of any width. Other widths than float32 are converted, with a
            note in the origin.
        path: The source of the arrays, for errors.
        labels: Names of the classes.
        origin: The origin, to which notes are added.
        architecture: The network that they must fit. A last layer of another width makes it a network of that many
            classes.
        rms: See `Params`.
        preprocessing: See `Params`.
        problems: Problems that the reader of the file has found, a sentence each.

    Raises:
        WeightsError: The message names all problems.

    Warns:
        WeightsWarning: Kernels that are zero everywhere, as in a file that was never filled.
    """
    last = architecture.classifier[-1].name
    if last in arrays and np.ndim(arrays[last][1]) == 1 and np.size(arrays[last][1]) > 0:
        architecture = architecture.with_classes(np.size(arrays[last][1]))
    if found := [*problems, *problems_of(arrays, labels, architecture)]:
        raise WeightsError(path, found)
    names = [name for name in architecture.parametric if name in arrays]
    if zero := [name for name in names if not arrays[name][0].any()]:
        warn_once(f"{os.fspath(path)}: the kernels of {', '.join(zero)} are zero everywhere", WeightsWarning)
    origin = origin or Origin()
    dtypes = {array.dtype.name for name in names for array in arrays[name]} - {"float32"}
    notes = tuple(f"{dtype} values converted to float32" for dtype in sorted(dtypes))
    layers = {name: LayerParams(*(np.ascontiguousarray(part, np.float32) for part in arrays[name])) for name in names}
    origin = replace(origin, notes=origin.notes + notes)
    return Params(layers, tuple(labels), origin, architecture, rms or {}, preprocessing)


def load(path: str | os.PathLike[str], architecture: Architecture = CONFIGURATION_E) -> Params:
    """Read a file of `Params.save`.

    Arrays of 32 bits are views of the file, so nothing may write into the file meanwhile. `Params.save` writes a new
    file and renames it, and so may replace the file at any time (not on Windows). Arrays of 8 bits are read and become
    float32.

    Args:
        path: The file.
        architecture: The network that it must hold.

    Raises:
        WeightsError: Another kind of file, a damaged file, or another network.
    """
    stored = params_file.read(path)
    metadata = parse_metadata(stored.metadata, path=path, architecture=architecture)
    tensors, problems = params_file.unpack(stored.tensors, architecture)
    arrays = pair_up(tensors, separator=".")
    return checked(arrays, path=path, architecture=architecture, problems=problems, **metadata._asdict())


def random(
    architecture: Architecture = CONFIGURATION_E,
    *,
    seed: int = 0,
    include_top: bool = True,
    method: Literal["glorot", "normal"] = "glorot",
) -> Params:
    """Draw parameters for training from scratch, as the paper does; biases are zero.

    Args:
        architecture: The network.
        seed: The same seed gives the same arrays.
        include_top: Draw the dense layers, too.
        method: `glorot`, uniform in +-sqrt(6 / (fan in + fan out)), with which a deep network trains at once; or
            `normal`, variance 0.01, with which the authors could train only the shallow configuration A.

    Raises:
        ValueError: An unknown method.

    Reference:
        Simonyan and Zisserman, section 3.1; Glorot and Bengio (2010), "Understanding the difficulty of training deep
        feedforward neural networks", equation 16.

    Example:
        >>> random(include_top=False).layers["conv1_1"].kernel.shape
        (3, 3, 3, 64)
    """
    if method not in ("glorot", "normal"):
        raise ValueError(f"method must be 'glorot' or 'normal', not {method!r}")
    rng = np.random.default_rng(seed)
    drawn = architecture.parametric.values() if include_top else architecture.convolutions
    layers = {layer.name: draw(layer, rng, method=method) for layer in drawn}
    origin = Origin(generation=f"random, {method}, seed {seed}", trained=False)
    return Params(layers, origin=origin, architecture=architecture)


def draw(
    layer: Conv | Dense, rng: np.random.Generator, *, method: Literal["glorot", "normal"] = "glorot"
) -> LayerParams:
    """Draw the parameters of one layer.

    Args:
        layer: The layer.
        rng: The generator of random numbers.
        method: See `random`.
    """
    if method == "normal":
        kernel = rng.standard_normal(layer.kernel_shape, np.float32)
        kernel *= np.float32(0.1)
    else:
        fans = math.prod(layer.kernel_shape[:-2]) * (layer.inputs + layer.outputs)
        kernel = rng.random(layer.kernel_shape, np.float32)
        kernel *= 2
        kernel -= 1
        kernel *= np.float32(math.sqrt(6 / fans))
    return LayerParams(kernel, np.zeros(layer.outputs, np.float32))
