"""Tables of features find the pictures that are most alike."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cosine

from myvgg.extraction.feature_table import FeatureTable
from myvgg.extraction.recipe import Recipe
from myvgg.images import CENTRE_CROP

NAMES = ("a.png", "b.png", "damaged.png", "c.png", "black.png", "d.png")


@pytest.fixture
def table() -> FeatureTable:
    """A table of two columns, with a damaged picture, and with one whose features are all zero."""
    rows = np.random.default_rng(0).uniform(size=(6, 3, 4)).astype(np.float32)
    rows[2], rows[4] = np.nan, 0
    errors = tuple("cannot be read" if name == "damaged.png" else "" for name in NAMES)
    recipe = Recipe(("relu1_1", "relu2_1"), "gram", CENTRE_CROP, "float32", "max", "weights")
    return FeatureTable(NAMES, errors, {"relu1_1": rows, "relu2_1": 1 - rows}, recipe)


def test_nearest_are_those_of_the_largest_cosine(table: FeatureTable) -> None:
    """Names and cosines must be SciPy's, without the picture itself and those without features."""
    rows = table["relu1_1"]
    expected = {name: 1 - cosine(rows[0].ravel(), rows[NAMES.index(name)].ravel()) for name in ("b.png", "c.png")}
    expected["d.png"] = 1 - cosine(rows[0].ravel(), rows[5].ravel())
    order = sorted(expected, key=lambda name: -expected[name])
    found = table.nearest("a.png", column="relu1_1", count=9)
    assert [name for name, _ in found] == [*order, "black.png"]
    assert [number for _, number in found] == pytest.approx([*(expected[name] for name in order), 0])
    assert table.nearest(Path("a.png"), column="relu1_1", count=2) == found[:2]


def test_nearest_takes_the_only_column(table: FeatureTable) -> None:
    """A column must be named where there are several, and only there."""
    single = FeatureTable(table.paths, table.errors, {"relu1_1": table["relu1_1"]}, table.recipe)
    assert single.nearest("a.png") == table.nearest("a.png", column="relu1_1")
    for column in (None, "relu9_9"):
        with pytest.raises(ValueError, match="column must be one of relu1_1, relu2_1"):
            table.nearest("a.png", column=column)


def test_nearest_refuses_pictures_without_features(table: FeatureTable) -> None:
    """A picture without features, no picture of the table, rows of several shapes and no count must be refused."""
    with pytest.raises(ValueError, match="cannot be read"):
        table.nearest("damaged.png", column="relu1_1")
    with pytest.raises(ValueError, match="no picture 'e"):
        table.nearest("e.png", column="relu1_1")
    with pytest.raises(ValueError, match="count must be at least 1"):
        table.nearest("a.png", column="relu1_1", count=0)
    odd = FeatureTable(NAMES, ("",) * 6, {"maps": tuple(np.zeros((each, 1)) for each in range(6))}, table.recipe)
    with pytest.raises(ValueError, match="several shapes"):
        odd.nearest("a.png")
