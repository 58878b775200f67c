"""`myvgg classify`: the names of the objects in pictures."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import TYPE_CHECKING, Annotated, Any, Literal

from myvgg.cli import parser
from myvgg.cli.arguments import NetworkArguments
from myvgg.cli.options import Option
from myvgg.cli.program import run
from myvgg.runtime.errors import UsageError

if TYPE_CHECKING:
    from myvgg.extraction.classification import Classification


@dataclass(frozen=True)
class Arguments(NetworkArguments):
    """Name the objects in pictures: the most probable of the 1000 classes of ImageNet."""

    pictures: Annotated[tuple[str, ...], Option(metavar="PICTURES", positional=True)] = ()
    """Files, folders or patterns."""

    top: int = 5
    """Number of classes for each picture."""

    json: bool = False
    """Print one JSON object in a line for each picture, in place of a table."""

    fit: Literal["crop", "squash"] = "crop"
    """Part of the picture: the square in its middle (crop), or all of it, squashed into a square (squash)."""


def main(argv: Sequence[str] | None = None, *, program: str = "myvgg classify") -> int:
    """Run the command and return its exit code.

    Args:
        argv: Words after the command's name; by default those of this process.
        program: Name of the program, for errors and the help.
    """
    words = sys.argv[1:] if argv is None else argv
    return run(program, lambda: _classify(parse(words, program=program), program))


def parse(argv: Sequence[str], *, program: str = "myvgg classify") -> Arguments:
    """Read the words of the command into its record.

    Raises:
        UsageError: Words that are not understood, or a number below 1.
        SystemExit: The words ask for the help, which is printed.
    """
    arguments = parser.read(Arguments, argv, program=program)
    if arguments.top < 1:
        raise UsageError(f"--top must be at least 1, not {arguments.top}")
    return arguments


def _classify(arguments: Arguments, program: str) -> None:
    from myvgg.images import Resizing, find_pictures

    paths = [str(path) for path in find_pictures(arguments.pictures, unreadable=True)]
    if arguments.weights == "random":
        raise UsageError("--weights must be a file or auto: random weights know no classes")
    params = arguments.load(include_top=True)
    from myvgg.extraction.classification import classify

    classes, side = params.architecture.classifier[-1].outputs, params.architecture.input_size
    if arguments.top > classes:
        raise UsageError(f"--top must be from 1 to {classes}, not {arguments.top}")
    failed = 0
    for found in classify(paths, params=params, top=arguments.top, resizing=Resizing(side, arguments.fit)):
        failed += bool(found.error)
        if arguments.json:
            print(json.dumps(_entry(found)), flush=True)
        elif found.error:
            print(f"{program}: {found.error}", file=sys.stderr)
        else:
            print("\n".join([found.path, *starmap(_line, found.classes)]), flush=True)
    if failed:
        raise ValueError(f"{failed} of {len(paths)} pictures could not be read")


def _entry(found: Classification) -> dict[str, Any]:
    """Return a picture's object for JSON."""
    if found.error:
        return {"picture": found.path, "error": found.error}
    classes = [{"label": label, "probability": round(probability, 6)} for label, probability in found.classes]
    return {"picture": found.path, "classes": classes}


def _line(label: str, probability: float) -> str:
    return f"  {probability:7.2%}  {label}"
