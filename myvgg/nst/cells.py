"""Cells: the squares of pixels in which pictures are matched, and numbers of places. Nothing here needs TensorFlow."""

from __future__ import annotations

from myvgg.architecture import PoolPadding

CELL = 4
"""Side of a cell in pixels; no tile cuts one."""

MAX_CANDIDATES = 2**12
"""Number of cells of a style that are looked through, at most: those of a picture of 256 x 256 pixels."""

SAMPLE_COUNT = 1024
"""Number of positions of the picture that a sample has, drawn at each step."""

STYLE_COUNT = 5000
"""Number of positions of a style that samples are compared with, the same for all steps of a scale."""

SPLIT_COUNT = 64 * 64
"""Number of positions of a layer, of both pictures, at most, where each layer is compared by itself."""


def shape_of_cells(height: int, width: int, pool_padding: PoolPadding) -> tuple[int, int]:
    """Return the rows and columns of the cells of a picture, which are the positions of a layer behind two pools.

    Args:
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
        pool_padding: That of the network.

    Example:
        >>> shape_of_cells(50, 64, "valid")
        (12, 16)
    """
    return (-(-height // CELL), -(-width // CELL)) if pool_padding == "same" else (height // CELL, width // CELL)
