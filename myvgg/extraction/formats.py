"""Files of features by format: their texts, and their arrays.

A file is data from elsewhere: no code in it is run, and no array is made that its bytes do not fill.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors

from myvgg.extraction.feature_table import stack

KEY = "myvgg"
"""The name of the recipe in a file."""

SHAPE = ".shape"
"""Ends the name of the column with the shapes of another column, whose arrays are stored flat, in Parquet."""


class Head(NamedTuple):
    """All that a file holds beside its arrays.

    Attributes:
        recipe: The text of `Recipe.to_json`.
        paths: Names of the pictures.
        errors: Reasons of pictures without features; empty texts for the others.
    """

    recipe: str
    paths: list[str]
    errors: list[str]


class Format(NamedTuple):
    """The readers of a format.

    Attributes:
        head: Reads all that a file holds beside its arrays.
        columns: Yields names and arrays; its second argument is the number of rows.
    """

    head: Callable[[Path], Head]
    columns: Callable[[Path, int], Iterator[tuple[str, Any]]]


def _checked(column: str, values: np.ndarray, rows: int) -> np.ndarray:
    if values.dtype != np.float32 or values.ndim == 0 or len(values) != rows:
        raise ValueError(f"{column} must be float32 of {rows} rows, not {values.dtype} of shape {values.shape}")
    return values


# Parquet


def _parquet_head(path: Path) -> Head:
    import pyarrow.parquet as pq

    metadata = pq.read_schema(path).metadata or {}
    table = pq.read_table(path, columns=["path", "error"])
    errors = [error or "" for error in table["error"].to_pylist()]
    return Head(metadata[KEY.encode()].decode(), table["path"].to_pylist(), errors)


def _parquet_columns(path: Path, rows: int) -> Iterator[tuple[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    for name in (name.removesuffix(SHAPE) for name in schema.names if name.endswith(SHAPE)):
        if schema.field(name).type != pa.large_list(pa.float32()):
            raise ValueError(f"{name} must be lists of float32, not {schema.field(name).type}")
        table = pq.read_table(path, columns=[name, name + SHAPE])
        shapes = table[name + SHAPE].to_pylist()
        arrays = [array for chunk in table[name].chunks for array in _arrays_of(chunk)]
        if len(arrays) != rows:
            raise ValueError(f"{name} must have {rows} rows, not {len(arrays)}")
        yield name, stack(list(map(_shaped, arrays, shapes)))


def _arrays_of(chunk: Any) -> Iterator[np.ndarray | None]:
    """Yield the flat arrays of a column of lists, without a copy; None for a null."""
    offsets, valid = chunk.offsets.to_numpy(), chunk.is_valid().to_pylist()
    values = chunk.values.to_numpy(zero_copy_only=False)
    for index, is_valid in enumerate(valid):
        yield values[offsets[index] : offsets[index + 1]] if is_valid else None


def _shaped(array: np.ndarray | None, shape: Sequence[int] | None) -> np.ndarray | None:
    if (array is None) != (shape is None):
        raise ValueError("an array without a shape, or a shape without an array")
    return None if array is None or shape is None else array.astype(np.float32, copy=False).reshape(shape)


# HDF5


def _hdf5_head(path: Path) -> Head:
    import h5py

    with h5py.File(path, "r") as file:
        return Head(str(file.attrs[KEY]), [*_texts(file, "path")], [*_texts(file, "error")])


def _texts(file: Any, name: str) -> Any:
    """Return a dataset of texts that lies in the file itself."""
    return _dataset(file, name).asstr()


def _hdf5_columns(path: Path, rows: int) -> Iterator[tuple[str, Any]]:
    import h5py

    with h5py.File(path, "r") as file:
        for name in file:
            if name not in ("path", "error"):
                yield name, _checked(name, _dataset(file, name)[()], rows)


def _dataset(file: Any, name: str) -> Any:
    """Return a dataset whose bytes lie in the file itself, all of them.

    Raises:
        ValueError: A link to another file, or more values than the file has bytes for.
    """
    import h5py

    if not isinstance(file.get(name, getlink=True), h5py.HardLink | None):
        raise ValueError(f"{name} is a link")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual or dataset.chunks:
        raise ValueError(f"{name} is no plain array")
    if dataset.nbytes > Path(file.filename).stat().st_size:
        raise ValueError(f"{name} declares {dataset.nbytes} bytes, more than the file has")
    return dataset


# NumPy's


def _numpy_head(path: Path) -> Head:
    with zipfile.ZipFile(path) as archive:
        return Head(str(_member(archive, KEY)), _member(archive, "path").tolist(), _member(archive, "error").tolist())


def _numpy_columns(path: Path, rows: int) -> Iterator[tuple[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        for name in (each.removesuffix(".npy") for each in archive.namelist()):
            if name not in (KEY, "path", "error"):
                yield name, _checked(name, _member(archive, name), rows)


def _member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Return an array of an archive, after its declared size has been compared with its bytes.

    Raises:
        ValueError: Compressed or pickled arrays, or another number of bytes than the header declares.
    """
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    content = archive.read(member)
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, fortran_order, dtype = header[version](stream)
    count = int(np.prod(shape, dtype=object))
    if dtype.hasobject or fortran_order or count * dtype.itemsize != len(content) - stream.tell():
        raise ValueError(f"{name} is no plain array of {shape} {dtype}")
    return np.frombuffer(content, dtype, count, stream.tell()).reshape(shape)


# safetensors


def _safetensors_head(path: Path) -> Head:
    with safetensors.safe_open(path, framework="np") as file:
        metadata = file.metadata() or {}
    return Head(metadata[KEY], *(_listed(metadata[name]) for name in ("path", "error")))


def _listed(text: str) -> list[Any]:
    listed = json.loads(text)
    if not isinstance(listed, list):
        raise ValueError("its paths or errors are no list")
    return listed


def _safetensors_columns(path: Path, rows: int) -> Iterator[tuple[str, Any]]:
    with safetensors.safe_open(path, framework="np") as file:
        for name in file.keys():  # noqa: SIM118  # it is no mapping
            yield name, _checked(name, file.get_tensor(name), rows)


FORMATS = {
    ".parquet": Format(_parquet_head, _parquet_columns),
    ".h5": Format(_hdf5_head, _hdf5_columns),
    ".npz": Format(_numpy_head, _numpy_columns),
    ".safetensors": Format(_safetensors_head, _safetensors_columns),
}
"""The readers by suffix."""
