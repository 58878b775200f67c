"""The parts of an unfinished file of features: Parquet files in a folder beside the result.

Each part is written whole or not at all. So whatever ends a run, the pictures in its parts are done.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from myvgg.extraction.batching import Row
from myvgg.extraction.formats import SHAPE, STAMP
from myvgg.extraction.parquet_files import read_columns
from myvgg.extraction.recipe import Recipe
from myvgg.runtime.files import replacing

RECIPE = "plan.json"
"""The file of a folder that holds the recipe of its parts."""

LOCK = "lock"
"""The file of a folder that the run that writes there holds."""

WHOLE = "[!.]*.parquet"
"""The pattern of parts, without those that are being written."""

NUMBER_BYTES = 4
"""Bytes of a number in memory."""

PART_BYTES = 64e6
"""Bytes of arrays in a part, about."""


class Part(NamedTuple):
    """Rows of a Parquet file that are read together.

    Attributes:
        path: The file.
        group: Index of the group of rows.
        rows: Number of rows.
        size: Bytes of the rows in memory, about.
    """

    path: Path
    group: int
    rows: int
    size: int


def folder_of(output: Path) -> Path:
    """Return the folder for the parts of a file."""
    return output.with_name(output.name + ".parts")


def remove_leftover(folder: Path, recipe: Recipe) -> None:
    """Remove the parts of a finished file, which a run that was killed at its very end has left."""
    described = folder / RECIPE
    if described.exists() and not recipe.difference(described.read_text(encoding="utf-8")):
        with suppress(ValueError, OSError), locked(folder):
            remove_folder(folder)


def adopt_folder(output: Path, recipe: Recipe, suffixes: Iterable[str]) -> None:
    """Take over the parts of a file of another format that was not finished, where there are none of this one.

    Args:
        output: The file.
        recipe: The recipe that the parts must be of.
        suffixes: Suffixes of the other formats.
    """
    for other in (output.with_suffix(suffix) for suffix in suffixes):
        folder, described = folder_of(other), folder_of(other) / RECIPE
        if folder_of(output).exists() or other.exists() or not described.exists():
            continue
        if not recipe.difference(described.read_text(encoding="utf-8")):
            with suppress(ValueError, OSError), locked(folder):  # another run may be writing there
                folder.rename(folder_of(output))


def open_folder(folder: Path, recipe: Recipe) -> Path:
    """Make the folder, or check that the parts of an earlier run in it are of the same recipe.

    Raises:
        ValueError: They are of another recipe.
        OSError: The folder cannot be made.
    """
    described = folder / RECIPE
    if described.exists():
        if different := recipe.difference(described.read_text(encoding="utf-8")):
            raise ValueError(
                f"{folder} has features of an earlier run with {different}: remove it, or name another file"
            )
        return folder
    folder.mkdir(exist_ok=True)
    with replacing(described) as temporary:
        temporary.write_text(recipe.to_json(), encoding="utf-8")
    return folder


def remove_folder(folder: Path) -> None:
    """Remove the folder with its parts, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def empty_folder(folder: Path) -> None:
    """Remove the recipe and the parts of an earlier run."""
    for path in (folder / RECIPE, *folder.glob("*.parquet")):
        path.unlink(missing_ok=True)


def table_of(rows: Sequence[Row], columns: Sequence[str]) -> pa.Table:
    """Put rows into a table: path, error, stamp, and for each column the flat values and the shape."""
    made: dict[str, pa.Array] = {
        "path": pa.array([row.path for row in rows], pa.string()),
        "error": pa.array([row.error or None for row in rows], pa.string()),
        STAMP: pa.array([row.stamp for row in rows], pa.int64()),
    }
    for column in columns:
        arrays = [row.arrays.get(column) for row in rows]
        made[column] = _lists([None if a is None else a.ravel() for a in arrays])
        made[column + SHAPE] = pa.array([None if a is None else [*a.shape] for a in arrays], pa.list_(pa.int32()))
    return pa.table(made)


def write_part(rows: Sequence[Row], columns: Sequence[str], folder: Path) -> None:
    """Add a part to a folder.

    Raises:
        OSError: The part cannot be written; nothing of it is left.
    """
    with replacing(folder / f"{uuid4().hex}.parquet") as temporary, temporary.open("wb") as stream:
        pq.write_table(table_of(rows, columns), stream, compression="none")


def readable_parts(folder: Path) -> list[Part]:
    """List the parts that can be read, and remove those that a killed process has left half written."""
    found: list[Part] = []
    for path in sorted(folder.glob("*.parquet")):
        try:
            found += parts_in(path)
        except (pa.ArrowInvalid, OSError):
            path.unlink(missing_ok=True)
    return found


def parts_in(path: Path) -> list[Part]:
    """List the groups of rows of a Parquet file.

    Raises:
        ArrowInvalid: The file is damaged.
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        metadata = pq.read_metadata(stream)
        groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        return [Part(path, index, each.num_rows, _bytes_of(each)) for index, each in enumerate(groups)]


def _bytes_of(group: pq.RowGroupMetaData) -> int:
    """Return about the bytes of rows in memory, which in the file may be a few values and their numbers."""
    return sum(NUMBER_BYTES * group.column(index).num_values for index in range(group.num_columns))


def read_part(part: Part, columns: Sequence[str]) -> pa.Table:
    """Read columns of a part; an earlier version's has no stamps, which are 0 then."""
    with part.path.open("rb") as stream:
        table = read_columns(stream, columns, groups=[part.group]).replace_schema_metadata(None)
    if STAMP in columns and STAMP not in table.column_names:
        table = table.append_column(STAMP, pa.array(np.zeros(len(table), np.int64)))
    return table.select(columns)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs from a folder of parts. A run that is killed gives it free.

    Raises:
        ValueError: Another run is writing there.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ValueError(f"another run is writing {folder}: wait for it, or name another file") from error
    except NotImplementedError:  # a file system without locks
        pass
    try:
        yield
    finally:
        lock.release()


def _lists(arrays: Sequence[np.ndarray | None]) -> pa.Array:
    """Make a column of lists from arrays, without turning their numbers into Python's."""
    sizes = [0 if array is None else array.size for array in arrays]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    values = np.concatenate([np.empty(0, np.float32), *(array for array in arrays if array is not None)])
    missing = pa.array([array is None for array in arrays], pa.bool_())
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values, pa.float32()), mask=missing)
