"""Places: where the positions of a step lie."""

from __future__ import annotations

import numpy as np
import pytest

from myvgg.architecture import PoolPadding
from myvgg.nst.cells import SPLIT_COUNT
from myvgg.nst.places import draw, draw_split


def test_positions_are_different_and_come_again() -> None:
    """A key always draws the same positions, another key others, and none twice."""
    first, again, other = (draw(key, (40, 50), None, 1000) for key in ((1, 2), (1, 2), (1, 3)))
    numbers = [places.rows * 50 + places.columns for places in (first, again, other)]
    assert np.array_equal(numbers[0], numbers[1])
    assert not np.array_equal(numbers[0], numbers[2])
    assert len({*numbers[0].tolist()}) == 1000
    few = draw((1,), (3, 4), None, 30)
    assert sorted(few.rows * 4 + few.columns) == [*range(12)]


def test_a_region_has_its_own_positions() -> None:
    """Positions lie where the mask has half of its largest value or more."""
    mask = np.zeros((20, 30), np.float32)
    mask[:, 10:12], mask[5:, 20:] = 0.2, 0.8
    places = draw((1,), (20, 30), mask, 100)
    assert places.rows.min() >= 5
    assert places.columns.min() >= 20


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_layers_have_positions_of_their_own(padding: PoolPadding) -> None:
    """Each layer is drawn at its own resolution, within the picture and within the region."""
    size, strides = (203, 310), {"relu1_1": 1, "relu2_1": 2, "relu5_1": 16}
    mask = np.zeros(size, np.float32)
    mask[100:] = 1
    found = draw_split((1,), size, mask, strides, padding)
    for layer, places in found.items():
        stride = strides[layer]
        numbers = {*zip((places.rows // stride).tolist(), (places.columns // stride).tolist(), strict=True)}
        assert len(numbers) == len(places.rows) <= SPLIT_COUNT
        assert ((places.rows % stride) == 0).all()
        assert places.rows.min() >= 100 - stride
        assert places.rows.max() < size[0]
        assert places.columns.max() < size[1]
    assert len(found["relu1_1"].rows) == SPLIT_COUNT
    assert len(found["relu5_1"].rows) == (7 * 20 if padding == "same" else 6 * 19)


@pytest.mark.parametrize("column", [0, 3, 5, 13, 63])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_region_thinner_than_a_position_keeps_its_place(column: int, padding: PoolPadding) -> None:
    """A line that no middle of a position meets draws the positions that it runs through, and no others."""
    line = np.zeros((64, 67), np.float32)
    line[:, column] = 1
    for stride, found in (
        (stride, draw_split((0,), line.shape, line, {"a": stride}, padding)["a"]) for stride in (4, 16)
    ):
        assert {*found.columns} == {column // stride * stride}
        assert len(found.rows) == 64 // stride
