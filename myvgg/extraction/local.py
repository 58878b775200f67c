"""A list of pictures worked off on this machine: decoded in threads, computed in batches, written in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from myvgg.extraction import parts
from myvgg.extraction.decoding import Decoded, decoded
from myvgg.extraction.parts import Row
from myvgg.extraction.plan import BATCH, BATCH_PIXELS, Plan
from myvgg.params import Params

if TYPE_CHECKING:
    from myvgg.extractor import Extractor

PART_BYTES = 64e6
"""Of arrays in a part, about."""

PART_ROWS = 1024
"""In a part, at most."""


def extract(paths: Sequence[str], plan: Plan, params: Params, folder: Path, done: Callable[[int], object]) -> None:
    """Compute the pictures of a list and write them as parts.

    Args:
        paths: Files.
        plan: What to compute.
        params: The weights.
        folder: For the parts.
        done: Told how many pictures have been computed since it was told last.

    Raises:
        OSError: A part cannot be written; those before it are there.
        KeyboardInterrupt: With all that has been computed written.
    """
    extractor = plan.extractor(params)
    waiting: list[Row] = []
    size = 0
    try:
        for rows in rows_of(decoded(paths, plan.size, plan.fit), extractor):
            waiting += rows
            size += sum(array.nbytes for row in rows for array in row.arrays.values())
            if size >= PART_BYTES or len(waiting) >= PART_ROWS:
                written, waiting, size = waiting, [], 0
                parts.write(written, extractor.columns, folder)
            done(len(rows))
    finally:
        if waiting:
            parts.write(waiting, extractor.columns, folder)


def rows_of(pictures: Iterable[Decoded], extractor: Extractor) -> Iterator[list[Row]]:
    """Compute pictures in batches of one size, in their order."""
    for batch in batches(pictures):
        if batch[0].image is None:
            yield [Row(each.path, each.error, {}) for each in batch]
            continue
        try:
            found = extractor(np.stack([each.image for each in batch if each.image is not None]))
        except ValueError as error:  # too small for the layers
            yield [Row(each.path, str(error), {}) for each in batch]
            continue
        arrays = {column: tensor.numpy() for column, tensor in found.items()}
        yield [
            Row(each.path, "", {column: array[index] for column, array in arrays.items()})
            for index, each in enumerate(batch)
        ]


def batches(pictures: Iterable[Decoded]) -> Iterator[list[Decoded]]:
    """Put together what follows each other and has one size, or could not be read."""
    batch: list[Decoded] = []
    for each in pictures:
        if batch and (_shape(each) != _shape(batch[0]) or len(batch) >= _room(batch[0])):
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


def _room(picture: Decoded) -> int:
    """Return how many pictures of a size go into a batch."""
    if picture.image is None:
        return BATCH
    height, width, _ = picture.image.shape
    return max(1, min(BATCH, BATCH_PIXELS // (int(height) * int(width))))


def _shape(picture: Decoded) -> tuple[int, ...]:
    return () if picture.image is None else picture.image.shape
