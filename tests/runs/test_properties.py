"""Any name of a file and any moment of an interruption: what holds for one holds for all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from myvgg import images
from myvgg.images.finding import read_list
from myvgg.nst import Step
from myvgg.params import Params
from myvgg.runs import checkpoint, record
from myvgg.runs.job import Job, check, read, run
from myvgg.runs.rows import Row, read_rows, write_rows
from tests.runs.small import save

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
    lambda name: name.strip(".") and len(os.fsencode(f"{name}.png.toml")) < 250
)
"""Names as file systems allow them, without a suffix; names of dots alone have none to come."""

QUIETLY = [HealthCheck.function_scoped_fixture]


@settings(deadline=None, max_examples=100, suppress_health_check=QUIETLY)
@given(name=NAMES)
@example(name="~")
@example(name="-o")
@example(name="a\nb\r")
@example(name="=1+1")
@example(name="'")
@example(name="[a]*?")
@example(name="caf\udce9")
@example(name=" \t ")
@example(name="#")
def test_any_name_of_a_file(name: str, tmp_path: Path) -> None:
    """A picture of any name is found by its name and by a list, and its name comes back from record and table."""
    path = save(tmp_path / f"{name}.png")
    assert images.find_pictures([str(path)]) == [path]
    assert read_list(os.fsencode(path) + b"\0") == [str(path)]
    written = {"settings": {}, "inputs": {"content": {"file": str(path), "sha256": "0"}}}
    record.write(written, tmp_path / "a.toml")
    write_rows([Row("-", "-", path.name)], tmp_path / "a.csv")
    readable = str(path).encode("utf-8", "replace").decode()
    assert record.read_record(tmp_path / "a.toml")["inputs"]["content"]["file"] == readable
    assert [*read_rows(tmp_path / "a.csv")] == [Path(readable).name.replace("\r", " ")]
    path.unlink()


@pytest.mark.slow
@settings(deadline=None, max_examples=3, suppress_health_check=QUIETLY)
@given(optimizer=st.sampled_from(["adam", "lbfgs"]), moments=st.lists(st.integers(1, 7), min_size=1, max_size=3))
def test_any_moment_of_an_interruption(optimizer: str, moments: list[int], pair: Job, tiny_params: Params) -> None:
    """A run that is interrupted at any steps, and resumed each time, ends with the bytes of an undisturbed one."""
    changed = {"optimizer": optimizer, "iterations": 4, "scales": 2, "min_size": 12}
    job = replace(pair, settings=pair.settings.with_values(changed))
    check(job)
    whole = replace(job, output=job.output.with_name("whole.png"))
    run(whole, read(whole), tiny_params)

    def interrupting(steps: Iterator[Step], *, moment: int) -> Iterator[Step]:
        for step in steps:
            yield step
            if step.iteration >= moment:
                raise KeyboardInterrupt

    for moment in sorted(moments):
        with pytest.raises(KeyboardInterrupt):
            run(replace(job, resume=True), read(job), tiny_params, watch=partial(interrupting, moment=moment))
        assert checkpoint.path_for(job.output).exists()
    run(replace(job, resume=True), read(job), tiny_params)
    assert job.output.read_bytes() == whole.output.read_bytes()
