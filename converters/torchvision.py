"""torchvision's VGG: its `.pth`, where torch is installed, and `.safetensors`, with timm's names too.

A `.pth` is a pickle. torch reads it with `weights_only`, which makes tensors and nothing else of it, so that no code in
it runs; without torch it is refused.

torchvision trained these weights anew, for R, G, B minus a mean over a deviation, which is noted in the parameters.
Kernels are stored outputs x inputs x height x width, and the first dense layer sees its maps flattened channels,
height, width; torchvision counts all modules, `features.2.weight` being conv1_2's kernel, and timm stores the dense
layers as the convolutions that they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from converters import origin_of
from myvgg.architecture import ARCHITECTURES, Architecture, Conv, Pool
from myvgg.params import TORCHVISION, Params, WeightsError, checked

FIRST = "features.0.weight"
"""What tells such a file from others."""

DENSE = (("classifier.0", "classifier.3", "classifier.6"), ("pre_logits.fc1", "pre_logits.fc2", "head.fc"))
"""The dense layers' names in torchvision and in timm."""

NO_TORCH = (
    "a PyTorch file, which is read by PyTorch (without running code in it): pip install 'myvgg[torch]', "
    "or save the tensors as safetensors where it came from"
)


def read(path: Path, architecture: Architecture) -> Params:
    """Read a file of torchvision or timm; see `converters.load`."""
    tensors, generation = _tensors(path)
    if any(name.endswith("running_mean") for name in tensors):
        raise WeightsError(path, "a VGG with batch normalisation, which is another network: get the one without")
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
    extra = dict.fromkeys(tensors, (nothing, nothing))
    return checked(
        arrays | extra,
        path=path,
        origin=origin_of(path, generation),
        architecture=architecture,
        preprocessing=TORCHVISION,
    )


def _tensors(path: Path) -> tuple[dict[str, np.ndarray], str]:
    """Read all tensors, and say what kind of file it is."""
    import safetensors

    with path.open("rb") as file:
        if file.read(9)[8:] != b"{":
            return _unpickled(path), "torchvision .pth"
    with safetensors.safe_open(path, framework="np") as opened:
        if foreign := {opened.get_slice(name).get_dtype() for name in opened.keys()} - {"F16", "F32", "F64"}:  # noqa: SIM118
            raise WeightsError(path, f"holds {', '.join(sorted(foreign))} values: save it as float32")
        tensors: dict[str, np.ndarray] = dict(opened.get_tensors())
    of_timm = not tensors.keys().isdisjoint(f"{module}.weight" for module in DENSE[1])
    return tensors, f"{'timm' if of_timm else 'torchvision'} safetensors"


def _unpickled(path: Path) -> dict[str, np.ndarray]:
    try:
        import torch
    except ImportError as error:
        raise WeightsError(path, NO_TORCH) from error
    found = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(found, Mapping):
        raise WeightsError(path, f"a PyTorch file with a {type(found).__name__}, not with a network's tensors")
    found = found.get("state_dict", found)
    return {str(name): tensor.float().numpy() for name, tensor in found.items() if torch.is_tensor(tensor)}


def _names(architecture: Architecture, modules: Iterable[str]) -> dict[str, str]:
    """Map the file's names of modules to our layers'."""
    names, index = {}, 0
    for layer in architecture.layers:
        if isinstance(layer, Conv):
            names[f"features.{index}"] = layer.name
        index += 1 if isinstance(layer, Pool) else 2  # the rectification counts
    dense = DENSE[not {*modules}.isdisjoint(DENSE[1])]
    return names | {module: layer.name for module, layer in zip(dense, architecture.classifier, strict=True)}


def _another_network(modules: Iterable[str], architecture: Architecture) -> str:
    """Name the network that the numbers of the convolutions belong to, if it is known and not the one wanted."""
    found = {module for module in modules if module.startswith("features.")}
    places = {each: {n for n in _names(each, ()) if n.startswith("features.")} for each in ARCHITECTURES.values()}
    own = {name for name in _names(architecture, ()) if name.startswith("features.")}
    return next((other.name for other, numbers in places.items() if found == numbers != own), "")


def _arranged(kernel: np.ndarray, name: str, architecture: Architecture) -> np.ndarray:
    """Return a kernel in our layout; a shape that does not fit is left for the check to name."""
    first, *others = (layer.name for layer in architecture.classifier)
    if name not in (first, *others):
        return kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel
    return dense_kernel(kernel, architecture) if name == first else kernel.reshape(kernel.shape[0], -1).T


def dense_kernel(kernel: Any, architecture: Architecture) -> np.ndarray:
    """Turn the first dense kernel, outputs x (channels, height, width), into ours: (height, width, channels) x outputs.

    Args:
        kernel: Flattened, or as a convolution.
        architecture: Tells how many channels there are.
    """
    outputs, channels = kernel.shape[0], architecture.convolutions[-1].outputs
    side = architecture.input_size // architecture.activations[architecture.classifier[0].name].stride
    if kernel.size != outputs * channels * side**2:
        return np.reshape(kernel, (outputs, -1)).T
    maps = np.reshape(kernel, (outputs, channels, side, side))
    return np.reshape(maps.transpose(2, 3, 1, 0), (-1, outputs))
