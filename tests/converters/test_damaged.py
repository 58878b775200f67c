"""Damaged files of every format, drawn at random: nothing but `WeightsError` comes out, and no process ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.fuzz_weights import FORMATS, damaged, originals, tried


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A whole file of every format."""
    return dict(originals(tmp_path_factory.mktemp("whole")))


def test_nothing_but_our_error_comes_out(whole: dict[str, bytes], tmp_path: Path) -> None:
    """Files that are cut off, changed and resized are read or refused by us, in a process that goes on."""
    rng = np.random.default_rng(7)
    assert set(whole) >= {*FORMATS} - {"pth"}
    for index in range(10):
        for ending, content in whole.items():
            (tmp_path / f"{ending}-{index}").write_bytes(damaged(content, rng))
    outcomes = tried(tmp_path)
    assert set(outcomes) <= {"read", "WeightsError"}, outcomes
    assert outcomes["WeightsError"] > len(whole)
