"""The losses of a picture and their gradient: all at once, or tile by tile where memory does not suffice.

Every loss is a function of sums over positions, so its gradient can be had in two passes over tiles, exactly: the first
sums, then the gradient by the sums is formed once, and the second takes each tile's part of it down to the pixels. What
a tile says about its surroundings is added there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from jaxtyping import Float

from myvgg.nst import tiles
from myvgg.nst.losses import Scalar
from myvgg.nst.network import Network
from myvgg.nst.objective import Guides, Place, Sums, Targets, added, losses, measure, positions_of, weigh
from myvgg.nst.settings import Settings
from myvgg.nst.tiles import Tile

Pixels = Float[tf.Tensor, "1 height width 3"]
"""A picture from 0 to 1."""

Evaluate = Callable[[Pixels], tuple[dict[str, Scalar], Pixels]]
"""From a picture to its losses and the gradient of their total."""


class Kept(NamedTuple):
    """What stays as it is.

    Attributes:
        mask: (1, height, width, 1), 0 to 1.
        content: The picture that shows there, (1, height, width, 3), 0 to 255.
    """

    mask: tf.Tensor
    content: tf.Tensor


class Piece(NamedTuple):
    """What a tile is computed from.

    Attributes:
        pixels: With their surroundings.
        kept: Of the same pixels, where something is.
        content: Features of the content picture, inside.
        guides: Of each region, inside.
        inside: The box of pixels that count.
    """

    pixels: tf.Tensor
    kept: Kept | tuple[()]
    content: dict[str, tf.Tensor]
    guides: tuple[Guides, ...]
    inside: tf.Tensor


def evaluation(
    network: Network,
    targets: Targets,
    settings: Settings,
    *,
    height: int,
    width: int,
    kept: Kept | tuple[()] = (),
    tile: int | None = None,
) -> Evaluate:
    """Return what evaluates pictures of one size; nothing is computed yet.

    Args:
        network: With the settings' options.
        targets: What the pictures are compared with.
        settings: Layers, losses and weights.
        height: Of the pictures, in pixels.
        width: Of the pictures, in pixels.
        kept: What stays as it is.
        tile: Side in pixels of the tiles, if the picture is larger; see `tiles.cut`.
    """
    layers = [*targets.content, *(layer for region in targets.regions for layer in region.style)]
    cut = tiles.cut(height, width, tile, network.params.architecture, layers)
    if len(cut) == 1:
        return _whole(network, targets, settings, kept)
    positions = positions_of(network.params.architecture, layers, height, width, settings)
    place = Place(None, positions, height * width)
    return _tiled(network, targets, settings, kept, cut, place)


def _whole(network: Network, targets: Targets, settings: Settings, kept: Kept | tuple[()]) -> Evaluate:
    def evaluate(pixels: tf.Tensor) -> tuple[dict[str, Scalar], tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(pixels)
            terms = losses(network, _shown(pixels, kept), targets, settings)
        return terms, tape.gradient(terms["total"], pixels)

    return tf.function(evaluate, autograph=False)  # type: ignore[no-any-return]


def _tiled(
    network: Network, targets: Targets, settings: Settings, kept: Kept | tuple[()], cut: Sequence[Tile], place: Place
) -> Evaluate:
    strides = {name: each.stride for name, each in network.params.architecture.activations.items()}

    def sums_of(piece: Piece) -> Sums:
        regions = [region._replace(guides=guides) for region, guides in zip(targets.regions, piece.guides, strict=True)]
        here = targets._replace(content=piece.content, regions=tuple(regions))
        return measure(network, _shown(piece.pixels, piece.kept), here, settings, place._replace(inside=piece.inside))

    def pull_of(sums: Sums) -> tuple[dict[str, Scalar], Sums]:
        """Return the losses, and the gradient of their total by the sums."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sums)
            terms = weigh(sums, targets, settings, values=3 * place.pixels)
        return terms, tape.gradient(terms["total"], sums, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def gradient_of(piece: Piece, pull: Sums) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(piece.pixels)
            pairs = zip(tf.nest.flatten(pull), tf.nest.flatten(sums_of(piece)), strict=True)
            pulled = tf.add_n([tf.reduce_sum(one * other) for one, other in pairs])
        return tape.gradient(pulled, piece.pixels)

    def piece_of(pixels: tf.Tensor, tile: Tile) -> Piece:
        outer = tiles.window(tile.outer)
        inner = {name: tiles.window(tile.box, stride) for name, stride in strides.items()}
        return Piece(
            pixels[:, *outer],
            Kept(*(each[:, *outer] for each in kept)) if kept else (),
            {layer: maps[:, *inner[layer]] for layer, maps in targets.content.items()},
            tuple({layer: g[inner[layer]] for layer, g in region.guides.items()} for region in targets.regions),
            tf.constant(tile.inside),
        )

    sum_up, pull_at, descend = _traced_once(sums_of), tf.function(pull_of, autograph=False), _traced_once(gradient_of)

    def evaluate(pixels: tf.Tensor) -> tuple[dict[str, Scalar], tf.Tensor]:
        terms, pull = pull_at(added([sum_up(piece_of(pixels, tile)) for tile in cut]))
        gradient = np.zeros(pixels.shape, pixels.dtype.as_numpy_dtype)
        for tile in cut:
            gradient[:, *tiles.window(tile.outer)] += descend(piece_of(pixels, tile), pull)
        return terms, tf.constant(gradient)

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
            compiled.append(tf.function(function, autograph=False, input_signature=specs))
        return compiled[0](piece, *others)

    return call


def _of_any_size(tensor: tf.Tensor) -> tf.TensorSpec:
    """Leave open the height and width of maps, (1, height, width, channels), and of guides, (height, width)."""
    shape = list(tensor.shape)
    open_axes = {4: (1, 2), 2: (0, 1)}.get(len(shape), ())
    return tf.TensorSpec([None if axis in open_axes else size for axis, size in enumerate(shape)], tensor.dtype)


def _shown(pixels: tf.Tensor, kept: Kept | tuple[()]) -> tf.Tensor:
    """Return the picture from 0 to 255 that pixels stand for."""
    image = 255 * pixels
    return image + kept.mask * (kept.content - image) if kept else image
