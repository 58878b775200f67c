"""A recipe is stored as text, read again, and compared."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from typing import Any

import pytest

from myvgg.extraction.recipe import Recipe
from myvgg.images import Resizing

RECIPE = Recipe(("relu4_2", "fc7"), "gram", Resizing(224, "squash"), "bfloat16", "avg", "vgg19 0123456789abcdef, bgr")


def test_text_and_back() -> None:
    """The text is JSON of plain words, and gives the same recipe again; so does a pickle, which goes to a cluster."""
    assert json.loads(RECIPE.to_json()) == {
        "layers": ["relu4_2", "fc7"],
        "reduce": "gram",
        "size": 224,
        "fit": "squash",
        "precision": "bfloat16",
        "pooling": "avg",
        "weights": "vgg19 0123456789abcdef, bgr",
    }
    assert Recipe.from_json(RECIPE.to_json()) == RECIPE == pickle.loads(pickle.dumps(RECIPE))
    assert hash(Recipe.from_json(RECIPE.to_json())) == hash(RECIPE)


def test_texts_of_earlier_versions() -> None:
    """They name the reduction `summary`."""
    text = RECIPE.to_json().replace('"reduce"', '"summary"')
    assert Recipe.from_json(text) == RECIPE
    assert RECIPE.difference(text) == ""


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({}, ""),
        ({"layers": ("fc7",)}, "layers ['fc7'] in place of ['relu4_2', 'fc7']"),
        ({"reduce": "mean"}, "reduce mean in place of gram"),
        ({"resizing": Resizing(64, "crop")}, "fit crop in place of squash, size 64 in place of 224"),
        (
            {"precision": "float32", "pooling": "max"},
            "pooling max in place of avg, precision float32 in place of bfloat16",
        ),
        ({"weights": "vgg16"}, "weights vgg16 in place of vgg19 0123456789abcdef, bgr"),
    ],
    ids=["none", "layers", "reduction", "size", "precision", "weights"],
)
def test_differences_are_named(changes: Any, difference: str) -> None:
    """Each field that differs is named with both values."""
    assert RECIPE.difference(replace(RECIPE, **changes).to_json()) == difference


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', "[" * 100_000])
def test_other_texts(text: str) -> None:
    """A text that is no recipe is told apart, and is not read."""
    assert RECIPE.difference(text) == "it was not made by this program"
    with pytest.raises(ValueError):
        Recipe.from_json(text)


@pytest.mark.parametrize("name", ["layers", "reduce", "size", "fit", "precision", "pooling", "weights"])
def test_texts_without_a_field(name: str) -> None:
    """A field that is missing, or of another type, is refused."""
    values = json.loads(RECIPE.to_json())
    with pytest.raises(ValueError, match="the description has values of other types"):
        Recipe.from_json(json.dumps(values | {name: None}))
    del values[name]
    with pytest.raises(ValueError, match=f"the description has no {name}"):
        Recipe.from_json(json.dumps(values))
