"""One run from files to files: its steps, and the pictures and checkpoints that it writes meanwhile.

The command line, batches, sweeps and comparisons all end here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from myvgg.images import Picture
from myvgg.nst.settings import Settings
from myvgg.params import Params
from myvgg.runs import checkpoint, loss_log, record
from myvgg.runs.reading import Pictures, fitted, read, resized_masks
from myvgg.runs.specification import Job, again, check, interval
from myvgg.runs.writing import History, Writer

if TYPE_CHECKING:
    from myvgg.nst.stages import Losses
    from myvgg.nst.state import State
    from myvgg.nst.transfer import Step
    from myvgg.runs.metrics import Report

__all__ = ["Job", "Outcome", "Pictures", "Watch", "again", "check", "read", "run", "unwatched"]

CHECKPOINT_SHARE = 0.05
"""Part of the time that checkpoints may take."""

Watch = Callable[[Iterator["Step"]], Iterator["Step"]]
"""A function that passes steps on, and shows the progress of the run."""


def unwatched(steps: Iterator[Step]) -> Iterator[Step]:
    """Pass steps on and show nothing.

    Args:
        steps: The steps.
    """
    return steps


class Outcome(NamedTuple):
    """The result of a run.

    Attributes:
        image: The picture of the last step, R, G, B, 0 to 255.
        losses: The losses of the last step.
        steps: Number of steps, those before a resume included.
        seconds: Time since this run began.
        report: The metrics, if the job asks for them.
        files: The files that were written.
    """

    image: Picture
    losses: Losses
    steps: int
    seconds: float
    report: Report | None
    files: list[Path]


def run(
    job: Job,
    pictures: Pictures,
    params: Params,
    *,
    cache: MutableMapping[Any, Any] | None = None,
    say: Callable[[str], None] = lambda _: None,
    watch: Watch = unwatched,
) -> Outcome:
    """Stylise, and write all outputs of a job. An interrupted or failed run leaves the picture so far.

    Args:
        job: The job.
        pictures: Its pictures, from `read`.
        params: The weights.
        cache: A dictionary that keeps statistics of style pictures for the next run with the same settings.
        say: Called with sentences for the user.
        watch: Passes the steps on, and shows the progress.

    Returns:
        The picture with its losses.

    Raises:
        FloatingPointError, MemoryError, KeyboardInterrupt: The message names the picture that was written.
        ValueError: The checkpoint belongs to another run, or as `myvgg.nst.steps`.
        OSError: The picture cannot be written; for other files, a sentence tells so.
    """
    if job.report:
        from myvgg.runs import metrics

        metrics.check(params)
    return _Run(replace(job, settings=_with_precision(job)), pictures, params, say).go(cache, watch)


def _with_precision(job: Job) -> Settings:
    """Replace the precision `auto` by that of the checkpoint, or else by this machine's fastest."""
    from myvgg.precision import fastest_precision

    if job.settings.precision != "auto":
        return job.settings
    path = checkpoint.path_for(job.output)
    if job.resume and checkpoint.is_there(job.output):
        precision = checkpoint.load(path).made_of["settings"]["precision"]
    else:
        precision = fastest_precision()
    return replace(job.settings, precision=precision)


def _of_pixels(made_of: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides a picture, of the description of a run."""
    return {**made_of, "settings": record.pixels_of(made_of["settings"])}


class _Run:
    """A run with its last step and its history."""

    def __init__(self, job: Job, pictures: Pictures, params: Params, say: Callable[[str], None]) -> None:
        self._job, self._pictures, self._params, self._say = job, pictures, params, say
        self._writer, self._history = Writer(job, pictures, params, say), History()
        self._last: Step | None = None
        self._saved, self._shown = time.monotonic(), -math.inf

    def go(self, cache: MutableMapping[Any, Any] | None, watch: Watch) -> Outcome:
        """Make all steps."""
        if not self._job.resume and checkpoint.is_there(self._job.output):
            self._say("the checkpoint of an interrupted run is replaced; with --resume it would have gone on")
        for sentence in resized_masks(self._job, self._pictures):
            self._say(sentence)
        try:
            for step in watch(self._steps(cache)):
                self._take(step)
        except (KeyboardInterrupt, ArithmeticError, MemoryError) as error:
            if self._last is None:
                raise
            is_complete = self._last.iteration == self._last.iterations
            raise self._stop(self._last, error, is_complete=is_complete) from None
        except Exception:
            if self._last is not None:
                self._writer.write_all(self._last, self._history, finished=False)
                self._say(f"{self._job.output} has the picture so far, of step {self._last.iteration}")
            raise
        assert self._last is not None
        try:
            return self._finish(self._last)
        except KeyboardInterrupt as error:
            raise self._stop(self._last, error, is_complete=True) from None

    def _steps(self, cache: MutableMapping[Any, Any] | None) -> Iterator[Step]:
        from myvgg.nst.transfer import steps

        pictures = self._pictures
        return steps(
            pictures.content.image if pictures.content else None,
            pictures.styles,
            self._job.settings,
            params=self._params,
            masks=[fitted(mask, pictures.canvas) for mask in pictures.masks],
            style_masks=[fitted(*each) for each in zip(pictures.style_masks, pictures.styles, strict=False)],
            keep=fitted(pictures.keep, pictures.canvas),
            first=pictures.first,
            state=self._resume() if self._job.resume else None,
            cache=cache,
        )

    def _take(self, step: Step) -> None:
        """Add a step to the history, and write a preview or a checkpoint when it is due."""
        job = self._job
        self._last = step
        self._history.add(step, with_frame=job.animate is not None and job.frames == "steps")
        if step.note:
            self._say(step.note)
        start, (steps, seconds) = time.monotonic(), interval(job.preview_every)
        if (steps and step.iteration % steps == 0) or (seconds and start - self._shown >= seconds):
            with self._writer.spared("preview"):
                self._writer.write_preview(step)
            start = self._shown = time.monotonic()
        if start - self._saved >= job.checkpoint_every and step.iteration < step.iterations:
            with self._writer.spared("checkpoint"):
                self._write_checkpoint(step)
            end = time.monotonic()
            self._saved = end + (1 / CHECKPOINT_SHARE - 1) * (end - start)

    def _write_checkpoint(self, step: Step) -> None:
        self._writer.restore_folders()
        history = self._history
        stored = checkpoint.Checkpoint(step.state(), self._writer.identity, history.losses, history.frames)
        checkpoint.save(stored, checkpoint.path_for(self._job.output))

    def _resume(self) -> State | None:
        """Read the checkpoint, if there is one, and take up its history."""
        path = checkpoint.path_for(self._job.output)
        if not checkpoint.is_there(self._job.output):
            self._say(f"there is no {path} to resume from: beginning anew")
            return None
        stored = checkpoint.load(path)
        checkpoint.check(_of_pixels(stored.made_of), _of_pixels(self._writer.identity), path)
        losses = [loss_log.Row(*row) for row in stored.log if row[0] <= stored.state.steps]
        self._history = History(losses, {**stored.frames})
        self._say(f"resuming after step {stored.state.steps}")
        return stored.state

    def _stop(self, step: Step, error: BaseException, *, is_complete: bool) -> BaseException:
        """Write the picture so far of a run that was stopped, and return the error with the file's name.

        A picture that was stopped after its last step is finished.
        """
        sentences = [str(error)] if str(error) else []
        if is_complete:
            self._writer.write_all(step, self._history, finished=True)
            self._remove_checkpoint()
            return type(error)("; ".join([*sentences, f"{self._job.output} is finished"]))
        self._writer.write_all(step, self._history, finished=False)
        sentences.append(f"{self._job.output} has the picture so far, of step {step.iteration}")
        if isinstance(error, KeyboardInterrupt):
            with self._writer.spared("checkpoint of the interruption"):
                self._write_checkpoint(step)
                sentences.append("the same command with --resume goes on")
        return type(error)("; ".join(sentences))

    def _finish(self, step: Step) -> Outcome:
        """Write all outputs, measure the picture if the job asks for it, and remove the checkpoint."""
        image, report = step.image, None
        self._writer.write_all(step, self._history, finished=True)
        if self._job.report:  # measured when the picture is on disk
            report = self._measure(image)
            with self._writer.spared("report"):
                self._writer.write_picture(step, finished=True, report=report)
                self._writer.write_record(step, finished=True, report=report)
        self._remove_checkpoint()
        return Outcome(image, step.losses, step.iteration, self._writer.seconds, report, self._writer.written)

    def _remove_checkpoint(self) -> None:
        with suppress(OSError):
            checkpoint.path_for(self._job.output).unlink(missing_ok=True)

    def _measure(self, image: Picture) -> Report:
        from myvgg.runs.metrics import report

        content, styles = self._pictures.content, self._pictures.styles
        blend = self._job.settings.style_blend
        return report(image, content.image if content else None, styles, blend=blend, params=self._params)
