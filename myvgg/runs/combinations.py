"""The jobs of a batch, of a sweep and of a comparison, made of one job as a template."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from myvgg.nst import tables
from myvgg.nst.settings import Settings
from myvgg.runs.names import changed_settings, dashed, digest, distinct
from myvgg.runs.record import beside
from myvgg.runs.reuse import is_of_other_files
from myvgg.runs.rows import TABLE, names_of, read_rows
from myvgg.runs.specification import Job


class Grid(NamedTuple):
    """The jobs of a sweep.

    Attributes:
        jobs: The jobs, row by row.
        rows: Titles of the rows, one for each value of the first of two settings; empty where one setting is varied.
        columns: Titles of the columns, one for each value of the last setting.
    """

    jobs: list[Job]
    rows: list[str]
    columns: list[str]


def batch_jobs(contents: Sequence[Path], styles: Sequence[Path], folder: Path, template: Job) -> list[Job]:
    """Pair every content with every style; all contents of one style follow each other.

    Args:
        contents: Picture files; a file that occurs twice counts once.
        styles: Picture files.
        folder: Folder of the results. Their names consist of content, style, and the settings that decide the picture
            and are not the default.
            Where another batch has a picture of that name, of other files, a hash is added.
        template: The job that gives everything but pictures and output.

    Raises:
        ValueError: No contents or no styles.
    """
    for name, given in {"contents": contents, "styles": styles}.items():
        if not given:
            raise ValueError(f"{name} must name one picture at least")
    pairs = [(content, style) for style, content in product(dict.fromkeys(styles), dict.fromkeys(contents))]
    changed = changed_settings(template.settings)
    names = distinct(["_".join([content.stem, style.stem, *changed]) for content, style in pairs], pairs)
    jobs = [
        replace(template, content=pair[0], styles=pair[1:], output=folder / f"{name}.png")
        for pair, name in zip(pairs, names, strict=True)
    ]
    return _with_own_names(jobs, folder / TABLE)


def sweep_jobs(
    template: Job, over: Mapping[str, Sequence[str]], *, preset: Callable[[str], Settings] | None = None
) -> Grid:
    """Vary one or two settings over lists of values.

    Args:
        template: The job. Its output names the grid, and begins the names of the single pictures.
        over: Values by setting, as text: numbers, true, false, and lists such as `[1,2]` are read as in JSON. Names of
            settings have underscores or dashes. The name `preset` stands for all settings of a preset.
        preset: Returns the settings of a preset by its name. By default, they are the preset's with those settings of
            the template on top that are not the default.

    Raises:
        ValueError: No setting or more than two, an unknown setting, no values, a value twice, or one out of its range.

    Example:
        >>> job = Job(content=Path("cat.jpg"), styles=(Path("waves.jpg"),), output=Path("sweep.png"))
        >>> [str(each.output) for each in sweep_jobs(job, {"noise": ["0", "0.5"]}).jobs]
        ['sweep_noise-0.png', 'sweep_noise-0.5.png']
    """
    preset = preset or partial(_preset_below, template.settings)
    if not 1 <= len(over) <= 2:
        raise ValueError(f"name one or two settings to vary, not {len(over)}")
    axes = {name.replace("-", "_"): list(values) for name, values in over.items()}
    if len(axes) < len(over):
        raise ValueError(f"name two different settings to vary, not {dashed(*axes)} twice")
    for name, values in axes.items():
        _check_values(name, values, template.settings, preset)
    tables = [
        dict(chosen) for chosen in product(*([(name, value) for value in values] for name, values in axes.items()))
    ]
    titles = [[f"{dashed(name)} {value}" for value in values] for name, values in axes.items()]
    output = template.output
    stems = ["_".join([output.stem, *(f"{dashed(n)}-{v}" for n, v in table.items())]) for table in tables]
    names = distinct(stems, [str(table) for table in tables])
    jobs = [
        replace(
            template, settings=_with(table, template.settings, preset), output=output.with_name(name + output.suffix)
        )
        for table, name in zip(tables, names, strict=True)
    ]
    jobs = _with_own_names(jobs, beside(output, ".csv"))
    return Grid(jobs, titles[0] if len(axes) == 2 else [], titles[-1])


def compared_jobs(job: Job, compared: Mapping[str, Settings]) -> list[Job]:
    """Repeat a job with other settings, and add their name to the names of its picture and animation.

    Args:
        job: The job, whose settings do not count.
        compared: Settings by name.
    """
    jobs = [
        replace(
            job,
            settings=settings,
            output=_with_end(job.output, name),
            animate=job.animate and _with_end(job.animate, name),
        )
        for name, settings in compared.items()
    ]
    return _with_own_names(jobs, beside(job.output, ".csv"))


def _with_own_names(jobs: Sequence[Job], table: Path) -> list[Job]:
    """Add a hash to the outputs that are pictures of other files: nobody has chosen these names.

    Args:
        jobs: The jobs.
        table: The table of earlier runs.
    """
    earlier, found = read_rows(table), []
    for job in jobs:
        end = digest(str(names_of(job)))
        taken = is_of_other_files(job, earlier)
        moved = replace(job, output=_with_end(job.output, end), animate=job.animate and _with_end(job.animate, end))
        found.append(moved if taken else job)
    return found


def _with_end(path: Path, name: str) -> Path:
    return path.with_name(f"{path.stem}-{name}{path.suffix}")


def _check_values(name: str, values: Sequence[str], base: Settings, preset: Callable[[str], Settings]) -> None:
    """Raise where a setting has no values, or two values that mean the same."""
    if not values:
        raise ValueError(f"{dashed(name)} has no values: name at least one")
    found = [_with({name: value}, base, preset) for value in values]
    for index, settings in enumerate(found):
        if settings in found[:index]:
            raise ValueError(f"{values[index]} is there twice for {dashed(name)}")


def _preset_below(settings: Settings, name: str) -> Settings:
    """Return the settings of a preset, with those of `settings` on top that are not the default."""
    default, table = tables.table_of(Settings()), tables.table_of(settings)
    return Settings.preset(name).with_values({key: value for key, value in table.items() if value != default.get(key)})


def _with(table: Mapping[str, str], base: Settings, preset: Callable[[str], Settings]) -> Settings:
    """Return settings with values that are given as text, over those of the preset among them."""
    values = dict(table)
    base = preset(values.pop("preset")) if "preset" in values else base
    return base.with_values({name: _parsed(value) for name, value in values.items()})


def _parsed(text: str) -> Any:
    """Read a number, true, false or a list; keep any other text."""
    for read in (json.loads, float):
        with suppress(ValueError):
            return read(text)
    return text
