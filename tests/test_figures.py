"""Figures for notebooks show the pictures and the values that they are given."""

import math
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from myvgg.figures import show_curves, show_pictures


@pytest.fixture(autouse=True)
def without_window() -> Iterator[None]:
    """Draw without a window, and close all figures afterwards."""
    with mpl.rc_context({"backend": "agg"}):
        yield
        plt.close("all")


def test_pictures_stand_in_rows_under_their_titles(tmp_path: Path) -> None:
    """Paths and arrays must be drawn in their order, with their pixels; places without a picture are empty."""
    red = np.zeros((4, 6, 3), np.uint8)
    red[..., 0] = 255
    Image.fromarray(red).save(tmp_path / "red.png")
    bright = np.full((4, 6, 3), 255, np.float32)
    show_pictures({"a": tmp_path / "red.png", "b": bright, "c": red}, columns=2)
    axes = plt.gcf().axes
    assert [each.get_title() for each in axes] == ["a", "b", "c", ""]
    assert [each.get_subplotspec().rowspan.start for each in axes] == [0, 0, 1, 1]
    drawn = [each.get_images()[0].get_array() for each in axes[:3]]
    assert np.array_equal(drawn[0], red / 255)
    assert np.array_equal(drawn[1], np.ones((4, 6, 3)))
    assert not axes[3].get_images()


def test_curves_begin_at_step_one() -> None:
    """Curves must have their names and values, and begin at 1 where they are relative."""
    show_curves({"one": [4.0, 2.0], "other": [100.0, 10.0, 1.0]}, ylabel="cost", relative=True)
    axes = plt.gca()
    assert [line.get_xydata().tolist() for line in axes.lines] == [
        [[1, 1.0], [2, 0.5]],
        [[1, 1.0], [2, 0.1], [3, 0.01]],
    ]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["one", "other"]
    assert (axes.get_ylabel(), axes.get_yscale()) == ("cost", "log")


def test_nothing_to_draw_is_refused() -> None:
    """No pictures, no columns, no curves and values that a logarithm does not have must be refused."""
    picture = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(ValueError, match="there must be pictures"):
        show_pictures({})
    with pytest.raises(ValueError, match="columns"):
        show_pictures({"a": picture}, columns=0)
    for curves in ({}, {"a": []}, {"a": [1.0, 0.0]}, {"a": [math.nan, 1.0]}, {"a": [1.0, math.nan]}):
        with pytest.raises(ValueError, match="curves must be"):
            show_curves(curves)


def test_a_thin_picture_does_not_make_a_huge_figure() -> None:
    """A picture of one column must stand in a cell four times as high as wide, in its own proportions."""
    show_pictures({"thin": np.zeros((1000, 1, 3), np.uint8), "wide": np.zeros((2, 4, 3), np.uint8)}, side=2.0)
    assert plt.gcf().get_size_inches() == pytest.approx([4, 8.3])
    plt.gcf().draw_without_rendering()
    thin = plt.gcf().axes[0].get_position()
    assert thin.height * 8.3 / (thin.width * 4) == pytest.approx(1000)
