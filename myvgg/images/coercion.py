"""Pictures and masks of any kind, as callers have them, to arrays of one kind."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from PIL import Image

from myvgg.images.alpha import WHITE, lay_on, mask_of, mask_of_levels
from myvgg.images.decoding import load, load_mask
from myvgg.images.pillow import samples_of
from myvgg.images.resizing import Mask, Picture
from myvgg.runtime.errors import warn_once

DARKEST = 1 / 16
"""Brightest value of a mask, of 1, below which the mask is one of fewer bits than its type, or of labels."""


def problem_of_mask(mask: Mask) -> str:
    """Return the reason that a mask counts nowhere, or hardly anywhere; empty for a good mask.

    Args:
        mask: From 0 to 1.

    Example:
        >>> import numpy as np
        >>> from myvgg.images.coercion import problem_of_mask
        >>> problem_of_mask(np.full((2, 2), 0.004, np.float32))
        'is black almost everywhere, its brightest value is 0.004 of 1: paint the part that counts white'
    """
    brightest = float(mask.max())
    if brightest >= DARKEST:
        return ""
    almost = f" almost everywhere, its brightest value is {brightest:.2g} of 1" if brightest else " everywhere"
    return f"is black{almost}: paint the part that counts white"


def as_picture(image: Any) -> Picture:
    """Bring a picture of any kind to (height, width, 3), R, G, B, 0 to 255, float32.

    Args:
        image: A path; a picture of Pillow's, which is turned upright and laid on white like a file; or an array as
            `as_rgb` takes it.

    Raises:
        ImageError: A file that cannot be read, or a picture of Pillow's whose range of values is not known.
        ValueError: An array of another shape or type, without pixels, or with values outside of 0 to 255.

    Example:
        >>> import numpy as np
        >>> from myvgg import images
        >>> images.as_picture("examples/chelsea.jpg").shape
        (288, 384, 3)
        >>> images.as_picture(np.zeros((4, 6), np.uint8)).shape
        (4, 6, 3)
    """
    if isinstance(image, str | os.PathLike):
        return load(image)
    return lay_on(WHITE, *samples_of(image)) if isinstance(image, Image.Image) else as_rgb(image)


def as_mask(mask: Any) -> Mask:
    """Bring a mask of any kind to (height, width), 0 to 1, float32.

    Args:
        mask: A path or a picture of Pillow's, of which the alpha counts where it is transparent in places, else the
            luminance; or an array (height, width), boolean, from 0 to 1, or whole numbers from 0 to 255.

    Raises:
        ImageError: A file that cannot be read, or holds labels.
        ValueError: An array of another shape, with other values, or with labels of several regions.

    Example:
        >>> import numpy as np
        >>> from myvgg import images
        >>> images.as_mask(np.array([[True, False]])).tolist()
        [[1.0, 0.0]]
    """
    if isinstance(mask, str | os.PathLike):
        return load_mask(mask)
    if isinstance(mask, Image.Image) and mask.mode != "F":
        return mask_of(*samples_of(mask))
    if isinstance(mask, np.ma.MaskedArray):
        raise ValueError("a mask must have no masked pixels: fill them, mask.filled(value)")
    array = np.asarray(mask)
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"a mask must have shape (height, width), not {array.shape}: take one channel")
    if array.dtype.kind not in "biuf":
        raise ValueError(f"a mask must have numbers from 0 to 1, not {array.dtype}")
    highest = 255 if array.dtype.kind in "iu" else 1
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= highest):  # true for NaN too
        raise ValueError(f"a mask must have values from 0 to 1, not {low} to {high}{_advice(high)}")
    return mask_of_levels(array) if highest > 1 else array.astype(np.float32)


def _advice(high: Any) -> str:
    """Return what brings a mask into its range."""
    if not high >= 2:
        return ""
    return f": divide by {255 if high <= 255 else 65535}, or compare labels with one of them, such as labels == 1"


def as_rgb(image: Any) -> Picture:
    """Bring an array to (height, width, 3), float32; a grey one (height, width) gets three equal channels.

    Args:
        image: Numbers from 0 to 255, uint8 or floating point. The result is a copy, unless the array is float32 already
            and nobody can write to it.

    Raises:
        ValueError: Another shape or type, no pixels, or values outside of 0 to 255.
    """
    if isinstance(image, np.ma.MaskedArray):
        raise ValueError("a picture must have no masked pixels: fill them, image.filled(value)")
    array = np.asarray(image)
    if array.dtype != np.uint8 and not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"a picture must be uint8 or floating point from 0 to 255, not {array.dtype}")
    array = np.repeat(array[..., None], 3, axis=-1) if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[-1] != 3 or array.size == 0:
        raise ValueError(f"a picture must have shape (height, width, 3), not {array.shape}")
    check_values("a picture's values", array, lowest=0.0, highest=255.0)
    return array.astype(np.float32, copy=array.flags.writeable)


def check_values(name: str, array: np.ndarray, *, lowest: float, highest: float) -> None:
    """Refuse numbers that are not from 0 to 255, and warn once where pictures seem to be from 0 to 1.

    Args:
        name: The name of the pictures, for the error.
        array: Pictures; uint8 needs no check.
        lowest: The smallest number that is allowed.
        highest: The largest number that is allowed.

    Raises:
        ValueError: A number outside of these, or NaN.

    Warns:
        UserWarning: There is no number above 1, and the pictures are not black.
    """
    if array.dtype == np.uint8 or array.size == 0:
        return
    low, high = float(array.min()), float(array.max())
    if not (low >= lowest and high <= highest):  # true for NaN too
        raise ValueError(f"{name} must be from 0 to 255, not {low} to {high}")
    if 0 < high <= 1:
        warn_once(
            f"{name} must be from 0 to 255, but none is above 1: if they are from 0 to 1, multiply by 255", UserWarning
        )
