"""Matching by meaning: each place of a picture is compared with the one place of the style that is most like it.

Places are cells of 4 x 4 pixels. The features of several layers at a cell make its column, also called a hypercolumn.
The matches of a scale are found once, before its first step. So the loss is a sum over cells, and tiles are exact.

Reference:
    Kolkin, Kucera, Paris, Sykora, Shechtman and Shakhnarovich (2022), "Neural Neighbor Style Transfer", section 3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from jaxtyping import Float, Float32, Int, Int32

from myvgg.architecture import Architecture, PoolPadding
from myvgg.nst.cells import CELL, MAX_CANDIDATES
from myvgg.nst.guides import members
from myvgg.nst.losses import Scalar, full
from myvgg.nst.transport import TINY, directions
from myvgg.runtime.process import arrive

CELLS_AT_ONCE = 2**11
"""Number of cells that look for their matches at once."""

Maps = Mapping[str, Any]
"""Features of a picture by layer, (1, height, width, channels)."""


class Match(NamedTuple):
    """The matches of a picture's cells in one style.

    Attributes:
        weights: Of the cells; those of all styles together have a sum of one, or less where masks leave places free.
        nearest: For each cell, the row of the tables that it is like.
        tables: Columns of the style by layer, (places, channels); the columns of all layers together have length one.
    """

    weights: Float32[Any, "rows columns"]
    nearest: Int32[Any, "rows columns"]
    tables: dict[str, tf.Tensor]


def column_part(
    maps: Float[tf.Tensor, "1 _ _ channels"], stride: int, height: Any, width: Any, pool_padding: PoolPadding
) -> Float[tf.Tensor, "1 height width channels"]:
    """Bring the maps of a layer to cells: means of finer positions, repeats of coarser ones.

    Args:
        maps: Of one layer.
        stride: Of the layer, in pixels.
        height: In cells.
        width: In cells.
        pool_padding: That of the network.
    """
    # Differs from Kolkin et al. (2022), who resize bilinearly, which takes a part of the finer positions only.
    maps = full(maps)
    while stride < CELL:  # in halves, as the network's pools come to their odd ends
        maps, stride = tf.nn.avg_pool2d(maps, 2, 2, pool_padding.upper()), 2 * stride
    for axis, size in ((1, height), (2, width)):
        # The last cells of an odd size have no coarse position of their own.
        source = tf.minimum(tf.range(size) // (stride // CELL), tf.shape(maps)[axis] - 1)
        maps = maps if stride == CELL else tf.gather(maps, source, axis=axis)
    return maps


def column_parts(
    maps: Maps,
    shares: Mapping[str, float],
    architecture: Architecture,
    height: Any,
    width: Any,
    pool_padding: PoolPadding,
) -> dict[str, tf.Tensor]:
    """Bring the maps of layers to cells, each times its factor: the parts of the cells' columns.

    Args:
        maps: Of these layers at least.
        shares: Of the layers.
        architecture: The network.
        height: In cells.
        width: In cells.
        pool_padding: That of the network.
    """
    layers = [architecture.activations[layer] for layer in shares]
    factors = factors_of(shares, {layer.name: layer.channels for layer in layers})
    return {
        layer.name: factors[layer.name] * column_part(maps[layer.name], layer.stride, height, width, pool_padding)
        for layer in layers
    }


def matching_loss(parts: Maps, match: Match) -> Scalar:
    """Compare cells with their matches: the weighted sum of 1 - cos of their columns.

    Args:
        parts: Of the columns by layer, from `column_parts`.
        match: Of the same cells.

    Reference:
        Kolkin et al. (2022), equation 1.
    """
    products, squares = [], []
    for layer, table in match.tables.items():
        part = parts[layer][0]
        products.append(tf.reduce_sum(part * tf.gather(tf.cast(table, part.dtype), match.nearest), -1))
        squares.append(tf.reduce_sum(tf.square(part), -1))
    cosines = tf.add_n(products) * tf.math.rsqrt(tf.add_n(squares) + TINY)
    return tf.reduce_sum(tf.cast(match.weights, cosines.dtype) * (1 - cosines))


def factors_of(shares: Mapping[str, float], channels: Mapping[str, int]) -> dict[str, float]:
    """Return a factor for each layer. On natural pictures, its part of a column has its share of the squared length.

    Args:
        shares: Of the layers.
        channels: Of the layers.
    """
    return {layer: math.sqrt(share / channels[layer]) for layer, share in shares.items()}


def columns_of(parts: Maps) -> Float32[np.ndarray, "places channels"]:
    """Return the columns of all cells as rows.

    Args:
        parts: Of the columns by layer, from `column_parts`.
    """
    rows = [np.reshape(part, (-1, part.shape[-1])) for part in parts.values()]
    return np.concatenate(rows, -1, dtype=np.float32, casting="same_kind")


def candidates(mask: Float32[np.ndarray, "rows columns"]) -> Int[np.ndarray, " candidates"]:
    """Choose the cells of a style that are looked through: those inside of a mask, and not too many of them.

    Args:
        mask: Part of each cell that counts.

    Returns:
        The numbers of the cells, row by row, in rising order.
    """
    inside = np.flatnonzero(members(mask))
    if len(inside) > MAX_CANDIDATES:
        inside = inside[np.sort(np.random.default_rng(0).permutation(len(inside))[:MAX_CANDIDATES])]
    return inside


def nearest(columns: np.ndarray, style: np.ndarray, mean: np.ndarray) -> Int32[np.ndarray, " places"]:
    """Find for each column the one of the style whose direction from the mean is most alike.

    Args:
        columns: Some of a picture's, (places, channels).
        style: (candidates, channels).
        mean: Of all columns of the picture, (channels,).

    Reference:
        Kolkin et al. (2022), section 3.2: the cosine distance of features from which their mean was subtracted.
    """
    wanted = directions(tf.constant(style - style.mean(0)))
    mean, found = mean.astype(np.float32), []
    for start in range(0, len(columns), CELLS_AT_ONCE):
        arrive()
        given = directions(tf.constant(columns[start : start + CELLS_AT_ONCE] - mean))
        found.append(tf.argmax(tf.matmul(given, wanted, transpose_b=True), 1, tf.int32).numpy())
    return np.concatenate(found)


def tables_of(columns: np.ndarray, channels: Mapping[str, int]) -> dict[str, tf.Tensor]:
    """Bring the columns of a style to length one, and split them into a table for each layer.

    Args:
        columns: (candidates, channels of all layers).
        channels: Of the layers, in the order of the columns.
    """
    parts = tf.split(directions(tf.constant(columns)), list(channels.values()), axis=1)
    return dict(zip(channels, parts, strict=True))
