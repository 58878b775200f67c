"""The rows of parts in the order of a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from myvgg.extraction.formats import SHAPE, STAMP
from myvgg.extraction.parts import Part, read_part

TABLE_BYTES = 8e6
"""Bytes of rows that are put in order together, at least: parts are read more often for small tables."""

MIXED = (
    "pictures of different sizes give {column} in different shapes ({some}), which only .parquet holds: name such a "
    "file, which goes on from what is computed, or crop the pictures, or reduce maps to their mean"
)
"""The error of formats of whole arrays."""


class Place(NamedTuple):
    """The place of a picture's row.

    Attributes:
        part: Index of the part.
        row: Index of the row in the part.
        error: The reason that there are no features; empty where there are.
        stamp: The picture's stamp when it was read; 0 if unknown.
        is_fresh: Whether the picture has not changed since.
    """

    part: int
    row: int
    error: str
    stamp: int
    is_fresh: bool

    @property
    def is_done(self) -> bool:
        """True where there is nothing to compute."""
        return self.is_fresh and not self.error

    @property
    def rank(self) -> tuple[bool, bool]:
        """The row of highest rank counts, if there are several of a picture: old features before an error."""
        return not self.error, self.is_fresh

    @property
    def is_kept(self) -> bool:
        """True where features are those of the picture before it changed, since it cannot be read any more."""
        return not self.error and not self.is_fresh


class Shapes:
    """The one shape of each column, for formats that hold whole arrays."""

    def __init__(self) -> None:
        """Begin without columns."""
        self._found: dict[str, tuple[int, ...]] = {}

    def see(self, column: str, shape: tuple[int, ...]) -> None:
        """Note the shape of an array.

        Raises:
            ValueError: The column has arrays of another shape.
        """
        first = self._found.setdefault(column, shape)
        if first != shape:
            raise ValueError(MIXED.format(column=column, some=f"{first}, {shape}"))

    def see_rows(self, places: Sequence[Place], parts: Sequence[Part], columns: Sequence[str]) -> None:
        """Note the shapes of rows.

        Args:
            places: The places of the rows.
            parts: The parts.
            columns: Names of the arrays.

        Raises:
            ValueError: A column has arrays of different shapes.
        """
        for table in read_in_order(places, parts, [column + SHAPE for column in columns]):
            for column in columns:
                for shape in filter(None, table[column + SHAPE].to_pylist()):
                    self.see(column, tuple(shape))

    def __getitem__(self, column: str) -> tuple[int, ...]:
        """Return the shape of a column."""
        return self._found.get(column, ())


def is_fresh(stamp: int, now: int) -> bool:
    """Return whether a picture is the one that was read, as far as is known; one that is gone has not changed."""
    return stamp == now or not stamp or not now


def places_of(parts: Sequence[Part], stamps: Mapping[str, int] | None = None) -> dict[str, Place]:
    """Return the place of each picture's row.

    Args:
        parts: The parts.
        stamps: The present stamps of pictures; None counts all rows as those of the present pictures.
    """
    stamps = stamps or {}
    places: dict[str, Place] = {}
    for index, part in enumerate(parts):
        table = read_part(part, ["path", "error", STAMP])
        rows = zip(*(table[name].to_pylist() for name in ("path", "error", STAMP)), strict=True)
        for row, (picture, error, stamp) in enumerate(rows):
            place = Place(index, row, error or "", stamp, is_fresh(stamp, stamps.get(picture, 0)))
            if picture not in places or place.rank > places[picture].rank:
                places[picture] = place
    return places


def read_in_order(places: Sequence[Place], parts: Sequence[Part], columns: Sequence[str]) -> Iterator[pa.Table]:
    """Read rows in the order of a list, as many of them at a time as the longest part has, or more of few bytes.

    A part is read once for each of these tables that has a row of it: twice, if parts are as long as tables and the
    list goes through them side by side.

    Args:
        places: The places of the rows, in order.
        parts: The parts.
        columns: Names of columns.
    """
    size = sum(part.size for part in parts) / max(1, sum(part.rows for part in parts))
    step = max(1, int(TABLE_BYTES / max(1, size)), *(part.rows for part in parts))
    for start in range(0, len(places), step):
        window = places[start : start + step]
        order = sorted(range(len(window)), key=lambda index: window[index].part)
        tables = [
            read_part(parts[part], columns).take(pa.array([window[index].row for index in group]))
            for part, group in groupby(order, key=lambda index: window[index].part)
        ]
        yield pa.concat_tables(tables).take(pa.array(np.argsort(order)))
