"""The parts of a list put together as one file: Parquet, HDF5, NumPy's or safetensors.

A file has a row for each picture of the list, in its order. A picture without features has the reason in `error`;
its features are null in Parquet, and NaN in the other formats, which hold whole arrays.
No writer holds more than one part in memory.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from myvgg.extraction import parts
from myvgg.extraction.formats import KEY, SHAPE
from myvgg.extraction.recipe import Recipe
from myvgg.runtime.files import replacing


class Content(NamedTuple):
    """The content of a file.

    Attributes:
        paths: All pictures, in order.
        columns: Names of the arrays.
        files: The parts.
        recipe: How the arrays were computed.
    """

    paths: Sequence[str]
    columns: Sequence[str]
    files: Sequence[Path]
    recipe: Recipe

    def errors(self) -> list[str]:
        """Return the reason for each picture without features; an empty text for the others."""
        places = parts.places_of(self.files)
        return [places[path].error for path in self.paths]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the one shape of each column's arrays.

        Raises:
            ValueError: Pictures of different sizes have given arrays of different shapes.
        """
        found: dict[str, set[tuple[int, ...]]] = {column: set() for column in self.columns}
        for path in self.files:
            table = pq.read_table(path, columns=[column + SHAPE for column in self.columns])
            for column in self.columns:
                found[column] |= {shape for shape in parts.shapes_in(column, table) if shape is not None}
        for column, shapes in found.items():
            if len(shapes) > 1:
                some = ", ".join(map(str, sorted(shapes)[:3]))
                raise ValueError(
                    f"pictures of different sizes give {column} in different shapes ({some}), which only .parquet "
                    "holds: name such a file, or crop the pictures, or reduce maps to their mean"
                )
        return {column: next(iter(shapes), ()) for column, shapes in found.items()}

    def rows(self, column: str, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
        """Read a column some rows at a time, (rows, *shape), NaN for pictures without features."""
        for table in parts.read_in_order(self.paths, self.files, columns=[column]):
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
            for table in parts.read_in_order(content.paths, content.files):
                table = table.replace_schema_metadata({KEY: content.recipe.to_json()})
                writer = writer or pq.ParquetWriter(stream, table.schema, compression="zstd")
                writer.write_table(table)
        finally:
            if writer:
                writer.close()


def _hdf5(content: Content, path: Path) -> None:
    import h5py

    shapes, count = content.shapes(), len(content.paths)
    with path.open("w+b") as stream, h5py.File(stream, "w") as file:
        file.attrs[KEY] = content.recipe.to_json()
        file["path"], file["error"] = list(content.paths), content.errors()
        for column, shape in shapes.items():
            dataset, start = file.create_dataset(column, (count, *shape), "<f4"), 0
            for rows in content.rows(column, shape):
                dataset[start : start + len(rows)] = rows
                start += len(rows)


def _numpy(content: Content, path: Path) -> None:
    texts = {"path": list(content.paths), "error": content.errors(), KEY: content.recipe.to_json()}
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
    """Write a header in JSON, then the arrays' bytes; the format's own library wants all arrays in memory."""
    texts = {"path": [*content.paths], "error": content.errors()}
    header: dict[str, object] = {
        "__metadata__": {KEY: content.recipe.to_json()} | {name: json.dumps(text) for name, text in texts.items()}
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


WRITERS: dict[str, Callable[[Content, Path], None]] = {
    ".parquet": _parquet,
    ".h5": _hdf5,
    ".npz": _numpy,
    ".safetensors": _safetensors,
}
"""The writers by suffix."""
