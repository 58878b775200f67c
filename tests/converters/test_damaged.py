"""Damaged files of every format: nothing but `WeightsError` comes out, and no process ends."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import fuzz_weights
from benchmarks.fuzzing import damaged, tried
from myvgg.params import WeightsError

PIECES = st.one_of(
    st.binary(max_size=16), st.sampled_from([bytes(8), b"\xff" * 8, b"\xff\xff\xff\x7f", b"../../a", b"99999999"])
)
"""Bytes that take the place of others."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A whole file of every format."""
    return dict(fuzz_weights.originals(tmp_path_factory.mktemp("whole")))


def test_nothing_but_our_error_comes_out(whole: dict[str, bytes], tmp_path: Path) -> None:
    """Files that are cut off, changed and resized are read or refused by us, in a process that goes on."""
    rng = np.random.default_rng(7)
    assert set(whole) >= {*fuzz_weights.FORMATS} - {"pth"}
    for index in range(10):
        for ending, content in whole.items():
            (tmp_path / f"{ending}-{index}").write_bytes(damaged(content, rng))
    outcomes = tried(tmp_path, "benchmarks.fuzz_weights")
    assert set(outcomes) <= {"read", "refused"}, outcomes
    assert outcomes["refused"] > len(whole)


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(fuzz_weights.FORMATS), data=st.data())
def test_pieces_in_other_places_are_read_or_refused(
    kind: str, data: st.DataObject, whole: dict[str, bytes], tmp_path: Path
) -> None:
    """A file with other bytes in places, longer or shorter than before, gives parameters or our error."""
    if kind not in whole:
        return  # a .pth, without torch
    content = bytearray(whole[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        piece, at = data.draw(PIECES), data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.sampled_from([len(piece), 0, 64]))] = piece
    path = tmp_path / f"a.{kind}"
    path.write_bytes(content[: data.draw(st.one_of(st.just(None), st.integers(1, len(content))))])
    with contextlib.suppress(WeightsError):
        fuzz_weights.read(path)
