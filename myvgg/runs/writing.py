"""The files that a run writes: the picture with its record, the losses, the animation."""

from __future__ import annotations

import errno
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from myvgg import images
from myvgg.images import Picture
from myvgg.nst import pyramid, tables
from myvgg.params import CAFFE, Params
from myvgg.runs import animation, checkpoint, loss_log, record
from myvgg.runs.reading import Pictures
from myvgg.runs.specification import Job

if TYPE_CHECKING:
    from myvgg.nst.transfer import Step
    from myvgg.runs.metrics import Report

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a file system that has no room."""

NAMES = {"record": "record", "table": "table of losses", "plot": "plot of losses", "animation": "animation"}
"""Names, in sentences, of outputs that may fail without the run."""

MAX_FRAMES = 24
"""Number of pictures in an animation of a run, at most."""


@dataclass(eq=False)
class History:
    """The losses of a run so far, and the frames of its animation.

    Attributes:
        losses: The losses of each step.
        frames: Pictures by the number of their step.
    """

    losses: list[loss_log.Row] = field(default_factory=list)
    frames: dict[int, np.ndarray] = field(default_factory=dict)

    def add(self, step: Step, *, with_frame: bool) -> None:
        """Add the losses of a step, and its picture if it is one of those that an animation shows.

        Args:
            step: The step.
            with_frame: Whether frames are kept at all.
        """
        self.losses.append(loss_log.Row(step.iteration, step.scale, *step.losses))
        if with_frame and step.iteration in animation.choose(step.iterations, MAX_FRAMES):
            self.frames[step.iteration] = _rounded(step.image)


def identity(job: Job, params: Params) -> dict[str, Any]:
    """Return everything that decides the result: settings, hashes of the inputs and weights, matte; as a JSON table.

    A checkpoint of a run with another identity cannot be resumed.

    Args:
        job: The job.
        params: The weights.

    Raises:
        OSError: An input cannot be read.
    """
    return {
        "settings": tables.table_of(job.settings),
        "inputs": {name: {"sha256": record.sha256_of(path)} for name, path in job.inputs.items()},
        "weights": identity_of_weights(params),
        "run": {"matte": job.matte},
    }


def identity_of_weights(params: Params) -> dict[str, str]:
    """Return what decides the result, of weights; how pictures are prepared only where it is not the authors' way."""
    found = {"generation": params.origin.generation, "sha256": params.origin.sha256}
    if params.preprocessing == CAFFE:
        return found
    channels, mean, scale = params.preprocessing
    return {**found, "preprocessing": f"{channels}, mean {mean}, scale {scale}"}


class Writer:
    """Writes the files of one run. A folder that has vanished meanwhile is made again.

    Attributes:
        identity: Everything that decides the result; see `identity`.
        seconds: Time of the run until the last record, rounded as it stands there.
    """

    def __init__(self, job: Job, pictures: Pictures, params: Params, say: Callable[[str], None]) -> None:
        """Compute the hashes of the inputs.

        Args:
            job: The job.
            pictures: Its pictures.
            params: The weights.
            say: Called with sentences for the user.

        Raises:
            OSError: An input cannot be read.
            ValueError: The format of the picture, or of the animation, holds none of this size.
        """
        canvas = pictures.canvas
        self._size = pyramid.final_size(canvas.shape[1], canvas.shape[0], job.settings)
        images.check_sides(images.format_of(job.output), max(self._size))
        if job.animate and job.animate.suffix.lower() == ".webp":
            images.check_sides("WEBP", max(self._size))
        self._job, self._pictures, self._say = job, pictures, say
        self._started, self.seconds = time.monotonic(), 0.0
        self._weights_file = params.origin.file
        self._told, self._missing = set[str](), set[str]()
        self.identity = identity(job, params)

    def write_picture(self, step: Step, *, finished: bool = False, report: Report | None = None) -> Picture:
        """Write the picture of a step, with its record inside if the format is PNG.

        A picture of an early scale is enlarged to the size of the result.

        Args:
            step: The step.
            finished: Whether the run is finished; the record says so.
            report: The metrics of the picture, for the record.

        Returns:
            The picture at the size of the result.

        Raises:
            OSError: The file cannot be written.
        """
        self.restore_folders()
        return self._save(step, self._job.output, finished=finished, report=report)

    def _save(self, step: Step, path: Path, *, finished: bool, report: Report | None = None) -> Picture:
        """Write a picture to a path of any folder."""
        job, content, size = self._job, self._pictures.content, self._size
        image = images.resize(step.image, size)
        alpha = None if content is None or content.alpha is None else images.resize_mask(content.alpha, size)
        bits = job.bits or (content.bits if content else 8)
        table = record.shared(self._table(step, finished=finished, report=report))
        text = record.embed(table) if job.record else {}
        images.save(image, path, alpha=alpha, bits=bits, text=text)
        return image

    def write_record(self, step: Step, *, finished: bool, report: Report | None = None) -> None:
        """Write the record beside the picture, or remove that of an earlier picture if the job asks for none.

        Args:
            step: The step.
            finished: Whether the run is finished.
            report: The metrics of the picture.

        Raises:
            OSError: The file cannot be written.
        """
        if self._job.record:
            record.write(self._table(step, finished=finished, report=report), self._job.outputs["record"])
        elif record.is_record(former := record.beside(self._job.output)):
            former.unlink()

    def write_preview(self, step: Step) -> None:
        """Write the picture so far; its record first, so that no finished one is beside it.

        Args:
            step: The step.

        Raises:
            OSError: The picture cannot be written.
        """
        self.restore_folders()
        with self.spared(NAMES["record"]):
            self.write_record(step, finished=False)
        self.write_picture(step)

    @property
    def written(self) -> list[Path]:
        """The files of the job, without those that could not be written in the end."""
        return [path for role, path in self._job.outputs.items() if NAMES.get(role) not in self._missing]

    def write_all(self, step: Step, history: History, *, finished: bool) -> None:
        """Write the picture of a step, then its record, and the losses and the animation if the job asks for them.

        Where the picture is written and another file cannot be, a sentence tells so.

        Args:
            step: The last step.
            history: The losses and frames of the run.
            finished: Whether the run is finished.

        Raises:
            OSError: The picture cannot be written; a sentence tells the place where it is instead.
        """
        job, outputs = self._job, self._job.outputs
        image = self._write_somewhere(step, finished=finished)
        with self.spared(NAMES["record"]):
            self.write_record(step, finished=finished)
        if job.log:
            with self.spared(NAMES["table"]):
                loss_log.write_csv(history.losses, outputs["table"])
            with self.spared(NAMES["plot"]):
                loss_log.plot(history.losses, outputs["plot"])
        if job.animate:
            with self.spared(NAMES["animation"]):
                self._write_animation(job.animate, image, step, history)

    def _write_somewhere(self, step: Step, *, finished: bool) -> Picture:
        """Write a picture. Where it cannot be written, it goes into the folder of temporary files.

        On a full disk, a finished one takes the place of the checkpoint.

        Raises:
            OSError: The picture is in another folder, which a sentence names.
        """
        try:
            return self.write_picture(step, finished=finished)
        except OSError as error:
            if finished and error.errno in FULL:
                with suppress(OSError):
                    checkpoint.path_for(self._job.output).unlink()
                    return self.write_picture(step, finished=finished)
            with suppress(OSError):
                place = Path(tempfile.mkdtemp(prefix="myvgg-")) / self._job.output.name
                self._save(step, place, finished=finished)
                self._say(f"{self._job.output} cannot be written: the picture is in {place}")
            raise

    @contextmanager
    def spared(self, name: str) -> Iterator[None]:
        """Tell, once for each name, that a file cannot be written, and go on.

        Args:
            name: The file, in words.
        """
        try:
            yield
            self._missing.discard(name)
        except (OSError, ValueError, MemoryError, RuntimeError) as error:
            self._missing.add(name)
            if name not in self._told:
                self._told.add(name)
                self._say(f"the {name} cannot be written: {error or 'not enough memory'}")

    def restore_folders(self) -> None:
        """Make the folders of the outputs again that have vanished since the run began."""
        for folder in {path.parent for path in self._job.outputs.values()}:
            if not folder.is_dir():
                folder.mkdir(parents=True)
                self._say(f"{folder} had vanished and was made again")

    def _write_animation(self, path: Path, image: Picture, step: Step, history: History) -> None:
        content = self._pictures.content
        if self._job.frames == "crossfade" and content:
            return animation.animate(animation.crossfade(content.image, image), path)
        frames = {**history.frames, step.iteration: _rounded(step.image)}
        pictures = [frame.astype(np.float32) for frame in frames.values()]
        return animation.animate(pictures, path, labels=[f"step {iteration}" for iteration in frames])

    def _table(self, step: Step, *, finished: bool, report: Report | None) -> dict[str, Any]:
        """Return the record of a run as a table of tables."""
        job, made_of = self._job, self.identity
        run = {"bits": job.bits, "steps": step.iteration, "planned": step.iterations, "finished": finished}
        self.seconds = round(time.monotonic() - self._started, 1)
        metrics: dict[str, Any] = {"metrics": report._asdict()} if report else {}
        return {
            "run": {**made_of["run"], **run, "seconds": self.seconds},
            "settings": made_of["settings"],
            "inputs": {name: {"file": str(path), **made_of["inputs"][name]} for name, path in job.inputs.items()},
            "weights": {"file": self._weights_file, **made_of["weights"]},
            "versions": record.versions(),
            "losses": step.losses._asdict(),
            **metrics,
        }


def _rounded(image: Picture) -> np.ndarray:
    return np.asarray(np.rint(image), np.uint8)
