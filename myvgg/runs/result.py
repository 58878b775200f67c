"""A run for notebooks and programs: pictures in, a picture with its losses out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import UInt8

from myvgg import images
from myvgg.nst.settings import Settings, given_settings
from myvgg.nst.stages import Losses
from myvgg.nst.transfer import Step, steps
from myvgg.runs.progress import shown
from myvgg.runtime.process import completed


@dataclass(frozen=True, eq=False)
class Result:
    """A stylised picture with its losses; a notebook shows the picture.

    Attributes:
        image: The picture, R, G, B, 0 to 255.
        losses: Losses of the last step.
        settings: Settings of the run.
        steps: Number of steps.
        seconds: Time of the run, loading included.
        interrupted: The run was interrupted. The picture is the one so far, or the finished one where only its colours
            were missing.
    """

    image: UInt8[np.ndarray, "height width 3"]
    losses: Losses
    settings: Settings
    steps: int
    seconds: float
    interrupted: bool = field(default=False, kw_only=True)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture, whole or not at all, and no record: arrays have no files that a record could name.

        Args:
            path: The file, whose suffix names the format.

        Raises:
            OSError: The file cannot be written; an older file stays as it was.
            ValueError: The suffix names no format that can be written.
        """
        images.save(self.image.astype(np.float32), path)

    def __repr__(self) -> str:
        height, width, _ = self.image.shape
        end = ", interrupted" if self.interrupted else ""
        return (
            f"Result({width} x {height}, {self.steps} steps, {self.seconds:.0f} s, loss {self.losses.total:.3g}{end})"
        )

    def _repr_png_(self) -> bytes:
        return images.encode(self.image.astype(np.float32), "PNG")


def stylize(
    content: Any,
    style: Any,
    settings: Settings | None = None,
    *,
    params: Any = None,
    masks: Sequence[Any] = (),
    style_masks: Sequence[Any] = (),
    keep: Any = None,
    first: Any = None,
    cache: MutableMapping[Any, Any] | None = None,
    progress: bool = True,
    **options: Any,
) -> Result:
    """Give a picture the look of another.

    Pictures are paths, Pillow's pictures, or arrays R, G, B, 0 to 255, uint8 or floating point, (height, width, 3), or
    grey (height, width). Masks are paths, Pillow's pictures, or arrays (height, width), boolean, 0 to 1, or
    whole numbers from 0 to 255.

    Args:
        content: The picture that gives the arrangement. None makes a texture of the style.
        style: The picture that gives the look, or a list of them. None reconstructs the content.
        settings: The settings to start from, by default `Settings()`.
        params: The network's parameters, or a `VGG19`. None takes the first file that is found, or else the bundled
            one.
        masks: One for each style: its place in the content. Without them, all styles are blended everywhere.
        style_masks: One for each style, or None: the part of the style that counts.
        keep: The part of the content that stays as it is.
        first: The first picture, in place of what the setting `init` names.
        cache: A dictionary that keeps statistics of style pictures for the next call with the same settings.
        progress: Show a bar on stderr.
        **options: Settings by name that take the place of those in `settings`, such as `size=512`.

    Returns:
        The picture with its losses. An interruption (Ctrl-C, a notebook's stop button) ends the run after its first
        step with the picture so far, in the size of its scale, and `interrupted` true; before the first step,
        KeyboardInterrupt is raised.

    Raises:
        ValueError: An unknown setting (the message names the nearest), or as `steps`.
        ImageError, WeightsError, FloatingPointError, MemoryError: As `steps`.

    Example:
        >>> from myvgg import nst
        >>> result = nst.stylize("examples/chelsea.jpg", "examples/waves.jpg", size=32, iterations=2, progress=False)
        >>> result.image.shape
        (24, 32, 3)
    """
    settings = given_settings(settings).with_values(options)
    start = time.perf_counter()
    pictures: dict[str, Any] = {"masks": masks, "style_masks": style_masks, "keep": keep, "first": first}
    made = steps(content, style, settings, params=params, cache=cache, **pictures)
    last, interrupted = _last(shown(made) if progress else made)
    image, late = completed(lambda: np.rint(last.image).astype(np.uint8))
    interrupted = interrupted or late is not None
    return Result(image, last.losses, settings, last.iteration, time.perf_counter() - start, interrupted=interrupted)


def _last(made: Iterator[Step]) -> tuple[Step, bool]:
    """Make all steps; return the last one and whether they were interrupted. Each step holds a picture: one is kept."""
    last = next(made)
    try:
        for last in made:  # noqa: B007
            pass
    except KeyboardInterrupt:
        return last, True
    return last, False
