"""Colour profiles: from the colours of a file to sRGB."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from functools import cache

import numpy as np
from PIL import Image, ImageCms


@cache
def srgb() -> bytes:
    """Return an sRGB profile with a fixed date, so that the same picture gives the same bytes."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:]


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert a picture to sRGB and to mode RGB.

    Args:
        image: A picture of 8 bits.
        profile: Its embedded profile, if any. One that does not fit the picture is ignored, as viewers do.
    """
    image = image.convert("RGB") if image.mode in ("1", "P") else image
    if profile and profile != srgb():
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            # tables are ten times faster for R, G, B, but put dark greys wrong by up to 10 levels
            flags = ImageCms.Flags.NONE if image.mode == "RGB" else ImageCms.Flags.NOOPTIMIZE
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB", flags=flags)
        except (ImageCms.PyCMSError, OSError):
            pass
        else:
            return converted or image
    return image.convert("RGB")


def deep_to_srgb(colour: np.ndarray, profile: bytes | None) -> np.ndarray:
    """Convert colours from 0 to 1 to sRGB in floating point, since tables for 16 bits are off by 20 levels of 255.

    Args:
        colour: (height, width, 1 or 3).
        profile: The embedded profile, if any. One that does not fit the picture is ignored.
    """
    import imagecodecs

    if profile and profile != srgb():
        space, source = ("gray", colour[..., 0]) if colour.shape[-1] == 1 else ("rgb", colour)
        source = np.ascontiguousarray(source)
        with suppress(imagecodecs.CmsError):
            converted = imagecodecs.cms_transform(source, profile, srgb(), colorspace=space, outcolorspace="rgb")
            return converted.clip(0, 1)
    return np.repeat(colour, 3, axis=-1) if colour.shape[-1] == 1 else colour
