"""What a picture is optimised for: the losses of a picture against targets.

Losses are made of sums over positions, so they are computed in two stages: `measure` sums over a picture, or over each
of its tiles, and `weigh` makes losses of the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from myvgg.architecture import Architecture
from myvgg.nst import tiles
from myvgg.nst.losses import (
    Gaussian,
    Moments,
    Scalar,
    content_loss,
    gram_loss,
    mean_loss,
    moments,
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


class Place(NamedTuple):
    """Where a tile is in its picture.

    Attributes:
        inside: The box of pixels that count, in the tile.
        positions: How many each layer has in the whole picture.
        pixels: How many the whole picture has.
    """

    inside: Any
    positions: Mapping[str, int]
    pixels: int


def losses(network: Network, image: Image, targets: Targets, settings: Settings) -> dict[str, Scalar]:
    """Compute `content`, `style` and `tv`, each a weighted mean over layers, and `total`, their weighted sum.

    Reference:
        Gatys, Ecker and Bethge (2016), equations 5 and 7; with regions, Gatys et al. (2017), "Controlling Perceptual
        Factors in Neural Style Transfer", equation 4.
    """
    return weigh(measure(network, image, targets, settings), targets, settings, values=tf.size(image))


def measure(network: Network, image: Image, targets: Targets, settings: Settings, place: Place | None = None) -> Sums:
    """Sum over the positions of a picture.

    Args:
        network: With the settings' options.
        image: The picture, or a tile with its surroundings.
        targets: Content and guides are those of the same pixels, for a tile without its surroundings.
        settings: The layers and their weights, the kind of total variation.
        place: Of a tile.
    """
    shares = settings.content_layers.shares
    style = dict.fromkeys(layer for region in targets.regions for layer in region.style)
    features = seen(network, image, [*targets.content, *style], place)
    positions = place.positions if place else {}
    content = [
        shares[layer] * content_loss(features[layer], target, positions=positions.get(layer))
        for layer, target in targets.content.items()
    ]
    found = statistics(features, style, [region.guides for region in targets.regions], place)
    inside, pixels = (place.inside, place.pixels) if place else (None, None)
    roughness = total_variation(image / 255, norm=settings.tv, inside=inside, positions=pixels)
    return Sums(_sum(content, image.dtype), found, roughness)


def seen(network: Network, image: Image, layers: Iterable[str], place: Place | None = None) -> dict[str, tf.Tensor]:
    """Compute features of a picture, or those that count of a tile."""
    features = network(image, layers)
    if place is None:
        return features
    activations = network.params.architecture.activations
    return {layer: maps[:, *tiles.window(place.inside, activations[layer].stride)] for layer, maps in features.items()}


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
    """Make losses of a picture's sums: `content`, `style`, `tv` and `total`.

    Args:
        sums: Of the whole picture.
        targets: The styles.
        settings: The weights.
        values: How many numbers the picture has.
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


def added(parts: Sequence[Any]) -> Any:
    """Add the sums of tiles, one by one."""
    return tf.nest.map_structure(lambda *each: tf.add_n(each), *parts)


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
