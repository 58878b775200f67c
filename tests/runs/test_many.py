"""Batches, sweeps and comparisons: pictures that are made, skipped or failed, sheets and tables."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from myvgg import images
from myvgg.architecture import vgg
from myvgg.nst import Step
from myvgg.params import Params, random
from myvgg.runs import checkpoint, many, overview, record
from myvgg.runs import job as one
from myvgg.runs.job import Job, Watch, unwatched
from tests.runs.small import QUICK, save

WHITE = 250
"""Pixels of a sheet above this level are ground, not picture."""


@pytest.fixture
def jobs(folder: Path, template: Job) -> list[Job]:
    """The jobs of a batch of all pictures in the folder."""
    return many.batch_jobs(pictures(folder / "contents"), pictures(folder / "styles"), folder / "out", template)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """A list of the jobs that are run."""
    found: list[Job] = []
    original = one.run

    def run(job: Job, *arguments: Any, **options: Any) -> Any:
        found.append(job)
        return original(job, *arguments, **options)

    monkeypatch.setattr(one, "run", run)
    return found


@pytest.fixture
def batch(folder: Path, tiny_params: Params) -> Callable[..., list[str]]:
    """Run jobs in the folder `out`, and return the messages."""

    def run(jobs: list[Job], watch: Watch = unwatched, params: Params = tiny_params) -> list[str]:
        said: list[str] = []
        many.batch(jobs, folder / "out", params, say=said.append, watch=watch)
        return said

    return run


def pictures(folder: Path) -> list[Path]:
    """List the pictures of a folder."""
    return sorted(path for path in folder.iterdir() if path.suffix != ".txt")


def table(path: Path) -> list[dict[str, str]]:
    """Read a CSV file with the standard library."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pictures_on(path: Path, *, top: int = 0) -> tuple[int, int, int]:
    """Count rows, columns and pictures on a sheet below `top`, by their pixels that are not white."""
    with Image.open(path) as image:
        ink = np.asarray(image.convert("L"))[top:] < WHITE
    rows = runs(ink.mean(1) > 0.15)
    columns = runs(ink.mean(0) > 0.15)
    filled = sum(ink[a:b, c:d].mean() > 0.5 for a, b in rows for c, d in columns)
    return len(rows), len(columns), filled


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Return the begins and ends of runs of at least 40 pixels."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= 40]


def interrupted_at(picture: int) -> Watch:
    """Return a `watch` that raises KeyboardInterrupt after the first step of a picture, counted from 1."""
    count = 0

    def watch(steps: Iterator[Step]) -> Iterator[Step]:
        nonlocal count
        count += 1
        for step in steps:
            yield step
            if count == picture:
                raise KeyboardInterrupt

    return watch


def test_a_batch_makes_pictures_a_sheet_and_a_table(
    folder: Path, jobs: list[Job], ran: list[Job], batch: Callable[..., list[str]]
) -> None:
    """All pictures are made; the sheet has a row of styles and a row for each content; the table has the losses."""
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


@pytest.mark.slow
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
    skipped = [row | {"status": "skipped"} for row in first]
    assert table(folder / "out/batch.csv") == skipped
    for name in ("batch.csv", "contact-sheet.jpg"):
        (folder / "out" / name).unlink()
    batch(jobs)
    assert table(folder / "out/batch.csv") == skipped


@pytest.mark.slow
@pytest.mark.parametrize("change", ["picture", "result", "record", "settings", "matte", "bits", "weights"])
def test_what_has_changed_is_made_again(
    change: str, folder: Path, jobs: list[Job], ran: list[Job], batch: Callable[..., list[str]], tiny_params: Params
) -> None:
    """A picture is made again when it, its record, an input, a setting or the weights have changed."""
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
        record.beside(job.output).unlink()
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


@pytest.mark.slow
def test_a_bad_picture_is_named_at_the_end(
    folder: Path, template: Job, tiny_params: Params, batch: Callable[..., list[str]]
) -> None:
    """All other pictures, sheet and table are written before the failures are raised."""
    (folder / "contents" / "aa.png").write_bytes(b"broken")
    save(folder / "styles" / "u.png").write_bytes((folder / "styles" / "s.png").read_bytes()[:-60])
    jobs = many.batch_jobs(pictures(folder / "contents"), pictures(folder / "styles"), folder / "out", template)
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
    jobs = many.batch_jobs([folder / "contents/a.png"], pictures(folder / "styles"), folder / "out", template)
    with pytest.raises(ValueError, match=r"^2 of 2 pictures failed"):
        batch(jobs)
    assert [path.name for path in (folder / "out").iterdir()] == ["batch.csv"]


@pytest.mark.slow
@pytest.mark.parametrize("error", [FloatingPointError("the loss is nan"), MemoryError(), ValueError("too narrow")])
def test_a_failed_run_does_not_stop_the_others(
    error: Exception, folder: Path, jobs: list[Job], batch: Callable[..., list[str]]
) -> None:
    """A failure is in the messages and in the table, and the other jobs run."""
    seen: list[Any] = []

    def watch(steps: Iterator[Step]) -> Iterator[Step]:
        seen.append(steps)
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
        patch.setattr(images, "save", full)
        with pytest.raises(OSError, match="No space left"):
            batch(jobs)
    assert len(ran) == 1


@pytest.mark.slow
def test_an_interrupted_batch_goes_on(
    folder: Path, jobs: list[Job], ran: list[Job], batch: Callable[..., list[str]]
) -> None:
    """Ctrl-C writes sheet and table; the next run makes the missing pictures, with the same bytes."""
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


@pytest.mark.slow
def test_a_checkpoint_of_something_else_is_not_used(
    folder: Path, jobs: list[Job], ran: list[Job], batch: Callable[..., list[str]]
) -> None:
    """A picture whose checkpoint is damaged, or of other pictures, is made from the beginning."""
    jobs = [replace(job, checkpoint_every=0.0) for job in jobs[:2]]
    with pytest.raises(KeyboardInterrupt):
        batch(jobs, interrupted_at(1))
    save(folder / "contents" / "a.png", seed=5)
    header = b'{"__metadata__":{"format":"myvgg checkpoint 4"}}'
    checkpoint.path_for(jobs[1].output).write_bytes(len(header).to_bytes(8, "little") + header + b"damaged")
    ran.clear()
    batch(jobs)
    assert [job.resume for job in ran] == [False, False]


@pytest.mark.slow
def test_statistics_of_a_style_are_computed_once(
    jobs: list[Job], batch: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contents with the same style share its statistics, and different styles share nothing."""
    kept: list[Any] = []
    original = one.run

    def run(*arguments: Any, **options: Any) -> Any:
        kept.append((options["cache"], len(options["cache"])))
        return original(*arguments, **options)

    monkeypatch.setattr(one, "run", run)
    batch(jobs)
    assert [count for _, count in kept] == [0, 1, 0, 1]
    assert kept[0][0] is kept[1][0] is not kept[2][0]


@pytest.mark.slow
def test_a_report_is_in_the_table(
    folder: Path, jobs: list[Job], batch: Callable[..., list[str]], ran: list[Job]
) -> None:
    """The table has the metrics; a picture that was made without a report is measured later, not made again."""
    measured = [replace(job, report=True) for job in jobs]
    batch(measured[:1])
    first = table(folder / "out/batch.csv")[0]
    assert np.isfinite([float(first[f"metric_{name}"]) for name in ("style", "structure", "score", "grain")]).all()
    for name in ("batch.csv", "contact-sheet.jpg"):
        (folder / "out" / name).unlink()
    batch(jobs[1:2])
    ran.clear()
    batch(measured[:2])
    rows = table(folder / "out/batch.csv")
    assert ran == []
    assert rows[0]["metric_style"] == first["metric_style"]
    assert np.isfinite(float(rows[1]["metric_structure"]))


@pytest.mark.slow
def test_many_contents_fill_several_sheets(
    folder: Path, jobs: list[Job], batch: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contents beyond a page go on to another sheet."""
    monkeypatch.setattr(overview, "PAGE", 1)
    batch(jobs)
    assert pictures_on(folder / "out/contact-sheet.jpg") == (2, 2, 3)
    assert all(pictures_on(folder / f"out/contact-sheet-{page}.jpg") == (2, 2, 3) for page in (2, 3, 4))


@pytest.mark.slow
def test_a_second_batch_keeps_the_first_ones_table_and_sheet(
    folder: Path, template: Job, jobs: list[Job], batch: Callable[..., list[str]], ran: list[Job]
) -> None:
    """The table lists the pictures of all batches in a folder that are still there, and the sheet shows them."""
    batch(jobs[:2])
    other = replace(template, settings=replace(QUICK, noise=0.5))
    batch(many.batch_jobs([folder / "contents/a.png"], [folder / "styles/t.png"], folder / "out", other))
    rows = table(folder / "out/batch.csv")
    assert [row["status"] for row in rows] == ["made", "skipped", "skipped"]
    assert all(float(row["seconds"]) >= 0 and row["loss_total"] for row in rows)
    assert "noise-0.5" in rows[0]["settings"]
    assert pictures_on(folder / "out/contact-sheet.jpg") == (3, 3, 7)
    jobs[1].output.unlink()
    batch(jobs[:1])
    assert [row["output"] for row in table(folder / "out/batch.csv")] == [jobs[0].output.name, rows[0]["output"]]
    assert len(ran) == 3


@pytest.mark.slow
def test_pictures_of_one_name_from_two_folders_are_both_kept(
    folder: Path, template: Job, jobs: list[Job], batch: Callable[..., list[str]], ran: list[Job]
) -> None:
    """A later batch of another `a.png` makes a picture of its own, once."""
    batch(jobs[:1])
    first = jobs[0].output.read_bytes()
    other = save(folder / "elsewhere/a.png", seed=7)
    for _ in range(2):
        (job,) = many.batch_jobs([other], [folder / "styles/s.png"], folder / "out", template)
        batch([job])
    assert job.output != jobs[0].output
    assert jobs[0].output.read_bytes() == first
    assert len(ran) == len(table(folder / "out/batch.csv")) == 2


@pytest.mark.parametrize("name", ["batch.csv", "contact-sheet.jpg", "result"])
def test_a_batch_overwrites_no_file_of_the_user(
    name: str, folder: Path, jobs: list[Job], batch: Callable[..., list[str]], ran: list[Job]
) -> None:
    """A table, a sheet and a picture of a name that nobody chose are refused before anything is computed."""
    path = jobs[0].output if name == "result" else folder / "out" / name
    if path.suffix == ".csv":
        path.parent.mkdir()
        path.write_text("name,price\nsea,3\n")
    else:
        save(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=re.escape(f"cannot write {path}: ")):
        batch(jobs)
    assert path.read_bytes() == before
    assert ran == []


@pytest.mark.parametrize("error", [ValueError("JPEG holds sides of up to 65500 pixels"), OSError(28, "No space left")])
def test_a_sheet_that_cannot_be_written_hides_no_failure(
    error: Exception, folder: Path, jobs: list[Job], tiny_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is written, a sentence tells about the sheet, and the failed pictures are named."""
    (folder / "contents/a.png").write_bytes(b"broken")
    told: list[str] = []

    def fail(*_: Any) -> Iterator[Any]:
        raise error

    monkeypatch.setattr(many, "contact_sheets", fail)
    with pytest.raises(ValueError, match=r"1 of 2 pictures failed: .*a\.png"):
        many.batch(jobs[:2], folder / "out", tiny_params, say=told.append, watch=unwatched)
    assert f"{folder / 'out/contact-sheet.jpg'} cannot be written: {error}" in told
    assert [row["status"] for row in table(folder / "out/batch.csv")] == ["failed", "made"]


def test_the_table_is_written_after_each_picture(folder: Path, jobs: list[Job], tiny_params: Params) -> None:
    """A batch whose process is killed leaves the numbers of its finished pictures."""
    seen: list[list[str]] = []

    def watch(steps: Iterator[Step]) -> Iterator[Step]:
        path = folder / "out/batch.csv"
        seen.append([row["status"] for row in table(path)] if path.exists() else [])
        return steps

    many.batch(jobs[:2], folder / "out", tiny_params, say=str, watch=watch)
    assert seen == [[], ["made", "missing"]]


def test_the_folder_is_made_and_checked(folder: Path, template: Job, batch: Callable[..., list[str]]) -> None:
    """A file in the place of the folder is an error, and so is an input in the place of the sheet."""
    sheet = save(folder / "out" / "contact-sheet.jpg")
    jobs = many.batch_jobs([sheet], pictures(folder / "styles"), folder / "out", template)
    (folder / "out/batch.csv").touch()
    with pytest.raises(ValueError, match=r"cannot write .*contact-sheet.jpg: it is one of the inputs"):
        batch(jobs)
    sheet.unlink()
    (folder / "out/batch.csv").unlink()
    (folder / "out").rmdir()
    (folder / "out").touch()
    with pytest.raises(OSError, match="File exists"):
        batch(jobs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("over", "top", "shape"),
    {
        "one setting": ({"style-strength": ["0.5", "2"]}, 0, (1, 4, 4)),
        "two settings": ({"style-strength": ["0.5", "2", "3"], "noise": ["0", "1"]}, 290, (3, 2, 6)),
    }.values(),
    ids=["one setting", "two settings"],
)
def test_a_sweep_draws_its_grid(
    over: dict[str, list[str]],
    top: int,
    shape: tuple[int, int, int],
    folder: Path,
    pair: Job,
    tiny_params: Params,
    ran: list[Job],
) -> None:
    """The grid shows content, style and every result; a table lies beside it; the second run computes nothing."""
    grid = many.sweep_jobs(pair, over)
    for _ in range(2):
        many.sweep(grid, pair.output, tiny_params, say=str, watch=unwatched)
        assert pictures_on(folder / "sweep.png", top=top) == shape
        if top:
            assert pictures_on(folder / "sweep.png")[0] == 1 + shape[0]  # content and style above
        assert len(table(folder / "sweep.png.csv")) == len(grid.jobs) == len(ran)


def test_a_sweep_does_not_write_over_its_content(pair: Job, tiny_params: Params) -> None:
    """The file of the grid must not be an input."""
    assert pair.content
    before = pair.content.read_bytes()
    grid = many.sweep_jobs(replace(pair, output=pair.content), {"seed": ["1", "2"]})
    with pytest.raises(ValueError, match="it is one of the inputs"):
        many.sweep(grid, pair.content, tiny_params, say=str, watch=unwatched)
    assert pair.content.read_bytes() == before


@pytest.mark.slow
def test_presets_are_compared(folder: Path, pair: Job, tiny_params: Params) -> None:
    """A picture is made with each preset; the sheet shows content, styles and all pictures."""
    job = replace(pair, output=folder / "out.jpg", styles=(*pair.styles, folder / "styles/t.png"), report=True)
    compared = {"one": QUICK, "two": replace(QUICK, style_loss="gram")}
    many.compare(job, compared, tiny_params, say=str, watch=unwatched)
    assert pictures_on(folder / "out.jpg") == (1, 5, 5)
    made = {name: record.read_record(folder / f"out-{name}.jpg")["settings"]["style_loss"] for name in compared}
    assert made == {"one": "wasserstein+neighbors", "two": "gram"}
    assert all(float(row["metric_structure"]) <= 1 for row in table(folder / "out.jpg.csv"))


def test_the_order_of_styles_counts(folder: Path, pair: Job, tiny_params: Params, ran: list[Job]) -> None:
    """The same files in another order make another picture."""
    styles = (*pair.styles, folder / "styles/t.png")
    compared = {"one": replace(QUICK, style_blend=(1.0, 2.0))}
    for order in (styles, styles[::-1]):
        many.compare(replace(pair, styles=order), compared, tiny_params, say=str, watch=unwatched)
    assert len(ran) == 2


@pytest.mark.slow
def test_a_plan_of_many(folder: Path, jobs: list[Job], batch: Callable[..., list[str]], tiny_params: Params) -> None:
    """The plan has a line for each picture and a sum, and makes no picture."""
    batch(jobs[:1])
    (folder / "contents" / "b.jpg").write_bytes(b"broken")
    lines = many.plan(jobs, tiny_params).splitlines()
    assert lines[0] == f"{jobs[0].output}: done, 2 steps"
    assert "cannot be made" in lines[1]
    assert lines[2].startswith(f"{jobs[2].output}: 24 x 20, 2 steps, ")
    assert lines[4] == "4 pictures, 1 of them done"
    assert lines[5].startswith("the missing ones take about ")
    assert not jobs[2].output.exists()


@pytest.mark.slow
def test_a_report_of_another_network_fails_alone(
    folder: Path, template: Job, tiny_params: Params, batch: Callable[..., list[str]]
) -> None:
    """The metrics are those of VGG19: with VGG16 each picture fails before it is computed, and blocks no batch."""
    small = vgg("small", ((4, 4), (4, 4), (4,) * 3, (4,) * 3, (4,) * 3), dense=(4, 4, 4), input_size=32)
    found = pictures(folder / "contents")[:1], pictures(folder / "styles")[:1]
    jobs = many.batch_jobs(*found, folder / "out", template)
    batch(jobs, params=random(small))
    measured = many.batch_jobs(*found, folder / "out", replace(template, report=True, settings=replace(QUICK, seed=4)))
    with pytest.raises(ValueError, match="the report measures with layers of VGG19, and small has no relu4_4"):
        batch(measured, params=random(small))
    batch([replace(job, report=True) for job in jobs], params=random(small))
    (row,) = [row for row in table(folder / "out/batch.csv") if row["status"] == "skipped"]
    assert row["error"].startswith("cannot be measured: ")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sweep", "compare", "batch without records"])
def test_pictures_of_other_files_are_kept(kind: str, folder: Path, pair: Job, tiny_params: Params) -> None:
    """The names of single pictures are chosen by nobody: those of other files get another name, once."""
    job = replace(pair, output=folder / "out.png", record="records" not in kind)
    others = replace(job, content=save(folder / "elsewhere/a.png", seed=7))
    options: dict[str, Any] = {"say": str, "watch": unwatched}

    def make(job: Job) -> None:
        if kind == "sweep":
            many.sweep(many.sweep_jobs(job, {"seed": ["1", "2"]}), job.output, tiny_params, **options)
        elif kind == "compare":
            many.compare(job, {"one": QUICK, "two": replace(QUICK, seed=1)}, tiny_params, **options)
        else:
            assert job.content
            many.batch(
                many.batch_jobs([job.content], job.styles, folder / "out", job), folder / "out", tiny_params, **options
            )

    make(job)
    singles = [*folder.glob("out[_-]*.png"), *folder.glob("out/*.png")]
    before = {path: path.read_bytes() for path in singles}
    for _ in range(2):
        make(others)
    assert {path: path.read_bytes() for path in singles} == before
    after = [*folder.glob("out[_-]*.png"), *folder.glob("out/*.png")]
    assert len(after) == 2 * len(before)


def test_a_comparison_replaces_no_animation_of_the_user(folder: Path, pair: Job, tiny_params: Params) -> None:
    """An animation whose picture is not there was made by no run."""
    (folder / "anim-one.gif").write_bytes(b"holidays")
    job = replace(pair, output=folder / "out.png", animate=folder / "anim.gif")
    with pytest.raises(ValueError, match=r"anim-one\.gif: it is no result of myvgg"):
        many.compare(job, {"one": QUICK}, tiny_params, say=str, watch=unwatched)
    assert (folder / "anim-one.gif").read_bytes() == b"holidays"


def test_a_table_with_bytes_of_another_program_keeps_its_rows(
    folder: Path, jobs: list[Job], batch: Callable[..., list[str]]
) -> None:
    """Other programs leave a byte that is no UTF-8, a mark of the order of bytes, short lines: no row gets lost."""
    batch(jobs[:1])
    path = folder / "out/batch.csv"
    path.write_bytes(
        b"\xef\xbb\xbf" + path.read_bytes().replace(b"contents/a", b"contents/\xfc") + b"done on Monday\n \n"
    )
    batch(jobs[1:2])
    assert [row["output"] for row in table(path)] == [jobs[1].output.name, jobs[0].output.name]


def test_a_limit_of_memory_makes_no_picture_again(
    folder: Path, template: Job, jobs: list[Job], batch: Callable[..., list[str]], ran: list[Job]
) -> None:
    """Names do not tell what does not decide the picture."""
    batch(jobs[:1])
    limited = replace(template, settings=template.settings.with_values({"max_memory": 3.0}))
    again = many.batch_jobs(pictures(folder / "contents"), pictures(folder / "styles"), folder / "out", limited)
    batch(again[:1])
    assert len(ran) == 1


def test_a_picture_that_another_batch_finishes_is_not_made_again(
    folder: Path, jobs: list[Job], tiny_params: Params, ran: list[Job]
) -> None:
    """A batch looks again before each picture, since another one may work in the folder."""

    def watch(steps: Iterator[Step]) -> Iterator[Step]:
        if not jobs[1].output.exists():
            many.batch(jobs[1:2], folder / "out", tiny_params, say=str, watch=unwatched)
        return steps

    many.batch(jobs[:2], folder / "out", tiny_params, say=str, watch=watch)
    assert [job.output for job in ran] == [jobs[0].output, jobs[1].output]
    assert [row["status"] for row in table(folder / "out/batch.csv")] == ["made", "skipped"]


@pytest.mark.slow
def test_two_batches_in_one_folder_keep_both_tables(folder: Path, jobs: list[Job], tiny_params: Params) -> None:
    """A batch that ends while another one runs leaves its rows in the table."""

    def watch(steps: Iterator[Step]) -> Iterator[Step]:
        if not jobs[1].output.exists():
            many.batch(jobs[1:2], folder / "out", tiny_params, say=str, watch=unwatched)
        return steps

    many.batch(jobs[:1], folder / "out", tiny_params, say=str, watch=watch)
    assert {row["output"] for row in table(folder / "out/batch.csv")} == {job.output.name for job in jobs[:2]}
