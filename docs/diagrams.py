"""Draw the diagrams of `docs/house.md`: `python docs/diagrams.py`.

The storeys are those of the contract of imports in `setup.cfg`, so the diagram cannot differ from what is checked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from configparser import ConfigParser
from html import escape
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parent
WIDTH = 760
"""Width of the diagrams, in pixels."""

GAP, LINE, LETTER = 10, 26, 7.3
"""Space between boxes, height of a box of one line, and width of a letter of 12 pixels, in pixels."""


class Storey(NamedTuple):
    """A storey of the house.

    Attributes:
        name: Its name.
        idea: What it turns into what.
        first: The module with which it begins in the contract.
        colour: Of its box.
    """

    name: str
    idea: str
    first: str
    colour: str


STOREYS = (
    Storey(
        "command lines", "words and clicks to values; progress, one-line errors, exit codes", "myvgg.cli", "#c5cae9"
    ),
    Storey(
        "runs", "files to files: one run, many runs, tables, models for other programs", "myvgg.microscope", "#b3e5fc"
    ),
    Storey("engine", "arrays to arrays: settings, losses, objective, optimisers, the loop", "myvgg.nst", "#c8e6c9"),
    Storey("network", "pictures to features: modules, Keras layer, distances", "myvgg.keras_losses", "#fff9c4"),
    Storey("foundation", "parameters, forward pass, weights files, picture files", "myvgg.loading", "#ffe0b2"),
)


class Stage(NamedTuple):
    """A stage on the way of a picture.

    Attributes:
        title: What happens.
        module: The module that does it.
        result: What the next stage gets.
        storey: The index of its storey.
    """

    title: str
    module: str
    result: str
    storey: int


BEFORE = (
    Stage("decode", "images/decoding.py", "R, G, B, 0 to 255", 4),
    Stage("resize to the scale", "images/resizing.py", "content and styles of one size", 4),
    Stage("prepare", "preprocessing.py", "B, G, R less the mean", 4),
)
LOOP = (
    Stage("see", "network.py", "features of some layers", 4),
    Stage("compare", "nst/criterion.py", "losses, and their gradient", 2),
    Stage("move the pixels", "nst/optimizers.py", "the next picture", 2),
)
AFTER = (
    Stage("grow to the next scale", "nst/transfer.py", "after the last scale: finish", 2),
    Stage("finish and write", "runs/writing.py", "the result and its record", 1),
)


def main() -> int:
    """Write the diagrams."""
    (DOCS / "house").mkdir(exist_ok=True)
    for name, text in diagrams().items():
        (DOCS / "house" / name).write_text(text, encoding="utf-8")
    return 0


def diagrams() -> dict[str, str]:
    """Return the diagrams by the names of their files."""
    return {"storeys.svg": storeys(), "way.svg": way()}


def storeys() -> str:
    """Draw the storeys with their modules, the highest first."""
    top, parts = GAP, list[str]()
    for storey, modules in zip(STOREYS, modules_of_storeys(), strict=True):
        chips = list(rows(modules, WIDTH - 4 * GAP))
        height = 2 * LINE + GAP + len(chips) * (LINE + 6)
        parts.append(box(GAP, top, WIDTH - 2 * GAP, height, storey.colour))
        parts.append(text(2 * GAP, top + 20, storey.name, size=15, weight="bold"))
        parts.append(text(2 * GAP, top + 40, storey.idea))
        for row, line in enumerate(chips):
            parts += [chip(left, top + 52 + row * (LINE + 6), name) for left, name in line]
        top += height + GAP
    return svg(top, parts, "The storeys of the code, the highest first")


def modules_of_storeys() -> list[list[str]]:
    """Return the modules of each storey, in the order of the contract of imports."""
    config = ConfigParser()
    config.read(DOCS.parent / "setup.cfg", encoding="utf-8")
    found: list[list[str]] = []
    for line in config["importlinter:contract:layers"]["layers"].split("\n"):
        modules = [name.strip() for name in line.split("|") if name.strip()]
        if len(found) < len(STOREYS) and STOREYS[len(found)].first in modules:
            found.append([])
        if modules:
            found[-1] += modules
    return found


def rows(names: Iterable[str], width: float) -> Iterator[list[tuple[float, str]]]:
    """Yield rows of names with their left edges, each row as wide as it may be."""
    row, left = list[tuple[float, str]](), 2.0 * GAP
    for name in (name.removeprefix("myvgg.") for name in names):
        if left + chip_width(name) > width + 2 * GAP:
            yield row
            row, left = [], 2.0 * GAP
        row.append((left, name))
        left += chip_width(name) + 6
    yield row


def way() -> str:
    """Draw the way of a picture: three stages, the loop of three stages, and the end."""
    width, height = (WIDTH - 4 * GAP - 2 * 24) / 3, 76
    lefts = [2 * GAP + column * (width + 24) for column in range(3)]
    tops = (24, 24 + height + 70, 24 + 2 * height + 148)
    parts = [
        f'<rect x="{GAP}" y="{tops[1] - 34}" width="{WIDTH - 2 * GAP}" height="{height + 66}" rx="8" fill="none" '
        'stroke="#5c6bc0" stroke-dasharray="6 4"/>',
        text(lefts[0] + width / 2 + 14, tops[1] - 14, "once for each step", weight="bold"),
    ]
    for top, stages in zip(tops, (BEFORE, LOOP, AFTER), strict=True):
        for left, stage in zip(lefts, stages, strict=False):
            parts += stage_box(left, top, width, height, stage)
        parts += [arrow(f"M{left + width},{top + height / 2} h20") for left, _ in zip(lefts, stages[1:], strict=False)]
    middle = lefts[2] + width / 2
    parts.append(arrow(f"M{middle},{tops[0] + height} v24 H{lefts[0] + width / 2} V{tops[1] - 4}"))
    parts.append(arrow(f"M{middle},{tops[1] + height} v16 H{lefts[0] + width / 2} v-12"))
    parts.append(arrow(f"M{middle + 40},{tops[1] + height} v52 H{lefts[0] + width / 2 + 40} V{tops[2] - 4}"))
    parts.append(
        arrow(f"M{lefts[0]},{tops[2] + height / 2} h-16 V{tops[0] + height + 14} H{lefts[1] + width / 2} v-10")
    )
    return svg(tops[2] + height + 2 * GAP, parts, "The way of a picture through the modules")


def stage_box(left: float, top: float, width: float, height: float, stage: Stage) -> list[str]:
    """Draw a stage."""
    lines = [
        text(left + 10, top + 22, stage.title, size=14, weight="bold"),
        text(left + 10, top + 43, stage.module, mono=True),
        text(left + 10, top + 63, stage.result),
    ]
    return [box(left, top, width, height, STOREYS[stage.storey].colour), *lines]


def svg(height: float, parts: list[str], title: str) -> str:
    """Put a picture together, on white, so that it can be read on a dark page too."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img">\n'
        f"<title>{title}</title>\n"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#3f51b5"/></marker></defs>\n'
        f'<rect width="{WIDTH}" height="{height:g}" rx="8" fill="#ffffff"/>\n'
    )
    return head + "\n".join(parts) + "\n</svg>\n"


def box(left: float, top: float, width: float, height: float, colour: str) -> str:
    """Draw a box."""
    return f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="8" fill="{colour}"/>'


def text(left: float, top: float, words: str, *, size: int = 13, weight: str = "normal", mono: bool = False) -> str:
    """Write a line."""
    family = "monospace" if mono else "sans-serif"
    font = f'font-family="{family}" font-size="{12 if mono else size}" font-weight="{weight}"'
    return f'<text x="{left:g}" y="{top:g}" fill="#212121" {font}>{escape(words)}</text>'


def chip_width(name: str) -> float:
    """Return the width of the box of a module, in pixels."""
    return len(name) * LETTER + 16


def chip(left: float, top: float, name: str) -> str:
    """Draw the box of a module."""
    outline = f'<rect x="{left:g}" y="{top}" width="{chip_width(name):g}" height="{LINE}" rx="5" fill="#ffffff"/>'
    return outline + text(left + 8, top + 17, name, mono=True)


def arrow(path: str) -> str:
    """Draw an arrow along a path."""
    return f'<path d="{path}" fill="none" stroke="#3f51b5" stroke-width="1.6" marker-end="url(#tip)"/>'


if __name__ == "__main__":
    sys.exit(main())
