"""`myvgg features`: pictures of the features of a layer, and of what the network sees."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from myvgg.cli import parser
from myvgg.cli.arguments import NetworkArguments
from myvgg.cli.options import Option
from myvgg.cli.program import command
from myvgg.runtime.errors import UsageError

if TYPE_CHECKING:
    from myvgg.params import Params


Show = Literal["maps", "gram", "reconstruction", "neuron", "negative", "spectrum", "dream", "occlusion", "gradient"]
"""The kinds of pictures."""


@dataclass(frozen=True)
class Arguments(NetworkArguments):
    """Draw the features of a layer, or what the network sees in a photograph or from nothing.

    Of a photograph's features: its maps, its Gram matrix, or a picture that is reconstructed from them. From
    nothing, or from a photograph: the picture that a channel answers to most or least. In a photograph: what a layer
    sees more of (dream), and the places that a class or a channel answers to (occlusion, gradient).
    """

    picture: Annotated[Path | None, Option(metavar="PICTURE", positional=True)] = None
    """Picture file."""

    output: Annotated[Path | None, Option("-o")] = None
    """Picture to write; by default a PNG with the name of --show, such as maps.png, which replaces nothing but an
    earlier picture of this command."""

    layer: Annotated[str | None, Option(metavar="LAYER")] = None
    """Name of the layer; by default relu3_1, and relu4_3 for a dream. For occlusion and gradient, the classes (fc8)
    where the weights have the classifier, else the last convolution."""

    show: Annotated[Show, Option(metavar="KIND")] = "maps"
    """The maps of the channels (maps), the products of each two channels (gram), or a picture that has the same
    features (reconstruction). From PICTURE, or from grey without one: the picture that --channel answers to most
    (neuron) or least (negative), or five pictures from the least to the most (spectrum). PICTURE with more of what the
    layer sees (dream), or beside it a map of the places that a response depends on: by a grey patch (occlusion) or by
    the derivative (gradient)."""

    channel: int | None = None
    """Number of the channel or class, from 0; neuron, negative and spectrum need it. By default a dream strengthens all
    channels, and occlusion and gradient explain the one with the greatest response."""

    maps: Annotated[int | None, Option(former="channels")] = None
    """Number of maps, the strongest first, at most; by default 64."""

    size: int | None = None
    """Longest side in pixels to which the picture is resized, or side of the picture that is made. By default 384, 160
    for neuron, negative and spectrum, 224 for occlusion and gradient, and what dense layers need."""

    iterations: Annotated[int | None, Option(former="steps")] = None
    """Number of steps: 200 for a reconstruction by default, 128 for neuron, negative and spectrum, 10 at each size of a
    dream."""

    seed: int | None = None
    """Seed of the random numbers of neuron, negative, spectrum and dream; by default 0."""


class Shown(NamedTuple):
    """A value of --show.

    Attributes:
        draw: Draws the picture from the options and the loaded PICTURE.
        layer: The layer by default; None leaves it to the weights.
        needs: The argument that must be there.
        uses: The options, of those that not all kinds have.
    """

    draw: Callable[[Arguments, Any, Params, Watching], Any]
    layer: str | None
    needs: Literal["picture", "channel"]
    uses: tuple[str, ...]


@dataclass
class Watching:
    """A progress bar that ends the work at Ctrl-C, once there is something to keep.

    Attributes:
        interrupted: Whether Ctrl-C has ended the work.
    """

    interrupted: bool = field(default=False, init=False)

    def __call__(self, steps: Iterator[Any], count: int) -> Iterator[Any]:
        """Pass the steps on, and show how many there were."""
        from myvgg.runtime.bars import bar

        with bar(total=count, unit=" steps") as shown:
            try:
                for step in steps:
                    yield step
                    shown.update(1)
            except KeyboardInterrupt:
                if not shown.n:
                    raise
                self.interrupted = True


def parse(argv: Sequence[str], *, program: str = "myvgg features") -> Arguments:
    """Read the words of the command into its record.

    Raises:
        UsageError: Words that are not understood, a number below 1, or a word that is missing, too many or unused.
        SystemExit: The words ask for the help, which is printed.
    """
    arguments = parser.read(Arguments, argv, program=program)
    given = _given(arguments, *OPTIONS)
    if min([given.get(name, 1) for name in ("maps", "size", "iterations")]) < 1:
        raise UsageError("--maps, --size and --iterations must be at least 1")
    if given.get("seed", 0) < 0:
        raise UsageError(f"--seed must be at least 0, not {arguments.seed}")
    needs, uses = SHOWN[arguments.show].needs, SHOWN[arguments.show].uses
    if unused := [f"--{name}" for name in given if name not in uses]:
        raise UsageError(f"--show {arguments.show} takes no {' and no '.join(unused)}: leave it out")
    if needs == "picture" and arguments.picture is None:
        raise UsageError("PICTURE is missing")
    if needs == "channel" and arguments.channel is None:
        raise UsageError(f"--show {arguments.show} needs --channel")
    return arguments


def _run(arguments: Arguments) -> None:
    from myvgg import images
    from myvgg.runs import record
    from myvgg.runtime.files import check_writable

    output = arguments.output or Path(f"{arguments.show}.png")
    images.format_of(output)
    check_writable(output)
    _check_files(arguments, output)
    include_top = _check_unit(arguments)
    picture = None if arguments.picture is None else images.load(arguments.picture)  # before the weights are loaded
    params = arguments.load(include_top=include_top, bundled_first=not include_top)
    watching = Watching()
    drawn = SHOWN[arguments.show].draw(arguments, picture, params, watching)
    images.save(drawn, output, text=record.embed({TABLE: _given(arguments, "show", "layer", *OPTIONS)}))
    if watching.interrupted:
        raise KeyboardInterrupt(f"wrote {output}, the picture so far")
    print(f"wrote {output}", file=sys.stderr)


def _check_files(arguments: Arguments, output: Path) -> None:
    """Raise if the output is an input, or if a file of somebody else's has the name that nobody chose.

    Raises:
        UsageError: The output is an input.
        ValueError: There is such a file.
    """
    from myvgg.runs.specification import check_apart, check_unchosen

    try:
        check_apart({"picture": output}, [path for path in (arguments.picture, Path(arguments.weights)) if path])
    except ValueError as error:
        raise UsageError(str(error)) from error
    if arguments.output is None:
        check_unchosen(output, command="myvgg features", is_ours=_is_ours)


def _is_ours(path: Path) -> bool:
    """Tell whether a picture was made by this command."""
    from myvgg import images
    from myvgg.runs import record

    try:
        return TABLE in record.parse(images.text_of(path).get(record.KEY, ""))
    except ValueError:  # no picture, or no record
        return False


def _layer(arguments: Arguments) -> str | None:
    return arguments.layer or SHOWN[arguments.show].layer


def _check_unit(arguments: Arguments) -> bool | None:
    """Check layer and channel, and return whether the classifier is needed; None takes it where there is one.

    Raises:
        UsageError: A layer without maps where maps are drawn, or a channel out of range.
    """
    architecture, layer, channel = arguments.network, _layer(arguments), arguments.channel
    if layer is None:
        return None
    name = architecture.resolve(layer)
    dense = name not in architecture.layer_names(include_top=False)
    if dense and arguments.show in ("maps", "gram", "reconstruction", "dream"):
        raise UsageError(f"--layer must be one of maps, which {layer} is not")
    count = architecture.activations[name].channels
    if channel is not None and not 0 <= channel < count:
        raise UsageError(f"--channel must be from 0 to {count - 1}, since {name} has {count} channels, not {channel}")
    return dense


def _given(arguments: Arguments, *names: str) -> dict[str, Any]:
    """Return the options that were given, by their names in the library."""
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}


def _draw_layer(arguments: Arguments, picture: Any, params: Params, watch: Watching) -> Any:
    from myvgg.visualization import draw_layer

    given = _given(arguments, "show", "size", "iterations")
    if arguments.maps is not None:
        given["channels"] = arguments.maps
    return draw_layer(picture, _layer(arguments) or "", params=params, watch=watch, **given)


def _draw_neuron(arguments: Arguments, picture: Any, params: Params, watch: Watching) -> Any:
    from myvgg import microscope

    given = _given(arguments, "layer", "channel", "size", "iterations", "seed") | {"params": params, "watch": watch}
    given["picture"] = picture
    given.setdefault("layer", _layer(arguments))
    if arguments.show == "spectrum":
        return microscope.spectrum(**given)
    return microscope.neuron(**given, negative=arguments.show == "negative")


def _draw_dream(arguments: Arguments, picture: Any, params: Params, watch: Watching) -> Any:
    from myvgg.microscope import dream

    given = _given(arguments, "channel", "size", "iterations", "seed")
    return dream(picture, _layer(arguments) or "", params, watch=watch, **given)


def _draw_evidence(arguments: Arguments, picture: Any, params: Params, watch: Watching) -> Any:
    from myvgg import microscope

    given = _given(arguments, "layer", "channel", "size")
    if arguments.show == "occlusion":
        evidence = microscope.occlusion_map(picture, params, watch=watch, **given)
    else:
        evidence = microscope.gradient_map(picture, params, **given)
    reason = "" if arguments.channel is not None else ", the strongest"
    print(f"shown: {evidence.unit}{reason}{_advice(arguments, params)}", file=sys.stderr)
    return evidence.draw()


def _advice(arguments: Arguments, params: Params) -> str:
    """Return how to see a class, where the weights were asked for the most probable one and have none."""
    if arguments.layer or params.include_top:
        return ""
    return "; these weights know no classes, 'myvgg convert --download --with-top' gets a file that does"


OPTIONS = ("channel", "maps", "size", "iterations", "seed")
"""Options that not all kinds use."""

TABLE = "features"
"""Table of the options in the record inside a PNG, by which the command knows its own pictures."""

NEURON = Shown(_draw_neuron, "relu3_1", "channel", ("channel", "size", "iterations", "seed"))
EVIDENCE = Shown(_draw_evidence, None, "picture", ("channel", "size"))

SHOWN = {
    "maps": Shown(_draw_layer, "relu3_1", "picture", ("maps", "size")),
    "gram": Shown(_draw_layer, "relu3_1", "picture", ("size",)),
    "reconstruction": Shown(_draw_layer, "relu3_1", "picture", ("size", "iterations")),
    **dict.fromkeys(("neuron", "negative", "spectrum"), NEURON),
    "dream": Shown(_draw_dream, "relu4_3", "picture", ("channel", "size", "iterations", "seed")),
    **dict.fromkeys(("occlusion", "gradient"), EVIDENCE),
}
"""The values of --show."""

main = command("myvgg features", parse, _run)
