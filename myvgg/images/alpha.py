"""Transparency: pictures laid on a colour, and masks."""

from __future__ import annotations

import numpy as np
from PIL import ImageColor

from myvgg.images.pillow import STEPS_IN_LEVEL
from myvgg.images.resizing import Mask, Picture

LUMINANCE = (0.299, 0.587, 0.114)
"""The shares of R, G, B in luminance, ITU-R BT.601, as Pillow has them."""


def color_of(matte: str) -> tuple[int, ...]:
    """Return R, G, B of a colour's name.

    Raises:
        ValueError: Pillow knows no such colour.
    """
    try:
        return ImageColor.getrgb(matte)[:3]
    except ValueError as error:
        raise ValueError(f"matte must be a colour such as white or #8090a0, not {matte!r}") from error


WHITE = color_of("white")

WHITEST = 255
"""The largest level of 8 bits."""

MANY_LABELS = 32
"""Pictures of smaller whole numbers only, or of no more colours, hold labels and no greys."""

ADVICE = "make a mask for each region, white where it is, such as labels == 1 of an array"


def lay_on(background: tuple[int, ...], picture: Picture, alpha: Mask | None) -> Picture:
    """Lay a picture on a colour where it is transparent; an opaque picture, whose alpha is None, comes back itself."""
    if alpha is None:
        return picture
    share = alpha[..., None]
    laid: Picture = (picture * share + np.array(background, np.float32) * (1 - share)).clip(0, 255)
    return laid


def mask_of(picture: Picture, alpha: Mask | None) -> Mask:
    """Return the alpha of a picture that is transparent in places or everywhere, else the luminance, from 0 to 1.

    In a picture of 0 and 1 alone, 1 is white; in one of black and one colour, the colour is.

    Raises:
        ValueError: Small whole numbers, or few colours: labels of more than two regions.
    """
    if alpha is not None and (alpha.min() < alpha.max() or alpha.max() == 0):
        return alpha
    if (picture != picture[..., :1]).any():
        colours = np.unique(np.rint(picture).astype(np.int32) @ (2**16, 2**8, 1))
        if len(colours) == 2 and colours[0] == 0:
            return np.asarray(picture.any(-1), np.float32)
        if len(colours) <= MANY_LABELS:
            raise ValueError(f"a mask of {len(colours)} colours has labels: {ADVICE}")
    elif (marked := _marked(picture[..., 0])) is not None:
        return marked
    return (picture.astype(np.float64) @ LUMINANCE / 255).clip(0, 1).astype(np.float32)


def mask_of_levels(levels: np.ndarray) -> Mask:
    """Return numbers from 0 to 255 as a mask from 0 to 1; among 0 and 1 alone, 1 is white.

    Raises:
        ValueError: Small whole numbers: labels of more than two regions.
    """
    marked = _marked(levels)
    return np.asarray(levels / np.float32(WHITEST), np.float32) if marked is None else marked


def _marked(levels: np.ndarray) -> Mask | None:
    """Return levels of 0 and 1 alone as a mask, and None for greys; 255 beside labels is no label."""
    if 0 < levels.max(initial=0) < MANY_LABELS / STEPS_IN_LEVEL:
        levels = np.rint(levels * STEPS_IN_LEVEL)  # labels of 16 bits
    below = levels[levels < WHITEST]
    highest = float(below.max(initial=0))
    if not 0 < highest < MANY_LABELS or not np.array_equal(below, np.rint(below)):
        return None
    if highest > 1 or below.size < levels.size:
        raise ValueError(f"a mask of values from 0 to {highest:.0f} has labels: {ADVICE}")
    return levels.astype(np.float32)
