"""The actors of a cluster's extraction: some read pictures and write parts, others have the network.

They are actors and not tasks, since Ray ends a process that waits for its next task as soon as all processors are
reserved, and the networks reserve all of them. Their methods return a small answer, and a value that stays on the
cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from myvgg.extraction.batching import BATCH_PIXELS, Row, compute_rows
from myvgg.extraction.parts import write_part
from myvgg.extraction.prefetching import Decoded, prefetch
from myvgg.extraction.recipe import Recipe
from myvgg.runtime.ray import noted, prepare


class Files:
    """An actor that reads pictures and writes parts."""

    def __init__(self, recipe: Recipe, here: str, folder: str, columns: Sequence[str]) -> None:
        """Begin.

        Args:
            recipe: How pictures are resized.
            here: The folder that paths are relative to.
            folder: The folder of the parts.
            columns: The columns of the parts.
        """
        prepare(here, threads=1)
        self._recipe, self._folder, self._columns = recipe, Path(folder), columns

    def ready(self) -> None:
        """Answer as soon as the actor has begun."""

    def read(self, paths: Sequence[str]) -> tuple[tuple[list[int], list[str]], list[Decoded]]:
        """Read pictures; answer with the numbers to compute at a time, see `shares`, and with notes for the user."""
        with noted() as notes:
            pictures = list(prefetch(paths, self._recipe.resizing))
        return (shares(pictures), notes), pictures

    def write(self, *rows: list[Row]) -> tuple[int, None]:
        """Write the rows of several batches as one part; answer with the number of rows."""
        together = [row for batch in rows for row in batch]
        write_part(together, self._columns, self._folder)
        return len(together), None


class Network:
    """An actor that has the network and computes rows of pictures."""

    def __init__(self, params: Sequence[Any], recipe: Recipe, here: str) -> None:
        """Begin, before TensorFlow does.

        Args:
            params: A reference to the parameters, in a list: an argument that Ray itself fetches stays in the memory of
                a machine, if the command is killed while the actor begins.
            recipe: The features to compute.
            here: The folder that paths are relative to.
        """
        import ray

        prepare(here, threads=1)
        self._extractor = recipe.extractor(ray.get(params[0]))

    def ready(self) -> None:
        """Answer as soon as the network is there."""

    def compute(self, pictures: Sequence[Decoded], start: int, stop: int) -> tuple[int, list[Row]]:
        """Compute some of the pictures that were read together; answer with the bytes of their arrays."""
        rows = [row for batch in compute_rows(pictures[start:stop], self._extractor) for row in batch]
        return sum(row.nbytes for row in rows), rows


def shares(pictures: Sequence[Decoded]) -> list[int]:
    """Cut pictures into shares of `BATCH_PIXELS` at most, or of one larger picture; return the number in each."""
    numbers, pixels = [0], 0
    for picture in pictures:
        more = 0 if picture.image is None else picture.image.size // 3
        if numbers[-1] and pixels + more > BATCH_PIXELS:
            numbers.append(0)
            pixels = 0
        numbers[-1] += 1
        pixels += more
    return numbers
