"""A list of pictures worked off on a Ray cluster, in three stages that go on side by side.

`Files` actors read batches of pictures, `Network` actors compute them, and `Files` actors write their rows as parts.
They are actors and not tasks, since Ray ends a process that waits for its next task as soon as all processors are
reserved, and the networks reserve all of them.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from myvgg.cluster import MAX_ATTEMPTS, Team, joined, prepare, settle
from myvgg.extraction import parts
from myvgg.extraction.decoding import Decoded, decoded
from myvgg.extraction.local import PART_BYTES, rows_of
from myvgg.extraction.parts import Row
from myvgg.extraction.plan import BATCH, BATCH_PIXELS, Plan
from myvgg.params import Params

PART_BATCHES = 8
"""Batches that are written as one part, at most."""

PARTS_PER_NETWORK = 8
"""Parts for each network, at least, where the list is long enough: a short run shows its progress, too."""

NETWORK_CALLS = 2
"""Batches that a network has at a time: one is computed, and one comes from another machine meanwhile."""


def extract(
    paths: Sequence[str],
    plan: Plan,
    params: Params,
    folder: Path,
    done: Callable[[int], object],
    *,
    address: str,
    workers: int | None = None,
) -> None:
    """Do what `local.extract` does on a cluster.

    Args:
        paths: Files, which all machines must be able to read by these names.
        plan: What to compute.
        params: The weights.
        folder: For the parts, which all machines must be able to write.
        done: Told the number of pictures of each part that has been written.
        address: Of the cluster.
        workers: Number of networks, at most; see `stages_of`.

    Raises:
        ValueError: There is no cluster, or Ray gave up; what is done is kept.
        OSError: A part cannot be written; those before it are there.
    """
    with joined(address) as ray:
        stages = stages_of(ray.nodes(), workers)
        batches = list(batches_of(paths, stages.networks))
        files, networks = _start_teams(ray, stages.for_batches(len(batches)), plan, params, folder)
        most = 2 * (stages.networks + len(stages.readers))
        Pipeline(ray, batches, files, networks, max_batches=most, done=done).run()


# What runs where


class Stages(NamedTuple):
    """The actors of a run.

    Attributes:
        networks: Number of networks.
        resources: What Ray reserves for a network.
        readers: For each actor that reads and writes files, the machine that it is started on. They need no
            reservation, since they share the processors with the networks.
    """

    networks: int
    resources: dict[str, int]
    readers: list[str]

    def for_batches(self, batches: int) -> Stages:
        """Leave out the actors that a few batches have no work for."""
        return Stages(min(self.networks, batches), self.resources, self.readers[:batches])


def stages_of(nodes: Iterable[Mapping[str, Any]], workers: int | None = None) -> Stages:
    """Choose the actors for a cluster.

    There is a network for each GPU, or for each processor of a cluster without GPUs. Networks on GPUs are fed by all
    processors; a network on a processor is fed by one.

    Args:
        nodes: The machines, as `ray.nodes` describes them.
        workers: Number of networks, at most.
    """
    alive = [(node["NodeID"], node["Resources"]) for node in nodes if node["Alive"]]
    processors = sorted((number, name) for name, has in alive for number in range(int(has.get("CPU", 0))))
    machines = [name for _, name in processors] or [name for name, _ in alive]  # each in turn
    gpus = sum(int(has.get("GPU", 0)) for _, has in alive)
    networks = min(gpus or len(machines), workers or len(machines) + gpus)
    if gpus:
        return Stages(networks, {"num_gpus": 1, "num_cpus": 0}, machines)
    return Stages(networks, {"num_cpus": 1}, machines[:networks])


def _start_teams(ray: Any, stages: Stages, plan: Plan, params: Params, folder: Path) -> tuple[Team, Team]:
    """Start the actors for files and those with networks."""
    from myvgg.extractor import columns_of

    columns = columns_of(params.architecture, plan.layers, plan.summary)
    here, there = os.fspath(Path.cwd()), os.fspath(folder.resolve())
    stored = ray.put(params)
    files, network = ray.remote(num_cpus=0)(Files), ray.remote(**stages.resources)(Network)
    affinity = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy

    def start_files(number: int) -> Any:
        place = affinity(stages.readers[number], soft=True)
        return files.options(scheduling_strategy=place).remote(plan, here, there, columns)

    def start_network(_: int) -> Any:
        return network.remote([stored], plan, here)

    return (
        Team(ray, start_files, len(stages.readers), calls=1),
        Team(ray, start_network, stages.networks, calls=NETWORK_CALLS),
    )


class Files:
    """An actor that reads pictures and writes parts.

    Like those of `Network`, its methods return a small answer, and something that stays on the cluster.
    """

    def __init__(self, plan: Plan, here: str, folder: str, columns: Sequence[str]) -> None:
        """Begin.

        Args:
            plan: How pictures are fitted.
            here: The folder that paths are named from.
            folder: For the parts.
            columns: Of the parts.
        """
        prepare(here, threads=1)
        self._plan, self._folder, self._columns = plan, Path(folder), columns

    def ready(self) -> None:
        """Answer as soon as the actor has begun."""

    def read(self, paths: Sequence[str]) -> tuple[list[int], list[Decoded]]:
        """Read pictures; the answer is how many of them may be computed at a time, see `shares`."""
        pictures = list(decoded(paths, self._plan.size, self._plan.fit))
        return shares(pictures), pictures

    def write(self, *rows: list[Row]) -> tuple[int, None]:
        """Write the rows of batches as one part; the answer is their number."""
        together = [row for batch in rows for row in batch]
        parts.write(together, self._columns, self._folder)
        return len(together), None


class Network:
    """An actor that has the network and computes rows of pictures."""

    def __init__(self, params: Sequence[Any], plan: Plan, here: str) -> None:
        """Begin, before TensorFlow does.

        Args:
            params: A reference to the weights, in a list: an argument that Ray itself fetches stays in the memory of
                a machine, if the command is killed while the actor begins.
            plan: What to compute.
            here: The folder that paths are named from.
        """
        import ray

        prepare(here, threads=1)
        self._extractor = plan.extractor(ray.get(params[0]))

    def ready(self) -> None:
        """Answer as soon as the network is there."""

    def compute(self, pictures: Sequence[Decoded], start: int, stop: int) -> tuple[int, list[Row]]:
        """Compute some of the pictures that were read together; the answer is the number of bytes in their arrays."""
        rows = [row for some in rows_of(pictures[start:stop], self._extractor) for row in some]
        return sum(array.nbytes for row in rows for array in row.arrays.values()), rows


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


# What goes through the stages


@dataclass(eq=False)
class Part:
    """Batches that follow each other in the list and are written together.

    Attributes:
        missing: Number of pictures that have not been computed.
        size: Bytes of the arrays that have been computed and are to be written.
        rows: Batches that have been computed and are to be written, with references to their rows.
    """

    missing: int
    size: int = 0
    rows: list[tuple[Batch, Any]] = field(default_factory=list)


class Batch(NamedTuple):
    """Pictures that go through the stages together.

    Attributes:
        start: Place of the first one in the list.
        paths: Files.
        part: To be written to.
        attempt: How often they have been read, with this time.
    """

    start: int
    paths: Sequence[str]
    part: Part
    attempt: int = 1


class Share(NamedTuple):
    """A batch that has been read.

    Attributes:
        batch: What to compute.
        pictures: Reference to pictures that were read together.
        start: Index of the batch's first picture among them.
        stop: Index after its last one.
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

    A batch is read only while few enough are on their way, so that memory does not grow with the list. A batch that
    dies with an actor or a machine is read anew.
    """

    def __init__(
        self,
        ray: Any,
        batches: Iterable[Batch],
        files: Team,
        networks: Team,
        *,
        max_batches: int,
        done: Callable[[int], object],
    ) -> None:
        """Take the batches.

        Args:
            ray: The module.
            batches: In their order.
            files: Actors like `Files`.
            networks: Actors like `Network`.
            max_batches: Batches that are being read, wait for a network, are being computed, or are being written.
            done: Told the number of pictures of each part that has been written.
        """
        self._ray, self._files, self._networks = ray, files, networks
        self._max_batches, self._done = max_batches, done
        self._to_read = deque(batches)
        self._to_compute = deque[Share]()
        self._to_write = deque[list[tuple[Batch, Any]]]()
        self._missing = sum(len(batch.paths) for batch in self._to_read)

    def run(self) -> None:
        """Work until all is written.

        Raises:
            RayError: The work itself has failed, or Ray has lost the same work too often.
        """
        while self._missing:
            self._feed()
            settle(self._ray, self._files, self._networks)

    def _feed(self) -> None:
        """Give work to all actors that have room for it, to the last stage first."""
        while self._to_write and self._files.has_room:
            self._write(self._to_write.popleft())
        while self._to_compute and self._networks.has_room:
            self._compute(self._to_compute.popleft())
        while self._to_read and self._files.has_room and self._on_the_way() < self._max_batches:
            self._read(self._to_read.popleft())

    def _on_the_way(self) -> int:
        return self._files.busy + self._networks.busy + len(self._to_compute) + len(self._to_write)

    def _read(self, batch: Batch) -> None:
        def then(numbers: list[int], pictures: Any) -> None:
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
            self._done(number)

        def lost(error: Exception) -> None:
            for batch in batches:
                batch.part.missing += len(batch.paths)
            self._again(batches, error)

        self._files.call("write", *(rows for _, rows in computed), then=then, lost=lost)

    def _again(self, batches: Sequence[Batch], error: Exception) -> None:
        """Have batches read again, before all others.

        Raises:
            RayError: One of them has been lost too often.
        """
        if any(batch.attempt >= MAX_ATTEMPTS for batch in batches):
            raise error
        self._to_read.extendleft(batch._replace(attempt=batch.attempt + 1) for batch in reversed(batches))
