"""Pictures between files and arrays.

Whatever a file holds comes out as R, G, B, 0 to 255, float32, (height, width, 3): turned upright as its EXIF entry
says, its colours brought to sRGB where it carries a profile, its transparent parts on a matte, 16 bits undiminished.
What goes out is rounded and carries an sRGB profile.
"""

from __future__ import annotations

import io
import math
import os
import struct
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float32
from PIL import Image, ImageCms, ImageColor, ImageOps, UnidentifiedImageError
from PIL.ExifTags import Base as Tag
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile, PngInfo

from myvgg.files import replacing
from myvgg.nst.settings import parse_size

MAX_PIXELS = 16384 * 16384
"""Larger pictures are refused before they are unpacked; a small file may claim to hold any number of pixels."""

LONGEST_SIDES = {"JPEG": 65500, "WEBP": 16383}
"""Pixels that a side may have in a format, where there is a limit."""

Picture = Float32[np.ndarray, "height width 3"]
AnyPicture = Float32[np.ndarray, "_ _ 3"]
"""A picture among others of other sizes."""
Mask = Float32[np.ndarray, "height width"]
Method = Literal["antialias", "bilinear", "cubic"]


class ImageError(ValueError):
    """A picture that cannot be read; names the file."""


class Loaded(NamedTuple):
    """A picture and what else its file said."""

    image: Picture
    """On a matte where it was transparent."""

    alpha: Mask | None
    """From 0, transparent, to 1; None where all is opaque."""

    bits: int
    """Bits per channel that the file held, 8 or 16; fewer count as 8."""


def read(path: str | os.PathLike[str], *, matte: str = "white") -> Loaded:
    """Read a picture with its alpha and its depth.

    Args:
        path: The file; its format is known by its content.
        matte: What to lay transparent parts on, a colour as Pillow names them: white, #8090a0, hsl(120,50%,50%).

    Raises:
        ImageError: Missing, empty, damaged, not a picture, or of more than `MAX_PIXELS`.
        ValueError: The matte is no colour.
    """
    background = _colour(matte)
    with _opened(path) as image:
        picture, alpha, bits = _decode(image, path)
    if alpha is None or alpha.min() == 1:
        return Loaded(picture, None, bits)
    return Loaded(_over(picture, alpha, background), alpha, bits)


def load(path: str | os.PathLike[str]) -> Picture:
    """Read a picture, transparent parts on white.

    Raises:
        ImageError: As `read`.
    """
    return read(path).image


def load_small(path: str | os.PathLike[str], *, side: int = 0) -> Image.Image:
    """Read a picture as Pillow's, R, G, B of 8 bits, transparent parts on white: as `load`, rounded, but faster.

    Args:
        path: The file.
        side: Its sides need not be longer; a JPEG may come out at a half, a quarter or an eighth of its size, none of
            its sides shorter than this. 0 for its full size.

    Raises:
        ImageError: As `read`.
    """
    with _opened(path) as image:
        if side and image.format == "JPEG":
            image.draft(None, (side, side))
        if _is_deep(image) or image.mode not in ("RGB", "L"):
            picture, alpha, _ = _decode(image, path)
            picture = picture if alpha is None else _over(picture, alpha, _colour("white"))
            return Image.fromarray(np.rint(picture).astype(np.uint8))
        upright = ImageOps.exif_transpose(image)
        if "transparency" not in upright.info:
            return _to_srgb(upright, upright.info.get("icc_profile"))
    return Image.fromarray(np.rint(load(path)).astype(np.uint8))


def load_mask(path: str | os.PathLike[str]) -> Mask:
    """Read a mask from 0 to 1: the alpha of a picture that is transparent in places, else its luminance.

    Raises:
        ImageError: As `read`.
    """
    with _opened(path) as image:
        picture, alpha, _ = _decode(image, path)
    if alpha is not None and alpha.min() < alpha.max():
        return alpha
    return (picture.astype(np.float64) @ [0.299, 0.587, 0.114] / 255).clip(0, 1).astype(np.float32)


def text_of(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the text chunks of a PNG by keyword; other formats have none.

    Raises:
        ImageError: As `read`.
    """
    with _opened(path) as image:
        return {key: str(value) for key, value in image.text.items()} if isinstance(image, PngImageFile) else {}


def save(
    image: Picture,
    path: str | os.PathLike[str],
    *,
    alpha: Mask | None = None,
    bits: int = 8,
    text: Mapping[str, str] | None = None,
) -> None:
    """Write a picture in the format that the suffix names, whole or not at all; see `encode`.

    Raises:
        OSError: It cannot be written; an older file stays as it was.
        ValueError: The suffix names no format that can be written, or as `encode`.
    """
    encoded = encode(image, format_of(path), alpha=alpha, bits=bits, text=text)
    with replacing(path) as temporary:
        temporary.write_bytes(encoded)


def encode(
    image: Picture, kind: str, *, alpha: Mask | None = None, bits: int = 8, text: Mapping[str, str] | None = None
) -> bytes:
    """Return a file's bytes, the same for the same picture; values are rounded and clipped.

    A format takes what it has room for. JPEG and WebP are of quality 95, JPEG without chroma subsampling.

    Args:
        image: From 0 to 255.
        kind: PNG, JPEG, WEBP, TIFF or BMP.
        alpha: From 0, transparent, to 1. JPEG and BMP have none: there the picture is laid on white.
        bits: 8 or 16 a channel; 16 in PNG and TIFF, other formats have 8 only.
        text: By keyword, for PNG; other formats go without.

    Raises:
        ValueError: Another number of bits, or a side that is too long for the format.
    """
    if bits not in (8, 16):
        raise ValueError(f"bits must be 8 or 16, not {bits}")
    if max(image.shape) > (limit := LONGEST_SIDES.get(kind, MAX_PIXELS)):
        raise ValueError(f"{kind} holds sides of up to {limit} pixels, not {max(image.shape)}")
    if alpha is not None and kind in ("JPEG", "BMP"):
        image, alpha = _over(image, alpha, _colour("white")), None
    samples = image if alpha is None else np.dstack([image, 255 * alpha])
    if bits == 16 and kind in ("PNG", "TIFF"):
        deep = np.clip(np.rint(samples * np.float32(257)), 0, 65535).astype(np.uint16)
        return _encode_deep_png(deep, text or {}) if kind == "PNG" else _encode_deep_tiff(deep)
    return _encode(np.clip(np.rint(samples), 0, 255).astype(np.uint8), kind, text or {})


def format_of(path: str | os.PathLike[str]) -> str:
    """Name the format of a path's suffix.

    Raises:
        ValueError: Such pictures cannot be written.
    """
    suffix = Path(path).suffix.lower()
    name = Image.registered_extensions().get(suffix, "")
    if name not in ("PNG", "JPEG", "WEBP", "TIFF", "BMP"):
        raise ValueError(f"cannot write {path}: name it .png, .jpg, .webp, .tif or .bmp")
    return name


def as_rgb(image: Any) -> Picture:
    """Bring an array to (height, width, 3) float32; a grey one (height, width) gets three equal channels.

    It is copied unless nobody can write to it.

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
    return array.astype(np.float32, copy=array.flags.writeable)


def target_size(
    size: int | str, width: int, height: int, *, name: str = "size", truncate: bool = False
) -> tuple[int, int]:
    """Return the width and height that a picture gets, at least one pixel each.

    Args:
        size: 512 (the longest side), 800x600, 800x, x600 or 2MP.
        width: Of the picture as it is.
        height: Of the picture as it is.
        name: Of the parameter, for errors.
        truncate: Cut off fractions of pixels, as older programs do, in place of rounding them.

    Raises:
        ValueError: Not a size, or one of more than `MAX_PIXELS`.
    """
    kind, numbers = parse_size(name, size)
    if kind == "exact":
        wanted = int(numbers[0]), int(numbers[1])
    else:
        lengths = {"longest": max(width, height), "width": width, "height": height, "area": math.sqrt(width * height)}
        length = math.sqrt(numbers[0] * 1e6) if kind == "area" else numbers[0]
        offset = 1e-9 if truncate else 0.5  # no whole number may be lost to the square root's last digit
        across, down = (math.floor(side * length / lengths[kind] + offset) for side in (width, height))
        wanted = max(1, across), max(1, down)
    if wanted[0] * wanted[1] > MAX_PIXELS:
        raise ValueError(f"{name} must give at most {MAX_PIXELS} pixels, not {wanted[0]} x {wanted[1]} by {size!r}")
    return wanted


def resize(
    image: Picture, size: int | tuple[int, int], *, method: Method = "antialias"
) -> Float32[np.ndarray, "new_height new_width 3"]:
    """Scale a picture; what the filter overshoots is cut off.

    Args:
        image: From 0 to 255.
        size: The longest side, or width and height.
        method: Lanczos (antialias), or as older programs do without antialiasing: bilinear, cubic.

    Raises:
        ValueError: Another method.
    """
    if method not in get_args(Method):
        raise ValueError(f"method must be antialias, bilinear or cubic, not {method!r}")
    width, height = target_size(size, image.shape[1], image.shape[0]) if isinstance(size, int) else size
    if (height, width) == image.shape[:2]:
        return image
    if method == "antialias":
        return resample(image, (width, height)).clip(0, 255)
    import tensorflow as tf

    scaled = tf.image.resize(image, (height, width), method="bicubic" if method == "cubic" else method)
    return np.asarray(scaled.numpy(), np.float32).clip(0, 255)


def resize_mask(mask: Mask, size: tuple[int, int]) -> Float32[np.ndarray, "new_height new_width"]:
    """Scale a mask to a width and height, antialiased.

    The filter is a triangle, which has no negative parts: edges do not ring, and masks that sum to one still do.
    """
    if size == mask.shape[::-1]:
        return mask
    return resample(mask[..., np.newaxis], size, Image.Resampling.BILINEAR)[..., 0].clip(0, 1)


def resample(
    maps: Float32[np.ndarray, "height width channels"],
    size: tuple[int, int],
    resampling: Image.Resampling = Image.Resampling.LANCZOS,
) -> Float32[np.ndarray, "new_height new_width channels"]:
    """Scale maps of any values to a width and height by one of Pillow's filters, overshoots and all."""
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(maps, -1, 0)]
    return np.stack([np.asarray(plane.resize(size, resampling)) for plane in planes], axis=-1)


def _colour(matte: str) -> tuple[int, ...]:
    try:
        return ImageColor.getrgb(matte)[:3]
    except ValueError as error:
        raise ValueError(f"matte must be a colour such as white or #8090a0, not {matte!r}") from error


def _over(image: Picture, alpha: Mask, background: tuple[int, ...]) -> Picture:
    share = alpha[..., None]
    over: Picture = (image * share + np.array(background, np.float32) * (1 - share)).clip(0, 255)
    return over


_LIMIT = threading.RLock()
"""Held while Pillow's limit, which is a global of its module, is ours."""


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[ImageFile]:
    """Open a picture, refuse it if its header promises too much, and make ImageError of whatever is wrong with it."""
    with _LIMIT, warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow warns from this number on and refuses from its double
        try:
            with Image.open(path) as image:
                yield image
        except UnidentifiedImageError as error:
            problem = "the file is empty" if Path(path).stat().st_size == 0 else "not a picture that Pillow can read"
            raise ImageError(f"{os.fspath(path)}: {problem}") from error
        except (OSError, SyntaxError, ValueError, LookupError, RuntimeError, Image.DecompressionBombError) as error:
            problem = getattr(error, "strerror", None) or str(error)
            raise ImageError(f"{os.fspath(path)}: cannot be read: {problem}") from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _decode(image: ImageFile, path: str | os.PathLike[str]) -> tuple[Picture, Mask | None, int]:
    """Return the picture, not yet on a matte, its alpha and its bits."""
    if _is_deep(image):
        return (*_decode_deep(image, Path(path).read_bytes()), 16)
    upright = ImageOps.exif_transpose(image)
    profile = upright.info.get("icc_profile")
    if upright.mode.startswith("I;16") or upright.mode in ("I", "F"):
        return _from_high_depth(upright), None, 16
    if "transparency" in upright.info or upright.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
        rgba = upright.convert("RGBA")
        opaque = rgba.getchannel("R") if upright.mode in ("L", "LA", "La") else rgba.convert("RGB")
        alpha = np.asarray(rgba.getchannel("A"), np.float32) / 255
        return np.asarray(_to_srgb(opaque, profile), np.float32), alpha, 8
    return np.asarray(_to_srgb(upright, profile), np.float32), None, 8


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert by the embedded profile; one that does not fit the picture is ignored, as viewers do."""
    image = image.convert("RGB") if image.mode in ("1", "P") else image
    if profile and profile != _srgb():
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            # tables make R, G, B ten times faster, but dark greys wrong by up to 10 levels
            flags = ImageCms.Flags.NONE if image.mode == "RGB" else ImageCms.Flags.NOOPTIMIZE
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB", flags=flags)
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
    return np.repeat(values[..., None] / 257, 3, axis=-1)


def _is_deep(image: ImageFile) -> bool:
    """Whether a file holds 16 bits of grey or R, G, B; of colours Pillow would keep 8."""
    if image.format == "PNG":
        return bool(image.tile) and str(image.tile[0][3]).endswith(";16B")
    tags = getattr(image, "tag_v2", {})
    whole = tags.get(Tag.SampleFormat, (1,))[0] == 1
    return (
        whole and set(tags.get(Tag.BitsPerSample, ())) == {16} and tags.get(Tag.PhotometricInterpretation) in (0, 1, 2)
    )


def _decode_deep(image: ImageFile, content: bytes) -> tuple[Picture, Mask | None]:
    """Do for 16 bits what `_decode` does for 8."""
    import imagecodecs

    turn = _TURNS.get(image.getexif().get(Tag.Orientation, 1))
    deep = imagecodecs.png_decode(content) if image.format == "PNG" else imagecodecs.tiff_decode(content)
    samples = np.atleast_3d(deep).astype(np.float32) / 65535
    if image.format == "TIFF":
        samples = _plain(samples, getattr(image, "tag_v2", {}))
    samples = turn(samples) if turn else samples
    channels = 1 if samples.shape[-1] < 3 else 3  # without alpha
    alpha = samples[..., channels] if samples.shape[-1] > channels else None
    colour = _deep_to_srgb(samples[..., :channels], image.info.get("icc_profile"))
    return (255 * colour).astype(np.float32), None if alpha is None else np.ascontiguousarray(alpha)


def _plain(samples: np.ndarray, tags: Mapping[int, Any]) -> np.ndarray:
    """Bring what TIFF allows to channels last, white as 1, and alpha that is not multiplied into the colours."""
    extra = tags.get(Tag.ExtraSamples, ())
    planar = tags.get(Tag.PlanarConfiguration) == 2 and tags.get(Tag.SamplesPerPixel, 1) > 1
    samples = np.moveaxis(samples, 0, -1) if planar else samples
    if tags[Tag.PhotometricInterpretation] == 0:
        return 1 - samples
    if extra == (0,):
        return samples[..., :3]
    if extra == (1,):
        colour, alpha = samples[..., :3], samples[..., 3:]
        return np.concatenate([np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha > 0), alpha], axis=-1)
    return samples


def _deep_to_srgb(colour: np.ndarray, profile: bytes | None) -> np.ndarray:
    """Convert as `_to_srgb`, from 0 to 1 and in floating point: the tables for 16 bits are 20 levels of 255 off."""
    import imagecodecs

    if profile and profile != _srgb():
        space, source = ("gray", colour[..., 0]) if colour.shape[-1] == 1 else ("rgb", colour)
        source = np.ascontiguousarray(source)
        with suppress(imagecodecs.CmsError):
            converted = imagecodecs.cms_transform(source, profile, _srgb(), colorspace=space, outcolorspace="rgb")
            return converted.clip(0, 1)
    return np.repeat(colour, 3, axis=-1) if colour.shape[-1] == 1 else colour


_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
"""How to turn a picture upright, by its EXIF orientation."""


@cache
def _srgb() -> bytes:
    """Return an sRGB profile, dated always the same, or no two files would have the same bytes."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:]


def _encode(samples: np.ndarray, kind: str, text: Mapping[str, str]) -> bytes:
    options: dict[str, Any] = {} if kind == "BMP" else {"icc_profile": _srgb()}
    options |= {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95, "exact": True}}.get(kind, {})
    if kind == "PNG":
        options["pnginfo"] = PngInfo()
        for key, value in text.items():
            options["pnginfo"].add_text(key, value)
    encoded = io.BytesIO()  # Pillow's own writing into files does not notice a full disk
    Image.fromarray(samples).save(encoded, kind, **options)
    return encoded.getvalue()


def _encode_deep_png(samples: np.ndarray, text: Mapping[str, str]) -> bytes:
    """Write the pixels, and between their header and them the profile and text of a PNG of one pixel by Pillow."""
    import imagecodecs

    header_ends = 33
    one_pixel = _encode(np.zeros((1, 1, 3), np.uint8), "PNG", text)
    chunks = one_pixel[header_ends : one_pixel.rindex(b"IDAT") - 4]
    pixels = bytes(imagecodecs.png_encode(samples))
    return pixels[:header_ends] + chunks + pixels[header_ends:]


def _encode_deep_tiff(samples: np.ndarray) -> bytes:
    import tifffile

    encoded = io.BytesIO()
    extra = ["unassalpha"] if samples.shape[-1] == 4 else None
    options: dict[str, Any] = {"metadata": None, "software": False, "iccprofile": _srgb()}
    tifffile.imwrite(encoded, samples, photometric="rgb", extrasamples=extra, **options)
    return encoded.getvalue()
