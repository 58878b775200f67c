"""The document of `benchmarks.quality`: a sheet of each pair with all methods, and a table of what judges say."""

from __future__ import annotations

from pathlib import Path
from statistics import mean

from benchmarks.pictures import PAIRS
from benchmarks.quality import DOCS, FIELDS, METHODS, OURS, SHOWN_SIDE, SIZE, Table, load, picture_of
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
    "pastiche": "pastiche 1.6.0 as it comes",
}
COLUMNS = 3
"""Pictures in a row of a sheet."""


def write(made: Table, folder: Path) -> None:
    """Write the sheets and the page of the pairs that are made.

    Args:
        made: The pictures.
        folder: Where they are.
    """
    (DOCS / "quality").mkdir(exist_ok=True)
    for pair in made:
        images.save(_sheet(folder, pair), DOCS / "quality" / f"pair_{'-'.join(pair)}.jpg")
    with replacing(DOCS / "quality.md") as temporary:
        temporary.write_text(_document(made), encoding="utf-8")


def _sheet(folder: Path, pair: tuple[str, str]) -> images.Picture:
    """Lay out content, style and the pictures of all methods."""
    drawn = {name: images.load(picture_of(folder, pair, name)) for name in METHODS}
    shown = {"content": load(pair[0]), "style": load(pair[1]), **drawn}
    rows = [[*shown][start : start + COLUMNS] for start in range(0, len(shown), COLUMNS)]
    return sheet.lay_out([[shown[title] for title in row] for row in rows], captions=rows, cell=SHOWN_SIDE)


def _document(made: Table) -> str:
    lines = [
        "# The methods side by side",
        "",
        "Each method drew the same pairs of [example pictures](../examples/README.md),",
        f"{SIZE} pixels on the longest side, on the processor, in float32: {len(made)} of {len(PAIRS)} pairs so far.",
        "",
        "```sh",
        "python -m benchmarks quality --pictures FOLDER",
        "```",
        "",
        "The numbers are means over the pairs.",
        "Time is relative to the default's.",
        "[Measures](style.md#measures) explains the score, which is measured by VGG19 itself, as all methods are.",
        "The other columns come from judges without it: an EfficientNet for style and structure, distances of colours,",
        "and the energy of single pixels.",
        "`benchmarks/judges.py` says what each of them measures, and its tests what each of them tells apart.",
        "No number replaces a look at the pictures.",
        "",
        f"| method | time | score | {' | '.join(FIELDS)} |",
        f"|---|---|---|{'---|' * len(FIELDS)}",
    ]
    ours = mean(each[OURS].seconds for each in made.values())
    for name in METHODS:
        found = [each[name] for each in made.values()]
        judged = [mean(values) for values in zip(*(each.judgement for each in found), strict=True)]
        numbers = [mean(each.seconds for each in found) / ours, mean(each.score for each in found), *judged]
        lines.append(f"| {TITLES[name]} | {' | '.join(f'{number:.2f}' for number in numbers)} |")
    for pair in made:
        lines += ["", f"## {pair[0].capitalize()} with {pair[1]}", ""]
        lines.append(f"![{pair[0]} with {pair[1]} by all methods](quality/pair_{'-'.join(pair)}.jpg)")
    return "\n".join(lines) + "\n"
