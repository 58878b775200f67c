"""The plan of a run: its scales with their steps, time and memory.

These are estimates. Time comes from a step of small tiles that is measured here and now, with the kernels that this
machine has, so that it doubles where something else keeps half of the machine busy. Memory is counted: the numbers that
are kept for the gradient, and constants that were fitted to runs of 256 to 4096 pixels a side with and without oneDNN.
`benchmarks/sizes.py` compares a plan with the time and memory of the run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from myvgg.architecture import Architecture
from myvgg.nst import memory, pyramid, tiles
from myvgg.nst.cells import CELL, MAX_CANDIDATES, SAMPLE_COUNT, SPLIT_COUNT, STYLE_COUNT
from myvgg.nst.pyramid import Size
from myvgg.nst.settings import Settings
from myvgg.params import Params

if TYPE_CHECKING:
    from myvgg.nst.probe import Speed

FEATURES_TIME = 0.67
"""Ratio of the time of features alone to the time of a loss with its gradient."""

PIXEL_SECONDS = 2.4e-7
"""Seconds a pixel and step for total variation and the optimiser, which the measurement leaves out."""

TRACE_SECONDS = 1.5
"""Seconds of the first scale with some settings, to trace the graph of all their scales."""

SETUP_SECONDS = {"wasserstein": 0.6, "gram": 0.1, "gram+mean": 0.1, "": 0.1}
"""Seconds of each scale besides the network's, to take the roots of covariances, by the statistic."""

MATCH_SECONDS = 1e-11
"""Seconds of a multiply-add of products of large matrices."""

SAMPLE_PRODUCTS = (1, 6)
"""Products of a sample's columns with a style's columns, and with its own, at each step. Its own products are those of
self-similarity and covariance, with their gradients."""

SAMPLE_MEMORY = 12
"""Number of tables of columns that a step of samples holds: of a style's columns, or of the picture's alone."""

MATCH_MEMORY = 2
"""Number of tables of the columns of matched cells that a step holds."""

SPLIT_MEMORY = 9
"""Number of tables of columns that a step holds of layers that are compared by themselves."""

PROCESS_MEMORY = 780e6
"""Bytes of a process with TensorFlow at work, without a picture and without weights."""

WORKING_MEMORY = {"float32": 750, "bfloat16": 550, "float16": 550}
"""Bytes a pixel besides the numbers that are kept for the gradient: intermediate results, and gaps of the allocator."""

TILE_GAPS = 1.33
"""Ratio of the memory of a tile to that of a whole picture of its size. Two passes and tiles of several sizes leave
gaps in the allocator's memory, with and without oneDNN."""

PIXEL_MEMORY = 12
"""Bytes of a pixel of a picture: red, green, blue."""

PICTURES_HELD = {"adam": 6.5, "lbfgs": 11}
"""Number of pictures of the scale's size that a run holds: the content, the gradient, and the optimiser's state without
the pairs of L-BFGS."""

COLOR_MEMORY = {"transfer": 244, "luminance": 152}
"""Bytes a pixel while the result gets its colours, by what `preserve_colors` says; looking at a step makes a result."""

DRAFT_PICTURES = 3
"""Number of further pictures that a run with a draft holds: the beginning of the scale, and the blur of a step."""

VALUE_MEMORY = {"float32": 4, "bfloat16": 2, "float16": 2}


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
        seconds: Estimated time of the steps and of the targets before them.
        memory: Estimated bytes of the process at its peak.
        tile: Side in pixels of the tiles it is computed in; None if it is whole.
    """

    size: Size
    steps: int
    seconds: float
    memory: float
    tile: int | None = None


class Plan(NamedTuple):
    """The scales of a run, the seed of its noise, and the bytes that the user lets it take, if there is a limit."""

    scales: list[Scale]
    seed: int
    limit: float | None = None

    @property
    def steps(self) -> int:
        """The number of steps of all scales."""
        return sum(scale.steps for scale in self.scales)

    @property
    def seconds(self) -> float:
        """The time of all scales, in seconds."""
        return sum(scale.seconds for scale in self.scales)

    @property
    def memory(self) -> float:
        """Bytes at the peak of the largest scale."""
        return max(scale.memory for scale in self.scales)

    @property
    def is_over_limit(self) -> bool:
        """True where the run takes more memory than the user's limit, even in the smallest tiles."""
        return self.limit is not None and self.memory > self.limit


class Costs(NamedTuple):
    """The costs of a pixel, which are the same for pictures of all sizes.

    Attributes:
        convolutions: Multiply-adds of the network up to the deepest layer that is needed.
        further: Multiply-adds of the second moments of the style layers, of all regions but the first.
        weighted: Numbers of the style layers' maps, weighed for each region but the first.
        values: Numbers that are kept for the gradient: the outputs of all rectifications and pools.
        content: Numbers of the content's maps that are held.
        matched: Channels of the layers that are matched.
        sampled: Channels of the layers whose samples are joined to columns.
        styles: Number of styles whose columns are compared with them; 0 where those of the content alone are.
        regions: Number of regions that are sampled.
    """

    convolutions: float
    further: float
    weighted: float
    values: float
    content: float
    matched: int = 0
    sampled: int = 0
    styles: int = 0
    regions: int = 1


class _Layers(NamedTuple):
    """The layers of a scale.

    Attributes:
        held: Those whose maps of the content are held.
        compared: Those that are compared place by place, matched or sampled, with those that are held.
        moments: The style layers.
        matched: Those that are matched.
        joined: Those whose samples are joined to columns.
    """

    held: list[str]
    compared: list[str]
    moments: list[str]
    matched: list[str]
    joined: list[str]


def plan(settings: Settings, sizes: Sizes, params: Params, *, speed: Speed | None = None) -> Plan:
    """Estimate the time and memory of a run, by a step of small tiles.

    Args:
        settings: Of the run.
        sizes: Of its pictures.
        params: The weights; only their shapes count.
        speed: The time of a step; measured where it is not given.

    Raises:
        ValueError: The pictures are too small for the layers.
    """
    from myvgg.precision import fastest_precision  # not at import: it imports TensorFlow

    found = pyramid.sizes(*(sizes.content or sizes.styles[0]), settings, params.architecture)
    settings = replace(settings, precision=fastest_precision() if settings.precision == "auto" else settings.precision)
    side = tile(settings, sizes, params)
    scales, traced = list[Scale](), set[Settings]()
    for index, (size, steps) in enumerate(zip(found, pyramid.steps(found, settings), strict=True)):
        used = pyramid.settings_at(found, index, settings)
        counted, measured = costs(params.architecture, used, sizes), speed or _speed(used, sizes, params)
        styles = [pyramid.style_size(*style, size, used, params.architecture) for style in sizes.styles]
        cut = _cut(size, used, params, side)
        seconds = _setup(measured, counted, used, sizes, cut, size, styles) + steps * _step(measured, counted, cut)
        seconds += 0 if used in traced else TRACE_SECONDS
        traced.add(used)
        is_split = used.style_loss == "split"
        splitting = _splitting(params.architecture, used, sizes, size) if is_split else 0
        seconds += steps * (_sampling(counted) + splitting)
        needed = memory_of(used, sizes, params, size, side)
        scales.append(Scale(size, steps, seconds, needed, side if len(cut) > 1 else None))
    return Plan(scales, settings.seed, None if settings.max_memory is None else memory.limit(settings))


def tile(settings: Settings, sizes: Sizes, params: Params, *, limit: float | None = None) -> int | None:
    """Return the side of the tiles that the memory allows for the largest scales, in pixels; None for whole pictures.

    These are the largest of each kind of settings: the draft, the scales above it, and the last pass.

    Args:
        settings: With a precision that is not `auto`.
        sizes: Of the pictures.
        params: The weights; only their shapes count.
        limit: Bytes that the run may take; by default those of `memory.limit` on the device that computes.
    """
    limit = _limit(settings) if limit is None else limit
    found = pyramid.sizes(*(sizes.content or sizes.styles[0]), settings, params.architecture)
    largest = dict[Settings, Size]()
    for index, size in enumerate(found):
        largest[pyramid.settings_at(found, index, settings)] = size

    def needed(side: int | None) -> float:
        return max(memory_of(used, sizes, params, size, side) for used, size in largest.items())

    if needed(None) <= limit:
        return None
    sides = range(max(found[-1]), tiles.SMALLEST, -tiles.grid(params.architecture, settings.layers))
    return next((side for side in sides if needed(side) <= limit), tiles.SMALLEST)


def tile_after(settings: Settings, sizes: Sizes, params: Params, side: int | None, *, excess: float) -> int | None:
    """Return the side of the tiles of the next scale: as before, or smaller where a scale took too much memory.

    Args:
        settings: With a precision that is not `auto`.
        sizes: Of the pictures.
        params: The weights; only their shapes count.
        side: Of the scale's tiles, in pixels; None for whole pictures.
        excess: Memory that the scale took over the planned memory, see `memory.Watch.excess`.
    """
    if excess == 1:
        return side
    base = base_memory(settings, params)
    found = tile(settings, sizes, params, limit=base + (_limit(settings) - base) / excess)
    return side if found is None else min(found, side or found)


def _limit(settings: Settings) -> float:
    """Return the bytes that a run may take on the device that computes, a GPU or else this machine."""
    from myvgg import kernels  # not at import: it imports TensorFlow

    return memory.limit(settings, machine=kernels.gpu_memory())


def base_memory(settings: Settings, params: Params) -> float:
    """Estimate the bytes of the process before the first scale: Python, TensorFlow, and the network."""
    parameters = sum(part.size for layer in params.layers.values() for part in layer)
    return PROCESS_MEMORY + parameters * (VALUE_MEMORY["float32"] + VALUE_MEMORY[settings.precision])


def memory_of(settings: Settings, sizes: Sizes, params: Params, size: Size, side: int | None) -> float:
    """Estimate the bytes of the process at a scale: the network, the arrays of the picture's size, and one tile.

    Args:
        settings: With a precision that is not `auto`.
        sizes: Of the pictures of the run.
        params: The weights; only their shapes count.
        size: Of the scale, width and height in pixels.
        side: Of the tiles, in pixels; None for whole pictures.
    """
    counted, bytes_of_value = costs(params.architecture, settings, sizes), VALUE_MEMORY[settings.precision]
    styles = [pyramid.style_size(*style, size, settings, params.architecture) for style in sizes.styles]
    cuts = [_cut(each, settings, params, side) for each in [size, *styles]]
    gaps = TILE_GAPS if any(len(cut) > 1 for cut in cuts) else 1
    tile_pixel = WORKING_MEMORY[settings.precision] + bytes_of_value * counted.values
    tile_pixel += VALUE_MEMORY["float32"] * counted.weighted
    columns = MATCH_MEMORY * VALUE_MEMORY["float32"] * counted.matched / CELL**2
    tile_pixel = max(gaps * tile_pixel, tile_pixel + columns)  # as measured: gaps have room for columns
    working = max(each.pixels for cut in cuts for each in cut) * tile_pixel
    positions = STYLE_COUNT if counted.styles else SAMPLE_COUNT
    numbers = SAMPLE_MEMORY * positions * counted.sampled
    if settings.style_loss == "split":
        split, activations = _split_positions(params.architecture, settings, size), params.architecture.activations
        numbers += SPLIT_MEMORY * sum(count * activations[layer].channels for layer, count in split.items())
        numbers += 2 * SPLIT_COUNT**2  # distances of all pairs
    working += VALUE_MEMORY["float32"] * numbers
    pairs = min(settings.history, settings.iterations) if settings.optimizer == "lbfgs" else 0
    held = PICTURES_HELD[settings.optimizer] + 2 * pairs + (DRAFT_PICTURES if settings.draft else 0)
    held = 1 + 4 / 3 * held if settings.parameters == "pyramid" else held
    pixel = held * PIXEL_MEMORY + COLOR_MEMORY.get(settings.preserve_colors, 0) + bytes_of_value * counted.content
    given = PIXEL_MEMORY * sum(math.prod(each) for each in [*sizes.styles, *filter(None, [sizes.content])])
    return base_memory(settings, params) + working + pixel * math.prod(size) + given


def costs(architecture: Architecture, settings: Settings, sizes: Sizes) -> Costs:
    """Count the costs of a pixel with the layers that the settings name."""
    activations = architecture.activations
    layers = _layers(settings, sizes)
    if not (layers.compared or layers.moments):
        return Costs(convolutions=0, further=0, weighted=0, values=0, content=0)
    names = list(activations)
    needed = names[: names.index(architecture.deepest([*layers.compared, *layers.moments])) + 1]
    moments = sum((activations[layer].channels / activations[layer].stride) ** 2 for layer in layers.moments)

    def numbers(some: Sequence[str]) -> float:
        return float(sum(activations[layer].channels / activations[layer].stride ** 2 for layer in some))

    return Costs(
        convolutions=sum(
            math.prod(c.kernel_shape) / activations[c.name].stride ** 2
            for c in architecture.convolutions
            if c.name in needed
        ),
        further=(sizes.regions - 1) * moments,
        weighted=(sizes.regions - 1) * numbers(layers.moments),
        values=numbers([layer for layer in needed if activations[layer].kind != "conv"]),
        content=numbers(layers.held),
        matched=sum(activations[layer].channels for layer in layers.matched),
        sampled=sum(activations[layer].channels for layer in layers.joined),
        styles=len(sizes.styles) if settings.style_loss == "remd" and settings.style_weight else 0,
        regions=sizes.regions if settings.samples_styles and settings.style_weight else 1,
    )


def _cut(size: Size, settings: Settings, params: Params, side: int | None) -> list[tiles.Tile]:
    return tiles.cut(size[1], size[0], side, params.architecture, settings.layers)


def _layers(settings: Settings, sizes: Sizes) -> _Layers:
    """Return the layers that these pictures need of those that the settings name."""
    is_styled, is_kept = sizes.styles and settings.style_weight, sizes.content and settings.content_weight
    matched, moments = (settings.matched_layers, settings.moment_layers) if is_styled else ({}, {})
    alike = settings.sampled_layers if is_kept and settings.content_loss == "self-similarity" else {}
    joined = settings.sampled_layers if is_styled and settings.style_loss == "remd" else alike
    split = settings.sampled_layers if is_styled and settings.style_loss == "split" else {}
    held = [*(settings.compared_layers if is_kept else ()), *alike]
    compared = list(dict.fromkeys([*held, *joined, *split, *matched]))
    return _Layers(held, compared, list(moments), list(matched), list(joined))


def _speed(settings: Settings, sizes: Sizes, params: Params) -> Speed:
    from myvgg.nst import probe

    layers = _layers(settings, sizes)
    if not (layers.compared or layers.moments):
        return probe.Speed(0.0, 0.0)
    return probe.speed(params, settings, content=layers.compared, style=layers.moments)


def _step(measured: Speed, counted: Costs, cut: Sequence[tiles.Tile]) -> float:
    """Estimate the seconds of a step; tiles are seen twice, and each further region has its own statistics."""
    seen = sum(each.pixels for each in cut)
    passes = 1 + (FEATURES_TIME if len(cut) > 1 else 0)
    regions = 1 + counted.further / counted.convolutions if counted.convolutions else 1
    return len(cut) * measured.fixed + seen * (PIXEL_SECONDS + passes * regions * measured.pixel)


def _sampling(counted: Costs) -> float:
    """Estimate the seconds of a step that go into the comparison of samples."""
    styles, own = SAMPLE_PRODUCTS
    places = styles * counted.styles * STYLE_COUNT + own * counted.regions * (SAMPLE_COUNT + counted.sampled) / 2
    return MATCH_SECONDS * SAMPLE_COUNT * counted.sampled * places


def _splitting(architecture: Architecture, settings: Settings, sizes: Sizes, size: Size) -> float:
    """Estimate the seconds of a step that go into the comparison of samples of each layer by itself."""
    positions = _split_positions(architecture, settings, size)
    products = sum(count**2 * architecture.activations[layer].channels for layer, count in positions.items())
    return MATCH_SECONDS * products * len(sizes.styles)


def _split_positions(architecture: Architecture, settings: Settings, size: Size) -> dict[str, int]:
    """Count the positions of each layer that are compared by themselves."""
    strides = {layer: architecture.activations[layer].stride for layer in settings.match_layers.shares}
    return {layer: min(SPLIT_COUNT, math.prod(size) // stride**2) for layer, stride in strides.items()}


def _setup(
    measured: Speed,
    counted: Costs,
    settings: Settings,
    sizes: Sizes,
    cut: Sequence[tiles.Tile],
    size: Size,
    styles: Sequence[Size],
) -> float:
    """Estimate the seconds before the first step of a scale, but for the graph: the targets, the unit of balance.

    Styles are seen once, and counted without the surroundings of their tiles. The content is seen for its features.
    Where cells are matched, the picture is seen for its columns; in tiles, their mean takes a further look.
    """
    looks = bool(sizes.content) + bool(counted.matched) * (2 if len(cut) > 1 else 1)
    pixels = looks * sum(each.pixels for each in cut) + sum(math.prod(style) for style in styles)
    candidates = sum(min(math.prod(style) / CELL**2, MAX_CANDIDATES) for style in styles)
    matching = MATCH_SECONDS * counted.matched * candidates * math.prod(size) / CELL**2
    return SETUP_SECONDS[settings.statistic] + FEATURES_TIME * pixels * measured.pixel + matching
