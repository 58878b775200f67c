"""Colours: the style picture is given those of the content before the transfer, or the result is given others after.

Pictures are R, G, B, 0 to 255, as they are stored, not linear light. A strength of 0 returns the picture as it was, 1
returns the changed picture, and values between blend the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float32, Float64
from scipy.ndimage import uniform_filter

from myvgg.images import AnyPicture, Picture

Root = Literal["symmetric", "cholesky"]
Plane = Float32[np.ndarray, "height width"]
Matrix = Float64[np.ndarray, "3 3"]
Colors = Float32[np.ndarray, "content_height content_width 3"]
Pixels = Float64[np.ndarray, "pixels 3"]

ROUNDING = 1 / 12
"""Variance of rounding to whole levels. It is added to every channel's variance, so that rounding is not amplified to
colours, and grey pictures have a root to divide by."""

LINEAR_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
"""From linear R, G, B to the responses of OkLab's three cones."""

CONES_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""From the cube roots of the cones' responses to lightness, green to red, and blue to yellow."""

LAB_ROUNDING = 1e-6
"""Variance of rounding, in OkLab's units, in which white has a lightness of 1."""

SMOOTHED = 1 / 64
"""Radius over which transferred colours are smoothed, as a part of the picture's longest side."""

EDGE_VARIANCE = 2.5e-3
"""Variance of lightness, in OkLab's units, from which on a place counts as an edge: a standard deviation of 0.05."""

GAMUT_STEPS = 10
"""Halvings that look for the strongest colour that a screen can show."""

GAMUT_EDGE = 1e-4
"""Part of the range by which rounding may leave it."""

LUMINANCE = np.array([0.299, 0.587, 0.114])
"""Weights of Y of YIQ. The rest of that space is not needed: chroma is the difference of a colour from Y."""


def match_colors(
    style: Picture,
    content: Colors,
    *,
    root: Root = "symmetric",
    strength: float = 1.0,
) -> Picture:
    """Give the style picture the mean and covariance of the content's colours: A (x - mean) + mean of the content.

    Of the matrices A with A S A' = C, for the style's covariance S and the content's C, either root of both gives one:
    A = root(C) / root(S). Values beyond 0 to 255 are clipped, so that such pictures match approximately.

    Args:
        style: Gets other colours.
        content: Has them.
        root: Symmetric treats the channels alike; cholesky matches red alone, then green by both, then blue by all.
        strength: From 0 to 1.

    Raises:
        ValueError: Another root, or a strength out of its range.

    Reference:
        Gatys, Bethge, Hertzmann and Shechtman (2016), "Preserving Color in Neural Artistic Style Transfer", on colour
        histogram matching; Gatys et al. (2017), "Controlling Perceptual Factors in Neural Style Transfer", on colour
        control.
    """
    if root not in get_args(Root):
        raise ValueError(f"root must be symmetric or cholesky, not {root!r}")
    pixels, wanted = (picture.reshape(-1, 3).astype(np.float64) for picture in (style, content))
    take_root = _symmetric_root if root == "symmetric" else np.linalg.cholesky
    matrix = take_root(_covariance(wanted)) @ np.linalg.inv(take_root(_covariance(pixels)))
    matched = (pixels - pixels.mean(0)) @ matrix.T + wanted.mean(0)
    return _blend(style, matched.reshape(style.shape), strength)


def match_histogram(style: Picture, content: Colors, *, strength: float = 1.0) -> Picture:
    """Give each channel of the style picture the distribution that it has in the content.

    Each value is replaced by the content's value of equal rank. The rank of a value is the share of pixels below it
    plus half of the share of equal ones. Ranks between two values of the content are interpolated.

    Raises:
        ValueError: A strength out of its range.
    """
    channels = zip(np.moveaxis(style, -1, 0), np.moveaxis(content, -1, 0), strict=True)
    return _blend(style, np.stack([_match_channel(given, wanted) for given, wanted in channels], axis=-1), strength)


def keep_colors(result: Picture, content: Picture, *, strength: float = 1.0) -> Picture:
    """Combine the luminance of a result with the colours of the content.

    Both are of one size. The luminance is kept exactly. A colour beyond 0 to 255 is made paler, with the same hue;
    clipping would change its luminance.

    Raises:
        ValueError: Pictures of different size, or a strength out of its range.

    Reference:
        Gatys et al. (2016), "Preserving Color in Neural Artistic Style Transfer", on luminance-only transfer in YIQ.
    """
    if result.shape != content.shape:
        raise ValueError(f"result and content must be of one size, not {result.shape} and {content.shape}")
    luminance = (result.astype(np.float64) @ LUMINANCE)[..., np.newaxis]
    chroma = content - (content.astype(np.float64) @ LUMINANCE)[..., np.newaxis]
    room = np.where(chroma > 0, 255 - luminance, luminance)
    share = np.divide(room, np.abs(chroma), out=np.ones_like(chroma), where=np.abs(chroma) > room)
    return _blend(result, luminance + share.min(axis=-1, keepdims=True) * chroma, strength)


def transfer_colors(
    result: Picture,
    content: AnyPicture,
    styles: Sequence[AnyPicture],
    shares: Sequence[Any],
    *,
    strength: float = 1.0,
) -> Picture:
    """Combine the lightness of a result with the content's colours, moved to the mean and covariance of the style's.

    With masks, these are the content's colours in the region of each style.

    Every place has then the colour that the style has for such a content, so that the palette is spread evenly. The
    colours are smoothed where the result's lightness has no edge.

    Args:
        result: Gives the lightness, 0 to 255.
        content: Gives the places of the colours; of the result's size.
        styles: Give the palettes, of any sizes.
        shares: Part of each style in the colours: a number, or a mask of the result's size. Where their sum is below
            one, the result keeps a part of its own colour, which is smoothed as well.
        strength: From 0 to 1.

    Raises:
        ValueError: Pictures of different size, or a strength out of its range.

    Reference:
        Kolkin et al. (2022), "Neural Neighbor Style Transfer", section 3.4, on colour; He, Sun and Tang (2010),
        "Guided Image Filtering", equations 5, 6 and 8, for the smoothing.

    Example:
        >>> import numpy as np
        >>> grey, red = np.full((4, 4, 3), 128.0, np.float32), np.full((2, 2, 3), (160, 100, 100), np.float32)
        >>> bool(np.ptp(transfer_colors(grey, grey, [red], [1.0])[0, 0]) > 40)
        True
    """
    if result.shape != content.shape:
        raise ValueError(f"result and content must be of one size, not {result.shape} and {content.shape}")
    lab, given = to_lab(result), to_lab(content)[..., 1:]
    wanted = lab[..., 1:].copy()
    for style, share in zip(styles, shares, strict=True):
        if not np.any(share):
            continue
        palette, colors = (values.reshape(-1, 2) for values in (to_lab(style)[..., 1:], given))
        weights = np.ravel(share).astype(np.float64) if np.ndim(share) else None
        matrix = _map_of_moments(colors, palette, LAB_ROUNDING, weights)
        moved = (given - np.average(colors, 0, weights)) @ matrix.T + palette.mean(0)
        if weights is not None:  # under a soft edge of the mask, colours may be far from those in the region
            is_edge = np.asarray(share)[..., np.newaxis] < 1
            moved = np.where(is_edge, moved.clip(palette.min(0), palette.max(0)), moved)
        wanted += np.asarray(share)[..., np.newaxis] * (moved - lab[..., 1:])
    # Differs from the paper: a guided filter in place of a bilateral one, whose cost does not grow with its radius.
    lab[..., 1:] = _smoothed(wanted, lab[..., 0], round(SMOOTHED * max(result.shape)))
    return _blend(result, _rgb(lab), strength)


def to_lab(picture: AnyPicture) -> Float64[np.ndarray, "height width 3"]:
    """Return a picture, R, G, B, 0 to 255, in OkLab."""
    values = picture.astype(np.float64) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ LINEAR_TO_CONES.T) @ CONES_TO_LAB.T)


def _rgb(lab: Float64[np.ndarray, "height width 3"]) -> Float64[np.ndarray, "height width 3"]:
    """Return a picture of OkLab in R, G, B; a colour beyond 0 to 255 is made paler, with the same lightness and hue."""
    lightness, chroma = lab[..., :1].clip(0, 1), lab[..., 1:]
    share, step = np.ones_like(lightness), 0.5
    for _ in range(GAMUT_STEPS):
        found = _linear(np.concatenate([lightness, share * chroma], -1))
        is_outside = ((found < -GAMUT_EDGE) | (found > 1 + GAMUT_EDGE)).any(-1, keepdims=True)
        share = np.where(is_outside, share - step, np.minimum(share + step, 1))
        step /= 2
    linear = _linear(np.concatenate([lightness, share * chroma], -1)).clip(0, 1)
    return np.asarray(255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


def _linear(lab: Float64[np.ndarray, "height width 3"]) -> Float64[np.ndarray, "height width 3"]:
    cones = (lab @ np.linalg.inv(CONES_TO_LAB).T) ** 3
    return np.asarray(cones @ np.linalg.inv(LINEAR_TO_CONES).T)


def _smoothed(values: np.ndarray, guide: np.ndarray, radius: int) -> np.ndarray:
    """Smooth maps (height, width, channels) where a guide (height, width) has no edge."""
    if not radius:
        return values
    side = 2 * radius + 1

    def mean(maps: np.ndarray) -> np.ndarray:
        return np.asarray(uniform_filter(maps, (side, side, *[1] * (maps.ndim - 2)), mode="nearest"))

    guide = guide[..., np.newaxis]
    middle, average = mean(guide), mean(values)
    slope = (mean(guide * values) - middle * average) / (mean(guide * guide) - middle**2 + EDGE_VARIANCE)
    return np.asarray(mean(slope) * guide + mean(average - slope * middle))


def _map_of_moments(
    given: np.ndarray, wanted: np.ndarray, rounding: float, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return the symmetric matrix that brings colours (pixels, channels), weighted or not, to the covariance of others.

    It moves them least of all such matrices: G^-1/2 (G^1/2 W G^1/2)^1/2 G^-1/2.
    """
    root = _symmetric_root(_covariance(given, rounding, weights))
    inverse = np.linalg.inv(root)
    return np.asarray(inverse @ _symmetric_root(root @ _covariance(wanted, rounding) @ root) @ inverse)


def _covariance(pixels: np.ndarray, rounding: float = ROUNDING, weights: np.ndarray | None = None) -> np.ndarray:
    centred = pixels - np.average(pixels, 0, weights)
    weighted, total = (centred, len(pixels)) if weights is None else (centred * weights[:, np.newaxis], weights.sum())
    return np.asarray(centred.T @ weighted / total + rounding * np.eye(pixels.shape[1]))


def _symmetric_root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(values.clip(0))) @ vectors.T)


def _match_channel(given: Plane, wanted: np.ndarray) -> Float64[np.ndarray, "height width"]:
    _, inverse, counts = np.unique(given, return_inverse=True, return_counts=True)
    levels, level_counts = np.unique(wanted, return_counts=True)
    matched = np.interp(_shares_below(counts), _shares_below(level_counts), levels)
    return np.asarray(matched[inverse].reshape(given.shape))


def _shares_below(counts: np.ndarray) -> np.ndarray:
    return np.asarray((np.cumsum(counts) - counts / 2) / counts.sum())


def _blend(picture: Picture, changed: np.ndarray, strength: float) -> Picture:
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be from 0 to 1, not {strength}")
    blend: Picture = ((1 - strength) * picture + strength * changed.clip(0, 255)).clip(0, 255).astype(np.float32)
    return blend
