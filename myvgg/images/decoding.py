"""Picture files to arrays.

Every file becomes R, G, B, 0 to 255, float32, (height, width, 3): turned upright by its EXIF entry, its colours brought
to sRGB by its profile, its transparent parts laid on a colour, its 16 bits kept.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from myvgg.images import deep
from myvgg.images.alpha import WHITE, color_of, lay_on, mask_of
from myvgg.images.opening import opened
from myvgg.images.pillow import from_high_depth, is_high_depth, samples_of, upright
from myvgg.images.profiles import to_srgb
from myvgg.images.resizing import Mask, Picture


class Loaded(NamedTuple):
    """A picture with its transparency and its depth.

    Attributes:
        image: R, G, B, 0 to 255, laid on a colour where it was transparent.
        alpha: From 0, transparent, to 1; None for an opaque picture.
        bits: Bits per channel in the file, 8 or 16; fewer count as 8.
    """

    image: Picture
    alpha: Mask | None
    bits: int


def read(path: str | os.PathLike[str], *, matte: str = "white") -> Loaded:
    """Read a picture with its transparency and its depth.

    Args:
        path: A file; its content tells its format, not its name.
        matte: The colour under transparent parts, as Pillow names colours: white, #8090a0, hsl(120,50%,50%).

    Raises:
        ImageError: The file is missing, empty, damaged, no picture, or has more than `MAX_PIXELS` pixels.
        ValueError: The matte is no colour.

    Example:
        >>> from myvgg import images
        >>> loaded = images.read("examples/chelsea.jpg")
        >>> loaded.image.shape, loaded.alpha, loaded.bits
        ((288, 384, 3), None, 8)
    """
    background = color_of(matte)
    with opened(path) as image:
        picture, alpha, bits = _samples(image, path)
    if alpha is None or alpha.min() == 1:
        return Loaded(picture, None, bits)
    return Loaded(lay_on(background, picture, alpha), alpha, bits)


def load(path: str | os.PathLike[str]) -> Picture:
    """Read a picture, with white under its transparent parts.

    Args:
        path: A file; its content tells its format, not its name.

    Raises:
        ImageError: The file is missing, empty, damaged, no picture, or has more than `MAX_PIXELS` pixels.

    Example:
        >>> from myvgg import images
        >>> images.load("examples/chelsea.jpg").shape
        (288, 384, 3)
    """
    return read(path).image


def load_small(path: str | os.PathLike[str], *, side: int = 0) -> Image.Image:
    """Read a picture as one of Pillow's, R, G, B of 8 bits: the values of `load`, rounded, but in less time.

    Args:
        path: A file.
        side: The length in pixels that both sides are needed at, or 0 for the full size. A JPEG may come out at a half,
            a quarter or an eighth of its size, with no side shorter than this.

    Raises:
        ImageError: As `load`.

    Example:
        >>> from myvgg import images
        >>> images.load_small("examples/chelsea.jpg", side=100).size
        (192, 144)
    """
    with opened(path) as image:
        if side and image.format == "JPEG":
            image.draft(None, (side, side))
        if deep.is_deep(image) or image.mode not in ("RGB", "L"):
            picture, alpha, _ = _samples(image, path)
            return Image.fromarray(np.rint(lay_on(WHITE, picture, alpha)).astype(np.uint8))
        turned = upright(image)
        if "transparency" not in turned.info:
            return to_srgb(turned, turned.info.get("icc_profile"))
    return Image.fromarray(np.rint(load(path)).astype(np.uint8))


def load_mask(path: str | os.PathLike[str]) -> Mask:
    """Read a mask from 0 to 1: the alpha of a picture that is transparent in places, else its luminance.

    Args:
        path: A file.

    Raises:
        ImageError: As `load`.
    """
    with opened(path) as image:
        if image.mode == "F":
            return _unit_mask(np.asarray(image))
        return mask_of(*_samples(image, path)[:2])


def _unit_mask(values: np.ndarray) -> Mask:
    """Return a mask of floating point.

    Raises:
        ValueError: Values outside of 0 to 1.
    """
    if not (values.min() >= 0 and values.max() <= 1):  # false for NaN too
        raise ValueError(f"a mask of floating point must be from 0 to 1, not {values.min()} to {values.max()}")
    return values.astype(np.float32)


def text_of(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the text chunks of a PNG by keyword; other formats have none.

    Args:
        path: A file.

    Raises:
        ImageError: As `load`.
    """
    with opened(path) as image:
        return {key: str(value) for key, value in image.text.items()} if isinstance(image, PngImageFile) else {}


def _samples(image: Image.Image, path: str | os.PathLike[str]) -> tuple[Picture, Mask | None, int]:
    """Return the colours of an open file, not laid on anything, their alpha, and their bits."""
    if deep.is_deep(image):
        return (*deep.decode(image, Path(path).read_bytes()), 16)
    if is_high_depth(image):
        return from_high_depth(upright(image)), None, 16
    return (*samples_of(image), 8)
