"""One run from files to files: the command line, batches and sweeps all end here."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from myvgg.files import check_writable
from myvgg.nst import animation, checkpoint, images, presets, pyramid, record
from myvgg.nst.images import AnyPicture, ImageError, Loaded, Picture
from myvgg.nst.settings import STARTS, Settings
from myvgg.params import Params

if TYPE_CHECKING:
    from myvgg.nst.metrics import Report
    from myvgg.nst.transfer import Step

FRAMES = 24
"""Pictures in an animation, at most."""

PATIENCE = 20
"""Checkpoints may cost a twentieth of the time."""


Watch = Callable[[Iterator["Step"], int, int], Iterator["Step"]]


def unwatched(steps: Iterator[Step], work: int, done: int) -> Iterator[Step]:  # noqa: ARG001
    """Pass steps on without showing anything."""
    return steps


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a run reads, does and writes.

    Attributes:
        content: A picture file, or None for a texture.
        styles: Picture files; none reconstructs the content.
        output: The picture to write; what else is written takes its name.
        settings: How to go about it.
        masks: One file for each style, or none: where in the content it goes.
        style_masks: One file for each style, or None each: the part of it that counts.
        keep: A mask file of what stays as it is.
        matte: The colour that transparent parts are put on, a name or #rrggbb.
        bits: 8 or 16 a channel, or None for as many as the content has, where the format can hold them.
        report: Measure style, structure, score and grain at the end.
        log: Write the losses as a table (.csv) and as a plot (.losses.png).
        preview_every: Write the picture as it is after so many steps; 0 never.
        animate: An animation to write, .gif, .webp or .mp4.
        frames: What it shows: the run, or a cross-fade from the content to the result.
        resume: Go on from the checkpoint of an earlier run.
        checkpoint_every: Seconds between two checkpoints, at least.
    """

    content: Path | None
    styles: tuple[Path, ...]
    output: Path
    settings: Settings = field(default_factory=Settings)
    masks: tuple[Path, ...] = ()
    style_masks: tuple[Path | None, ...] = ()
    keep: Path | None = None
    matte: str = "white"
    bits: int | None = None
    report: bool = False
    log: bool = False
    preview_every: int = 0
    animate: Path | None = None
    frames: str = "steps"
    resume: bool = False
    checkpoint_every: float = 30.0

    @property
    def inputs(self) -> dict[str, Path]:
        """The files that are read but for the weights, by what they are for: content, style1, mask1, keep, ..."""
        several = {"style": self.styles, "mask": self.masks, "style_mask": self.style_masks}
        named = {f"{name}{number}": path for name, paths in several.items() for number, path in enumerate(paths, 1)}
        first = Path(self.settings.init) if self.settings.init not in STARTS else None
        named = {"content": self.content, **named, "keep": self.keep, "init": first}
        return {name: path for name, path in named.items() if path is not None}

    @property
    def outputs(self) -> dict[str, Path]:
        """All files that are written, by what they are."""
        found = {"picture": self.output, "record": self.output.with_suffix(".toml")}
        if self.log:
            found |= {"table": self.output.with_suffix(".csv"), "plot": self.output.with_suffix(".losses.png")}
        if self.animate:
            found["animation"] = self.animate
        return found


class Pictures(NamedTuple):
    """The files of a job, read."""

    content: Loaded | None
    styles: list[AnyPicture]
    masks: list[np.ndarray]
    style_masks: list[np.ndarray | None]
    keep: np.ndarray | None
    first: AnyPicture | None


class Outcome(NamedTuple):
    """What a run ended with.

    Attributes:
        image: The picture.
        losses: The last ones.
        steps: How many were made.
        seconds: How long they took, this time.
        report: What was measured, if it was asked for.
    """

    image: Picture
    losses: dict[str, float]
    steps: int
    seconds: float
    report: Report | None


def check(job: Job) -> None:
    """Raise unless all that a job writes could be written, before anything is computed.

    Raises:
        ValueError: Something cannot be written, or two outputs or an output and an input are one file.
    """
    images.format_of(job.output)
    if job.animate:
        animation.check_animation_path(job.animate)
    if job.frames not in ("steps", "crossfade"):
        raise ValueError(f"frames must be steps or crossfade, not {job.frames!r}")
    if job.bits not in (None, 8, 16):
        raise ValueError(f"bits must be 8 or 16, not {job.bits}")
    outputs = list(job.outputs.values())
    for path in outputs:
        check_writable(path)
    inputs = {path.resolve() for path in job.inputs.values()}
    if clash := [path for path in outputs if path.resolve() in inputs]:
        raise ValueError(f"cannot write {clash[0]}: it is one of the inputs")


def read(job: Job) -> Pictures:
    """Read a job's pictures.

    Raises:
        ImageError: One of them cannot be read.
    """
    first = job.settings.init
    return Pictures(
        _picture(job.content, job.matte) if job.content else None,
        [_picture(path, job.matte).image for path in job.styles],
        [_mask(path) for path in job.masks],
        [_mask(path) if path else None for path in job.style_masks],
        _mask(job.keep) if job.keep else None,
        None if first in STARTS else images.load(first),
    )


def _picture(path: Path, matte: str) -> Loaded:
    picture = images.read(path, matte=matte)
    picture.image.setflags(write=False)  # so that `stylize` need not copy it
    return picture


def _mask(path: Path) -> np.ndarray:
    mask = images.load_mask(path)
    if not mask.any():
        raise ImageError(f"{path}: the mask is black everywhere: make what it is to show white")
    return mask


def misfits(job: Job, pictures: Pictures) -> list[str]:
    """Tell which masks have not the form of their picture, and will be resized to it."""
    content = pictures.content.image if pictures.content else pictures.styles[0]
    masks: list[tuple[Path | None, np.ndarray | None, str, np.ndarray]] = [
        *((path, mask, "content", content) for path, mask in zip(job.masks, pictures.masks, strict=True)),
        (job.keep, pictures.keep, "content", content),
        *(
            (path, mask, "style", style)
            for path, mask, style in zip(job.style_masks, pictures.style_masks, pictures.styles, strict=False)
        ),
    ]
    return [
        f"{path}: resized from {mask.shape[1]} x {mask.shape[0]} to {picture.shape[1]} x {picture.shape[0]} pixels, "
        f"the {name}'s"
        for path, mask, name, picture in masks
        if mask is not None
        and abs(mask.shape[1] * picture.shape[0] - mask.shape[0] * picture.shape[1]) > max(*mask.shape, *picture.shape)
    ]


def run(
    job: Job,
    pictures: Pictures,
    params: Params,
    *,
    kept: MutableMapping[Any, Any] | None = None,
    say: Callable[[str], None] = lambda _: None,
    watch: Watch = unwatched,
) -> Outcome:
    """Stylise, and write all that the job asks for; an interrupted or failed run leaves its best picture.

    Args:
        job: What to do.
        pictures: Its pictures, from `read`.
        params: The weights.
        kept: See `stylize`.
        say: Takes sentences for the user.
        watch: Wraps the steps, to show progress; told the pixels of all steps together, and of those made before.

    Raises:
        FloatingPointError, MemoryError, KeyboardInterrupt: With a note on what was saved.
        ValueError: The checkpoint belongs to another run, or as `stylize` says.
        OSError: Something could not be written.
    """
    return _Run(replace(job, settings=_with_precision(job)), pictures, params, say).go(kept, watch)


def _with_precision(job: Job) -> Settings:
    """Decide what `auto` stands for, as the run that is resumed did."""
    from myvgg.precision import fastest_precision

    if job.settings.precision != "auto":
        return job.settings
    path = checkpoint.path_for(job.output)
    if job.resume and path.exists():
        precision = checkpoint.load(path).made_of["settings"]["precision"]
    else:
        precision = fastest_precision()
    return replace(job.settings, precision=precision)


def again(job: Job, picture: Path) -> Job:
    """Return the job that made a picture, writing where `job` says.

    Raises:
        ValueError: The picture has no record, or an input is missing or has changed; names it.
    """
    made = record.read_record(picture)
    found = {name: _found(Path(told["file"]), picture, told["sha256"]) for name, told in made["inputs"].items()}
    styles = [name for name in found if re.fullmatch(r"style\d+", name)]
    settings = replace(job.settings, init=str(found["init"])) if "init" in found else job.settings
    return replace(
        job,
        content=found.get("content"),
        styles=tuple(found[name] for name in styles),
        masks=tuple(path for name, path in found.items() if name.startswith("mask")),
        style_masks=tuple(found.get(f"style_mask{number}") for number in range(1, len(styles) + 1)),
        keep=found.get("keep"),
        settings=settings,
        matte=made["run"]["matte"],
        bits=made["run"].get("bits"),
    )


def _found(path: Path, picture: Path, sha256: str) -> Path:
    """Look for an input where it was, then beside the picture that was made of it."""
    for candidate in (path, picture.parent / path.name):
        if candidate.is_file():
            if record.sha256_of(candidate) != sha256:
                raise ValueError(f"{candidate} is not the file that {picture} was made of: its hash differs")
            return candidate
    raise ValueError(f"{path}, which {picture} was made of, is missing: put it back, or beside the picture")


class _Run:
    """A run and what it has gathered so far."""

    def __init__(self, job: Job, pictures: Pictures, params: Params, say: Callable[[str], None]) -> None:
        self._job, self._pictures, self._params, self._say = job, pictures, params, say
        self._log, self._frames = record.Log(), dict[int, np.ndarray]()
        self._last: Step | None = None
        self._saved = self._started = time.monotonic()
        self._finished = False
        self._made_of: dict[str, Any] = {
            "settings": presets.table_of(job.settings),
            "inputs": {name: {"sha256": record.sha256_of(path)} for name, path in job.inputs.items()},
            "weights": {"generation": params.origin.generation, "sha256": params.origin.sha256},
            "run": {"matte": job.matte},
        }

    def go(self, kept: MutableMapping[Any, Any] | None, watch: Watch) -> Outcome:
        from myvgg.nst.transfer import stylize

        job, pictures = self._job, self._pictures
        for sentence in misfits(job, pictures):
            self._say(sentence)
        state = self._resume() if job.resume else None
        steps = stylize(
            pictures.content.image if pictures.content else None,
            pictures.styles,
            job.settings,
            params=self._params,
            masks=pictures.masks,
            style_masks=pictures.style_masks,
            keep=pictures.keep,
            first=pictures.first,
            state=state,
            kept=kept,
        )
        try:
            for step in watch(steps, *self._work(state)):
                self._take(step)
        except (KeyboardInterrupt, ArithmeticError, MemoryError) as error:
            raise self._stopped(error) from None
        return self._finish()

    def _work(self, state: dict[str, np.ndarray] | None) -> tuple[int, int]:
        """Count the pixels of all steps, and of those that are behind a state."""
        sizes = pyramid.sizes(*self._canvas, self._job.settings, self._params.architecture)
        counts = pyramid.steps(sizes, self._job.settings)
        works = [count * width * height for count, (width, height) in zip(counts, sizes, strict=True)]
        if state is None:
            return sum(works), 0
        scale = int(state["scale"])
        return sum(works), sum(works[:scale]) + int(state["steps"]) * works[scale] // counts[scale]

    @property
    def _canvas(self) -> tuple[int, int]:
        """Width and height of the picture that gives the result its aspect."""
        content = self._pictures.content
        height, width, _ = (content.image if content else self._pictures.styles[0]).shape
        return width, height

    def _take(self, step: Step) -> None:
        """Note a step, and write what is due."""
        job = self._job
        self._last = step
        self._log.add(step.iteration, step.scale, step.losses)
        if step.note:
            self._say(step.note)
        if job.animate and job.frames == "steps" and step.iteration in _chosen(step.iterations):
            self._frames[step.iteration] = np.rint(step.image).astype(np.uint8)
        if job.preview_every and step.iteration % job.preview_every == 0:
            self._save(self._record(None))
        now = time.monotonic()
        if now - self._saved >= job.checkpoint_every and step.iteration < step.iterations:
            self._checkpoint()
            self._saved = time.monotonic() + (PATIENCE - 1) * (time.monotonic() - now)

    def _checkpoint(self) -> None:
        self._restore_folders()
        frames = {f"frame_{iteration}": frame for iteration, frame in self._frames.items()}
        extras = {"log": self._log.rows}
        assert self._last is not None
        stored = checkpoint.Checkpoint(self._last.state() | frames, extras, self._made_of)
        checkpoint.save(stored, checkpoint.path_for(self._job.output))

    def _resume(self) -> dict[str, np.ndarray] | None:
        path = checkpoint.path_for(self._job.output)
        if not path.exists():
            self._say(f"there is no {path} to resume from: beginning anew")
            return None
        stored = checkpoint.load(path)
        checkpoint.check(stored.made_of, self._made_of, path)
        frames = {name.partition("_")[2]: v for name, v in stored.state.items() if name.startswith("frame_")}
        self._frames = {iteration: frames[str(iteration)] for iteration in sorted(map(int, frames))}
        state = {name: array for name, array in stored.state.items() if not name.startswith("frame_")}
        done = int(state["before"]) + int(state["steps"])
        self._log.rows[:] = [tuple(row) for row in stored.extras["log"] if row[0] <= done]
        self._say(f"resuming after step {done}")
        return state

    def _stopped(self, error: BaseException) -> BaseException:
        """Write the best picture of a run that did not end well, and say where it is and how to go on."""
        if self._last is None:
            return error
        self._write(None)
        said = [str(error)] if str(error) else []
        said.append(f"{self._job.output} has the best picture so far, of step {self._last.iteration}")
        if isinstance(error, KeyboardInterrupt) and self._last.iteration < self._last.iterations:
            self._checkpoint()
            said.append("the same command with --resume goes on")
        return type(error)("; ".join(said))

    def _finish(self) -> Outcome:
        assert self._last is not None
        image, report = self._last.image, None
        self._finished = True
        self._write(None)
        if self._job.report:  # the picture is safe by now
            report = self._measure(image)
            about = self._record(report)
            self._save(about)
            record.write(about, self._job.outputs["record"])
        checkpoint.path_for(self._job.output).unlink(missing_ok=True)
        return Outcome(image, self._last.losses, self._last.iteration, time.monotonic() - self._started, report)

    def _measure(self, image: Picture) -> Report:
        from myvgg.nst.metrics import report

        content, styles = self._pictures.content, self._pictures.styles
        blend = self._job.settings.style_blend
        return report(image, content.image if content else None, styles, blend=blend, params=self._params)

    def _restore_folders(self) -> None:
        """Make folders again that were there when the run began, so that its work is not lost."""
        for folder in {path.parent for path in self._job.outputs.values()}:
            if not folder.is_dir():
                folder.mkdir(parents=True)
                self._say(f"{folder} had vanished and was made again")

    def _write(self, report: Report | None) -> None:
        """Write the picture, its record, and what else the job asks for."""
        assert self._last is not None
        job, outputs = self._job, self._job.outputs
        about = self._record(report)
        image = self._save(about)
        record.write(about, outputs["record"])
        if job.log:
            record.write_csv(self._log, outputs["table"])
            record.plot(self._log, outputs["plot"])
        if job.animate:
            self._animate(image, job.animate)

    def _save(self, about: dict[str, Any]) -> Picture:
        """Write the picture at the size that was asked for, which an early scale's is not yet, and return it."""
        assert self._last is not None
        self._restore_folders()
        content = self._pictures.content
        size = pyramid.final_size(*self._canvas, self._job.settings)
        image = images.resize(self._last.image, size)
        alpha = None if content is None or content.alpha is None else images.resize_mask(content.alpha, size)
        bits = self._job.bits or (content.bits if content else 8)
        images.save(image, self._job.output, alpha=alpha, bits=bits, text={"myvgg": record.dump(about)})
        return image

    def _animate(self, image: Picture, path: Path) -> None:
        content = self._pictures.content
        if self._job.frames == "crossfade" and content:
            start = images.resize(content.image, (image.shape[1], image.shape[0]))
            animation.animate(animation.crossfade(start, image), path)
            return
        frames = {**self._frames}
        if self._last is not None:
            frames[self._last.iteration] = np.rint(self._last.image).astype(np.uint8)
        labels = [f"step {iteration}" for iteration in frames]
        animation.animate([frame.astype(np.float32) for frame in frames.values()], path, labels=labels)

    def _record(self, report: Report | None) -> dict[str, Any]:
        assert self._last is not None
        job, step, made_of = self._job, self._last, self._made_of
        run = {"bits": job.bits, "steps": step.iteration, "planned": step.iterations, "finished": self._finished}
        files = {name: {"file": str(path), **made_of["inputs"][name]} for name, path in job.inputs.items()}
        optional: dict[str, Any] = {"metrics": report._asdict()} if report else {}
        return {
            "run": {**made_of["run"], **run},
            "settings": made_of["settings"],
            "inputs": files,
            "weights": {"file": self._params.origin.file, **made_of["weights"]},
            "versions": record.versions(),
            **optional,
        }


def _chosen(iterations: int) -> frozenset[int]:
    return frozenset(animation.choose(iterations, FRAMES))
