"""Parameters by the name of their source."""

from __future__ import annotations

from typing import Any

import pytest

import myvgg
from myvgg import store
from myvgg.loading import load_params
from myvgg.params import Params


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tiny_params: Params) -> list[Any]:
    """The sources that reach the store, or `calibrated` for random weights."""
    found: list[Any] = []

    def load(source: Any = None, **options: Any) -> Params:
        found.append(source)
        return tiny_params

    def load_random(*_: Any) -> Params:
        found.append("calibrated")
        return tiny_params

    monkeypatch.setattr(store, "load", load)
    monkeypatch.setattr("myvgg.random_weights.load_random", load_random)
    monkeypatch.delenv("MYVGG_WEIGHTS", raising=False)
    return found


@pytest.mark.parametrize(
    ("source", "variable", "expected"),
    [
        (None, "", None),
        ("auto", "", None),
        ("auto", "some.h5", None),  # the store reads the variable
        ("bundled", "random", "bundled"),
        ("file.h5", "random", "file.h5"),
        ("random", "file.h5", "calibrated"),
        (None, "random", "calibrated"),
        ("auto", "random", "calibrated"),
    ],
)
def test_names_mean_the_same_everywhere(
    source: str | None, variable: str, expected: str | None, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An argument counts more than the variable, and both understand `bundled` and `random`."""
    monkeypatch.setenv("MYVGG_WEIGHTS", variable)
    load_params(source)
    myvgg.VGG19.load(source)
    assert asked == [expected, expected]


def test_bundled_weights_are_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """`VGG19.load("bundled")` is the network that the package brings, without a connection."""
    monkeypatch.setenv("MYVGG_OFFLINE", "1")
    vgg = myvgg.VGG19.load("bundled")
    assert vgg.params.origin.trained
    assert sum(part.size for layer in vgg.params.layers.values() for part in layer) == 20_024_384
