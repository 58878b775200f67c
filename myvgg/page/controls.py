"""The controls of the page: their values become settings, and settings of a picture become their values."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from myvgg.images import ImageError
from myvgg.nst import presets
from myvgg.nst.settings import STARTS, Settings
from myvgg.runs import record

SIZES = (64, 1024)
"""Smallest and largest size of a result on the page, in pixels."""

OF_A_PICTURE = "of a picture"
"""Name of the settings that a picture has brought."""

RANGES = {"strength": (0.1, 4.0), "strokes": (0.25, 2.0)}
"""Smallest and largest values of the other sliders."""

COLOURS = {
    "the painting's": "none",
    "the photograph's": "luminance",
    "between both": "match",
    "between both, by histograms": "histogram",
    "the painting's, where the photograph's are": "transfer",
}
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

    Where a picture has brought its settings, a control counts only if it was touched: some settings have no control, or
    values that a slider cannot show.

    Args:
        controls: Their values.
        brought: Settings that a picture has brought.

    Raises:
        ValueError: A value that is not allowed, or no settings of a picture.
    """
    if controls.colours not in COLOURS:
        raise ValueError(f"colours must be one of {', '.join(COLOURS)}")
    smallest, largest = SIZES
    if not smallest <= controls.size <= largest:
        raise ValueError(f"the size must be from {smallest} to {largest}, not {controls.size}")
    if controls.preset != OF_A_PICTURE:
        return Settings.preset(controls.preset).with_values(_values(controls))
    if brought is None:
        raise ValueError("no picture has brought its settings: drop one first, or choose a preset")
    settings = Settings().with_values(brought)
    untouched = _values(shown_for(settings))
    return settings.with_values({name: value for name, value in _values(controls).items() if value != untouched[name]})


def _values(controls: Controls) -> dict[str, Any]:
    """Return the settings that the controls show."""
    return {
        "size": round(controls.size),
        "style_strength": controls.strength,
        "style_scale": controls.strokes,
        "preserve_colors": COLOURS[controls.colours],
    }


def shown_for(settings: Settings) -> Controls:
    """Return the values of the controls that are nearest to settings.

    Args:
        settings: The settings of a picture.

    Example:
        >>> from myvgg.nst.settings import Settings
        >>> from myvgg.page.controls import shown_for
        >>> shown_for(Settings(size=4000, style_strength=2.0)).size
        1024
    """
    names = {value: name for name, value in COLOURS.items()}
    return Controls(
        OF_A_PICTURE,
        min(max(settings.size, SIZES[0]), SIZES[1]) if isinstance(settings.size, int) else Controls().size,
        min(max(settings.style_strength, RANGES["strength"][0]), RANGES["strength"][1]),
        min(max(settings.style_scale, RANGES["strokes"][0]), RANGES["strokes"][1]),
        names[settings.preserve_colors],
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
    table = record.settings_of(record.read_record(picture))
    for name, unknown in (("init", table.get("init") not in STARTS), ("max_memory", True)):
        if unknown:
            table.pop(name, None)
    try:
        return table, shown_for(Settings().with_values(table))
    except ValueError as error:
        raise ImageError(f"{Path(picture).name}: {error}") from error
