"""Rows of parts, put in the order of a list."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myvgg.extraction import assembling, local, parts, writers
from myvgg.extraction.batching import Row
from myvgg.extraction.readers import read_features
from myvgg.extraction.recipe import Recipe
from myvgg.images import Resizing

RECIPE = Recipe(("x",), "none", Resizing(1), "float32", "max", "")
SUFFIXES = [".parquet", ".h5", ".npz", ".safetensors"]


def row(number: int, *, stamp: int = 1, error: str = "") -> Row:
    """Return a row that holds its number and its stamp."""
    return Row(f"{number}.png", error, {} if error else {"x": np.array([number, stamp], np.float32)}, stamp)


def test_parts_are_read_a_few_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the pictures of two runs alternate in the list, a part is read once or twice, and not once a row."""
    monkeypatch.setattr(local, "PART_ROWS", 8)
    monkeypatch.setattr(assembling, "TABLE_BYTES", 0)
    for first in (0, 1):
        local.write_rows([[row(number)] for number in range(first, 64, 2)], ["x"], tmp_path)
    files, reads = parts.readable_parts(tmp_path), []
    original = assembling.read_part
    places = assembling.places_of(files)
    monkeypatch.setattr(assembling, "read_part", lambda part, names: reads.append(part) or original(part, names))  # type: ignore[func-returns-value]
    inorder = [places[f"{number}.png"] for number in range(64)]
    tables = [*assembling.read_in_order(inorder, files, ["path"])]
    assert [name for table in tables for name in table["path"].to_pylist()] == [f"{number}.png" for number in range(64)]
    assert len(tables) > 1
    assert len(reads) <= 3 * len(files) == 24


@settings(max_examples=25, deadline=None)
@given(
    runs=st.lists(st.lists(st.tuples(st.integers(0, 7), st.booleans(), st.booleans()), max_size=6), max_size=6),
    order=st.permutations(range(8)),
    suffix=st.sampled_from(SUFFIXES),
)
def test_the_best_row_of_each_picture_counts(runs: Any, order: Any, suffix: str) -> None:
    """Whatever runs have left: a row with features counts before others, one of the present picture before others."""
    runs = [*runs, [(number, False, True) for number in range(8)]]
    with TemporaryDirectory() as name:
        folder, output = Path(name, "parts"), Path(name, f"f{suffix}")
        folder.mkdir()
        for run in runs:
            rows = [row(number, stamp=1 + old, error="gone" if failed else "") for number, old, failed in run]
            parts.write_part(rows, ["x"], folder)
        files, stamps = parts.readable_parts(folder), {f"{number}.png": 1 for number in range(8)}
        writers.write(writers.Content([f"{number}.png" for number in order], ["x"], files, RECIPE, stamps), output)
        table = read_features(output)
    for number, error, values in zip(order, table.errors, table["x"], strict=True):
        best = max((not failed, not old) for run in runs for each, old, failed in run if each == number)
        assert bool(error) != best[0]
        if best[0]:
            assert np.array_equal(values, [number, 1 + (not best[1])])
