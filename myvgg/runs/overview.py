"""The pictures of many runs on one sheet: contents x styles, a grid of two settings, or one row."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import TypeVar

import numpy as np

from myvgg import images
from myvgg.images import AnyPicture, ImageError, Picture
from myvgg.runs import sheet
from myvgg.runs.combinations import Grid
from myvgg.runs.rows import Row
from myvgg.runs.specification import Job

PAGE = 50
"""Number of contents, and of styles, on a contact sheet; further ones get further sheets."""

SHEET_PIXELS = 30e6
"""Size of a sheet in pixels, about; it limits the size of its pictures."""

CELLS = (64, 256)
"""Longest side of a picture on a sheet in pixels: smallest and largest."""

Item = TypeVar("Item")


def contact_sheets(rows: Sequence[Row], path: Path) -> Iterator[tuple[Path, Picture]]:
    """Draw the results of batches, with a row for each content and a column for each style and its settings.

    Args:
        rows: The rows of the table, which tell the pictures that are there.
        path: File of the first sheet, in the folder of the pictures.

    Yields:
        Files with their sheets. The names of further files end in -2, -3 and so on.
    """
    outputs = {(row.content, row.style, row.settings): path.with_name(row.output) for row in rows if row.there}
    contents = list(dict.fromkeys(row.content for row in rows))
    styles = list(dict.fromkeys((row.style, row.settings) for row in rows))
    row_titles = dict(zip(contents, _titles([Path(content) for content in contents]), strict=True))
    column_titles = dict(zip(styles, _column_titles(styles), strict=True))
    pages = product(range(0, len(contents), PAGE), range(0, len(styles), PAGE))
    for number, (top, left) in enumerate(pages, 1):
        down, across = contents[top : top + PAGE], styles[left : left + PAGE]
        cell = _cell(len(down) + 1, len(across) + 1)
        head = [None, *(_small(Path(style), cell) for style, _ in across)]
        body = [
            [_small(Path(content), cell), *(_small(outputs.get((content, *style)), cell) for style in across)]
            for content in down
        ]
        drawn = sheet.lay_out(
            [head, *body],
            row_titles=["", *(row_titles[content] for content in down)],
            column_titles=["", *(column_titles[style] for style in across)],
            cell=cell,
        )
        yield path if number == 1 else path.with_stem(f"{path.stem}-{number}"), drawn


def _column_titles(styles: Sequence[tuple[str, str]]) -> list[str]:
    """Return titles of styles; where a sheet has several settings, with those that are not common to all."""
    files = list(dict.fromkeys(Path(style) for style, _ in styles))
    titles = dict(zip(files, _titles(files), strict=True))
    words = [settings.split() for _, settings in styles]
    common = {word for word in words[0] if all(word in each for each in words)}
    return [
        " ".join([titles[Path(style)], *(word for word in each if word not in common)])
        for (style, _), each in zip(styles, words, strict=True)
    ]


def grid_sheet(grid: Grid, rows: Sequence[Row]) -> Picture:
    """Draw the results of a sweep: of one setting as a row, of two settings as a grid below content and style.

    Args:
        grid: The jobs.
        rows: Their rows.
    """
    if not grid.rows:
        return strip(grid.jobs, rows, grid.columns)
    cell, width = _cell(len(grid.rows), len(grid.columns)), len(grid.columns)
    cells = [_small(job.output, cell) if row.there else None for job, row in zip(grid.jobs, rows, strict=True)]
    body = sheet.lay_out(
        _folded(cells, width),
        captions=_folded([_caption("", row) for row in rows], width),
        row_titles=grid.rows,
        column_titles=grid.columns,
        cell=cell,
    )
    return _stacked(sheet.side_by_side(*_inputs(grid.jobs[0], cell), cell=cell), body)


def strip(jobs: Sequence[Job], rows: Sequence[Row], titles: Sequence[str]) -> Picture:
    """Draw content, styles and results in one row.

    Args:
        jobs: Jobs with the same content and styles.
        rows: Their rows.
        titles: A title for each result.
    """
    cell = _cell(1, len(jobs) + 2)
    cells, captions = _inputs(jobs[0], cell)
    for job, row, title in zip(jobs, rows, titles, strict=True):
        cells.append(_small(job.output, cell) if row.there else None)
        captions.append(_caption(title, row))
    return sheet.side_by_side(cells, captions, cell=cell)


def _inputs(job: Job, cell: int) -> tuple[list[AnyPicture | None], list[str]]:
    """Return a job's content and styles with their captions."""
    named = [("content", job.content)] * bool(job.content) + [("style", style) for style in job.styles]
    return [_small(path, cell) for _, path in named], [f"{role}\n{path.stem}" for role, path in named if path]


def _caption(title: str, row: Row) -> str:
    """Return a title with the time, the score and the failure of a result."""
    numbers = [f"{float(row.seconds):.0f} s"] if row.seconds != "" else []
    numbers += [f"score {float(row.metric_score):.2f}"] if row.metric_score != "" else []
    return "\n".join(filter(None, [title, ", ".join(numbers), "" if row.there else row.status]))


def _small(path: Path | None, cell: int) -> AnyPicture | None:
    """Read a picture at the size of a cell; None if it cannot be read."""
    try:
        return None if path is None else images.resize(images.load(path), cell)
    except ImageError:
        return None


def _cell(rows: int, columns: int) -> int:
    """Return the longest side of the pictures of a sheet."""
    return max(CELLS[0], min(CELLS[1], math.isqrt(int(SHEET_PIXELS / rows / columns))))


def _folded(flat: Sequence[Item], columns: int) -> list[Sequence[Item]]:
    return [flat[start : start + columns] for start in range(0, len(flat), columns)]


def _stacked(*sheets: AnyPicture) -> Picture:
    """Put sheets below each other on white, flush left."""
    width = max(each.shape[1] for each in sheets)
    padding = [((0, 0), (0, width - each.shape[1]), (0, 0)) for each in sheets]
    padded = [np.pad(each, pad, constant_values=255) for each, pad in zip(sheets, padding, strict=True)]
    return np.concatenate(padded).astype(np.float32)


def _titles(paths: Sequence[Path]) -> list[str]:
    """Return the stems of files, and the paths of those that share a stem."""
    count = Counter(path.stem for path in paths)
    return [path.stem if count[path.stem] == 1 else str(path) for path in paths]
