"""A run keeps its picture, whatever else cannot be written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from myvgg import images
from myvgg.nst.state import AdamState, State
from myvgg.params import TORCHVISION, LayerParams, Params
from myvgg.precision import fastest_precision
from myvgg.runs import checkpoint, record, reuse
from myvgg.runs.job import Job, check, read, run
from myvgg.runs.writing import Writer

if TYPE_CHECKING:
    from myvgg.nst.transfer import Step


def test_files_that_cannot_be_written_are_told_once(pair: Job, tiny_params: Params) -> None:
    """Where checkpoint, record and losses cannot be written, the run tells each once, and leaves its picture."""
    job = replace(pair, checkpoint_every=0.0, log=True, settings=pair.settings.with_values({"iterations": 3}))
    for path in (job.outputs["record"], job.outputs["table"], checkpoint.path_for(job.output)):
        path.mkdir()
    said: list[str] = []
    outcome = run(job, read(job), tiny_params, say=said.append)
    assert outcome.steps == 3
    assert images.load(job.output).shape == outcome.image.shape
    told = [sentence.split(" cannot be written")[0] for sentence in said if "cannot be written" in sentence]
    assert sorted(told) == ["the checkpoint", "the record", "the table of losses"]
    assert outcome.files == [job.output, job.outputs["plot"]]


def test_a_file_that_is_written_in_the_end_is_no_missing_one(pair: Job, tiny_params: Params) -> None:
    """A record that failed beside a preview, and not beside the finished picture, is among the files."""
    job, said = replace(pair, preview_every=1), list[str]()
    job.outputs["record"].mkdir()

    def watch(steps: Iterator[Step]) -> Iterator[Step]:
        yield next(steps)
        job.outputs["record"].rmdir()
        yield from steps

    outcome = run(job, read(job), tiny_params, say=said.append, watch=watch)
    assert [sentence.split(" cannot be written")[0] for sentence in said] == ["the record"]
    assert outcome.files == [job.output, job.outputs["record"]]


def test_any_error_leaves_the_picture(pair: Job, tiny_params: Params) -> None:
    """An error that nobody foresaw goes up unchanged after the picture so far was written."""

    def failing(steps: Iterator[Step]) -> Iterator[Step]:
        yield next(steps)
        raise RuntimeError("unforeseen")

    with pytest.raises(RuntimeError, match="unforeseen"):
        run(pair, read(pair), tiny_params, watch=failing)
    assert pair.output.exists()


@pytest.mark.slow
@pytest.mark.parametrize("length", [200, 245, 250])
@pytest.mark.parametrize("stem", ["x", "Dr. Who vs. the sea "])
def test_a_name_that_passes_the_check_passes_the_run(length: int, stem: str, pair: Job, tiny_params: Params) -> None:
    """A picture with a long name has its record, and a checkpoint whose name is too long is a warning."""
    name = (stem * length)[: length - 4] + ".png"
    job = replace(pair, output=pair.output.with_name(name), checkpoint_every=0.0)
    check(job)
    said: list[str] = []
    run(job, read(job), tiny_params, say=said.append)
    assert record.read_record(job.output)["run"]["finished"]
    assert job.outputs["record"].exists()
    assert [sentence.split(" cannot be written")[0] for sentence in said] == ["the checkpoint"] * (length > 244)


def test_a_format_that_cannot_hold_the_picture_is_refused_at_once(pair: Job, tiny_params: Params) -> None:
    """The longest side of the result is compared with the format before the first step."""
    large, film = pair.settings.with_values({"size": 17_000}), pair.output.with_suffix(".webp")
    for job in (replace(pair, output=film, settings=large), replace(pair, animate=film, settings=large)):
        with pytest.raises(ValueError, match="WEBP holds sides of up to 16383 pixels, not 17000"):
            run(job, read(job), tiny_params, watch=pytest.fail)


def test_a_preview_has_its_own_record(pair: Job, tiny_params: Params) -> None:
    """Beside a preview lies no record of an earlier picture, which would call it finished."""
    first = replace(pair, output=pair.output.with_suffix(".jpg"))
    run(first, read(first), tiny_params)
    job = replace(first, preview_every=1, settings=pair.settings.with_values({"seed": 7}))
    found = []

    def watch(steps: Iterator[Step]) -> Iterator[Step]:
        for step in steps:
            found.append(record.read_record(job.output))
            yield step

    run(job, read(job), tiny_params, watch=watch)
    assert [(made["settings"]["seed"], made["run"]["finished"]) for made in found] == [(0, True), (7, False)]
    assert record.read_record(job.output)["run"]["finished"]


def test_a_picture_without_record_has_no_other_ones(pair: Job, tiny_params: Params) -> None:
    """The record of the picture that is replaced goes with it; a file of somebody else's stays."""
    job, beside = replace(pair, record=False), record.beside(pair.output)
    run(pair, read(pair), tiny_params)
    assert beside.exists()
    run(job, read(job), tiny_params)
    assert not beside.exists()
    beside.write_text("[settings]\nof = 'another program'\n")
    run(job, read(job), tiny_params)
    assert beside.exists()


def test_weights_of_another_preprocessing_make_the_picture_again(pair: Job, tiny_params: Params) -> None:
    """The way that pictures are prepared belongs to the weights; records without it stay valid."""
    others = replace(tiny_params, preprocessing=TORCHVISION)
    run(pair, read(pair), others)
    assert reuse.finished_record(pair, others) is not None
    assert reuse.finished_record(pair, tiny_params) is None
    stored = record.read_record(pair.output)
    older = {**stored, "weights": {name: stored["weights"][name] for name in ("file", "sha256", "generation")}}
    assert reuse._is_of(older, pair, others, bits=older["run"].get("bits"))


def test_a_run_goes_on_with_the_precision_of_its_checkpoint(pair: Job, tiny_params: Params) -> None:
    """A run of precision auto that is resumed on a machine with another fastest one keeps its own."""
    other = "float32" if fastest_precision() == "bfloat16" else "bfloat16"
    settings = replace(pair.settings, precision=other, iterations=3)

    def interrupt(steps: Iterator[Step]) -> Iterator[Step]:
        yield next(steps)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(replace(pair, settings=settings), read(pair), tiny_params, watch=interrupt)
    resumed = replace(pair, settings=replace(settings, precision="auto"), resume=True)
    run(resumed, read(pair), tiny_params)
    assert record.read_record(pair.output)["settings"]["precision"] == other


def test_ctrl_c_after_the_last_step_leaves_a_finished_picture(pair: Job, tiny_params: Params) -> None:
    """A run that is interrupted when all is done is told to be finished, and has nothing left to go on from."""
    whole = replace(pair, output=pair.output.with_name("whole.png"))
    run(whole, read(whole), tiny_params)

    def interrupt(steps: Iterator[Step]) -> Iterator[Step]:
        yield from steps
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"^\S+ is finished$"):
        run(replace(pair, checkpoint_every=0.0), read(pair), tiny_params, watch=interrupt)
    assert record.read_record(pair.output)["run"]["finished"]
    assert not checkpoint.path_for(pair.output).exists()
    assert pair.output.read_bytes() == whole.output.read_bytes()


def test_ctrl_c_while_the_result_is_written_leaves_a_finished_picture(
    pair: Job, tiny_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever presses Ctrl-C when the last step is made has the picture of an undisturbed run."""
    whole = replace(pair, output=pair.output.with_name("whole.png"))
    run(whole, read(whole), tiny_params)
    was, presses = Writer.write_all, iter([True])

    def write_all(*arguments: Any, **options: Any) -> None:
        if next(presses, False):
            raise KeyboardInterrupt
        was(*arguments, **options)

    monkeypatch.setattr(Writer, "write_all", write_all)
    with pytest.raises(KeyboardInterrupt, match=r"^\S+ is finished$"):
        run(replace(pair, checkpoint_every=0.0), read(pair), tiny_params)
    assert record.read_record(pair.output)["run"]["finished"]
    assert not checkpoint.path_for(pair.output).exists()
    assert pair.output.read_bytes() == whole.output.read_bytes()


def test_a_step_whose_state_is_gone_ends_in_a_picture(pair: Job, tiny_params: Params) -> None:
    """An interruption leaves the picture of the last step that was taken, also where the next one is made already."""

    def interrupt(steps: Iterator[Step]) -> Iterator[Step]:
        yield next(steps)
        next(steps)
        raise KeyboardInterrupt

    said: list[str] = []
    with pytest.raises(KeyboardInterrupt, match=r"has the picture so far, of step 1$"):
        run(
            replace(pair, settings=replace(pair.settings, iterations=3)),
            read(pair),
            tiny_params,
            watch=interrupt,
            say=said.append,
        )
    assert pair.output.exists()
    assert "the checkpoint of the interruption cannot be written" in said[-1]


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".checkpoint", "my own notes"),
        (".losses.png", "my own notes"),
        (".toml", "[settings]\nof = 'another program'\n"),
        (".csv", "iteration,accuracy\n1,0.5\n"),
    ],
)
def test_no_file_beside_the_picture_is_overwritten(suffix: str, text: str, pair: Job) -> None:
    """A file that no run has written, at the name of another file of the run, is refused, however alike it is."""
    path = record.beside(pair.output, suffix)
    path.write_text(text)
    with pytest.raises(ValueError, match=r"is no (checkpoint|plot|record|table) of a run"):
        check(replace(pair, log=True))
    assert path.read_text() == text


def test_a_checkpoint_that_is_not_resumed_is_told(pair: Job, tiny_params: Params) -> None:
    """Who forgets --resume is told that the run could have gone on."""
    checkpoint.save(
        checkpoint.Checkpoint(State(AdamState(np.zeros((1, 2, 2, 3), np.float32))), {}),
        checkpoint.path_for(pair.output),
    )
    check(pair)
    said: list[str] = []
    run(pair, read(pair), tiny_params, say=said.append)
    assert "with --resume it would have gone on" in said[0]


def test_a_full_disk_does_not_lose_the_picture(
    pair: Job, tiny_params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that its folder cannot hold is in the folder of temporary files, which a sentence names."""
    save = images.save

    def full(image: images.Picture, path: Path, **options: Any) -> None:
        if path == pair.output:
            raise OSError(28, "No space left on device", str(path))
        save(image, path, **options)

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(images, "save", full)
    said: list[str] = []
    with pytest.raises(OSError, match="No space left on device"):
        run(pair, read(pair), tiny_params, say=said.append)
    (found,) = (tmp_path / "temporary").glob("*/*.png")
    assert images.load(found).shape == (20, 24, 3)
    assert record.read_record(found)["run"]["finished"]
    assert said == [f"{pair.output} cannot be written: the picture is in {found}"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("checkpoint_every", float("nan")),
        ("checkpoint_every", -1.0),
        ("preview_every", -3),
        ("preview_every", "s"),
        ("preview_every", "-2s"),
    ],
)
def test_times_are_checked(name: str, value: float, pair: Job) -> None:
    """Neither time nor number of steps may be negative or no number."""
    with pytest.raises(ValueError, match=f"{name} must be a number of"):
        check(replace(pair, **{name: value}))


def test_a_first_loss_that_is_no_number_ends_the_run(pair: Job, tiny_params: Params) -> None:
    """Weights whose products leave float32 are an error, and no picture is written as finished."""
    settings = pair.settings.with_values({"style_weight": 1e30, "layer_scaling": "none", "balance": False})
    huge = replace(
        tiny_params,
        layers={name: LayerParams(kernel * 1e4, bias) for name, (kernel, bias) in tiny_params.layers.items()},
    )
    with pytest.raises(FloatingPointError, match="the weights of the losses are too large"):
        run(replace(pair, settings=settings), read(pair), huge)
    assert not pair.output.exists()


def test_an_unfinished_picture_does_not_take_the_checkpoints_place(
    pair: Job, tiny_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C on a full disk leaves the checkpoint to go on from."""
    path, save = checkpoint.path_for(pair.output), images.save
    job = replace(pair, checkpoint_every=0.0, settings=pair.settings.with_values({"iterations": 3}))

    def full(image: images.Picture, to: Path, **options: Any) -> None:
        if to == pair.output:
            raise OSError(28, "No space left on device", str(to))
        save(image, to, **options)

    def interrupted(steps: Iterator[Step]) -> Iterator[Step]:
        yield next(steps)
        yield next(steps)
        raise KeyboardInterrupt

    monkeypatch.setattr(images, "save", full)
    with pytest.raises(OSError, match="No space left"):
        run(job, read(job), tiny_params, watch=interrupted)
    assert path.exists()


@pytest.mark.parametrize(("code", "is_kept"), [(28, False), (13, True)], ids=["full", "forbidden"])
def test_a_checkpoint_makes_room_on_a_full_disk_only(
    code: int, is_kept: bool, pair: Job, tiny_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk the picture takes the place of its checkpoint; other errors leave the checkpoint to go on from."""
    path, save = checkpoint.path_for(pair.output), images.save
    job = replace(pair, checkpoint_every=0.0, settings=pair.settings.with_values({"iterations": 3}))

    def refuse(image: images.Picture, to: Path, **options: Any) -> None:
        if to == pair.output and path.exists():
            raise OSError(code, "refused", str(to))
        save(image, to, **options)

    monkeypatch.setattr(images, "save", refuse)
    if is_kept:
        with pytest.raises(OSError, match="refused"):
            run(job, read(job), tiny_params)
    else:
        run(job, read(job), tiny_params)
    assert path.exists() == is_kept
    assert pair.output.exists() != is_kept
