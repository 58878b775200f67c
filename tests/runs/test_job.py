"""A run keeps its picture, whatever else cannot be written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from myvgg import images
from myvgg.params import TORCHVISION, Params
from myvgg.precision import fastest_precision
from myvgg.runs import checkpoint, record, reuse
from myvgg.runs.job import Job, check, read, run

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


def test_any_error_leaves_the_picture(pair: Job, tiny_params: Params) -> None:
    """An error that nobody foresaw goes up unchanged after the best picture was written."""

    def failing(steps: Iterator[Step]) -> Iterator[Step]:
        yield next(steps)
        raise RuntimeError("unforeseen")

    with pytest.raises(RuntimeError, match="unforeseen"):
        run(pair, read(pair), tiny_params, watch=failing)
    assert pair.output.exists()


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
    job = replace(pair, output=pair.output.with_suffix(".webp"), settings=pair.settings.with_values({"size": 17_000}))
    with pytest.raises(ValueError, match="WEBP holds sides of up to 16383 pixels, not 17000"):
        run(job, read(job), tiny_params, watch=pytest.fail)


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
