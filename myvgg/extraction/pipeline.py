"""The three stages of a cluster's extraction, which go on side by side: read, compute, write."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from myvgg.extraction.batching import BATCH
from myvgg.extraction.parts import PART_BYTES
from myvgg.runtime.errors import WorkerWarning, warn_once
from myvgg.runtime.ray import MAX_ATTEMPTS, Team, settle

PART_BATCHES = 8
"""Largest number of batches in a part."""

PARTS_PER_NETWORK = 8
"""Smallest number of parts for each network where the list is long enough, so that a short run shows progress too."""


@dataclass(eq=False)
class Part:
    """Neighbouring batches of the list that are written together.

    Attributes:
        missing: Number of pictures that are not yet computed.
        size: Bytes of the arrays that are computed and not yet written.
        rows: Batches that are computed and not yet written, with references to their rows.
    """

    missing: int
    size: int = 0
    rows: list[tuple[Batch, Any]] = field(default_factory=list)


class Batch(NamedTuple):
    """Pictures that go through the stages together.

    Attributes:
        start: Index of the first picture in the list.
        paths: Files.
        part: The part that they belong to.
        attempt: Number of times that they are read, this time included.
    """

    start: int
    paths: Sequence[str]
    part: Part
    attempt: int = 1


class Share(NamedTuple):
    """A batch that has been read.

    Attributes:
        batch: The pictures to compute.
        pictures: Reference to all pictures that were read together.
        start: Index of the batch's first picture among them.
        stop: Index after the batch's last picture.
    """

    batch: Batch
    pictures: Any
    start: int
    stop: int


def batches_of(paths: Sequence[str], networks: int) -> Iterator[Batch]:
    """Cut a list into parts, and parts into batches."""
    in_part = BATCH * max(1, min(PART_BATCHES, len(paths) // (BATCH * PARTS_PER_NETWORK * networks)))
    for start in range(0, len(paths), in_part):
        stop = min(start + in_part, len(paths))
        part = Part(missing=stop - start)
        for first in range(start, stop, BATCH):
            yield Batch(first, paths[first : min(first + BATCH, stop)], part)


class Pipeline:
    """The stages at work: each actor gets the next batch that is ready for it.

    A batch is read only while few others are on their way, so that memory does not grow with the list. A batch that is
    lost with an actor or a machine is read again.
    """

    def __init__(
        self,
        ray: Any,
        batches: Iterable[Batch],
        files: Team,
        networks: Team,
        *,
        max_batches: int,
        tell: Callable[[int], object],
    ) -> None:
        """Take the batches.

        Args:
            ray: The module.
            batches: The batches in their order.
            files: Actors such as `actors.Files`.
            networks: Actors such as `actors.Network`.
            max_batches: Largest number of batches on their way: being read, waiting for a network, being computed, or
                being written.
            tell: Called with the number of pictures of each part that has been written.
        """
        self._ray, self._files, self._networks = ray, files, networks
        self._max_batches, self._tell = max_batches, tell
        self._to_read = deque(batches)
        self._to_compute = deque[Share]()
        self._to_write = deque[list[tuple[Batch, Any]]]()
        self._missing = sum(len(batch.paths) for batch in self._to_read)

    def run(self) -> None:
        """Work until all batches are written.

        Raises:
            RayError: The work itself has failed, or Ray has lost the same work too often.
        """
        while self._missing:
            self._feed()
            settle(self._ray, self._files, self._networks)

    def _feed(self) -> None:
        """Give work to all actors that have room for it, those of the last stage first."""
        while self._to_write and self._files.has_room:
            self._write(self._to_write.popleft())
        while self._to_compute and self._networks.has_room:
            self._compute(self._to_compute.popleft())
        while self._to_read and self._files.has_room and self._on_the_way() < self._max_batches:
            self._read(self._to_read.popleft())

    def _on_the_way(self) -> int:
        return self._files.busy + self._networks.busy + len(self._to_compute) + len(self._to_write)

    def _read(self, batch: Batch) -> None:
        def then(answer: tuple[list[int], list[str]], pictures: Any) -> None:
            numbers, notes = answer
            for note in notes:
                warn_once(note, WorkerWarning)
            start = 0
            for number in numbers:
                stop = start + number
                share = batch._replace(start=batch.start + start, paths=batch.paths[start:stop])
                self._to_compute.append(Share(share, pictures, start, stop))
                start = stop

        self._files.call("read", batch.paths, then=then, lost=lambda error: self._again([batch], error))

    def _compute(self, share: Share) -> None:
        batch, part = share.batch, share.batch.part

        def then(size: int, rows: Any) -> None:
            part.missing -= len(batch.paths)
            part.size += size
            part.rows.append((batch, rows))
            if not part.missing or part.size >= PART_BYTES:
                self._to_write.append(sorted(part.rows, key=lambda pair: pair[0].start))
                part.rows, part.size = [], 0

        arguments = share.pictures, share.start, share.stop
        self._networks.call("compute", *arguments, then=then, lost=lambda error: self._again([batch], error))

    def _write(self, computed: list[tuple[Batch, Any]]) -> None:
        batches = [batch for batch, _ in computed]

        def then(number: int, _: Any) -> None:
            self._missing -= number
            self._tell(number)

        def lost(error: Exception) -> None:
            for batch in batches:
                batch.part.missing += len(batch.paths)
            self._again(batches, error)

        self._files.call("write", *(rows for _, rows in computed), then=then, lost=lost)

    def _again(self, batches: Sequence[Batch], error: Exception) -> None:
        """Have batches read again, before all others.

        Raises:
            RayError: A batch has been lost too often.
        """
        if any(batch.attempt >= MAX_ATTEMPTS for batch in batches):
            raise error
        self._to_read.extendleft(batch._replace(attempt=batch.attempt + 1) for batch in reversed(batches))
