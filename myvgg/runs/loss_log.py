"""The losses of a run, as a table and as a plot."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from myvgg.runs import csv_files
from myvgg.runtime.files import replacing


class Row(NamedTuple):
    """The losses of one iteration: the terms, unweighted, and their weighted sum `total`."""

    iteration: int
    scale: int
    content: float
    style: float
    tv: float
    total: float


def write_csv(rows: Sequence[Sequence[Any]], path: str | os.PathLike[str]) -> None:
    """Write losses as a table, whole or not at all, with all digits of the numbers.

    Args:
        rows: The losses of each iteration, as in `Row`.
        path: The file.

    Raises:
        OSError: The file cannot be written; an older file stays as it was.
    """
    csv_files.write_table([Row._fields, *rows], path)


def plot(rows: Sequence[Sequence[Any]], path: str | os.PathLike[str]) -> None:
    """Draw losses over the iterations, whole or not at all; thin lines separate the scales.

    Args:
        rows: The losses of each iteration, as in `Row`.
        path: The file; its name ends in .png or .svg.

    Raises:
        ValueError: Another suffix.
        OSError: The file cannot be written; an older file stays as it was.
    """
    format_ = Path(path).suffix.lower().removeprefix(".")
    if format_ not in ("png", "svg"):
        raise ValueError(f"cannot draw {os.fspath(path)}: name it .png or .svg")
    drawn = _draw(rows, format_)
    with replacing(path) as temporary:
        temporary.write_bytes(drawn)


def _draw(given: Sequence[Sequence[Any]], format_: str) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot(title="Losses of the run", xlabel="iteration", ylabel="loss", yscale="log")
    rows = [Row(*row) for row in given]
    iterations = [row.iteration for row in rows]
    for name in ("content", "style", "tv", "total"):
        values = np.array([getattr(row, name) for row in rows], np.float64)
        if (values > 0).any():  # a logarithmic axis shows no others
            label = "total, weighted" if name == "total" else name
            axes.plot(iterations, np.where(values > 0, values, np.nan), label=label, linewidth=1.5)
    for before, after in pairwise(rows):
        if before.scale != after.scale:
            axes.axvline((before.iteration + after.iteration) / 2, color="0.7", linewidth=0.8, zorder=0)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside right upper")
    drawn = io.BytesIO()
    figure.savefig(drawn, format=format_, dpi=120)
    return drawn.getvalue()
