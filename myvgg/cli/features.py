"""`myvgg features`: pictures of the features of a layer."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from myvgg.cli import parser
from myvgg.cli.arguments import NetworkArguments
from myvgg.cli.options import Option
from myvgg.cli.program import command
from myvgg.runtime.errors import UsageError


@dataclass(frozen=True)
class Arguments(NetworkArguments):
    """Draw the features of a layer: its maps, its Gram matrix, or a picture that is made of the features again."""

    picture: Annotated[Path, Option(metavar="PICTURE", positional=True)]
    """Picture file."""

    output: Annotated[Path, Option("-o")] = Path("maps.png")
    """Picture to write."""

    layer: Annotated[str, Option(metavar="LAYER")] = "relu3_1"
    """Name of the layer."""

    show: Literal["maps", "gram", "reconstruction"] = "maps"
    """The maps of the channels (maps), the products of each two channels (gram), or a picture that has the same
    features (reconstruction)."""

    channels: int = 64
    """Number of maps, the strongest first."""

    size: int = 384
    """Longest side to which the picture is resized, in pixels."""

    iterations: int = 200
    """Number of steps of a reconstruction."""


def parse(argv: Sequence[str], *, program: str = "myvgg features") -> Arguments:
    """Read the words of the command into its record.

    Raises:
        UsageError: Words that are not understood, or a number below 1.
        SystemExit: The words ask for the help, which is printed.
    """
    arguments = parser.read(Arguments, argv, program=program)
    if arguments.channels < 1 or arguments.size < 1 or arguments.iterations < 1:
        raise UsageError("--channels, --size and --iterations must be at least 1")
    return arguments


def _draw(arguments: Arguments) -> None:
    from myvgg import images
    from myvgg.runtime.files import check_writable

    images.format_of(arguments.output)
    check_writable(arguments.output)
    architecture = arguments.network
    if architecture.resolve(arguments.layer) not in architecture.layer_names(include_top=False):
        raise UsageError(f"--layer must be one of maps, which {arguments.layer} is not")
    picture = images.load(arguments.picture)
    params = arguments.load(include_top=False, bundled_first=True)
    from myvgg.visualization import draw_layer

    drawn = draw_layer(
        picture,
        arguments.layer,
        params=params,
        show=arguments.show,
        channels=arguments.channels,
        size=arguments.size,
        iterations=arguments.iterations,
        watch=_shown,
    )
    images.save(drawn, arguments.output)
    print(f"wrote {arguments.output}", file=sys.stderr)


def _shown(steps: Any, count: int) -> Any:
    from myvgg.runtime.bars import bar

    with bar(total=count, unit=" steps") as shown:
        for step in steps:
            yield step
            shown.update(1)


main = command("myvgg features", parse, _draw)
