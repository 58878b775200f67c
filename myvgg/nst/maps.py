"""Maps of a picture, whole or tile by tile, and their moments, for the targets of a scale."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from myvgg.nst import tiles
from myvgg.nst.criterion import added, counts_of, features_of, statistics
from myvgg.nst.encoder import Encoder
from myvgg.nst.losses import Moments
from myvgg.nst.matching import Maps
from myvgg.nst.settings import Settings
from myvgg.nst.stages import Guides
from myvgg.nst.tiles import Box
from myvgg.runtime.process import arrive


def maps_by_tile(encoder: Encoder, picture: Any, layers: Iterable[str], tile: int | None) -> Iterator[tuple[Box, Maps]]:
    """Run the network over a picture, a tile at a time. Yield the box of each tile and the maps of that box.

    Args:
        encoder: The network.
        picture: (1, height, width, 3), 0 to 255.
        layers: Whose maps are wanted.
        tile: Side of the tiles in pixels; None for the whole picture.
    """
    layers, (height, width) = list(layers), picture.shape[1:3]
    cut = tiles.cut(height, width, tile, encoder.params.architecture, layers)
    for each in cut:
        arrive()
        inside = each.inside if len(cut) > 1 else None
        yield each.box, features_of(encoder, tf.constant(picture[:, *tiles.window(each.outer)]), layers, inside)


def moments_of_tile(
    encoder: Encoder, maps: Maps, box: Box, shape: tuple[int, int], regions: Sequence[Guides], settings: Settings
) -> tuple[dict[str, Moments], ...]:
    """Compute a tile's part of the moments of the style layers in each region.

    Args:
        encoder: The network.
        maps: Of the box, without the surroundings.
        box: The pixels of the tile that count.
        shape: Height and width of the whole picture in pixels.
        regions: Guides of the whole picture for each region; none for no moments.
        settings: With the style layers.
    """
    if not regions:
        return ()
    activations = encoder.params.architecture.activations
    positions = counts_of(encoder.params.architecture, settings.moment_layers, *shape, settings).positions
    where = [
        {layer: guide[tiles.window(box, activations[layer].stride)] for layer, guide in guides.items()}
        for guides in regions
    ]
    return statistics(maps, settings.moment_layers, where, positions)


def maps_and_moments(
    encoder: Encoder,
    picture: Any,
    layers: Sequence[str],
    regions: Sequence[Guides],
    settings: Settings,
    tile: int | None,
) -> tuple[dict[str, Any], tuple[dict[str, Moments], ...]]:
    """Compute the maps of some layers of a whole picture, and the moments of the style layers in each region.

    Args:
        encoder: The network.
        picture: (1, height, width, 3), 0 to 255.
        layers: Whose maps are wanted.
        regions: Guides of each region; none for no moments.
        settings: With the style layers.
        tile: Side of the tiles in pixels; None for the whole picture. Maps of tiles are put together as NumPy's.
    """
    architecture, (height, width) = encoder.params.architecture, picture.shape[1:3]
    needed = [*layers, *(settings.moment_layers if regions else ())]
    shape = functools.partial(architecture.shape, height=height, width=width, pool_padding=settings.pool_padding)
    whole, moments = dict[str, Any](), tuple[dict[str, Moments], ...]()
    for box, maps in maps_by_tile(encoder, picture, needed, tile):
        part = moments_of_tile(encoder, maps, box, (height, width), regions, settings)
        if box == (0, height, 0, width):
            return {layer: maps[layer] for layer in layers}, part
        moments = added([moments, part]) if moments else part
        for layer in layers:
            if layer not in whole:
                whole[layer] = np.empty([1, *shape(layer)], maps[layer].dtype.as_numpy_dtype)
            whole[layer][:, *tiles.window(box, architecture.activations[layer].stride)] = maps[layer]
    return whole, moments
