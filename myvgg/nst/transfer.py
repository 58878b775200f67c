"""The loop: from a noisy content picture to a stylised one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from myvgg.nst.images import Picture, as_rgb, resize
from myvgg.nst.objective import Targets, losses, make_targets
from myvgg.nst.optimizers import Adam
from myvgg.nst.settings import Settings
from myvgg.vgg19 import VGG19


@dataclass(frozen=True)
class Step:
    """One step of the optimisation.

    Attributes:
        iteration: From 1.
        image: The picture after so many steps, R, G, B, 0 to 255.
        losses: `content`, `style`, `tv` and the weighted `total` of this picture.
    """

    iteration: int
    image: Picture
    losses: dict[str, float]


def stylize(content: Any, style: Any, settings: Settings | None = None, *, vgg: VGG19 | None = None) -> Iterator[Step]:
    """Give a picture the look of another.

    Args:
        content: What to show: R, G, B, 0 to 255, uint8 or floating point, (height, width, 3) or grey (height, width).
        style: How to show it, likewise, of any size.
        settings: How to go about it.
        vgg: The network, with whatever pooling it has; by default `VGG19.load` with the settings' pooling.

    Returns:
        The steps as they are made, the last the most advanced. Nothing is computed while none is asked for.

    Raises:
        ValueError: A picture of the wrong shape, or too small for the layers.
        FloatingPointError: While iterating, the loss is no number any more.
        WeightsError: There are no weights.
    """
    settings = settings or Settings()
    content, style = resize(as_rgb(content), settings.size), resize(as_rgb(style), settings.size)
    vgg = vgg or VGG19.load(include_top=False, pooling=settings.pooling)
    _check_sizes(vgg, content.shape, style.shape, settings)
    targets = make_targets(vgg, tf.constant(content[None]), tf.constant(style[None]), settings)
    return _optimize(vgg, first_image(content, settings), targets, settings)


def _check_sizes(vgg: VGG19, content: tuple[int, ...], style: tuple[int, ...], settings: Settings) -> None:
    """Raise unless both pictures, scaled, leave something at all layers that look at them."""
    layers = {"content": settings.content_layers + settings.style_layers, "style": settings.style_layers}
    for name, (height, width, _) in {"content": content, "style": style}.items():
        try:
            for layer in layers[name]:
                vgg.architecture.shape(layer, height, width, pool_padding=vgg.pool_padding)
        except ValueError as error:
            raise ValueError(f"the {name} picture is too narrow at size {settings.size}: {error}") from error


def first_image(content: Picture, settings: Settings) -> Picture:
    """Blend the content with uniform noise of the whole range of values."""
    noise = np.random.default_rng(settings.seed).uniform(0, 255, content.shape)
    return np.asarray(settings.noise * noise + (1 - settings.noise) * content, np.float32)


def _optimize(vgg: VGG19, start: Picture, targets: Targets, settings: Settings) -> Iterator[Step]:
    image = tf.Variable(start[None], trainable=False)
    step = _make_step(vgg, image, targets, settings)
    for iteration in range(settings.iterations + 1):
        before = image.numpy()[0]
        try:
            terms = {name: float(term) for name, term in step().items()}
        except tf.errors.ResourceExhaustedError as error:
            height, width = before.shape[:2]
            raise MemoryError(f"not enough memory for {width} x {height} pixels: lower the size") from error
        if not np.isfinite(terms["total"]):
            hint = "lower the learning rate" if iteration else "the weights do not suit these pictures"
            raise FloatingPointError(f"the loss is {terms['total']} after {iteration} steps: {hint}")
        if iteration > 0:
            yield Step(iteration, before, terms)


def _make_step(
    vgg: VGG19, image: tf.Variable, targets: Targets, settings: Settings
) -> Callable[[], dict[str, tf.Tensor]]:
    adam = Adam(image, settings.learning_rate)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def step() -> dict[str, tf.Tensor]:
        current = image.read_value()
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(current)
            terms = losses(vgg, current, targets, settings)
        gradient = tape.gradient(terms["total"], current)
        image.assign(tf.clip_by_value(adam.step(gradient), 0, 255))
        return terms

    return step  # type: ignore[no-any-return]
