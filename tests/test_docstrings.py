"""The examples of all modules are run, and every public function has one."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import myvgg
from myvgg import converters, microscope, nst

ROOT = Path(__file__).parents[1]
NEEDS = {"to_onnx": "onnx", "extraction": "pyarrow"}
"""Packages that an example needs, by a part of its name."""

WITHOUT = {"CONFIGURATION_D", "CONFIGURATION_E", "VGG", "Architecture", "LayerInfo", "LayerParams", "Params"}
WITHOUT |= {
    "Preprocessing",
    "WeightsError",
    "WeightsWarning",
    "ImageError",
    "Evidence",
    "Losses",
    "Result",
    "State",
    "Step",
}
"""Public names that need no example of their own: records, errors and base classes."""


def modules() -> Iterator[ModuleType]:
    """Import all modules."""
    for package in (myvgg, converters):
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def examples() -> Iterator[doctest.DocTest]:
    """Find the examples of the functions and classes of all modules."""
    for module in modules():
        yield from (each for each in doctest.DocTestFinder(exclude_empty=True).find(module) if each.examples)


EXAMPLES = {example.name: example for example in examples()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_true(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An example gives the output that is written below it."""
    for part, package in NEEDS.items():
        if part in name:
            pytest.importorskip(package, reason=f"needs {package}")
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MYVGG_OFFLINE", "1")
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(EXAMPLES[name])
    assert result.failed == 0
    assert result.attempted > 0


@pytest.mark.parametrize("module", [myvgg, nst, microscope], ids=lambda module: module.__name__)
def test_every_public_function_has_an_example(module: ModuleType) -> None:
    """Only records, errors and base classes have none; a class may have one in a method."""
    values = {name: getattr(module, name) for name in module.__all__ if callable(getattr(module, name))}
    homes = {name: f"{value.__module__}.{value.__qualname__}" for name, value in values.items()}
    without = {name for name, home in homes.items() if not any(each.startswith(home) for each in EXAMPLES)}
    assert without - WITHOUT == set()
