"""Features of pictures in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from myvgg.extraction.picture_names import name_of
from myvgg.extraction.recipe import Recipe


@dataclass(frozen=True, eq=False)
class FeatureTable:
    r"""Features of pictures, a row for each.

    Attributes:
        paths: Names of the pictures. A byte that is no text is `\xe9`; `picture_names.path_of` gives the file.
        errors: For each picture the reason that it has no features; an empty text where it has.
        arrays: The features by column, float32, (rows, ...), NaN in rows without features. Columns are named like the
            layers, or `relu4_2.mean` and `relu4_2.second` for moments. Where pictures of different sizes have given
            arrays of different shapes, a column is a tuple of them in place of an array, None in rows without features.
        recipe: How the features were computed.

    Example:
        >>> import myvgg
        >>> table = myvgg.extract(["examples/chelsea.jpg"], params="bundled", progress=False)
        >>> table
        FeatureTable(1 picture, relu5_4 (512,))
        >>> table.row("examples/chelsea.jpg")["relu5_4"].shape
        (512,)
    """

    paths: tuple[str, ...]
    errors: tuple[str, ...]
    arrays: Mapping[str, np.ndarray | tuple[np.ndarray | None, ...]]
    recipe: Recipe

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the columns."""
        return iter(self.arrays)

    def __contains__(self, column: object) -> bool:
        return column in self.arrays

    def __getitem__(self, column: str) -> np.ndarray | tuple[np.ndarray | None, ...]:
        """Return a column of `arrays`.

        Raises:
            KeyError: There is no such column.
        """
        return self.arrays[column]

    @property
    def shapes(self) -> dict[str, tuple[int, ...] | None]:
        """The shape of a row by column; None where rows have different shapes."""
        return {
            column: values.shape[1:] if isinstance(values, np.ndarray) else None
            for column, values in self.arrays.items()
        }

    def row(self, path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
        """Return the features of one picture by column.

        Args:
            path: The picture's file, or its name in `paths`.

        Raises:
            ValueError: The table has no such picture, or the picture has no features.
        """
        index = self._index(path)
        rows = {column: values[index] for column, values in self.arrays.items()}
        return {column: row for column, row in rows.items() if row is not None}

    def nearest(
        self, path: str | os.PathLike[str], *, column: str | None = None, count: int = 5
    ) -> list[tuple[str, float]]:
        """List the pictures whose features are most alike: those with the largest cosine.

        Args:
            path: The picture's file, or its name in `paths`.
            column: Name of a column; None for the only one of the table.
            count: Largest number of pictures.

        Returns:
            The names of the other pictures that have features, nearest first, with their cosines: 1 for features of one
            direction, 0 for features that share no channel.

        Raises:
            ValueError: The table has no such picture, the picture has no features, several columns and none is named,
                an unknown column, a column with rows of several shapes, or a count below 1.

        Example:
            >>> import myvgg
            >>> table = myvgg.extract("examples/*.jpg", params="bundled", progress=False)
            >>> (name, cosine), *_ = table.nearest("examples/coffee.jpg")
            >>> name.endswith("astronaut.jpg"), round(cosine, 1)
            (True, 0.4)
        """
        index, column = self._index(path), self._column(column)
        if count < 1:
            raise ValueError(f"count must be at least 1, not {count}")
        values = self.arrays[column]
        if not isinstance(values, np.ndarray):
            raise ValueError(f"column {column} has rows of several shapes, which have no cosine")
        rows = values.reshape(len(values), -1).astype(np.float64)
        lengths = np.linalg.norm(rows, axis=1)
        cosines = rows @ rows[index] / np.maximum(lengths * lengths[index], np.finfo(np.float64).tiny)
        others = [each for each in np.argsort(-cosines, kind="stable") if each != index and not self.errors[each]]
        return [(self.paths[each], float(cosines[each])) for each in others[:count]]

    def _index(self, path: str | os.PathLike[str]) -> int:
        """Return the row of a picture that has features."""
        name = next((name for name in (os.fspath(path), name_of(path)) if name in self.paths), None)
        if name is None:
            raise ValueError(f"the table has no picture {os.fspath(path)!r}")
        index = self.paths.index(name)
        if self.errors[index]:
            raise ValueError(f"the picture has no features: {self.errors[index]}")
        return index

    def _column(self, column: str | None) -> str:
        if column is None and len(self.arrays) == 1:
            return next(iter(self.arrays))
        if column is None or column not in self.arrays:
            raise ValueError(f"column must be one of {', '.join(self.arrays)}, not {column}")
        return column

    def __repr__(self) -> str:
        shapes = ", ".join(f"{column} {shape or 'of several shapes'}" for column, shape in self.shapes.items())
        failed = sum(map(bool, self.errors))
        count = f"{len(self)} picture{'s' * (len(self) != 1)}{f', {failed} without features' if failed else ''}"
        return f"FeatureTable({count}, {shapes})"


def stack(rows: Sequence[np.ndarray | None]) -> np.ndarray | tuple[np.ndarray | None, ...]:
    """Put the rows of a column together: as one array with NaN for None, or as a tuple where their shapes differ."""
    shapes = {row.shape for row in rows if row is not None}
    if len(shapes) > 1:
        return tuple(rows)
    stacked = np.full((len(rows), *next(iter(shapes), ())), np.nan, np.float32)
    for index, row in enumerate(rows):
        if row is not None:
            stacked[index] = row
    return stacked
