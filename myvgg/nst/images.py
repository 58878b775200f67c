"""Pictures between files and arrays.

Whatever a file holds comes out as R, G, B, 0 to 255, float32, (height, width, 3): turned upright as its EXIF entry
says, its colours brought to sRGB where it carries a profile, its transparent parts on white.
"""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from myvgg.files import replacing

Picture = Float32[np.ndarray, "height width 3"]


class ImageError(ValueError):
    """A picture that cannot be read; names the file."""


def load(path: str | os.PathLike[str]) -> Picture:
    """Read a picture.

    Raises:
        ImageError: Missing, empty, damaged, or not a picture.
    """
    try:
        with (
            warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
            Image.open(path) as image,
        ):
            return _to_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        problem = "the file is empty" if Path(path).stat().st_size == 0 else "not a picture that Pillow can read"
        raise ImageError(f"{os.fspath(path)}: {problem}") from error
    except (OSError, SyntaxError, ValueError, RuntimeError, Image.DecompressionBombError) as error:
        raise ImageError(f"{os.fspath(path)}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def save(image: Picture, path: str | os.PathLike[str]) -> None:
    """Write a picture, rounded to 8 bits, in the format that the suffix names, whole or not at all.

    Raises:
        OSError: It cannot be written; an older file stays as it was.
    """
    rounded = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    options = {"quality": 95, "subsampling": 0} if format_of(path) == "JPEG" else {}
    encoded = io.BytesIO()  # Pillow's own writing into files does not notice a full disk
    Image.fromarray(rounded).save(encoded, format_of(path), **options)
    with replacing(path) as temporary:
        temporary.write_bytes(encoded.getbuffer())


def format_of(path: str | os.PathLike[str]) -> str:
    """Name the format of a path's suffix.

    Raises:
        ValueError: Pillow cannot write such pictures.
    """
    suffix = Path(path).suffix.lower()
    name = Image.registered_extensions().get(suffix, "")
    if name not in ("PNG", "JPEG", "WEBP", "TIFF", "BMP"):
        raise ValueError(f"cannot write {path}: name it .png, .jpg, .webp, .tif or .bmp")
    return name


def as_rgb(image: Any) -> Picture:
    """Bring an array to (height, width, 3) float32; a grey one (height, width) gets three equal channels.

    Raises:
        ValueError: Another shape or type, no pixels, or values out of 0 to 255.
    """
    array = np.asarray(image)
    if array.dtype != np.uint8 and not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"a picture must be uint8 or floating point from 0 to 255, not {array.dtype}")
    array = np.repeat(array[..., None], 3, axis=-1) if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[-1] != 3 or array.size == 0:
        raise ValueError(f"a picture must have shape (height, width, 3), not {array.shape}")
    if not (array.min() >= 0 and array.max() <= 255):
        raise ValueError(f"a picture's values must be from 0 to 255, not {array.min()} to {array.max()}")
    return array.astype(np.float32)


def resize(image: Picture, longest: int) -> Float32[np.ndarray, "new_height new_width 3"]:
    """Scale a picture, antialiased, until its longest side has `longest` pixels."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if size == (width, height):
        return image
    planes = [Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS) for plane in np.moveaxis(image, -1, 0)]
    return np.stack([np.asarray(plane, np.float32) for plane in planes], axis=-1).clip(0, 255)


def _to_rgb(image: Image.Image) -> Picture:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _from_high_depth(image)
    if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
        profile = image.info.get("icc_profile")
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
        image.info["icc_profile"] = profile
    return np.asarray(_to_srgb(image), np.float32)


def _to_srgb(image: Image.Image) -> Image.Image:
    """Convert by the embedded profile; one that does not fit the picture is ignored, as viewers do."""
    profile = image.info.get("icc_profile")
    image = image.convert("RGB") if image.mode in ("1", "P") else image
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            pass
        else:
            return converted or image
    return image.convert("RGB")


def _from_high_depth(image: Image.Image) -> Picture:
    """Bring 16-bit grey to 0 to 255; 32-bit pictures only where their values are 16-bit ones, as Pillow's often are."""
    values = np.array(image, np.float32)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ImageError(f"mode {image.mode} with values from {values.min():g} to {values.max():g} has no known range")
    values[values == image.info.get("transparency")] = 65535  # the one grey that PNG may call transparent, on white
    return np.repeat(values[..., None] / 257, 3, axis=-1)
