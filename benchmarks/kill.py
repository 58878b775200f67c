"""Commands killed at random moments: the same command, given again, must end like one that nothing disturbed.

`python -m benchmarks.kill --kills 50` kills `style`, `batch` and `extract` in turn by SIGKILL, which no program can
catch. After each kill every file that is there must be whole.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from myvgg import images, read_features
from myvgg.runs import record

ROOT = Path(__file__).parents[1]

PICTURES = 60
"""Number of pictures that `extract` reads."""

SMALL = ("--weights", "bundled", "--precision", "float32")
SHALLOW = (*SMALL, "--content-layers", "relu2_1", "--style-layers", "relu1_1,relu2_1", "--checkpoint-every", "0")


class Command(NamedTuple):
    """A command that writes into the folder `out`.

    Attributes:
        name: Its name.
        words: Its words, without those that let it go on.
        again: Words with which it goes on where it was.
    """

    name: str
    words: Sequence[str]
    again: Sequence[str]


COMMANDS = (
    Command(
        "style",
        ("style", "in/0.png", "in/1.png", "-o", "out/out.png", *SHALLOW, "--size", "96", "--iterations", "60"),
        ("--resume",),
    ),
    Command(
        "batch",
        (
            *("style", "batch", "--contents", "in/0.png", "in/1.png", "--styles", "in/2.png", "in/3.png"),
            *("-o", "out", *SHALLOW, "--size", "64", "--iterations", "20"),
        ),
        (),
    ),
    Command(
        "extract",
        ("extract", "in", "-o", "out/features.parquet", *SMALL, "--layers", "relu3_1", "--size", "160"),
        (),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Kill commands and run them again; return 1 where one did not recover."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="number of kills")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other moments")
    arguments = parser.parse_args(argv)
    rng, outcomes = np.random.default_rng(arguments.seed), Counter[str]()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        draw(folder / "in")
        expected = {command.name: undisturbed(command, folder) for command in COMMANDS}
        for number in range(arguments.kills):
            command = COMMANDS[number % len(COMMANDS)]
            pixels, seconds = expected[command.name]
            moment = float(rng.uniform(0, seconds))
            outcome = killed(command, folder, moment, pixels)
            outcomes[f"{command.name}: {outcome}"] += 1
            print(
                f"{number + 1} of {arguments.kills}: {command.name} killed after {moment:.1f} s: {outcome}", flush=True
            )
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:4} {outcome}")
    return int(any(not outcome.endswith("recovered") for outcome in outcomes))


def draw(folder: Path) -> None:
    """Write pictures of coarse noise.

    Args:
        folder: The folder, which is made.
    """
    folder.mkdir()
    for number in range(PICTURES):
        coarse = np.random.default_rng(number).uniform(0, 255, (12, 16, 3)).astype(np.float32)
        images.save(images.resize(coarse, (200, 150)), folder / f"{number}.png")


def undisturbed(command: Command, folder: Path) -> tuple[dict[str, np.ndarray], float]:
    """Run a command that nothing disturbs, and return its results and its seconds.

    Args:
        command: The command.
        folder: Its folder.
    """
    start = time.monotonic()
    subprocess.run(_argv(command.words), cwd=_emptied(folder), check=True, capture_output=True)  # noqa: S603, our own
    return results(folder / "out"), time.monotonic() - start


def killed(command: Command, folder: Path, moment: float, expected: dict[str, np.ndarray]) -> str:
    """Kill a command and run it again.

    Args:
        command: The command.
        folder: Its folder.
        moment: Seconds after which it is killed.
        expected: The results of a run that nothing disturbed.

    Returns:
        `recovered`, or a description of the fault.
    """
    process = subprocess.Popen(  # noqa: S603, our own
        _argv(command.words), cwd=_emptied(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        results(folder / "out")
    except ValueError as error:
        return f"left a damaged file: {error}"
    done = subprocess.run(  # noqa: S603, our own
        _argv([*command.words, *command.again]), cwd=folder, check=False, capture_output=True, text=True
    )
    if done.returncode:
        return f"ended by {done.returncode}: {done.stderr.splitlines()[-1:]}"
    found = results(folder / "out")
    same = found.keys() == expected.keys() and all(np.array_equal(found[name], expected[name]) for name in found)
    return "recovered" if same else "ended with another result"


def results(folder: Path) -> dict[str, np.ndarray]:
    """Read all pictures, records and features of a folder; hidden files are of nobody.

    Args:
        folder: The folder.

    Raises:
        ValueError: A file is damaged.
    """
    found = {}
    for path in sorted(folder.glob("[!.]*")):
        if path.suffix == ".png":
            found[path.name] = images.load(path)
        elif path.suffix == ".toml":
            record.read_record(path)
        elif path.suffix == ".parquet":
            table = read_features(path)
            found |= {f"{path.name} {column}": np.asarray(table[column]) for column in table}
    return found


def _argv(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "myvgg", *words]


def _emptied(folder: Path) -> Path:
    """Return the folder, whose folder `out` is empty."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    (folder / "out").mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
