"""One job of many: it is run and becomes a row of the table, whether it succeeds or fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from myvgg import images
from myvgg.params import Params
from myvgg.runs import job as one
from myvgg.runs.job import Job, Watch
from myvgg.runs.names import changed_settings
from myvgg.runs.reuse import is_resumable
from myvgg.runs.rows import Row, names_of

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

    The row of a finished picture has the numbers of its record; where that has none, those of an earlier table. A
    report that the job asks for and the picture was made without is made now.

    Args:
        job: The job.
        made: The record of its finished picture, or None.
        earlier: Rows of an earlier table by the names of their pictures.
        params: The weights.
    """
    row = Row(*names_of(job), job.output.name, " ".join(changed_settings(job.settings)))
    if made is None:
        return row
    numbers = earlier.get(job.output.name, row)._asdict() | _numbers_of(made)
    row = row._replace(**{name: numbers[name] for name in NUMBERS}, status="skipped")
    if job.report and row.metric_score == "":
        try:
            return row._replace(**_columns("metric", _measure(job, params)._asdict()))
        except (ValueError, OSError, MemoryError) as error:
            return row._replace(error=f"cannot be measured: {error or 'not enough memory'}")
    return row


NUMBERS = tuple(name for name in Row._fields if name in ("seconds", "steps") or name.startswith(("loss_", "metric_")))
"""Columns of a row that are known when its picture is finished."""


def _numbers_of(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a record as columns of a row; older records have fewer."""
    run = {name: made["run"][name] for name in ("seconds", "steps") if name in made["run"]}
    return run | _columns("loss", made.get("losses", {})) | _columns("metric", made.get("metrics", {}))


def _columns(begin: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as columns of a row; other versions may have other values."""
    return {name: value for key, value in values.items() if (name := f"{begin}_{key}") in Row._fields}


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
    numbers = _columns("loss", outcome.losses._asdict())
    numbers |= _columns("metric", outcome.report._asdict() if outcome.report else {})
    return row._replace(status="made", seconds=outcome.seconds, steps=outcome.steps, **numbers)


def _measure(job: Job, params: Params) -> Report:
    """Measure a picture that was made without a report."""
    from myvgg.runs.metrics import report

    pictures = one.read(job)
    content = pictures.content.image if pictures.content else None
    return report(images.load(job.output), content, pictures.styles, blend=job.settings.style_blend, params=params)
