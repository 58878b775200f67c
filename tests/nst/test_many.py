"""Batches, sweeps and comparisons: what they make, skip, survive and write at the end."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from myvgg.command import UsageError
from myvgg.nst import checkpoint, many, record
from myvgg.nst import job as one
from myvgg.nst.job import Job
from myvgg.nst.settings import Layers, Settings
from myvgg.params import Params
from tests.nst.conftest import blobs

QUICK = Settings(
    size=24,
    scales=1,
    iterations=2,
    content_layers=Layers("relu2_1"),
    style_layers=Layers("relu1_1"),
    precision="float32",
)
SETTINGS = "size-24_iterations-2_scales-1_content-layers-relu2_1=1_style-layers-relu1_1=1_precision-float32"
WHITE = 250
"""Above it, a pixel of a sheet holds no picture."""


@pytest.fixture
def template() -> Job:
    """A job without pictures that takes no time."""
    return Job(content=None, styles=(), output=Path(), settings=QUICK)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two contents, a text among them, and two styles."""
    for number, name in enumerate(("contents/a.png", "contents/b.jpg", "styles/s.png", "styles/t.png")):
        save(tmp_path / name, seed=number)
    (tmp_path / "contents" / "notes.txt").write_text("no picture")
    return tmp_path


@pytest.fixture
def jobs(folder: Path, template: Job) -> list[Job]:
    """Those of a batch of all pictures in the folder."""
    return many.batch_jobs([str(folder / "contents")], [str(folder / "styles")], folder / "out", template)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """A list to which every job that is run is appended."""
    found: list[Job] = []
    original = one.run

    def run(job: Job, *arguments: Any, **options: Any) -> Any:
        found.append(job)
        return original(job, *arguments, **options)

    monkeypatch.setattr(one, "run", run)
    return found


@pytest.fixture
def batch(folder: Path, tiny_params: Params) -> Callable[..., list[str]]:
    """Run jobs in the folder `out`; returns what was said."""

    def run(jobs: list[Job], watch: Any = lambda steps, work, done: steps, params: Params = tiny_params) -> list[str]:
        said: list[str] = []
        many.batch(jobs, folder / "out", params, say=said.append, watch=watch)
        return said

    return run


def save(path: Path, *, seed: int = 0) -> Path:
    """Write a small picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.rint(blobs(20, 24, seed)).astype(np.uint8)).save(path)
    return path


def table(path: Path) -> list[dict[str, str]]:
    """Read a CSV file by means of the standard library."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pictures_on(path: Path, *, top: int = 0) -> tuple[int, int, int]:
    """Count rows, columns and pictures on a sheet below its top: where its middles are not white."""
    with Image.open(path) as image:
        ink = np.asarray(image.convert("L"))[top:] < WHITE
    rows = runs(ink.mean(1) > 0.15)
    columns = runs(ink.mean(0) > 0.15)
    filled = sum(ink[a:b, c:d].mean() > 0.5 for a, b in rows for c, d in columns)
    return len(rows), len(columns), filled


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Return where runs of 40 pixels or more begin and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= 40]


def interrupted_at(picture: int) -> Callable[..., Iterator[Any]]:
    """Return a `watch` that presses Ctrl-C after the first step of a picture, counted from 1."""
    count = 0

    def watch(steps: Iterator[Any], work: int, done: int) -> Iterator[Any]:
        nonlocal count
        count += 1
        for step in steps:
            yield step
            if count == picture:
                raise KeyboardInterrupt

    return watch


def test_a_batch_pairs_every_content_with_every_style(folder: Path, jobs: list[Job]) -> None:
    """Names carry content, style and the changed settings; files that are no pictures are left out."""
    pairs = [(job.content, job.styles) for job in jobs]
    contents, styles = (
        [folder / "contents" / n for n in ("a.png", "b.jpg")],
        [folder / "styles" / f"{n}.png" for n in "st"],
    )
    assert pairs == [(content, (style,)) for style in styles for content in contents]
    assert [job.output for job in jobs] == [
        folder / "out" / f"{content}_{style}_{SETTINGS}.png" for style in "st" for content in "ab"
    ]
    assert all(job.settings == QUICK for job in jobs)


def test_names_without_changed_settings(folder: Path, template: Job) -> None:
    """With the default settings, a name is content and style alone."""
    plain = replace(template, settings=Settings())
    words = [str(folder / "contents" / "a.png")], [str(folder / "styles" / "t.png")]
    (job,) = many.batch_jobs(*words, folder, plain)
    assert job.output == folder / "a_t.png"


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
def test_words_stand_for_pictures(word: str, names: list[str], folder: Path, template: Job) -> None:
    """A word is a file, a folder or a pattern; hidden files and results are not found, a file by its name always is."""
    save(folder / "out" / "old.png")
    save(folder / "contents" / ".hidden.png")
    if "[" in word:
        save(folder / word)
    found = many.batch_jobs([str(folder / word)], [str(folder / "styles/s.png")], folder / "out", template)
    assert [job.content.name for job in found if job.content] == names
    (job,) = many.batch_jobs([str(folder / "out/old.png")], [str(folder / "styles/s.png")], folder / "out", template)
    assert job.content == folder / "out/old.png"


def test_a_file_counts_once(folder: Path, template: Job) -> None:
    """A file that two words stand for is one content."""
    words = [str(folder / "contents" / "b.jpg"), str(folder / "contents")]
    found = many.batch_jobs(words, [str(folder / "styles/s.png")], folder / "out", template)
    assert [job.content.name for job in found if job.content] == ["b.jpg", "a.png"]


@pytest.mark.parametrize(
    ("words", "problem"),
    {
        "nothing": ([], "name the contents"),
        "missing": (["contents/no.png"], "contents: there is no such picture: .*no.png"),
        "pattern": (["contents/*.tif"], r"contents: there is no such picture: .*\*.tif"),
        "empty folder": (["empty"], "contents: the folder has no pictures: .*empty"),
    }.values(),
    ids=lambda value: "",
)
def test_words_for_nothing_are_refused(words: list[str], problem: str, folder: Path, template: Job) -> None:
    """A word without a picture is wrong usage, and is named."""
    (folder / "empty").mkdir()
    with pytest.raises(UsageError, match=problem):
        many.batch_jobs([str(folder / word) for word in words], [str(folder / "styles")], folder / "out", template)


def test_names_are_distinct_and_stay(folder: Path, template: Job) -> None:
    """Equal stems, stems that read alike when joined, and stems that differ in case get names of their own."""
    files = ("x/a.png", "y/a.png", "y/a.jpg", "y/A.bmp", "z/a_s.png")
    contents = [str(save(folder / name)) for name in files]
    styles = [str(save(folder / "z/s.png")), str(save(folder / "z/s_s.png"))]
    first, second = (many.batch_jobs(contents, styles, folder / "out", template) for _ in range(2))
    assert first == second
    assert len({job.output.name.casefold() for job in first}) == len(first) == 10


def test_long_and_strange_names(folder: Path, template: Job) -> None:
    """A name fits into a file system and keeps to characters that all of them take."""
    contents = [str(save(folder / f"{'é' * 100}{end}.png")) for end in "ab"] + [str(save(folder / 'q"?: *.png'))]
    found = many.batch_jobs(contents, [str(folder / "styles/s.png")], folder, template)
    names = [job.output.name for job in found]
    assert len(set(names)) == 3
    assert max(len(name.encode()) for name in names) < 200
    assert names[2].startswith("q-_s_")
    for name in names:
        save(folder / name)


def test_a_batch_makes_pictures_a_sheet_and_a_table(
    folder: Path, jobs: list[Job], ran: list[Job], batch: Callable[..., list[str]]
) -> None:
    """All are made; the sheet has a row for the styles and one for each content; the table tells the losses."""
    said = batch(jobs)
    assert len(ran) == 4
    assert all(job.output.exists() for job in jobs)
    assert pictures_on(folder / "out/contact-sheet.jpg") == (3, 3, 8)
    rows = table(folder / "out/batch.csv")
    assert [row["output"] for row in rows] == [job.output.name for job in jobs]
    assert [row["content"] for row in rows] == [str(job.content) for job in jobs]
    assert {row["status"] for row in rows} == {"made"}
    assert {row["steps"] for row in rows} == {"2"}
    assert all(float(row["loss_total"]) > 0 and float(row["seconds"]) >= 0 for row in rows)
    assert rows[0]["metric_score"] == rows[0]["error"] == ""
    assert said[-1] == f"wrote {folder / 'out/contact-sheet.jpg'} and {folder / 'out/batch.csv'}"


def test_what_is_done_is_skipped(
    folder: Path, jobs: list[Job], ran: list[Job], batch: Callable[..., list[str]]
) -> None:
    """The second run computes nothing and keeps the numbers of the first."""
    batch(jobs)
    first = table(folder / "out/batch.csv")
    ran.clear()
    said = batch(jobs)
    assert ran == []
    assert said[0] == "4 of 4 pictures are there already"
    assert table(folder / "out/batch.csv") == [row | {"status": "skipped"} for row in first]
    (folder / "out/batch.csv").write_text("output\nsomething else")
    batch(jobs)
    assert [(row["status"], row["steps"], row["seconds"]) for row in table(folder / "out/batch.csv")] == [
        ("skipped", "2", "")
    ] * 4


@pytest.mark.parametrize("change", ["picture", "result", "record", "settings", "matte", "bits", "weights"])
def test_what_has_changed_is_made_again(
    change: str, folder: Path, jobs: list[Job], ran: list[Job], batch: Callable[..., list[str]], tiny_params: Params
) -> None:
    """A picture is made again when it, its record, or what it is made of is not what it was."""
    jobs, params = jobs[:1], tiny_params
    (job,) = jobs
    batch(jobs)
    ran.clear()
    if change == "picture":
        save(folder / "contents/a.png", seed=9)
    elif change == "result":
        job.output.write_bytes(b"")
    elif change == "record":
        Image.open(job.output).save(job.output)
        job.output.with_suffix(".toml").unlink()
    elif change == "weights":
        params = replace(tiny_params, origin=replace(tiny_params.origin, sha256="00"))
    else:
        jobs = [
            replace(
                job,
                **{"settings": {"settings": replace(QUICK, seed=3)}, "matte": {"matte": "red"}, "bits": {"bits": 16}}[
                    change
                ],
            )
        ]
    batch(jobs, params=params)
    assert len(ran) == 1
    batch(jobs, params=params)
    assert len(ran) == 1


def test_a_bad_picture_is_named_at_the_end(
    folder: Path, template: Job, tiny_params: Params, batch: Callable[..., list[str]]
) -> None:
    """Everything else is made, sheet and table are written, and then the failures are raised."""
    (folder / "contents" / "aa.png").write_bytes(b"broken")
    save(folder / "styles" / "u.png").write_bytes((folder / "styles" / "s.png").read_bytes()[:-60])
    jobs = many.batch_jobs([str(folder / "contents")], [str(folder / "styles")], folder / "out", template)
    with pytest.raises(ValueError, match=r"^5 of 9 pictures failed: aa_s_.*aa_t_.*aa.png: not a picture") as caught:
        batch(jobs)
    assert str(caught.value).count("aa.png: not a picture") == 1
    rows = table(folder / "out/batch.csv")
    assert [row["status"] for row in rows] == ["made", "failed", "made"] * 2 + ["failed"] * 3
    assert "aa.png: not a picture" in rows[1]["error"]
    assert pictures_on(folder / "out/contact-sheet.jpg") == (3, 3, 8)  # nothing in the row and the column of the two


def test_nothing_to_show(folder: Path, template: Job, batch: Callable[..., list[str]]) -> None:
    """Where all pictures fail there is a table and no sheet."""
    (folder / "contents" / "a.png").write_bytes(b"broken")
    jobs = many.batch_jobs([str(folder / "contents/a.png")], [str(folder / "styles")], folder / "out", template)
    with pytest.raises(ValueError, match=r"^2 of 2 pictures failed"):
        batch(jobs)
    assert [path.name for path in (folder / "out").iterdir()] == ["batch.csv"]


@pytest.mark.parametrize("error", [FloatingPointError("the loss is nan"), MemoryError(), ValueError("too narrow")])
def test_a_failed_run_does_not_stop_the_others(
    error: Exception, folder: Path, jobs: list[Job], batch: Callable[..., list[str]]
) -> None:
    """What goes wrong in a run is said at once and stands in the table."""
    seen = []

    def watch(steps: Iterator[Any], work: int, done: int) -> Iterator[Any]:
        seen.append(work)
        if len(seen) == 2:
            raise error
        yield from steps

    with pytest.raises(ValueError, match="1 of 4 pictures failed: b_s_"):
        batch(jobs, watch)
    rows = table(folder / "out/batch.csv")
    assert [row["status"] for row in rows] == ["made", "failed", "made", "made"]
    assert rows[1]["error"] == (str(error) or "not enough memory")


def test_a_full_disk_ends_the_batch(
    folder: Path, jobs: list[Job], monkeypatch: pytest.MonkeyPatch, batch: Callable[..., list[str]], ran: list[Job]
) -> None:
    """When a result cannot be written, nothing more is computed."""

    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(one.images, "save", full)
        with pytest.raises(OSError, match="No space left"):
            batch(jobs)
    assert len(ran) == 1


def test_an_interrupted_batch_goes_on(
    folder: Path, jobs: list[Job], ran: list[Job], batch: Callable[..., list[str]]
) -> None:
    """Ctrl-C writes the sheet and the table of what there is; the next run makes the rest, with the same bytes."""
    jobs = [replace(job, checkpoint_every=0.0) for job in jobs]
    batch(jobs)
    expected = [job.output.read_bytes() for job in jobs]
    for job in jobs[1:]:
        job.output.unlink()
    ran.clear()
    with pytest.raises(KeyboardInterrupt):
        batch(jobs, interrupted_at(2))
    rows = table(folder / "out/batch.csv")
    assert [row["status"] for row in rows] == ["skipped", "made", "interrupted", "missing"]
    assert pictures_on(folder / "out/contact-sheet.jpg")[2] == 6
    assert checkpoint.path_for(jobs[2].output).exists()
    assert record.read_record(jobs[2].output)["run"]["steps"] == 1
    ran.clear()
    said = batch(jobs)
    assert [(job.output, job.resume) for job in ran] == [(jobs[2].output, True), (jobs[3].output, False)]
    assert "resuming after step 1" in said
    assert [job.output.read_bytes() for job in jobs] == expected


def test_a_checkpoint_of_something_else_is_not_used(
    folder: Path, jobs: list[Job], ran: list[Job], batch: Callable[..., list[str]]
) -> None:
    """A picture whose checkpoint is damaged, or of other pictures, is made from the beginning."""
    jobs = [replace(job, checkpoint_every=0.0) for job in jobs[:2]]
    with pytest.raises(KeyboardInterrupt):
        batch(jobs, interrupted_at(1))
    save(folder / "contents" / "a.png", seed=5)
    checkpoint.path_for(jobs[1].output).write_bytes(b"damaged")
    ran.clear()
    batch(jobs)
    assert [job.resume for job in ran] == [False, False]


def test_statistics_of_a_style_are_computed_once(
    jobs: list[Job], batch: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contents with the same style share what was computed of it, and styles share nothing."""
    kept: list[Any] = []
    original = one.run

    def run(*arguments: Any, **options: Any) -> Any:
        kept.append((options["kept"], len(options["kept"])))
        return original(*arguments, **options)

    monkeypatch.setattr(one, "run", run)
    batch(jobs)
    assert [count for _, count in kept] == [0, 1, 0, 1]
    assert kept[0][0] is kept[1][0] is not kept[2][0]


def test_a_report_is_in_the_table(
    folder: Path, jobs: list[Job], batch: Callable[..., list[str]], ran: list[Job]
) -> None:
    """What is measured stands in the table; what was made without a report is measured later, not made again."""
    measured = [replace(job, report=True) for job in jobs]
    batch(measured[:1])
    first = table(folder / "out/batch.csv")[0]
    assert np.isfinite([float(first[f"metric_{name}"]) for name in ("style", "structure", "score", "grain")]).all()
    (folder / "out/batch.csv").unlink()
    batch(jobs[1:2])
    ran.clear()
    batch(measured[:2])
    rows = table(folder / "out/batch.csv")
    assert ran == []
    assert rows[0]["metric_style"] == first["metric_style"]
    assert np.isfinite(float(rows[1]["metric_structure"]))


def test_many_contents_fill_several_sheets(
    folder: Path, jobs: list[Job], batch: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contents beyond a page go on to another sheet."""
    monkeypatch.setattr(many, "PAGE", 1)
    batch(jobs)
    assert pictures_on(folder / "out/contact-sheet.jpg") == (2, 3, 5)
    assert pictures_on(folder / "out/contact-sheet-2.jpg") == (2, 3, 5)


def test_the_folder_is_made_and_checked(folder: Path, template: Job, batch: Callable[..., list[str]]) -> None:
    """A file in the folder's place is an error, as is an input where the sheet is to be."""
    sheet = save(folder / "out" / "contact-sheet.jpg")
    jobs = many.batch_jobs([str(sheet)], [str(folder / "styles")], folder / "out", template)
    with pytest.raises(ValueError, match=r"cannot write .*contact-sheet.jpg: it is one of the inputs"):
        batch(jobs)
    sheet.unlink()
    (folder / "out").rmdir()
    (folder / "out").touch()
    with pytest.raises(OSError, match="File exists"):
        batch(jobs)


@pytest.fixture
def pair(template: Job, folder: Path) -> Job:
    """A template for a sweep."""
    return replace(
        template, content=folder / "contents/a.png", styles=(folder / "styles/s.png",), output=folder / "sweep.png"
    )


def test_a_sweep_of_one_setting(pair: Job) -> None:
    """Each value makes a job whose name carries it as it was written."""
    grid = many.sweep_jobs(pair, ["style-strength=.5,1,2e0"])
    assert [job.settings for job in grid.jobs] == [replace(QUICK, style_strength=x) for x in (0.5, 1.0, 2.0)]
    assert [job.output.name for job in grid.jobs] == [f"sweep_style-strength-{x}.png" for x in (".5", "1", "2e0")]
    assert grid.rows == []
    assert grid.columns == ["style-strength .5", "style-strength 1", "style-strength 2e0"]


def test_a_sweep_of_two_settings(pair: Job) -> None:
    """The first gives the rows, the second the columns; jobs come row by row."""
    grid = many.sweep_jobs(pair, ["style_loss=gram,wasserstein", "balance=true,false"])
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
def test_values_are_read(word: str, name: str, values: list[Any], pair: Job) -> None:
    """Numbers, lists and texts are told apart, and semicolons allow for commas in values."""
    grid = many.sweep_jobs(pair, [word])
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
        "a value twice": (["noise=0.5,1,5e-1"], "5e-1 twice for noise"),
        "a setting twice": (["noise=0,1", "noise=0.2,0.3"], "noise twice"),
    }.values(),
    ids=lambda value: "",
)
def test_wrong_sweeps_are_refused(over: list[str], problem: str, pair: Job) -> None:
    """What is wrong with the words is named before anything runs."""
    with pytest.raises(UsageError, match=problem):
        many.sweep_jobs(pair, over)


@pytest.mark.parametrize(
    ("over", "top", "shape"),
    {
        "one setting": (["style-strength=0.5,2"], 0, (1, 4, 4)),
        "two settings": (["style-strength=0.5,2,3", "noise=0,1"], 290, (3, 2, 6)),
    }.values(),
    ids=["one setting", "two settings"],
)
def test_a_sweep_draws_its_grid(
    over: list[str], top: int, shape: tuple[int, int, int], folder: Path, pair: Job, tiny_params: Params, ran: list[Job]
) -> None:
    """The grid shows content, style and every result; a table lies beside it; the second run computes nothing."""
    grid = many.sweep_jobs(pair, over)
    for _ in range(2):
        many.sweep(grid, pair.output, tiny_params, say=str, watch=lambda steps, work, done: steps)
        assert pictures_on(folder / "sweep.png", top=top) == shape
        if top:
            assert pictures_on(folder / "sweep.png")[0] == 1 + shape[0]  # content and style above
        assert len(table(folder / "sweep.csv")) == len(grid.jobs) == len(ran)


def test_a_sweep_does_not_write_over_its_content(pair: Job, tiny_params: Params) -> None:
    """The grid's name must not be that of an input."""
    assert pair.content
    before = pair.content.read_bytes()
    grid = many.sweep_jobs(replace(pair, output=pair.content), ["seed=1,2"])
    with pytest.raises(ValueError, match="it is one of the inputs"):
        many.sweep(grid, pair.content, tiny_params, say=str, watch=lambda steps, work, done: steps)
    assert pair.content.read_bytes() == before


def test_presets_are_compared(folder: Path, pair: Job, tiny_params: Params) -> None:
    """Each preset's picture is made beside the sheet, which shows content, styles and all of them."""
    job = replace(pair, output=folder / "out.jpg", styles=(*pair.styles, folder / "styles/t.png"), report=True)
    compared = {"one": QUICK, "two": replace(QUICK, style_loss="gram")}
    many.compare(job, compared, tiny_params, say=str, watch=lambda steps, work, done: steps)
    assert pictures_on(folder / "out.jpg") == (1, 5, 5)
    made = {name: record.read_record(folder / f"out-{name}.jpg")["settings"]["style_loss"] for name in compared}
    assert made == {"one": "wasserstein", "two": "gram"}
    assert all(float(row["metric_structure"]) <= 1 for row in table(folder / "out.csv"))


def test_the_order_of_styles_counts(folder: Path, pair: Job, tiny_params: Params, ran: list[Job]) -> None:
    """The same files in another order make another picture."""
    styles = (*pair.styles, folder / "styles/t.png")
    compared = {"one": replace(QUICK, style_blend=(1.0, 2.0))}
    for order in (styles, styles[::-1]):
        many.compare(replace(pair, styles=order), compared, tiny_params, say=str, watch=lambda steps, work, done: steps)
    assert len(ran) == 2


def test_a_plan_of_many(folder: Path, jobs: list[Job], batch: Callable[..., list[str]], tiny_params: Params) -> None:
    """It tells of each picture what will become of it, computes none, and sums up the rest."""
    batch(jobs[:1])
    (folder / "contents" / "b.jpg").write_bytes(b"broken")
    lines = many.plan(jobs, tiny_params).splitlines()
    assert lines[0] == f"{jobs[0].output}: done, 2 steps"
    assert "cannot be made" in lines[1]
    assert lines[2].startswith(f"{jobs[2].output}: 24 x 20, 2 steps, ")
    assert lines[4] == "4 pictures, 1 of them done"
    assert lines[5].startswith("what is missing takes about ")
    assert not jobs[2].output.exists()
