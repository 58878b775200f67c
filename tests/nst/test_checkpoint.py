"""Checkpoints come back as they were stored, appear whole, and belong to one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from myvgg.nst import checkpoint
from myvgg.nst.checkpoint import Checkpoint, check, load, path_for, save
from tests.full_disk import SURVIVED, outcomes

STATE = {
    "image": np.random.default_rng(0).random((1, 4, 5, 3), np.float32),
    "lowest": np.array(np.inf),
    "rate": np.array(0.02),
    "steps": np.array(7),
    "empty": np.zeros((0, 3), np.float32),
}
EXTRAS: dict[str, Any] = {"log": [{"iteration": 1, "total": 0.1}, {"iteration": 2, "total": 1e-300}], "name": "é 虎"}
MADE_OF: dict[str, Any] = {"settings": {"size": 512, "style_layers": {"relu1_1": 16.0}}, "content": "ab" * 32}
WHOLE = Checkpoint(STATE, EXTRAS, MADE_OF)


def test_round_trip_keeps_everything(tmp_path: Path) -> None:
    """Arrays come back with their values, types and shapes, single numbers as such; the rest as JSON holds it."""
    save(WHOLE, tmp_path / "a.checkpoint")
    actual = load(tmp_path / "a.checkpoint")
    assert set(actual.state) == set(STATE)
    for name, expected in STATE.items():
        assert np.array_equal(actual.state[name], expected), name
        assert actual.state[name].dtype == expected.dtype, name
        assert actual.state[name].shape == expected.shape, name
    assert (actual.extras, actual.made_of) == (EXTRAS, MADE_OF)


def test_numbers_can_be_used_at_once(tmp_path: Path) -> None:
    """Counts and rates are what `int` and `float` take, as the optimisers do."""
    save(WHOLE, tmp_path / "a.checkpoint")
    state = load(tmp_path / "a.checkpoint").state
    assert (int(state["steps"]), float(state["rate"]), float(state["lowest"])) == (7, 0.02, np.inf)


def test_arrays_of_any_memory_layout(tmp_path: Path) -> None:
    """Transposed and strided arrays are stored by value."""
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    save(Checkpoint({"a": array.T, "b": array[:, ::-1, ::2]}, {}, {}), tmp_path / "a.checkpoint")
    actual = load(tmp_path / "a.checkpoint").state
    assert np.array_equal(actual["a"], array.T)
    assert np.array_equal(actual["b"], array[:, ::-1, ::2])


def test_a_new_one_replaces_the_old(tmp_path: Path) -> None:
    """There is one file, the last, and nothing temporary beside it."""
    for count in (1, 2):
        save(Checkpoint({"steps": np.array(count)}, {}, {}), tmp_path / "a.checkpoint")
    assert [path.name for path in tmp_path.iterdir()] == ["a.checkpoint"]
    assert int(load(tmp_path / "a.checkpoint").state["steps"]) == 2


def test_an_interrupted_write_leaves_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens while writing, the older checkpoint is whole and nothing else is left."""
    path = tmp_path / "a.checkpoint"
    save(WHOLE, path)
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(checkpoint.os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        save(Checkpoint({"steps": np.array(8)}, {}, {}), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


SAVE = """
import numpy as np
from myvgg.nst.checkpoint import Checkpoint, save as write

whole = Checkpoint({"image": np.zeros((100, 100, 3), np.float32)}, {}, {})
save = lambda path: write(whole, path)
"""


def test_a_full_disk_leaves_the_old(tmp_path: Path) -> None:
    """Where there is no room, at any point, writing raises OSError, the old file stays and no temporary one does."""
    assert outcomes(SAVE, tmp_path / "a.checkpoint") == SURVIVED


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.5, 0.999])
def test_a_cut_off_file_is_refused(share: float, tmp_path: Path) -> None:
    """What is left of a checkpoint is refused with its name and what to do."""
    path = tmp_path / "a.checkpoint"
    save(WHOLE, path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match=r"a\.checkpoint: damaged, remove it to begin anew"):
        load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", "damaged, remove it"),
        (safetensors.numpy.save({"a": np.zeros(1)}), "no checkpoint of this version"),
        (safetensors.numpy.save({"a": np.zeros(1)}, {"format": "myvgg 1"}), "no checkpoint of this version"),
        (safetensors.numpy.save({"a": np.zeros(1)}, {"format": checkpoint.FORMAT}), "damaged, remove it"),
        (
            safetensors.numpy.save({"a": np.zeros(1)}, {"format": checkpoint.FORMAT, "extras": "{", "made_of": "{}"}),
            "damaged, remove it",
        ),
    ],
    ids=["text", "a stranger", "weights", "half", "damaged words"],
)
def test_other_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    """What is no checkpoint is called that."""
    (tmp_path / "a.checkpoint").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "a.checkpoint")


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    """Where there is nothing, nothing is damaged."""
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "a.checkpoint")


def test_the_same_run_passes(tmp_path: Path) -> None:
    """What was stored belongs to the run that stored it, also where it is written in tuples, as settings are."""
    made_of = {"settings": {"style_blend": (0.5, 0.5), "scales": None, "size": 512}, "style": ["00", "ff"]}
    save(Checkpoint({"a": np.zeros(1)}, {}, made_of), tmp_path / "a.checkpoint")
    check(load(tmp_path / "a.checkpoint").made_of, made_of, tmp_path / "a.checkpoint")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"content": "cd"}, f'content was "{"ab" * 18}... and is "cd"'),
        ({"settings": {"size": 256, "style_layers": {"relu1_1": 16.0}}}, "settings.size was 512 and is 256"),
        (
            {"settings": {"size": 512, "style_layers": {"relu1_1": 8.0}}},
            "settings.style_layers.relu1_1 was 16.0 and is 8.0",
        ),
        (
            {"settings": {"size": 512, "style_layers": {}}},
            "settings.style_layers.relu1_1 was 16.0 and is null",
        ),
        (
            {"content": "cd", "settings": {"size": 1, "style_layers": {"relu1_1": 16.0}}},
            f'content was "{"ab" * 18}... and is "cd"; settings.size was 512 and is 1',
        ),
        ({"weights": "00"}, 'weights was null and is "00"'),
        ({"settings": 3}, 'settings was {"size": 512, "style_layers": {"relu1... and is 3'),
    ],
    ids=["input", "setting", "weight", "no layer", "two", "new", "kind"],
)
def test_another_run_is_refused_by_its_differences(changed: dict[str, Any], message: str) -> None:
    """Each difference is named with both values, long ones cut, and what to do is said."""
    with pytest.raises(ValueError) as caught:
        check(MADE_OF, {**MADE_OF, **changed}, "out.png.checkpoint")
    assert str(caught.value) == (
        f"out.png.checkpoint belongs to another run: {message}; remove it or run without --resume"
    )


def test_it_lies_beside_the_picture(tmp_path: Path) -> None:
    """The picture's name with its suffix makes the checkpoint's, so that two formats have two."""
    assert path_for("a/b.png") == Path("a/b.png.checkpoint")
    assert path_for(tmp_path / "b") == tmp_path / "b.checkpoint"
