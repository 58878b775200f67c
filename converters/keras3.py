"""Weights files of Keras 3: `.weights.h5`, and the `.keras` archive with a `.weights.h5` inside.

The HDF5 file has a group for each layer, with the name of the layer's class and a number: `layers/conv2d_1/vars/0` is
the kernel of the second convolution, and `/1` its bias. Newer versions store the layer's own name in the attribute
`name` of `vars`. In files of older versions only the order is known.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import h5py
import numpy as np

from myvgg.architecture import ARCHITECTURES, Architecture, Conv, Dense, Pool
from myvgg.params import Params, Preprocessing, WeightsError, another_network, checked
from myvgg.params_checks import block_of
from myvgg.runtime import hdf5_files
from myvgg.runtime.files import replacing

from .elements import MAX_RATIO, SMALL
from .hdf5 import bounded, opened
from .origins import origin_of

CLASSES = {Conv: "conv2d", Pool: "max_pooling2d", Dense: "dense"}
"""Names of the classes of layers in the names of groups."""

PREPROCESSING = "preprocessing"
"""Name of the preprocessing among the weights of `myvgg.keras_layer`."""

PREPROCESSING_SHAPE = (7,)
"""Whether the order is R, G, B; three means; three scales."""

ROOTS = ("layers", "_layer_checkpoint_dependencies")
"""The group of all layers, since Keras 2.13 and before."""

Datasets = Mapping[str, Sequence[h5py.Dataset]]
"""The arrays of each layer with arrays, by the layer's name in the file."""


def read(path: Path, architecture: Architecture) -> Params:
    """Read a `.weights.h5` or `.keras` file; see `converters.load`."""
    with _opened(path) as (file, generation):
        if own := _own_layer(file):
            return _read_own(path, own, architecture, f"{generation} with myvgg's layer")
        layers = _layers(path, file)
        names = parametric_names(architecture)
        if names.keys().isdisjoint(layers):
            names = _names_by_order(architecture)
            found = sum(layer in names for layer in layers if layer.startswith(CLASSES[Conv]))
            if found < len(architecture.convolutions) and (problem := _problem_of_count(found, architecture)):
                raise WeightsError(path, problem)
        arrays = arrays_of(layers, names, architecture)
    return checked(arrays, path=path, origin=origin_of(path, generation), architecture=architecture)


def _own_layer(file: h5py.File) -> h5py.Group | None:
    """Return the weights of `myvgg.keras_layer` in a model around it, or None."""
    found: list[h5py.Group] = []

    def visit(_: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Group) and PREPROCESSING in item and "conv1_1_kernel" in item:
            found.append(item)

    file.visititems(visit)
    return found[0] if found else None


def _read_own(path: Path, stored: h5py.Group, architecture: Architecture, generation: str) -> Params:
    """Read what `VGGFeatures.save_own_variables` writes: arrays by our names, and the preprocessing as numbers."""
    if stored[PREPROCESSING].shape != PREPROCESSING_SHAPE:
        raise WeightsError(path, f"damaged: {PREPROCESSING} has shape {stored[PREPROCESSING].shape}")
    is_rgb, *numbers = map(float, stored[PREPROCESSING])
    datasets = defaultdict[str, list[h5py.Dataset]](list)
    for name in stored:
        if name != PREPROCESSING:
            datasets[name.rpartition("_")[0]].append(stored[name])
    arrays = arrays_of(datasets, {name: name for name in architecture.parametric}, architecture)
    _check_end(path, [*arrays], architecture)
    mean, scale = (numbers[0], numbers[1], numbers[2]), (numbers[3], numbers[4], numbers[5])
    preprocessing = Preprocessing("rgb" if is_rgb else "bgr", mean, scale)
    origin = origin_of(path, generation)
    return checked(arrays, path=path, origin=origin, architecture=architecture, preprocessing=preprocessing)


def _check_end(path: Path, names: Sequence[str], architecture: Architecture) -> None:
    """Raise where a layer ends inside of a block, as one of `relu1_1` alone does; a file ends between two."""
    order = [*architecture.parametric]
    if {*names} != {*order[: len(names)]}:
        return  # `checked` tells what is missing
    last, *others = order[len(names) - 1 :]
    if rest := [name for name in others if block_of(name) == block_of(last)]:
        raise WeightsError(
            path,
            f"myvgg's layer in it ends at {last}, and parameters end with a whole block: name a tensor of {rest[-1]} "
            "or deeper in keras_layer, or read the file that its weights are from",
        )


def write(params: Params, path: Path) -> None:
    """Write a `.weights.h5` file like Keras' own; see `converters.save`."""
    counters: dict[str, Iterator[int]] = defaultdict(count)
    with created(path) as file:
        file.create_group("vars").attrs["name"] = params.architecture.name
        for kind, name, arrays in keras_layers(params):
            group = file.create_group(f"{ROOTS[0]}/{_counted(kind, next(counters[kind]))}/vars")
            group.attrs["name"] = name
            for index, array in enumerate(arrays):
                group[str(index)] = array


def keras_layers(params: Params) -> Iterator[tuple[str, str, tuple[np.ndarray, ...]]]:
    """Yield the layers of Keras' model in order.

    Args:
        params: The parameters.

    Yields:
        Class and name of the layer, and its kernel and bias if it has them.
    """
    yield "input_layer", "input_1", ()
    for layer in params.architecture.layers:
        if isinstance(layer, Pool) or layer.name in params.layers:
            if layer == params.architecture.classifier[0]:
                yield "flatten", "flatten", ()
            arrays = tuple(params.layers.get(layer.name, ()))
            yield CLASSES[type(layer)], params.architecture.keras_names[layer.name], arrays


def parametric_names(architecture: Architecture) -> dict[str, str]:
    """Return our names of the layers with parameters, by Keras' names.

    Args:
        architecture: The network.
    """
    return {architecture.keras_names[name]: name for name in architecture.parametric}


def arrays_of(
    layers: Datasets, names: Mapping[str, str], architecture: Architecture
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read kernel and bias of each layer in `names`. The kernel is the array with more axes.

    Any other layer, and a layer with more than two arrays, is not read. It gets a name that no network has, so
    `checked` reports it.

    Args:
        layers: Datasets by the name of the layer in the file.
        names: Our names by the names in the file.
        architecture: The network, which tells how large arrays may be.
    """
    nothing = np.empty(0, np.float32)
    arrays = {}
    for layer, datasets in layers.items():
        if layer in names and len(datasets) <= 2:
            read = (
                bounded(each.shape, each.dtype, names[layer], architecture, partial(each.__getitem__, ()))
                for each in datasets
            )
            found = sorted(read, key=np.ndim, reverse=True)
            kernel, bias = (*found, nothing, nothing)[:2]
            arrays[names[layer]] = (kernel, bias)
        else:
            arrays[f"{layer} (arrays: {len(datasets)})"] = (nothing, nothing)
    return arrays


def nested_problem(layer: str) -> str:
    """Return a sentence for a network that is a layer of another network.

    Args:
        layer: Name of the layer.
    """
    return f"a network inside another one, as its layer {layer!r}: save that one alone, model.get_layer({layer!r})"


@contextmanager
def created(path: Path) -> Iterator[h5py.File]:
    """Yield a new HDF5 file, which is renamed to `path` at the end.

    Args:
        path: The file.

    Raises:
        OSError: The file cannot be written; an older file stays as it was.
    """
    with replacing(path) as temporary, hdf5_files.created(temporary) as file:
        yield file


@contextmanager
def _opened(path: Path) -> Iterator[tuple[h5py.File, str]]:
    """Yield the HDF5 file, or that inside an archive, with the kind of the file in words."""
    with path.open("rb") as stream:
        is_archive = stream.read(2) == b"PK"
    content: io.BytesIO | None = None
    generation = "Keras 3 .weights.h5"
    if is_archive:
        with zipfile.ZipFile(path) as archive:
            for part in map(archive.getinfo, ("metadata.json", "model.weights.h5")):
                if part.file_size > MAX_RATIO * part.compress_size + SMALL:
                    raise WeightsError(path, f"{part.filename} is declared with {part.file_size:,} bytes, too many")
            version = str(json.loads(archive.read("metadata.json"))["keras_version"])
            content = io.BytesIO(archive.read("model.weights.h5"))  # read as a whole, which verifies its checksum
        generation = f"Keras {version.partition('.')[0]} .keras"
    with opened(path, content) as file:
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
    """Return our names of convolutions and dense layers, by the names with numbers."""
    series: dict[str, Sequence[Conv | Dense]] = {
        CLASSES[Conv]: architecture.convolutions,
        CLASSES[Dense]: architecture.classifier,
    }
    return {_counted(kind, index): layer.name for kind, same in series.items() for index, layer in enumerate(same)}


def _problem_of_count(convolutions: int, architecture: Architecture) -> str:
    """Return a sentence that tells which other network has this number of convolutions; empty if none."""
    for other in ARCHITECTURES.values():
        if len(other.convolutions) == convolutions:
            return another_network((layer.name for layer in other.convolutions), architecture)
    return ""


def _counted(kind: str, index: int) -> str:
    return f"{kind}_{index}" if index else kind
