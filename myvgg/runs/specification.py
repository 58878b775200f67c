"""The description of one run: the files that it reads, its settings, and the files that it writes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from myvgg import images
from myvgg.nst.settings import STARTS, Settings
from myvgg.runs import animation, record
from myvgg.runtime.files import check_writable


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run: the files that it reads, its settings, and the files that it writes.

    Attributes:
        content: Picture file; None makes a texture of the styles.
        styles: Picture files; none reconstructs the content.
        output: Picture file to write. The other files that are written have its name with another suffix.
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
        preview_every: Number of steps after which the present picture is written to `output`; 0 for never.
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
    preview_every: int = 0
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
        found = {"picture": self.output, "record": self.output.with_suffix(".toml")}
        if self.log:
            found |= {"table": self.output.with_suffix(".csv"), "plot": self.output.with_suffix(".losses.png")}
        if self.animate:
            found["animation"] = self.animate
        return found


def check(job: Job) -> None:
    """Raise unless all outputs of a job can be written. Call it before anything is computed.

    Args:
        job: The job.

    Raises:
        ValueError: An output that cannot be written, an output that is also an input, or an unknown option.
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


def again(job: Job, picture: Path) -> Job:
    """Return the job that made a picture, with the output and the options of another job.

    Args:
        job: The job that gives everything but the pictures, the matte and the bits.
        picture: The picture, which has a record inside or beside it.

    Raises:
        ImageError: There is no record.
        ValueError: An input is missing, or it has changed; the message names it.
    """
    made = record.read_record(picture)
    found = {name: _find(Path(entry["file"]), picture, entry["sha256"]) for name, entry in made["inputs"].items()}
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


def _find(path: Path, picture: Path, sha256: str) -> Path:
    """Look for an input at its old place, then beside the picture that was made of it."""
    for candidate in (path, picture.parent / path.name):
        if candidate.is_file():
            if record.sha256_of(candidate) != sha256:
                raise ValueError(f"{candidate} is not the file that {picture} was made of: its hash differs")
            return candidate
    raise ValueError(f"{path}, which {picture} was made of, is missing: put it back, or beside the picture")
