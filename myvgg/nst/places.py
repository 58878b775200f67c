"""Places: positions of a picture that are drawn anew at each step, and seen by its tiles.

Positions come of the seed, the picture's size and the number of the step, so a run that goes on draws the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int32

from myvgg.architecture import PoolPadding
from myvgg.nst.cells import SPLIT_COUNT
from myvgg.nst.guides import Mask, members, touched
from myvgg.nst.tiles import Box


class Places(NamedTuple):
    """Positions of a picture, or of a tile that leaves some of them out.

    Attributes:
        rows: In pixels, from the corner of the pixels that count.
        columns: Likewise.
        inside: 1 for positions of this tile, 0 for the others.
    """

    rows: Int32[Any, " places"]
    columns: Int32[Any, " places"]
    inside: Float32[Any, " places"]


class Drawn(NamedTuple):
    """The positions of a step.

    Attributes:
        joint: For each region; all layers are gathered at the same places.
        split: For each region and layer, at the layer's own resolution.
    """

    joint: tuple[Places, ...] = ()
    split: tuple[dict[str, Places], ...] = ()


def draw(key: Sequence[int], shape: tuple[int, int], region: Mask | None, count: int) -> Places:
    """Draw different positions of a picture, or all of them where there are no more.

    Args:
        key: Whole numbers from 0 on, which say what is drawn.
        shape: Height and width of the picture in pixels.
        region: The mask in whose members positions are drawn; None for all.
        count: Number of positions, at most.

    Example:
        >>> draw((0, 1), (2, 1), None, 4).columns.tolist()
        [0, 0]
    """
    inside = None if region is None else np.flatnonzero(members(region))
    pixels = shape[0] * shape[1] if inside is None else len(inside)
    chosen = np.random.default_rng(key).choice(pixels, min(count, pixels), replace=False)
    rows, columns = np.divmod(chosen if inside is None else inside[chosen], shape[1])
    return Places(rows.astype(np.int32), columns.astype(np.int32), np.ones(len(chosen), np.float32))


def draw_split(
    key: Sequence[int],
    shape: tuple[int, int],
    region: Mask | None,
    strides: Mapping[str, int],
    pool_padding: PoolPadding,
) -> dict[str, Places]:
    """Draw positions of each layer by itself, in pixels.

    Args:
        key: Whole numbers from 0 on, which say what is drawn.
        shape: Height and width of the picture in pixels.
        region: The mask in which positions are drawn; None for all.
        strides: Of the layers, in pixels.
        pool_padding: That of the network.
    """
    found = {}
    for number, (layer, stride) in enumerate(strides.items()):
        counts = [-(-side // stride) if pool_padding == "same" else side // stride for side in shape]
        middles = [
            np.minimum(np.arange(count) * stride + stride // 2, side - 1)
            for count, side in zip(counts, shape, strict=True)
        ]
        mask = None if region is None else _of_positions(region, middles, stride)
        # Differs from Kolkin et al. (2022), who take a regular grid of a random stride.
        rows, columns, all_inside = draw((*key, number), (counts[0], counts[1]), mask, SPLIT_COUNT)
        found[layer] = Places(rows * stride, columns * stride, all_inside)
    return found


def _of_positions(region: Mask, middles: Sequence[np.ndarray], stride: int) -> Float32[np.ndarray, "rows columns"]:
    """Return the mask of a layer: positions whose middle pixel is a member, or all that hold a member if none is."""
    found = members(region)[np.ix_(*middles)]
    return found.astype(np.float32) if found.any() else touched(region, stride, found.shape)


def within(drawn: Drawn, box: Box) -> Drawn:
    """Return the positions as a tile sees them.

    Args:
        drawn: Of the picture.
        box: Pixels of the tile that count: first row, end of rows, first column, end of columns.
    """
    split = [{layer: _within(places, box) for layer, places in each.items()} for each in drawn.split]
    return Drawn(tuple(_within(places, box) for places in drawn.joint), tuple(split))


def _within(places: Places, box: Box) -> Places:
    top, bottom, left, right = box
    rows, columns, _ = places
    inside = (top <= rows) & (rows < bottom) & (left <= columns) & (columns < right)
    corner = np.array([top, left], np.int32)
    return Places(rows - corner[0], columns - corner[1], inside.astype(np.float32))
