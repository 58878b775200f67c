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
from myvgg.nst.objective import Guides, Look, Place, Sums, Targets, added, descend, look, measure, positions_of, weigh
from myvgg.nst.settings import Settings
from myvgg.nst.tiles import Tile

Pixels = Float[np.ndarray, "1 height width 3"]
"""A picture from 0 to 1."""

Evaluate = Callable[[Pixels], tuple[dict[str, Scalar], Any]]
"""From a picture to its losses and the gradient of their total; as an array, that is the caller's to write over."""


class Kept(NamedTuple):
    """What stays as it is.

    Attributes:
        mask: (1, height, width, 1), 0 to 1.
        content: The picture that shows there, (1, height, width, 3), 0 to 255.
    """

    mask: Any
    content: Any


class Piece(NamedTuple):
    """What a picture, or one of its tiles, is computed from.

    Attributes:
        pixels: With their surroundings.
        kept: Of the same pixels, where something is.
        content: Features of the content picture, inside.
        guides: Of each region, inside.
        inside: The box of pixels that count; None for a whole picture.
    """

    pixels: tf.Tensor
    kept: Kept | tuple[()]
    content: dict[str, tf.Tensor]
    guides: tuple[Guides, ...]
    inside: tf.Tensor | None


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
    architecture = network.params.architecture
    cut = tiles.cut(height, width, tile, architecture, targets.layers)
    place = Place(None, positions_of(architecture, targets.layers, height, width, settings), height * width)
    losses = _Losses(network, targets, settings, place)
    guides = tuple(region.guides for region in targets.regions)
    if len(cut) == 1:
        shown, content = tf.nest.map_structure(tf.constant, (kept, targets.content))
        return _whole(losses, lambda pixels: Piece(pixels, shown, content, guides, None))
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

    return _tiled(losses, cut, piece_of)


class _Losses:
    """The losses of a picture or of its tiles, and the way back down from them to the pixels."""

    def __init__(self, network: Network, targets: Targets, settings: Settings, place: Place) -> None:
        self._network, self._targets, self._settings, self._place = network, targets, settings, place
        # Gradients of means are too small for half precision.
        self._scale = 3.0 * place.pixels if network.precision == "float16" else 1.0

    def look(self, piece: Piece) -> Look:
        place = self._place._replace(inside=piece.inside)
        image = _shown(piece.pixels, piece.kept)
        return look(self._network, image, self._targets.layers, self._settings, place)

    def sums(self, piece: Piece, seen: Look) -> Sums:
        return measure(seen, self._targets_of(piece), self._settings, self._place)

    def pull(self, sums: Sums) -> tuple[dict[str, Scalar], Sums]:
        """Return the losses, and the gradient of their total by the sums."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sums)
            terms = weigh(sums, self._targets, self._settings, values=3 * self._place.pixels)
        return terms, tape.gradient(terms["total"], sums, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def gradient(self, piece: Piece, seen: Look, pull: Sums) -> tf.Tensor:
        """Carry the gradient by the sums down to the pixels, inside a graph."""
        pull = tf.nest.map_structure(lambda each: self._scale * each, pull)
        slopes = descend(seen, pull, self._targets_of(piece), self._settings, self._place)
        (gradient,) = tf.gradients(tf.nest.flatten(seen), [piece.pixels], tf.nest.flatten(slopes))
        return gradient / self._scale

    def _targets_of(self, piece: Piece) -> Targets:
        pairs = zip(self._targets.regions, piece.guides, strict=True)
        regions = tuple(region._replace(guides=guides) for region, guides in pairs)
        return self._targets._replace(content=piece.content, regions=regions)


def _whole(losses: _Losses, piece_of: Callable[[tf.Tensor], Piece]) -> Evaluate:
    def evaluate(pixels: tf.Tensor) -> tuple[dict[str, Scalar], tf.Tensor]:
        piece = piece_of(pixels)
        seen = losses.look(piece)
        terms, pull = losses.pull(losses.sums(piece, seen))
        return terms, losses.gradient(piece, seen, pull)

    return tf.function(evaluate, autograph=False)  # type: ignore[no-any-return]


def _tiled(losses: _Losses, cut: Sequence[Tile], piece_of: Callable[[Pixels, Tile], Piece]) -> Evaluate:
    def sums(piece: Piece) -> Sums:
        return losses.sums(piece, losses.look(piece))

    def gradient(piece: Piece, pull: Sums) -> tf.Tensor:
        return losses.gradient(piece, losses.look(piece), pull)

    up, turn, down = _traced_once(sums), tf.function(losses.pull, autograph=False), _traced_once(gradient)

    def evaluate(pixels: Pixels) -> tuple[dict[str, Scalar], np.ndarray]:
        terms, pull = turn(added(up(piece_of(pixels, tile)) for tile in cut))
        gradient = np.zeros_like(pixels)
        for tile in cut:
            gradient[:, *tiles.window(tile.outer)] += down(piece_of(pixels, tile), pull)
        return terms, gradient

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
