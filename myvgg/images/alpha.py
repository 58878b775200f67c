"""Transparency: pictures laid on a colour, and masks."""

from __future__ import annotations

import numpy as np
from PIL import ImageColor

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

MANY_LABELS = 16
"""Pictures of smaller whole numbers only hold labels and no greys."""


def lay_on(background: tuple[int, ...], picture: Picture, alpha: Mask | None) -> Picture:
    """Lay a picture on a colour where it is transparent; an opaque picture, whose alpha is None, comes back itself."""
    if alpha is None:
        return picture
    share = alpha[..., None]
    laid: Picture = (picture * share + np.array(background, np.float32) * (1 - share)).clip(0, 255)
    return laid


def mask_of(picture: Picture, alpha: Mask | None) -> Mask:
    """Return the alpha of a picture that is transparent in places or everywhere, else the luminance, from 0 to 1.

    In a picture of 0 and 1 alone, 1 is white.

    Raises:
        ValueError: Small whole numbers: labels of more than two regions.
    """
    if alpha is not None and (alpha.min() < alpha.max() or alpha.max() == 0):
        return alpha
    highest = float(picture.max())
    if 0 < highest < MANY_LABELS and np.array_equal(picture, np.rint(picture)):
        if highest > 1:
            raise ValueError(
                f"a mask of values from 0 to {highest:.0f} has labels: make a mask for each region, white where it is"
            )
        picture = picture * 255
    return (picture.astype(np.float64) @ LUMINANCE / 255).clip(0, 1).astype(np.float32)
