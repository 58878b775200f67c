"""One job of many: it is run and becomes a row of the table, whether it succeeds or fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from myvgg import images
from myvgg.params import Params
from myvgg.runs import job as one
from myvgg.runs.job import Job, Watch
from myvgg.runs.reuse import is_resumable
from myvgg.runs.rows import NOTHING, Row

if TYPE_CHECKING:
    from myvgg.runs.metrics import Report


class Common(NamedTuple):
    """The arguments of every run besides its job.

    Attributes:
        params: The weights.
        say: Called with sentences for the user.
        watch: Passes the steps on, and shows the progress.
    """

    params: Params
    say: Callable[[str], None]
    watch: Watch


def begin(job: Job, made: Mapping[str, Any] | None, earlier: Mapping[str, Row], params: Params) -> Row:
    """Return the row of a job before it is run.

    The row of a finished picture has the numbers of an earlier table. A report that the job asks for and the picture
    was made without is made now.

    Args:
        job: The job.
        made: The record of its finished picture, or None.
        earlier: Rows of an earlier table by the names of their pictures.
        params: The weights.
    """
    content, style = str(job.content or NOTHING), " ".join(map(str, job.styles)) or NOTHING
    if made is None:
        return Row(content, style, job.output.name)
    row = earlier.get(job.output.name, Row(content, style, job.output.name))
    row = row._replace(content=content, style=style, status="skipped", steps=made["run"]["steps"], error="")
    if job.report and not row.metric_score:
        return _with_metrics(row, made.get("metrics") or _measure(job, params)._asdict())
    return row


def make(job: Job, row: Row, common: Common, *, cache: MutableMapping[Any, Any]) -> Row:
    """Run a job, from its checkpoint if there is one, and return its row.

    Args:
        job: The job.
        row: The row of the job so far.
        common: The other arguments of the run.
        cache: A dictionary that keeps statistics of style pictures for the next job with the same settings.

    Raises:
        OSError: A file cannot be written. Every other failure is noted in the row.
        KeyboardInterrupt: The message names the picture that was written.
    """
    params, say, watch = common
    try:
        one.check(job)
        pictures = one.read(job)
        resumed = replace(job, resume=is_resumable(job, params))
        outcome = one.run(resumed, pictures, params, cache=cache, say=say, watch=watch)
    except (ValueError, ArithmeticError, MemoryError) as error:
        reason = str(error) or "not enough memory"
        say(f"{row.output} failed: {reason}")
        return row._replace(status="failed", error=reason)
    losses = {f"loss_{name}": value for name, value in outcome.losses._asdict().items()}
    row = row._replace(status="made", seconds=round(outcome.seconds, 1), steps=outcome.steps, **losses)
    return _with_metrics(row, outcome.report._asdict()) if outcome.report else row


def _with_metrics(row: Row, metrics: Mapping[str, Any]) -> Row:
    return row._replace(**{f"metric_{name}": value for name, value in metrics.items()})


def _measure(job: Job, params: Params) -> Report:
    """Measure a picture that was made without a report."""
    from myvgg.runs.metrics import report

    pictures = one.read(job)
    content = pictures.content.image if pictures.content else None
    return report(images.load(job.output), content, pictures.styles, blend=job.settings.style_blend, params=params)
