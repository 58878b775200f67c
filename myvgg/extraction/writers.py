"""The parts of a list put together as one file: Parquet, HDF5, NumPy's or safetensors.

A file has a row for each picture of the list, in its order. A picture without features has the reason in `error`;
its features are null in Parquet, and NaN in the other formats, which hold whole arrays.
No writer holds more than one part in memory.
"""

from __future__ import annotations

import errno
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from myvgg.extraction.assembling import Place, Shapes, places_of, read_in_order
from myvgg.extraction.formats import KEY, SHAPE, STAMP
from myvgg.extraction.parts import Part
from myvgg.extraction.readers import read_head
from myvgg.extraction.recipe import Recipe
from myvgg.runtime.files import replacing

MAX_HEADER = 100_000_000
"""Largest number of bytes in the header of a safetensors file that its library reads."""

TOO_MANY_NAMES = (
    "the names of {count:,} pictures take {size:.0f} MB, and .safetensors holds 100 MB of them: name a file .parquet "
    "or .h5, which goes on from what is computed"
)
"""The error of a list that is too long for a safetensors file."""


@dataclass(frozen=True, eq=False)
class Content:
    """The content of a file.

    Attributes:
        paths: Names of all pictures, in order.
        columns: Names of the arrays.
        files: The parts.
        recipe: How the arrays were computed.
        stamps: The present stamps of the pictures, see `places_of`.
    """

    paths: Sequence[str]
    columns: Sequence[str]
    files: Sequence[Part]
    recipe: Recipe
    stamps: Mapping[str, int] | None = None

    @cached_property
    def places(self) -> list[Place]:
        """The places of the pictures' rows, in order."""
        places = places_of(self.files, self.stamps)
        return [places[path] for path in self.paths]

    @property
    def errors(self) -> list[str]:
        """The reason for each picture without features; an empty text for the others."""
        return [place.error for place in self.places]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the one shape of each column's arrays.

        Raises:
            ValueError: Pictures of different sizes have given arrays of different shapes.
        """
        found = Shapes()
        found.see_rows(self.places, self.files, self.columns)
        return {column: found[column] for column in self.columns}

    def tables(self) -> Iterator[pa.Table]:
        """Read all rows, some at a time."""
        columns = [name for column in self.columns for name in (column, column + SHAPE)]
        return read_in_order(self.places, self.files, ["path", "error", STAMP, *columns])

    def rows(self, column: str, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
        """Read a column some rows at a time, (rows, *shape), NaN for pictures without features."""
        for table in read_in_order(self.places, self.files, [column]):
            made = np.full((len(table), *shape), np.nan, np.float32)
            for index, value in enumerate(table[column].combine_chunks()):
                if value.is_valid:
                    made[index] = value.values.to_numpy().reshape(shape)
            yield made


def write(content: Content, output: Path) -> None:
    """Write a file in the format of its suffix, whole or not at all.

    Raises:
        ValueError: Arrays of different shapes in a format other than Parquet, or another suffix.
        OSError: The file cannot be written; an older file stays as it was.
    """
    writer = writer_of(output)
    with replacing(output) as temporary:
        writer(content, temporary)
        head = read_head(temporary)
        if head is None or head.paths != list(content.paths):
            raise OSError(errno.EIO, "the file cannot be read again", str(output))


def writer_of(output: Path) -> Callable[[Content, Path], None]:
    """Return the writer for a path's suffix.

    Raises:
        ValueError: There is none.
    """
    if output.suffix.lower() not in WRITERS:
        raise ValueError(f"cannot write {output}: name it {', '.join(WRITERS)}")
    return WRITERS[output.suffix.lower()]


def _parquet(content: Content, path: Path) -> None:
    writer = None
    with path.open("wb") as stream:
        try:
            for table in content.tables():
                table = table.replace_schema_metadata({KEY: content.recipe.to_json()})
                writer = writer or pq.ParquetWriter(stream, table.schema, compression="zstd")
                writer.write_table(table)
        finally:
            if writer:
                writer.close()


def _hdf5(content: Content, path: Path) -> None:
    from myvgg.runtime.hdf5_files import created  # not at import: it imports h5py

    shapes, count = content.shapes(), len(content.paths)
    with created(path) as file:
        file.attrs[KEY] = content.recipe.to_json()
        file["path"], file["error"], file[STAMP] = list(content.paths), content.errors, _stamps(content)
        for column, shape in shapes.items():
            dataset, start = file.create_dataset(column, (count, *shape), "<f4"), 0
            for rows in content.rows(column, shape):
                dataset[start : start + len(rows)] = rows
                start += len(rows)


def _numpy(content: Content, path: Path) -> None:
    texts = {"path": list(content.paths), "error": content.errors, KEY: content.recipe.to_json()}
    members = {name: np.array(text, str) for name, text in texts.items()} | {STAMP: _stamps(content)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in members.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)
        for column, shape in content.shapes().items():
            header = {"descr": "<f4", "fortran_order": False, "shape": (len(content.paths), *shape)}
            with archive.open(f"{column}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array_header_1_0(stream, header)
                for rows in content.rows(column, shape):
                    stream.write(rows.tobytes())


def _safetensors(content: Content, path: Path) -> None:
    """Write a header in JSON, then the arrays' bytes; the format's own library wants all arrays in memory."""
    count, shapes = len(content.paths), content.shapes()
    header: dict[str, object] = {STAMP: {"dtype": "I64", "shape": [count], "data_offsets": [0, 8 * count]}}
    end = 8 * count
    for column, shape in shapes.items():
        start, end = end, end + 4 * count * int(np.prod(shape))
        header[column] = {"dtype": "F32", "shape": [count, *shape], "data_offsets": [start, end]}
    encoded = _encoded_header(content.paths, content.errors, content.recipe, header)
    with path.open("wb") as stream:
        stream.write(len(encoded).to_bytes(8, "little") + encoded)
        stream.write(_stamps(content).tobytes())
        for column, shape in shapes.items():
            for rows in content.rows(column, shape):
                stream.write(rows.tobytes())


def check_names(paths: Sequence[str], recipe: Recipe, output: Path) -> None:
    """Raise if a format cannot hold so many names, before anything is computed.

    Raises:
        ValueError: The header of a safetensors file would be larger than the format allows.
    """
    if output.suffix.lower() == ".safetensors":
        _encoded_header(paths, [""] * len(paths), recipe, {})


def _encoded_header(paths: Sequence[str], errors: Sequence[str], recipe: Recipe, arrays: Mapping[str, object]) -> bytes:
    texts = {name: json.dumps(text) for name, text in (("path", [*paths]), ("error", [*errors]))}
    encoded = json.dumps({"__metadata__": {KEY: recipe.to_json()} | texts} | dict(arrays)).encode()
    encoded += b" " * (-len(encoded) % 8)
    if len(encoded) > MAX_HEADER:
        raise ValueError(TOO_MANY_NAMES.format(count=len(paths), size=len(encoded) / 1e6))
    return encoded


def _stamps(content: Content) -> np.ndarray:
    return np.array([place.stamp for place in content.places], "<i8")


WRITERS: dict[str, Callable[[Content, Path], None]] = {
    ".parquet": _parquet,
    ".h5": _hdf5,
    ".npz": _numpy,
    ".safetensors": _safetensors,
}
"""The writers by suffix."""
