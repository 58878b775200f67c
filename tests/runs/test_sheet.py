"""Sheets show every picture whole in its place, and every text inside its column."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from myvgg.runs.sheet import font, lay_out, side_by_side, wrapped

RED, GREEN, BLUE = (200, 30, 40), (20, 160, 60), (30, 60, 220)

RESAMPLING = 1e-2
"""Largest change of one colour by scaling, in levels."""


def plain(height: int, width: int, colour: tuple[int, int, int] = RED) -> np.ndarray:
    """Make a picture of one colour."""
    return np.full((height, width, 3), colour, np.float32)


def box(image: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Find left, top, right and bottom of a colour, and assert that it fills the box."""
    found = np.abs(image - colour).max(-1) <= RESAMPLING
    y, x = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    assert found[y[0] : y[-1] + 1, x[0] : x[-1] + 1].all()
    return int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1


def inked(image: np.ndarray) -> np.ndarray:
    """Return a mask of the grey pixels of texts."""
    return (image.max(-1) < 200) & (np.ptp(image, axis=-1) <= 1)


def test_one_picture_has_even_margins() -> None:
    """One picture of any size is scaled to the cell, with equal white margins."""
    for height, width in ((40, 80), (400, 800)):
        actual = lay_out([[plain(height, width)]], cell=140)
        assert actual.shape == (70 + 20, 140 + 20, 3)
        assert box(actual, RED) == (10, 10, 150, 80)
        assert (actual[:10] == 255).all()
        assert actual.dtype == np.float32


def test_the_aspect_is_kept() -> None:
    """High, wide and square pictures fill their cell on the longest side, and are in its middle."""
    actual = lay_out([[plain(100, 100), plain(100, 50, GREEN), plain(30, 100, BLUE)]], cell=140)
    left, top, right, bottom = box(actual, RED)
    assert (left, top, right, bottom) == (10, 10, 150, 150)
    left, top, right, bottom = box(actual, GREEN)
    assert (left, top, right, bottom) == (160, 10, 230, 150)
    left, top, right, bottom = box(actual, BLUE)
    assert (left, right) == (240, 380)
    assert (top, bottom) == (10 + 49, 10 + 49 + 42)


def test_columns_are_as_wide_as_their_widest_picture() -> None:
    """A narrow picture is in the middle of a wide one's column."""
    actual = lay_out([[plain(10, 10)], [plain(20, 10, GREEN)]], cell=140)
    assert box(actual, RED) == (10, 10, 150, 150)
    assert box(actual, GREEN) == (45, 160, 115, 300)


def test_missing_pictures_leave_white() -> None:
    """None and the end of a short row are white, and the other pictures keep their columns."""
    actual = lay_out([[None, plain(10, 10)], [plain(10, 10, GREEN)]], cell=140)
    assert actual.shape == (310, 310, 3)
    assert box(actual, RED) == (160, 10, 300, 150)
    assert box(actual, GREEN) == (10, 160, 150, 300)
    empty = (actual == 255).all(-1)
    assert empty[:155, :155].all()
    assert empty[155:, 155:].all()


def test_a_caption_stands_below_its_picture() -> None:
    """There is ink between a picture and the lower margin, inside the picture's columns, and nowhere else."""
    pictures = [plain(50, 100), plain(50, 100, GREEN)]
    actual = lay_out([pictures], captions=[["", "style_weight=0.5"]], cell=256)
    y, x = np.nonzero(inked(actual))
    left, _, right, bottom = box(actual, GREEN)
    assert left <= x.min() < x.max() < right
    assert bottom < y.min() < y.max() < actual.shape[0] - 256 // 14
    assert abs((x.min() + x.max()) / 2 - (left + right) / 2) <= 2


def test_titles_stand_to_the_left_and_above() -> None:
    """Titles of rows are to the left of the first picture, at its height; titles of columns are above it, centred."""
    pictures = [[plain(60, 100), plain(60, 100, GREEN)]]
    rows = lay_out(pictures, row_titles=["bonsai"])
    y, x = np.nonzero(inked(rows))
    left, top, _, bottom = box(rows, RED)
    assert 0 < x.min() < x.max() < left
    assert abs((y.min() + y.max()) / 2 - (top + bottom) / 2) <= 5
    columns = lay_out(pictures, column_titles=["", "mosaic"])
    y, x = np.nonzero(inked(columns))
    left, top, right, _ = box(columns, GREEN)
    assert 0 < y.min() < y.max() < top
    assert abs((x.min() + x.max()) / 2 - (left + right) / 2) <= 2


def test_no_text_is_cut() -> None:
    """With long texts everywhere, no ink touches the borders, and none is outside the columns."""
    long = "a_long/text=0.123,gÅ " * 20
    pictures = [[plain(50, 100), plain(100, 20, GREEN)], [None, plain(10, 10, BLUE)]]
    captions = [[long, long], ["M" * 99, long]]
    actual = lay_out(pictures, captions=captions, row_titles=[long, "W" * 99], column_titles=[long, "x"], cell=128)
    ink = inked(actual)
    assert not ink[:4].any()
    assert not ink[-4:].any()
    assert not ink[:, :4].any()
    assert not ink[:, -4:].any()
    between = box(actual, RED)[2] + 128 // 28  # the middle of the gap
    assert not ink[:, between].any()


def test_letters_are_dark_and_as_large_as_is_legible() -> None:
    """At the default size a capital is at least 9 pixels high and nearly black."""
    actual = lay_out([[plain(50, 100)]], captions=[["H"]])
    y, _ = np.nonzero(inked(actual))
    assert y.max() - y.min() + 1 >= 9
    assert actual[inked(actual)].min() < 60


def test_a_row_without_any_picture_keeps_its_captions() -> None:
    """Captions of empty cells are drawn."""
    actual = lay_out([[plain(10, 10)], [None]], captions=[[""], ["failed"]], cell=140)
    assert inked(actual)[160:].any()


def test_side_by_side_is_a_sheet_of_one_row() -> None:
    """`side_by_side` draws the same as `lay_out`."""
    pictures, captions = [plain(10, 20), plain(20, 10)], ["a", "b"]
    assert np.array_equal(side_by_side(pictures, captions, cell=96), lay_out([pictures], captions=[captions], cell=96))


PICTURE = plain(4, 5)
WRONG = {
    "no rows": ([], {}, "rows must hold one picture"),
    "no pictures": ([[None], []], {}, "rows must hold one picture"),
    "rows of captions": ([[PICTURE]], {"captions": [["a"], ["b"]]}, "captions must be 1, not 2"),
    "captions of a row": ([[PICTURE], [PICTURE]], {"captions": [["a"], []]}, "captions of row 2 must be 1, not 0"),
    "row titles": ([[PICTURE]], {"row_titles": []}, "row_titles must be 1, not 0"),
    "column titles": ([[PICTURE], [PICTURE] * 2], {"column_titles": ["a"]}, "column_titles must be 2, not 1"),
    "cell": ([[PICTURE]], {"cell": 63}, "cell must be at least 64, not 63"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_numbers_are_refused(name: str) -> None:
    """The error names the argument, the expected number and the given number."""
    rows, options, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        lay_out(rows, **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("one", ["one"]),
        ("one two", ["one two"]),
        ("one\ntwo", ["one", "two"]),
        ("one\n\ntwo", ["one", "", "two"]),
        ("aaaa bbbb cccc", ["aaaa bbbb", "cccc"]),
        ("aaaa b_c_dddddd", ["aaaa", "b_c_dddddd"]),
        ("aaaa_bbbb_cccc", ["aaaa_bbbb_", "cccc"]),
        ("MMMMMMMMMMMMMMMM", ["MMMMMM…"]),
        ("a\nb\nc\nd", ["a", "b", "c…"]),
        ("a\nb\nMMMMMMM\nd", ["a", "b", "MMMMMM…"]),
    ],
)
def test_lines_are_broken_where_a_reader_expects_it(text: str, expected: list[str]) -> None:
    """Lines break at spaces, and at other marks only in words that are too wide; an ellipsis ends a cut text."""
    assert wrapped(text, 100, font(16), 3) == expected


def test_no_line_is_wider_than_allowed() -> None:
    """The lines of any text fit, and are not too many."""
    rng = np.random.default_rng(0)
    for width in (20, 60, 150):
        for _ in range(50):
            text = "".join(rng.choice(list("abcMW_=,/- \n"), 60))
            lines = wrapped(text, width, font(12), 3)
            assert len(lines) <= 3
            assert max(font(12).getlength(line) for line in lines) <= width


def test_the_whole_text_is_kept_where_there_is_room() -> None:
    """Joined lines give the text, except for spaces."""
    text = "style_weight=1e-05 content_weight=0.03, some/long/path/to/a-picture_of_something.png"
    lines = wrapped(text, 120, font(12), 99)
    assert len(lines) > 3
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("letter", list("éüßøŁЖΩ…"))
def test_names_in_other_alphabets_are_legible(letter: str) -> None:
    """No letter is drawn as the box of an unknown letter."""

    def drawn(text: str) -> np.ndarray:
        image = Image.new("L", (40, 40))
        ImageDraw.Draw(image).text((5, 5), text, fill=255, font=font(20))
        return np.asarray(image)

    assert drawn(letter).any()
    assert not np.array_equal(drawn(letter), drawn("\U0010fffe"))
