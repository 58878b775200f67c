"""What a picture is optimised for: targets computed once, and the losses of a picture against them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from jaxtyping import Float32

from myvgg.nst import guides
from myvgg.nst.losses import (
    Gaussian,
    Moments,
    Scalar,
    content_loss,
    gaussian,
    gram_loss,
    mean_loss,
    moments,
    total_variation,
    wasserstein_loss,
)
from myvgg.nst.network import Image, Network
from myvgg.nst.settings import Settings

Mask = Float32[np.ndarray, "height width"]


class Region(NamedTuple):
    """A part of the picture and the style it shall have.

    Attributes:
        share: Its part of the area.
        guides: Weights of the positions by layer; None where it is the whole picture.
        style: What each layer's statistics are compared with.
    """

    share: float
    guides: dict[str, tf.Tensor] | None
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
    unit: float


def make_targets(
    network: Network,
    content: Image | None,
    styles: Sequence[tf.Tensor],
    settings: Settings,
    *,
    masks: Sequence[Mask] | None = None,
    style_masks: Sequence[Any] | None = None,
    kept: MutableMapping[Any, Any] | None = None,
) -> Targets:
    """Compute what the result is compared with.

    Args:
        network: With the settings' options.
        content: None where there is none.
        styles: Pictures (1, height, width, 3) of any sizes; none is possible.
        settings: Layers, their weights, the kind of style loss.
        masks: The region of the content's shape that each style is for; by default all are blended everywhere.
        style_masks: The part of each style picture that counts, of its shape, or None.
        kept: Statistics of style pictures from earlier calls; new ones are added.
    """
    layers = settings.content_layers.shares
    features = network(content, layers) if content is not None else {}
    found = [
        _statistics(network, style, mask, settings, {} if kept is None else kept)
        for style, mask in zip(styles, style_masks or [None] * len(styles), strict=True)
    ]
    if masks:
        regions = [
            Region(guides.share(mask), _guides(network, mask, settings), _prepare(statistics, settings))
            for mask, statistics in zip(masks, found, strict=True)
        ]
    else:
        regions = [Region(1.0, None, _prepare(blend(found, settings), settings))] if found else []
    targets = Targets(features, tuple(regions), 1.0)
    if content is None or not regions or not settings.balance:
        return targets
    return targets._replace(unit=float(losses(network, content, targets, settings)["style"]) + 1e-12)


def losses(network: Network, image: Image, targets: Targets, settings: Settings) -> dict[str, Scalar]:
    """Compute `content`, `style` and `tv`, each a weighted mean over layers, and `total`, their weighted sum.

    Reference:
        Gatys, Ecker and Bethge (2016), equations 5 and 7; with regions, Gatys et al. (2017), "Controlling Perceptual
        Factors in Neural Style Transfer", equation 4.
    """
    shares = {"content": settings.content_layers.shares, "style": settings.style_layers.shares}
    wanted = [*(targets.content and shares["content"]), *(targets.regions and shares["style"])]
    features = network(image, wanted)
    content = [shares["content"][layer] * content_loss(features[layer], t) for layer, t in targets.content.items()]
    compare = LOSSES[settings.style_loss]
    style = [
        region.share * shares["style"][layer] * compare(moments(features[layer], guide_of(region, layer)), target)
        for region in targets.regions
        for layer, target in region.style.items()
    ]
    roughness = total_variation(image / 255, norm=settings.tv)
    terms = {
        "content": _sum(content),
        "style": _sum(style) / targets.unit,
        # Differs from equation 7: the total variation is added.
        "tv": roughness * tf.cast(tf.size(image), tf.float32) if settings.tv_sum else roughness,
    }
    weights = {
        "content": settings.content_weight,
        "style": settings.style_weight * settings.style_strength,
        "tv": settings.tv_weight,
    }
    return {**terms, "total": tf.add_n([weights[name] * term for name, term in terms.items()])}


def blend(found: Sequence[dict[str, Moments]], settings: Settings) -> dict[str, Moments]:
    """Mix the raw moments of several styles, as if their pictures lay side by side."""
    shares = np.array(settings.style_blend or [1.0] * len(found))
    shares = shares / shares.sum()
    return {
        layer: Moments(
            *(tf.add_n([share * m[layer][i] for share, m in zip(shares, found, strict=True)]) for i in (0, 1))
        )
        for layer in found[0]
    }


def guide_of(region: Region, layer: str) -> tf.Tensor | None:
    """Return a region's weights of a layer's positions, None where it is everywhere."""
    return region.guides[layer] if region.guides else None


def _gram_and_mean(found: Moments, target: Moments) -> Scalar:
    return gram_loss(found.second, target.second) + mean_loss(found.mean, target.mean)


LOSSES: dict[str, Callable[[Moments, Any], Scalar]] = {
    "wasserstein": wasserstein_loss,
    "gram": lambda found, target: gram_loss(found.second, target.second),
    "gram+mean": _gram_and_mean,
}
"""What `style_loss` names."""


def _prepare(found: dict[str, Moments], settings: Settings) -> dict[str, Moments | Gaussian]:
    if settings.style_loss == "wasserstein":
        return {layer: gaussian(each) for layer, each in found.items()}
    return dict(found)


def _statistics(
    network: Network, style: tf.Tensor, mask: Any, settings: Settings, kept: MutableMapping[Any, Any]
) -> dict[str, Moments]:
    """Compute the moments of a style picture's features, or take those that are kept."""
    key = (_hash(style), None if mask is None else _hash(mask))
    if key not in kept:
        layers = settings.style_layers.shares
        features = network(style, layers)
        weights = dict.fromkeys(layers) if mask is None else _guides(network, mask, settings)
        found = {layer: moments(features[layer], weights[layer]) for layer in layers}
        if overflowing := [layer for layer, each in found.items() if not np.isfinite(each.second).all()]:
            raise FloatingPointError(f"the loss is no number: {', '.join(overflowing)} overflow with these weights")
        kept[key] = found
    return kept[key]  # type: ignore[no-any-return]


def _guides(network: Network, mask: Mask, settings: Settings) -> dict[str, tf.Tensor]:
    activations = network.params.architecture.activations
    return {
        layer: tf.constant(guides.guide(mask, activations[layer], pool_padding=settings.pool_padding))
        for layer in settings.style_layers.shares
    }


def _hash(array: Any) -> tuple[Any, str]:
    values = np.ascontiguousarray(array)
    return values.shape, hashlib.sha256(values.tobytes()).hexdigest()


def _sum(terms: list[Scalar]) -> Scalar:
    return tf.add_n(terms) if terms else tf.constant(0.0)
