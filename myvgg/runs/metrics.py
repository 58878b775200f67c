"""Metrics of a stylised picture, which no objective optimises: style, structure, score, grain.

All pictures are compared at one size, in the trained network with maximum pooling, zero padding and float32. Statistics
are float64. A metric that has no meaning is NaN, such as the style where there is no style picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from jaxtyping import Float32, Float64
from scipy.linalg import eigh, eigvalsh
from scipy.ndimage import gaussian_filter
from threadpoolctl import threadpool_limits

from myvgg.images import Picture, as_rgb, resize
from myvgg.loading import given_or_found
from myvgg.params import Params
from myvgg.runtime.process import uninterrupted
from myvgg.vgg19 import VGG19

SIZE = 512
"""Longest side of the pictures that are compared, in pixels; smaller pictures are enlarged."""

STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_4")
"""Layers at which textures are compared."""

STRUCTURE_LAYER = "relu4_3"
"""Layer at which arrangements are compared."""

EPSILON = 1e-5
"""Added to a channel's standard deviation, which is zero where the channel is constant."""

ZERO_DISTANCE = 1e-9
"""A squared distance below this part of the variances counts as zero; rounding leaves 1e-12 for equal features."""

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G and B in the luma of ITU-R BT.601."""

Maps = Float32[np.ndarray, "height width channels"]


class Report(NamedTuple):
    """The metrics of a picture.

    Attributes:
        style: Part of the way from the content's textures to the style's, up to 1. It is negative where the result is
            farther from the style than the content is.
        structure: Cosine between the arrangements of result and content, -1 to 1.
        score: Harmonic mean of style and structure; 0 where either is not positive.
        grain: Energy of the finest details of the result, over that of the style.
    """

    style: float
    structure: float
    score: float
    grain: float


class Gaussian(NamedTuple):
    """Mean and biased covariance of a layer's features over the positions."""

    mean: Float64[np.ndarray, " channels"]
    covariance: Float64[np.ndarray, "channels channels"]


class Measured(NamedTuple):
    """The measurements of one picture.

    Attributes:
        textures: Statistics by layer.
        arrangement: Features of the structure layer.
        detail: Energy of the finest details.
    """

    textures: dict[str, Gaussian]
    arrangement: Maps
    detail: float


def report(
    result: Any,
    content: Any,
    style: Any,
    *,
    params: Params | None = None,
    blend: Sequence[float] = (),
    size: int = SIZE,
) -> Report:
    """Measure a stylised picture.

    Pictures are arrays R, G, B, 0 to 255, uint8 or floating point, (height, width, 3), or grey (height, width).

    Args:
        result: The stylised picture.
        content: The content picture, which is resized to the result's shape. Without it, only the grain is measured.
        style: The style picture, or a list of them. Without it, only the structure is measured.
        params: The network's parameters. None takes those of `myvgg.nst.stylize`.
        blend: Shares of several style pictures; by default they are equal.
        size: Longest side at which the pictures are compared, in pixels.

    Raises:
        ValueError: No picture, one that is too narrow for the network, or shares that do not fit the style pictures.
        WeightsError: There are no weights.
    """
    styles = [] if style is None else list(style) if isinstance(style, list | tuple) else [style]
    shares = _shares(blend, len(styles))
    measure = _network(given_or_found(params))
    small = resize(as_rgb(result), size)
    shape = (small.shape[1], small.shape[0])
    made = measure("result", small)
    shown = None if content is None else measure("content", resize(as_rgb(content), shape))
    models = [measure("style", resize(as_rgb(each), size)) for each in styles]
    style_value = structure_value = math.nan
    if shown:
        structure_value = structure(made.arrangement, shown.arrangement)
    if shown and models:
        textures = {layer: mixture([model.textures[layer] for model in models], shares) for layer in STYLE_LAYERS}
        style_value = style_approach(made.textures, shown.textures, textures)
    detail = sum((share * model.detail for share, model in zip(shares, models, strict=True)), 0.0)
    return Report(style_value, structure_value, score(style_value, structure_value), ratio(made.detail, detail))


def style_approach(
    result: Mapping[Any, Gaussian], content: Mapping[Any, Gaussian], style: Mapping[Any, Gaussian]
) -> float:
    """Compute 1 - W(result, style) / W(content, style), averaged over layers.

    It is NaN where content and style have the same textures at a layer, since there is no way between them.

    Args:
        result: Statistics of the result by layer.
        content: Statistics of the content.
        style: Statistics of the style.
    """
    ratios = [
        ratio(wasserstein_distance(result[layer], style[layer]), wasserstein_distance(content[layer], style[layer]))
        for layer in style
    ]
    return 1 - sum(ratios) / len(ratios)


def gaussian(maps: Maps) -> Gaussian:
    """Compute the mean and the covariance of features over the positions, in float64.

    Args:
        maps: Of one layer.
    """
    rows = maps.reshape(-1, maps.shape[-1]).astype(np.float64)
    mean = rows.mean(axis=0)
    rows -= mean
    return Gaussian(mean, rows.T @ rows / len(rows))


def wasserstein_distance(first: Gaussian, second: Gaussian) -> float:
    """Compute the 2-Wasserstein distance of two Gaussians, in units of the features.

    Its square is |m - m'|^2 + tr(S + S' - 2 (S'^1/2 S S'^1/2)^1/2).

    Args:
        first: The first Gaussian.
        second: The second Gaussian.

    Reference:
        Dowson and Landau (1982), "The Fréchet Distance between Multivariate Normal Distributions", d of the abstract.

    Example:
        >>> import numpy as np
        >>> from myvgg.runs.metrics import Gaussian, wasserstein_distance
        >>> points = [Gaussian(np.array(mean), np.zeros((2, 2))) for mean in ([0.0, 0.0], [3.0, 4.0])]
        >>> wasserstein_distance(*points)
        5.0
    """
    with threadpool_limits(limits=1, user_api="blas"):  # several threads would wait for busy cores
        values, vectors = eigh(second.covariance)
        root = vectors * np.sqrt(values.clip(0))  # root' S root has the eigenvalues of S'^1/2 S S'^1/2
        shared = np.sqrt(eigvalsh(root.T @ first.covariance @ root).clip(0)).sum()
    variance = np.trace(first.covariance) + np.trace(second.covariance)
    squared = float(np.square(first.mean - second.mean).sum() + variance - 2 * shared)
    return math.sqrt(squared) if squared > ZERO_DISTANCE * variance else 0.0


def mixture(parts: Sequence[Gaussian], shares: Sequence[float]) -> Gaussian:
    """Blend the raw moments of several pictures, E[f] and E[ff'].

    Args:
        parts: Statistics of the pictures.
        shares: Their weights.
    """
    seconds = [part.covariance + np.outer(part.mean, part.mean) for part in parts]
    mean = np.average([part.mean for part in parts], axis=0, weights=shares)
    return Gaussian(mean, np.average(seconds, axis=0, weights=shares) - np.outer(mean, mean))


def structure(result: Maps, content: Maps) -> float:
    """Compute the cosine between features whose channels are normalised over positions.

    It is NaN where all channels of either are constant.

    Args:
        result: Features of the result.
        content: Features of the content, of the same shape.
    """
    first, second = _normalised(result), _normalised(content)
    return ratio(float((first * second).sum()), float(np.linalg.norm(first) * np.linalg.norm(second)))


def score(style: float, structure: float) -> float:
    """Compute the harmonic mean of style and structure: 0 where either is not positive, NaN where either is NaN.

    Args:
        style: The metric.
        structure: The metric.

    Example:
        >>> score(0.5, 0.5)
        0.5
    """
    if math.isnan(style + structure):
        return math.nan
    return 2 * style * structure / (style + structure) if min(style, structure) > 0 else 0.0


def grain(image: Picture) -> float:
    """Compute the energy of the finest details: mean square of the luma minus its Gaussian blur of one pixel.

    Args:
        image: The picture.
    """
    luma = image.astype(np.float64) @ LUMA
    return float(np.square(luma - gaussian_filter(luma, 1)).mean())


def check(params: Params) -> None:
    """Raise unless the metrics can be computed with these weights.

    Args:
        params: The weights.

    Raises:
        ValueError: Their network is not VGG19.
    """
    if missing := {*STYLE_LAYERS, STRUCTURE_LAYER} - {*params.architecture.activations}:
        layers = ", ".join(sorted(missing))
        raise ValueError(f"the report measures with layers of VGG19, and {params.architecture.name} has no {layers}")


def ratio(part: float, whole: float) -> float:
    """Divide, with NaN for a part of nothing.

    Example:
        >>> from myvgg.runs.metrics import ratio
        >>> ratio(1.0, 4.0), ratio(1.0, 0.0)
        (0.25, nan)
    """
    return part / whole if whole else math.nan


def _network(params: Params) -> Callable[[str, Picture], Measured]:
    """Return a function that measures a picture, with a name for errors. It frees the large maps when it returns."""
    check(params)
    vgg = VGG19(params)

    def maps(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return vgg.features(image, [*STYLE_LAYERS, STRUCTURE_LAYER])

    any_size = tf.TensorSpec([1, None, None, 3], tf.float32)
    compute = tf.function(maps, autograph=False).get_concrete_function(any_size)  # a graph frees maps early

    def measure(name: str, image: Picture) -> Measured:
        height, width = image.shape[:2]
        try:
            params.architecture.shape(STYLE_LAYERS[-1], height, width)
        except ValueError as error:
            raise ValueError(f"the {name} picture is too narrow at {width} x {height}: {error}") from error
        with uninterrupted():
            computed = compute(tf.constant(image[None]))
            textures = {layer: gaussian(computed.pop(layer).numpy()[0]) for layer in STYLE_LAYERS}
            return Measured(textures, computed[STRUCTURE_LAYER].numpy()[0], grain(image))

    return measure


def _normalised(maps: Maps) -> Float64[np.ndarray, "height width channels"]:
    """Normalise each channel to mean 0 and standard deviation 1 over the positions."""
    values = maps.astype(np.float64)
    values -= values.mean(axis=(0, 1))
    values /= values.std(axis=(0, 1)) + EPSILON
    return values


def _shares(blend: Sequence[float], count: int) -> list[float]:
    blend = list(blend) or [1.0] * count
    if len(blend) != count or (count and not (min(blend) >= 0 and 0 < sum(blend) < math.inf)):
        raise ValueError(f"blend must be {count} shares from 0 on, one a style picture and not all 0, not {blend}")
    return [share / sum(blend) for share in blend]
