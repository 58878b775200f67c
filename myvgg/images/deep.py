"""Pictures of 16 bits a channel, which Pillow reduces to 8: PNG by libpng, TIFF by libtiff and tifffile."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image
from PIL.ExifTags import Base as Tag

from myvgg.images.pillow import orientation
from myvgg.images.profiles import deep_to_srgb, srgb
from myvgg.images.resizing import Mask, Picture


def is_deep(image: Image.Image) -> bool:
    """Return whether a file holds 16 bits of grey or R, G, B, of which Pillow would keep 8."""
    if image.format == "PNG":
        tiles: Any = getattr(image, "tile", ())
        return bool(tiles) and str(tiles[0][-1]).endswith(";16B")
    tags: Any = getattr(image, "tag_v2", {})
    is_integer = tags.get(Tag.SampleFormat, (1,))[0] == 1
    return (
        is_integer
        and set(tags.get(Tag.BitsPerSample, ())) == {16}
        and tags.get(Tag.PhotometricInterpretation) in (0, 1, 2)
    )


def decode(image: Image.Image, content: bytes) -> tuple[Picture, Mask | None]:
    """Return the colours of a file of 16 bits, from 0 to 255, and its alpha, from 0 to 1, or None.

    Args:
        image: The open file, for its format, orientation and profile.
        content: The bytes of the file.
    """
    import imagecodecs

    turn = _TURNS.get(orientation(image))
    deep = (
        imagecodecs.png_decode(content)
        if image.format == "PNG"
        else imagecodecs.tiff_decode(content, index=image.tell())
    )
    samples = np.atleast_3d(deep).astype(np.float32) / 65535
    if image.format == "TIFF":
        samples = _plain(samples, getattr(image, "tag_v2", {}))
    samples = turn(samples) if turn else samples
    channels = 1 if samples.shape[-1] < 3 else 3  # those of the colour
    alpha = samples[..., channels] if samples.shape[-1] > channels else None
    colour = deep_to_srgb(samples[..., :channels], image.info.get("icc_profile"))
    return (255 * colour).astype(np.float32), None if alpha is None else np.ascontiguousarray(alpha)


def _plain(samples: np.ndarray, tags: Mapping[int, Any]) -> np.ndarray:
    """Bring the layouts of TIFF to one: channels last, white as 1, colours that alpha is not multiplied into."""
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


_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
"""The function that turns a picture upright, by its EXIF orientation."""


def encode_png(samples: np.ndarray, one_pixel: bytes) -> bytes:
    """Return a PNG of 16 bits.

    Args:
        samples: (height, width, channels), uint16.
        one_pixel: A PNG of one pixel, whose profile and text are put between the header and the pixels.
    """
    import imagecodecs

    header_ends = 33
    chunks = one_pixel[header_ends : one_pixel.rindex(b"IDAT") - 4]
    pixels = bytes(imagecodecs.png_encode(samples))
    return pixels[:header_ends] + chunks + pixels[header_ends:]


def encode_tiff(samples: np.ndarray) -> bytes:
    """Return a TIFF of 16 bits, with the sRGB profile."""
    import tifffile

    encoded = io.BytesIO()
    extra = ["unassalpha"] if samples.shape[-1] == 4 else None
    options: dict[str, Any] = {"metadata": None, "software": False, "iccprofile": srgb()}
    tifffile.imwrite(encoded, samples, photometric="rgb", extrasamples=extra, **options)
    return encoded.getvalue()
