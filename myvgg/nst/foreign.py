"""The words of another program's command line, for those who come from it.

kpablitz/pixforgeon's flags are understood; the numbers among them are in the units of its objective, so they choose its
preset where no other is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

PRESET = "pixforgeon"

NAMES = {
    "--content-image": "--content",
    "--style-image": "--style",
    "--output-filename": "--output",
}
"""Its words for what means the same everywhere."""

NUMBERS = {
    "-cw": "--content-weight",
    "-sw": "--style-weight",
    "-e": "--iterations",
    "--epochs": "--iterations",
    "-lr": "--learning-rate",
    "-tw": "--tv-weight",
    "--total-variation-weight": "--tv-weight",
}
"""Its words for numbers."""


def translate(argv: Sequence[str]) -> list[str]:
    """Replace the other program's words by ours, with its preset where they are numbers and no settings are named."""
    words = [word.partition("=")[0] for word in argv]
    chosen = {"--preset", "--config", "--from-picture"}.intersection(words)
    implied = ["--preset", PRESET] if not chosen and any(word in NUMBERS for word in words) else []
    return [*implied, *_translated(argv)]


def _translated(argv: Sequence[str]) -> Iterator[str]:
    for word in argv:
        name, equals, value = word.partition("=")
        ours = NAMES.get(name) or NUMBERS.get(name)
        yield f"{ours}{equals}{value}" if ours else word
