"""The command line of export: `python -m myvgg.export`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from myvgg.arguments import NetworkArguments
from myvgg.command import UsageError, muted, run


@dataclass(frozen=True)
class Arguments(NetworkArguments):
    """Write the network for other programs, preprocessing inside: pictures in, R, G, B, 0 to 255, features out."""

    output: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUTPUT")]
    """A file .tflite or .onnx, or else a new folder for a SavedModel."""

    layers: Annotated[str, tyro.conf.arg(metavar="LAYER,...")] = "relu5_4"
    """What it gives: names of layers, such as relu4_2 or prob."""

    quantize: Literal["float32", "float16", "int8"] = "float32"
    """How TFLite keeps numbers; int8 needs --pictures."""

    pictures: Annotated[tuple[str, ...], tyro.conf.arg(metavar="PICTURES")] = ()
    """Some tens of pictures, files or folders, by which int8 learns the range of numbers."""

    size: int = 224
    """Height and width of the pictures that a TFLite model takes."""

    pooling: Literal["max", "avg"] = "max"
    """The network's pools."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run("myvgg.export", lambda: _main(sys.argv[1:] if argv is None else list(argv)))


def _main(argv: list[str]) -> None:
    arguments = tyro.cli(Arguments, args=argv, prog="python -m myvgg.export")
    from myvgg import export
    from myvgg.files import check_writable

    kind = arguments.output.suffix.lower()
    if kind not in export.FORMATS:
        raise UsageError(f"cannot write {arguments.output}: name it .tflite or .onnx, or a folder without a suffix")
    if (arguments.quantize != "float32" or arguments.pictures) and kind != ".tflite":
        raise UsageError("--quantize and --pictures go with .tflite")
    if kind:
        check_writable(arguments.output)
    architecture = arguments.network
    layers = [architecture.resolve(layer) for layer in arguments.layers.split(",")]
    if kind == ".tflite":
        for layer in layers:
            architecture.shape(layer, arguments.size, arguments.size)
    options: dict[str, Any] = {"pooling": arguments.pooling}
    if kind == ".tflite":
        options |= {"size": arguments.size, "quantize": arguments.quantize, "pictures": _pictures(arguments)}
    params = arguments.load(include_top=not set(layers) <= {*architecture.layer_names(include_top=False)})
    try:
        with muted():
            export.FORMATS[kind](params, arguments.layers.split(","), arguments.output, **options)
    except ImportError as error:
        raise ValueError(f"{error.name} is not installed: pip install 'myvgg[export]'") from error
    print(f"wrote {arguments.output}", file=sys.stderr)


def _pictures(arguments: Arguments) -> list[Any]:
    from myvgg.extraction.decoding import decode
    from myvgg.pictures import found

    if not arguments.pictures:
        return []
    read = [decode(str(path), arguments.size, "squash") for path in found(arguments.pictures)]
    for each in read:
        if each.error:
            raise ValueError(each.error)
    return [each.image for each in read]


if __name__ == "__main__":
    sys.exit(main())
