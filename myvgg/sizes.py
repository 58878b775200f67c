"""Sizes of pictures as users write them, and in pixels. Standard library only."""

from __future__ import annotations

import math
import re

MAX_PIXELS = 16384 * 16384
"""The largest number of pixels; a larger picture is refused before it is unpacked, since a small file may claim any."""


def parse_size(name: str, size: int | str) -> tuple[str, tuple[float, ...]]:
    """Split a size into its kind and its numbers.

    Args:
        name: Name of the parameter, for errors.
        size: 512 (the longest side), 800x600, 800x, x600 or 2MP.

    Returns:
        The kind, `longest`, `exact`, `width`, `height` or `area`, and its numbers.

    Raises:
        ValueError: No size, or one that is not above 0.

    Example:
        >>> from myvgg.sizes import parse_size
        >>> parse_size("size", "800x600")
        ('exact', (800.0, 600.0))
    """
    text = str(size).strip()
    patterns = {
        "longest": r"(\d+)",
        "exact": r"(\d+)x(\d+)",
        "width": r"(\d+)x",
        "height": r"x(\d+)",
        "area": r"(\d+\.?\d*|\.\d+)MP",
    }
    for kind, pattern in patterns.items():
        if isinstance(size, int | str) and not isinstance(size, bool) and (match := re.fullmatch(pattern, text, re.I)):
            numbers = tuple(float(number) for number in match.groups())
            if min(numbers) > 0:
                return kind, numbers
    raise ValueError(f"{name} must be like 512, 800x600, 800x, x600 or 2MP, and above 0, not {size!r}")


def target_size(
    size: int | str, width: int, height: int, *, name: str = "size", truncate: bool = False
) -> tuple[int, int]:
    """Return the width and height of a picture that is scaled to a size, at least one pixel each.

    Args:
        size: 512 (the longest side), 800x600, 800x, x600 or 2MP.
        width: Width of the picture as it is, in pixels.
        height: Height of the picture as it is, in pixels.
        name: Name of the parameter, for errors.
        truncate: Cut off fractions of pixels, as older programs do, in place of rounding them.

    Raises:
        ValueError: No size, or one of more than `MAX_PIXELS` pixels.

    Example:
        >>> from myvgg.sizes import target_size
        >>> target_size("x600", 400, 300)
        (800, 600)
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
