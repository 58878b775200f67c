"""Options of another program, kpablitz/pixforgeon, for those who come from it.

Its numbers are in the units of its own objective. They choose its preset, unless the words name settings themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

PRESET = "pixforgeon"

NAMES = {
    "--content-image": "--content",
    "--style-image": "--style",
    "--output-filename": "--output",
}
"""Its options that mean the same here."""

NUMBERS = {
    "-cw": "--content-weight",
    "-sw": "--style-weight",
    "-e": "--iterations",
    "--epochs": "--iterations",
    "-lr": "--learning-rate",
    "-tw": "--tv-weight",
    "--total-variation-weight": "--tv-weight",
}
"""Its options for numbers."""


def translate(argv: Sequence[str]) -> list[str]:
    """Replace the other program's options by ours, and put its preset first if its numbers need that preset.

    Args:
        argv: Words of a command line.

    Example:
        >>> from myvgg.cli.foreign import translate
        >>> translate(["-cw", "3"])
        ['--preset', 'pixforgeon', '--content-weight', '3']
    """
    words = [word.partition("=")[0] for word in argv]
    chosen = {"--preset", "--config", "--from-picture"}.intersection(words)
    implied = ["--preset", PRESET] if not chosen and any(word in NUMBERS for word in words) else []
    return [*implied, *_translated(argv)]


def _translated(argv: Sequence[str]) -> Iterator[str]:
    for word in argv:
        name, equals, value = word.partition("=")
        ours = NAMES.get(name) or NUMBERS.get(name)
        yield f"{ours}{equals}{value}" if ours else word
