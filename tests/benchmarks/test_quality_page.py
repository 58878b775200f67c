"""The table of the methods side by side."""

from __future__ import annotations

import pytest

from benchmarks import quality, quality_page
from benchmarks.judges import Judgement
from benchmarks.pictures import PAIRS


def made(scores: list[float], seconds: float) -> dict[tuple[str, str], quality.Made]:
    """Return pictures of the first pairs, whose first one took some seconds and all others an hour."""
    judgement = Judgement(*(0.5 for _ in Judgement._fields))
    times = [seconds] + [3600.0] * (len(scores) - 1)
    return {
        pair: quality.Made(time, score, judgement)
        for pair, time, score in zip(PAIRS[: len(scores)], times, scores, strict=True)
    }


def test_methods_of_fewer_pairs_stand_beside_the_default_of_the_same() -> None:
    """The default has a row for each choice of pairs, times are those of the first pair, and an empty method is out."""
    table = {
        "default": made([0.5, 0.7], 10),
        "gaussians": made([0.6, 0.6], 20),
        "nnst": made([0.3], 40),
        "strotss": {},
    }
    rows = [[cell.strip() for cell in row.split("|")[1:5]] for row in quality_page._rows(table)]
    names = {name: title for name, title in quality_page.TITLES.items() if name in table}
    assert rows == [
        [names["default"], "2", "1.00", "0.60"],
        [names["gaussians"], "2", "2.00", "0.60"],
        [names["default"], "1", "1.00", "0.50"],
        [names["nnst"], "1", "4.00", "0.30"],
    ]
    assert quality.means(table, "default", PAIRS[:1])[:2] == pytest.approx((1, 0.5))
