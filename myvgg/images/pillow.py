"""Pictures of Pillow's to arrays: turned upright, in sRGB, with their alpha."""

from __future__ import annotations

import numpy as np
from PIL import Image
from PIL.ExifTags import Base as Tag

from myvgg.images.profiles import to_srgb
from myvgg.images.resizing import Mask, Picture
from myvgg.runtime.errors import one_line

TRANSPARENT_MODES = frozenset({"LA", "PA", "RGBA", "La", "RGBa"})
"""Pillow's modes with an alpha channel."""

HIGHEST = 65535
"""The largest value of 16 bits."""

STEPS_IN_LEVEL = 257
"""Steps of 16 bits in one of 8 bits: 65535 / 255."""


class ImageError(ValueError):
    """A picture that cannot be read; the message names the file, on one line."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def samples_of(image: Image.Image) -> tuple[Picture, Mask | None]:
    """Return the colours of a picture, from 0 to 255, and its alpha, from 0 to 1.

    Args:
        image: A picture of any mode.

    Returns:
        The colours, not laid on anything, and the alpha; None for a mode without one.

    Raises:
        ImageError: Values whose range is not known.
    """
    turned = upright(image)
    profile = turned.info.get("icc_profile")
    if is_high_depth(turned):
        return from_high_depth(turned), None
    if "transparency" not in turned.info and turned.mode not in TRANSPARENT_MODES:
        return np.asarray(to_srgb(turned, profile), np.float32), None
    rgba = turned.convert("RGBA")
    opaque = rgba.getchannel("R") if turned.mode in ("L", "LA", "La") else rgba.convert("RGB")
    alpha = np.asarray(rgba.getchannel("A"), np.float32) / 255
    return np.asarray(to_srgb(opaque, profile), np.float32), alpha


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of a picture, 1 to 8; 1 where the entry is missing or damaged."""
    try:
        value = image.getexif().get(Tag.Orientation, 1)
    except Exception:  # Pillow reads all entries, and a damaged one may make it raise anything
        return 1
    return value if value in range(1, 9) else 1


def upright(image: Image.Image) -> Image.Image:
    """Turn a picture upright by its EXIF entry, whatever its other entries hold."""
    image.load()  # which turns a TIFF, and takes the entry out
    turn = TURNS.get(orientation(image))
    return image.transpose(turn) if turn is not None else image


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The function of Pillow that turns a picture upright, by its EXIF orientation."""


def is_high_depth(image: Image.Image) -> bool:
    """Return whether the values of a picture of Pillow's have more than 8 bits."""
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def from_high_depth(image: Image.Image) -> Picture:
    """Bring grey of 16 bits to the range from 0 to 255.

    Pillow gives some files of 16 bits as 32-bit pictures, so these are taken where their values fit into 16 bits.

    Raises:
        ImageError: Floating point, or integers that do not fit into 16 bits.
    """
    values = np.array(image, np.float32)
    if image.mode == "F" or values.min() < 0 or values.max() > HIGHEST:
        raise ImageError(f"mode {image.mode} with values from {values.min():g} to {values.max():g} has no known range")
    return np.repeat(values[..., None] / STEPS_IN_LEVEL, 3, axis=-1)
