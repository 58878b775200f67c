"""Earlier work that a job can use: its finished picture, or a checkpoint to go on from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myvgg.images import ImageError
from myvgg.nst import tables
from myvgg.params import Params
from myvgg.runs import checkpoint, record
from myvgg.runs.rows import Row, names_of
from myvgg.runs.specification import Job
from myvgg.runs.writing import identity_of_weights


def finished_record(job: Job, params: Params) -> dict[str, Any] | None:
    """Return the record of a job's picture, if the picture is finished and the job would make the same one now.

    Args:
        job: The job.
        params: The weights.
    """
    try:
        made = record.read_record(job.output)
        return made if made["run"]["finished"] and _is_of(made, job, params, bits=job.bits) else None
    except (ImageError, OSError, LookupError, TypeError):
        return None


def is_of_other_files(job: Job, earlier: Mapping[str, Row]) -> bool:
    """Tell whether a job's picture exists and was made of other files, neither the same nor older ones of these names.

    Args:
        job: The job.
        earlier: Rows of an earlier table by the names of their pictures, for pictures without records.
    """
    try:
        made = record.read_record(job.output)["inputs"]
    except ImageError:
        row = earlier.get(job.output.name)
        if row is None or not job.output.exists():
            return False
        content, style = names_of(job)
        return not (_is_same(row.content, content) and _is_same(row.style, style))
    return any(
        Path(made[role]["file"]).resolve() != path.resolve() and _differs(path, made[role])
        for role, path in job.inputs.items()
        if role in made
    )


def _is_same(one: str, other: str) -> bool:
    return one == other or Path(one).resolve() == Path(other).resolve()


def _differs(path: Path, entry: Mapping[str, str]) -> bool:
    """Tell whether a file exists and is not the one of a record."""
    try:
        return record.sha256_of(path) != entry["sha256"]
    except OSError:
        return False


def is_resumable(job: Job, params: Params) -> bool:
    """Tell whether a job has a checkpoint that it can go on from; a damaged one does not count.

    Args:
        job: The job.
        params: The weights.
    """
    path = checkpoint.path_for(job.output)
    try:
        return checkpoint.is_there(job.output) and _is_of(checkpoint.load(path).made_of, job, params)
    except (ValueError, LookupError, TypeError):  # the run writes a new one in its place
        return False


def _is_of(made: Mapping[str, Any], job: Job, params: Params, *, bits: int | None = None) -> bool:
    """Tell whether a record or a checkpoint was made with a job's settings, files and weights."""
    settings, recorded = record.pixels_of(tables.table_of(job.settings)), record.pixels_of(made["settings"])
    if job.settings.precision == "auto":  # its meaning depends on the machine
        settings["precision"] = recorded["precision"]
    weights = identity_of_weights(params)  # older records do not have all of it
    hashes = {name: each["sha256"] for name, each in made["inputs"].items()}
    return (
        recorded == settings
        and hashes == {name: record.sha256_of(path) for name, path in job.inputs.items()}
        and {**weights, **_of_weights(made["weights"])} == weights
        and (made["run"]["matte"], made["run"].get("bits")) == (job.matte, bits)
    )


def _of_weights(recorded: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: recorded[name] for name in ("generation", "sha256")}
    return found | {name: recorded[name] for name in ("preprocessing",) if name in recorded}
