"""The description of one run: the files that it reads, its settings, and the files that it writes."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from myvgg import images
from myvgg.nst.settings import STARTS, Settings
from myvgg.runs import animation, checkpoint, loss_log, record, rows
from myvgg.runtime.files import check_writable


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run: the files that it reads, its settings, and the files that it writes.

    Attributes:
        content: Picture file; None makes a texture of the styles.
        styles: Picture files; none reconstructs the content.
        output: Picture file to write. The other files have its name with a further suffix, such as out.png.toml.
        settings: Settings of the style transfer.
        masks: Either none, or one mask file for each style: the style's place in the content.
        style_masks: Either none, or one entry for each style: a mask file of the part of the style that counts, or None
            for the whole style.
        keep: Mask file of the part of the content that stays as it is.
        matte: Colour behind transparent parts: a name, or #rrggbb.
        bits: 8 or 16 bits a channel. None takes as many as the content has, as far as the format of the output can hold
            them.
        report: Measure style, structure, score and grain at the end.
        log: Write the losses as a table (.csv) and as a plot (.losses.png).
        record: Write the record of the run, inside the picture and beside it.
        read: Other files that the run reads: the file of its settings, and its weights.
        preview_every: Number of steps after which the present picture is written to `output`, or a time such as `5s`,
            which begins with the first step; 0 for never.
        animate: Animation file to write: .gif, .webp or .mp4.
        frames: Frames of the animation: `steps` of the run, or a `crossfade` from the content to the result.
        resume: Go on from the checkpoint of an earlier run.
        checkpoint_every: Time between two checkpoints in seconds, at least.
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
    record: bool = True
    read: tuple[Path, ...] = ()
    preview_every: int | str = 0
    animate: Path | None = None
    frames: str = "steps"
    resume: bool = False
    checkpoint_every: float = 30.0

    @property
    def inputs(self) -> dict[str, Path]:
        """The picture files that are read, by their role: content, style1, mask1, style_mask1, keep, init."""
        several = {"style": self.styles, "mask": self.masks, "style_mask": self.style_masks}
        named = {f"{name}{number}": path for name, paths in several.items() for number, path in enumerate(paths, 1)}
        first = Path(self.settings.init) if self.settings.init not in STARTS else None
        named = {"content": self.content, **named, "keep": self.keep, "init": first}
        return {name: path for name, path in named.items() if path is not None}

    @property
    def outputs(self) -> dict[str, Path]:
        """The files that are written, by their role: picture, record, table, plot, animation."""
        found = {"picture": self.output}
        suffixes = {"record": ".toml"} if self.record else {}
        suffixes |= {"table": ".csv", "plot": ".losses.png"} if self.log else {}
        found |= {role: record.beside(self.output, suffix) for role, suffix in suffixes.items()}
        if self.animate:
            found["animation"] = self.animate
        return found


def interval(preview_every: int | str) -> tuple[int, float]:
    """Return the number of steps and the seconds between two previews; 0 where they do not count.

    Raises:
        ValueError: Neither a number of steps nor a time.

    Example:
        >>> from myvgg.runs.specification import interval
        >>> interval(20), interval("2.5s"), interval(0)
        ((20, 0.0), (0, 2.5), (0, 0.0))
    """
    text = str(preview_every)
    with suppress(ValueError):
        if text.endswith("s") and 0 < (seconds := float(text.removesuffix("s"))) < math.inf:
            return 0, seconds
        if (steps := int(text)) >= 0:
            return steps, 0.0
    raise ValueError(
        f"preview_every must be a number of steps such as 20, a time such as 5s, or 0 for never, not {preview_every}"
    )


def check(job: Job) -> None:
    """Raise unless all outputs of a job can be written. Call it before anything is computed.

    Args:
        job: The job.

    Raises:
        ValueError: An output that cannot be written, an output that is also an input, an unknown option, or another
            number of masks or shares than of styles.
    """
    kind = images.format_of(job.output)
    if job.animate:
        animation.check_animation_path(job.animate)
    if job.frames not in ("steps", "crossfade"):
        raise ValueError(f"frames must be steps or crossfade, not {job.frames!r}")
    interval(job.preview_every)
    if not job.checkpoint_every >= 0:
        raise ValueError(f"checkpoint_every must be a number of seconds from 0 on, not {job.checkpoint_every}")
    if job.bits not in (None, 8, 16):
        raise ValueError(f"bits must be 8 or 16, not {job.bits}")
    if job.bits == 16 and kind not in images.DEEP:
        raise ValueError(f"bits must be 8 for {job.output}: only .png and .tif hold 16")
    several = {"masks": job.masks, "style_masks": job.style_masks, "style_blend": job.settings.style_blend}
    for name, values in several.items():
        if values and len(values) != len(job.styles):
            raise ValueError(f"{name} must be one for each style; styles: {len(job.styles)}, {name}: {len(values)}")
    for path in job.outputs.values():
        check_writable(path)
    check_apart({**job.outputs, "checkpoint": checkpoint.path_for(job.output)}, [*job.inputs.values(), *job.read])
    _check_record(job)


def check_apart(outputs: Mapping[str, Path], inputs: Iterable[Path]) -> None:
    """Raise if an output is an input, or if two outputs are one file.

    Args:
        outputs: Files that are written, by their role.
        inputs: Files that are read.

    Raises:
        ValueError: Two are one file; the message names it.
    """
    taken = {same_file(path): "one of the inputs" for path in inputs}
    for role, path in outputs.items():
        if (other := taken.get(same_file(path))) is not None:
            raise ValueError(f"cannot write {path}: it is {other}")
        taken[same_file(path)] = f"the {role} as well"


def is_of_runs(path: Path) -> bool:
    """Tell whether a picture is a result, which has a record, or a sheet of several, which has a table beside it."""
    return record.has_record(path) or bool(rows.read_rows(record.beside(path, ".csv")))


def check_unchosen(path: Path, *, command: str = "myvgg", is_ours: Callable[[Path], bool] = is_of_runs) -> None:
    """Raise if a name that nobody chose is that of a file of somebody else's.

    Args:
        path: The file that is to be written.
        command: The command whose results may be replaced.
        is_ours: Tells whether a file is a result of the command.

    Raises:
        ValueError: There is such a file.
    """
    if path.exists() and not is_ours(path):
        raise ValueError(f"{path} exists and is no result of {command}: name the result by -o (-o {path} replaces it)")


def same_file(path: Path) -> Hashable:
    """Return a value that is equal for two paths of one file, whatever links and letters lead to it."""
    try:
        found = path.stat()
    except OSError:
        return path.resolve()
    return found.st_dev, found.st_ino


def _check_record(job: Job) -> None:
    """Raise if the record or the table would replace a file of somebody else's."""
    outputs = job.outputs
    if not job.resume:  # which tells by itself what is wrong with a checkpoint
        outputs = {**outputs, "checkpoint": checkpoint.path_for(job.output)}
    owners = {"record": _is_record, "table": _is_table, "checkpoint": checkpoint.is_checkpoint}
    for role, is_ours in (owners | {"plot": lambda _: outputs["table"].exists()}).items():
        path = outputs.get(role)
        if path is not None and os.path.exists(path) and not is_ours(path):  # noqa: PTH110  # names that are too long
            raise ValueError(f"cannot write {path}: it is no {role} of a run, move it or name another picture to write")


def _is_record(path: Path) -> bool:
    return record.is_record(path) or not path.read_bytes().strip()


def _is_table(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return not text.strip() or text.startswith(",".join(loss_log.Row._fields))


def again(job: Job, picture: Path) -> Job:
    """Return the job that made a picture, with the output and the options of another job.

    Args:
        job: The job that gives the rest. Its pictures and masks count more than those of the record. A style mask of
            the record goes with its style picture: another picture in its place gets none.
        picture: The picture, which has a record inside or beside it.

    Raises:
        ImageError: There is no record.
        ValueError: An input is missing, or it has changed; the message names it.
    """
    made = record.read_record(picture)
    replaced = {*job.inputs} - {"init"}
    if job.settings.init != made["settings"].get("init"):
        replaced |= {"init"}
    if job.styles:
        replaced |= {role for role in made["inputs"] if re.fullmatch(r"style\d+", role)}
    masked = [f"style_mask{number}" for number in _numbers(made, job.styles)]
    replaced |= {role for role in made["inputs"] if role.startswith("style_mask") and role not in masked}
    found = {
        name: _find(Path(entry["file"]), picture, entry["sha256"])
        for name, entry in made["inputs"].items()
        if name not in replaced
    }
    styles = job.styles or tuple(found[name] for name in found if re.fullmatch(r"style\d+", name))
    masks = job.masks or tuple(path for name, path in found.items() if name.startswith("mask"))
    if masks and not job.masks and len(masks) != len(styles):
        raise ValueError(
            f"{picture} was made with {len(masks)} masks, one for each style: name --mask for {len(styles)}"
        )
    settings = replace(job.settings, init=str(found["init"])) if "init" in found else job.settings
    return replace(
        job,
        content=job.content or found.get("content"),
        styles=styles,
        masks=masks,
        style_masks=job.style_masks or tuple(map(found.get, masked)),
        keep=job.keep or found.get("keep"),
        settings=settings,
        matte=made["run"]["matte"],
        bits=made["run"].get("bits"),
    )


def _numbers(made: Mapping[str, Any], styles: Sequence[Path]) -> list[str | None]:
    """Give each style its number in a record: all of the record's without styles, None for a picture of its own."""
    known = [(role[5:], entry["sha256"]) for role, entry in made["inputs"].items() if re.fullmatch(r"style\d+", role)]
    if not styles:
        return [number for number, _ in known]
    numbers = {sha256: number for number, sha256 in known}
    return [numbers.get(record.sha256_of(style)) if style.is_file() else None for style in styles]


def _find(path: Path, picture: Path, sha256: str) -> Path:
    """Look for an input at its old place, beside the picture that was made of it, and from the folders above it."""
    beside = [picture.parent / path, picture.parent / path.name]
    above = [folder / path for folder in picture.resolve().parents]
    there = [each for each in dict.fromkeys((path, *beside, *above)) if each.is_file()]
    for candidate in there:
        if record.sha256_of(candidate) == sha256:
            return candidate
    if there:
        raise ValueError(f"{there[0]} is not the file that {picture} was made of: its hash differs")
    raise ValueError(f"{path}, which {picture} was made of, is missing: put it back, or beside the picture")
