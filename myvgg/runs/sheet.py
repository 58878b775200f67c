"""Sheets: pictures in rows and columns on white, with captions and titles.

A sheet is a grid of blocks; a block is a picture or a drawn text. Each column is as wide as its widest block, and each
line as high as its highest block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from myvgg.images import AnyPicture, Picture, resize

TEXT_COLOUR = "#222222"


class Line(NamedTuple):
    """One line of a sheet.

    Attributes:
        blocks: The blocks, side by side.
        anchor: Place of lower blocks in the line, from 0 at its top to 1 at its bottom.
        space: Height of the space below the line, in pixels.
    """

    blocks: list[Image.Image]
    anchor: float
    space: int


def lay_out(
    rows: Sequence[Sequence[AnyPicture | None]],
    *,
    captions: Sequence[Sequence[str]] | None = None,
    row_titles: Sequence[str] | None = None,
    column_titles: Sequence[str] | None = None,
    cell: int = 256,
) -> Picture:
    """Lay out pictures in rows and columns on white.

    Texts are broken into lines as wide as their column; a text with too many lines ends in an ellipsis.

    Args:
        rows: Pictures by row. None leaves a cell empty; so does a row that is shorter than others.
        captions: Text below each picture, in the form of `rows`.
        row_titles: Text to the left of each row.
        column_titles: Text above each column.
        cell: Longest side of each picture in pixels, at least 64.

    Raises:
        ValueError: No pictures, another number of texts than of pictures, or a cell that is too small for texts.
    """
    if cell < 64:
        raise ValueError(f"cell must be at least 64, not {cell}")
    if not any(each is not None for row in rows for each in row):
        raise ValueError("rows must hold one picture at least")
    _check_counts(rows, captions, row_titles, column_titles)
    columns = list(zip_longest(*([_block(each, cell) for each in row] for row in rows), fillvalue=_block(None, cell)))
    widths = [max(block.width for block in column) for column in columns]
    left = [[title] for title in _beside(row_titles, cell)] if row_titles else [[] for _ in rows]
    corner = [_blank(0, 0)] if row_titles else []
    lines = []
    if column_titles:
        lines.append(Line([*corner, *_texts(column_titles, widths, _title_font(cell))], 1, cell // 28))
    for number, (title, row) in enumerate(zip(left, zip(*columns, strict=True), strict=True)):
        lines.append(Line([*title, *row], 0.5, cell // 42 if captions else cell // 14))
        if captions:
            lines.append(Line([*corner, *_texts(captions[number], widths, font(max(9, cell // 18)))], 0, cell // 14))
    return _pasted(lines, cell // 14)


def side_by_side(pictures: Sequence[AnyPicture | None], captions: Sequence[str], *, cell: int = 256) -> Picture:
    """Lay out one row of pictures with captions.

    Args:
        pictures: The pictures; None leaves a cell empty.
        captions: Text below each picture.
        cell: Longest side of each picture in pixels, at least 64.

    Raises:
        ValueError: As `lay_out`.
    """
    return lay_out([pictures], captions=[captions], cell=cell)


def as_image(picture: Picture) -> Image.Image:
    """Round a picture to 8 bits, and return it as Pillow's.

    Args:
        picture: The picture; values below 0 and above 255 are cut off.
    """
    return Image.fromarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8))


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, which comes with matplotlib and has more alphabets than Pillow's own font.

    Args:
        size: Size in pixels.
    """
    import matplotlib as mpl

    return ImageFont.truetype(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)


def wrapped(text: str, width: int, face: ImageFont.FreeTypeFont, most: int = 4) -> list[str]:
    """Break a text into lines; an ellipsis stands for the lines that are left out.

    Lines end at the text's line ends and at spaces. A word that is wider than a line is broken after `_ , / = -`, or
    cut off.

    Args:
        text: The text.
        width: Width of a line in pixels, at most.
        face: The font.
        most: Number of lines, at most.
    """
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for piece in _pieces(paragraph, width, face):
            if line.strip() and face.getlength((line + piece).strip()) > width:
                lines.append(line)
                line = ""
            line += piece
        lines.append(line)
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1].rstrip() + "…"]
    return [_shortened(line.strip(), width, face) for line in lines]


def _pieces(paragraph: str, width: int, face: ImageFont.FreeTypeFont) -> Iterator[str]:
    for word in re.findall(r"\s*\S+", paragraph):
        yield from [word] if face.getlength(word.strip()) <= width else re.findall(r"[^_,/=-]+[_,/=-]?|[_,/=-]", word)


def _shortened(line: str, width: int, face: ImageFont.FreeTypeFont) -> str:
    if face.getlength(line) <= width:
        return line
    kept = line.removesuffix("…")
    while kept and face.getlength(kept + "…") > width:
        kept = kept[:-1]
    return kept + "…"


def _check_counts(
    rows: Sequence[Sequence[object]],
    captions: Sequence[Sequence[str]] | None,
    row_titles: Sequence[str] | None,
    column_titles: Sequence[str] | None,
) -> None:
    expected = {"captions": len(rows), "row_titles": len(rows), "column_titles": max(map(len, rows))}
    given = {"captions": captions, "row_titles": row_titles, "column_titles": column_titles}
    for name, texts in given.items():
        if texts is not None and len(texts) != expected[name]:
            raise ValueError(f"{name} must be {expected[name]}, not {len(texts)}")
    for number, (row, texts) in enumerate(zip(rows, captions or [], strict=False), 1):
        if len(texts) != len(row):
            raise ValueError(f"captions of row {number} must be {len(row)}, not {len(texts)}")


def _block(picture: AnyPicture | None, cell: int) -> Image.Image:
    """Scale a picture; one that is narrower than half a cell gets margins, as room for its caption."""
    image = _blank(0, cell // 2) if picture is None else as_image(resize(picture, cell))
    block = _blank(max(image.width, cell // 2), image.height)
    block.paste(image, ((block.width - image.width) // 2, 0))
    return block


def _beside(titles: Sequence[str], cell: int) -> list[Image.Image]:
    face = _title_font(cell)
    length = max(face.getlength(line) for title in titles for line in title.splitlines() or [""])
    return _texts(titles, [min(cell * 3 // 4, int(np.ceil(length)))] * len(titles), face)


def _texts(texts: Sequence[str], widths: list[int], face: ImageFont.FreeTypeFont) -> list[Image.Image]:
    return [_text(wrapped(text, width, face), width, face) for text, width in zip(texts, widths, strict=False)]


def _text(lines: list[str], width: int, face: ImageFont.FreeTypeFont) -> Image.Image:
    """Draw lines of text below each other, centred."""
    height = sum(face.getmetrics())
    block = _blank(width, height * len(lines))
    for number, line in enumerate(lines):
        ImageDraw.Draw(block).text((width / 2, number * height), line, fill=TEXT_COLOUR, font=face, anchor="ma")
    return block


def _title_font(cell: int) -> ImageFont.FreeTypeFont:
    return font(max(10, cell // 15))


def _blank(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), "white")


def _pasted(lines: list[Line], margin: int) -> Picture:
    """Paste the blocks of all lines, each in the middle of its column, with margins."""
    columns = zip_longest(*(line.blocks for line in lines), fillvalue=_blank(0, 0))
    widths = [max(block.width for block in column) for column in columns]
    heights = [max(block.height for block in line.blocks) for line in lines]
    canvas = _blank(
        sum(widths) + margin * (len(widths) + 1),
        margin + sum(heights) + sum(line.space for line in lines[:-1]) + margin,
    )
    top = margin
    for line, height in zip(lines, heights, strict=True):
        left = margin
        for block, width in zip(line.blocks, widths, strict=False):
            canvas.paste(block, (left + (width - block.width) // 2, top + int(line.anchor * (height - block.height))))
            left += width + margin
        top += height + line.space
    return np.asarray(canvas, np.float32)
