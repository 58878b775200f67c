"""A list of jobs is worked off, on this machine or on a Ray cluster, and ends in a sheet and a table.

Finished pictures are skipped, interrupted ones go on from their checkpoints, and a failed one stops none of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from myvgg import images
from myvgg.runs import ray_jobs
from myvgg.runs.attempt import Common, begin, make
from myvgg.runs.job import Job
from myvgg.runs.ray_jobs import Cluster
from myvgg.runs.reuse import finished_record
from myvgg.runs.rows import Row, read_rows, write_rows
from myvgg.runs.specification import check_apart
from myvgg.runtime.files import check_writable

MAX_CACHED = 100
"""Number of style pictures whose statistics are kept; with the default layers, each takes 2.4 MB."""


def work_off(
    jobs: Sequence[Job],
    common: Common,
    *,
    draw: Callable[[list[Row]], None],
    picture: Path,
    table: Path,
    cluster: Cluster | None = None,
) -> None:
    """Run the jobs that are not done yet, then draw the sheet and write the table, also after an interruption.

    Args:
        jobs: The jobs.
        common: The other arguments of the runs.
        draw: Called with the rows of all jobs; it writes the sheet. It is not called if there is no picture at all.
        picture: File of the sheet.
        table: File of the table.
        cluster: The cluster to run on; None for this machine alone.

    Raises:
        ValueError: Some pictures failed; the message names them. Or sheet or table cannot be written.
        KeyboardInterrupt: Sheet and table are written.
        OSError: A file cannot be written.
    """
    _check_outputs(jobs, picture, table)
    earlier = read_rows(table)
    rows = [begin(job, finished_record(job, common.params), earlier, common.params) for job in jobs]
    try:
        _run_missing(jobs, rows, common, cluster)
    finally:
        write_rows(rows, table)
        if any(row.there for row in rows):
            draw(rows)
            common.say(f"wrote {picture} and {table}")
    _check_failures(rows)


def _check_outputs(jobs: Sequence[Job], picture: Path, table: Path) -> None:
    """Raise unless sheet and table can be written."""
    images.format_of(picture)
    for path in (picture, table):
        check_writable(path)
    check_apart({"sheet": picture, "table": table}, [path for job in jobs for path in job.inputs.values()])


def _run_missing(jobs: Sequence[Job], rows: list[Row], common: Common, cluster: Cluster | None) -> None:
    """Run the jobs without a picture, and replace their rows."""
    from myvgg.photographs import measured

    missing = [index for index, row in enumerate(rows) if not row.there]
    if len(missing) < len(jobs):
        common.say(f"{len(jobs) - len(missing)} of {len(jobs)} pictures are there already")
    if not missing:
        return
    common = common._replace(params=measured(common.params))  # once for all jobs
    if cluster:
        _run_on_cluster(jobs, rows, missing, common, cluster)
    else:
        _run_here(jobs, rows, missing, common)


def _run_here(jobs: Sequence[Job], rows: list[Row], missing: Sequence[int], common: Common) -> None:
    """Run one job after the other; jobs that follow each other with the same styles share their statistics."""
    before, cache = None, dict[Any, Any]()
    for number, index in enumerate(missing, 1):
        job = jobs[index]
        if before != (job.settings, job.styles) or len(cache) > MAX_CACHED:
            before, cache = (job.settings, job.styles), {}
        common.say(f"picture {number} of {len(missing)}: {job.output}")
        rows[index] = rows[index]._replace(status="interrupted")
        rows[index] = make(job, rows[index], common, cache=cache)


def _run_on_cluster(
    jobs: Sequence[Job], rows: list[Row], missing: Sequence[int], common: Common, cluster: Cluster
) -> None:
    common.say(f"{len(missing)} pictures on the Ray cluster at {cluster.address}")
    begun = {index: (jobs[index], rows[index]) for index in missing}
    for number, (index, made) in enumerate(ray_jobs.make_all(begun, common.params, cluster), 1):
        rows[index] = made.row
        for sentence in (f"picture {number} of {len(missing)}: {jobs[index].output}", *made.notes):
            common.say(sentence)


def _check_failures(rows: Sequence[Row]) -> None:
    """Raise if pictures failed; those that failed for one reason are named together."""
    failed = [row for row in rows if row.status == "failed"]
    reasons = dict.fromkeys(row.error for row in failed)
    sentences = [f"{', '.join(row.output for row in failed if row.error == reason)}: {reason}" for reason in reasons]
    if failed:
        raise ValueError(f"{len(failed)} of {len(rows)} pictures failed: {'; '.join(sentences)}")
