"""`myvgg export`: the network in files of other programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from myvgg.cli import parser
from myvgg.cli.arguments import NetworkArguments
from myvgg.cli.options import Option
from myvgg.cli.program import command, muted
from myvgg.runtime.errors import UsageError


@dataclass(frozen=True)
class Arguments(NetworkArguments):
    """Write the network for other programs: pictures in R, G, B from 0 to 255 go in, and features come out."""

    output: Annotated[Path, Option(metavar="OUTPUT", positional=True)]
    """File to write, .tflite or .onnx, or a new folder for a SavedModel."""

    layers: Annotated[str, Option(metavar="LAYER,...")] = "relu5_4"
    """Names of the layers whose features come out, such as relu4_2 or prob."""

    quantize: Literal["float32", "float16", "int8"] = "float32"
    """Numbers of a TFLite model. int8 needs --pictures."""

    pictures: Annotated[tuple[str, ...], Option(metavar="PICTURES")] = ()
    """Some tens of pictures, files or folders, that show int8 the range of the numbers."""

    size: int = 224
    """Height and width of the pictures for a TFLite model, in pixels."""

    pooling: Literal["max", "avg"] = "max"
    """Pooling of the network."""

    reduce: Literal["none", "mean", "gram", "moments"] = "none"
    """Reduction of the maps inside of the model, as in extract."""


def parse(argv: Sequence[str], *, program: str = "myvgg export") -> Arguments:
    """Read the words of the command into its record.

    Raises:
        UsageError: Words that are not understood.
        SystemExit: The words ask for the help, which is printed.
    """
    return parser.read(Arguments, argv, program=program)


def _export(arguments: Arguments) -> None:
    from myvgg import export
    from myvgg.runtime.files import check_writable

    kind = arguments.output.suffix.lower()
    if kind not in export.FORMATS:
        raise UsageError(f"cannot write {arguments.output}: name it .tflite or .onnx, or a folder without a suffix")
    if (arguments.quantize != "float32" or arguments.pictures) and kind != ".tflite":
        raise UsageError("--quantize and --pictures go with .tflite")
    if arguments.quantize == "int8" and not arguments.pictures:
        raise UsageError("--quantize int8 needs --pictures, some tens of what the model will see")
    if kind:
        check_writable(arguments.output)
    architecture = arguments.network
    layers = [architecture.resolve(layer) for layer in arguments.layers.split(",")]
    if kind == ".tflite":
        for layer in layers:
            architecture.shape(layer, arguments.size, arguments.size)
    choices: dict[str, Any] = {"pooling": arguments.pooling, "reduce": arguments.reduce}
    if kind == ".tflite":
        choices |= {"size": arguments.size, "quantize": arguments.quantize, "pictures": _pictures(arguments)}
    params = arguments.load(include_top=not set(layers) <= {*architecture.layer_names(include_top=False)})
    try:
        with muted():
            export.FORMATS[kind](params, arguments.layers.split(","), arguments.output, **choices)
    except ImportError as error:
        raise ValueError(f"{error.name} is not installed: pip install 'myvgg[export]'") from error
    print(f"wrote {arguments.output}", file=sys.stderr)


def _pictures(arguments: Arguments) -> list[Path]:
    from myvgg.images import find_pictures

    return find_pictures(arguments.pictures) if arguments.pictures else []


main = command("myvgg export", parse, _export)
