"""Paint on a photograph becomes masks: one colour for what stays as it is, and one for the region of each style."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageColor

from myvgg.page.limits import MAX_PIXELS

KEEP = "#e6194b"
"""Colour of the part that stays as it is: red."""

REGIONS = ("#4363d8", "#3cb44b", "#ffe119", "#911eb4", "#f58231")
"""Colours of the regions of the styles: blue, green, yellow, purple, orange."""

NAMES = ("blue", "green", "yellow", "purple", "orange")
"""Names of the colours of the regions."""

SIDE = 1024
"""Longest side of a layer of paint that is looked at, in pixels."""

OPAQUE = 96
"""Alpha, from 0 to 255, from which on a pixel counts as painted."""


class Masks(NamedTuple):
    """The masks of a painting.

    Attributes:
        regions: One mask for each style, or none where no region is painted.
        keep: The part that stays as it is; None where none is painted.
    """

    regions: tuple[np.ndarray, ...]
    keep: np.ndarray | None


def masks_of(layers: Sequence[np.ndarray], styles: int) -> Masks:
    """Tell the colours of a painting apart.

    Where no region is painted, all styles go together.

    Args:
        layers: Pictures R, G, B, alpha of 8 bits, of one size; later ones lie above earlier ones.
        styles: Number of styles.

    Returns:
        Boolean masks (height, width).

    Raises:
        ValueError: A region of a style that there is not, or a style without a place.

    Example:
        >>> import numpy as np
        >>> layer = np.zeros((1, 2, 4), np.uint8)
        >>> layer[0, 0] = (230, 25, 75, 255)
        >>> masks_of([layer], styles=1).keep.tolist()
        [[True, False]]
    """
    colours = np.array([ImageColor.getrgb(colour) for colour in (KEEP, *REGIONS)], np.int32)
    painted = np.full(layers[0].shape[:2], -1)
    for layer in layers:
        above = layer[..., 3] >= OPAQUE
        distances = np.square(layer[above][:, None, :3].astype(np.int32) - colours).sum(-1)
        painted[above] = distances.argmin(-1)
    last = int(painted.max())
    if last > styles:
        raise ValueError(f"a region is painted for style {last}, and there are {styles} styles")
    unpainted = painted < 1
    _check_places(painted, last, styles)
    regions = [(painted == number) | unpainted for number in range(1, styles + 1)] if last > 0 else []
    return Masks(tuple(regions), painted == 0 if (painted == 0).any() else None)


def _check_places(painted: np.ndarray, last: int, styles: int) -> None:
    """Raise if regions are painted that leave no place for a style."""
    if last < 1 or (painted < 1).any():
        return
    without = [number for number in range(1, styles + 1) if not (painted == number).any()]
    if without:
        colour = f"paint a part in {NAMES[without[0] - 1]}, or " if without[0] <= len(NAMES) else ""
        raise ValueError(f"no place is left for style {without[0]}: {colour}leave a part unpainted")


def read_layer(file: str | bytes) -> np.ndarray:
    """Read a layer of paint, reduced to `SIDE` pixels, which is enough for a mask.

    Args:
        file: Path of a PNG or WebP, or its content.

    Returns:
        R, G, B, alpha of 8 bits.

    Raises:
        ValueError: No picture, or one of too many pixels.
    """
    try:
        with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file, formats=("PNG", "WEBP")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"the paint has more than {MAX_PIXELS} pixels")
            factor = min(1.0, SIDE / max(image.size))
            width, height = (max(1, round(side * factor)) for side in image.size)
            return np.asarray(image.resize((width, height), Image.Resampling.NEAREST).convert("RGBA"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("the paint cannot be read: paint again") from error


def write(mask: np.ndarray, path: Path) -> Path:
    """Write a mask as a picture of black and white, and return its path.

    Args:
        mask: Boolean, (height, width).
        path: A file .png.
    """
    Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(path)
    return path
