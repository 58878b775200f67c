"""The parameters of a network: what every converter reads into and every network computes with.

Arrays are Keras' own: float32, convolution kernels height x width x inputs x outputs, conv1_1's inputs in the order
that the weights were trained with, which `Params.preprocessing` says, fc6 flattened height, width, channels.
Nothing here imports TensorFlow.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

from myvgg.architecture import ARCHITECTURES, CONFIGURATION_E, MEAN, Architecture, Conv, Dense
from myvgg.files import replacing
from myvgg.quantization import LEVELS, Quantized, dequantize, quantize

FORMAT = "myvgg 1"
"""Marks a safetensors or npz file as ours."""

ROUNDED = "kernels rounded to 256 values a layer"
"""Notes in the origin that a file of 8 bits was made of the parameters."""


class WeightsError(ValueError):
    """A weights file that cannot be used: which file, and everything that is wrong with it.

    Attributes:
        path: The file, or a word for where the arrays came from.
        problems: One sentence each.
    """

    def __init__(self, path: str | os.PathLike[str], problems: str | Iterable[str]) -> None:
        self.path = os.fspath(path)
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__(f"{self.path}: {'; '.join(self.problems)}")

    def __reduce__(self) -> tuple[type[WeightsError], tuple[str, tuple[str, ...]]]:
        return type(self), (self.path, self.problems)


class WeightsWarning(UserWarning):
    """Other weights are used than the exact ones that were looked for."""


class LayerParams(NamedTuple):
    """Kernel and bias of one layer, float32; shapes (3, 3, inputs, outputs) or (inputs, outputs), and (outputs,)."""

    kernel: np.ndarray
    bias: np.ndarray


class Preprocessing(NamedTuple):
    """What a network was trained to take, made of R, G, B, 0 to 255.

    Attributes:
        channels: Their order, `bgr` or `rgb`.
        mean: Subtracted from each, 0 to 255, in that order.
        scale: What the difference is divided by.
    """

    channels: Literal["bgr", "rgb"]
    mean: tuple[float, float, float]
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)


CAFFE = Preprocessing("bgr", MEAN)
"""Of the authors' own weights, in Caffe's, MatConvNet's and Keras' files."""

TORCHVISION = Preprocessing("rgb", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
"""Of torchvision's weights: mean and standard deviation of ImageNet's pictures, there written for 0 to 1."""

Arrays = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""(kernel, bias) by layer, not yet checked."""


@dataclass(frozen=True)
class Origin:
    """Where parameters came from.

    Attributes:
        file: Name of the file that was converted, without its folder.
        sha256: Of that file, in hexadecimal.
        generation: What kind of file it was, such as "MatConvNet beta11 to beta16".
        notes: What was changed on the way, such as a conversion from float64.
        trained: False of random ones.
        license: Who made the values and under which terms they may be passed on; empty where it is not known.
    """

    file: str = ""
    sha256: str = ""
    generation: str = ""
    notes: tuple[str, ...] = ()
    trained: bool = True
    license: str = ""


@dataclass(frozen=True, eq=False)
class Params:
    """The parameters of a network.

    Attributes:
        layers: Kernel and bias by layer, `conv1_1` to `conv5_4`, `fc6`, `fc7`, `fc8`; whole blocks from the first on,
            and the dense layers all or none.
        labels: Names of the classes in the order of `fc8`, empty where the file has none.
        origin: Where the arrays came from.
        architecture: The network that they belong to.
        rms: The root mean square of each tensor on photographs, see `myvgg.photographs`; empty where nobody has
            measured it.
        preprocessing: What the network takes.
    """

    layers: Mapping[str, LayerParams]
    labels: tuple[str, ...] = ()
    origin: Origin = field(default_factory=Origin)
    architecture: Architecture = CONFIGURATION_E
    rms: Mapping[str, float] = field(default_factory=dict)
    preprocessing: Preprocessing = CAFFE

    @property
    def include_top(self) -> bool:
        """Whether the dense layers are there."""
        return self.architecture.classifier[0].name in self.layers

    @property
    def nbytes(self) -> int:
        """Size of all arrays together, in bytes."""
        return sum(array.nbytes for layer in self.layers.values() for array in layer)


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
    """Make parameters of arrays from outside, checked by name, shape, type and finiteness.

    Args:
        arrays: (kernel, bias) by layer; floating point of any width, converted to float32 with a note in the origin.
        path: Where they came from, named in the error.
        labels: Names of the classes.
        origin: Kept, with the notes added.
        architecture: What they must fit; a last layer of another width makes it a network of that many classes.
        rms: See `Params`.
        preprocessing: See `Params`.
        problems: Sentences about what the reader of the file has found to be wrong.

    Raises:
        WeightsError: With everything that is wrong.
    """
    last = architecture.classifier[-1].name
    if last in arrays and np.ndim(arrays[last][1]) == 1 and np.size(arrays[last][1]) > 0:
        architecture = architecture.with_classes(np.size(arrays[last][1]))
    problems = [*problems, *_layer_problems(arrays, architecture)]
    found = {name: layer for name, layer in architecture.parametric.items() if name in arrays}
    for name, layer in found.items():
        kernel, bias = arrays[name]
        problems += _array_problems(f"{name} kernel", kernel, layer.kernel_shape)
        problems += _array_problems(f"{name} bias", bias, (layer.outputs,))
    if labels and last in arrays and len(labels) != architecture.classifier[-1].outputs:
        problems.append(f"{len(labels)} class names for {architecture.classifier[-1].outputs} classes")
    if problems:
        raise WeightsError(path, problems)
    origin = origin or Origin()
    dtypes = {array.dtype.name for name in found for array in arrays[name]} - {"float32"}
    notes = tuple(f"{dtype} values converted to float32" for dtype in sorted(dtypes))
    layers = {name: LayerParams(*(np.ascontiguousarray(part, np.float32) for part in arrays[name])) for name in found}
    origin = replace(origin, notes=origin.notes + notes)
    return Params(layers, tuple(labels), origin, architecture, rms or {}, preprocessing)


def random(
    architecture: Architecture = CONFIGURATION_E,
    *,
    seed: int = 0,
    include_top: bool = True,
    method: Literal["glorot", "normal"] = "glorot",
) -> Params:
    """Draw parameters as the paper does for training from scratch; biases are zero.

    Args:
        architecture: The network.
        seed: The same seed gives the same arrays.
        include_top: With the dense layers.
        method: `glorot`, uniform in +-sqrt(6 / (fan in + fan out)), with which a deep network trains at once; or
            `normal`, variance 0.01, with which the authors could train only the shallow configuration A.

    Raises:
        ValueError: Unknown method.

    Reference:
        Simonyan and Zisserman, section 3.1; Glorot and Bengio (2010), "Understanding the difficulty of training deep
        feedforward neural networks", equation 16.
    """
    if method not in ("glorot", "normal"):
        raise ValueError(f"method must be 'glorot' or 'normal', not {method!r}")
    rng = np.random.default_rng(seed)
    drawn = architecture.parametric.values() if include_top else architecture.convolutions
    layers = {layer.name: draw(layer, rng, method=method) for layer in drawn}
    return Params(
        layers, origin=Origin(generation=f"random, {method}, seed {seed}", trained=False), architecture=architecture
    )


def draw(
    layer: Conv | Dense, rng: np.random.Generator, *, method: Literal["glorot", "normal"] = "glorot"
) -> LayerParams:
    """Draw the parameters of one layer; see `random`."""
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


def save(params: Params, path: str | os.PathLike[str], *, bits: Literal[8, 32] = 32) -> None:
    """Write parameters as safetensors, `conv1_1.kernel` and so on, with labels and origin as its metadata.

    The same parameters give the same bytes.

    Args:
        params: The parameters.
        path: The file.
        bits: 8 writes kernels as `conv1_1.indices` and `conv1_1.values`, see `myvgg.quantization`: a quarter of the
            bytes, and about a hundredth of a kernel's standard deviation as its error. The origin has a note of it.

    Raises:
        OSError: The file cannot be written; an older one stays as it was.
    """
    if bits == 8 and ROUNDED not in params.origin.notes:
        origin = params.origin
        generation = f"{origin.generation}, in 8 bits".removeprefix(", ")  # what tells a run's weights from others
        params = replace(params, origin=replace(origin, generation=generation, notes=(*origin.notes, ROUNDED)))
    tensors = {
        f"{name}.{part}": np.ascontiguousarray(array)  # safetensors writes memory as it lies, whatever the strides
        for name, layer in params.layers.items()
        for part, array in (_parts_in_8_bits(layer) if bits == 8 else layer._asdict()).items()
    }
    with replacing(path) as temporary:
        try:
            safetensors.numpy.save_file(tensors, temporary, metadata=metadata_of(params))
        except safetensors.SafetensorError as error:
            raise OSError(str(error)) from error
        _order_header(temporary)


def _parts_in_8_bits(layer: LayerParams) -> dict[str, np.ndarray]:
    return {**quantize(layer.kernel)._asdict(), "bias": layer.bias}


def _order_header(path: Path) -> None:
    """Put the keys of a safetensors header in order: the library writes those of its metadata in a random one."""
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        ordered = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        file.seek(8)
        file.write(ordered.ljust(size))


def load(path: str | os.PathLike[str], architecture: Architecture = CONFIGURATION_E) -> Params:
    """Read what `save` wrote.

    Arrays of 32 bits are views of the file, which must not change meanwhile: `save` renames, so it may replace the
    file at any time (not on Windows); a program that writes into the file may not. Arrays of 8 bits are read and
    become float32.

    Raises:
        WeightsError: Not such a file, damaged, or not of this architecture.
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
    stored = parse_metadata(metadata, path=path, architecture=architecture)
    tensors, problems = _from_8_bits(tensors, architecture)
    arrays = pair_up(tensors, separator=".")
    return checked(arrays, path=path, architecture=architecture, problems=problems, **stored)


def _from_8_bits(
    tensors: Mapping[str, np.ndarray], architecture: Architecture
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Replace indices and values by the kernels that they stand for, once their shapes are known to be right.

    Returns:
        The tensors, with a stand-in for a kernel that is not right, and a sentence for each problem.
    """
    parts = {name: name.rpartition(".")[::2] for name in tensors}
    found = {name: array for name, array in tensors.items() if parts[name][1] not in Quantized._fields}
    problems = list[str]()
    for layer in dict.fromkeys(layer for layer, part in parts.values() if part in Quantized._fields):
        kernel = f"{layer}.kernel"
        shape = architecture.parametric[layer].kernel_shape if layer in architecture.parametric else ()
        if shape and f"{layer}.bias" in tensors:  # a last layer may have another number of classes
            shape = (*shape[:-1], tensors[f"{layer}.bias"].size)
        problem = (
            f"{layer} has both a kernel and indices" if kernel in found else _problem_in_8_bits(layer, tensors, shape)
        )
        if problem and shape:
            problems.append(problem)
        whole = not problem and shape
        parts_of_layer = (tensors[f"{layer}.{part}"] for part in Quantized._fields) if whole else ()
        found[kernel] = (
            dequantize(Quantized(*parts_of_layer)) if whole else np.broadcast_to(np.zeros((), np.float32), shape)
        )
    return found, problems


def _problem_in_8_bits(layer: str, tensors: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> str:
    """Say what is wrong with a layer's indices or values; empty if nothing."""
    if missing := [part for part in Quantized._fields if f"{layer}.{part}" not in tensors]:
        return f"{layer} has no {missing[0]}"
    indices, values = (tensors[f"{layer}.{part}"] for part in Quantized._fields)
    if indices.dtype != np.uint8 or indices.shape != shape:
        return f"{layer} indices are {indices.dtype} {indices.shape}, expected uint8 {shape}"
    if values.dtype != np.float32 or values.shape != (LEVELS,):
        return f"{layer} values are {values.dtype} {values.shape}, expected float32 ({LEVELS},)"
    return "" if np.isfinite(values).all() else f"{layer} values hold NaN or infinite values"


def _mapped(path: str | os.PathLike[str], file: Any) -> dict[str, np.ndarray]:
    """Return the arrays of an open safetensors file as views of the file itself: nothing is copied.

    The format leaves no gaps, and the library has compared the header with the size of the file.
    Whoever writes into an array gets pages of their own; the file stays as it is.
    """
    slices = {name: file.get_slice(name) for name in file.offset_keys()}
    if {part.get_dtype() for part in slices.values()} != {"F32"}:
        return dict(file.get_tensors())
    ends = np.cumsum([math.prod(part.get_shape()) for part in slices.values()])
    values = np.memmap(path, "<f4", "c", Path(path).stat().st_size - 4 * int(ends[-1]))
    arrays = np.split(np.asarray(values), ends[:-1])
    return {name: array.reshape(slices[name].get_shape()) for name, array in zip(slices, arrays, strict=True)}


def metadata_of(params: Params) -> dict[str, str]:
    """Put what `Params` holds beside its arrays into words, for storing with them."""
    return {
        "format": FORMAT,
        "architecture": params.architecture.name,
        "labels": json.dumps(params.labels),
        "origin": json.dumps(asdict(params.origin)),
        "rms": json.dumps(params.rms),
        "preprocessing": json.dumps(params.preprocessing._asdict()),
    }


def parse_metadata(
    metadata: Mapping[str, str], *, path: str | os.PathLike[str], architecture: Architecture
) -> dict[str, Any]:
    """Return what `metadata_of` stored as options of `checked`; a file without preprocessing is of `CAFFE`'s.

    Raises:
        WeightsError: Of another program, version or architecture.
    """
    if metadata.get("format") != FORMAT:
        raise WeightsError(path, f"marked as {metadata.get('format')!r}, this version reads {FORMAT!r}")
    if metadata.get("architecture") != architecture.name:
        raise WeightsError(path, f"holds {metadata.get('architecture')}, not {architecture.name}")
    try:
        origin = json.loads(metadata["origin"])
        taken = json.loads(metadata["preprocessing"]) if "preprocessing" in metadata else CAFFE._asdict()
        return {
            "labels": tuple(json.loads(metadata["labels"])),
            "origin": Origin(**origin | {"notes": tuple(origin["notes"])}),
            "rms": {str(name): float(value) for name, value in json.loads(metadata.get("rms", "{}")).items()},
            "preprocessing": _preprocessing(**taken),
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(path, f"its metadata are damaged, get the file again ({error})") from error


def pair_up(tensors: Mapping[str, np.ndarray], *, separator: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Group arrays named `conv1_1.kernel` and `conv1_1.bias` by layer; a missing half becomes an empty array.

    Arrays with other names are listed under them, so that the check finds them to be too many.
    """
    nothing = np.empty(0, np.float32)
    split = {name: name.rpartition(separator) for name in tensors}
    layers = dict.fromkeys(layer if part in LayerParams._fields else name for name, (layer, _, part) in split.items())
    return {
        layer: (tensors.get(f"{layer}{separator}kernel", nothing), tensors.get(f"{layer}{separator}bias", nothing))
        for layer in layers
    }


def _preprocessing(channels: Any, mean: Any, scale: Any) -> Preprocessing:
    """Check what a file says, and make it of it."""
    mean, scale = (tuple(map(float, numbers)) for numbers in (mean, scale))
    if channels not in ("bgr", "rgb") or len(mean) != 3 or len(scale) != 3 or not all(scale):
        raise ValueError(f"preprocessing {channels!r}, {mean}, {scale}")
    return Preprocessing(channels, mean, scale)


def another_network(names: Iterable[str], architecture: Architecture) -> str:
    """Say, of the names of all convolutions in a file, whose they are if not this architecture's; empty if unknown."""
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
    """Say which layers are too many or missing: a file may end early, but only between two blocks."""
    names, order = set(names), list(architecture.parametric)
    if problem := another_network((name for name in names if name.startswith("conv")), architecture):
        return [problem]
    extra = sorted(names - set(order))
    problems = [f"layers that {architecture.name} does not have: {', '.join(extra)}"] if extra else []
    deepest = next((name for name in reversed(order) if name in names), order[0])
    end = max(index for index, name in enumerate(order) if _block(name) == _block(deepest))
    missing = [name for name in order[: end + 1] if name not in names]
    if missing:
        problems.append(f"missing layers: {', '.join(missing)}")
    return problems


def _block(layer: str) -> str:
    return layer.partition("_")[0] if "_" in layer else "fc"


def _array_problems(name: str, array: np.ndarray, shape: tuple[int, ...]) -> list[str]:
    if array.shape != shape:
        return [f"{name} has shape {array.shape}, expected {shape}"]
    if not np.issubdtype(array.dtype, np.floating):
        return [f"{name} has {array.dtype} values, expected float32"]
    with np.errstate(over="ignore"):
        converted = array.astype(np.float32, copy=False)
    # A finite sum of squares says it in half the time; an infinite one may come of large values.
    if not (np.isfinite(np.vdot(converted, converted)) or np.isfinite(converted).all()):
        return [f"{name} holds NaN or infinite values" + " as float32" * bool(np.isfinite(array).all())]
    return []
