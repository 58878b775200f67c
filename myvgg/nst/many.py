"""Many runs: contents x styles, a setting varied, presets side by side.

Each is a list of jobs that are worked off in turn: what is done is not made again, what was interrupted goes on, and
what fails keeps nothing else from being made. A sheet of the pictures and a table of the runs come last, also when it
was interrupted.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from myvgg import pictures
from myvgg.command import UsageError
from myvgg.files import check_writable, replacing
from myvgg.nst import checkpoint, images, presets, record, sheet
from myvgg.nst import job as one
from myvgg.nst.images import ImageError, Picture
from myvgg.nst.job import Job, Watch
from myvgg.nst.settings import SETTINGS, Settings
from myvgg.params import Params

SHEET, TABLE = "contact-sheet.jpg", "batch.csv"
"""What a batch leaves in its folder beside the pictures."""

PAGE = 50
"""Contents on a contact sheet; more of them go on to further sheets."""

SHEET_PIXELS = 30e6
"""Of a sheet, about: where there are many pictures, they are small."""

CELLS = (64, 256)
"""Longest side of a picture on a sheet, at least and at most."""

KEPT = 100
"""Statistics of style pictures that are kept at a time; with the default layers, each takes 2.4 MB."""

LONGEST = 150
"""Bytes of a file's name without its suffix; file systems take 255, and checkpoints have longer suffixes."""

NOTHING = "-"
"""In a name and a table, the content of a texture and the style of a reconstruction."""


class Row(NamedTuple):
    """A line of the table; what is not known is empty, and numbers of an earlier table come as text.

    Attributes:
        content: File, or -.
        style: Files, or -.
        output: Name of the picture.
        status: `made` now, `skipped` since it was there, `failed`, `interrupted`, or `missing` where it was not begun.
        seconds: That it took.
        steps: That were made.
        loss_content: The last one, unweighted, as are the two that follow.
        loss_style: In units of the content picture's, where losses are balanced.
        loss_tv: Total variation.
        loss_total: Weighted sum.
        metric_style: Of the report, as are the three that follow.
        metric_structure: See `myvgg.nst.metrics`.
        metric_score: See `myvgg.nst.metrics`.
        metric_grain: See `myvgg.nst.metrics`.
        error: Why it failed.
    """

    content: str
    style: str
    output: str
    status: str = "missing"
    seconds: float | str = ""
    steps: int | str = ""
    loss_content: float | str = ""
    loss_style: float | str = ""
    loss_tv: float | str = ""
    loss_total: float | str = ""
    metric_style: float | str = ""
    metric_structure: float | str = ""
    metric_score: float | str = ""
    metric_grain: float | str = ""
    error: str = ""

    @property
    def there(self) -> bool:
        """Whether there is a finished picture."""
        return self.status in ("made", "skipped")


class Grid(NamedTuple):
    """The jobs of a sweep.

    Attributes:
        jobs: Row by row.
        rows: Titles of the rows, the values of the first of two settings; empty where only one is varied.
        columns: Titles of the columns, the values of the other.
    """

    jobs: list[Job]
    rows: list[str]
    columns: list[str]


def batch_jobs(contents: Sequence[str], styles: Sequence[str], folder: Path, template: Job) -> list[Job]:
    """Pair every content with every style, all contents of a style in a row.

    Args:
        contents: Files, folders of pictures, or patterns (`photos/**/*.jpg`).
        styles: Likewise.
        folder: Where the results go, named by content, style and the settings that are not the default ones. What
            folders and patterns find in here is left out: it may be the result of an earlier batch.
        template: Everything but pictures and output.

    Raises:
        UsageError: No words, or one that stands for no picture; names it.
    """
    found = [_pictures(name, words, folder) for name, words in {"contents": contents, "styles": styles}.items()]
    pairs = [(content, style) for style, content in product(*reversed(found))]
    changed = _changed(template.settings)
    names = _distinct(["_".join([content.stem, style.stem, *changed]) for content, style in pairs], pairs)
    return [
        replace(template, content=content, styles=(style,), output=folder / f"{name}.png")
        for (content, style), name in zip(pairs, names, strict=True)
    ]


def batch(
    jobs: Sequence[Job],
    folder: Path,
    params: Params,
    *,
    say: Callable[[str], None],
    watch: Watch,
    ray: str | None = None,
    threads: int = 1,
) -> None:
    """Run the jobs of `batch_jobs`, with a contact sheet and a table in their folder, which is made if need be.

    Args:
        jobs: What to do.
        folder: For the sheet and the table.
        params: The weights.
        say: Takes sentences for the user.
        watch: See `job.run`.
        ray: Address of a Ray cluster to run on; this machine alone unless told.
        threads: Processors for each job, on a cluster.

    Raises:
        ValueError: Some of the pictures failed; names them, at the end.
        KeyboardInterrupt: With what is there written.
        OSError: Something could not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def draw(rows: list[Row]) -> None:
        for path, drawn in _contact_sheets(jobs, rows, folder / SHEET):
            images.save(drawn, path)

    _work(jobs, draw, folder / SHEET, folder / TABLE, Means(params, say, watch, ray, threads))


def sweep_jobs(template: Job, over: Sequence[str]) -> Grid:
    """Vary one setting, or two, over lists of values.

    Args:
        template: The job, whose output names the grid and begins the names of the single pictures.
        over: `style-strength=0.5,1,2`, once or twice; values that have commas in them are separated by semicolons.

    Raises:
        UsageError: No or too many settings, an unknown one, or a value that is wrong or there twice.
    """
    if not 1 <= len(over) <= 2:
        raise UsageError(f"name one or two settings with their values, such as style-strength=0.5,1,2, not {len(over)}")
    axes = [_axis(word, template.settings) for word in over]
    if len({name for name, _ in axes}) < len(axes):
        raise UsageError(f"over must name two different settings, not {axes[0][0]} twice")
    tables = [dict(chosen) for chosen in product(*([(n, v) for v in vs] for n, vs in axes))]
    titles = [[f"{_dashed(name)} {value}" for value in values] for name, values in axes]
    output = template.output
    stems = ["_".join([output.stem, *(f"{_dashed(n)}-{v}" for n, v in table.items())]) for table in tables]
    jobs = [
        replace(template, settings=_with(table, template.settings), output=output.with_name(name + output.suffix))
        for table, name in zip(tables, _distinct(stems, tables), strict=True)
    ]
    return Grid(jobs, titles[0] if len(axes) == 2 else [], titles[-1])


def sweep(
    grid: Grid,
    output: Path,
    params: Params,
    *,
    say: Callable[[str], None],
    watch: Watch,
) -> None:
    """Run the jobs of `sweep_jobs`, draw them as a captioned grid at `output`, and write a table beside it.

    Raises:
        ValueError, KeyboardInterrupt, OSError: As `batch`.
    """

    def draw(rows: list[Row]) -> None:
        if not grid.rows:
            return images.save(_strip(grid.jobs, rows, grid.columns), output)
        cell = _cell(len(grid.rows), len(grid.columns))
        cells = [_small(job.output, cell) if row.there else None for job, row in zip(grid.jobs, rows, strict=True)]
        body = sheet.sheet(
            _folded(cells, len(grid.columns)),
            captions=_folded([_caption("", row) for row in rows], len(grid.columns)),
            row_titles=grid.rows,
            column_titles=grid.columns,
            cell=cell,
        )
        return images.save(_stacked(sheet.side_by_side(*_shown(grid.jobs[0], cell), cell=cell), body), output)

    _work(grid.jobs, draw, output, output.with_suffix(".csv"), Means(params, say, watch))


def compare(
    job: Job,
    compared: Mapping[str, Settings],
    params: Params,
    *,
    say: Callable[[str], None],
    watch: Watch,
) -> None:
    """Run a job with several settings and draw the results side by side at its output, with a table beside it.

    Args:
        job: Whose pictures and options count; its settings do not.
        compared: Settings by name; `out-gatys.png` beside `out.png` has what those of `gatys` gave.
        params: The weights.
        say: Takes sentences for the user.
        watch: See `job.run`.

    Raises:
        ValueError, KeyboardInterrupt, OSError: As `batch`.
    """

    def named(path: Path, name: str) -> Path:
        return path.with_name(f"{path.stem}-{name}{path.suffix}")

    jobs = [
        replace(
            job, settings=settings, output=named(job.output, name), animate=job.animate and named(job.animate, name)
        )
        for name, settings in compared.items()
    ]

    def draw(rows: list[Row]) -> None:
        images.save(_strip(jobs, rows, list(compared)), job.output)

    _work(jobs, draw, job.output, job.output.with_suffix(".csv"), Means(params, say, watch))


def plan(jobs: Sequence[Job], params: Params) -> str:
    """Tell what is to be made, what is there already, and about how long the rest takes and how much memory."""
    from myvgg.nst.plan import Sizes, bytes_text, seconds_text
    from myvgg.nst.plan import plan as plan_one

    @cache
    def size(path: Path) -> tuple[int, int]:
        height, width, _ = images.load(path).shape
        return width, height

    lines, seconds, memory, done = [], 0.0, 0.0, 0
    for job in jobs:
        try:
            if made := _finished(job, params):
                lines.append(f"{job.output}: done, {made['run']['steps']} steps")
                done += 1
                continue
            sizes = Sizes(size(job.content) if job.content else None, [size(style) for style in job.styles])
            planned = plan_one(job.settings, sizes, params)
        except ValueError as error:
            lines.append(f"{job.output}: cannot be made: {error}")
            continue
        width, height = planned.scales[-1].size
        lines.append(f"{job.output}: {width} x {height}, {planned.steps} steps, {seconds_text(planned.seconds)}")
        seconds, memory = seconds + planned.seconds, max(memory, planned.memory)
    lines.append(f"{len(jobs)} pictures, {done} of them done")
    if memory:
        lines.append(f"what is missing takes about {seconds_text(seconds)} and up to {bytes_text(memory)} of memory")
    return "\n".join(lines)


# What all of them share: working off a list of jobs.


class Means(NamedTuple):
    """What every run needs besides its job.

    Attributes:
        params: The weights.
        say: Takes sentences for the user.
        watch: See `job.run`.
        ray: Address of the cluster to run on; None for this machine.
        threads: Processors for each job, on a cluster.
    """

    params: Params
    say: Callable[[str], None]
    watch: Watch
    ray: str | None = None
    threads: int = 1


def _work(jobs: Sequence[Job], draw: Callable[[list[Row]], None], picture: Path, table: Path, means: Means) -> None:
    """Run what is not done yet, then draw the rows and write them as a table, whatever happened, then name failures."""
    images.format_of(picture)
    for path in (picture, table):
        check_writable(path)
        if path.resolve() in {each.resolve() for job in jobs for each in job.inputs.values()}:
            raise ValueError(f"cannot write {path}: it is one of the inputs")
    earlier = _earlier(table)
    rows = [_row(job, _finished(job, means.params), earlier, means.params) for job in jobs]
    try:
        _run(jobs, rows, means)
    finally:
        _write(rows, table)
        if any(row.there for row in rows):
            draw(rows)
            means.say(f"wrote {picture} and {table}")
    _raise_failures(rows)


def _run(jobs: Sequence[Job], rows: list[Row], means: Means) -> None:
    """Run the jobs whose pictures are not there, and put what becomes of them into the rows."""
    from myvgg.photographs import measured

    missing = [index for index, row in enumerate(rows) if not row.there]
    if len(missing) < len(jobs):
        means.say(f"{len(jobs) - len(missing)} of {len(jobs)} pictures are there already")
    means = means._replace(params=measured(means.params)) if missing else means  # once for all
    if means.ray is not None and missing:
        _run_on_cluster(jobs, rows, missing, means)
        return
    before, kept = None, dict[Any, Any]()
    for number, index in enumerate(missing, 1):
        job = jobs[index]
        if before != (job.settings, job.styles) or len(kept) > KEPT:
            before, kept = (job.settings, job.styles), {}
        means.say(f"picture {number} of {len(missing)}: {job.output}")
        rows[index] = rows[index]._replace(status="interrupted")
        rows[index] = made_one(job, rows[index], means, kept)


def _run_on_cluster(jobs: Sequence[Job], rows: list[Row], missing: Sequence[int], means: Means) -> None:
    from myvgg.nst import cluster

    assert means.ray is not None
    means.say(f"{len(missing)} pictures on the Ray cluster at {means.ray}")
    begun = {index: (jobs[index], rows[index]) for index in missing}
    done = cluster.made(begun, means.params, address=means.ray, threads=means.threads)
    for number, (index, row) in enumerate(done, 1):
        rows[index] = row
        means.say(
            f"picture {number} of {len(missing)}: {jobs[index].output}" + f" failed: {row.error}" * bool(row.error)
        )


def made_one(job: Job, row: Row, means: Means, kept: MutableMapping[Any, Any]) -> Row:
    """Run a job and return its row; that something cannot be written is no failure of this picture and is raised."""
    params, say, watch, *_ = means
    try:
        one.check(job)
        inputs = one.read(job)
        resumed = replace(job, resume=_is_resumable(job, params))
        outcome = one.run(resumed, inputs, params, kept=kept, say=say, watch=watch)
    except (ValueError, ArithmeticError, MemoryError) as error:
        reason = str(error) or "not enough memory"
        say(f"{row.output} failed: {reason}")
        return row._replace(status="failed", error=reason)
    found: dict[str, Any] = {f"loss_{name}": value for name, value in outcome.losses.items()}
    found |= _metrics(outcome.report)
    return row._replace(status="made", seconds=round(outcome.seconds, 1), steps=outcome.steps, **found)


def _raise_failures(rows: Sequence[Row]) -> None:
    """Raise if there are failures, with the pictures that failed for one reason together."""
    failed = [row for row in rows if row.status == "failed"]
    reasons = dict.fromkeys(row.error for row in failed)
    told = [f"{', '.join(row.output for row in failed if row.error == reason)}: {reason}" for reason in reasons]
    if failed:
        raise ValueError(f"{len(failed)} of {len(rows)} pictures failed: {'; '.join(told)}")


def _finished(job: Job, params: Params) -> dict[str, Any] | None:
    """Return the record of a job's picture if it is there, finished, and made of the same as it would be now."""
    try:
        made = record.read_record(job.output)
        return made if made["run"]["finished"] and _is_of(made, job, params, bits=job.bits) else None
    except (ImageError, OSError, LookupError, TypeError):
        return None


def _is_resumable(job: Job, params: Params) -> bool:
    path = checkpoint.path_for(job.output)
    try:
        return path.exists() and _is_of(checkpoint.load(path).made_of, job, params)
    except (ValueError, LookupError, TypeError):  # the run writes a new one in its place
        return False


def _is_of(made: Mapping[str, Any], job: Job, params: Params, *, bits: int | None = None) -> bool:
    """Whether a record, or a checkpoint, is of a job's settings, files and weights."""
    settings = presets.table_of(job.settings)
    if job.settings.precision == "auto":  # what it stood for depends on the machine
        settings["precision"] = made["settings"]["precision"]
    told = {name: each["sha256"] for name, each in made["inputs"].items()}
    return (
        made["settings"] == settings
        and told == {name: record.sha256_of(path) for name, path in job.inputs.items()}
        and made["weights"]["sha256"] == params.origin.sha256
        and made["weights"]["generation"] == params.origin.generation
        and (made["run"]["matte"], made["run"].get("bits")) == (job.matte, bits)
    )


# The table.


def _row(job: Job, made: Mapping[str, Any] | None, earlier: Mapping[str, Row], params: Params) -> Row:
    """Begin a job's row; what is done has its numbers from an earlier table, and from its record."""
    names = str(job.content or NOTHING), " ".join(map(str, job.styles)) or NOTHING
    if made is None:
        return Row(*names, job.output.name)
    row = earlier.get(job.output.name, Row(*names, job.output.name))
    row = row._replace(content=names[0], style=names[1], status="skipped", steps=made["run"]["steps"], error="")
    if job.report and not row.metric_score:
        metrics = made.get("metrics") or _measured(job, params)._asdict()
        row = row._replace(**{f"metric_{name}": value for name, value in metrics.items()})
    return row


def _measured(job: Job, params: Params) -> Any:
    """Make up for a report that was not asked for when the picture was made."""
    from myvgg.nst.metrics import report

    inputs = one.read(job)
    content = inputs.content.image if inputs.content else None
    return report(images.load(job.output), content, inputs.styles, blend=job.settings.style_blend, params=params)


def _metrics(report: Any) -> dict[str, float]:
    return {f"metric_{name}": value for name, value in report._asdict().items()} if report else {}


def _earlier(table: Path) -> dict[str, Row]:
    """Read the rows of an earlier table by output; one that cannot be read counts as none."""
    try:
        lines = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
        return {line["output"]: Row(**line) for line in lines}
    except (OSError, ValueError, LookupError, TypeError, csv.Error):
        return {}


def _write(rows: Sequence[Row], table: Path) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([Row._fields, *rows])
    with replacing(table) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", errors="replace")


# The sheets.


def _contact_sheets(jobs: Sequence[Job], rows: Sequence[Row], path: Path) -> Iterator[tuple[Path, Picture]]:
    """Draw contents as rows and styles as columns, both with their pictures and names, in pages."""
    outputs = {(job.content, job.styles): job.output for job, row in zip(jobs, rows, strict=True) if row.there}
    contents = list(dict.fromkeys(job.content for job in jobs if job.content))
    styles = list(dict.fromkeys(style for job in jobs for style in job.styles))
    titles = _titles(contents)
    for start in range(0, len(contents), PAGE):
        page = contents[start : start + PAGE]
        cell = _cell(len(page) + 1, len(styles) + 1)
        drawn = sheet.sheet(
            [
                [None, *(_small(style, cell) for style in styles)],
                *(
                    [_small(each, cell), *(_small(outputs.get((each, (style,))), cell) for style in styles)]
                    for each in page
                ),
            ],
            row_titles=["", *titles[start : start + PAGE]],
            column_titles=["", *_titles(styles)],
            cell=cell,
        )
        yield path.with_stem(f"{path.stem}-{start // PAGE + 1}") if start else path, drawn


def _strip(jobs: Sequence[Job], rows: Sequence[Row], titles: Sequence[str]) -> Picture:
    """Draw content, styles and results in one row."""
    cell = _cell(1, len(jobs) + 2)
    cells, captions = _shown(jobs[0], cell)
    for job, row, title in zip(jobs, rows, titles, strict=True):
        cells.append(_small(job.output, cell) if row.there else None)
        captions.append(_caption(title, row))
    return sheet.side_by_side(cells, captions, cell=cell)


def _shown(job: Job, cell: int) -> tuple[list[Picture | None], list[str]]:
    """Return a job's content and styles, with their captions."""
    named = [("content", job.content)] * bool(job.content) + [("style", style) for style in job.styles]
    return [_small(path, cell) for _, path in named], [f"{what}\n{path.stem}" for what, path in named if path]


def _caption(title: str, row: Row) -> str:
    """Return a title with what is known of a result."""
    numbers = [f"{float(row.seconds):.0f} s"] if row.seconds != "" else []
    numbers += [f"score {float(row.metric_score):.2f}"] if row.metric_score != "" else []
    return "\n".join(filter(None, [title, ", ".join(numbers), "" if row.there else row.status]))


def _small(path: Path | None, cell: int) -> Picture | None:
    """Read a picture for a sheet; None where that cannot be done."""
    try:
        return None if path is None else images.resize(images.load(path), cell)
    except ImageError:
        return None


def _cell(rows: int, columns: int) -> int:
    """Return the side of a cell."""
    return max(CELLS[0], min(CELLS[1], math.isqrt(int(SHEET_PIXELS / rows / columns))))


def _folded(flat: Sequence[Any], columns: int) -> list[Sequence[Any]]:
    return [flat[start : start + columns] for start in range(0, len(flat), columns)]


def _stacked(*sheets: np.ndarray) -> Picture:
    """Put sheets below each other, flush left, on white."""
    width = max(each.shape[1] for each in sheets)
    padding = [((0, 0), (0, width - each.shape[1]), (0, 0)) for each in sheets]
    padded = [np.pad(each, pad, constant_values=255) for each, pad in zip(sheets, padding, strict=True)]
    return np.concatenate(padded).astype(np.float32)


def _titles(paths: Sequence[Path]) -> list[str]:
    """Name files by their stems, those that share one by their paths."""
    count = Counter(path.stem for path in paths)
    return [path.stem if count[path.stem] == 1 else str(path) for path in paths]


# Words and names.


def _pictures(name: str, words: Sequence[str], folder: Path) -> list[Path]:
    """Return the files that words stand for, each once."""
    if not words:
        raise UsageError(f"name the {name}: files, folders or patterns")
    try:
        return pictures.found(words, outside=folder)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error


def _changed(settings: Settings) -> list[str]:
    """Name the settings that are not the default ones, with their values."""
    default = Settings()
    changed = {name: getattr(settings, name) for name in SETTINGS if getattr(settings, name) != getattr(default, name)}
    return [f"{_dashed(name)}-{_written(value)}" for name, value in changed.items()]


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _distinct(names: Sequence[str], keys: Sequence[Any]) -> list[str]:
    """Make names of files: without what some systems do not take, not too long, and each another.

    What is cut off, and what tells equal names apart, becomes a hash, the same for the same names and keys.
    """
    safe = [_cut(re.sub(r"[^\w.,=+-]+", "-", name)) for name in names]
    count = Counter(name.casefold() for name in safe)
    return [
        name if count[name.casefold()] == 1 else f"{name}-{_hash(str(key))}"
        for name, key in zip(safe, keys, strict=True)
    ]


def _cut(name: str) -> str:
    if len(name.encode()) <= LONGEST:
        return name
    return f"{name.encode()[:LONGEST].decode(errors='ignore')}-{_hash(name)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:8]


def _axis(word: str, base: Settings) -> tuple[str, list[str]]:
    """Read what `over` says of a setting: its name and its values as they were written."""
    written, equals, listed = word.partition("=")
    name, values = (
        written.strip().replace("-", "_"),
        [v.strip() for v in re.split(";" if ";" in listed else ",", listed)],
    )
    if not equals or not all(values):
        raise UsageError(f"over must be a setting with its values, such as style-strength=0.5,1,2, not {word!r}")
    found = [_with({name: value}, base) for value in values]
    for index, settings in enumerate(found):
        if settings in found[:index]:
            raise UsageError(f"over has {values[index]} twice for {_dashed(name)}")
    return name, values


def _with(table: Mapping[str, str], base: Settings) -> Settings:
    """Set what a table of texts says."""
    try:
        return presets.settings({name: _parsed(value) for name, value in table.items()}, base)
    except ValueError as error:
        raise UsageError(f"over: {error}") from error


def _parsed(text: str) -> Any:
    """Read a number, true, false or a list; anything else is a text."""
    for read in (json.loads, float):
        with suppress(ValueError):
            return read(text)
    return text
