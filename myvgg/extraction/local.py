"""A list of pictures worked off on this machine: read in threads, computed in batches, written in parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from myvgg.extraction.batching import Row, compute_rows
from myvgg.extraction.parts import PART_BYTES, write_part
from myvgg.extraction.prefetching import prefetch
from myvgg.extraction.recipe import Recipe
from myvgg.params import Params

PART_ROWS = 1024
"""Largest number of rows in a part."""


def compute_parts(
    paths: Sequence[str], recipe: Recipe, params: Params, folder: Path, tell: Callable[[int], object]
) -> None:
    """Compute the pictures of a list and write their rows as parts.

    Args:
        paths: Files.
        recipe: The features to compute.
        params: The network's parameters.
        folder: The folder of the parts.
        tell: Called with the number of pictures of each batch that has been computed.

    Raises:
        OSError: A part cannot be written; the parts before it are there.
        KeyboardInterrupt: As soon as all that has been computed is written.
    """
    extractor = recipe.extractor(params)
    waiting: list[Row] = []
    size = 0
    try:
        for rows in compute_rows(prefetch(paths, recipe.resizing), extractor):
            waiting += rows
            size += sum(row.nbytes for row in rows)
            if size >= PART_BYTES or len(waiting) >= PART_ROWS:
                written, waiting, size = waiting, [], 0
                write_part(written, extractor.columns, folder)
            tell(len(rows))
    finally:
        if waiting:
            write_part(waiting, extractor.columns, folder)
