"""Class names, and the most probable classes of a prediction."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from myvgg.labels import imagenet_classes, imagenet_labels, top
from myvgg.store import manifest


def test_classes_are_the_public_index() -> None:
    """Written as JSON again, the table is Keras' public file to the byte."""
    text = json.dumps({str(index): list(one) for index, one in enumerate(imagenet_classes())}).encode()
    expected = manifest()["imagenet-classes"]

    assert hashlib.md5(text).hexdigest() == expected.md5 == "c2c37ea517e94d9795004a39431a14cb"
    assert len(text) == expected.bytes


def test_wordnet_ids_are_unique_where_names_are_not() -> None:
    """There are 1000 ids but 998 names: a crane is a bird and a machine."""
    assert len({one.wnid for one in imagenet_classes()}) == 1000
    assert sorted(name for name in set(imagenet_labels()) if imagenet_labels().count(name) > 1) == ["crane", "maillot"]


def test_labels_are_the_names_in_order() -> None:
    """The first, a long and the last name have Keras' indices."""
    assert len(imagenet_labels()) == 1000
    assert (imagenet_labels()[0], imagenet_labels()[2], imagenet_labels()[999]) == (
        "tench",
        "great_white_shark",
        "toilet_tissue",
    )


def test_top_puts_the_best_first() -> None:
    """The most probable classes come in falling order, as plain numbers."""
    actual = top(np.array([0.125, 0.5, 0.125, 0.25], np.float32), ("a", "b", "c", "d"), k=2)

    assert actual == [("b", 0.5), ("d", 0.25)]
    assert type(actual[0][1]) is float


def test_ties_keep_the_order_of_the_classes() -> None:
    """Equally probable classes are in the order of their numbers."""
    names = tuple(f"class {index}" for index in range(100))

    actual = top(np.full(100, 0.01, np.float32), names, k=100)

    assert tuple(name for name, _ in actual) == names


def test_equal_names_are_two_results() -> None:
    """Classes that share a name stay separate."""
    assert top(np.array([0.5, 0.2, 0.3]), ("crane", "tench", "crane"), k=2) == [("crane", 0.5), ("crane", 0.3)]


@pytest.mark.parametrize(
    ("shape", "names", "k", "message"),
    [
        pytest.param((3,), 3, 0, "k must be from 1 to 3, not 0", id="k too small"),
        pytest.param((3,), 3, 4, "k must be from 1 to 3, not 4", id="k too large"),
        pytest.param((3,), 2, 1, "labels must be 3 names, one for each probability, not 2", id="labels"),
        pytest.param((1, 3), 3, 1, r"one row, not an array of shape \(1, 3\)", id="batch"),
    ],
)
def test_bad_arguments_are_named(shape: tuple[int, ...], names: int, k: int, message: str) -> None:
    """The error names the argument and the allowed values."""
    with pytest.raises(ValueError, match=message):
        top(np.zeros(shape), ("name",) * names, k=k)
