"""The document of `benchmarks.quality`: a sheet of each pair with all methods, and a table of what judges say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from benchmarks.judges import Judgement
from benchmarks.pictures import PAIRS
from benchmarks.quality import DOCS, METHODS, OURS, SHOWN_SIDE, SIZE, Made, load, picture_of
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


def write(made: Mapping[str, Sequence[Made]], folder: Path) -> None:
    """Write the sheets and the page.

    Args:
        made: The pictures of each method, in the order of the pairs.
        folder: Where they are.
    """
    (DOCS / "quality").mkdir(exist_ok=True)
    for pair in PAIRS:
        images.save(_sheet(folder, pair), DOCS / "quality" / f"{'-'.join(pair)}.jpg")
    with replacing(DOCS / "quality.md") as temporary:
        temporary.write_text(_document(made), encoding="utf-8")


def _sheet(folder: Path, pair: tuple[str, str]) -> images.Picture:
    """Lay out content, style and the pictures of all methods."""
    drawn = {name: images.load(picture_of(folder, pair, name)) for name in METHODS}
    shown = {"content": load(pair[0]), "style": load(pair[1]), **drawn}
    rows = [[*shown][start : start + COLUMNS] for start in range(0, len(shown), COLUMNS)]
    return sheet.lay_out([[shown[title] for title in row] for row in rows], captions=rows, cell=SHOWN_SIDE)


def _document(made: Mapping[str, Sequence[Made]]) -> str:
    lines = [
        "# The methods side by side",
        "",
        f"Each method drew the same {len(PAIRS)} pairs of [example pictures](../examples/README.md),",
        f"{SIZE} pixels on the longest side, on the processor, in float32.",
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
        f"| method | time | score | {' | '.join(Judgement._fields)} |",
        f"|---|---|---|{'---|' * len(Judgement._fields)}",
    ]
    ours = mean(each.seconds for each in made[OURS])
    for name, all_made in made.items():
        judged = [mean(values) for values in zip(*(each.judgement for each in all_made), strict=True)]
        numbers = [mean(each.seconds for each in all_made) / ours, mean(each.score for each in all_made), *judged]
        lines.append(f"| {TITLES[name]} | {' | '.join(f'{number:.2f}' for number in numbers)} |")
    for pair in PAIRS:
        lines += ["", f"## {pair[0].capitalize()} with {pair[1]}", ""]
        lines.append(f"![{pair[0]} with {pair[1]} by all methods](quality/{'-'.join(pair)}.jpg)")
    return "\n".join(lines) + "\n"
