"""Picture files opened by the formats that are promised, without a limit or a lock that a process shares."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
from PIL import Image
from PIL.ExifTags import Base as Tag
from PIL.ImageFile import ImageFile

from myvgg.images.pillow import ImageError
from myvgg.runtime.errors import warn_once
from myvgg.runtime.files import SPECIAL, is_special
from myvgg.sizes import MAX_PIXELS

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000", "AVIF", "HEIF")
"""Formats that are read, by Pillow's names; HEIF needs pillow-heif. No other program is ever started."""

HEIC = frozenset(b"ftyp" + brand for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
"""Bytes 4 to 12 of the pictures that phones write, which pillow-heif makes readable."""

JPEG_XL = (b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")
"""Beginnings of JPEG XL files, which imagecodecs reads."""

BEGINNING = 16
"""Number of bytes by which Pillow tells formats apart."""

REDUCED = 1
"""The bit of a TIFF page's NewSubfileType that says: a smaller copy of another page."""

DNG_VERSION = 50706
"""The tag of Adobe's camera raw files, which are TIFFs."""


class PictureWarning(UserWarning):
    """A file of which a part is read, or files that are not read at all."""


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """Open a picture; its pixels are read where they are asked for.

    Args:
        path: A file; its content tells its format, not its name.

    Raises:
        ImageError: The file is missing, no regular file, empty, damaged, no picture of `FORMATS`, a camera raw file, or
            has more than `MAX_PIXELS` pixels; also for any error inside of the block but those of memory and of missing
            packages.
    """
    if is_special(path):
        raise ImageError(f"{os.fspath(path)}: {SPECIAL}")
    try:
        with Path(path).open("rb") as file:
            yield _identified(file)
    except (ImportError, MemoryError, PictureWarning):
        raise
    except Exception as error:  # a damaged file may make a decoder raise anything
        raise ImageError(f"{os.fspath(path)}: {_problem(error)}") from error


def _problem(error: Exception) -> str:
    if isinstance(error, ImageError):
        return str(error)
    return f"cannot be read: {getattr(error, 'strerror', None) or error or type(error).__name__}"


def _identified(file: BinaryIO) -> Image.Image:
    """Return the picture of a file whose format is one of ours.

    Pillow's own `open` compares sizes with a global of its module, and threads would have to wait for each other.
    """
    beginning = file.read(BEGINNING)
    if not beginning:
        raise ImageError("the file is empty")
    if beginning.startswith(JPEG_XL):
        return _jpeg_xl(beginning + file.read())
    if beginning[:4] in (b"II*\0", b"MM\0*") and beginning[8:10] == b"CR":
        _refuse_raw()
    for name in formats():
        make, accepts = Image.OPEN[name]
        if accepts is None or accepts(beginning) is True:
            file.seek(0)
            try:
                image = make(file, getattr(file, "name", ""))
            except SyntaxError:
                continue
            return _checked(image)
    hint = ": 'pip install pillow-heif' reads HEIC" if beginning[4:12] in HEIC and "HEIF" not in formats() else ""
    raise ImageError(f"not a picture that Pillow can read{hint}")


@cache
def formats() -> tuple[str, ...]:
    """Return those of `FORMATS` that can be read here."""
    Image.init()
    with suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@cache
def suffixes() -> frozenset[str]:
    """Return the suffixes of files that can be read here, with their dots, in small letters."""
    known = formats()
    found = {suffix for suffix, name in Image.registered_extensions().items() if name in (*known, "MPO")}
    return frozenset({*found, ".jxl"} - {".mpeg", ".mpg"})


def _checked(image: ImageFile) -> Image.Image:
    """Refuse a picture that declares too many pixels, and turn to the page that holds the whole picture."""
    _check_size(image)
    if image.format == "TIFF":
        return _whole_page(image)
    if image.format != "MPO" and getattr(image, "is_animated", False):  # an MPO's further pictures belong to its first
        warn_once(f"{_name(image)}: has several frames, the first one is taken", PictureWarning)
    return image


def _whole_page(image: ImageFile) -> Image.Image:
    """Return a TIFF at its first page that is no reduced copy of another page."""
    pages = getattr(image, "n_frames", 1)
    for page in range(pages):
        image.seek(page)
        tags = getattr(image, "tag_v2", {})
        if DNG_VERSION in tags:
            _refuse_raw()
        if not tags.get(Tag.NewSubfileType, 0) & REDUCED:
            _check_size(image)
            if page + 1 < pages:
                warn_once(f"{_name(image)}: has {pages} pages, page {page + 1} is taken", PictureWarning)
            return image
    return _refuse_raw()


def _name(image: Image.Image) -> str:
    return os.fsdecode(getattr(image, "filename", "") or "picture")


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"cannot be read: {width} x {height} ({width * height} pixels) exceeds limit of {MAX_PIXELS} pixels"
        )


def _refuse_raw() -> NoReturn:
    raise ImageError("a camera raw file, or a thumbnail without its picture: develop it into a PNG, JPEG or TIFF")


def _jpeg_xl(content: bytes) -> Image.Image:
    import imagecodecs

    samples = np.asarray(imagecodecs.jpegxl_decode(content))
    if samples.dtype == np.uint16:
        samples = (samples >> 8).astype(np.uint8)
    return Image.fromarray(samples.squeeze())
