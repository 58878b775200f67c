"""The parts of an unfinished file of features: Parquet files in a folder beside the result.

Each part is written whole or not at all. So whatever ends a run, the pictures in its parts are done.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from myvgg.extraction.batching import Row
from myvgg.extraction.formats import SHAPE
from myvgg.extraction.recipe import Recipe
from myvgg.runtime.files import replacing

RECIPE = "plan.json"
"""The file of a folder that holds the recipe of its parts."""

LOCK = "lock"
"""The file of a folder that the run that writes there holds."""

PART_BYTES = 64e6
"""Bytes of arrays in a part, about."""


class Place(NamedTuple):
    """The place of a picture's row.

    Attributes:
        part: Index of the part.
        row: Index of the row in the part.
        error: The reason that there are no features; empty where there are.
    """

    part: int
    row: int
    error: str


def folder_of(output: Path) -> Path:
    """Return the folder for the parts of a file."""
    return output.with_name(output.name + ".parts")


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
    """Put rows into a table: path, error, and for each column the flat values and the shape."""
    made: dict[str, pa.Array] = {
        "path": pa.array([row.path for row in rows], pa.string()),
        "error": pa.array([row.error or None for row in rows], pa.string()),
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
    with replacing(folder / f"{uuid4().hex}.parquet") as temporary:
        pq.write_table(table_of(rows, columns), temporary, compression="none")


def readable_parts(folder: Path) -> list[Path]:
    """List the parts that can be read, and remove those that a killed process has left half written."""
    found = []
    for path in sorted(folder.glob("*.parquet")):
        try:
            pq.read_metadata(path)
        except (pa.ArrowInvalid, OSError):
            path.unlink(missing_ok=True)
            continue
        found.append(path)
    return found


def places_of(files: Sequence[Path]) -> dict[str, Place]:
    """Return the place of each picture's row; of several rows of one picture, the first one with features counts."""
    places: dict[str, Place] = {}
    for part, path in enumerate(files):
        table = pq.read_table(path, columns=["path", "error"])
        rows = zip(table["path"].to_pylist(), table["error"].to_pylist(), strict=True)
        for row, (picture, error) in enumerate(rows):
            if picture not in places or (places[picture].error and not error):
                places[picture] = Place(part, row, error or "")
    return places


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


def read_in_order(
    paths: Iterable[str], files: Sequence[Path], *, columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """Read the rows of pictures in the order of a list.

    Args:
        paths: The list.
        files: The parts.
        columns: Names of columns; None for all.

    Yields:
        Tables of neighbours in the list that lie in one part.
    """
    places = places_of(files)
    for part, group in groupby((places[path] for path in paths), key=lambda place: place.part):
        table = pq.read_table(files[part], columns=columns, memory_map=True)
        yield table.take(pa.array([place.row for place in group]))


def shapes_in(column: str, table: pa.Table) -> list[tuple[int, ...] | None]:
    """Return the shapes of a column's arrays; None for a row without an array."""
    return [None if shape is None else tuple(shape) for shape in table[column + SHAPE].to_pylist()]


def _lists(arrays: Sequence[np.ndarray | None]) -> pa.Array:
    """Make a column of lists from arrays, without turning their numbers into Python's."""
    sizes = [0 if array is None else array.size for array in arrays]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    values = np.concatenate([np.empty(0, np.float32), *(array for array in arrays if array is not None)])
    missing = pa.array([array is None for array in arrays], pa.bool_())
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values, pa.float32()), mask=missing)
