"""What a picture is optimised for: the losses of a picture against targets.

Losses are made of sums over positions, so they are computed in stages: `look` runs the network over a picture, or over
each of its tiles, `measure` sums over positions, and `weigh` makes losses of the sums. `descend` goes back down from
the sums to what was seen.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from myvgg.architecture import Architecture
from myvgg.nst import tiles
from myvgg.nst.losses import (
    Gaussian,
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
from myvgg.nst.network import Image, Network
from myvgg.nst.settings import Settings

Guides = dict[str, tf.Tensor]
"""Weights of the positions of layers, each summing to one; empty where the whole picture counts."""


class Region(NamedTuple):
    """A part of the picture and the style it shall have.

    Attributes:
        share: Its part of the area.
        guides: Where it is.
        style: What each layer's statistics are compared with.
    """

    share: float
    guides: Guides
    style: dict[str, Moments | Gaussian]


class Targets(NamedTuple):
    """What a picture is compared with.

    Attributes:
        content: Features of the content picture by layer.
        regions: The styles and where they belong.
        unit: Style loss of the content picture, in which style losses are measured.
    """

    content: dict[str, tf.Tensor]
    regions: tuple[Region, ...]
    unit: float = 1.0

    @property
    def layers(self) -> list[str]:
        """All layers that are compared."""
        return list(dict.fromkeys([*self.content, *(layer for region in self.regions for layer in region.style)]))


class Sums(NamedTuple):
    """What losses are made of; those of tiles add up to those of their picture.

    Attributes:
        content: The content loss, a weighted mean over layers.
        moments: Of each region and layer.
        roughness: The total variation.
    """

    content: Scalar
    moments: tuple[dict[str, Moments], ...]
    roughness: Scalar


class Look(NamedTuple):
    """What losses see of a picture: all that a gradient goes back through.

    Attributes:
        features: Maps by layer, in the network's precision.
        roughness: The total variation.
    """

    features: dict[str, tf.Tensor]
    roughness: Scalar


class Place(NamedTuple):
    """Where a tile is in its picture.

    Attributes:
        inside: The box of pixels that count, in the tile; None where all do.
        positions: How many each layer has in the whole picture.
        pixels: How many the whole picture has.
    """

    inside: Any
    positions: Mapping[str, int]
    pixels: int


def look(network: Network, image: Image, layers: Iterable[str], settings: Settings, place: Place | None = None) -> Look:
    """See a picture, or what counts of a tile.

    Args:
        network: With the settings' options.
        image: The picture, or a tile with its surroundings.
        layers: Whose features to compute.
        settings: The kind of total variation.
        place: Of a tile.
    """
    inside, pixels = (place.inside, place.pixels) if place else (None, None)
    roughness = total_variation(image / 255, norm=settings.tv, inside=inside, positions=pixels)
    return Look(features_of(network, image, layers, place), roughness)


def features_of(
    network: Network, image: Image, layers: Iterable[str], place: Place | None = None
) -> dict[str, tf.Tensor]:
    """Compute features of a picture, or those that count of a tile."""
    features = network(image, layers)
    if place is None or place.inside is None:
        return features
    activations = network.params.architecture.activations
    windows = {layer: tiles.window(place.inside, activations[layer].stride) for layer in features}
    return {layer: maps[:, *windows[layer]] for layer, maps in features.items()}


def measure(seen: Look, targets: Targets, settings: Settings, place: Place | None = None) -> Sums:
    """Sum over the positions of a picture.

    Args:
        seen: The picture, or what counts of a tile.
        targets: Content and guides are those of the same pixels.
        settings: The layers and their weights.
        place: Of a tile.
    """
    shares, positions = settings.content_layers.shares, place.positions if place else {}
    content = [
        shares[layer] * content_loss(seen.features[layer], target, positions=positions.get(layer))
        for layer, target in targets.content.items()
    ]
    style = dict.fromkeys(layer for region in targets.regions for layer in region.style)
    found = statistics(seen.features, style, [region.guides for region in targets.regions], place)
    return Sums(_sum(content, seen.roughness.dtype), found, seen.roughness)


def descend(seen: Look, pull: Sums, targets: Targets, settings: Settings, place: Place | None = None) -> Look:
    """Carry the gradient of a loss by the sums, `pull`, to what was seen: the chain rule through `measure`.

    What differentiation would do takes half as long again, in memory as well.
    """
    shares, positions = settings.content_layers.shares, place.positions if place else {}
    parts: dict[str, list[tf.Tensor]] = {layer: [] for layer in seen.features}
    for layer, target in targets.content.items():
        share = shares[layer] * pull.content
        parts[layer].append(content_gradient(seen.features[layer], target, share, positions=positions.get(layer)))
    for region, pulled in zip(targets.regions, pull.moments, strict=True):
        for layer, each in pulled.items():
            where = region.guides.get(layer)
            parts[layer].append(moments_gradient(seen.features[layer], each, where, positions=positions.get(layer)))
    return Look({layer: tf.add_n(each) for layer, each in parts.items()}, pull.roughness)


def statistics(
    features: Mapping[str, tf.Tensor], layers: Iterable[str], regions: Sequence[Guides], place: Place | None = None
) -> tuple[dict[str, Moments], ...]:
    """Compute the moments of layers in each region, or a tile's part of them."""
    positions = place.positions if place else {}
    return tuple(
        {layer: moments(features[layer], guides.get(layer), positions=positions.get(layer)) for layer in layers}
        for guides in regions
    )


def weigh(sums: Sums, targets: Targets, settings: Settings, *, values: Any) -> dict[str, Scalar]:
    """Make losses of a picture's sums: `content`, `style` and `tv`, and `total`, their weighted sum.

    Args:
        sums: Of the whole picture.
        targets: The styles.
        settings: The weights.
        values: How many numbers the picture has.

    Reference:
        Gatys, Ecker and Bethge (2016), equations 5 and 7; with regions, Gatys et al. (2017), "Controlling Perceptual
        Factors in Neural Style Transfer", equation 4.
    """
    shares, compare = settings.style_layers.shares, LOSSES[settings.style_loss]
    style = [
        region.share * shares[layer] * compare(found[layer], target)
        for region, found in zip(targets.regions, sums.moments, strict=True)
        for layer, target in region.style.items()
    ]
    dtype = sums.roughness.dtype
    terms = {
        "content": sums.content,
        "style": _sum(style, dtype) / targets.unit,
        # Differs from equation 7: the total variation is added.
        "tv": sums.roughness * tf.cast(values, dtype) if settings.tv_sum else sums.roughness,
    }
    weights = {
        "content": settings.content_weight,
        "style": settings.style_weight * settings.style_strength,
        "tv": settings.tv_weight,
    }
    return {**terms, "total": tf.add_n([weights[name] * term for name, term in terms.items()])}


def positions_of(
    architecture: Architecture, layers: Iterable[str], height: int, width: int, settings: Settings
) -> dict[str, int]:
    """Count the positions of layers for a picture of a height and width in pixels."""
    shapes = {layer: architecture.shape(layer, height, width, pool_padding=settings.pool_padding) for layer in layers}
    return {layer: shape[0] * shape[1] for layer, shape in shapes.items()}


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
"""What `style_loss` names."""


def _sum(terms: list[Scalar], dtype: tf.DType) -> Scalar:
    return tf.add_n(terms) if terms else tf.zeros([], dtype)
