"""torchvision's VGG: `.pth`, where torch is installed, and `.safetensors`, also with the names of timm.

A `.pth` is a pickle. torch reads it with `weights_only`, which makes only tensors and runs no code in the file. Without
torch the file is refused.

torchvision trained its weights anew with another preprocessing: R, G, B minus a mean, over a standard deviation. Other
files have its names and the numbers of the authors, such as `vgg19-d01eb7cb.pth`, or those numbers for R, G, B, such as
torchvision's `IMAGENET1K_FEATURES`. The values of conv1_1 tell which.

Kernels are stored as (outputs, inputs, height, width); the first dense layer has its inputs in the order channels,
height, width. torchvision counts all modules: `features.2.weight` is the kernel of conv1_2. timm stores dense layers as
convolutions.
"""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from myvgg.architecture import ARCHITECTURES, Architecture, Conv, Pool
from myvgg.params import Params, WeightsError, checked

from .fingerprints import preprocessing_of
from .origins import origin_of

FIRST = "features.0.weight"
"""A tensor of every such file; the names of all tensors may begin with a prefix, such as `module.`."""

TIMM = ("pre_logits.fc1", "pre_logits.fc2", "head.fc")
"""Names of the dense layers in timm."""

DENSE = (
    ("classifier.0", "classifier.3", "classifier.6"),
    ("classifier.1", "classifier.4", "classifier.6"),
    TIMM,
)
"""Names of the dense layers in torchvision, in files of before 2017 with the authors' numbers, and in timm."""

BARE = "0.weight"
"""The name of that tensor in the table of `vgg.features` alone."""

SEVERAL = "several networks ({names}): save the state_dict() of one of them"
"""The error of a checkpoint that has, for example, a network and its running mean."""

SAFE_TORCH = (2, 10)
"""The first version of torch whose `weights_only` has no known way to run code."""

OLD_TORCH = (
    "a PyTorch file, and torch {version} cannot promise that no code in it runs: pip install 'torch>=2.10', "
    "or save the tensors as safetensors where it came from"
)

WHOLE_MODULE = (
    "a PyTorch file with more than tensors, such as a whole module or TorchScript, which may run code when it is read: "
    "save its state_dict() where it came from"
)

NO_TORCH = (
    "a PyTorch file, which is read by PyTorch (without running code in it): pip install 'myvgg[torch]', "
    "or save the tensors as safetensors where it came from"
)


def read(path: Path, architecture: Architecture) -> Params:
    """Read a file of torchvision or timm; see `converters.load`."""
    tensors, generation = _tensors(path)
    if any(name.endswith("running_mean") for name in tensors):
        raise WeightsError(path, "a VGG with batch normalisation, which is another network: get the one without")
    tensors = _without_prefix(tensors, path)
    modules = {name.rpartition(".")[0] for name in tensors}
    names = _names(architecture, modules)
    if FIRST not in tensors:
        raise WeightsError(path, f"tensors, but not those of torchvision's VGG: there is no {FIRST}")
    if whose := _another_network(modules, architecture):
        raise WeightsError(
            path, f"{whose.upper()}'s file: choose the architecture {whose}, or get {architecture.name}'s"
        )
    nothing = np.empty(0, np.float32)
    arrays = {
        name: (
            _arranged(tensors.pop(f"{module}.weight", nothing), name, architecture),
            tensors.pop(f"{module}.bias", nothing),
        )
        for module, name in names.items()
        if module in modules
    }
    origin = origin_of(path, generation)
    dense = [layer.name for layer in architecture.classifier]
    if dense[0] in arrays and all(np.isnan(part).all() for name in dense for part in arrays.get(name, ())):
        arrays = {name: parts for name, parts in arrays.items() if name not in dense}
        origin = replace(origin, notes=(*origin.notes, "a classifier of NaN left out"))
    extra = dict.fromkeys(tensors, (nothing, nothing))
    return checked(
        arrays | extra,
        path=path,
        origin=origin,
        architecture=architecture,
        preprocessing=preprocessing_of(arrays[architecture.convolutions[0].name][0]),
    )


def _without_prefix(tensors: dict[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    """Remove what stands before `features.0.weight` from all names that begin with it; `0.weight` is given its name."""
    prefixes = _prefixes(tensors)
    if not prefixes and BARE in tensors:
        return {f"features.{name}": array for name, array in tensors.items()}
    if len(prefixes) > 1:
        raise WeightsError(path, SEVERAL.format(names=", ".join(prefix.rstrip(".") or FIRST for prefix in prefixes)))
    prefix = "".join(prefixes)
    return {name.removeprefix(prefix): array for name, array in tensors.items()}


def _prefixes(names: Iterable[object]) -> list[str]:
    """Return what stands before `features.0.weight` in names, once for each network."""
    return [str(name).removesuffix(FIRST) for name in names if f".{name}".endswith(f".{FIRST}")]


def _tensors(path: Path) -> tuple[dict[str, np.ndarray], str]:
    """Return all tensors, and the kind of the file in words."""
    import safetensors

    with path.open("rb") as file:
        if file.read(9)[8:] != b"{":
            return _unpickled(path), "torchvision .pth"
    with safetensors.safe_open(path, framework="np") as opened:
        if foreign := {opened.get_slice(name).get_dtype() for name in opened.keys()} - {"F16", "F32", "F64"}:  # noqa: SIM118
            raise WeightsError(path, f"holds {', '.join(sorted(foreign))} values: save it as float32")
        tensors: dict[str, np.ndarray] = dict(opened.get_tensors())
    of_timm = any(name.endswith(f"{module}.weight") for name in tensors for module in TIMM)
    return tensors, f"{'timm' if of_timm else 'torchvision'} safetensors"


def _unpickled(path: Path) -> dict[str, np.ndarray]:
    try:
        import torch
    except ImportError as error:
        raise WeightsError(path, NO_TORCH) from error
    version = str(torch.__version__)
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < SAFE_TORCH:
        raise WeightsError(path, OLD_TORCH.format(version=version))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(path, WHOLE_MODULE) from error
    except RuntimeError as error:
        if "TorchScript" in str(error):
            raise WeightsError(path, WHOLE_MODULE) from error
        raise
    if not isinstance(found, Mapping):
        raise WeightsError(path, f"a PyTorch file with a {type(found).__name__}, not with a network's tensors")
    return _arrays(_one_network(found, path), path)


def _one_network(found: Mapping[Any, Any], path: Path) -> Mapping[Any, Any]:
    """Return the table of tensors of the one network in a checkpoint, however deep it lies.

    Raises:
        WeightsError: Several networks.
    """
    tables = dict(_tables(found, ""))
    own = {name: table for name, table in tables.items() if _prefixes(table)}
    own = own or {name: table for name, table in tables.items() if getattr(table.get(BARE), "ndim", 0) == 4}
    if len({id(table) for table in own.values()}) > 1:
        raise WeightsError(path, SEVERAL.format(names=", ".join(name or "the top" for name in own)))
    return next(iter((own or tables).values()))


def _tables(found: Mapping[Any, Any], name: str) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Yield a table and all tables in it, with their names."""
    yield name, found
    for key, value in found.items():
        if isinstance(value, Mapping):
            yield from _tables(value, f"{name}.{key}" if name else str(key))


def _arrays(tensors: Mapping[Any, Any], path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a table as arrays of float32.

    Raises:
        WeightsError: Kernels or biases that have no values, or none of floating point.
    """
    import torch

    there = {str(name): tensor.detach() for name, tensor in tensors.items() if torch.is_tensor(tensor)}
    if problems := [
        f"{name} is {problem}"
        for name, tensor in there.items()
        if name.endswith((".weight", ".bias")) and (problem := _problem(tensor))
    ]:
        others = f", and {len(problems) - 1} more" * (len(problems) > 1)
        raise WeightsError(path, problems[0] + others)
    return {name: tensor.float().numpy() for name, tensor in there.items() if not _problem(tensor)}


def _problem(tensor: Any) -> str:
    """Return what makes a tensor none of numbers of floating point, with what helps; empty if nothing does."""
    if tensor.is_meta:
        return "a meta tensor, which has no values: save it from a network with values"
    if tensor.is_quantized:
        return "quantized: save it after dequantize()"
    if str(tensor.layout) != "torch.strided":
        return f"a sparse tensor ({tensor.layout}): save it after to_dense()"
    return "" if tensor.is_floating_point() else f"of {tensor.dtype}, expected torch.float32"


def _names(architecture: Architecture, modules: Iterable[str]) -> dict[str, str]:
    """Return our names of the layers by the file's names of the modules."""
    names, index = {}, 0
    for layer in architecture.layers:
        if isinstance(layer, Conv):
            names[f"features.{index}"] = layer.name
        index += 1 if isinstance(layer, Pool) else 2  # a rectification is a module, too
    dense = max(DENSE, key=lambda names: len({*names} & {*modules}))
    return names | {module: layer.name for module, layer in zip(dense, architecture.classifier, strict=True)}


def _another_network(modules: Iterable[str], architecture: Architecture) -> str:
    """Return the name of the other network to which the convolutions belong; empty if it is not known."""
    found = {module for module in modules if module.startswith("features.")}
    places = {each: {n for n in _names(each, ()) if n.startswith("features.")} for each in ARCHITECTURES.values()}
    own = {name for name in _names(architecture, ()) if name.startswith("features.")}
    return next((other.name for other, numbers in places.items() if found == numbers != own), "")


def _arranged(kernel: np.ndarray, name: str, architecture: Architecture) -> np.ndarray:
    """Return a kernel in our layout. A wrong shape stays wrong; `checked` reports it."""
    first, *others = (layer.name for layer in architecture.classifier)
    if name not in (first, *others):
        return kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel
    return dense_kernel(kernel, architecture) if name == first else kernel.reshape(kernel.shape[0], -1).T


def dense_kernel(kernel: Any, architecture: Architecture) -> np.ndarray:
    """Convert the kernel of the first dense layer to our layout, with inputs in the order height, width, channels.

    Args:
        kernel: The kernel, (outputs, inputs) with inputs in the order channels, height, width, or as a convolution.
        architecture: The network, which tells the number of channels.
    """
    outputs, channels = kernel.shape[0], architecture.convolutions[-1].outputs
    side = architecture.input_size // architecture.activations[architecture.classifier[0].name].stride
    if kernel.size != outputs * channels * side**2:
        return np.reshape(kernel, (outputs, -1)).T
    maps = np.reshape(kernel, (outputs, channels, side, side))
    return np.reshape(maps.transpose(2, 3, 1, 0), (-1, outputs))
