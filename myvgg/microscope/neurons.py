"""Pictures that one unit of the network answers to most, or least, by gradient ascent from grey or a photograph.

Reference:
    Olah, Mordvintsev and Schubert (2017), "Feature Visualization", Distill.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from jaxtyping import Float32

from myvgg import kernels
from myvgg.extractor import Extractor
from myvgg.images import Picture, Resizing, as_picture
from myvgg.microscope.fourier import Waves, start_waves, to_pixels, to_waves
from myvgg.microscope.strips import join
from myvgg.microscope.units import Unit, is_dense, mean_response, network_of, unit_of, unrectified
from myvgg.microscope.views import random_view, seen_from
from myvgg.network import lean_gradients
from myvgg.params import HasParams, Params
from myvgg.runtime.process import uninterrupted
from myvgg.runtime.watching import Watch, last_of, unwatched

SIZE = 160
"""Side of a picture in pixels, unless told; dense layers need another one."""

RATE = 0.05
"""Length of Adam's steps."""

DECAYS = (0.9, 0.999)
"""Decays of Adam's averages of the gradient and of its square."""

EPSILON = 1e-8
"""Number that is added to Adam's denominator."""

CANDIDATES = 16
"""Pictures of a way, about, of which a spectrum takes those with the nearest responses."""


def neuron(
    layer: str,
    channel: int,
    params: Params | HasParams | None = None,
    *,
    negative: bool = False,
    picture: Any = None,
    size: int | None = None,
    iterations: int = 128,
    seed: int = 0,
    watch: Watch = unwatched,
) -> Picture:
    """Make a picture that a channel answers to most.

    The channel's mean over positions is raised, before the rectification, where numbers below zero have a gradient:
    `relu4_1` and `conv4_1` give one picture, `pool5` that of `conv5_4`, `prob` that of the class scores `fc8`.
    Each step sees the picture slightly turned, scaled and shifted.

    Args:
        layer: Any tensor, such as `relu4_1`, or `fc8` for classes.
        channel: Number of the channel, from 0.
        params: The network's parameters, or a `VGG19` or `VGG16`. None takes the first file that is found, or else the
            bundled weights.
        negative: Lower the response in place of raising it.
        picture: The photograph to begin with, as `myvgg.images.as_picture` takes it; by default grey.
        size: Longest side of the picture in pixels; by default 160, or the size that dense layers need, to which a
            photograph is cropped.
        iterations: Number of steps.
        seed: Of the start and of the views. The same seed gives the same bytes on the same processor.
        watch: A function of the pictures so far and their number that passes them on, such as a progress bar; where it
            stops, the last picture that it passed on is the result.

    Returns:
        R, G, B, 0 to 255, (size, size, 3), or in the aspect of the photograph.

    Raises:
        ValueError: An unknown layer, a channel out of range, a size that does not fit the layer, a number below 1.
        ImageError: The photograph cannot be read.
        WeightsError: No weights can be used.

    Reference:
        Simonyan, Vedaldi and Zisserman (2013), "Deep Inside Convolutional Networks", equation 1, without its penalty.

    Example:
        >>> import myvgg
        >>> vgg = myvgg.VGG19.load("bundled")
        >>> myvgg.microscope.neuron("relu2_1", 3, vgg, size=32, iterations=2).shape
        (32, 32, 3)
    """
    network, unit, start = _checked(layer, channel, params, picture, size, iterations, seed)
    made = _ascent(network, unit, start, iterations=iterations, seed=seed, sign=-1 if negative else 1)
    return last_of(watch(made, iterations), start.picture)


def spectrum(
    layer: str,
    channel: int,
    params: Params | HasParams | None = None,
    *,
    count: int = 5,
    picture: Any = None,
    size: int | None = None,
    iterations: int = 128,
    seed: int = 0,
    watch: Watch = unwatched,
) -> Float32[np.ndarray, "height width 3"]:
    """Make pictures from the least to the greatest response of a channel, side by side.

    Descent and ascent start from the same picture. Of each way, about 16 pictures are compared, and the last one is
    among them. The one with the least response and the one with the greatest stand at the ends. Between them are the
    pictures whose responses come nearest to even shares of the way from the start to the ends.

    Args:
        layer: See `neuron`.
        channel: See `neuron`.
        params: See `neuron`.
        count: Number of pictures; an odd number has the start in its middle.
        picture: See `neuron`.
        size: Longest side of each picture; see `neuron`.
        iterations: Number of steps of each of the two ways.
        seed: See `neuron`.
        watch: A function of the pictures so far, those of the descent first, and their number that passes them on, such
            as a progress bar; where it stops, the pictures that it passed on are compared, with the start.

    Returns:
        R, G, B, 0 to 255, on white.

    Raises:
        ValueError: As `neuron`, or fewer than two pictures.
        ImageError: The photograph cannot be read.
        WeightsError: No weights can be used.

    Example:
        >>> import myvgg
        >>> vgg = myvgg.VGG19.load("bundled")
        >>> myvgg.microscope.spectrum("relu2_1", 3, vgg, size=32, iterations=2).shape
        (32, 176, 3)
    """
    network, unit, start = _checked(layer, channel, params, picture, size, iterations, seed)
    if count < 2:
        raise ValueError(f"count must be at least 2, not {count}")
    return join(_spectrum(network, unit, start, count, iterations=iterations, seed=seed, watch=watch))


class _Start(NamedTuple):
    """The picture that ascent begins with, as waves, and its width, which their number leaves open by one."""

    waves: Waves
    width: int

    @property
    def picture(self) -> Picture:
        with uninterrupted():
            return np.asarray(to_pixels(tf.constant(self.waves), self.width))


def _spectrum(
    network: Params, unit: Unit, start: _Start, count: int, *, iterations: int, seed: int, watch: Watch
) -> list[Picture]:
    """Return the pictures of a spectrum, from the least to the greatest response."""
    ways = (_ascent(network, unit, start, iterations=iterations, seed=seed, sign=sign) for sign in (-1, 1))
    every, kept = max(1, iterations // CANDIDATES), ({-1: start.picture}, {-1: start.picture})
    for index, picture in enumerate(watch(chain.from_iterable(ways), 2 * iterations)):
        way, step = divmod(index, iterations)
        kept[way][step // every] = picture  # a later one takes its place, so that the last one stays
    extractor = Extractor(network, [unit.layer], reduce="mean")

    def answered(pictures: Iterable[Picture]) -> list[tuple[float, Picture]]:
        return [(float(extractor(picture)[unit.layer][0, unit.channel]), picture) for picture in pictures]

    down, up = (answered(pictures.values()) for pictures in kept)
    middle, least, most = down[0][0], min(response for response, _ in down), max(response for response, _ in up)
    chosen = []
    for share in np.linspace(-1, 1, count):
        wanted = middle + abs(share) * ((most if share > 0 else least) - middle)
        chosen.append(min(up if share > 0 else down, key=lambda each: abs(each[0] - wanted))[1])
    return chosen


def _checked(
    layer: str,
    channel: int,
    params: Params | HasParams | None,
    picture: Any,
    size: int | None,
    iterations: int,
    seed: int,
) -> tuple[Params, Unit, _Start]:
    """Return the network, the unit before its rectification, and the start; raise for what does not fit."""
    network = network_of(params, layer)
    architecture = network.architecture
    unit, dense = unit_of(architecture, layer, channel), is_dense(architecture, layer)
    size = size if size is not None else architecture.input_size if dense else SIZE
    if min(size, iterations) < 1:
        raise ValueError("size and iterations must be at least 1")
    if picture is None:
        start = _Start(start_waves(size, size, seed=seed), size)
    else:
        seen = Resizing(size, "crop" if dense else "longest")(as_picture(picture)).astype(np.float32)
        start = _Start(to_waves(seen), seen.shape[1])
    architecture.shape(layer, start.waves.shape[1], start.width)
    return network, Unit(unrectified(architecture, layer), unit.channel), start


def _ascent(network: Params, unit: Unit, start: _Start, *, iterations: int, seed: int, sign: int) -> Iterator[Picture]:
    """Raise (1) or lower (-1) a unit's response by Adam, and yield each picture."""
    waves, width = start
    slope, rng = _slope(network, unit, width), np.random.default_rng(seed)
    mean, square = np.zeros_like(waves), np.zeros_like(waves)
    for step in range(1, iterations + 1):
        gradient = slope(waves, *random_view(rng)).numpy()
        mean = DECAYS[0] * mean + (1 - DECAYS[0]) * gradient
        square = DECAYS[1] * square + (1 - DECAYS[1]) * gradient**2
        unbiased = mean / (1 - DECAYS[0] ** step), square / (1 - DECAYS[1] ** step)
        waves = waves + np.float32(sign * RATE) * unbiased[0] / (np.sqrt(unbiased[1]) + EPSILON)
        yield _Start(waves, width).picture


def _slope(network: Params, unit: Unit, width: int) -> Any:
    """Return a graph: the gradient of a unit's mean response by the waves of a picture."""

    def gradient(waves: tf.Tensor, matrix: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
        # Differs from equation 1: no penalty of the square; waves and views keep the picture from noise.
        with lean_gradients():
            seen = seen_from(to_pixels(waves, width), matrix, shift)
            return tf.gradients(mean_response(network, seen, unit), waves)[0]

    return kernels.uninterrupted_graph(gradient)
