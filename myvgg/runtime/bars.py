"""Progress on stderr: a bar on a terminal and in a notebook, and a line now and then in a log."""

from __future__ import annotations

import io
import sys
from typing import Any

from tqdm import tqdm

LOG_SECONDS = 30.0
"""Seconds between two lines of a log, at least."""

LOG_COLUMNS = 80
"""Length of a line of a log."""


class Lines(tqdm):  # type: ignore[misc]  # of a library without types
    """A bar whose states are lines of a log: one now and then, and one at the end."""

    def __init__(self, **options: Any) -> None:
        """Create a bar; `options` are those of tqdm, whose own output goes nowhere."""
        self._shown: float | None = None
        fixed = {"file": io.StringIO(), "ncols": LOG_COLUMNS, "mininterval": LOG_SECONDS, "miniters": 1}
        super().__init__(**options | fixed)

    def display(self, *_: object, **__: object) -> None:
        """Print a line if there is progress since the last one."""
        if self.n not in (self.initial, self._shown):
            self._shown = self.n
            sys.stderr.write(f"{self}\n")


def bar(**options: Any) -> tqdm:
    """Return a bar for stderr, which is closed by `with`.

    Args:
        options: Those of tqdm.
    """
    is_live = sys.stderr.isatty() or "ipykernel" in sys.modules
    return tqdm(**options) if is_live else Lines(**options)
