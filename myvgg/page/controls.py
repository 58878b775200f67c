"""The controls of the page: their values become settings, and settings of a picture become their values."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from myvgg import images
from myvgg.images import ImageError
from myvgg.images.opening import opened
from myvgg.nst import presets
from myvgg.nst.settings import STARTS, Settings
from myvgg.runs import record

SIZES = (64, 1024)
"""Smallest and largest size of a result on the page, in pixels."""

MAX_PIXELS = 60_000_000
"""Number of pixels that an uploaded picture may have."""

OF_A_PICTURE = "of a picture"
"""Name of the settings that a picture has brought."""

COLOURS = {"the painting's": "none", "the photograph's": "luminance", "between both": "match"}
"""Names of the ways with colours."""


class Controls(NamedTuple):
    """The values of the controls.

    Attributes:
        preset: Name of a preset, or `OF_A_PICTURE`.
        size: Longest side of the result in pixels.
        strength: Strength of the style.
        strokes: Size of the strokes.
        colours: A name of `COLOURS`.
    """

    preset: str = "default"
    size: float = 384
    strength: float = 1.0
    strokes: float = 1.0
    colours: str = "the painting's"


def preset_names() -> list[str]:
    """Return the names of the presets that the page offers; those of other programs come last."""
    own = [name for name in ("default", "draft", "print") if name in presets.names()]
    return [*own, *(name for name in presets.names() if name not in (*own, "random")), OF_A_PICTURE]


def settings_of(controls: Controls, brought: dict[str, Any] | None) -> Settings:
    """Return the settings of the controls.

    Args:
        controls: Their values.
        brought: Settings that a picture has brought.

    Raises:
        ValueError: A value that is not allowed, or no settings of a picture.
    """
    smallest, largest = SIZES
    if not smallest <= controls.size <= largest:
        raise ValueError(f"the size must be from {smallest} to {largest}, not {controls.size}")
    if controls.colours not in COLOURS:
        raise ValueError(f"colours must be one of {', '.join(COLOURS)}")
    if controls.preset == OF_A_PICTURE and brought is None:
        raise ValueError("no picture has brought its settings: drop one first, or choose a preset")
    base = (
        Settings().with_values(brought or {}) if controls.preset == OF_A_PICTURE else Settings.preset(controls.preset)
    )
    return base.with_values(
        {
            "size": round(controls.size),
            "style_strength": controls.strength,
            "style_scale": controls.strokes,
            "preserve_colors": COLOURS[controls.colours],
        }
    )


def brought_by(picture: str | os.PathLike[str]) -> tuple[dict[str, Any], Controls]:
    """Read the settings of a picture that was made by a run, as a table and as values of the controls.

    Its files are not read again: a first picture that was a file is replaced by the default, and so is a limit of
    memory of another machine.

    Args:
        picture: A PNG with a record inside.

    Raises:
        ImageError: The picture has no record, or a damaged one.
    """
    table = dict(record.read_record(picture)["settings"])
    for name, unknown in (("init", table.get("init") not in STARTS), ("max_memory", True)):
        if unknown:
            table.pop(name, None)
    try:
        settings = Settings().with_values(table)
    except ValueError as error:
        raise ImageError(f"{Path(picture).name}: {error}") from error
    names = {value: name for name, value in COLOURS.items()}
    smallest, largest = SIZES
    size = min(largest, max(smallest, settings.size)) if isinstance(settings.size, int) else Controls().size
    return table, Controls(
        OF_A_PICTURE,
        size,
        settings.style_strength,
        settings.style_scale,
        names.get(settings.preserve_colors, "the painting's"),
    )


def check_picture(path: str | os.PathLike[str]) -> None:
    """Raise unless a file is a picture that the page takes.

    Args:
        path: The file.

    Raises:
        ImageError: No picture, a damaged one, or one of too many pixels; the message has its name without folders.
    """
    name = Path(path).name
    try:
        with opened(path) as image:
            pixels = image.width * image.height
        if pixels > MAX_PIXELS:
            raise ImageError(f"{name}: has {pixels} pixels, and the page takes up to {MAX_PIXELS}")  # noqa: TRY301
        images.load_small(path, side=64)
    except ImageError as error:
        raise ImageError(str(error).replace(str(path), name)) from error
