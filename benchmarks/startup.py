"""How soon an import and a command line answer, beside an import of NumPy, and a run of style transfer.

Held equal: every run is a new process of this interpreter with a warm file cache, and nothing but the command differs.
The run of style transfer has stored weights and makes one step at the size of the smallest scale: all that comes before
the first step of any run, the step, and the picture's file. Its rival is an import of TensorFlow, which takes most of
its time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Result, compare, run_command
from myvgg.example_pictures import FOLDER

NEEDS = ("numpy",)
ROUNDS = 11
COMMANDS = (
    ("`import myvgg`", ("-c", "import myvgg"), 0.2),
    ("`style.py --help`", ("scripts/style.py", "--help"), 0.5),
    ("`convert_weights.py --help`", ("scripts/convert_weights.py", "--help"), 0.5),
)
"""What is started, its arguments, and the seconds to stay within."""

STEP_ROUNDS = 5
STEP_WITHIN = 6.0
STEP = ("--size", "128", "--scales", "1", "--iterations", "1")


def run() -> Iterator[Result]:
    """Start each command in turns with the rival."""
    theirs = _starting("-c", "import numpy")
    for what, arguments, limit in COMMANDS:
        yield compare(what, "`import numpy`", _starting(*arguments), theirs, rounds=ROUNDS).within(limit)
    with TemporaryDirectory() as folder:
        ours = _starting("scripts/style.py", *_step(Path(folder)))
        theirs = _starting("-c", "import tensorflow")
        what = "`style.py`, from the shell to its first step and the picture of it"
        yield compare(what, "`import tensorflow`", ours, theirs, rounds=STEP_ROUNDS).within(STEP_WITHIN)


def _step(folder: Path) -> list[str]:
    """Store weights in a folder, and return the arguments of a run of one step."""
    from myvgg import converters
    from myvgg.params import random
    from myvgg.photographs import measured

    weights = folder / "vgg19.safetensors"
    converters.save(measured(random(include_top=False)), weights)
    pictures = [str(FOLDER / f"{name}.jpg") for name in ("chelsea", "strokes")]
    return [*pictures, *STEP, "--weights", str(weights), "-o", str(folder / "out.png")]


def _starting(*arguments: str) -> partial[str]:
    return partial(run_command, (sys.executable, *arguments))
