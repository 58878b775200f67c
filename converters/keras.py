"""HDF5 files of Keras: the public files, weights and whole models of Keras 2. `keras3` reads the files of Keras 3.

The attribute `layer_names` of the file lists the layers, and the attribute `weight_names` of a layer's group lists its
arrays: `block1_conv1/block1_conv1_W_1:0` in the public files, `block1_conv1/block1_conv1/kernel:0` in later files, and
the same without `:0` in models that Keras 3 saved as `.h5`. A whole model has all of them below `model_weights`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import h5py
import numpy as np

from myvgg.architecture import Architecture
from myvgg.params import Params, WeightsError, checked

from . import hdf5, keras3
from .keras3 import Datasets, arrays_of, created, keras_layers, nested_problem, parametric_names
from .origins import origin_of


def read(path: Path, architecture: Architecture) -> Params:
    """Read an HDF5 file of any version of Keras; see `converters.load`."""
    names = parametric_names(architecture)
    with hdf5.opened(path) as file:
        root = file.get("model_weights", file)
        if "layer_names" not in root.attrs:
            return keras3.read(path, architecture)
        layers = _layers(root)
        if nested := [layer for layer in layers if not _inner_names(layers[layer]).isdisjoint(names.keys() - {layer})]:
            raise WeightsError(path, nested_problem(nested[0]))
        arrays, generation = arrays_of(layers, names, architecture), _generation(root)
    return checked(arrays, path=path, origin=origin_of(path, generation), architecture=architecture)


def write(params: Params, path: Path) -> None:
    """Write the layout of Keras' public files; see `converters.save`."""
    layers = {name: arrays for _, name, arrays in keras_layers(params)}
    with created(path) as file:
        file.attrs["layer_names"] = np.array([*layers], "S")
        for name, arrays in layers.items():
            group = file.create_group(name)
            named = dict(zip((f"{name}_W_1:0", f"{name}_b_1:0"), arrays, strict=False))
            group.attrs["weight_names"] = np.array([*named], "S")
            for part, array in named.items():
                group[part] = array


def _layers(root: h5py.Group) -> Datasets:
    layers = {
        layer: [root[layer][part] for part in _texts(root[layer].attrs["weight_names"])]
        for layer in _texts(root.attrs["layer_names"])
    }
    return {layer: datasets for layer, datasets in layers.items() if datasets}


def _inner_names(datasets: Sequence[h5py.Dataset]) -> set[str]:
    return {part for dataset in datasets for part in dataset.name.split("/")}


def _generation(root: h5py.Group) -> str:
    (version,) = _texts([root.attrs.get("keras_version", "")])
    keras = f"Keras {version.partition('.')[0]}".strip()
    if root.name != "/":
        return f"{keras} saved model .h5"
    return f"{keras} save_weights" if version else "Keras, public layout"


def _texts(values: Iterable[str | bytes]) -> list[str]:
    """Decode names, which h5py returns as text or as bytes, as they were written."""
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]
