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
    nothing: the picture that a channel answers to most or least. In a photograph: what a layer sees more of (dream),
    and the places that a class or a channel answers to (occlusion, gradient).
    """

    picture: Annotated[Path | None, Option(metavar="PICTURE", positional=True)] = None
    """Picture file."""

    output: Annotated[Path | None, Option("-o")] = None
    """Picture to write; by default a PNG with the name of --show, such as maps.png."""

    layer: Annotated[str | None, Option(metavar="LAYER")] = None
    """Name of the layer; by default relu3_1, and relu4_3 for a dream. For occlusion and gradient, the classes (fc8)
    where the weights have the classifier, else the last convolution."""

    show: Annotated[Show, Option(metavar="KIND")] = "maps"
    """The maps of the channels (maps), the products of each two channels (gram), or a picture that has the same
    features (reconstruction). Without PICTURE: the picture that --channel answers to most (neuron) or least (negative),
    or five pictures from the least to the most (spectrum). PICTURE with more of what the layer sees (dream), or beside
    it a map of the places that a response depends on: by a grey patch (occlusion) or by the derivative (gradient)."""

    channel: int | None = None
    """Number of the channel or class, from 0; neuron, negative and spectrum need it. By default a dream strengthens all
    channels, and occlusion and gradient explain the one with the greatest response."""

    channels: int = 64
    """Number of maps, the strongest first."""

    size: int | None = None
    """Longest side in pixels to which the picture is resized, or side of the picture that is made. By default 384, 160
    for neuron, negative and spectrum, 224 for occlusion and gradient, and what dense layers need."""

    iterations: Annotated[int | None, Option(former="steps")] = None
    """Number of steps: 200 for a reconstruction by default, 128 for neuron, negative and spectrum, 10 at each size of a
    dream."""

    seed: int = 0
    """Seed of the random numbers of neuron, negative, spectrum and dream."""


class Shown(NamedTuple):
    """A value of --show.

    Attributes:
        draw: Draws the picture.
        layer: The layer by default; None leaves it to the weights.
        needs: The argument that must be there.
    """

    draw: Callable[[Arguments, Params, Watching], Any]
    layer: str | None
    needs: Literal["picture", "channel"]


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
        UsageError: Words that are not understood, a number below 1, or a word that is missing or too many.
        SystemExit: The words ask for the help, which is printed.
    """
    arguments = parser.read(Arguments, argv, program=program)
    numbers = (arguments.channels, arguments.size, arguments.iterations)
    if min(number for number in numbers if number is not None) < 1:
        raise UsageError("--channels, --size and --iterations must be at least 1")
    if arguments.seed < 0:
        raise UsageError(f"--seed must be at least 0, not {arguments.seed}")
    needs = SHOWN[arguments.show].needs
    if needs == "picture" and arguments.picture is None:
        raise UsageError("PICTURE is missing")
    if needs == "channel" and arguments.channel is None:
        raise UsageError(f"--show {arguments.show} needs --channel")
    if needs == "channel" and arguments.picture is not None:
        raise UsageError(
            f"--show {arguments.show} begins with grey and takes no picture: leave {arguments.picture} out"
        )
    return arguments


def _run(arguments: Arguments) -> None:
    from myvgg import images
    from myvgg.runtime.files import check_writable

    output = arguments.output or Path(f"{arguments.show}.png")
    images.format_of(output)
    check_writable(output)
    include_top = _check_unit(arguments)
    if arguments.picture is not None:
        images.load(arguments.picture)  # a damaged file is told before the weights are loaded
    params = arguments.load(include_top=include_top, bundled_first=not include_top)
    watching = Watching()
    drawn = SHOWN[arguments.show].draw(arguments, params, watching)
    images.save(drawn, output)
    if watching.interrupted:
        raise KeyboardInterrupt(f"wrote {output}, the picture so far")
    print(f"wrote {output}", file=sys.stderr)


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


def _draw_layer(arguments: Arguments, params: Params, watch: Watching) -> Any:
    from myvgg.visualization import draw_layer

    given = _given(arguments, "show", "channels", "size", "iterations")
    return draw_layer(arguments.picture, _layer(arguments) or "", params=params, watch=watch, **given)


def _draw_neuron(arguments: Arguments, params: Params, watch: Watching) -> Any:
    from myvgg import microscope

    given = _given(arguments, "layer", "channel", "size", "iterations", "seed") | {"params": params, "watch": watch}
    given.setdefault("layer", _layer(arguments))
    if arguments.show == "spectrum":
        return microscope.spectrum(**given)
    return microscope.neuron(**given, negative=arguments.show == "negative")


def _draw_dream(arguments: Arguments, params: Params, watch: Watching) -> Any:
    from myvgg.microscope import dream

    given = _given(arguments, "channel", "size", "iterations", "seed")
    return dream(arguments.picture, _layer(arguments) or "", params, watch=watch, **given)


def _draw_evidence(arguments: Arguments, params: Params, watch: Watching) -> Any:
    from myvgg import microscope

    given = _given(arguments, "layer", "channel", "size")
    if arguments.show == "occlusion":
        evidence = microscope.occlusion_map(arguments.picture, params, watch=watch, **given)
    else:
        evidence = microscope.gradient_map(arguments.picture, params, **given)
    reason = "" if arguments.channel is not None else ", the strongest"
    print(f"shown: {evidence.unit}{reason}{_advice(arguments, params)}", file=sys.stderr)
    return evidence.draw()


def _advice(arguments: Arguments, params: Params) -> str:
    """Return how to see a class, where the weights were asked for the most probable one and have none."""
    if arguments.layer or params.include_top:
        return ""
    return "; these weights know no classes, 'myvgg convert --download --with-top' gets a file that does"


MAPS, NEURON, EVIDENCE = (
    Shown(_draw_layer, "relu3_1", "picture"),
    Shown(_draw_neuron, "relu3_1", "channel"),
    Shown(_draw_evidence, None, "picture"),
)

SHOWN = {
    **dict.fromkeys(("maps", "gram", "reconstruction"), MAPS),
    **dict.fromkeys(("neuron", "negative", "spectrum"), NEURON),
    "dream": Shown(_draw_dream, "relu4_3", "picture"),
    **dict.fromkeys(("occlusion", "gradient"), EVIDENCE),
}
"""The values of --show."""

main = command("myvgg features", parse, _run)
