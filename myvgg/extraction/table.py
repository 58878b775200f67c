"""The parts put together as one file: Parquet, HDF5, NumPy's or safetensors.

A file has a row for each picture of the list, in its order. In Parquet, a picture that could not be read has a reason
in `error` and nothing else; the other formats hold whole arrays, which are NaN there.
None of the writers holds more than one part at a time in memory.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors

from myvgg.extraction import parts
from myvgg.extraction.parts import SHAPE
from myvgg.extraction.plan import Plan
from myvgg.files import replacing

KEY = "myvgg"
"""Under which the plan is stored in a file."""


class Stored(NamedTuple):
    """What a file says of itself.

    Attributes:
        plan: As `Plan.described` wrote it; empty if the file is none of ours.
        paths: Its pictures.
    """

    plan: str
    paths: list[str]


class Content(NamedTuple):
    """What a file is made of.

    Attributes:
        paths: All pictures, in order.
        columns: Names of the arrays.
        files: The parts.
        plan: What they are of.
    """

    paths: Sequence[str]
    columns: Sequence[str]
    files: Sequence[Path]
    plan: Plan

    def errors(self) -> list[str]:
        """Return why each picture has nothing; empty where it has."""
        found: dict[str, str] = {}
        for path in self.files:
            table = pq.read_table(path, columns=["path", "error"])
            for name, error in zip(table["path"].to_pylist(), table["error"].to_pylist(), strict=True):
                found.setdefault(name, error or "")
        return [found[path] for path in self.paths]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each column's arrays, if it is one.

        Raises:
            ValueError: Pictures of different sizes have given arrays of different shapes.
        """
        found: dict[str, set[tuple[int, ...]]] = {column: set() for column in self.columns}
        for path in self.files:
            table = pq.read_table(path, columns=[column + SHAPE for column in self.columns])
            for column in self.columns:
                found[column] |= {shape for shape in parts.shape_of(column, table) if shape is not None}
        for column, shapes in found.items():
            if len(shapes) > 1:
                some = ", ".join(map(str, sorted(shapes)[:3]))
                raise ValueError(
                    f"pictures of different sizes give {column} in different shapes ({some}), which only .parquet "
                    "holds: choose it, or --fit crop, or --pool mean"
                )
        return {column: next(iter(shapes), ()) for column, shapes in found.items()}

    def rows(self, column: str, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
        """Read a column some rows at a time, (rows, *shape), NaN where there is nothing."""
        for table in parts.in_order(self.paths, self.files, columns=[column]):
            found = [np.full(shape, np.nan, np.float32)] * len(table)
            values = table[column].combine_chunks()
            for index, value in enumerate(values):
                if value.is_valid:
                    found[index] = value.values.to_numpy().reshape(shape)
            yield np.stack(found)


def write(content: Content, output: Path) -> None:
    """Write a file in the format of its suffix, whole or not at all.

    Raises:
        ValueError: Arrays of different shapes, for any but Parquet; another suffix.
        OSError: It cannot be written; an older file stays as it was.
    """
    writer = writer_of(output)
    with replacing(output) as temporary:
        writer(content, temporary)


def writer_of(output: Path) -> Callable[[Content, Path], None]:
    """Return what writes a path's suffix.

    Raises:
        ValueError: Nothing does.
    """
    if output.suffix.lower() not in WRITERS:
        raise ValueError(f"cannot write {output}: name it {', '.join(WRITERS)}")
    return WRITERS[output.suffix.lower()]


def stored(output: Path) -> Stored:
    """Return what an existing file is of, and its pictures; nothing where it is no such file."""
    try:
        return READERS[output.suffix.lower()](output)
    except (pa.ArrowInvalid, OSError, ValueError, LookupError, zipfile.BadZipFile, safetensors.SafetensorError):
        return Stored("", [])


def _parquet(content: Content, path: Path) -> None:
    writer = None
    with path.open("wb") as stream:
        try:
            for table in parts.in_order(content.paths, content.files):
                table = table.replace_schema_metadata({KEY: content.plan.described()})
                writer = writer or pq.ParquetWriter(stream, table.schema, compression="zstd")
                writer.write_table(table)
        finally:
            if writer:
                writer.close()


def _hdf5(content: Content, path: Path) -> None:
    import h5py

    shapes, count = content.shapes(), len(content.paths)
    with path.open("w+b") as stream, h5py.File(stream, "w") as file:
        file.attrs[KEY] = content.plan.described()
        file["path"], file["error"] = list(content.paths), content.errors()
        for column, shape in shapes.items():
            dataset, start = file.create_dataset(column, (count, *shape), "<f4"), 0
            for rows in content.rows(column, shape):
                dataset[start : start + len(rows)] = rows
                start += len(rows)


def _numpy(content: Content, path: Path) -> None:
    texts = {"path": list(content.paths), "error": content.errors(), KEY: content.plan.described()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, text in texts.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.array(text, str), allow_pickle=False)
        for column, shape in content.shapes().items():
            header = {"descr": "<f4", "fortran_order": False, "shape": (len(content.paths), *shape)}
            with archive.open(f"{column}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array_header_1_0(stream, header)
                for rows in content.rows(column, shape):
                    stream.write(rows.tobytes())


def _safetensors(content: Content, path: Path) -> None:
    """Write the format by hand, since the library wants all arrays at once: a header in JSON, then their bytes."""
    texts = {"path": [*content.paths], "error": content.errors()}
    header: dict[str, object] = {
        "__metadata__": {KEY: content.plan.described()} | {name: json.dumps(text) for name, text in texts.items()}
    }
    shapes, end = content.shapes(), 0
    for column, shape in shapes.items():
        start, end = end, end + 4 * len(content.paths) * int(np.prod(shape))
        header[column] = {"dtype": "F32", "shape": [len(content.paths), *shape], "data_offsets": [start, end]}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with path.open("wb") as stream:
        stream.write(len(encoded).to_bytes(8, "little") + encoded)
        for column, shape in shapes.items():
            for rows in content.rows(column, shape):
                stream.write(rows.tobytes())


def _read_parquet(path: Path) -> Stored:
    plan = (pq.read_schema(path).metadata or {})[KEY.encode()].decode()
    return Stored(plan, pq.read_table(path, columns=["path"])["path"].to_pylist())


def _read_hdf5(path: Path) -> Stored:
    import h5py

    with h5py.File(path, "r") as file:
        return Stored(str(file.attrs[KEY]), [*file["path"].asstr()])


def _read_numpy(path: Path) -> Stored:
    with np.load(path, allow_pickle=False) as archive:
        return Stored(str(archive[KEY]), archive["path"].tolist())


def _read_safetensors(path: Path) -> Stored:
    with safetensors.safe_open(path, framework="np") as file:
        metadata = file.metadata() or {}
        return Stored(metadata[KEY], json.loads(metadata["path"]))


WRITERS: dict[str, Callable[[Content, Path], None]] = {
    ".parquet": _parquet,
    ".h5": _hdf5,
    ".npz": _numpy,
    ".safetensors": _safetensors,
}
READERS: dict[str, Callable[[Path], Stored]] = {
    ".parquet": _read_parquet,
    ".h5": _read_hdf5,
    ".npz": _read_numpy,
    ".safetensors": _read_safetensors,
}
