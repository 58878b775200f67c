"""Many runs: contents x styles, a setting varied over its values, presets side by side.

Each kind is a list of jobs. The functions here run such a list, and write a sheet of the pictures and a table of the
runs. A second call makes only the pictures that are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from myvgg import images
from myvgg.nst.settings import Settings
from myvgg.params import Params
from myvgg.runs import record
from myvgg.runs.attempt import Common
from myvgg.runs.combinations import Grid, batch_jobs, compared_jobs, sweep_jobs
from myvgg.runs.job import Job, Watch, unwatched
from myvgg.runs.overview import contact_sheets, grid_sheet, strip
from myvgg.runs.plan_text import bytes_text, over_limit, seconds_text
from myvgg.runs.ray_jobs import Cluster
from myvgg.runs.reuse import finished_record
from myvgg.runs.rows import TABLE, Row
from myvgg.runs.worklist import work_off

if TYPE_CHECKING:
    from myvgg.nst.plan import Plan

__all__ = ["Grid", "batch", "batch_jobs", "compare", "plan", "sweep", "sweep_jobs"]

SHEET = "contact-sheet.jpg"
"""Name of the sheet in the folder of a batch."""


def _ignore(_: str) -> None:
    """Tell nothing."""


def batch(
    jobs: Sequence[Job],
    folder: Path,
    params: Params,
    *,
    say: Callable[[str], None] = _ignore,
    watch: Watch = unwatched,
    ray: str | None = None,
    threads: int = 1,
) -> None:
    """Run the jobs of a batch, and write a contact sheet and a table into its folder.

    Sheet and table show the pictures of earlier batches in the folder as well.

    Args:
        jobs: The jobs of `batch_jobs`.
        folder: The folder, which is made if it is missing.
        params: The weights.
        say: Called with sentences for the user; nothing is told by default.
        watch: Passes the steps of a run on, and shows the progress; nothing is shown by default.
        ray: Address of a Ray cluster to run on; None for this machine alone.
        threads: Processors for each job on a cluster.

    Raises:
        ValueError: Some pictures failed; raised at the end, and the message names them. Or an output is a file that no
            batch made; raised at the start.
        KeyboardInterrupt: Sheet and table are written.
        OSError: A file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    picture, table = folder / SHEET, folder / TABLE
    sheets = [*folder.glob(f"{picture.stem}*{picture.suffix}")]
    if sheets and not table.exists():
        raise ValueError(f"cannot write {sheets[0]}: no {TABLE} tells that a batch made it; move it")

    def draw(rows: list[Row]) -> None:
        for path, drawn in contact_sheets(rows, picture):
            images.save(drawn, path)

    cluster = Cluster(ray, threads) if ray is not None else None
    work_off(jobs, Common(params, say, watch), draw=draw, picture=picture, table=table, cluster=cluster)


def sweep(
    grid: Grid,
    output: Path,
    params: Params,
    *,
    say: Callable[[str], None] = _ignore,
    watch: Watch = unwatched,
) -> None:
    """Run the jobs of a sweep, draw them as a grid with captions, and write a table beside it.

    Args:
        grid: The jobs of `sweep_jobs`.
        output: File of the grid; the table has its name with .csv.
        params: The weights.
        say: Called with sentences for the user; nothing is told by default.
        watch: Passes the steps of a run on, and shows the progress; nothing is shown by default.

    Raises:
        ValueError, KeyboardInterrupt, OSError: As `batch`.
    """

    def draw(rows: list[Row]) -> None:
        images.save(grid_sheet(grid, rows[: len(grid.jobs)]), output)

    work_off(grid.jobs, Common(params, say, watch), draw=draw, picture=output, table=record.beside(output, ".csv"))


def compare(
    job: Job,
    compared: Mapping[str, Settings],
    params: Params,
    *,
    say: Callable[[str], None] = _ignore,
    watch: Watch = unwatched,
) -> None:
    """Run a job with several settings, draw the results side by side, and write a table beside them.

    Args:
        job: The job, whose settings do not count. Its output is the file of the sheet; the table has its name with
            .csv, and the result of the settings `gatys` is `out-gatys.png` beside the output `out.png`.
        compared: Settings by name.
        params: The weights.
        say: Called with sentences for the user; nothing is told by default.
        watch: Passes the steps of a run on, and shows the progress; nothing is shown by default.

    Raises:
        ValueError, KeyboardInterrupt, OSError: As `batch`.
    """
    jobs = compared_jobs(job, compared)

    def draw(rows: list[Row]) -> None:
        images.save(strip(jobs, rows[: len(jobs)], list(compared)), job.output)

    work_off(jobs, Common(params, say, watch), draw=draw, picture=job.output, table=record.beside(job.output, ".csv"))


def plan(jobs: Sequence[Job], params: Params) -> str:
    """Return a text that tells which pictures are done, and about the time and memory that the others take.

    Args:
        jobs: The jobs.
        params: The weights.
    """
    lines: list[str] = []
    plans: list[Plan] = []
    size, done = cache(_size), 0
    for job in jobs:
        try:
            if made := finished_record(job, params):
                words, done = f"done, {made['run']['steps']} steps", done + 1
            else:
                plans.append(_plan_of(job, params, size))
                (width, height), steps = plans[-1].scales[-1].size, plans[-1].steps
                words = f"{width} x {height}, {steps} steps, {seconds_text(plans[-1].seconds)}"
        except ValueError as error:
            words = f"cannot be made: {error}"
        lines.append(f"{job.output}: {words}")
    lines.append(f"{len(jobs)} pictures, {done} of them done")
    if plans:
        seconds, memory = sum(each.seconds for each in plans), max(each.memory for each in plans)
        lines.append(f"the missing ones take about {seconds_text(seconds)} and up to {bytes_text(memory)} of memory")
        lines += over_limit(max(plans, key=lambda plan: plan.memory))
    return "\n".join(lines)


def _plan_of(job: Job, params: Params, size: Callable[[Path], tuple[int, int]]) -> Plan:
    from myvgg.nst import plan as plans

    styles = [size(style) for style in job.styles]
    sizes = plans.Sizes(size(job.content) if job.content else None, styles, max(1, len(job.masks)))
    return plans.plan(job.settings, sizes, params)


def _size(path: Path) -> tuple[int, int]:
    height, width, _ = images.load(path).shape
    return width, height
