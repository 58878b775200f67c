"""Pictures computed in batches, and a row of features for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from myvgg.extraction.prefetching import Decoded

if TYPE_CHECKING:
    from myvgg.extractor import Extractor

BATCH = 32
"""Largest number of pictures in a batch, all of one size; large pictures make smaller batches."""

BATCH_PIXELS = 32 * 224 * 224
"""Largest number of pixels in a batch, unless one picture alone has more."""


MAPS_HELD = 3
"""Number of maps of the first layers that are in memory at a time, about."""

TOO_LARGE = "{path}: not enough memory for {width} x {height} pixels: make pictures smaller by size and fit"
"""The error of a picture for which the memory does not suffice."""


class Row(NamedTuple):
    """The features of a picture, or the reason that there are none.

    Attributes:
        path: The picture's name in the list.
        error: The reason; empty for a picture with features.
        arrays: Features by column.
        stamp: The picture's stamp, see `picture_names.stamp_of`.
    """

    path: str
    error: str
    arrays: Mapping[str, np.ndarray]
    stamp: int = 0

    @property
    def nbytes(self) -> int:
        """Size of the arrays in bytes."""
        return sum(array.nbytes for array in self.arrays.values())


def compute_rows(pictures: Iterable[Decoded], extractor: Extractor) -> Iterator[list[Row]]:
    """Compute pictures in their order, and yield the rows of one batch after the other."""
    for batch in batches(pictures):
        yield _computed(batch, extractor)


def _computed(batch: Sequence[Decoded], extractor: Extractor) -> list[Row]:
    """Return the rows of a batch, picture by picture where the memory does not suffice for all at once."""
    import tensorflow as tf

    first = batch[0]
    if first.image is None:
        return [Row(each.path, each.error, {}, each.stamp) for each in batch]
    height, width, _ = first.image.shape
    too_large = Row(first.path, TOO_LARGE.format(path=first.path, width=width, height=height), {}, first.stamp)
    if height * width > BATCH_PIXELS and not _fits(height, width, extractor):
        return [too_large]
    try:
        tensors = extractor(np.stack([each.image for each in batch if each.image is not None]))
        arrays = {column: tensor.numpy() for column, tensor in tensors.items()}
    except ValueError as error:  # too small for the layers
        return [Row(each.path, str(error), {}, each.stamp) for each in batch]
    except (tf.errors.ResourceExhaustedError, MemoryError):
        if len(batch) > 1:
            return [row for each in batch for row in _computed([each], extractor)]
        return [too_large]
    return [
        Row(each.path, "", {column: array[index] for column, array in arrays.items()}, each.stamp)
        for index, each in enumerate(batch)
    ]


def _fits(height: int, width: int, extractor: Extractor) -> bool:
    """Return whether the memory suffices for the first maps of a picture; TensorFlow may crash where it does not."""
    from myvgg.nst.memory import SHARE, machine_memory

    channels = extractor.architecture.convolutions[0].kernel_shape[-1]
    return MAPS_HELD * 4 * height * width * channels <= SHARE * machine_memory()


def batches(pictures: Iterable[Decoded]) -> Iterator[list[Decoded]]:
    """Put neighbours of one size together, and neighbours that could not be read."""
    batch: list[Decoded] = []
    for each in pictures:
        if batch and (_shape(each) != _shape(batch[0]) or len(batch) >= _capacity(batch[0])):
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


def _capacity(picture: Decoded) -> int:
    """Return the largest number of pictures of one size in a batch."""
    if picture.image is None:
        return BATCH
    height, width, _ = picture.image.shape
    return max(1, min(BATCH, BATCH_PIXELS // (int(height) * int(width))))


def _shape(picture: Decoded) -> tuple[int, ...]:
    return () if picture.image is None else picture.image.shape
