"""The examples of the public functions are run."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import myvgg
from myvgg import converters, nst

ROOT = Path(__file__).parents[1]
WITHOUT = {"CONFIGURATION_D", "CONFIGURATION_E", "VGG", "Architecture", "LayerInfo", "LayerParams", "Params"}
WITHOUT |= {
    "Preprocessing",
    "WeightsError",
    "WeightsWarning",
    "ImageError",
    "Losses",
    "Result",
    "State",
    "Step",
    "Settings",
}
"""Public names that need no example of their own: records, errors, and classes that have one in a method."""


def examples() -> Iterator[doctest.DocTest]:
    """Find the examples of all public functions and classes, and of the methods of classes."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for module, names in ((myvgg, myvgg.__all__), (nst, nst.__all__), (converters, ["load", "save"])):
        for name in names:
            value = getattr(module, name)
            if callable(value):
                found = finder.find(value, f"{module.__name__}.{name}", globs={})
                yield from (example for example in found if example.examples)


EXAMPLES = {example.name: example for example in examples()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_true(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An example gives the output that is written below it."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MYVGG_OFFLINE", "1")
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(EXAMPLES[name])
    assert result.failed == 0
    assert result.attempted > 0


def test_every_public_function_has_an_example() -> None:
    """Only records, errors and base classes have none."""
    public = {f"{m.__name__}.{name}" for m in (myvgg, nst) for name in m.__all__ if callable(getattr(m, name))}
    without = {name for name in public if not any(each.startswith(name) for each in EXAMPLES)}
    assert {name.rpartition(".")[2] for name in without} <= WITHOUT
    assert all(inspect.getdoc(getattr(myvgg, name)) for name in WITHOUT if hasattr(myvgg, name))
