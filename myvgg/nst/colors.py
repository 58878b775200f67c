"""Keeping the content's colours: the style picture is given them before the transfer, or the result gets them after.

Pictures are R, G, B, 0 to 255, as they are stored, not linear light. A strength of 0 returns the picture as it was, 1
returns the changed picture, and values between blend the two.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float32, Float64

from myvgg.images import Picture

Root = Literal["symmetric", "cholesky"]
Plane = Float32[np.ndarray, "height width"]
Matrix = Float64[np.ndarray, "3 3"]
Colors = Float32[np.ndarray, "content_height content_width 3"]
Pixels = Float64[np.ndarray, "pixels 3"]

ROUNDING = 1 / 12
"""Variance of rounding to whole levels. It is added to every channel's variance, so that rounding is not amplified to
colours, and grey pictures have a root to divide by."""

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


def _covariance(pixels: Pixels) -> Matrix:
    centred = pixels - pixels.mean(0)
    return np.asarray(centred.T @ centred / len(pixels) + ROUNDING * np.eye(3))


def _symmetric_root(matrix: Matrix) -> Matrix:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(values)) @ vectors.T)


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
