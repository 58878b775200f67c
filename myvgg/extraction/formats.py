"""Files of features by format: their texts, and their arrays.

A file is data from elsewhere: no code in it is run, and no array is made that its bytes do not fill.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import safetensors

from myvgg.extraction.feature_table import stack

KEY = "myvgg"
"""The name of the recipe in a file."""

SHAPE = ".shape"
"""Ends the name of the column with the shapes of another column, whose arrays are stored flat, in Parquet."""


STAMP = "stamp"
"""The name of the pictures' stamps in a file, see `picture_names.stamp_of`."""

TEXTS = ("path", "error", STAMP, KEY)
"""Names that are no columns."""

TEXTS_AT_A_TIME = 64
"""Number of texts that are read from HDF5 together: a file may have many of the same long text."""


class Head(NamedTuple):
    """All that a file holds beside its arrays.

    Attributes:
        recipe: The text of `Recipe.to_json`.
        paths: Names of the pictures.
        errors: Reasons of pictures without features; empty texts for the others.
        stamps: The pictures' stamps; none in files of earlier versions.
    """

    recipe: str
    paths: list[str]
    errors: list[str]
    stamps: list[int]


class Format(NamedTuple):
    """The readers of a format.

    Attributes:
        head: Reads all that a file holds beside its arrays.
        columns: Opens the arrays by name, of which rows are read by a slice; its second argument is their number.
    """

    head: Callable[[Path], Head]
    columns: Callable[[Path, int], AbstractContextManager[dict[str, Any]]]


def _check(column: str, dtype: Any, shape: Sequence[int], rows: int) -> None:
    if dtype != np.float32 or not shape or shape[0] != rows:
        raise ValueError(f"{column} must be float32 of {rows} rows, not {dtype} of shape {tuple(shape)}")


def _stamps(values: np.ndarray) -> list[int]:
    if values.dtype != np.int64 or values.ndim != 1:
        raise ValueError(f"{STAMP} must be one int64 for each picture, not {values.dtype} of shape {values.shape}")
    return [int(value) for value in values]


# Parquet


def _parquet_head(path: Path) -> Head:
    from myvgg.extraction.parquet_files import read_columns

    with path.open("rb") as stream:
        table = read_columns(stream, ["path", "error", STAMP])
    errors = [error or "" for error in table["error"].to_pylist()]
    stamps = _stamps(table[STAMP].to_numpy()) if STAMP in table.column_names else []
    return Head((table.schema.metadata or {})[KEY.encode()].decode(), table["path"].to_pylist(), errors, stamps)


@contextmanager
def _parquet_columns(path: Path, rows: int) -> Iterator[dict[str, Any]]:
    with path.open("rb") as stream:
        yield dict(_columns_of_lists(stream, rows))


def _columns_of_lists(stream: BinaryIO, rows: int) -> Iterator[tuple[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from myvgg.extraction.parquet_files import read_columns

    schema = pq.read_schema(stream)
    for name in (name.removesuffix(SHAPE) for name in schema.names if name.endswith(SHAPE)):
        if schema.field(name).type != pa.large_list(pa.float32()):
            raise ValueError(f"{name} must be lists of float32, not {schema.field(name).type}")
        table = read_columns(stream, [name, name + SHAPE])
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
    from myvgg.runtime.hdf5_files import opened

    with opened(path) as file:
        stamps = _stamps(_dataset(file, STAMP)[()]) if STAMP in file else []
        return Head(_attribute(file, KEY), [*_texts(file, "path")], [*_texts(file, "error")], stamps)


def _attribute(file: Any, name: str) -> str:
    """Return a text of the file, of no more bytes than the file has."""
    import h5py

    attribute = h5py.h5a.open(file.id, name.encode())
    if attribute.shape != () or attribute.get_storage_size() > Path(file.filename).stat().st_size:
        raise ValueError(f"{name} is no text")
    return str(file.attrs[name])


def _texts(file: Any, name: str) -> Iterator[str]:
    """Yield texts, of no more characters together than the file has bytes."""
    import h5py

    dataset, room = _dataset(file, name), Path(file.filename).stat().st_size
    if dataset.ndim != 1 or h5py.check_string_dtype(dataset.dtype) is None:
        raise ValueError(f"{name} is no list of texts")
    for start in range(0, len(dataset), TEXTS_AT_A_TIME):
        texts = dataset.asstr()[start : start + TEXTS_AT_A_TIME]
        room -= sum(map(len, texts))
        if room < 0:
            raise ValueError(f"{name} has more text than the file")
        yield from texts


@contextmanager
def _hdf5_columns(path: Path, rows: int) -> Iterator[dict[str, Any]]:
    from myvgg.runtime.hdf5_files import opened

    with opened(path) as file:
        columns = {name: _dataset(file, name) for name in file if name not in TEXTS}
        for name, dataset in columns.items():
            _check(name, dataset.dtype, dataset.shape, rows)
        if sum(dataset.nbytes for dataset in columns.values()) > path.stat().st_size:
            raise ValueError("its arrays declare more bytes than the file has")
        yield columns


def _dataset(file: Any, name: str) -> Any:
    """Return a plain array, whose bytes lie in the file.

    Raises:
        ValueError: Something else, or more values than the file has bytes for.
    """
    import h5py

    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None or dataset.chunks:
        raise ValueError(f"{name} is no plain array")
    if dataset.nbytes > Path(file.filename).stat().st_size:
        raise ValueError(f"{name} declares {dataset.nbytes} bytes, more than the file has")
    return dataset


# NumPy's


def _numpy_head(path: Path) -> Head:
    with zipfile.ZipFile(path) as archive:
        stamps = _stamps(_member(archive, STAMP)) if f"{STAMP}.npy" in archive.namelist() else []
        paths, errors = (_member(archive, name).tolist() for name in ("path", "error"))
        return Head(str(_member(archive, KEY)), paths, errors, stamps)


@contextmanager
def _numpy_columns(path: Path, rows: int) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        columns = {name: _member(archive, name) for name in names if name not in TEXTS}
    for name, values in columns.items():
        _check(name, values.dtype, values.shape, rows)
    yield columns


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
        stamps = _stamps(file.get_tensor(STAMP)) if STAMP in file.keys() else []  # noqa: SIM118  # it is no mapping
    return Head(metadata[KEY], _listed(metadata["path"]), _listed(metadata["error"]), stamps)


def _listed(text: str) -> list[Any]:
    listed = json.loads(text)
    if not isinstance(listed, list):
        raise ValueError("its paths or errors are no list")
    return listed


@contextmanager
def _safetensors_columns(path: Path, rows: int) -> Iterator[dict[str, Any]]:
    with safetensors.safe_open(path, framework="np") as file:
        columns = {name: file.get_slice(name) for name in file.keys() if name not in TEXTS}  # noqa: SIM118
        for name, values in columns.items():
            _check(
                name, {"F32": np.dtype("float32")}.get(values.get_dtype(), values.get_dtype()), values.get_shape(), rows
            )
        yield columns


FORMATS = {
    ".parquet": Format(_parquet_head, _parquet_columns),
    ".h5": Format(_hdf5_head, _hdf5_columns),
    ".npz": Format(_numpy_head, _numpy_columns),
    ".safetensors": Format(_safetensors_head, _safetensors_columns),
}
"""The readers by suffix."""
