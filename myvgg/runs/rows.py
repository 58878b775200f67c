"""The table of many runs: a row for each job, in a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from myvgg.runs import csv_files

if TYPE_CHECKING:
    from myvgg.runs.specification import Job

TABLE = "batch.csv"
"""Name of the table in the folder of a batch."""

NOTHING = "-"
"""Name of the content of a texture, and of the style of a reconstruction."""


class Row(NamedTuple):
    """One job of many. Unknown values are empty; numbers of an earlier table are text.

    Attributes:
        content: Content file, or `-`.
        style: Style files, or `-`.
        output: Name of the picture.
        settings: The settings that decide the picture and are not the default, such as `noise-0.2`.
        status: `made` now; `skipped`, since the picture is there; `failed`; `interrupted`; or `missing`, not begun.
        seconds: Time of the run.
        steps: Number of steps.
        loss_content: Last content loss, unweighted.
        loss_style: Last style loss, unweighted; in units of the content picture's, where the settings balance losses.
        loss_tv: Last total variation, unweighted.
        loss_total: Last weighted sum.
        metric_style: Metric `style` of `myvgg.runs.metrics`.
        metric_structure: Metric `structure`.
        metric_score: Metric `score`.
        metric_grain: Metric `grain`.
        error: Reason of a failure.
    """

    content: str
    style: str
    output: str
    settings: str = ""
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
        """True where the picture is finished."""
        return self.status in ("made", "skipped")


def names_of(job: Job) -> tuple[str, str]:
    """Return the content and the styles of a job as a row names them.

    Args:
        job: The job.
    """
    return str(job.content or NOTHING), " ".join(map(str, job.styles)) or NOTHING


def read_rows(table: Path) -> dict[str, Row]:
    """Read a table by the names of its pictures; a file that is no such table has no rows.

    Columns that are not known are left out, so that tables of other versions can be read. Lines without a picture are
    left out too. Bytes that are no text, as other programs leave them, stay as they are.

    Args:
        table: The CSV file, which may be missing.
    """
    try:
        lines = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8-sig", errors="surrogateescape"))))
        rows = [
            Row(**{name: csv_files.cell_text(value or "") for name, value in line.items() if name in Row._fields})
            for line in lines
        ]
        return {row.output: row for row in rows if row.output}
    except (OSError, ValueError, LookupError, TypeError, csv.Error):
        return {}


def is_table(path: Path) -> bool:
    """Tell whether a file is a table of many runs, or empty.

    Args:
        path: The file.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        line = file.readline()
    return not line.strip() or line.startswith(",".join(Row._fields[:3]))


def write_rows(rows: Sequence[Row], table: Path) -> None:
    """Write a table, whole or not at all.

    Args:
        rows: The rows.
        table: The CSV file.

    Raises:
        OSError: The file cannot be written; an older file stays as it was.
    """
    csv_files.write_table([Row._fields, *rows], table)
