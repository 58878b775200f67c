"""The examples in the modules behind the public names are run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDS = {"to_onnx": "onnx", "extraction": "pyarrow"}
"""Packages that an example needs, by a part of its name."""


def examples() -> Iterator[doctest.DocTest]:
    """Find the examples of the functions and classes of the modules."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in ("sizes", "visualization", "images", "runtime", "extraction", "export"):
        package = importlib.import_module(f"myvgg.{name}")
        inner = [each.name for each in pkgutil.iter_modules(getattr(package, "__path__", []))]
        for module in (package, *(importlib.import_module(f"myvgg.{name}.{each}") for each in inner)):
            yield from (each for each in finder.find(module, globs={}) if each.examples)


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


def test_there_are_examples() -> None:
    """The functions that users know are among those whose examples are run."""
    known = {"images.coercion.as_picture", "images.fitting.Resizing", "extraction.library.extract"}
    assert {f"myvgg.{name}" for name in known} <= set(EXAMPLES)
