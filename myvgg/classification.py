"""The command line of classification: `python scripts/classify.py`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from myvgg.arguments import NetworkArguments
from myvgg.command import UsageError, run
from myvgg.pictures import found

if TYPE_CHECKING:
    from myvgg.vgg19 import VGG19


@dataclass(frozen=True)
class Arguments(NetworkArguments):
    """Name what pictures show: the most probable of the 1000 classes of ImageNet."""

    pictures: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PICTURES")] = ()
    """Files, folders or patterns."""

    top: int = 5
    """How many classes."""

    json: bool = False
    """Print a JSON object a line in place of a table."""

    fit: Literal["crop", "squash"] = "crop"
    """Look at the middle square, or at the whole picture squashed into one."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run("classify.py", lambda: _main(sys.argv[1:] if argv is None else list(argv)))


def _main(argv: list[str]) -> None:
    arguments = tyro.cli(Arguments, args=argv, prog="classify.py", config=(tyro.conf.FlagCreatePairsOff,))
    paths = [str(path) for path in found(arguments.pictures)]
    if arguments.weights == "random":
        raise UsageError("--weights must be a file or auto: random weights know no classes")
    params = arguments.load(include_top=True)
    from myvgg.vgg19 import VGG19

    vgg = VGG19(params)
    classes = vgg.architecture.classifier[-1].outputs
    if not 1 <= arguments.top <= classes:
        raise UsageError(f"--top must be from 1 to {classes}, not {arguments.top}")
    failed = 0
    for entry in _classified(vgg, paths, arguments):
        failed += "error" in entry
        if arguments.json:
            print(json.dumps(entry), flush=True)
        elif "error" in entry:
            print(f"classify.py: {entry['error']}", file=sys.stderr)
        else:
            print("\n".join([entry["picture"], *map(_line, entry["classes"])]), flush=True)
    if failed:
        raise ValueError(f"{failed} of {len(paths)} pictures could not be read")


def _classified(vgg: VGG19, paths: Sequence[str], arguments: Arguments) -> Iterator[dict[str, Any]]:
    """Look at one picture after the other."""
    from myvgg.extraction.decoding import decoded

    for picture in decoded(paths, vgg.architecture.input_size, arguments.fit):
        if picture.image is None:
            yield {"picture": picture.path, "error": picture.error}
            continue
        (best,) = vgg.top(picture.image, k=arguments.top)
        classes = [{"label": label, "probability": round(probability, 6)} for label, probability in best]
        yield {"picture": picture.path, "classes": classes}


def _line(entry: dict[str, Any]) -> str:
    return f"  {entry['probability']:7.2%}  {entry['label']}"


if __name__ == "__main__":
    sys.exit(main())
