"""What a run will take, before it runs: its scales with their steps, time and memory.

These are estimates. Time is counted in multiply-adds over a rate that is measured here and now, so that it doubles
where something else keeps half of the machine busy; the factors around it were fitted to runs of VGG19 on two cores, of
128 to 1024 pixels a side in both precisions. `benchmarks/sizes.py` compares time and memory with what is then measured,
up to 8000 x 8000 pixels.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from myvgg.architecture import Architecture
from myvgg.nst import pyramid, tiles
from myvgg.nst.losses import NEWTON_STEPS, RANK
from myvgg.nst.pyramid import Size
from myvgg.nst.settings import Settings
from myvgg.params import Params
from myvgg.precision import convolution_times, fastest_precision

if TYPE_CHECKING:
    from myvgg.nst.job import Pictures

GRADIENT = 2.15
"""Time of a loss with its gradient, over that of its multiply-adds forward: one and a bit for each direction."""

FORWARD = 1.45
"""Time of targets, which are computed once at each scale without a graph, over that of their multiply-adds."""

PIXEL = 2.4e-7
"""Seconds a pixel and step, for what convolutions do not count: total variation, Adam, the first layer's few inputs."""

STEP = 0.008
"""Seconds a step, whatever its size."""

SCALE = {"wasserstein": 1.25, "gram": 0.5, "gram+mean": 0.5}
"""Seconds a scale, to trace its graph, and to take the roots of covariances."""

PROBE = (64, 256)
"""Side and channels of the convolution that is measured."""

SPAN = 0.3
"""Seconds that it is measured for."""

SHARE = 2 / 3
"""Of the machine's memory that a run may take by itself."""

FLOOR = 780e6
"""Bytes of Python with TensorFlow at work, without any picture or weights."""

AROUND = {"float32": 150, "bfloat16": 550, "float16": 550}
"""Bytes a pixel around what is kept for the gradient: what is under way, and what TensorFlow's pool cannot fill."""

VALUE = 12
"""Bytes of a pixel of a picture: red, green, blue."""

HELD = {"adam": 6.5, "lbfgs": 11}
"""Pictures of the scale's size that are held: the content, the gradient, and what an optimiser remembers, but for the
pairs of L-BFGS."""

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


class Sizes(NamedTuple):
    """Width and height of the pictures of a run; None where there is no content."""

    content: Size | None
    styles: list[Size]
    regions: int = 1


class Scale(NamedTuple):
    """A scale of a plan.

    Attributes:
        size: Width and height in pixels.
        steps: How many.
        seconds: Of all of them and what precedes them, about.
        memory: Bytes of the process at its peak, about.
        tile: Side in pixels of the tiles it is computed in; None if it is whole.
    """

    size: Size
    steps: int
    seconds: float
    memory: float
    tile: int | None = None


class Plan(NamedTuple):
    """What a run will take."""

    scales: list[Scale]
    seed: int

    @property
    def steps(self) -> int:
        """Of all scales together."""
        return sum(scale.steps for scale in self.scales)

    @property
    def seconds(self) -> float:
        """Of all scales together."""
        return sum(scale.seconds for scale in self.scales)

    @property
    def memory(self) -> float:
        """Bytes at the peak of the largest scale."""
        return max(scale.memory for scale in self.scales)


class Costs(NamedTuple):
    """What a pixel costs, whatever the size of its picture.

    Attributes:
        convolutions: Multiply-adds of the network up to the deepest layer that is needed.
        statistics: Multiply-adds of the second moments of the style layers.
        roots: Multiply-adds of the roots of matrices; of a step, not of a pixel.
        values: Numbers that are kept for the gradient: every layer behind its rectification, and the pools.
        content: Numbers of the content layers.
    """

    convolutions: float
    statistics: float
    roots: float
    values: float
    content: float


def plan(settings: Settings, pictures: Pictures | Sizes, params: Params) -> Plan:
    """Estimate what a run takes, without computing anything but one convolution.

    Args:
        settings: Of the run.
        pictures: Its pictures, or their sizes.
        params: The weights; only their shapes count.

    Raises:
        ValueError: The pictures are too small for the layers.
    """
    sizes = pictures if isinstance(pictures, Sizes) else _sizes(pictures)
    found = pyramid.sizes(*(sizes.content or sizes.styles[0]), settings, params.architecture)
    settings = replace(settings, precision=fastest_precision() if settings.precision == "auto" else settings.precision)
    counted = costs(params.architecture, settings, sizes)
    side = tile(settings, sizes, params)
    scales = []
    for size, steps in zip(found, pyramid.steps(found, settings), strict=True):
        styles = [pyramid.style_size(*style, size, settings, params.architecture) for style in sizes.styles]
        cut = _cut(size, settings, params, side)
        seconds = _setup(counted, settings, sizes, size, styles) + steps * _step(counted, settings, size, cut)
        needed = _memory(counted, settings, params, [size, *styles], side)
        scales.append(Scale(size, steps, seconds, needed, side if len(cut) > 1 else None))
    return Plan(scales, settings.seed)


def tile(settings: Settings, sizes: Sizes, params: Params) -> int | None:
    """Return the side of the tiles that the memory allows for the largest scale, in pixels; None for whole pictures.

    Args:
        settings: With `max_memory`, or else two thirds of the machine's memory are taken.
        sizes: Of the pictures.
        params: The weights; only their shapes count.
    """
    limit = SHARE * machine_memory() if settings.max_memory is None else 1e9 * settings.max_memory
    size = pyramid.final_size(*(sizes.content or sizes.styles[0]), settings)
    styles = [pyramid.style_size(*style, size, settings, params.architecture) for style in sizes.styles]
    counted = costs(params.architecture, settings, sizes)
    needed = functools.partial(_memory, counted, settings, params, [size, *styles])
    if needed(None) <= limit:
        return None
    sides = range(max(size), tiles.SMALLEST, -tiles.grid(params.architecture, settings.layers))
    return next((side for side in sides if needed(side) <= limit), tiles.SMALLEST)


def machine_memory() -> int:
    """Return the bytes that this machine, or the container that we are in, has."""
    import psutil

    limits = [int(psutil.virtual_memory().total)]
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # elsewhere, or "max"
            limits.append(int(Path(path).read_text(encoding="ascii")))
    return min(limits)


def costs(architecture: Architecture, settings: Settings, sizes: Sizes) -> Costs:
    """Count what a pixel costs with the layers that the settings name."""
    activations = architecture.activations
    content = settings.content_layers.shares if sizes.content and settings.content_weight else {}
    style = settings.style_layers.shares if sizes.styles and settings.style_weight else {}
    if not (content or style):
        return Costs(0, 0, 0, 0, 0)
    names = list(activations)
    needed = names[: names.index(architecture.deepest([*content, *style])) + 1]
    ranks = [min(RANK, activations[layer].channels) for layer in style] if settings.style_loss == "wasserstein" else []
    return Costs(
        sum(
            math.prod(c.kernel_shape) / activations[c.name].stride ** 2
            for c in architecture.convolutions
            if c.name in needed
        ),
        sizes.regions * sum((activations[layer].channels / activations[layer].stride) ** 2 for layer in style),
        sizes.regions * sum(3 * NEWTON_STEPS * rank**3 for rank in ranks),
        sum(activations[n].channels / activations[n].stride ** 2 for n in needed if activations[n].kind != "conv"),
        sum(activations[n].channels / activations[n].stride ** 2 for n in content),
    )


def describe(plan: Plan) -> str:
    """Write a plan as a table."""
    lines = [f"{'scale':<7}{'size':>13}{'steps':>8}{'time':>12}{'memory':>10}"]
    for number, scale in enumerate(plan.scales, 1):
        size = f"{scale.size[0]} x {scale.size[1]}"
        line = _line(f"{number}/{len(plan.scales)}", size, scale.steps, scale.seconds, scale.memory)
        lines.append(line if scale.tile is None else f"{line}  in tiles of {scale.tile}")
    lines.append(_line("all", "", plan.steps, plan.seconds, plan.memory))
    return "\n".join([*lines, f"time and memory are estimates; seed {plan.seed}"])


def seconds_text(seconds: float) -> str:
    """Write a time in the two largest units that matter."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def bytes_text(size: float) -> str:
    """Write a number of bytes."""
    return f"{size / 1e9:.1f} GB"


def _line(name: str, size: str, steps: int, seconds: float, needed: float) -> str:
    return f"{name:<7}{size:>13}{steps:>8}{seconds_text(seconds):>12}{bytes_text(needed):>10}"


def _cut(size: Size, settings: Settings, params: Params, side: int | None) -> list[tiles.Tile]:
    return tiles.cut(size[1], size[0], side, params.architecture, settings.layers)


def _memory(counted: Costs, settings: Settings, params: Params, pictures: Sequence[Size], side: int | None) -> float:
    """Estimate the bytes of the process: the network, what is held of the picture, what one tile computes."""
    bytes_of_value = BYTES[settings.precision]
    parameters = sum(part.size for layer in params.layers.values() for part in layer)
    network = FLOOR + parameters * (BYTES["float32"] + bytes_of_value)
    pixels = math.prod(pictures[0])
    largest = max(tile.pixels for each in pictures for tile in _cut(each, settings, params, side))
    working = largest * (AROUND[settings.precision] + bytes_of_value * counted.values)
    content = bytes_of_value * counted.content * pixels
    pairs = min(settings.history, settings.iterations) if settings.optimizer == "lbfgs" else 0
    return network + content + working + (HELD[settings.optimizer] + 2 * pairs) * VALUE * pixels


def _step(counted: Costs, settings: Settings, size: Size, cut: Sequence[tiles.Tile]) -> float:
    """Estimate the seconds of a step; statistics and roots are float32 always."""
    pixels, seen = math.prod(size), sum(each.pixels for each in cut)
    passes = GRADIENT + (FORWARD if len(cut) > 1 else 0)
    measured = rates(settings.precision)
    convolutions = passes * seen * counted.convolutions / measured[settings.precision]
    statistics = GRADIENT * (pixels * counted.statistics + counted.roots) / measured["float32"]
    return STEP + PIXEL * seen + convolutions + statistics


def _setup(counted: Costs, settings: Settings, sizes: Sizes, size: Size, styles: list[Size]) -> float:
    """Estimate the seconds before the first step of a scale: the targets, the unit of balance, the graph."""
    pixels = bool(sizes.content) * math.prod(size) + sum(math.prod(style) for style in styles)
    convolutions = FORWARD * pixels * counted.convolutions / rates(settings.precision)[settings.precision]
    return SCALE[settings.style_loss] + convolutions


def _sizes(pictures: Pictures) -> Sizes:
    shapes = [pictures.content.image.shape if pictures.content else None, *(each.shape for each in pictures.styles)]
    content, *styles = [shape and (shape[1], shape[0]) for shape in shapes]
    return Sizes(content, [style for style in styles if style], max(1, len(pictures.masks)))


@functools.cache
def rates(precision: str) -> dict[str, float]:
    """Measure how many multiply-adds of a convolution this machine does in a second, in a precision and in float32."""
    side, channels = PROBE
    taken = convolution_times(sorted({precision, "float32"}), side=side, channels=channels, seconds=SPAN)
    return {each: side**2 * 9 * channels**2 / seconds for each, seconds in taken.items()}
