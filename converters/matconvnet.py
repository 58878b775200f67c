"""MatConvNet's `imagenet-vgg-verydeep-19.mat`, of any beta, and saved again by MATLAB as version 7.3.

The file holds kernels as height x width x inputs x outputs, as Keras does, and its pictures are R, G, B.
So only conv1_1 differs from ours, by the order of its inputs, and height and width must stay as they are: read without
a transposition, every published value of conv1_1 stands at its own index in the file and, with the inputs reversed, in
Keras' weights.
Exchanging the two axes, as much code does, gives the network of the transposed picture: no error, only worse features.
The dense layers are stored as the convolutions over the last pool that they are, flattened height, width, channels.

Fields changed their names and places between releases (`filters` and `biases` became `weights`, `normalization` and
`classes` moved into `meta`), so everything is found by name.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from converters import origin_of
from myvgg.architecture import MEAN, Architecture
from myvgg.params import Params, WeightsError, checked

VARIABLES = ("layers", "meta", "normalization", "classes")
"""What is read of the file: the network, and `meta`, or beside the network what `meta` has collected since."""

MEAN_TOLERANCE = 0.1
"""How far a mean may lie from VGG19's, 0 to 255: room for rounding, not for another set of pictures."""

VGG16_CONVOLUTIONS = 13

DATA_TYPES = frozenset((*range(1, 8), 9, *range(12, 19)))
"""Codes of what an element of a version 5 file may be; 14 is a matrix, cell array or struct, made of elements."""

NOTHING = np.empty((0, 0), np.float32)
"""MATLAB's `[]`."""

Tree = dict[str, Any]
"""A MATLAB struct: fields are structs, lists for cell arrays, `str`, or arrays indexed as in MATLAB."""


class _Stored(NamedTuple):
    """A layer as it stands in the file."""

    name: str
    kernel: np.ndarray
    bias: np.ndarray


def read(path: Path, architecture: Architecture) -> Params:
    """Read a network of any release; see `converters.load`."""
    with path.open("rb") as file:
        is_hdf5 = file.read(10) == b"MATLAB 7.3"
    tree = _read_hdf5(path) if is_hdf5 else _read_version5(path)
    generation = _generation(tree) + (", MAT 7.3" if is_hdf5 else "")
    stored = list(filter(None, map(_stored, tree.pop("layers", ()))))
    if not stored:
        raise WeightsError(path, "a MAT-file, but not a MatConvNet network: no cell array `layers` with convolutions")
    settings = tree.get("meta", tree)
    _check_mean(_dig(settings, "normalization", "averageImage"), path)
    arrays = {}
    for name in _layer_names(stored, architecture):
        if name in arrays:
            raise WeightsError(path, f"two layers are called {name}")
        arrays[name] = _arranged(stored.pop(0), name, architecture)  # popped, so that the original is freed at once
    labels = _labels(_dig(settings, "classes"))
    return checked(arrays, path=path, labels=labels, origin=origin_of(path, generation), architecture=architecture)


def _read_version5(path: Path) -> Tree:
    from scipy.io import loadmat

    _check_elements(path)
    contents = loadmat(path, appendmat=False, mat_dtype=True, variable_names=VARIABLES)
    return {name: _plain(contents[name]) for name in VARIABLES if name in contents}


def _check_elements(path: Path) -> None:
    """Follow the elements of a version 5 file to its end, because an unknown one crashes SciPy and Python with it."""
    with path.open("rb") as file:
        order = "<" if file.read(128).endswith(b"IM") else ">"
        while tag := file.read(8):
            kind, size = struct.unpack(f"{order}II", tag)
            if kind & 0xFFFF not in DATA_TYPES:
                raise WeightsError(path, f"damaged, get the file again (nothing known at byte {file.tell() - 8})")
            if kind >> 16 == 0 and kind != 14:  # not so short that it fits into the tag, and without parts
                file.seek(size + (-size % 8 if kind != 15 else 0), 1)  # compressed ones end anywhere


def _plain(value: Any) -> Any:
    """Turn what SciPy reads into a `Tree` without copying numbers."""
    if value.dtype.names:
        structs = [{name: _plain(record[name]) for name in value.dtype.names} for record in value.flat]
        return structs[0] if len(structs) == 1 else structs
    if value.dtype == object:
        return [_plain(cell) for cell in value.flat if cell is not None]  # None is a struct without fields
    return "".join(value.flat) if value.dtype.kind == "U" else value


def _read_hdf5(path: Path) -> Tree:
    import h5py

    with h5py.File(path) as file:
        return {name: _plain_hdf5(file[name]) for name in VARIABLES if name in file}


def _plain_hdf5(item: Any) -> Any:
    """Turn what h5py reads into a `Tree`: axes come reversed, cells as references, texts as UTF-16 code units."""
    import h5py

    if isinstance(item, h5py.Group):
        return {name: _plain_hdf5(child) for name, child in item.items()}
    is_text = item.attrs.get("MATLAB_class") == b"char"
    if item.attrs.get("MATLAB_empty"):  # the dataset then holds the shape
        return "" if is_text else NOTHING
    if h5py.check_ref_dtype(item.dtype):
        return [_plain_hdf5(item.file[reference]) for reference in item[()].flat]
    return item[()].astype("<u2").tobytes().decode("utf-16-le") if is_text else item[()].T


def _dig(tree: Any, *names: str) -> Any:
    for name in names:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _generation(tree: Tree) -> str:
    if any(_dig(layer, "filters") is not None for layer in tree.get("layers", ())):
        return "MatConvNet up to beta10"
    return "MatConvNet current (meta)" if "meta" in tree else "MatConvNet beta11 to beta16"


def _stored(layer: Any) -> _Stored | None:
    """Return a layer's parameters, an empty array for a missing one; nothing for a layer that has none."""
    if not isinstance(layer, dict):
        return None
    found = [layer["filters"], layer["biases"]] if "filters" in layer else layer.get("weights")
    if not isinstance(found, list) or not found:
        return None
    kernel, bias, *_ = (*found, NOTHING, NOTHING)
    return _Stored(str(layer.get("name", "")), kernel, bias)


def _layer_names(stored: Sequence[_Stored], architecture: Architecture) -> list[str]:
    """Name the stored layers: a name that the network knows counts, the others take what is left of their kind."""
    known, given = architecture.parametric, [layer.name for layer in stored]
    left = [name for name in known if name not in given]
    is_map = [layer.kernel.shape[:2] == (3, 3) for layer in stored]
    if len(left) == len(known) and sum(is_map) == VGG16_CONVOLUTIONS:
        left = [name for name in left if not name.endswith("_4")]  # so that the check can say whose file it is
    dense = {layer.name for layer in architecture.classifier}
    free = {kind: iter([name for name in left if (name in dense) != kind]) for kind in (True, False)}
    return [
        name if name in known else next(free[kind], name or f"number {i}")
        for i, (name, kind) in enumerate(zip(given, is_map, strict=True), 1)
    ]


def _arranged(layer: _Stored, name: str, architecture: Architecture) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias copied into our layout; a shape that does not fit is left for the check to name."""
    first, dense = architecture.convolutions[0].name, [dense.name for dense in architecture.classifier]
    kernel = np.ascontiguousarray(np.flip(layer.kernel, axis=-2) if name == first else layer.kernel)
    side = architecture.input_size // architecture.activations[name].stride if name == dense[0] else 1
    if name in dense and kernel.shape[:2] == (side, side):
        kernel = kernel.reshape(-1, kernel.shape[-1])
    return kernel, np.squeeze(layer.bias)


def _check_mean(image: Any, path: Path) -> None:
    """Compare the mean colour, or each pixel of the mean picture, with VGG19's; a file without one passes."""
    expected = MEAN[::-1]
    if image is None or np.size(image) == 0:
        return
    if image.shape[-1] != len(expected) or not np.allclose(image, expected, rtol=0, atol=MEAN_TOLERANCE):
        found = np.round(np.mean(image, axis=tuple(range(image.ndim - 1))), 3)
        raise WeightsError(path, f"trained with another mean: {found} in R, G, B instead of {expected}")


def _labels(classes: Any) -> tuple[str, ...]:
    """Return the descriptions of the classes, or else their WordNet names."""
    for field in ("description", "name"):
        found = _dig(classes, field)
        if isinstance(found, list) and found:
            return tuple(map(str, found))
    return ()
