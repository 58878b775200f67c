"""Paint on a photograph becomes masks: one colour for what stays as it is, and one for the region of each style."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageColor

KEEP = "#e6194b"
"""Colour of the part that stays as it is: red."""

REGIONS = ("#4363d8", "#3cb44b", "#ffe119", "#911eb4", "#f58231")
"""Colours of the regions of the styles: blue, green, yellow, purple, orange."""

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
        ValueError: A region of a style that there is not.

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
    regions = [(painted == number) | unpainted for number in range(1, styles + 1)] if last > 0 else []
    return Masks(tuple(regions), painted == 0 if (painted == 0).any() else None)


def write(mask: np.ndarray, path: Path) -> Path:
    """Write a mask as a picture of black and white, and return its path.

    Args:
        mask: Boolean, (height, width).
        path: A file .png.
    """
    Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(path)
    return path
