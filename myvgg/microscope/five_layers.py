"""The figures of the papers: one photograph as five layers keep it, and one style as five layers keep it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from jaxtyping import Float32

from myvgg.images import Picture, as_picture, resize, target_size
from myvgg.loading import given_or_found
from myvgg.microscope.strips import join
from myvgg.microscope.units import is_dense, network_of
from myvgg.nst.settings import Layers, Settings
from myvgg.nst.transfer import steps
from myvgg.params import HasParams, Params
from myvgg.runtime.watching import Watch, last_of, unwatched
from myvgg.visualization import reconstruction

FIVE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""A layer of each block."""


def inversions(
    picture: Any,
    params: Params | HasParams | None = None,
    *,
    layers: str | Sequence[str] = FIVE,
    size: int = 192,
    iterations: int = 100,
    watch: Watch = unwatched,
) -> Float32[np.ndarray, "height width 3"]:
    """Draw a photograph, and beside it pictures reconstructed from its features at each layer alone.

    Args:
        picture: A path, a picture of Pillow's, or an array as `myvgg.images.as_picture` takes it.
        params: The network's parameters, or a `VGG19` or `VGG16`. None takes the first file that is found, or else the
            bundled weights.
        layers: Layers of maps, or one of them.
        size: Longest side of each picture in pixels.
        iterations: Number of steps of each picture.
        watch: A function of the steps of each picture, as `myvgg.nst.steps` gives them, and their number, that passes
            the steps on, such as a progress bar; where it stops, the picture of the last step is the result.

    Returns:
        R, G, B, 0 to 255, on white.

    Raises:
        ValueError: An unknown layer, or a number or a picture that cannot be used.
        ImageError: The picture cannot be read.
        WeightsError: No weights can be used.

    Reference:
        Mahendran and Vedaldi (2015), "Understanding Deep Image Representations by Inverting Them"; Gatys, Ecker and
        Bethge (2016), "Image Style Transfer Using Convolutional Neural Networks", figure 1, content reconstructions.

    Example:
        >>> import myvgg
        >>> vgg = myvgg.VGG19.load("bundled")
        >>> small = {"layers": ["relu1_1", "relu2_1"], "size": 32, "iterations": 1}
        >>> myvgg.microscope.inversions("examples/chelsea.jpg", vgg, **small).shape
        (24, 104, 3)
    """
    network, resized, names = _checked(picture, params, layers, size, iterations)
    made = [reconstruction(resized, name, network, iterations=iterations, watch=watch) for name in names]
    return join([resized, *made])


def styles(
    picture: Any,
    params: Params | HasParams | None = None,
    *,
    layers: str | Sequence[str] = FIVE,
    size: int = 192,
    iterations: int = 100,
    seed: int = 0,
    watch: Watch = unwatched,
) -> Float32[np.ndarray, "height width 3"]:
    """Draw a painting, and beside it textures that have its statistics at the first layer, at the first two, and so on.

    Args:
        picture: A path, a picture of Pillow's, or an array as `myvgg.images.as_picture` takes it.
        params: See `inversions`.
        layers: Layers of maps, from shallow to deep, or one of them.
        size: Longest side of each picture in pixels.
        iterations: Number of steps of each picture.
        seed: Of the noise that textures begin with.
        watch: See `inversions`.

    Returns:
        R, G, B, 0 to 255, on white.

    Raises:
        ValueError: An unknown layer, or a number or a picture that cannot be used.
        ImageError: The picture cannot be read.
        WeightsError: No weights can be used.

    Reference:
        Gatys, Ecker and Bethge (2016), "Image Style Transfer Using Convolutional Neural Networks", figure 1, style
        reconstructions.

    Example:
        >>> import myvgg
        >>> vgg = myvgg.VGG19.load("bundled")
        >>> small = {"layers": ["relu1_1", "relu2_1"], "size": 32, "iterations": 1}
        >>> myvgg.microscope.styles("examples/waves.jpg", vgg, **small).shape
        (24, 104, 3)
    """
    network, resized, names = _checked(picture, params, layers, size, iterations)
    made = []
    for kept in accumulate([name] for name in names):
        settings = Settings(
            style_layers=Layers(kept),
            content_layers=Layers(kept),  # there is no content, and deeper layers would need a larger picture
            style_loss="wasserstein",
            tv_weight=2.0,
            learning_rate=0.04,
            beta1=0.9,
            average=0.9,
            size=size,
            iterations=iterations,
            scales=1,
            seed=seed,
        )
        made.append(last_of(watch(steps(None, resized, settings, params=network), iterations)).image)
    return join([resized, *made])


def _checked(
    picture: Any, params: Params | HasParams | None, layers: str | Sequence[str], size: int, iterations: int
) -> tuple[Params, Picture, list[str]]:
    """Return the network, the resized picture and the names of the layers.

    Raises:
        ValueError: No layer, one that is not of maps, a picture too small for one, or a number below 1.
    """
    named = [layers] if isinstance(layers, str) else list(layers)
    if not named:
        raise ValueError("layers must name at least one layer")
    for name, number in {"size": size, "iterations": iterations}.items():
        if number < 1:
            raise ValueError(f"{name} must be at least 1, not {number}")
    loaded = as_picture(picture)
    resized = resize(loaded, target_size(size, loaded.shape[1], loaded.shape[0]))
    network = given_or_found(params)
    architecture = network.architecture
    for name in named:
        if is_dense(architecture, name):
            raise ValueError(f"layers must be layers of maps, which {name} is not")
        architecture.shape(name, *resized.shape[:2])
    return network_of(network, *named), resized, [architecture.resolve(name) for name in named]
