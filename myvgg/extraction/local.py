"""A list of pictures worked off on this machine: read in threads, computed in batches, written in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from myvgg.extraction.batching import Row, compute_rows
from myvgg.extraction.parts import PART_BYTES, write_part
from myvgg.extraction.prefetching import prefetch
from myvgg.extraction.recipe import Recipe
from myvgg.params import Params

PART_ROWS = 1024
"""Largest number of rows in a part."""


def compute_parts(
    paths: Sequence[str],
    recipe: Recipe,
    params: Params,
    folder: Path,
    tell: Callable[[int], object],
    check: Callable[[str, tuple[int, ...]], object] | None = None,
) -> None:
    """Compute the pictures of a list and write their rows as parts.

    Args:
        paths: Files.
        recipe: The features to compute.
        params: The network's parameters.
        folder: The folder of the parts.
        tell: Called with the number of pictures of each batch that has been computed.
        check: Called with the column and shape of arrays; its error ends the work.

    Raises:
        OSError: A part cannot be written; the parts before it are there.
        ValueError: As soon as all that has been computed is written, if `check` raises it.
        KeyboardInterrupt: As soon as all that has been computed is written.
    """
    extractor = recipe.extractor(params)
    write_rows(compute_rows(prefetch(paths, recipe.resizing), extractor), extractor.columns, folder, tell, check)


def write_rows(
    batches: Iterable[list[Row]],
    columns: Sequence[str],
    folder: Path,
    tell: Callable[[int], object] | None = None,
    check: Callable[[str, tuple[int, ...]], object] | None = None,
) -> None:
    """Write rows as parts; whatever ends it, those that have come are written.

    Args:
        batches: The rows.
        columns: Names of the arrays.
        folder: The folder of the parts.
        tell: See `compute_parts`.
        check: See `compute_parts`.
    """
    waiting: list[Row] = []
    size = 0
    try:
        for rows in batches:
            waiting += rows
            size += sum(row.nbytes for row in rows)
            if check and rows:
                for column, array in rows[0].arrays.items():
                    check(column, array.shape)
            if size >= PART_BYTES or len(waiting) >= PART_ROWS:
                written, waiting, size = waiting, [], 0
                write_part(written, columns, folder)
            if tell:
                tell(len(rows))
    finally:
        if waiting:
            write_part(waiting, columns, folder)
