"""The studio behind the page: one worker makes the pictures of all orders, one after the other, in a thread."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from myvgg import images
from myvgg.images import AnyPicture
from myvgg.nst.settings import Settings
from myvgg.page.orders import Clock, Order, Ticket, in_line
from myvgg.runs import checkpoint, sheet
from myvgg.runs import job as one
from myvgg.runs.job import Job
from myvgg.runs.writing import Writer

if TYPE_CHECKING:
    from myvgg.nst.transfer import Step
    from myvgg.params import Params

SECONDS_BETWEEN_FRAMES = 0.5
"""Time between two pictures that the page shows, at least."""

MAX_WAITING = 20
"""Number of orders that may wait."""

CELL = 256
"""Longest side of a picture on a sheet of several styles, in pixels."""

COLUMNS = 4
"""Number of pictures in a line of a sheet."""


class Studio:
    """Takes orders, works them off in a thread, and keeps their tickets until it is closed."""

    def __init__(self, folder: Path, load: Callable[[], Params]) -> None:
        """Start the worker, which loads the weights first.

        Args:
            folder: Folder of all files of the studio.
            load: Returns the weights.
        """
        self.folder = folder
        self._tickets: dict[str, Ticket] = {}
        self._queue: queue.Queue[Ticket | None] = queue.Queue()
        self._writers: dict[int, tuple[Writer, Step]] = {}
        self._lock = threading.Lock()
        self._worker = threading.Thread(target=self._work, args=(load,), name="studio", daemon=True)
        self._worker.start()

    def new_folder(self) -> Path:
        """Make a folder for the files of an order. Its name is the order's, and cannot be guessed."""
        folder = self.folder / uuid4().hex
        folder.mkdir()
        return folder

    def take(self, order: Order, folder: Path) -> None:
        """Take an order.

        Args:
            order: The order.
            folder: Its folder.

        Raises:
            ValueError: Pictures or settings that cannot be used, or too many orders that wait.
        """
        if sum(ticket.state == "waiting" for ticket in self._tickets.values()) >= MAX_WAITING:
            raise ValueError(f"{MAX_WAITING} pictures are waiting: try again later")
        ticket = Ticket(order, folder)
        job = _job(ticket)
        one.check(job)
        one.read(job)
        with self._lock:
            self._tickets[folder.name] = ticket
        self._queue.put(ticket)

    def find(self, name: str) -> Ticket | None:
        """Return the ticket of an order, with its place in the queue in words; None for an unknown name.

        Args:
            name: The name.
        """
        ticket = self._tickets.get(name)
        if ticket and ticket.state == "waiting":
            before = in_line([*self._tickets.values()], ticket)
            ticket.sentence = f"waiting, {before} before this one" if before else "beginning"
        return ticket

    def stop(self, name: str) -> None:
        """End an order. A picture that is being made stays as it is, and is written at once.

        Args:
            name: Name of the order.
        """
        ticket = self._tickets.get(name)
        if ticket is None or ticket.is_over:
            return
        ticket.is_stopping = True
        with self._lock:
            writer, step = self._writers.get(id(ticket), (None, None))
        if writer and step:
            writer.write_picture(step)
            ticket.result = ticket.output
        ticket.state = "stopped"
        ticket.sentence = f"stopped at step {step.iteration} of {step.iterations}" if step else "stopped"

    def close(self) -> None:
        """End all orders and the worker."""
        for name in [*self._tickets]:
            self.stop(name)
        self._queue.put(None)
        self._worker.join()

    def _work(self, load: Callable[[], Params]) -> None:
        """Work off the orders until the studio is closed."""
        loaded = _loaded(load)
        while ticket := self._queue.get():
            if ticket.is_stopping:
                continue
            ticket.state, ticket.sentence = "running", "beginning"
            try:
                make = self._draw_sheet if ticket.order.is_sheet else self._stylise
                make(ticket, loaded())
            except KeyboardInterrupt:  # `stop` has told everything
                continue
            except Exception as error:  # the next order must not suffer
                ticket.state, ticket.sentence = "failed", " ".join(str(error).split()) or type(error).__name__
            else:
                ticket.state, ticket.fraction, ticket.seconds_left = "finished", 1.0, 0.0

    def _stylise(self, ticket: Ticket, params: Params) -> None:
        """Make one picture."""
        job = _job(ticket)
        pictures = one.read(job)
        writer = Writer(job, pictures, params, lambda _: None)

        def watch(steps: Iterator[Step]) -> Iterator[Step]:
            clock, shown = Clock(), 0.0
            for step in steps:
                yield step
                if ticket.is_stopping:
                    raise KeyboardInterrupt
                with self._lock:
                    self._writers[id(ticket)] = writer, step
                _tell(ticket, step, clock)
                if time.monotonic() - shown >= SECONDS_BETWEEN_FRAMES or step.done == step.work:
                    ticket.show(step.image)
                    shown = time.monotonic()

        try:
            outcome = one.run(job, pictures, params, watch=watch)
        finally:
            with self._lock:
                self._writers.pop(id(ticket), None)
            with suppress(OSError):
                checkpoint.path_for(job.output).unlink(missing_ok=True)
        ticket.show(outcome.image)
        ticket.result = job.output
        ticket.sentence = f"finished in {outcome.seconds:.0f} s"

    def _draw_sheet(self, ticket: Ticket, params: Params) -> None:
        """Make a picture with each style, and put them on a sheet."""
        start, styles = time.monotonic(), ticket.order.styles
        made: list[AnyPicture | None] = [images.resize(images.load(ticket.order.content), CELL)]
        captions = ["photograph"]

        def watch(steps: Iterator[Step]) -> Iterator[Step]:
            for step in steps:
                if ticket.is_stopping:
                    raise KeyboardInterrupt
                yield step
                done = len(made) - 1 + step.done / step.work
                ticket.fraction = done / len(styles)
                ticket.seconds_left = (time.monotonic() - start) * (len(styles) - done) / done

        for number, style in enumerate(styles, 1):
            ticket.sentence = f"style {number} of {len(styles)}"
            job = replace(_job(ticket), styles=(style,), output=ticket.folder / f"{number}.png")
            outcome = one.run(job, one.read(job), params, watch=watch)
            made.append(outcome.image)
            captions.append(style.stem)
            lines = [made[at : at + COLUMNS] for at in range(0, len(made), COLUMNS)]
            words = [captions[at : at + COLUMNS] for at in range(0, len(made), COLUMNS)]
            drawn = sheet.lay_out(lines, captions=words, cell=CELL)
            images.save(drawn, ticket.output)
            ticket.result = ticket.output
            ticket.show(drawn)
        ticket.sentence = f"finished in {time.monotonic() - start:.0f} s"


def _loaded(load: Callable[[], Params]) -> Callable[[], Params]:
    """Load the weights and warm up; return a function that returns them, or raises their error for each order."""
    try:
        params = load()
        _warm_up(params)
    except Exception as error:
        problem = str(error)

        def fail() -> Params:
            raise ValueError(problem)

        return fail
    return lambda: params


def _warm_up(params: Params) -> None:
    """Make one step of a small run, so that the first picture of the first order comes soon."""
    from myvgg.nst.transfer import steps

    picture = np.random.default_rng(0).uniform(0, 255, (96, 128, 3)).astype(np.float32)
    for _ in steps(picture, picture, Settings(size=128, scales=1, iterations=1), params=params):
        pass


def _job(ticket: Ticket) -> Job:
    """Return the run of a ticket."""
    order = ticket.order
    return Job(
        content=order.content,
        styles=order.styles,
        output=ticket.output,
        settings=order.settings,
        masks=order.masks,
        keep=order.keep,
        checkpoint_every=float("inf"),
    )


def _tell(ticket: Ticket, step: Step, clock: Clock) -> None:
    """Note the progress of a step."""
    width, height = step.size
    pixels: dict[str, Any] = {"pixels": width * height, "done": step.done, "work": step.work}
    ticket.losses.append(step.losses.total)
    ticket.fraction = step.done / step.work
    ticket.seconds_left = clock.left(scale=step.scale, **pixels)
    ticket.sentence = f"step {step.iteration} of {step.iterations}, {width} x {height} pixels"
