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


def lay_on(background: tuple[int, ...], picture: Picture, alpha: Mask | None) -> Picture:
    """Lay a picture on a colour where it is transparent; an opaque picture, whose alpha is None, comes back itself."""
    if alpha is None:
        return picture
    share = alpha[..., None]
    laid: Picture = (picture * share + np.array(background, np.float32) * (1 - share)).clip(0, 255)
    return laid


def mask_of(picture: Picture, alpha: Mask | None) -> Mask:
    """Return the alpha of a picture that is transparent in places, and the luminance of any other, from 0 to 1."""
    if alpha is not None and alpha.min() < alpha.max():
        return alpha
    return (picture.astype(np.float64) @ LUMINANCE / 255).clip(0, 1).astype(np.float32)
