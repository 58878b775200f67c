"""Tables as CSV files, whose texts no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from typing import Any

from myvgg.runtime.files import replacing

FORMULAS = ("=", "+", "-", "@", "\t")
"""Beginnings of texts that spreadsheets compute."""


def write_table(lines: Iterable[Sequence[Any]], path: str | os.PathLike[str]) -> None:
    """Write lines as a CSV file, whole or not at all; names of files that are no text have a ? for each such byte.

    Args:
        lines: The head, and the rows.
        path: The file.

    Raises:
        OSError: The file cannot be written; an older file stays as it was.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_harmless(cell) for cell in line] for line in lines)
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", errors="replace")


def _harmless(cell: Any) -> Any:
    """Put an apostrophe before a text that a spreadsheet would take for a formula; a return would end its line."""
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r", " ")
    return f"'{text}" if text.startswith(FORMULAS) and text != "-" else text


def cell_text(cell: str) -> str:
    """Return the text of a cell that `write_table` wrote."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULAS) else cell
