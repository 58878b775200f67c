"""MatConvNet's `imagenet-vgg-verydeep-19.mat`, of any beta, also saved again by MATLAB as version 7.3.

Kernels are stored as (height, width, inputs, outputs), as in Keras; pictures are R, G, B. So only conv1_1 differs from
ours, in the order of its inputs. Height and width must not be exchanged: read without a transposition, every published
value of conv1_1 is at its own index in the file and, with the inputs reversed, in Keras' weights. Much code exchanges
the two axes and gets the network of the transposed picture, with worse features and no error.

Dense layers are stored as convolutions over the last pool, with inputs in the order height, width, channels.

Fields changed their names and places between releases (`filters` and `biases` became `weights`, `normalization` and
`classes` moved into `meta`), so every field is looked up by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from myvgg.architecture import MEAN, Architecture
from myvgg.params import Params, WeightsError, checked

from . import elements
from .origins import origin_of

VARIABLES = ("layers", "meta", "normalization", "classes")
"""Variables that are read: the network, `meta`, and the variables that `meta` took the place of."""

MEAN_TOLERANCE = 0.1
"""Largest deviation of a mean from VGG19's, 0 to 255; it allows for rounding, not for other training pictures."""

VGG16_CONVOLUTIONS = 13
"""Number of convolutions of VGG16."""

MAX_ITEMS = 100_000
"""Largest number of arrays, cells and structs of a file."""

NOTHING = np.empty((0, 0), np.float32)
"""MATLAB's `[]`."""

Tree = dict[str, Any]
"""A MATLAB struct. Fields are structs, lists for cell arrays, texts, or arrays with MATLAB's order of axes."""


class _Stored(NamedTuple):
    """A layer of the file.

    Attributes:
        name: Name in the file, which may be empty.
        kernel: Kernel in the file's layout.
        bias: Bias in the file's layout.
    """

    name: str
    kernel: np.ndarray
    bias: np.ndarray


@dataclass
class _Budget:
    """The rest of the values that a file may declare; references can name an array many times.

    Attributes:
        items: Number of arrays, cells and structs.
        values: Number of values of all arrays.
    """

    items: int
    values: int

    def spend(self, values: int) -> None:
        """Count an item with its values."""
        self.items, self.values = self.items - 1, self.values - values
        if min(self.items, self.values) < 0:
            raise ValueError("it declares more values than a network has")


def read(path: Path, architecture: Architecture) -> Params:
    """Read a network of any release; see `converters.load`."""
    with path.open("rb") as file:
        is_hdf5 = file.read(10) == b"MATLAB 7.3"
    tree = _read_hdf5(path, architecture) if is_hdf5 else _read_version5(path, architecture)
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
        arrays[name] = _arranged(stored.pop(0), name, architecture)  # popped, so the original is freed at once
    labels = _labels(_dig(settings, "classes"))
    return checked(arrays, path=path, labels=labels, origin=origin_of(path, generation), architecture=architecture)


def _read_version5(path: Path, architecture: Architecture) -> Tree:
    from scipy.io import loadmat

    elements.check(path, architecture)
    contents = loadmat(path, appendmat=False, mat_dtype=True, variable_names=VARIABLES)
    return {name: _plain(contents[name]) for name in VARIABLES if name in contents}


def _plain(value: Any) -> Any:
    """Convert a value of SciPy to a `Tree` without copies of numbers."""
    if value.dtype.names:
        structs = [{name: _plain(record[name]) for name in value.dtype.names} for record in value.flat]
        return structs[0] if len(structs) == 1 else structs
    if value.dtype == object:
        return [_plain(cell) for cell in value.flat if cell is not None]  # None is a struct without fields
    return "".join(value.flat) if value.dtype.kind == "U" else value


def _read_hdf5(path: Path, architecture: Architecture) -> Tree:
    from .hdf5 import opened

    largest = MAX_ITEMS + 2 * sum(math.prod(layer.kernel_shape) for layer in architecture.parametric.values())
    budget = _Budget(MAX_ITEMS, largest)
    with opened(path) as file:
        return {name: _plain_hdf5(file[name], budget) for name in VARIABLES if name in file}


def _plain_hdf5(item: Any, budget: _Budget) -> Any:
    """Convert an item of h5py to a `Tree`: axes are reversed, cells are references, texts are UTF-16 code units."""
    import h5py

    budget.spend(item.size if isinstance(item, h5py.Dataset) else 0)
    if isinstance(item, h5py.Group):
        return {name: _plain_hdf5(child, budget) for name, child in item.items()}
    is_text = item.attrs.get("MATLAB_class") == b"char"
    if item.attrs.get("MATLAB_empty"):  # such a dataset holds the shape
        return "" if is_text else NOTHING
    if h5py.check_ref_dtype(item.dtype):
        return [_plain_hdf5(item.file[reference], budget) for reference in item[()].flat]
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
    """Return kernel and bias of a layer, with an empty array for a missing one; None for a layer without parameters."""
    if not isinstance(layer, dict):
        return None
    found = [layer["filters"], layer["biases"]] if "filters" in layer else layer.get("weights")
    if not isinstance(found, list) or not found:
        return None
    kernel, bias, *_ = (*found, NOTHING, NOTHING)
    return _Stored(str(layer.get("name", "")), kernel, bias)


def _layer_names(stored: Sequence[_Stored], architecture: Architecture) -> list[str]:
    """Return our names of the stored layers: the stored name if it is known, or else the next free one of its kind."""
    known, given = architecture.parametric, [layer.name for layer in stored]
    left = [name for name in known if name not in given]
    is_map = [layer.kernel.shape[:2] == (3, 3) for layer in stored]
    if len(left) == len(known) and sum(is_map) == VGG16_CONVOLUTIONS:
        left = [name for name in left if not name.endswith("_4")]  # so `checked` can report VGG16's file
    dense = {layer.name for layer in architecture.classifier}
    free = {kind: iter([name for name in left if (name in dense) != kind]) for kind in (True, False)}
    return [
        name if name in known else next(free[kind], name or f"number {i}")
        for i, (name, kind) in enumerate(zip(given, is_map, strict=True), 1)
    ]


def _arranged(layer: _Stored, name: str, architecture: Architecture) -> tuple[np.ndarray, np.ndarray]:
    """Return copies of kernel and bias in our layout. A wrong shape stays wrong; `checked` reports it."""
    first, dense = architecture.convolutions[0].name, [dense.name for dense in architecture.classifier]
    kernel = np.ascontiguousarray(np.flip(layer.kernel, axis=-2) if name == first else layer.kernel)
    side = architecture.input_size // architecture.activations[name].stride if name == dense[0] else 1
    if name in dense and kernel.shape[:2] == (side, side):
        kernel = kernel.reshape(-1, kernel.shape[-1])
    return kernel, np.squeeze(layer.bias)


def _check_mean(image: Any, path: Path) -> None:
    """Compare the mean colour, or each pixel of the mean picture, with VGG19's; a file without a mean passes."""
    expected = MEAN[::-1]
    if image is None or np.size(image) == 0:
        return
    if image.shape[-1] != len(expected) or not np.allclose(image, expected, rtol=0, atol=MEAN_TOLERANCE):
        found = np.round(np.mean(image, axis=tuple(range(image.ndim - 1))), 3)
        raise WeightsError(path, f"trained with another mean: {found} in R, G, B instead of {expected}")


def _labels(classes: Any) -> tuple[str, ...]:
    """Return the descriptions of the classes, or else their WordNet ids."""
    for field in ("description", "name"):
        found = _dig(classes, field)
        if isinstance(found, list) and found:
            return tuple(map(str, found))
    return ()
