"""Limits of an order: number and size of pictures, number of steps. A dropped picture may bring any settings."""

from __future__ import annotations

import os
from pathlib import Path

from myvgg import images
from myvgg.architecture import CONFIGURATION_E
from myvgg.images import ImageError
from myvgg.images.opening import opened
from myvgg.nst import pyramid
from myvgg.page.orders import Order
from myvgg.page.sentences import sentence_of
from myvgg.sizes import target_size

MAX_PIXELS = 60_000_000
"""Number of pixels that an uploaded picture may have."""

MAX_RESULT = 2048 * 2048
"""Number of pixels that a result may have, and a style picture beside it."""

MAX_STYLES = 12
"""Number of styles of an order."""

LARGEST = {"iterations": 1000, "last_pass": 1000, "history": 100}
"""Largest values of settings that decide the time and the memory of a run."""

MAX_STEPS = 20_000
"""Number of steps that all scales may have together."""


def check_order(order: Order) -> None:
    """Raise unless an order is one that the page works off. Of the pictures, only the beginnings are read.

    Args:
        order: The order.

    Raises:
        ValueError: A picture that cannot be opened, or too many styles, steps or pixels; the message has no path.
    """
    settings = order.settings
    if len(order.styles) > MAX_STYLES:
        raise ValueError(f"the page takes up to {MAX_STYLES} styles, not {len(order.styles)}")
    for name, largest in LARGEST.items():
        if getattr(settings, name) > largest:
            raise ValueError(f"the page takes {name} up to {largest}, not {getattr(settings, name)}")
    content = size_of(order.content)
    result = target_size(settings.size, *content)
    _check_pixels(f"size {settings.size}", result)
    sizes = pyramid.sizes(*content, settings, CONFIGURATION_E)
    if (steps := sum(pyramid.steps(sizes, settings))) > MAX_STEPS:
        raise ValueError(f"the page makes up to {MAX_STEPS} steps, not {steps} at {len(sizes)} scales")
    for style in order.styles:
        size = size_of(style)
        if settings.style_size is not None:
            _check_pixels(f"style_size {settings.style_size}", target_size(settings.style_size, *size))
        else:  # the engine enlarges no style picture
            side = min(max(size), round(max(result) * settings.style_scale))
            _check_pixels(f"style_scale {settings.style_scale}", target_size(max(1, side), *size))


def _check_pixels(what: str, size: tuple[int, int]) -> None:
    """Raise if a picture gets too many pixels."""
    width, height = size
    if width * height > MAX_RESULT:
        raise ValueError(f"{what} gives {width} x {height} pixels, and the page makes up to {MAX_RESULT}")


def size_of(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return the width and height that a picture declares; its pixels are not read.

    Args:
        path: The file.

    Raises:
        ImageError: No picture, or one of too many pixels; the message has its name without folders.
    """
    name = Path(path).name
    try:
        with opened(path) as image:
            width, height = image.size
    except ImageError as error:
        raise ImageError(_named(error, path)) from error
    if width * height > MAX_PIXELS:
        raise ImageError(f"{name}: has {width * height} pixels, and the page takes up to {MAX_PIXELS}")
    return width, height


def check_picture(path: str | os.PathLike[str]) -> None:
    """Raise unless a file is a picture that the page takes.

    Args:
        path: The file.

    Raises:
        ImageError: No picture, a damaged one, or one of too many pixels; the message has its name without folders.
    """
    size_of(path)
    try:
        images.load_small(path, side=64)
    except ImageError as error:
        raise ImageError(_named(error, path)) from error


def _named(error: ImageError, path: str | os.PathLike[str]) -> str:
    """Return the message of an error with the name of a file in the place of its path."""
    return sentence_of(ValueError(str(error).replace(os.fspath(path), Path(path).name)))
