"""DeepDream: a photograph in which a layer sees more of all that it sees already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from jaxtyping import Float32

from myvgg import kernels
from myvgg.architecture import Architecture
from myvgg.images import Picture, as_picture, resample, resize, target_size
from myvgg.microscope.units import is_dense, network_of, unit_of
from myvgg.network import features, lean_gradients
from myvgg.params import HasParams, Params
from myvgg.preprocessing import preprocess
from myvgg.runtime.watching import Watch, last_of, unwatched

OCTAVE = 1.4
"""Side of a picture over that of the octave before."""

MOVE = 1.5
"""Mean change of a pixel by a step, in levels of 0 to 255."""

JITTER = 32
"""Largest shift of the picture along each axis, in pixels."""


def dream(
    picture: Any,
    layer: str,
    params: Params | HasParams | None = None,
    *,
    channel: int | None = None,
    size: int = 384,
    octaves: int = 4,
    iterations: int = 10,
    seed: int = 0,
    watch: Watch = unwatched,
) -> Picture:
    """Strengthen the features of a photograph by gradient ascent on their mean square, from small to large.

    Each step goes along the gradient over its mean absolute value, with the picture shifted at random. Each octave goes
    on with the details that the smaller one has made.

    Args:
        picture: A path, a picture of Pillow's, or an array as `myvgg.images.as_picture` takes it.
        layer: A layer of maps, such as `relu4_3`.
        params: The network's parameters, or a `VGG19` or `VGG16`. None takes the first file that is found, or else the
            bundled weights.
        channel: The only channel that counts, from 0; by default all count.
        size: Longest side of the result in pixels.
        octaves: Number of sizes; those that are too small for the layer are left out.
        iterations: Number of steps of each octave.
        seed: Of the shifts.
        watch: A function of the pictures so far, each of its octave's size, and their number that passes them on, such
            as a progress bar; where it stops, the last picture that it passed on is the result.

    Returns:
        R, G, B, 0 to 255.

    Raises:
        ValueError: A layer without maps, a channel out of range, a number below 1, a picture too small for the layer.
        ImageError: The picture cannot be read.
        WeightsError: No weights can be used.

    Reference:
        Mordvintsev, Olah and Tyka (2015), "Inceptionism: Going Deeper into Neural Networks", Google Research.

    Example:
        >>> import myvgg
        >>> vgg = myvgg.VGG19.load("bundled")
        >>> myvgg.microscope.dream("examples/chelsea.jpg", "relu2_2", vgg, size=48, octaves=2, iterations=1).shape
        (36, 48, 3)
    """
    if min(size, octaves, iterations) < 1:
        raise ValueError("size, octaves and iterations must be at least 1")
    network = network_of(params, layer)
    architecture = network.architecture
    if is_dense(architecture, layer):
        raise ValueError(f"layer must be a layer of maps, which {layer} is not")
    if channel is not None:
        unit_of(architecture, layer, channel)
    loaded = as_picture(picture)
    resized = resize(loaded, target_size(size, loaded.shape[1], loaded.shape[0]))
    sizes = _octaves(architecture, layer, resized, octaves)
    made = _ascent(resized, sizes, _slope(network, layer, channel), iterations, np.random.default_rng(seed))
    return last_of(watch(made, len(sizes) * iterations), resized)


def _octaves(architecture: Architecture, layer: str, picture: Picture, octaves: int) -> list[tuple[int, int]]:
    """Return width and height of each octave, the smallest first.

    Raises:
        ValueError: Even the largest is too small for the layer.
    """
    height, width, _ = picture.shape
    architecture.shape(layer, height, width)
    all_sizes = [(round(width / OCTAVE**k), round(height / OCTAVE**k)) for k in reversed(range(octaves))]
    return [each for each in all_sizes if min(each) >= architecture.smallest_size(layer)]


def _ascent(
    picture: Picture,
    sizes: list[tuple[int, int]],
    slope: Any,
    iterations: int,
    rng: np.random.Generator,
) -> Iterator[Picture]:
    """Dream at each size and yield each picture; details are its difference from the photograph."""
    details = np.zeros((1, 1, 3), np.float32)
    for size in sizes:
        photograph = resize(picture, size)
        dreamt = (photograph + resample(details, size)).clip(0, 255)
        for _ in range(iterations):
            shift = rng.integers(-JITTER, JITTER + 1, 2)
            gradient = slope(np.roll(dreamt, shift, (0, 1))).numpy()
            step = MOVE * gradient / (np.abs(gradient).mean() + np.finfo(np.float32).tiny)
            dreamt = (dreamt + np.roll(step, -shift, (0, 1))).astype(np.float32).clip(0, 255)
            yield dreamt
        details = dreamt - photograph


def _slope(network: Params, layer: str, channel: int | None) -> Any:
    """Return a graph: the gradient of the mean square of maps by a picture of any size."""

    def gradient(picture: Float32[tf.Tensor, "height width 3"]) -> tf.Tensor:
        with lean_gradients():
            maps = features(network, preprocess(picture[tf.newaxis], like=network.preprocessing), [layer])[layer]
            counted = maps if channel is None else maps[..., channel]
            return tf.gradients(tf.reduce_mean(counted**2), picture)[0]

    return kernels.uninterrupted_graph(gradient, input_signature=[tf.TensorSpec([None, None, 3], tf.float32)])
