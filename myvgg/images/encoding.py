"""Arrays to picture files: rounded, and with an sRGB profile."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from myvgg.images import deep
from myvgg.images.alpha import WHITE, lay_on
from myvgg.images.pillow import HIGHEST, STEPS_IN_LEVEL
from myvgg.images.profiles import srgb
from myvgg.images.resizing import Mask, Picture
from myvgg.runtime.files import replacing
from myvgg.sizes import MAX_PIXELS

LONGEST_SIDES = {"JPEG": 65500, "WEBP": 16383}
"""The largest number of pixels of a side, in formats that have a limit."""

OPAQUE = ("JPEG", "BMP")
"""Formats without transparency, as they are written here."""

DEEP = ("PNG", "TIFF")
"""Formats that are written with 16 bits."""


def save(
    image: Picture,
    path: str | os.PathLike[str],
    *,
    alpha: Mask | None = None,
    bits: int = 8,
    text: Mapping[str, str] | None = None,
) -> None:
    """Write a picture in the format that the suffix names, whole or not at all.

    Args:
        image: R, G, B, 0 to 255.
        path: A file .png, .jpg, .webp, .tif or .bmp.
        alpha: From 0, transparent, to 1. JPEG and BMP have none: there the picture is laid on white.
        bits: 8 or 16 per channel; formats other than PNG and TIFF have 8 only.
        text: Texts by keyword for PNG; other formats go without.

    Raises:
        OSError: The file cannot be written; an older file stays as it was.
        ValueError: The suffix names no format that can be written, another number of bits, or a side that is too long
            for the format.

    Example:
        >>> import tempfile
        >>> from myvgg import images
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     images.save(images.load("examples/chelsea.jpg"), f"{folder}/chelsea.png")
        ...     images.load(f"{folder}/chelsea.png").shape
        (288, 384, 3)
    """
    encoded = encode(image, format_of(path), alpha=alpha, bits=bits, text=text)
    with replacing(path) as temporary:
        temporary.write_bytes(encoded)


def encode(
    image: Picture, kind: str, *, alpha: Mask | None = None, bits: int = 8, text: Mapping[str, str] | None = None
) -> bytes:
    """Return the bytes of a file, which are the same for the same picture; values are rounded and clipped.

    JPEG and WebP are written with quality 95, JPEG without chroma subsampling.

    Args:
        image: R, G, B, 0 to 255.
        kind: PNG, JPEG, WEBP, TIFF or BMP.
        alpha: As in `save`.
        bits: As in `save`.
        text: As in `save`.

    Raises:
        ValueError: Another number of bits, or a side that is too long for the format.
    """
    if bits not in (8, 16):
        raise ValueError(f"bits must be 8 or 16, not {bits}")
    check_sides(kind, max(image.shape))
    if kind in OPAQUE:
        image, alpha = lay_on(WHITE, image, alpha), None
    samples = image if alpha is None else np.dstack([image, 255 * alpha])
    if bits == 16 and kind in DEEP:
        levels = np.clip(np.rint(samples * np.float32(STEPS_IN_LEVEL)), 0, HIGHEST).astype(np.uint16)
        if kind == "TIFF":
            return deep.encode_tiff(levels)
        return deep.encode_png(levels, _encode(np.zeros((1, 1, 3), np.uint8), "PNG", text or {}))
    return _encode(np.clip(np.rint(samples), 0, 255).astype(np.uint8), kind, text or {})


def check_sides(kind: str, longest: int) -> None:
    """Raise if a format cannot hold a picture of some size.

    Args:
        kind: PNG, JPEG, WEBP, TIFF or BMP.
        longest: Longest side in pixels.

    Raises:
        ValueError: The side is too long.
    """
    if longest > (limit := LONGEST_SIDES.get(kind, MAX_PIXELS)):
        raise ValueError(f"{kind} holds sides of up to {limit} pixels, not {longest}")


def format_of(path: str | os.PathLike[str]) -> str:
    """Return the format that the suffix of a path names: PNG, JPEG, WEBP, TIFF or BMP.

    Args:
        path: A file, which need not exist.

    Raises:
        ValueError: Such pictures cannot be written.

    Example:
        >>> from myvgg import images
        >>> images.format_of("result.jpg")
        'JPEG'
    """
    suffix = Path(path).suffix.lower()
    name = Image.registered_extensions().get(suffix, "")
    if name not in ("PNG", "JPEG", "WEBP", "TIFF", "BMP"):
        raise ValueError(f"cannot write {path}: name it .png, .jpg, .webp, .tif or .bmp")
    return name


def _encode(samples: np.ndarray, kind: str, text: Mapping[str, str]) -> bytes:
    options: dict[str, Any] = {} if kind == "BMP" else {"icc_profile": srgb()}
    options |= {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95, "exact": True}}.get(kind, {})
    if kind == "PNG":
        options["pnginfo"] = PngInfo()
        for key, value in text.items():
            options["pnginfo"].add_text(key, value)
    encoded = io.BytesIO()  # Pillow's own writing into files does not notice a full disk
    Image.fromarray(samples).save(encoded, kind, **options)
    return encoded.getvalue()
