"""The losses of a picture against its targets, in stages that the tiles of a picture share.

Losses are functions of sums over positions. `Criterion.see` runs the network over a picture or a tile, `sums` sums over
its positions, `losses` makes losses of the sums of the whole picture and takes their gradient with respect to the sums,
and `gradient` carries that gradient down to the pixels. The sums of tiles add up to those of their picture, so both
ways are exact.

The stages hold no number of a scale: pictures, targets and counts come in as tensors. So one graph of a stage serves
all scales.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from myvgg.architecture import Architecture
from myvgg.nst import matching, samples, tiles
from myvgg.nst.encoder import Encoder, Image
from myvgg.nst.losses import (
    Count,
    Moments,
    Scalar,
    content_gradient,
    content_loss,
    gram_loss,
    mean_loss,
    moments,
    moments_gradient,
    total_variation,
    wasserstein_loss,
)
from myvgg.nst.samples import COLORS
from myvgg.nst.settings import Settings
from myvgg.nst.stages import Counts, Guides, Losses, Piece, Seen, Styles, Sums

SMALLEST = 1e-20
"""Smallest loss by which a gradient is scaled."""


class Criterion:
    """The losses of pictures, in stages. A stage may be run as it is or inside a graph."""

    def __init__(self, encoder: Encoder, settings: Settings) -> None:
        """Bind the losses to an encoder."""
        self.encoder, self.settings = encoder, settings
        activations = encoder.params.architecture.activations
        self._strides = {layer: activations[layer].stride for layer in settings.sampled_layers}

    def see(self, piece: Piece) -> Seen:
        """Run the network over a piece."""
        image = 255 * piece.pixels
        if piece.kept:
            image = image + piece.kept.mask * (piece.kept.content - image)
        inside, (pixels, layers) = piece.inside or None, piece.counts
        roughness = total_variation(image / 255, norm=self.settings.tv, inside=inside, positions=pixels)
        features = features_of(self.encoder, image, layers, inside)
        colors = (image if inside is None else image[:, *tiles.window(inside)]) / 255
        sampled = self.settings.sampled_layers if any(piece.places) else {}
        maps = {COLORS: colors, **{layer: features[layer] for layer in sampled}}
        return Seen(features, roughness, samples.samples_of(maps, piece.places, self._strides))

    def sums(self, piece: Piece, seen: Seen) -> Sums:
        """Sum over the positions of a piece."""
        shares, positions = self.settings.compared_layers, piece.counts.positions
        content = [
            shares[layer] * content_loss(seen.features[layer], target, positions=positions[layer])
            for layer, target in piece.content.items()
        ]
        style = self.settings.moment_layers if piece.guides else {}
        found = statistics(seen.features, style, piece.guides, positions)
        matched = self._matching(piece, seen)
        return Sums(_sum(content, seen.roughness.dtype), found, matched, seen.roughness, seen.samples)

    def losses(self, sums: Sums, styles: Styles, counts: Counts) -> tuple[Losses, Sums]:
        """Return the losses of a whole picture, and the gradient of their total with respect to the sums."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sums)
            losses = weigh(sums, styles, self.settings, values=3 * counts.pixels)
        return losses, tape.gradient(losses.total, sums, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def gradient(self, piece: Piece, seen: Seen, by_sums: Sums, total: Scalar) -> tf.Tensor:
        """Carry the gradient with respect to the sums down to the pixels of a piece, inside a graph.

        This is the derivative of `sums`, written by hand: every term of `sums` needs its part here. Differentiation by
        TensorFlow would take 1.5 times the time and memory.

        Args:
            piece: The piece.
            seen: From `see`.
            by_sums: From `losses`.
            total: The total loss of the whole picture.
        """
        scale = self._scale_of(total, piece.counts)
        shares, positions = self.settings.compared_layers, piece.counts.positions
        by_sums = tf.nest.map_structure(lambda each: scale * each, by_sums)
        slopes: dict[str, list[tf.Tensor]] = {layer: [] for layer in seen.features}
        for layer, target in piece.content.items():
            share = shares[layer] * by_sums.content
            slopes[layer].append(content_gradient(seen.features[layer], target, share, positions=positions[layer]))
        for guides, by_moments in zip(piece.guides, by_sums.moments, strict=True):
            for layer, each in by_moments.items():
                where = guides.get(layer)
                slopes[layer].append(moments_gradient(seen.features[layer], each, where, positions=positions[layer]))
        if piece.matches:
            matched = [seen.features[layer] for layer in self.settings.matched_layers]
            loss = by_sums.matching * self._matching(piece, seen)
            found = tf.gradients(loss, matched, stop_gradients=matched)  # maps are made of one another
            for layer, slope in zip(self.settings.matched_layers, found, strict=True):
                slopes[layer].append(slope)
        carried = Seen({layer: tf.add_n(each) for layer, each in slopes.items() if each}, *by_sums[-2:])
        seen = seen._replace(features={layer: seen.features[layer] for layer in carried.features})
        (gradient,) = tf.gradients(tf.nest.flatten(seen), [piece.pixels], tf.nest.flatten(carried))
        return gradient / scale

    def _matching(self, piece: Piece, seen: Seen) -> Scalar:
        """Compare the cells of a piece with their matches."""
        dtype, padding = seen.roughness.dtype, self.settings.pool_padding
        if not piece.matches:
            return tf.zeros([], dtype)
        shares, architecture = self.settings.matched_layers, self.encoder.params.architecture
        rows, columns = tf.unstack(tf.shape(piece.matches[0].nearest))
        parts = matching.column_parts(seen.features, shares, architecture, rows, columns, padding)
        return tf.add_n([matching.matching_loss(parts, match) for match in piece.matches])

    def _scale_of(self, total: Scalar, counts: Counts) -> Any:
        """Return the factor that brings a gradient into the range of half precision: gradients of means are small."""
        if self.encoder.precision != "float16":
            return 1.0
        larger = tf.pow(2.0, tf.round(tf.math.log(tf.maximum(total, SMALLEST)) / math.log(2.0)))
        return 3 * tf.cast(counts.pixels, larger.dtype) / larger


def features_of(encoder: Encoder, image: Image, layers: Iterable[str], inside: Any = None) -> dict[str, tf.Tensor]:
    """Compute features of a picture, or of the box of pixels that counts in a tile."""
    features = encoder(image, layers)
    if inside is None:
        return features
    activations = encoder.params.architecture.activations
    windows = {layer: tiles.window(inside, activations[layer].stride) for layer in features}
    return {layer: maps[:, *windows[layer]] for layer, maps in features.items()}


def statistics(
    features: Mapping[str, tf.Tensor], layers: Iterable[str], regions: Sequence[Guides], positions: Mapping[str, Count]
) -> tuple[dict[str, Moments], ...]:
    """Compute the moments of layers in each region, or a tile's part of them.

    Args:
        features: Maps by layer.
        layers: Layers whose moments are computed.
        regions: The guides of each region.
        positions: Number of positions of each layer in the whole picture; empty for a picture that is not in tiles.
    """
    return tuple(
        {layer: moments(features[layer], guides.get(layer), positions=positions.get(layer)) for layer in layers}
        for guides in regions
    )


def weigh(sums: Sums, styles: Styles, settings: Settings, *, values: Any) -> Losses:
    """Make losses of the sums of a whole picture.

    Args:
        sums: Of the whole picture.
        styles: What they are compared with.
        settings: The weights, but for the content's, which is in `styles`.
        values: Number of values of the picture, three a pixel.

    Reference:
        Gatys, Ecker and Bethge (2016), equations 5 and 7; with regions, Gatys et al. (2017), "Controlling Perceptual
        Factors in Neural Style Transfer", equation 4.
    """
    shares, dtype = settings.moment_layers, sums.roughness.dtype
    style = [
        tf.cast(share, dtype) * shares[layer] * LOSSES[settings.statistic](found[layer], target)
        for share, found, wanted in zip(styles.shares, sums.moments, styles.statistics, strict=True)
        for layer, target in wanted.items()
    ]
    content_weight = tf.cast(styles.content_weight, dtype)
    content = [sums.content, *samples.content_loss(sums.samples.joint, styles.sampled, settings.sampled_layers)]
    matched = [settings.match_weight * sums.matching, *_sampled_style(sums, styles, settings)]
    terms = {
        "content": tf.add_n(content),
        "style": _sum(style, dtype) / tf.cast(styles.unit, dtype) + tf.add_n(matched),
        # Differs from equation 7: the total variation is added.
        "tv": sums.roughness * tf.cast(values, dtype) if settings.tv_sum else sums.roughness,
    }
    weights = {
        "content": content_weight,
        "style": settings.style_weight * settings.style_strength,
        "tv": settings.tv_weight,
    }
    return Losses(**terms, total=tf.add_n([weights[name] * term for name, term in terms.items()]))


def _sampled_style(sums: Sums, styles: Styles, settings: Settings) -> list[Scalar]:
    """Compare the samples with those of the styles; the palette counts less where the content counts more."""
    weight = settings.style_weight * settings.style_strength
    ratio = tf.cast(styles.content_weight, sums.roughness.dtype) / weight if weight else 1.0
    found, wanted = sums.samples, styles.sampled
    joint = samples.style_loss(found.joint, wanted, settings.sampled_layers, 1 / tf.maximum(ratio, 1.0))
    return [*joint, *samples.split_loss(found.split, wanted)]


def counts_of(architecture: Architecture, layers: Iterable[str], height: int, width: int, settings: Settings) -> Counts:
    """Count the pixels of a picture, and the positions of its layers."""
    shapes = {layer: architecture.shape(layer, height, width, pool_padding=settings.pool_padding) for layer in layers}
    return Counts(height * width, {layer: shape[0] * shape[1] for layer, shape in shapes.items()})


def added(parts: Iterable[Any]) -> Any:
    """Add the sums of tiles as they come; none is kept."""
    return functools.reduce(functools.partial(tf.nest.map_structure, tf.add), parts)


def _gram_and_mean(found: Moments, target: Moments) -> Scalar:
    return gram_loss(found.second, target.second) + mean_loss(found.mean, target.mean)


LOSSES: dict[str, Callable[[Moments, Any], Scalar]] = {
    "wasserstein": wasserstein_loss,
    "gram": lambda found, target: gram_loss(found.second, target.second),
    "gram+mean": _gram_and_mean,
}
"""The losses of statistics that `style_loss` names."""


def _sum(terms: list[Scalar], dtype: tf.DType) -> Scalar:
    return tf.add_n(terms) if terms else tf.zeros([], dtype)
