"""A list of jobs is worked off, on this machine or on a Ray cluster, and ends in a sheet and a table.

Finished pictures are skipped, interrupted ones go on from their checkpoints, and a failed one stops none of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from myvgg import images
from myvgg.runs import ray_jobs, record
from myvgg.runs.attempt import Common, begin, make
from myvgg.runs.job import Job
from myvgg.runs.ray_jobs import Cluster
from myvgg.runs.reuse import finished_record
from myvgg.runs.rows import Row, is_table, read_rows, write_rows
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
        draw: Called with the rows of all jobs, followed by those of other pictures in the table; it writes the sheet.
            It is not called if there is no picture at all.
        picture: File of the sheet.
        table: File of the table.
        cluster: The cluster to run on; None for this machine alone.

    Raises:
        ValueError: Some pictures failed; the message names them. Or an output is a file of somebody else's.
        KeyboardInterrupt: Sheet and table are written.
        OSError: A file cannot be written.
    """
    _check_outputs(jobs, picture, table)
    earlier = read_rows(table)
    _check_pictures(jobs, earlier)
    rows = [begin(job, finished_record(job, common.params), earlier, common.params) for job in jobs]
    try:
        for _ in _run_missing(jobs, rows, common, cluster):
            with suppress(OSError):  # told at the end
                write_rows(_with_others(rows, table), table)
    finally:
        _summarise(_with_others(rows, table), common.say, draw, picture, table)
    _check_failures(rows)


def _with_others(rows: Sequence[Row], table: Path) -> list[Row]:
    """Add the rows of other pictures that are there; read anew, since another batch may run in the folder."""
    own = {row.output for row in rows}
    others = [row for row in read_rows(table).values() if row.output not in own]
    there = [row for row in others if (table.parent / row.output).is_file()]
    return [*rows, *(row._replace(status="skipped" if row.there else row.status) for row in there)]


def _summarise(
    rows: list[Row], say: Callable[[str], None], draw: Callable[[list[Row]], None], picture: Path, table: Path
) -> None:
    """Write the sheet and the table; where one cannot be written, a sentence tells so."""
    written, outputs = [], {picture: draw} if any(row.there for row in rows) else {}
    for path, write in (outputs | {table: partial(write_rows, table=table)}).items():
        try:
            write(rows)
            written.append(str(path))
        except (OSError, ValueError, MemoryError) as error:  # such as a sheet that is too wide for its format
            say(f"{path} cannot be written: {error or 'not enough memory'}")
    if written:
        say(f"wrote {' and '.join(written)}")


def _check_pictures(jobs: Sequence[Job], earlier: Mapping[str, Row]) -> None:
    """Raise if a picture or an animation would replace one that no run made, since nobody chose its name."""
    for job in jobs:
        is_ours = job.output.exists() and (job.output.name in earlier or record.has_record(job.output))
        for path in filter(None, (job.output, job.animate)):
            if path.exists() and not is_ours:
                raise ValueError(f"cannot write {path}: it is no result of myvgg, move it or name another output")


def _check_outputs(jobs: Sequence[Job], picture: Path, table: Path) -> None:
    """Raise unless sheet and table can be written."""
    images.format_of(picture)
    for path in (picture, table):
        check_writable(path)
    if table.exists() and not is_table(table):
        raise ValueError(f"cannot write {table}: it is no table of runs, move it or name another output")
    check_apart({"sheet": picture, "table": table}, [path for job in jobs for path in job.inputs.values()])


def _run_missing(jobs: Sequence[Job], rows: list[Row], common: Common, cluster: Cluster | None) -> Iterator[None]:
    """Run the jobs without a picture, and replace their rows; yield after each."""
    from myvgg.photographs import measured

    missing = [index for index, row in enumerate(rows) if not row.there]
    if len(missing) < len(jobs):
        common.say(f"{len(jobs) - len(missing)} of {len(jobs)} pictures are there already")
    if not missing:
        return
    common = common._replace(params=measured(common.params))  # once for all jobs
    if cluster:
        yield from _run_on_cluster(jobs, rows, missing, common, cluster)
    else:
        yield from _run_here(jobs, rows, missing, common)


def _run_here(jobs: Sequence[Job], rows: list[Row], missing: Sequence[int], common: Common) -> Iterator[None]:
    """Run one job after the other; jobs that follow each other with the same styles share their statistics."""
    before, cache = None, dict[Any, Any]()
    for number, index in enumerate(missing, 1):
        job = jobs[index]
        if before != (job.settings, job.styles) or len(cache) > MAX_CACHED:
            before, cache = (job.settings, job.styles), {}
        if made := finished_record(job, common.params):  # by another command in the meantime
            common.say(f"picture {number} of {len(missing)} is there now: {job.output}")
            rows[index] = begin(job, made, {}, common.params)
            yield
            continue
        common.say(f"picture {number} of {len(missing)}: {job.output}")
        rows[index] = rows[index]._replace(status="interrupted")
        rows[index] = make(job, rows[index], common, cache=cache)
        yield


def _run_on_cluster(
    jobs: Sequence[Job], rows: list[Row], missing: Sequence[int], common: Common, cluster: Cluster
) -> Iterator[None]:
    common.say(f"{len(missing)} pictures on the Ray cluster at {cluster.address}")
    begun = {index: (jobs[index], rows[index]) for index in missing}
    for number, (index, made) in enumerate(ray_jobs.make_all(begun, common.params, cluster), 1):
        rows[index] = made.row
        for sentence in (f"picture {number} of {len(missing)}: {jobs[index].output}", *made.notes):
            common.say(sentence)
        yield


def _check_failures(rows: Sequence[Row]) -> None:
    """Raise if pictures failed; those that failed for one reason are named together."""
    failed = [row for row in rows if row.status == "failed"]
    reasons = dict.fromkeys(row.error for row in failed)
    sentences = [f"{', '.join(row.output for row in failed if row.error == reason)}: {reason}" for reason in reasons]
    if failed:
        raise ValueError(f"{len(failed)} of {len(rows)} pictures failed: {'; '.join(sentences)}")
