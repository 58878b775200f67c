"""The studio behind the page: one worker makes the pictures of all orders, one after the other, in a thread."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np

from myvgg.nst.settings import Settings
from myvgg.page import making
from myvgg.page.limits import check_order
from myvgg.page.orders import Order, Ticket, in_line
from myvgg.page.sentences import sentence_of
from myvgg.runs import job as one

if TYPE_CHECKING:
    from myvgg.params import Params

MAX_WAITING = 20
"""Number of orders that may wait."""

MAX_KEPT = 100
"""Number of orders that are kept with their files; beyond it, the oldest ones that are over are dropped."""


class Studio:
    """Takes orders, works them off in a thread, and keeps the tickets of the latest ones."""

    def __init__(self, folder: Path, load: Callable[[], Params]) -> None:
        """Start the worker, which loads the weights first.

        Args:
            folder: Folder of all files of the studio.
            load: Returns the weights.
        """
        self.folder = folder
        self._tickets: dict[str, Ticket] = {}
        self._changed = threading.Condition()
        self._is_closed = False
        self._worker = threading.Thread(target=self._work, args=(load,), name="studio", daemon=True)
        self._worker.start()

    @contextmanager
    def new_folder(self) -> Iterator[Path]:
        """Make a folder for the files of an order. Its name is the order's, and cannot be guessed.

        The folder is removed where the block fails.
        """
        folder = self.folder / uuid4().hex
        folder.mkdir()
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def take(self, order: Order, folder: Path) -> None:
        """Take an order.

        Args:
            order: The order.
            folder: Its folder.

        Raises:
            ValueError: Pictures or settings that cannot be used, or too many orders that wait.
        """
        ticket = Ticket(order, folder)
        check_order(order)
        one.check(making.job_of(ticket))
        with self._changed:
            if sum(each.state == "waiting" for each in self._tickets.values()) >= MAX_WAITING:
                raise ValueError(f"{MAX_WAITING} pictures are waiting: try again later")
            self._tickets[folder.name] = ticket
            self._drop_oldest()
            self._changed.notify()

    def _drop_oldest(self) -> None:
        """Forget the oldest orders that are over, with their files."""
        over = [name for name, ticket in self._tickets.items() if ticket.is_over]
        for name in over[: max(0, len(self._tickets) - MAX_KEPT)]:
            shutil.rmtree(self._tickets.pop(name).folder, ignore_errors=True)

    def find(self, name: str) -> Ticket | None:
        """Return the ticket of an order, with its place in the queue in words; None for an unknown name.

        Args:
            name: The name.
        """
        with self._changed:
            ticket = self._tickets.get(name)
            if ticket and ticket.state == "waiting":
                before = in_line([*self._tickets.values()], ticket)
                sentence = f"waiting, {before} before this one" if before else "beginning"
                ticket.change(only_in=("waiting",), sentence=sentence)
            return ticket

    def stop(self, name: str) -> None:
        """End an order. A picture that is being made is written at once, as it is.

        Where it cannot be written, the worker ends the order at its next step.

        Args:
            name: Name of the order.
        """
        ticket = self._tickets.get(name)
        if ticket is None or not ticket.change(is_stopping=True):
            return
        save = ticket.save
        try:
            saved = save() if save else None
        except (OSError, ValueError, MemoryError):
            return
        if saved:
            ticket.change(state="stopped", sentence=f"stopped at {saved.sentence}", result=saved.path)
        else:
            ticket.change(state="stopped", sentence="stopped")

    def close(self) -> None:
        """End all orders and the worker."""
        with self._changed:
            self._is_closed = True
            for ticket in self._tickets.values():
                ticket.change(state="stopped", sentence="stopped", is_stopping=True)
            self._changed.notify()
        self._worker.join()

    def _work(self, load: Callable[[], Params]) -> None:
        """Work off the orders until the studio is closed."""
        loaded = _loaded(load)
        while ticket := self._next():
            try:
                make = making.draw_sheet if ticket.order.is_sheet else making.draw_picture
                sentence = make(ticket, loaded())
            except KeyboardInterrupt:
                ticket.change(state="stopped", sentence="stopped", result=_written(ticket))
            except Exception as error:  # the next order must not suffer
                state = "stopped" if ticket.is_stopping else "failed"
                ticket.change(state=state, sentence=sentence_of(error), result=_written(ticket))
            else:
                result = ticket.output
                ticket.change(state="finished", sentence=sentence, result=result, fraction=1.0, seconds_left=0.0)

    def _next(self) -> Ticket | None:
        """Begin the first order that waits, when there is one; None once the studio is closed."""
        with self._changed:
            while not self._is_closed:
                for ticket in self._tickets.values():
                    if ticket.change(only_in=("waiting",), state="running", sentence="beginning"):
                        return ticket
                self._changed.wait()
        return None


def _written(ticket: Ticket) -> Path | None:
    """Return the picture that an order has left, if there is one."""
    return ticket.output if ticket.output.is_file() else None


def _loaded(load: Callable[[], Params]) -> Callable[[], Params]:
    """Load the weights and warm up; return a function that returns them, or raises their error for each order."""
    try:
        params = load()
        _warm_up(params)
    except Exception as error:
        problem = sentence_of(error)

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
