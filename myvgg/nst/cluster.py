"""Jobs worked off on a Ray cluster, a task each; Ray gives a job to another worker when one dies."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from myvgg.cluster import joined, prepare
from myvgg.nst.job import Job
from myvgg.params import Params

RETRIES = 3
"""How often a job whose worker died is begun anew, from its last checkpoint."""


def made(
    jobs: Mapping[int, tuple[Job, Any]], params: Params, *, address: str, threads: int
) -> Iterator[tuple[int, Any]]:
    """Run jobs on a cluster.

    Args:
        jobs: Jobs with their rows, by number.
        params: The weights, which go to the cluster once.
        address: Of the cluster; see `myvgg.cluster.joined`.
        threads: Processors for each job.

    Yields:
        Numbers and rows, in the order in which they are done.

    Raises:
        ValueError: There is no cluster, or Ray gave up on a job; what is made is kept.
    """
    with joined(address) as ray:
        stored = ray.put(params)
        task = ray.remote(num_cpus=threads, max_retries=RETRIES)(_made)
        here = os.fspath(Path.cwd())
        waiting = {task.remote(job, row, stored, here, threads): number for number, (job, row) in jobs.items()}
        while waiting:
            (done, *_), _ = ray.wait([*waiting], num_returns=1)
            yield waiting.pop(done), ray.get(done)


def _made(job: Job, row: Any, params: Params, folder: str, threads: int) -> Any:
    """Do a job on a worker."""
    prepare(folder, threads)
    from myvgg.nst.job import unwatched
    from myvgg.nst.many import Means, made_one

    return made_one(job, row, Means(params, lambda _: None, unwatched), {})
