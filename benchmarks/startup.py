"""How soon an import and a command line answer, beside an import of NumPy.

Held equal: every run is a new process of this interpreter with a warm file cache, and nothing but the command differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

from benchmarks.measure import Result, compare, run_command

NEEDS = ("numpy",)
ROUNDS = 11
COMMANDS = (
    ("`import myvgg`", ("-c", "import myvgg"), 0.2),
    ("`style.py --help`", ("scripts/style.py", "--help"), 0.5),
    ("`convert_weights.py --help`", ("scripts/convert_weights.py", "--help"), 0.5),
)
"""What is started, its arguments, and the seconds to stay within."""


def run() -> Iterator[Result]:
    """Start each command in turns with the rival."""
    theirs = _starting("-c", "import numpy")
    for what, arguments, limit in COMMANDS:
        yield compare(what, "`import numpy`", _starting(*arguments), theirs, rounds=ROUNDS).within(limit)


def _starting(*arguments: str) -> partial[str]:
    return partial(run_command, (sys.executable, *arguments))
