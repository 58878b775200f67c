"""`myvgg extract`: features of many pictures in one table."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from myvgg.cli import parser
from myvgg.cli.arguments import NetworkArguments
from myvgg.cli.options import Option
from myvgg.cli.program import command, start_tensorflow
from myvgg.runtime.errors import UsageError

if TYPE_CHECKING:
    from myvgg.extraction.stored_features import StoredFeatures

SHOWN_ERRORS = 10
"""Largest number of pictures whose errors are printed."""


@dataclass(frozen=True)
class Arguments(NetworkArguments):
    """Write the features of pictures to a table, one row for each picture."""

    pictures: Annotated[tuple[str, ...], Option(metavar="PICTURES", positional=True)] = ()
    """Files, folders with all their subfolders, or patterns ('photos/**/*.jpg'). The word - reads a list of files from
    standard input."""

    output: Annotated[Path, Option("-o")] = Path("features.parquet")
    """File to write: .parquet, .h5, .npz or .safetensors."""

    layers: Annotated[str, Option(metavar="LAYER,...")] = "relu5_4"
    """Names of layers, such as relu4_2 or fc7. Keras' names are understood."""

    reduce: Annotated[Literal["none", "mean", "gram", "moments"], Option(former="pool")] = "mean"
    """Reduction of the maps of a layer: the maps as they are (none), the mean of each channel (mean), the mean products
    of the channels (gram), or means and products (moments)."""

    size: int = 224
    """Size of the pictures in pixels. --fit says which side has it."""

    fit: Literal["crop", "squash", "longest", "none"] = "crop"
    """Shape of the pictures: the square in the middle (crop), all of the picture squashed into a square (squash), the
    picture with this size as its longest side (longest), or the picture as it is (none)."""

    pooling: Literal["max", "avg"] = "max"
    """Pooling of the network."""

    precision: Literal["auto", "float32", "bfloat16"] = "float32"
    """Precision of the convolutions. auto takes the fastest on this machine, so that two machines may differ."""

    ray: Annotated[str | None, Option(metavar="auto|ADDRESS")] = None
    """Run on a Ray cluster: on the cluster of this machine (auto), or on the one at an address."""

    workers: int | None = None
    """Number of networks on the cluster, at most. By default one for each processor, or for each GPU if there are
    GPUs."""

    overwrite: bool = False
    """Begin again, and forget what an earlier run has done."""


def parse(argv: Sequence[str], *, program: str = "myvgg extract") -> Arguments:
    """Read the words of the command into its record.

    Raises:
        UsageError: Words that are not understood, or do not go together.
        SystemExit: The words ask for the help, which is printed.
    """
    arguments = parser.read(Arguments, argv, program=program)
    if arguments.workers is not None and (arguments.workers < 1 or arguments.ray is None):
        raise UsageError("--workers must be at least 1, and goes with --ray")
    if arguments.size < 1:
        raise UsageError(f"--size must be at least 1, not {arguments.size}")
    return arguments


def _extract(arguments: Arguments) -> None:
    from myvgg.extraction.request import check_output
    from myvgg.images import Resizing

    check_output(arguments.output)
    if not (layers := tuple(filter(None, arguments.layers.split(",")))):
        raise UsageError("--layers must name at least one layer")
    for layer in layers:
        arguments.network.resolve(layer)
    paths = _paths(arguments.pictures)
    start_tensorflow()
    from myvgg.extraction.library import extract

    stored = extract(
        paths,
        layers=layers,
        reduce=arguments.reduce,
        output=arguments.output,
        params=arguments.weights,
        architecture=arguments.architecture,
        resizing=Resizing(arguments.size, arguments.fit),
        precision=arguments.precision,
        pooling=arguments.pooling,
        ray=arguments.ray,
        workers=arguments.workers,
        overwrite=arguments.overwrite,
    )
    print("\n".join(_report(stored)), file=sys.stderr)


def _paths(words: Sequence[str]) -> list[str]:
    """Return the pictures of the words; the word - stands for a list on standard input."""
    from myvgg.images import find_pictures
    from myvgg.images.finding import read_list

    if "-" not in words:
        return [str(path) for path in find_pictures(words, recursive=True, unreadable=True)]
    stream = getattr(sys.stdin, "buffer", sys.stdin)
    content = stream.read()
    listed = read_list(content if isinstance(content, bytes) else os.fsencode(content))
    others = [word for word in words if word != "-"]
    named = find_pictures(others, recursive=True, unreadable=True) if others else []
    paths = [*listed, *map(str, named)]
    if not paths:
        raise UsageError("the list on standard input is empty")
    return paths


def _report(stored: StoredFeatures) -> Iterator[str]:
    """Yield the lines that tell the result."""
    yield from [*stored.errors.values()][:SHOWN_ERRORS]
    if stored.errors:
        yield f"{len(stored.errors)} of {stored.rows} pictures have no features; the column error says why"
    if stored.existed:
        yield f"{stored.path} is there already; --overwrite makes it anew"
        return
    yield f"wrote {stored.path} ({stored.rows} rows, {stored.path.stat().st_size:,} bytes)"


main = command("myvgg extract", parse, _extract)
