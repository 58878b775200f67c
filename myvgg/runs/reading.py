"""The pictures and masks of a job, read from their files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from myvgg import images
from myvgg.images import AnyPicture, ImageError, Loaded, Mask
from myvgg.images.coercion import problem_of_mask
from myvgg.nst.inputs import AnyMask, has_aspect
from myvgg.nst.settings import STARTS
from myvgg.runs.specification import Job

if TYPE_CHECKING:
    from myvgg.nst.plan import Sizes


class Pictures(NamedTuple):
    """The pictures and masks of a job.

    Attributes:
        content: The content with its alpha and its bits; None for a texture.
        styles: The styles.
        masks: Each style's place in the content.
        style_masks: The parts of the styles that count; None for a whole style.
        keep: The part of the content that stays as it is.
        first: The first picture, where the settings name a file.
    """

    content: Loaded | None
    styles: list[AnyPicture]
    masks: list[Mask]
    style_masks: list[Mask | None]
    keep: Mask | None
    first: AnyPicture | None

    @property
    def canvas(self) -> AnyPicture:
        """The picture that gives the result its aspect: the content, or else the first style."""
        return self.content.image if self.content else self.styles[0]

    @property
    def sizes(self) -> Sizes:
        """The sizes of content and styles, for a plan."""
        from myvgg.nst.plan import Sizes

        content = _size(self.content.image) if self.content else None
        return Sizes(content, [_size(style) for style in self.styles], max(1, len(self.masks)))


def read(job: Job) -> Pictures:
    """Read the pictures and masks of a job.

    Args:
        job: The job.

    Raises:
        ImageError: A file that cannot be read, or a mask that is black everywhere.
    """
    first = job.settings.init
    return Pictures(
        _read_picture(job.content, job.matte) if job.content else None,
        [_read_picture(path, job.matte).image for path in job.styles],
        [_read_mask(path) for path in job.masks],
        [_read_mask(path) if path else None for path in job.style_masks],
        _read_mask(job.keep) if job.keep else None,
        None if first in STARTS else images.load(first),
    )


def resized_masks(job: Job, pictures: Pictures) -> list[str]:
    """Return a sentence for each mask that has another aspect than its picture, and so is distorted.

    Args:
        job: The job, which names the files.
        pictures: Its pictures and masks.
    """
    canvas = pictures.canvas
    pairs: list[tuple[Path | None, Mask | None, str, AnyPicture]] = [
        *((path, mask, "content", canvas) for path, mask in zip(job.masks, pictures.masks, strict=True)),
        (job.keep, pictures.keep, "content", canvas),
        *(
            (path, mask, "style", style)
            for path, mask, style in zip(job.style_masks, pictures.style_masks, pictures.styles, strict=False)
        ),
    ]
    return [
        f"{path}: resized from {mask.shape[1]} x {mask.shape[0]} to {picture.shape[1]} x {picture.shape[0]} pixels, "
        f"the {name}'s"
        for path, mask, name, picture in pairs
        if mask is not None and not has_aspect(mask, picture)
    ]


def fitted(mask: AnyMask | None, picture: AnyPicture) -> AnyMask | None:
    """Bring a mask of another aspect to the size of its picture."""
    return mask if mask is None or has_aspect(mask, picture) else images.resize_mask(mask, _size(picture))


def _read_picture(path: Path, matte: str) -> Loaded:
    picture = images.read(path, matte=matte)
    picture.image.setflags(write=False)  # so that `steps` need not copy it
    return picture


def _read_mask(path: Path) -> Mask:
    mask = images.load_mask(path)
    if problem := problem_of_mask(mask):
        raise ImageError(f"{path}: the mask {problem}")
    return mask


def _size(picture: np.ndarray) -> tuple[int, int]:
    """Return width and height."""
    return picture.shape[1], picture.shape[0]
