"""Checkpoints survive a round trip, are written whole, and belong to one run."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from myvgg.nst.state import AdamState, LBFGSState, State
from myvgg.runs import checkpoint
from myvgg.runs.checkpoint import Checkpoint, check, load, path_for, save
from tests.full_disk import SURVIVED, outcomes

RNG = np.random.default_rng(0)
IMAGE = RNG.random((1, 4, 5, 3), np.float32)
ADAM = AdamState(
    IMAGE,
    mean=IMAGE - 1,
    square=IMAGE**2,
    average=IMAGE / 2,
    best=IMAGE.astype(np.float16),
    lowest=0.25,
    first=1e-300,
    rate=0.02,
    steps=7,
    moves=5,
    averaged=3,
    restarts=1,
)
LBFGS = LBFGSState(
    IMAGE, 0.5, 3, point=IMAGE.ravel(), loss=0.75, gradient=-IMAGE.ravel(), pairs=RNG.random((2, 2, 60), np.float32)
)
STATES = {
    "adam": State(ADAM, scale=2, before=50, tile=64, begin=IMAGE),
    "adam at its beginning": State(AdamState(IMAGE)),
    "lbfgs": State(LBFGS, scale=1, before=10),
    "lbfgs at its beginning": State(LBFGSState(IMAGE)),
    "lbfgs before its first pair": State(replace(LBFGS, pairs=np.zeros((0, 2, 60), np.float32))),
}
LOG = [[1, 1, 0.1, 0.2, 0.3, 0.6], [2, 1, 1e-300, 0.0, 0.0, 1e-300]]
FRAMES = {10: np.zeros((4, 5, 3), np.uint8), 2: np.full((4, 5, 3), 255, np.uint8)}
MADE_OF: dict[str, Any] = {"settings": {"size": 512, "style_layers": {"relu1_1": 16.0}}, "content": "ab" * 32, "n": "é"}
WHOLE = Checkpoint(STATES["adam"], MADE_OF, LOG, FRAMES)


def assert_equal(actual: Any, expected: Any) -> None:
    """Compare two records, field by field, with their arrays' types."""
    assert type(actual) is type(expected)
    for each in fields(expected):
        ours, theirs = getattr(actual, each.name), getattr(expected, each.name)
        if is_dataclass(theirs):
            assert_equal(ours, theirs)
        elif isinstance(theirs, np.ndarray):
            assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), each.name
            assert np.array_equal(ours, theirs), each.name
        else:
            assert type(ours) is type(theirs), each.name
            assert ours == theirs or (ours != ours and theirs != theirs), each.name  # NaN


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_round_trip_keeps_everything(state: State, tmp_path: Path) -> None:
    """A state survives with its values, types and shapes, and so do losses, frames and the description."""
    save(replace(WHOLE, state=state), tmp_path / "a.checkpoint")
    actual = load(tmp_path / "a.checkpoint")
    assert_equal(actual.state, state)
    assert (actual.log, actual.made_of) == (LOG, MADE_OF)
    assert list(actual.frames) == [2, 10]
    assert all(np.array_equal(actual.frames[number], FRAMES[number]) for number in FRAMES)


def test_arrays_of_any_memory_layout(tmp_path: Path) -> None:
    """Transposed and strided arrays are stored by value."""
    strided = RNG.random((1, 8, 10, 3), np.float32)[:, ::-2, ::2]
    save(Checkpoint(State(AdamState(strided)), {}), tmp_path / "a.checkpoint")
    assert np.array_equal(load(tmp_path / "a.checkpoint").state.optimizer.image, strided)


def test_a_new_one_replaces_the_old(tmp_path: Path) -> None:
    """Only the last checkpoint stays, and no temporary file."""
    for count in (1, 2):
        save(Checkpoint(State(AdamState(IMAGE, steps=count)), {}), tmp_path / "a.checkpoint")
    assert [path.name for path in tmp_path.iterdir()] == ["a.checkpoint"]
    assert load(tmp_path / "a.checkpoint").state.steps == 2


def test_an_interrupted_write_leaves_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure while writing leaves the older checkpoint and no other file."""
    path = tmp_path / "a.checkpoint"
    save(WHOLE, path)
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(checkpoint.os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        save(Checkpoint(State(AdamState(IMAGE)), {}), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


SAVE = """
import numpy as np
from myvgg.nst.state import AdamState, State
from myvgg.runs.checkpoint import Checkpoint, save as write

whole = Checkpoint(State(AdamState(np.zeros((1, 100, 100, 3), np.float32))), {})
save = lambda path: write(whole, path)
"""


def test_a_full_disk_leaves_the_old(tmp_path: Path) -> None:
    """A disk that is full at any point raises OSError; the old file stays, and no temporary file is left."""
    assert outcomes(SAVE, tmp_path / "a.checkpoint") == SURVIVED


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.5, 0.999])
def test_a_cut_off_file_is_refused(share: float, tmp_path: Path) -> None:
    """A checkpoint that is cut off is refused with its name and a way out."""
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
            safetensors.numpy.save({"a": np.zeros(1)}, {"format": checkpoint.FORMAT, "log": "{", "made_of": "{}"}),
            "damaged, remove it",
        ),
        (
            safetensors.numpy.save(
                {"scale": np.zeros(())}, {"format": checkpoint.FORMAT, "log": "[]", "made_of": "{}"}
            ),
            "damaged, remove it",
        ),
        (
            safetensors.numpy.save(
                {"adam.image": IMAGE, "adam.other": IMAGE},
                {"format": checkpoint.FORMAT, "log": "[]", "made_of": "{}"},
            ),
            "damaged, remove it",
        ),
    ],
    ids=["text", "a stranger", "weights", "half", "damaged words", "no picture", "no such field"],
)
def test_other_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    """Another kind of file is refused as such."""
    (tmp_path / "a.checkpoint").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "a.checkpoint")


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    """A missing file raises FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "a.checkpoint")


def test_the_same_run_passes(tmp_path: Path) -> None:
    """A checkpoint belongs to the run that wrote it, also if the description has tuples, as settings have."""
    made_of = {"settings": {"style_blend": (0.5, 0.5), "scales": None, "size": 512}, "style": ["00", "ff"]}
    save(Checkpoint(State(AdamState(IMAGE)), made_of), tmp_path / "a.checkpoint")
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
    """The error names each difference with both values, long ones cut, and a way out."""
    with pytest.raises(ValueError) as caught:
        check(MADE_OF, {**MADE_OF, **changed}, "out.png.checkpoint")
    assert str(caught.value) == (
        f"out.png.checkpoint belongs to another run: {message}; "
        "give the same pictures and options to go on, or leave --resume out to begin anew"
    )


def test_it_lies_beside_the_picture(tmp_path: Path) -> None:
    """The name of a checkpoint contains the picture's suffix, so pictures of two formats have two checkpoints."""
    assert path_for("a/b.png") == Path("a/b.png.checkpoint")
    assert path_for(tmp_path / "b") == tmp_path / "b.checkpoint"
