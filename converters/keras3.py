"""Weights files of Keras 3: `.weights.h5`, and the `.keras` archive that has one inside.

An HDF5 file with a group for each layer, named after the layer's class and counted: `layers/conv2d_1/vars/0` is the
second convolution's kernel, `/1` its bias.
Newer versions keep the layer's own name in the attribute `name` of `vars`; of older ones only the order is known.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import h5py
import numpy as np

from converters import origin_of
from myvgg.architecture import ARCHITECTURES, Architecture, Conv, Dense, Pool
from myvgg.files import replacing
from myvgg.params import Params, WeightsError, another_network, checked

CLASSES = {Conv: "conv2d", Pool: "max_pooling2d", Dense: "dense"}
"""What a layer's class is called in the name of its group."""

ROOTS = ("layers", "_layer_checkpoint_dependencies")
"""The group of all layers: since Keras 2.13, and before."""

Datasets = Mapping[str, Sequence[h5py.Dataset]]
"""The arrays of each layer that has some, by the layer's name in the file."""


def read(path: Path, architecture: Architecture) -> Params:
    """Read a `.weights.h5` or `.keras` file; see `converters.load`."""
    with _opened(path) as (file, generation):
        layers = _layers(path, file)
        names = parametric_names(architecture)
        if names.keys().isdisjoint(layers):
            names = _names_by_order(architecture)
            found = sum(layer in names for layer in layers if layer.startswith(CLASSES[Conv]))
            if found < len(architecture.convolutions) and (problem := _problem_of_count(found, architecture)):
                raise WeightsError(path, problem)
        arrays = arrays_of(layers, names)
    return checked(arrays, path=path, origin=origin_of(path, generation), architecture=architecture)


def write(params: Params, path: Path) -> None:
    """Write a `.weights.h5` file as Keras itself does; see `converters.save`."""
    counters: dict[str, Iterator[int]] = defaultdict(count)
    with created(path) as file:
        file.create_group("vars").attrs["name"] = params.architecture.name
        for kind, name, arrays in keras_layers(params):
            group = file.create_group(f"{ROOTS[0]}/{_counted(kind, next(counters[kind]))}/vars")
            group.attrs["name"] = name
            for index, array in enumerate(arrays):
                group[str(index)] = array


def keras_layers(params: Params) -> Iterator[tuple[str, str, tuple[np.ndarray, ...]]]:
    """Yield the layers of Keras' model in order: class, name, and kernel and bias where there are any."""
    yield "input_layer", "input_1", ()
    for layer in params.architecture.layers:
        if isinstance(layer, Pool) or layer.name in params.layers:
            if layer == params.architecture.classifier[0]:
                yield "flatten", "flatten", ()
            arrays = tuple(params.layers.get(layer.name, ()))
            yield CLASSES[type(layer)], params.architecture.keras_names[layer.name], arrays


def parametric_names(architecture: Architecture) -> dict[str, str]:
    """Map Keras' names of the layers with parameters to ours."""
    return {architecture.keras_names[name]: name for name in architecture.parametric}


def arrays_of(layers: Datasets, names: Mapping[str, str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read the kernel and the bias, told apart by their axes, of each layer in `names`.

    Any other layer, and one with more than two arrays, is not read, but listed under a name that no network has.
    """
    nothing = np.empty(0, np.float32)
    arrays = {}
    for layer, datasets in layers.items():
        if layer in names and len(datasets) <= 2:
            found = sorted((dataset[()] for dataset in datasets), key=np.ndim, reverse=True)
            kernel, bias = (*found, nothing, nothing)[:2]
            arrays[names[layer]] = (kernel, bias)
        else:
            arrays[f"{layer} (arrays: {len(datasets)})"] = (nothing, nothing)
    return arrays


def nested_problem(layer: str) -> str:
    """Say that a network is a layer of another one."""
    return f"a network inside another one, as its layer {layer!r}: save that one alone, model.get_layer({layer!r})"


@contextmanager
def created(path: Path) -> Iterator[h5py.File]:
    """Yield a new HDF5 file that becomes `path` at the end.

    It is written through one of Python's file objects, because HDF5's own way ends in a crash when the disk is full.
    """
    with replacing(path) as temporary, temporary.open("w+b") as stream, h5py.File(stream, "w") as file:
        yield file


@contextmanager
def _opened(path: Path) -> Iterator[tuple[h5py.File, str]]:
    """Yield the HDF5 file that `path` is or holds, and the kind of file that it is."""
    with path.open("rb") as stream:
        is_archive = stream.read(2) == b"PK"
    content: Path | io.BytesIO = path
    generation = "Keras 3 .weights.h5"
    if is_archive:
        with zipfile.ZipFile(path) as archive:
            version = str(json.loads(archive.read("metadata.json"))["keras_version"])
            content = io.BytesIO(archive.read("model.weights.h5"))  # whole, so that its checksum is verified
        generation = f"Keras {version.partition('.')[0]} .keras"
    with h5py.File(content, "r") as file:
        yield file, generation


def _layers(path: Path, file: h5py.File) -> Datasets:
    groups = _groups(next((file[root] for root in ROOTS if root in file), {}))
    layers = {}
    for name, group in groups.items():
        if not group.keys().isdisjoint(ROOTS):
            raise WeightsError(path, nested_problem(name))
        stored = group.get("vars", {})
        if len(stored):
            layers[str(stored.attrs.get("name", name))] = [stored[key] for key in sorted(stored)]
    if not layers:
        raise WeightsError(path, "an HDF5 file, but without the layers of a Keras network")
    index = path.with_name(re.sub(r"_\d{5}\.weights\.h5$", ".weights.json", path.name))
    if index != path and index.exists():
        raise WeightsError(path, f"one of the parts that {index.name} lists: save the model again as one file")
    return layers


def _groups(parent: Mapping[str, object]) -> dict[str, h5py.Group]:
    return {name: child for name, child in parent.items() if isinstance(child, h5py.Group)}


def _names_by_order(architecture: Architecture) -> dict[str, str]:
    """Map the counted names of convolutions and dense layers to ours."""
    series: dict[str, Sequence[Conv | Dense]] = {
        CLASSES[Conv]: architecture.convolutions,
        CLASSES[Dense]: architecture.classifier,
    }
    return {_counted(kind, index): layer.name for kind, same in series.items() for index, layer in enumerate(same)}


def _problem_of_count(convolutions: int, architecture: Architecture) -> str:
    """Say whose network has so many convolutions, where that is known."""
    for other in ARCHITECTURES.values():
        if len(other.convolutions) == convolutions:
            return another_network((layer.name for layer in other.convolutions), architecture)
    return ""


def _counted(kind: str, index: int) -> str:
    return f"{kind}_{index}" if index else kind
