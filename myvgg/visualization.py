"""Pictures of what a layer sees, for those who teach: `python scripts/features.py`."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import tyro
from jaxtyping import Float32

from myvgg.arguments import NetworkArguments
from myvgg.command import UsageError, run

if TYPE_CHECKING:
    from myvgg.params import Params

COLOURS = "magma"
"""Matplotlib's map of colours, dark for little."""

CELL = (48, 256)
"""Side of a map in a picture of many, in pixels, at least and at most."""

WIDTH = 1600
"""Of a picture of many maps, about."""

GAP = 2
"""Pixels between maps."""

BRIGHTEST = 99.5
"""Per cent of the values that colours have room for; single larger ones would leave all others dark."""


@dataclass(frozen=True)
class Arguments(NetworkArguments):
    """Draw what a layer sees of a picture: its maps, its Gram matrix, or a picture made again of its features."""

    picture: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PICTURE")]
    """A file."""

    layer: str = "relu3_1"
    """Name of a layer."""

    show: Literal["maps", "gram", "reconstruction"] = "maps"
    """The maps of its channels; how often two of them answer together; what its features still know of the picture."""

    channels: int = 64
    """How many maps, those that answer most strongly first."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = Path("maps.png")
    """The picture to write."""

    size: int = 384
    """Longest side at which the picture is looked at, in pixels."""

    iterations: int = 200
    """Steps of a reconstruction."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run("features.py", lambda: _main(sys.argv[1:] if argv is None else list(argv)))


def _main(argv: list[str]) -> None:
    arguments = tyro.cli(Arguments, args=argv, prog="features.py")
    from myvgg.files import check_writable
    from myvgg.nst import images

    if arguments.channels < 1 or arguments.size < 1 or arguments.iterations < 1:
        raise UsageError("--channels, --size and --iterations must be at least 1")
    images.format_of(arguments.output)
    check_writable(arguments.output)
    architecture = arguments.network
    if architecture.resolve(arguments.layer) not in architecture.layer_names(include_top=False):
        raise UsageError(f"--layer must be one of maps, which {arguments.layer} is not")
    picture = images.load(arguments.picture)
    width, height = images.target_size(arguments.size, picture.shape[1], picture.shape[0])
    picture = images.resize(picture, (width, height))
    architecture.shape(arguments.layer, height, width)
    images.save(_drawn(picture, arguments.load(include_top=False, bundled_first=True), arguments), arguments.output)
    print(f"wrote {arguments.output}", file=sys.stderr)


def _drawn(picture: np.ndarray, params: Params, arguments: Arguments) -> np.ndarray:
    if arguments.show == "reconstruction":
        return reconstruction(picture, arguments.layer, params, iterations=arguments.iterations, watch=_shown)
    from myvgg.extractor import Extractor

    summary: Any = "none" if arguments.show == "maps" else "gram"
    found = Extractor(params, [arguments.layer], summary=summary)(picture)[arguments.layer].numpy()[0]
    return maps_picture(found, channels=arguments.channels) if arguments.show == "maps" else gram_picture(found)


def maps_picture(
    maps: Float32[np.ndarray, "height width channels"], *, channels: int = 64
) -> Float32[np.ndarray, "sheet_height sheet_width 3"]:
    """Draw maps side by side, the one with the largest mean square first, all in the same colours.

    Args:
        maps: Of one picture.
        channels: How many, at most.

    Returns:
        R, G, B, 0 to 255.
    """
    order = np.argsort(-np.mean(maps.astype(np.float64) ** 2, (0, 1)), kind="stable")[:channels]
    columns = math.ceil(math.sqrt(len(order)))
    height, width, _ = maps.shape
    scale = max(1, min(CELL[1], max(CELL[0], WIDTH // columns)) // max(height, width))
    low, high = float(np.minimum(maps[..., order].min(), 0)), float(np.percentile(maps[..., order], BRIGHTEST))
    cell = np.array([height, width]) * scale + GAP
    rows = math.ceil(len(order) / columns)
    drawn = np.full((rows * cell[0] - GAP, columns * cell[1] - GAP, 3), 255, np.float32)
    for place, channel in enumerate(order):
        top, left = np.array(divmod(place, columns)) * cell
        shown = np.repeat(np.repeat(maps[..., channel], scale, 0), scale, 1)
        drawn[top : top + height * scale, left : left + width * scale] = _coloured(shown, low, high)
    return drawn


def gram_picture(products: Float32[np.ndarray, "channels channels"]) -> Float32[np.ndarray, "height width 3"]:
    """Draw a Gram matrix, its channels ordered by how strongly they answer, its colours by the logarithm.

    Args:
        products: Mean products of channels.

    Returns:
        R, G, B, 0 to 255.
    """
    order = np.argsort(-np.diag(products), kind="stable")
    sorted_ = np.abs(products[order][:, order]).astype(np.float64)
    logarithm = np.log10(np.maximum(sorted_, sorted_.max() * 1e-4 + 1e-30))
    scale = max(1, 768 // len(order))
    return _coloured(np.kron(logarithm, np.ones((scale, scale))), float(logarithm.min()), float(logarithm.max()))


def reconstruction(
    picture: Float32[np.ndarray, "height width 3"],
    layer: str,
    params: Params,
    *,
    iterations: int = 200,
    watch: Any = lambda steps, _: steps,
) -> Float32[np.ndarray, "height width 3"]:
    """Make a picture, from noise, that is smooth and whose features at a layer are those of a picture.

    Args:
        picture: R, G, B, 0 to 255.
        layer: Of maps.
        params: The network.
        iterations: Steps of L-BFGS.
        watch: Passes steps on; told how many there are.

    Reference:
        Mahendran and Vedaldi (2015), "Understanding Deep Image Representations by Inverting Them", equation 1.
    """
    from myvgg.nst.settings import Layers, Settings
    from myvgg.nst.transfer import stylize

    settings = Settings(
        content_layers=Layers(f"{params.architecture.resolve(layer)}=1"),
        optimizer="lbfgs",
        init="noise",
        scales=1,
        size=max(picture.shape),
        iterations=iterations,
    )
    *_, last = watch(stylize(picture, None, settings, params=params), iterations)
    found: np.ndarray = last.image
    return found


def _shown(steps: Any, count: int) -> Any:
    from tqdm import tqdm

    return tqdm(steps, total=count, unit=" steps")


def _coloured(values: np.ndarray, low: float, high: float) -> Float32[np.ndarray, "_ _ 3"]:
    from matplotlib import colormaps

    share = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return np.asarray(colormaps[COLOURS](share)[..., :3] * 255, np.float32)


if __name__ == "__main__":
    sys.exit(main())
