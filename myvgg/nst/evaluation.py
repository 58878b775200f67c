"""Loss and gradient of a picture: all at once, or tile by tile where the memory does not suffice.

Tiles take two passes. The first pass sums. Then the gradient with respect to the sums is formed once, and the second
pass carries it down to the pixels of each tile. The gradient of a tile's surroundings is added to that of its
neighbours.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from jaxtyping import Float

from myvgg import kernels
from myvgg.nst import tiles
from myvgg.nst.cells import CELL
from myvgg.nst.criterion import Criterion, added, counts_of
from myvgg.nst.matching import Match
from myvgg.nst.places import Drawn, within
from myvgg.nst.stages import Counts, Kept, Losses, Piece, Styles, Sums, Targets
from myvgg.nst.tiles import Tile
from myvgg.runtime.process import arrive

AnyPixels = Float[np.ndarray, "1 height width 3"]
"""A picture from 0 to 1, float32 in runs and float64 in comparisons."""

Evaluate = Callable[[AnyPixels, int], tuple[Losses, Any]]
"""From a picture and the number of steps before to its losses and the gradient of their total.

The number says which positions are drawn. The caller may write over an array."""


class Evaluator:
    """The graphs of a criterion; each is traced once, with the first picture, and serves all its scales and tiles."""

    def __init__(self, criterion: Criterion) -> None:
        """Prepare the graphs of a criterion."""
        self._criterion = criterion
        self._whole = _traced_once(self._evaluate)
        self._sums, self._losses, self._gradient = map(
            _traced_once, [self._sums_of, criterion.losses, self._gradient_of]
        )

    def bind(
        self, targets: Targets, cut: Sequence[Tile], *, height: int, width: int, kept: Kept | tuple[()] = ()
    ) -> Evaluate:
        """Return a function that evaluates pictures of one size.

        Args:
            targets: Of that size.
            cut: The tiles of a picture from `tiles.cut`; a single one is the whole picture.
            height: Of the pictures, in pixels.
            width: Of the pictures, in pixels.
            kept: The part of the content that stays as it is.
        """
        architecture = self._criterion.encoder.params.architecture
        counts = counts_of(architecture, targets.layers, height, width, self._criterion.settings)
        counts = tf.nest.map_structure(functools.partial(tf.constant, dtype=tf.int64), counts)
        styles, sampling = targets.styles, targets.sampling

        def drawn(step: int) -> tuple[Drawn, Styles]:
            places = sampling.draw(step, (height, width)) if sampling else Drawn()
            return places, styles._replace(sampled=sampling.at(places)) if sampling else styles

        if len(cut) == 1:
            kept, content, guides, matches = tf.nest.map_structure(
                tf.constant, (kept, targets.content, targets.guides, targets.matches)
            )

            def evaluate_whole(pixels: AnyPixels, step: int) -> Any:
                places, wanted = drawn(step)
                places = tf.nest.map_structure(tf.constant, places)
                piece = Piece(tf.constant(pixels), kept, content, guides, matches, places, (), counts)
                return self._whole(piece, wanted)

            return evaluate_whole
        strides = {name: each.stride for name, each in architecture.activations.items()}

        def pieces(pixels: AnyPixels, places: Drawn) -> Iterator[tuple[Tile, Piece]]:
            for tile in cut:
                arrive()
                yield tile, _piece_of(tile, pixels, kept, targets, places, counts, strides)

        def evaluate(pixels: AnyPixels, step: int) -> tuple[Losses, np.ndarray]:
            places, wanted = drawn(step)
            sums = added(self._sums(piece) for _, piece in pieces(pixels, places))
            losses, by_sums = self._losses(sums, wanted, counts)
            gradient = np.zeros_like(pixels)
            for tile, piece in pieces(pixels, places):
                gradient[:, *tiles.window(tile.outer)] += self._gradient(piece, by_sums, losses.total)
            return losses, gradient

        return evaluate

    def _evaluate(self, piece: Piece, styles: Styles) -> tuple[Losses, tf.Tensor]:
        seen = self._criterion.see(piece)
        losses, by_sums = self._criterion.losses(self._criterion.sums(piece, seen), styles, piece.counts)
        return losses, self._criterion.gradient(piece, seen, by_sums, losses.total)

    def _sums_of(self, piece: Piece) -> Sums:
        return self._criterion.sums(piece, self._criterion.see(piece))

    def _gradient_of(self, piece: Piece, by_sums: Sums, total: tf.Tensor) -> tf.Tensor:
        return self._criterion.gradient(piece, self._criterion.see(piece), by_sums, total)


def _piece_of(
    tile: Tile,
    pixels: AnyPixels,
    kept: Kept | tuple[()],
    targets: Targets,
    places: Drawn,
    counts: Counts,
    strides: Mapping[str, int],
) -> Piece:
    """Cut a tile out of a picture and all that belongs to it."""
    outer = tiles.window(tile.outer)
    inner = {name: tiles.window(tile.box, stride) for name, stride in strides.items()}
    return Piece(
        tf.constant(pixels[:, *outer]),
        Kept(*(tf.constant(each[:, *outer]) for each in kept)) if kept else (),
        {layer: tf.constant(maps[:, *inner[layer]]) for layer, maps in targets.content.items()},
        tuple({layer: guide[inner[layer]] for layer, guide in each.items()} for each in targets.guides),
        tuple(_within(match, tile) for match in targets.matches),
        tf.nest.map_structure(tf.constant, within(places, tile.box)),
        tuple(map(tf.constant, tile.inside)),
        counts,
    )


def _within(match: Match, tile: Tile) -> Match:
    """Return the matches of a tile's cells."""
    cells = tiles.window(tile.box, CELL)
    return Match(tf.constant(match.weights[cells]), tf.constant(match.nearest[cells]), match.tables)


def _traced_once(function: Any) -> Callable[..., Any]:
    """Compile a function of a piece, and of others that keep their shape, for pieces of all sizes.

    A region that only some scales have makes records of another number of tensors, which have a graph of their own.
    """
    graphs: dict[int, Any] = {}

    def call(*records: Any) -> Any:
        tensors = len(tf.nest.flatten(records))
        if tensors not in graphs:
            graphs[tensors] = kernels.uninterrupted_graph(function, input_signature=[*map(_spec_of, records)])
        return graphs[tensors](*records)

    return call


def _spec_of(record: Any) -> Any:
    """Leave open what differs from scale to scale, and from tile to tile."""
    if isinstance(record, Piece):
        return tf.nest.map_structure(_of_any_size, record)
    specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, record)
    if isinstance(record, Sums):
        return specs._replace(samples=tf.nest.map_structure(_of_any_length, record.samples))
    if isinstance(record, Styles):
        return specs._replace(sampled=tf.nest.map_structure(_of_any_length, record.sampled))
    return specs


def _of_any_size(tensor: tf.Tensor) -> tf.TensorSpec:
    """Leave open the height and width of maps, (1, height, width, channels), and of guides, and the number of places.

    Guides are (height, width).
    """
    return _opened(tensor, {4: (1, 2), 2: (0, 1), 1: (0,)})


def _of_any_length(tensor: tf.Tensor) -> tf.TensorSpec:
    """Leave open the number of columns, (places, channels)."""
    return _opened(tensor, {2: (0,)})


def _opened(tensor: tf.Tensor, axes: dict[int, tuple[int, ...]]) -> tf.TensorSpec:
    """Return the specification of a tensor, with open axes by its rank."""
    opened = axes.get(len(tensor.shape), ())
    return tf.TensorSpec([None if axis in opened else size for axis, size in enumerate(tensor.shape)], tensor.dtype)
