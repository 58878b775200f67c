"""Jobs on a Ray cluster, one task for each job. Where a worker dies, Ray gives its job to another one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from myvgg.params import Params
from myvgg.runs.attempt import Common, make
from myvgg.runs.job import Job, unwatched
from myvgg.runs.rows import Row
from myvgg.runtime.ray import joined, prepare

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


def make_all(jobs: Mapping[int, tuple[Job, Row]], params: Params, cluster: Cluster) -> Iterator[tuple[int, Row]]:
    """Run jobs on a cluster.

    Args:
        jobs: Jobs with their rows, by number.
        params: The weights, which are sent to the cluster once.
        cluster: The cluster.

    Yields:
        Numbers with rows, as the jobs end.

    Raises:
        ValueError: There is no cluster, or Ray gave up on a job; the pictures that are made are kept.
    """
    with joined(cluster.address) as ray:
        stored = ray.put(params)
        task = ray.remote(num_cpus=cluster.threads, max_retries=MAX_RETRIES)(_make)
        here = os.fspath(Path.cwd())
        waiting = {task.remote(job, row, stored, here, cluster.threads): number for number, (job, row) in jobs.items()}
        while waiting:
            (done, *_), _ = ray.wait([*waiting], num_returns=1)
            yield waiting.pop(done), ray.get(done)


def _make(job: Job, row: Row, params: Params, folder: str, threads: int) -> Row:
    """Run a job on a worker."""
    prepare(folder, threads)
    return make(job, row, Common(params, lambda _: None, unwatched), cache={})
