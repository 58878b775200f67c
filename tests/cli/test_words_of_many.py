"""The words of `style batch` and `style sweep`: files, folders and patterns; settings with their values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from myvgg.cli.style import main
from myvgg.images import find_pictures
from myvgg.runs import many
from myvgg.runs.combinations import Grid
from tests.runs.small import save


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder, with two contents, a text file and two styles."""
    for number, name in enumerate(("contents/a.png", "contents/b.jpg", "styles/s.png", "styles/t.png")):
        save(tmp_path / name, seed=number)
    (tmp_path / "contents" / "notes.txt").write_text("no picture")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("word", "names"),
    {
        "file": ("contents/a.png", ["a.png"]),
        "folder": ("contents", ["a.png", "b.jpg"]),
        "pattern": ("contents/*.jpg", ["b.jpg"]),
        "pattern of all files": ("contents/*", ["a.png", "b.jpg"]),
        "recursive pattern": ("**/*.png", ["a.png", "s.png", "t.png"]),
        "brackets in a name": ("contents/c[1].png", ["c[1].png"]),
    }.values(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_words_stand_for_pictures(word: str, names: list[str], folder: Path) -> None:
    """A word is a file, a folder or a pattern; hidden files and results are left out, but never a file by its name."""
    save(folder / "out" / "old.png")
    save(folder / "contents" / ".hidden.png")
    if "[" in word:
        save(folder / word)
    assert [path.name for path in find_pictures([str(folder / word)], outside=folder / "out")] == names
    assert find_pictures([str(folder / "out/old.png")], outside=folder / "out") == [folder / "out/old.png"]


def test_a_file_of_two_words_counts_once(folder: Path) -> None:
    """A file that two words stand for is found once, at its first place."""
    words = [str(folder / "contents" / "b.jpg"), str(folder / "contents")]
    assert [path.name for path in find_pictures(words)] == ["b.jpg", "a.png"]


@pytest.mark.parametrize(
    ("words", "problem"),
    {
        "nothing": ([], "name the contents"),
        "missing": (["contents/no.png"], "contents: there is no such picture: contents/no.png"),
        "pattern": (["contents/*.tif"], "contents: there is no such picture: contents/*.tif"),
        "empty folder": (["empty"], "contents: the folder has no pictures: empty"),
    }.values(),
    ids=lambda value: "",
)
def test_words_for_nothing_are_refused(
    words: list[str], problem: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A word without a picture is wrong usage, and is named."""
    (folder / "empty").mkdir()
    contents = ["-c", *words] if words else []
    assert main(["batch", *contents, "-s", "styles", "-o", "out"]) == 2
    assert problem in capfd.readouterr().err


@pytest.mark.parametrize(
    ("word", "name", "values"),
    {
        "layers": (
            "style-layers=relu1_1;relu1_1=2,relu2_1",
            "style_layers",
            [{"relu1_1": 1}, {"relu1_1": 2, "relu2_1": 1}],
        ),
        "sizes": ("size=512,800x600,0.5MP", "size", [512, "800x600", "0.5MP"]),
        "whole numbers": ("seed=1, 2", "seed", [1, 2]),
        "lists": ("style_blend=[1,2];[2,1]", "style_blend", [(1, 2), (2, 1)]),
    }.values(),
    ids=lambda value: "",
)
def test_values_of_a_sweep_are_read(
    word: str, name: str, values: list[Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values are separated by commas, or by semicolons where they have commas in them."""
    asked: list[Grid] = []
    monkeypatch.setattr(many, "sweep", lambda grid, *_, **__: asked.append(grid))
    assert main(["sweep", "contents/a.png", "styles/s.png", "--over", word, "--weights", "bundled"]) == 0
    (grid,) = asked
    assert [getattr(job.settings, name) for job in grid.jobs] == values
    assert len({job.output for job in grid.jobs}) == len(values)


@pytest.mark.parametrize(
    ("over", "problem"),
    {
        "none": ([], "one or two settings"),
        "three": (["seed=1,2", "size=1,2", "scales=1,2"], "one or two settings"),
        "no values": (["seed"], "not 'seed'"),
        "an empty value": (["seed=1,,2"], "not 'seed=1,,2'"),
        "unknown": (["style-strenght=1,2"], "no setting 'style_strenght': did you mean style_strength"),
        "wrong type": (["balance=1,2"], "balance must be true or false"),
        "wrong value": (["noise=0.5,2"], "noise must be from 0 to 1, not 2"),
        "a value twice": (["noise=0.5,1,5e-1"], "twice for noise"),
        "a setting twice": (["noise=0,1", "noise=0.2,0.3"], "noise twice"),
    }.values(),
    ids=lambda value: "",
)
def test_wrong_sweeps_are_refused(
    over: list[str], problem: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A wrong word of a sweep is wrong usage, and is named before anything runs."""
    words = [word for each in over for word in ("--over", each)]
    assert main(["sweep", "contents/a.png", "styles/s.png", *words]) == 2
    assert problem in capfd.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == ["contents", "styles"]


def test_missing_weights_of_a_sweep_are_no_wrong_usage(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A weights file that cannot be read is a failure of its own, and not one of the setting that is varied."""
    (folder / "no.h5").write_bytes(b"no weights")
    words = ["sweep", "contents/a.png", "styles/s.png", "--over", "seed=1,2", "--weights", "no.h5"]
    assert main(words) == 1
    assert capfd.readouterr().err.startswith("myvgg style sweep: no.h5: ")
