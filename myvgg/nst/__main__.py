"""The command line of style transfer: `python -m myvgg.nst`, or `python scripts/style.py`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from myvgg.command import UsageError, muted, run
from myvgg.files import check_writable
from myvgg.nst.settings import Settings

if TYPE_CHECKING:
    from myvgg.nst.transfer import Step
    from myvgg.params import Params

EXAMPLES = Path(__file__).parents[2] / "examples"
DEMO_CONTENT, DEMO_STYLE = EXAMPLES / "landscape.jpg", EXAMPLES / "strokes.jpg"

DEMO_SETTINGS = Settings(size=384, iterations=150)
RANDOM_SETTINGS: dict[str, Any] = {
    "content_layers": ("relu3_1",),
    "style_layers": ("relu1_1", "relu2_1", "relu3_1"),
    "content_weight": 0.1,
    "tv_weight": 10.0,
    "noise": 0.1,
}
"""What suits random weights: shallow layers, since deep ones hold little more, and less noise, since more stays."""

NO_WEIGHTS = (
    "No trained weights here ({cause}): using seeded random ones, which give a cruder picture. Run "
    "'python scripts/convert_weights.py --download' where there is a connection, or name a file by --weights FILE."
)

BAR = "|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
"""A bar, steps, time so far and time left, losses: all of it fits into 80 columns."""


@dataclass(frozen=True)
class Arguments:
    """Stylise a picture: the content of one in the style of another.

    Without pictures, two of the bundled examples are used, smaller and with fewer steps.
    """

    content: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="CONTENT")] = None
    """What the result shows."""

    style: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="STYLE")] = None
    """What it looks like."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = Path("stylized.png")
    """Where the result goes; the suffix names the format."""

    weights: str = "auto"
    """A weights file, random, or auto: those of MYVGG_WEIGHTS, the checkout, the cache, or a download."""

    settings: Annotated[Settings, tyro.conf.arg(name="")] = field(default_factory=Settings)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run("style.py", lambda: _main(sys.argv[1:] if argv is None else list(argv)))


def _main(argv: list[str]) -> None:
    arguments = _parse(argv, Settings())
    demo = arguments.content is None
    if demo:
        if not DEMO_CONTENT.exists():
            raise UsageError("name a content and a style picture; the examples come with a clone of the repository")
        arguments = _parse(argv, DEMO_SETTINGS)
    elif arguments.style is None:
        raise UsageError("name a style picture as well")
    from myvgg.nst import images

    images.format_of(arguments.output)
    check_writable(arguments.output)
    content = images.load(arguments.content or DEMO_CONTENT)
    style = images.load(arguments.style or DEMO_STYLE)
    with muted():
        from myvgg.nst.transfer import stylize
        from myvgg.vgg19 import VGG19
    params = _load_weights(arguments.weights, demo)
    settings = arguments.settings
    if not params.origin.trained:
        settings = _parse(argv, replace(DEMO_SETTINGS if demo else Settings(), **RANDOM_SETTINGS)).settings
    steps = stylize(content, style, settings, vgg=VGG19(params, pooling=settings.pooling))
    _follow(steps, settings.iterations, arguments.output)
    print(f"wrote {arguments.output}", file=sys.stderr)


def _parse(argv: list[str], settings: Settings) -> Arguments:
    try:
        return tyro.cli(Arguments, args=argv, default=Arguments(settings=settings), prog="style.py")
    except ValueError as error:  # a setting out of its range
        raise UsageError(str(error)) from error


def _load_weights(name: str, demo: bool) -> Params:
    """Load the weights that are asked for; the demo does with random ones where there is nothing and no network."""
    from myvgg import store
    from myvgg.random_weights import load_random

    if name == "random":
        return load_random()
    try:
        return store.load(None if name == "auto" else name, include_top=False)
    except store.DownloadError as error:
        if not demo:
            raise
        print(NO_WEIGHTS.format(cause=error.problems[0].splitlines()[0]), file=sys.stderr)
    return load_random()


def _follow(steps: Iterable[Step], iterations: int, output: Path) -> None:
    """Show the progress and write the picture with the lowest loss, whatever ends the run."""
    from tqdm import tqdm

    from myvgg.nst import images

    best: Step | None = None
    try:
        width, height = shutil.get_terminal_size()  # tqdm by itself shows nothing where both are said to be 0
        for step in (bar := tqdm(steps, total=iterations, bar_format=BAR, ncols=width, nrows=height)):
            bar.set_postfix({name: f"{loss:.2g}" for name, loss in step.losses.items()}, refresh=False)
            if best is None or step.losses["total"] < best.losses["total"]:
                best = step
    except (KeyboardInterrupt, ArithmeticError, MemoryError) as error:
        if best is None:
            raise
        said = f"{error}; " if str(error) else ""
        raise type(error)(f"{said}{output} has the best picture so far, of step {best.iteration}") from None
    finally:
        if best is not None:
            images.save(best.image, output)


if __name__ == "__main__":
    sys.exit(main())
