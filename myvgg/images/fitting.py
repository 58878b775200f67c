"""Pictures brought to the size that a network takes: one record for all who do it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from myvgg.images.coercion import as_picture
from myvgg.images.decoding import load_small
from myvgg.runtime.errors import UsageError
from myvgg.sizes import MAX_PIXELS, target_size

How = Literal["crop", "squash", "longest", "none"]
"""The ways of `Resizing`."""

LONGEST_SIDE = math.isqrt(MAX_PIXELS)
"""The largest size in pixels: that of a square of `MAX_PIXELS`."""

AROUND_CROP = 256 / 224
"""Shorter side of a picture over the side of the square that `crop` cuts out of it.

Reference:
    Simonyan and Zisserman (2015), section 3.2, whose smallest test scale is 256 for crops of 224.
"""


@dataclass(frozen=True)
class Resizing:
    """A way to bring pictures to the size that a network takes.

    It is a function of a picture. `myvgg.extract`, `myvgg.classify` and int8 export use the same one, so that a picture
    gives the same numbers everywhere.

    Attributes:
        size: Height and width of the result in pixels; for `longest`, only its longest side; for `none`, unused.
        how: `crop`, the middle square, whose side is 224/256 of the picture's shorter side; `squash`, the whole picture
            as a square; `longest`, the whole picture in its own shape; `none`, the picture as it is.

    Example:
        >>> from myvgg.images import Resizing
        >>> Resizing(64)("examples/chelsea.jpg").shape
        (64, 64, 3)
        >>> Resizing(64, how="longest")("examples/chelsea.jpg").shape
        (48, 64, 3)
    """

    size: int = 224
    how: How = "crop"

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            UsageError: A size or a way that there is not.
        """
        if not 1 <= self.size <= LONGEST_SIDE:
            limit = "at least 1" if self.size < 1 else f"at most {LONGEST_SIDE}"
            raise UsageError(f"size must be {limit}, not {self.size}")
        if self.how not in get_args(How):
            raise UsageError(f"how must be one of {', '.join(get_args(How))}, not {self.how!r}")

    @property
    def is_square(self) -> bool:
        """True where all results have the height and width `size`."""
        return self.how in ("crop", "squash")

    def __call__(self, picture: Any) -> UInt8[np.ndarray, "height width 3"]:
        """Bring a picture to the size, by Pillow's Lanczos filter.

        Args:
            picture: A path, a picture of Pillow's, or an array as `images.as_picture` takes them. A path is best: a
                large JPEG is then decoded at a half, a quarter or an eighth of its size, which saves most of the time,
                and 16 bits are rounded after their colours are converted. The result for the decoded picture may differ
                from it by some levels.

        Returns:
            R, G, B, 0 to 255.

        Raises:
            ImageError: A file that cannot be read.
            ValueError: An array that is no picture.
        """
        if isinstance(picture, str | os.PathLike):
            needed = 0 if self.how == "none" else round(self.size * AROUND_CROP)
            return self._resized(load_small(picture, side=needed))
        return self._resized(Image.fromarray(np.rint(as_picture(picture)).astype(np.uint8)))

    def _resized(self, image: Image.Image) -> UInt8[np.ndarray, "height width 3"]:
        if self.how == "none":
            return np.array(image)
        size, box = (self.size, self.size), None
        if self.how == "crop":
            side = min(image.size) / AROUND_CROP
            left, top = ((length - side) / 2 for length in image.size)
            box = (left, top, left + side, top + side)
        elif self.how == "longest":
            size = target_size(self.size, *image.size)
        return np.array(image.resize(size, Image.Resampling.LANCZOS, box))


CENTRE_CROP = Resizing()
"""The middle square of a picture, 224 x 224."""
