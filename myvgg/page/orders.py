"""Orders of pictures, and what the page shows of them: a place in the queue, the picture so far, losses, time left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from myvgg import images
from myvgg.images import Picture
from myvgg.nst.settings import Settings

State = Literal["waiting", "running", "finished", "stopped", "failed"]

OPEN: tuple[State, ...] = ("waiting", "running")
"""States of an order that is not over."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """A picture that somebody wants.

    Attributes:
        content: The photograph.
        styles: The pictures whose look it gets.
        settings: Settings of the style transfer.
        masks: Either none, or one mask file for each style.
        keep: Mask file of the part that stays as it is.
        is_sheet: Draw the photograph with each style by itself, on one sheet.
    """

    content: Path
    styles: tuple[Path, ...]
    settings: Settings
    masks: tuple[Path, ...] = ()
    keep: Path | None = None
    is_sheet: bool = False


class Saved(NamedTuple):
    """A picture that was written before its run was over.

    Attributes:
        path: Its file.
        sentence: The step that it is of, in words.
    """

    path: Path
    sentence: str


@dataclass(eq=False)
class Ticket:
    """An order with its progress. Several threads read it, and change it by `change` only.

    Attributes:
        order: The order.
        folder: Folder of its files.
        state: Where it stands.
        sentence: Where it stands, in words.
        frame: The picture so far, as a JPEG.
        frames: Number of pictures so far.
        losses: Total loss of each step.
        fraction: Part of the work that is done, from 0 to 1.
        seconds_left: Estimate, None before it is known.
        result: The picture file, once it is written.
        is_stopping: Somebody has asked for the end.
        save: Writes the picture so far to a file of its own; None before the first step.
    """

    order: Order
    folder: Path
    state: State = "waiting"
    sentence: str = ""
    frame: bytes = b""
    frames: int = 0
    losses: list[float] = field(default_factory=list)
    fraction: float = 0.0
    seconds_left: float | None = None
    result: Path | None = None
    is_stopping: bool = False
    save: Callable[[], Saved] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def output(self) -> Path:
        """The file that the picture is written to."""
        return self.folder / ("sheet.png" if self.order.is_sheet else "stylized.png")

    @property
    def is_over(self) -> bool:
        """True where nothing will change any more."""
        return self.state not in OPEN

    def change(self, *, only_in: tuple[State, ...] = OPEN, **values: Any) -> bool:
        """Change attributes together, unless the order is over. The first end of an order is the one that counts.

        Args:
            only_in: States in which the attributes are changed.
            **values: The attributes with their new values.

        Returns:
            Whether they were changed.
        """
        with self._lock:
            if self.state not in only_in:
                return False
            for name, value in values.items():
                setattr(self, name, value)
            if self.is_over:
                self.save = None
            return True

    def show(self, picture: Picture) -> None:
        """Make a picture the latest one.

        Args:
            picture: R, G, B, 0 to 255.
        """
        self.change(frame=images.encode(picture, "JPEG"), frames=self.frames + 1)


class Clock:
    """The time that a run still takes, estimated from its steps without the first one of a scale, which makes graphs.

    Example:
        >>> clock = Clock(now=0.0)
        >>> clock.left(scale=1, pixels=10, done=10, work=40, now=5.0)
        >>> clock.left(scale=1, pixels=10, done=20, work=40, now=7.0)
        4.0
    """

    def __init__(self, now: float | None = None) -> None:
        """Start.

        Args:
            now: The time in seconds; by default that of the system.
        """
        self._before = time.monotonic() if now is None else now
        self._scale, self._pixels, self._seconds = 0, 0, 0.0

    def left(self, *, scale: int, pixels: int, done: int, work: int, now: float | None = None) -> float | None:
        """Take the time of a step and return the seconds that are left, None before they are known.

        Args:
            scale: Number of the step's scale.
            pixels: Number of its pixels.
            done: Pixels of all steps so far.
            work: Pixels of all steps.
            now: The time in seconds; by default that of the system.
        """
        now = time.monotonic() if now is None else now
        if scale == self._scale:
            self._pixels, self._seconds = self._pixels + pixels, self._seconds + now - self._before
        self._scale, self._before = scale, now
        return (work - done) * self._seconds / self._pixels if self._pixels else None


def in_line(tickets: Sequence[Ticket], ticket: Ticket) -> int:
    """Return the number of orders that come before one.

    Args:
        tickets: All tickets, in their order.
        ticket: One of them.
    """
    return sum(not each.is_over for each in tickets[: tickets.index(ticket)])
