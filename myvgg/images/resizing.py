"""Pictures and masks scaled."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float32
from PIL import Image

from myvgg.runtime.process import uninterrupted
from myvgg.sizes import target_size

Picture = Float32[np.ndarray, "height width 3"]
"""R, G, B, 0 to 255."""
AnyPicture = Float32[np.ndarray, "_ _ 3"]
"""A picture among others of other sizes."""
Mask = Float32[np.ndarray, "height width"]
"""From 0 to 1."""
Method = Literal["antialias", "bilinear", "cubic"]
"""The filters of `resize`."""


def resize(
    image: Picture, size: int | tuple[int, int], *, method: Method = "antialias"
) -> Float32[np.ndarray, "new_height new_width 3"]:
    """Scale a picture, and clip where the filter overshoots.

    Args:
        image: R, G, B, 0 to 255.
        size: The longest side in pixels, or width and height.
        method: `antialias`, Lanczos; or `bilinear` and `cubic`, without antialiasing, as older programs do.

    Raises:
        ValueError: Another method, or a size of too many pixels.

    Example:
        >>> from myvgg import images
        >>> images.resize(images.load("examples/chelsea.jpg"), 64).shape
        (48, 64, 3)
    """
    if method not in get_args(Method):
        raise ValueError(f"method must be antialias, bilinear or cubic, not {method!r}")
    width, height = target_size(size, image.shape[1], image.shape[0]) if isinstance(size, int) else size
    if (height, width) == image.shape[:2]:
        return image
    if method == "antialias":
        return resample(image, (width, height)).clip(0, 255)
    import tensorflow as tf

    with uninterrupted():
        scaled = tf.image.resize(image, (height, width), method="bicubic" if method == "cubic" else method)
        return np.asarray(scaled.numpy(), np.float32).clip(0, 255)


def resize_mask(mask: Mask, size: tuple[int, int]) -> Float32[np.ndarray, "new_height new_width"]:
    """Scale a mask to a width and height, antialiased.

    The filter is a triangle, which has no negative parts: edges do not ring, and masks that sum to one still do.

    Args:
        mask: From 0 to 1.
        size: Width and height in pixels.
    """
    if size == mask.shape[::-1]:
        return mask
    return resample(mask[..., np.newaxis], size, Image.Resampling.BILINEAR)[..., 0].clip(0, 1)


def resample(
    maps: Float32[np.ndarray, "height width channels"],
    size: tuple[int, int],
    resampling: Image.Resampling = Image.Resampling.LANCZOS,
) -> Float32[np.ndarray, "new_height new_width channels"]:
    """Scale maps of any values to a width and height, without clipping.

    Args:
        maps: Channels are scaled one by one.
        size: Width and height in pixels.
        resampling: One of Pillow's filters.
    """
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(maps, -1, 0)]
    return np.stack([np.asarray(plane.resize(size, resampling)) for plane in planes], axis=-1)
