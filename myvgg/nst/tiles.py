"""A picture in tiles, each with enough of its surroundings for exact features inside.

Tiles lie on the grid of the deepest layer's positions, and so do their surroundings: pools then join the same pixels in
a tile as in the whole picture. Where a tile ends at the picture's border, it is padded as the picture is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from myvgg.architecture import Architecture
from myvgg.nst.cells import CELL

Box = tuple[int, int, int, int]
"""First row, end of rows, first column, end of columns, in pixels."""


SMALLEST = 64
"""Smallest side of a tile, in pixels; in smaller tiles, nearly all work would be for the surroundings."""


class Tile(NamedTuple):
    """A part of a picture.

    Attributes:
        box: The pixels that count.
        outer: With the surroundings.
    """

    box: Box
    outer: Box

    @property
    def pixels(self) -> int:
        """The number of pixels with the surroundings."""
        return (self.outer[1] - self.outer[0]) * (self.outer[3] - self.outer[2])

    @property
    def inside(self) -> Box:
        """The pixels that count, from the corner of the surroundings."""
        top, left = self.outer[0], self.outer[2]
        return self.box[0] - top, self.box[1] - top, self.box[2] - left, self.box[3] - left


def cut(height: int, width: int, side: int | None, architecture: Architecture, layers: Iterable[str]) -> list[Tile]:
    """Cut a picture into tiles of about the same size.

    Args:
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
        side: Of a tile without its surroundings, in pixels, at most, but at least the grid's. None leaves the picture
            whole, and so does a picture that is no larger than such a tile with its surroundings.
        architecture: The network.
        layers: Whose features shall be exact.
    """
    layers = list(layers)
    around, step = halo(architecture, layers), grid(architecture, layers)
    if side is None or height * width <= (side + 2 * around) ** 2:
        whole = (0, height, 0, width)
        return [Tile(whole, whole)]
    return [
        Tile((*rows, *columns), (*_widened(rows, height, around), *_widened(columns, width, around)))
        for rows in _spans(height, side, step)
        for columns in _spans(width, side, step)
    ]


def grid(architecture: Architecture, layers: Iterable[str]) -> int:
    """Return the grid that tiles lie on, in pixels: the stride of the deepest layer, or the side of a cell."""
    return max([CELL, *(architecture.activations[layer].stride for layer in layers)])


def halo(architecture: Architecture, layers: Iterable[str]) -> int:
    """Return the width of the surroundings that a tile needs, in pixels, on the grid.

    A position sees (field - stride) / 2 pixels beyond its own: 70 for relu5_1, which makes 80.
    Total variation compares a pixel with the next.
    """
    seen = [architecture.activations[layer] for layer in layers]
    reach = max((1.0, *((layer.receptive_field - layer.stride) / 2 for layer in seen)))
    step = grid(architecture, [layer.name for layer in seen])
    return math.ceil(reach / step) * step


def smaller(pixels: int, side: int | None, around: int) -> int | None:
    """Return the side of tiles of half as many pixels; None if that is too small to make sense.

    Args:
        pixels: Of the whole picture.
        side: Of the present tiles without their surroundings; None where the picture is whole.
        around: Pixels around a tile.
    """
    present = pixels if side is None else min(pixels, (side + 2 * around) ** 2)
    found = math.isqrt(present // 2) - 2 * around
    return found if found >= SMALLEST else None


def window(box: Any, stride: int = 1) -> tuple[slice, slice]:
    """Return the rows and columns of a layer that stand for a box of pixels; its numbers may be tensors.

    At the right and lower end the slice may reach beyond the map, which slicing allows.
    """
    return slice(box[0] // stride, -(-box[1] // stride)), slice(box[2] // stride, -(-box[3] // stride))


def _spans(size: int, side: int, grid: int) -> list[tuple[int, int]]:
    count = math.ceil(size / max(side, grid))
    step = math.ceil(size / count / grid) * grid
    # The last tile takes what is left below a step of the grid, since it would have no position of the deepest layer.
    starts = range(0, max(1, size - grid + 1), step)
    return [(start, size if start == starts[-1] else start + step) for start in starts]


def _widened(span: tuple[int, int], size: int, around: int) -> tuple[int, int]:
    return max(0, span[0] - around), min(size, span[1] + around)
