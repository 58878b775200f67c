"""Settings refuse what cannot be meant, by name."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from myvgg.nst import Settings

WRONG = {
    "size": [0, -1],
    "iterations": [0, -5],
    "seed": [-1],
    "content_weight": [-0.1, math.inf, math.nan],
    "style_weight": [-1.0, math.inf, math.nan],
    "tv_weight": [-1e-9, math.inf, math.nan],
    "learning_rate": [-1.0, math.inf, math.nan],
    "noise": [-0.01, 1.01, math.inf, math.nan],
}
RIGHT = {
    "size": [1, 100_000],
    "iterations": [1],
    "seed": [0, 2**40],
    "content_weight": [0.0, 1e9],
    "style_weight": [0.0],
    "tv_weight": [0.0],
    "learning_rate": [0.0, 255.0],
    "noise": [0.0, 1.0],
    "content_layers": [(), ("conv1_1", "pool5"), ("block4_conv2",)],
    "style_layers": [(), ("relu1_1",)],
    "pooling": ["max", "avg"],
}


def pairs(table: dict[str, list[Any]]) -> list[Any]:
    """List every field with every value, with readable ids."""
    return [pytest.param(name, value, id=f"{name}={value}") for name, values in table.items() for value in values]


@pytest.mark.parametrize(("name", "value"), pairs(WRONG))
def test_refuses_values_out_of_range(name: str, value: float) -> None:
    """A value out of its range is refused with the field's name and the value."""
    with pytest.raises(ValueError, match=rf"^{name} must be .* not {value}$"):
        Settings(**{name: value})


@pytest.mark.parametrize(("name", "value"), pairs(RIGHT))
def test_takes_the_ends_of_each_range(name: str, value: Any) -> None:
    """The smallest and largest values that are allowed are kept as they are."""
    assert getattr(Settings(**{name: value}), name) == value


@pytest.mark.parametrize("field", ["content_layers", "style_layers"])
@pytest.mark.parametrize(
    ("layer", "near"), [("relu4_9", "relu4_"), ("conv41", "conv4_1"), ("block4_conv9", "block4_conv")]
)
def test_an_unknown_layer_names_the_nearest(field: str, layer: str, near: str) -> None:
    """A layer that VGG19 does not have is refused, with one that it has."""
    with pytest.raises(ValueError, match=rf"no layer '{layer}': did you mean .*{near}"):
        Settings(**{field: ("relu1_1", layer)})


def test_refuses_an_unknown_pooling(unchecked: None) -> None:
    """Pooling other than max and avg is refused by name."""
    with pytest.raises(ValueError, match="pooling must be max or avg, not 'median'"):
        Settings(pooling="median")


def test_settings_are_frozen() -> None:
    """A setting is not changed afterwards, and a copy with another value is checked again."""
    settings = Settings()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.size = 3  # type: ignore[misc]
    assert dataclasses.replace(settings, size=3).size == 3
    with pytest.raises(ValueError, match="size"):
        dataclasses.replace(settings, size=0)
    assert hash(settings) == hash(Settings())


def test_every_setting_is_named() -> None:
    """Settings are given by name only, and every field has a range that is tested here."""
    with pytest.raises(TypeError):
        Settings(512)  # type: ignore[misc]
    assert {field.name for field in dataclasses.fields(Settings)} == set(RIGHT)


@pytest.mark.parametrize("field", ["content_layers", "style_layers"])
def test_refuses_one_name_without_a_tuple(field: str, unchecked: None) -> None:
    """A text in place of a tuple of names is refused as such, not letter by letter."""
    with pytest.raises(ValueError, match=f"{field} must be a tuple of names, not the text 'relu4_2'"):
        Settings(**{field: "relu4_2"})


@pytest.mark.parametrize("layer", ["fc6", "relu7", "prob", "predictions"])
def test_refuses_layers_that_are_no_maps(layer: str) -> None:
    """The classifier has no place in style transfer."""
    with pytest.raises(ValueError, match=f"style_layers must be convolutions, rectifications or pools, not '{layer}'"):
        Settings(style_layers=(layer,))


@pytest.mark.parametrize("value", [1.5, math.inf, "3", None])
def test_refuses_counts_that_are_no_whole_numbers(value: object, unchecked: None) -> None:
    """A size is a whole number."""
    with pytest.raises(ValueError, match="size must be a whole number"):
        Settings(size=value)  # type: ignore[arg-type]
