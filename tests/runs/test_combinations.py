"""The jobs of batches, sweeps and comparisons, and the names of their pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from myvgg.nst.settings import Settings
from myvgg.runs import many
from myvgg.runs.combinations import compared_jobs
from myvgg.runs.job import Job
from tests.runs.small import IN_NAMES, QUICK, save


def test_a_batch_pairs_every_content_with_every_style(folder: Path, template: Job) -> None:
    """Names consist of content, style and the changed settings; all contents of a style follow each other."""
    contents, styles = (
        [folder / "contents" / n for n in ("a.png", "b.jpg")],
        [folder / "styles" / f"{n}.png" for n in "st"],
    )
    jobs = many.batch_jobs(contents, styles, folder / "out", template)
    assert [(job.content, job.styles) for job in jobs] == [
        (content, (style,)) for style in styles for content in contents
    ]
    assert [job.output for job in jobs] == [
        folder / "out" / f"{content}_{style}_{IN_NAMES}.png" for style in "st" for content in "ab"
    ]
    assert all(job.settings == QUICK for job in jobs)


def test_names_without_changed_settings(folder: Path, template: Job) -> None:
    """With the default settings, a name consists of content and style alone."""
    plain = replace(template, settings=Settings())
    (job,) = many.batch_jobs([folder / "contents" / "a.png"], [folder / "styles" / "t.png"], folder, plain)
    assert job.output == folder / "a_t.png"


def test_a_file_counts_once(folder: Path, template: Job) -> None:
    """A file that occurs twice is one content, or one style."""
    contents = [folder / "contents" / name for name in ("b.jpg", "a.png", "b.jpg")]
    found = many.batch_jobs(contents, [folder / "styles/s.png"] * 2, folder / "out", template)
    assert [job.content for job in found] == contents[:2]


@pytest.mark.parametrize(("contents", "styles", "name"), [(0, 1, "contents"), (1, 0, "styles")])
def test_a_batch_of_nothing_is_refused(contents: int, styles: int, name: str, folder: Path, template: Job) -> None:
    """Without contents or without styles there is nothing to do."""
    content, style = folder / "contents/a.png", folder / "styles/s.png"
    with pytest.raises(ValueError, match=f"{name} must name one picture at least"):
        many.batch_jobs([content] * contents, [style] * styles, folder / "out", template)


def test_names_are_distinct_and_stay(folder: Path, template: Job) -> None:
    """Equal stems, stems that read alike when joined, and stems that differ in case get distinct names."""
    files = ("x/a.png", "y/a.png", "y/a.jpg", "y/A.bmp", "z/a_s.png")
    contents = [folder / name for name in files]
    styles = [folder / "z/s.png", folder / "z/s_s.png"]
    first, second = (many.batch_jobs(contents, styles, folder / "out", template) for _ in range(2))
    assert first == second
    assert len({job.output.name.casefold() for job in first}) == len(first) == 10


def test_long_and_strange_names(folder: Path, template: Job) -> None:
    """A name fits into a file system and keeps to characters that all of them take."""
    contents = [folder / f"{'é' * 100}{end}.png" for end in "ab"] + [folder / 'q"?: *.png']
    found = many.batch_jobs(contents, [folder / "styles/s.png"], folder, template)
    names = [job.output.name for job in found]
    assert len(set(names)) == 3
    assert max(len(name.encode()) for name in names) < 200
    assert names[2].startswith("q-_s_")
    for name in names:
        save(folder / name)


def test_a_sweep_of_one_setting(pair: Job) -> None:
    """Each value makes a job, whose name carries the value as it was written."""
    grid = many.sweep_jobs(pair, {"style-strength": [".5", "1", "2e0"]})
    assert [job.settings for job in grid.jobs] == [replace(QUICK, style_strength=x) for x in (0.5, 1.0, 2.0)]
    assert [job.output.name for job in grid.jobs] == [f"sweep_style-strength-{x}.png" for x in (".5", "1", "2e0")]
    assert grid.rows == []
    assert grid.columns == ["style-strength .5", "style-strength 1", "style-strength 2e0"]


def test_a_sweep_of_two_settings(pair: Job) -> None:
    """The first setting gives the rows, the second the columns; jobs come row by row."""
    grid = many.sweep_jobs(pair, {"style_loss": ["gram", "wasserstein"], "balance": ["true", "false"]})
    assert [(job.settings.style_loss, job.settings.balance) for job in grid.jobs] == [
        ("gram", True),
        ("gram", False),
        ("wasserstein", True),
        ("wasserstein", False),
    ]
    assert grid.jobs[1].output.name == "sweep_style-loss-gram_balance-false.png"
    assert grid.rows == ["style-loss gram", "style-loss wasserstein"]
    assert grid.columns == ["balance true", "balance false"]


@pytest.mark.parametrize(
    ("name", "written", "values"),
    {
        "layers": (
            "style-layers",
            ["relu1_1", "relu1_1=2,relu2_1"],
            [{"relu1_1": 1}, {"relu1_1": 2, "relu2_1": 1}],
        ),
        "sizes": ("size", ["512", "800x600", "0.5MP"], [512, "800x600", "0.5MP"]),
        "whole numbers": ("seed", ["1", "2"], [1, 2]),
        "lists": ("style_blend", ["[1,2]", "[2,1]"], [(1, 2), (2, 1)]),
    }.values(),
    ids=lambda value: "",
)
def test_values_are_read(name: str, written: list[str], values: list[Any], pair: Job) -> None:
    """Numbers, lists and texts are told apart."""
    grid = many.sweep_jobs(pair, {name: written})
    assert [getattr(job.settings, name.replace("-", "_")) for job in grid.jobs] == values
    assert len({job.output for job in grid.jobs}) == len(values)


@pytest.mark.parametrize(
    ("over", "problem"),
    {
        "none": ({}, "one or two settings to vary, not 0"),
        "three": ({"seed": ["1"], "size": ["1"], "scales": ["1"]}, "one or two settings to vary, not 3"),
        "no values": ({"style_strength": []}, "style-strength has no values"),
        "unknown": ({"style-strenght": ["1", "2"]}, "no setting 'style_strenght': did you mean style_strength"),
        "wrong type": ({"balance": ["1", "2"]}, "balance must be true or false"),
        "wrong value": ({"noise": ["0.5", "2"]}, "noise must be from 0 to 1, not 2"),
        "a value twice": ({"noise": ["0.5", "1", "5e-1"]}, "5e-1 is there twice for noise"),
        "a setting twice": ({"noise-range": ["0"], "noise_range": ["1"]}, "noise-range twice"),
    }.values(),
    ids=lambda value: "",
)
def test_wrong_sweeps_are_refused(over: dict[str, list[str]], problem: str, pair: Job) -> None:
    """A wrong setting or value is named before anything runs."""
    with pytest.raises(ValueError, match=problem):
        many.sweep_jobs(pair, over)


def test_compared_jobs_have_their_own_files(pair: Job) -> None:
    """Each name of settings is in the names of its picture and its animation; nothing else changes."""
    job = replace(pair, output=Path("out.jpg"), animate=Path("moving.gif"), report=True)
    settings = {"one": QUICK, "two": replace(QUICK, style_loss="gram")}
    first, second = compared_jobs(job, settings)
    assert first == replace(job, output=Path("out-one.jpg"), animate=Path("moving-one.gif"))
    assert (second.settings, second.output) == (settings["two"], Path("out-two.jpg"))
    assert compared_jobs(pair, settings)[0].animate is None


def test_a_sweep_over_presets_keeps_the_other_settings(pair: Job) -> None:
    """A preset is varied below the template's settings, or is whatever the caller's function makes of its name."""
    over = {"preset": ["gatys", "draft"], "seed": ["1", "2"]}
    grid = many.sweep_jobs(pair, over)
    assert [job.settings.size for job in grid.jobs] == [QUICK.size] * 4
    assert [job.settings.seed for job in grid.jobs] == [1, 2, 1, 2]
    assert [job.settings.optimizer for job in grid.jobs][::2] == [
        Settings.preset(name).optimizer for name in ("gatys", "draft")
    ]
    grid = many.sweep_jobs(pair, over, preset=lambda name: replace(Settings.preset(name), size=9))
    assert {job.settings.size for job in grid.jobs} == {9}
    with pytest.raises(ValueError, match="no preset 'gattys'"):
        many.sweep_jobs(pair, {"preset": ["gattys", "draft"]})
