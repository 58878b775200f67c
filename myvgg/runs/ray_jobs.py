"""Jobs on a Ray cluster, one task for each job. Where a worker dies, Ray gives its job to another one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from myvgg.nst import memory
from myvgg.params import Params
from myvgg.runs.attempt import Common, make
from myvgg.runs.job import Job, unwatched
from myvgg.runs.rows import Row
from myvgg.runtime.ray import joined, noted, prepare, shares

MAX_RETRIES = 3
"""Number of times that a job is begun again, from its last checkpoint, after its worker died."""


class Cluster(NamedTuple):
    """A Ray cluster.

    Attributes:
        address: Its address; see `myvgg.runtime.ray.joined`.
        threads: Processors for each job.
    """

    address: str
    threads: int = 1


class Worker(NamedTuple):
    """The surroundings of a job on a worker: its folder, its processors, its part of the memory.

    Attributes:
        folder: The folder that paths are relative to.
        threads: Number of its threads.
        shares: The part of a machine's memory that it may take, by the machine's name.
    """

    folder: str
    threads: int
    shares: dict[str, float]


class Made(NamedTuple):
    """A job that has ended.

    Attributes:
        row: Its row.
        notes: What the worker has said meanwhile.
    """

    row: Row
    notes: list[str]


def make_all(jobs: Mapping[int, tuple[Job, Row]], params: Params, cluster: Cluster) -> Iterator[tuple[int, Made]]:
    """Run jobs on a cluster, each on a GPU of its own if there are GPUs.

    Args:
        jobs: Jobs with their rows, by number.
        params: The weights, which are sent to the cluster once.
        cluster: The cluster.

    Yields:
        Numbers with rows and notes, as the jobs end.

    Raises:
        ValueError: There is no cluster, or Ray gave up on a job; the pictures that are made are kept.
    """
    with joined(cluster.address) as ray:
        stored, nodes = ray.put(params), ray.nodes()
        needed = resources(nodes, cluster.threads)
        options = {"num_cpus": needed["CPU"], "num_gpus": needed["GPU"], "max_retries": MAX_RETRIES}
        task, worker = (
            ray.remote(**options)(_make),
            Worker(os.fspath(Path.cwd()), cluster.threads, shares(nodes, needed)),
        )
        waiting = {task.remote(job, row, stored, worker): number for number, (job, row) in jobs.items()}
        while waiting:
            (done, *_), _ = ray.wait([*waiting], num_returns=1)
            yield waiting.pop(done), ray.get(done)


def resources(nodes: Iterable[Mapping[str, Any]], threads: int) -> dict[str, int]:
    """Return the resources of a job, by Ray's names: processors, and a GPU if the cluster has any."""
    has_gpu = any(node["Resources"].get("GPU", 0) >= 1 for node in nodes if node["Alive"])
    return {"CPU": threads, "GPU": int(has_gpu)}


def _make(job: Job, row: Row, params: Params, worker: Worker) -> Made:
    """Run a job on a worker, within its share of the machine's memory."""
    import ray

    prepare(worker.folder, worker.threads)
    share = worker.shares.get(ray.get_runtime_context().get_node_id(), 1.0)
    with noted() as notes:
        row = make(within(job, share), row, Common(params, notes.append, unwatched), cache={})
    return Made(row, notes)


def within(job: Job, share: float) -> Job:
    """Return a job whose memory is limited to a share of this machine's, unless it has a limit already."""
    if job.settings.max_memory is not None:
        return job
    limit = memory.limit(job.settings, machine=share * memory.machine_memory())
    return replace(job, settings=replace(job.settings, max_memory=limit / 1e9))
