"""Matching, tile by tile: the columns of a style's cells, from which matches are chosen, and the match of each cell.

The columns of all cells of a large picture take more memory than a step in tiles. So those of a picture in tiles are
made tile by tile, twice, and not kept. Of a style, some cells are chosen, and their columns are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from jaxtyping import Float32

from myvgg.architecture import PoolPadding
from myvgg.nst import guides, matching, tiles
from myvgg.nst.cells import CELL, shape_of_cells
from myvgg.nst.encoder import Encoder
from myvgg.nst.guides import Mask
from myvgg.nst.maps import maps_by_tile
from myvgg.nst.matching import Maps, Match
from myvgg.nst.settings import Settings
from myvgg.nst.tiles import Box

Columns = Float32[np.ndarray, "_ _"]
"""(places, channels)."""


class StyleColumns:
    """The columns of the cells of a style that a picture may match, collected from the tiles of the style.

    Attributes:
        table: One row for each chosen cell, in the order of the cells.
    """

    def __init__(self, encoder: Encoder, shape: tuple[int, int], mask: Mask | None, settings: Settings) -> None:
        """Choose cells of a style; none where no layers are matched.

        Args:
            encoder: The network.
            shape: Height and width of the style in pixels.
            mask: The part of the style that counts, of its shape; None for all.
            settings: With the layers that are matched.
        """
        self._encoder, self._settings = encoder, settings
        grid = shape_of_cells(*shape, settings.pool_padding)
        chosen = np.arange(0)
        if settings.matched_layers:
            cells = np.ones(grid, np.float32) if mask is None else _of_cells(mask, settings.pool_padding)
            chosen = matching.candidates(cells if mask is None or cells.any() else guides.touched(mask, CELL, grid))
        self._row = np.full(grid, -1, np.int32)
        self._row.ravel()[chosen] = np.arange(len(chosen))
        self.table: Columns = np.empty([len(chosen), sum(_channels(encoder, settings).values())], np.float32)

    def take(self, maps: Maps, box: Box) -> None:
        """Take the columns of a tile's chosen cells.

        Args:
            maps: Of the box, without the surroundings.
            box: The pixels of the tile that count.
        """
        rows = self._row[tiles.window(box, CELL)].ravel()
        if (chosen := rows >= 0).any():
            self.table[rows[chosen]] = _columns(self._encoder, maps, box, self._settings)[chosen]


def find_matches(
    encoder: Encoder,
    picture: Any,
    styles: Sequence[Columns],
    settings: Settings,
    masks: Sequence[Mask] | None,
    tile: int | None,
) -> tuple[Match, ...]:
    """Find the place of each style that each cell of a picture is most like.

    Several styles without masks are all matched everywhere, by their shares.

    Args:
        encoder: The network.
        picture: (1, height, width, 3), 0 to 255.
        styles: Columns of each style.
        settings: With the layers that are matched, and the shares of styles.
        masks: The region that each style is for, of the picture's size.
        tile: Side of the tiles in pixels; None for the whole picture. Tiles are seen twice: for the mean of all
            columns, and for the matches.
    """
    padding, (height, width) = settings.pool_padding, picture.shape[1:3]
    shape = shape_of_cells(height, width, padding)
    is_whole = len(tiles.cut(height, width, tile, encoder.params.architecture, settings.matched_layers)) == 1

    def by_tile() -> Iterator[tuple[Box, Columns]]:
        for box, maps in maps_by_tile(encoder, picture, settings.matched_layers, tile):
            yield box, _columns(encoder, maps, box, settings)

    kept = list(by_tile()) if is_whole else []
    mean = sum(columns.sum(0, dtype=np.float64) for _, columns in kept or by_tile()) / (shape[0] * shape[1])
    nearest = np.empty([len(styles), *shape], np.int32)
    for box, columns in kept or by_tile():
        for found, style in zip(nearest, styles, strict=True):
            window = found[tiles.window(box, CELL)]
            window[:] = matching.nearest(columns, style, mean).reshape(window.shape)
    if masks:
        weights = [guides.share(mask) * _normalised(_of_cells(mask, padding)) for mask in masks]
    else:
        weights = [np.full(shape, share / (shape[0] * shape[1])) for share in settings.blend_shares(len(styles))]
    tables = [matching.tables_of(style, _channels(encoder, settings)) for style in styles]
    return tuple(
        Match(np.asarray(weight, np.float32), places, table)
        for weight, places, table in zip(weights, nearest, tables, strict=True)
    )


def _columns(encoder: Encoder, maps: Maps, box: Box, settings: Settings) -> Columns:
    """Return the columns of the cells in a box of pixels, as rows."""
    padding, architecture = settings.pool_padding, encoder.params.architecture
    shape = shape_of_cells(box[1] - box[0], box[3] - box[2], padding)
    return matching.columns_of(matching.column_parts(maps, settings.matched_layers, architecture, *shape, padding))


def _channels(encoder: Encoder, settings: Settings) -> dict[str, int]:
    return {layer: encoder.params.architecture.activations[layer].channels for layer in settings.matched_layers}


def _normalised(weights: np.ndarray) -> np.ndarray:
    return np.asarray(weights / max(weights.sum(), np.finfo(np.float32).tiny))


def _of_cells(mask: Mask, padding: PoolPadding) -> np.ndarray:
    """Return the mean of a mask in each cell."""
    maps, (height, width) = tf.constant(mask[np.newaxis, :, :, np.newaxis]), mask.shape
    shape = shape_of_cells(height, width, padding)
    return np.asarray(matching.column_part(maps, 1, *shape, padding)[0, :, :, 0])
