"""The parts that a table of features is made of while it grows: Parquet files in a folder beside the result.

Each is written whole or not at all, so that whatever ends a run, what is in them is done and need not be made again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from myvgg.extraction.plan import Plan
from myvgg.files import replacing

PLAN = "plan.json"
"""Says what the parts of a folder are of."""

SHAPE = ".shape"
"""Ends the name of the column that has the shape of another, whose arrays are stored flat."""


class Place(NamedTuple):
    """Where the row of a picture is."""

    part: int
    row: int


class Row(NamedTuple):
    """What became of a picture.

    Attributes:
        path: As it was named.
        error: Why there is nothing of it; empty otherwise.
        arrays: By column.
    """

    path: str
    error: str
    arrays: Mapping[str, np.ndarray]


def folder_of(output: Path) -> Path:
    """Return the folder of a result's parts."""
    return output.with_name(output.name + ".parts")


def opened(folder: Path, plan: Plan) -> Path:
    """Make the folder, or check that what an earlier run has left there is of the same.

    Raises:
        ValueError: It is of something else.
        OSError: It cannot be made.
    """
    described = folder / PLAN
    if described.exists():
        if different := plan.difference(described.read_text(encoding="utf-8")):
            raise ValueError(
                f"{folder} has features of an earlier run with {different}: remove it, or name another file"
            )
        return folder
    folder.mkdir(exist_ok=True)
    with replacing(described) as temporary:
        temporary.write_text(plan.described(), encoding="utf-8")
    return folder


def removed(folder: Path) -> None:
    """Remove the folder, when all of it is in the result."""
    shutil.rmtree(folder, ignore_errors=True)


def table_of(rows: Sequence[Row], columns: Sequence[str]) -> pa.Table:
    """Put rows into a table: path, error, and for each column its values flat and its shape."""
    found: dict[str, pa.Array] = {
        "path": pa.array([row.path for row in rows], pa.string()),
        "error": pa.array([row.error or None for row in rows], pa.string()),
    }
    for column in columns:
        arrays = [row.arrays.get(column) for row in rows]
        found[column] = _lists([None if a is None else a.ravel() for a in arrays])
        found[column + SHAPE] = pa.array([None if a is None else [*a.shape] for a in arrays], pa.list_(pa.int32()))
    return pa.table(found)


def write(rows: Sequence[Row], columns: Sequence[str], folder: Path) -> None:
    """Add a part.

    Raises:
        OSError: It cannot be written; there is nothing of it then.
    """
    with replacing(folder / f"{uuid4().hex}.parquet") as temporary:
        pq.write_table(table_of(rows, columns), temporary, compression="none")


def files_of(folder: Path) -> list[Path]:
    """Return the parts that can be read; what a killed worker has left half written is removed."""
    found = []
    for path in sorted(folder.glob("*.parquet")):
        try:
            pq.read_metadata(path)
        except (pa.ArrowInvalid, OSError):
            path.unlink(missing_ok=True)
            continue
        found.append(path)
    return found


def places(files: Sequence[Path]) -> dict[str, Place]:
    """Return where each picture's row is; of two rows of one picture, the first counts."""
    found: dict[str, Place] = {}
    for part, path in enumerate(files):
        for row, picture in enumerate(pq.read_table(path, columns=["path"])["path"].to_pylist()):
            found.setdefault(picture, Place(part, row))
    return found


def in_order(
    paths: Iterable[str], files: Sequence[Path], *, columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """Read the rows of pictures in their order, as many at a time as lie in one part, with all columns or some."""
    where = places(files)
    for part, wanted in groupby((where[path] for path in paths), key=lambda place: place.part):
        table = pq.read_table(files[part], columns=columns, memory_map=True)
        yield table.take(pa.array([place.row for place in wanted]))


def shape_of(column: str, table: pa.Table) -> list[tuple[int, ...] | None]:
    """Return the shapes of a column's arrays; None where there is no array."""
    return [None if shape is None else tuple(shape) for shape in table[column + SHAPE].to_pylist()]


def _lists(arrays: Sequence[np.ndarray | None]) -> pa.Array:
    """Make a column of lists of arrays without turning their numbers into Python's."""
    sizes = [0 if array is None else array.size for array in arrays]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    values = np.concatenate([np.empty(0, np.float32), *(array for array in arrays if array is not None)])
    missing = pa.array([array is None for array in arrays], pa.bool_())
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values, pa.float32()), mask=missing)
