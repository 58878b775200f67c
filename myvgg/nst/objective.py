"""What a picture is optimised for: targets computed once, and the losses of a picture against them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf
from jaxtyping import Float32

from myvgg.nst.losses import Features, Scalar, content_loss, gram_matrix, style_loss, total_variation
from myvgg.nst.settings import Settings
from myvgg.vgg19 import VGG19

Image = Float32[tf.Tensor, "1 height width 3"]
"""One picture, R, G, B, 0 to 255."""


class Target(NamedTuple):
    """What one layer is compared with.

    Attributes:
        value: The reference picture's features, or their Gram matrix.
        energy: Mean square of the reference picture's features. A loss is measured in it, so that a weight means the
            same for every layer and every weights file.
    """

    value: tf.Tensor
    energy: Scalar


class Targets(NamedTuple):
    """Targets by layer: features of the content picture, Gram matrices of the style picture."""

    content: dict[str, Target]
    style: dict[str, Target]


def make_targets(
    vgg: VGG19, content: Image, style: Float32[tf.Tensor, "1 style_height style_width 3"], settings: Settings
) -> Targets:
    """Compute what the result is compared with; the two pictures may differ in size."""
    return Targets(
        _targets(vgg, content, settings.content_layers, lambda features: features),
        _targets(vgg, style, settings.style_layers, gram_matrix),
    )


def losses(vgg: VGG19, image: Image, targets: Targets, settings: Settings) -> dict[str, Scalar]:
    """Compute `content`, `style` and `tv`, each a mean over layers and not weighted, and `total`, weighted.

    Reference:
        Gatys, Ecker and Bethge (2016), equations 5 and 7.
    """
    features = vgg.features(image, list(dict.fromkeys([*targets.content, *targets.style])))
    # Differs from equations 5 and 7: each loss is in units of its target's energy, and the total variation is added.
    content = [content_loss(features[layer], t.value) / t.energy for layer, t in targets.content.items()]
    style = [style_loss(gram_matrix(features[layer]), t.value) / t.energy**2 for layer, t in targets.style.items()]
    terms = {"content": _mean(content), "style": _mean(style), "tv": total_variation(image / 255)}
    weights = {"content": settings.content_weight, "style": settings.style_weight, "tv": settings.tv_weight}
    return {**terms, "total": tf.add_n([weights[name] * term for name, term in terms.items()])}


def _targets(
    vgg: VGG19, picture: Image, layers: tuple[str, ...], statistic: Callable[[Features], tf.Tensor]
) -> dict[str, Target]:
    features = vgg.features(picture, layers) if layers else {}
    return {layer: Target(statistic(f), tf.reduce_mean(tf.square(f)) + 1e-12) for layer, f in features.items()}


def _mean(terms: list[Scalar]) -> Scalar:
    return tf.add_n(terms) / len(terms) if terms else tf.constant(0.0)
