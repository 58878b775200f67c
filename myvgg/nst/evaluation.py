"""Loss and gradient of a picture: all at once, or tile by tile where the memory does not suffice.

Tiles take two passes. The first pass sums. Then the gradient with respect to the sums is formed once, and the second
pass carries it down to the pixels of each tile. The gradient of a tile's surroundings is added to that of its
neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from jaxtyping import Float

from myvgg import kernels
from myvgg.nst import tiles
from myvgg.nst.criterion import Criterion, Kept, Losses, Piece, Sums, added
from myvgg.nst.tiles import Tile

Pixels = Float[np.ndarray, "1 height width 3"]
"""A picture from 0 to 1."""

Evaluate = Callable[[Pixels], tuple[Losses, Any]]
"""From a picture to its losses and the gradient of their total; the caller may write over an array."""


def evaluation(criterion: Criterion, cut: Sequence[Tile], *, kept: Kept | tuple[()] = ()) -> Evaluate:
    """Return a function that evaluates pictures of one size; it is compiled with its first call.

    Args:
        criterion: The losses.
        cut: The tiles of a picture from `tiles.cut`; a single one is the whole picture.
        kept: The part of the content that stays as it is.
    """
    architecture, targets = criterion.encoder.params.architecture, criterion.targets
    guides = tuple(region.guides for region in targets.regions)
    if len(cut) == 1:
        shown, content = tf.nest.map_structure(tf.constant, (kept, targets.content))
        return _whole(criterion, lambda pixels: Piece(pixels, shown, content, guides, None))
    strides = {name: each.stride for name, each in architecture.activations.items()}

    def piece_of(pixels: Pixels, tile: Tile) -> Piece:
        outer = tiles.window(tile.outer)
        inner = {name: tiles.window(tile.box, stride) for name, stride in strides.items()}
        return Piece(
            tf.constant(pixels[:, *outer]),
            Kept(*(tf.constant(each[:, *outer]) for each in kept)) if kept else (),
            {layer: tf.constant(maps[:, *inner[layer]]) for layer, maps in targets.content.items()},
            tuple({layer: guide[inner[layer]] for layer, guide in each.items()} for each in guides),
            tf.constant(tile.inside),
        )

    return _tiled(criterion, cut, piece_of)


def _whole(criterion: Criterion, piece_of: Callable[[tf.Tensor], Piece]) -> Evaluate:
    def evaluate(pixels: tf.Tensor) -> tuple[Losses, tf.Tensor]:
        piece = piece_of(pixels)
        seen = criterion.see(piece)
        losses, by_sums = criterion.losses(criterion.sums(piece, seen))
        return losses, criterion.gradient(piece, seen, by_sums, losses.total)

    return kernels.compiled(evaluate)  # type: ignore[no-any-return]


def _tiled(criterion: Criterion, cut: Sequence[Tile], piece_of: Callable[[Pixels, Tile], Piece]) -> Evaluate:
    def sums(piece: Piece) -> Sums:
        return criterion.sums(piece, criterion.see(piece))

    def gradient(piece: Piece, by_sums: Sums, total: tf.Tensor) -> tf.Tensor:
        return criterion.gradient(piece, criterion.see(piece), by_sums, total)

    up, turn, down = _traced_once(sums), kernels.compiled(criterion.losses), _traced_once(gradient)

    def evaluate(pixels: Pixels) -> tuple[Losses, np.ndarray]:
        losses, by_sums = turn(added(up(piece_of(pixels, tile)) for tile in cut))
        gradient = np.zeros_like(pixels)
        for tile in cut:
            gradient[:, *tiles.window(tile.outer)] += down(piece_of(pixels, tile), by_sums, losses.total)
        return losses, gradient

    return evaluate


def _traced_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of a piece, and of others that keep their shape, for pieces of all sizes."""
    compiled: list[Any] = []

    def call(piece: Piece, *others: Any) -> Any:
        if not compiled:
            specs = (
                tf.nest.map_structure(_of_any_size, piece),
                *tf.nest.map_structure(tf.TensorSpec.from_tensor, others),
            )
            compiled.append(kernels.compiled(function, input_signature=specs))
        return compiled[0](piece, *others)

    return call


def _of_any_size(tensor: tf.Tensor) -> tf.TensorSpec:
    """Leave open the height and width of maps, (1, height, width, channels), and of guides, (height, width)."""
    shape = list(tensor.shape)
    open_axes = {4: (1, 2), 2: (0, 1)}.get(len(shape), ())
    return tf.TensorSpec([None if axis in open_axes else size for axis, size in enumerate(shape)], tensor.dtype)
