"""The pictures of an order: one picture of all styles, or a sheet with a picture of each style."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from myvgg import images
from myvgg.images import AnyPicture
from myvgg.page.orders import Clock, Saved, Ticket
from myvgg.runs import checkpoint, sheet
from myvgg.runs import job as one
from myvgg.runs.job import Job, Watch
from myvgg.runs.reading import Pictures
from myvgg.runs.writing import Writer

if TYPE_CHECKING:
    from myvgg.nst.transfer import Step
    from myvgg.params import Params

SECONDS_BETWEEN_FRAMES = 0.5
"""Time between two pictures that the page shows, at least."""

CELL = 256
"""Longest side of a picture on a sheet of several styles, in pixels."""

COLUMNS = 4
"""Number of pictures in a line of a sheet."""


def job_of(ticket: Ticket) -> Job:
    """Return the run of an order; that of a sheet is repeated with one style after the other.

    Shares of styles come with the settings of an earlier picture. Where that had another number of styles, the shares
    are equal.

    Args:
        ticket: The order.
    """
    order = ticket.order
    styles = order.styles[:1] if order.is_sheet else order.styles
    shares = order.settings.style_blend
    return Job(
        content=order.content,
        styles=styles,
        output=ticket.output,
        settings=replace(order.settings, style_blend=shares if len(shares) == len(styles) else ()),
        masks=order.masks,
        keep=order.keep,
        checkpoint_every=float("inf"),
    )


def draw_picture(ticket: Ticket, params: Params) -> str:
    """Make one picture, and return a sentence about the run.

    Args:
        ticket: The order.
        params: The weights.

    Raises:
        KeyboardInterrupt: Somebody has asked for the end.
        ValueError, OSError, ArithmeticError, MemoryError: As `myvgg.runs.job.run`.
    """
    job = job_of(ticket)
    pictures = one.read(job)
    early = replace(job, output=ticket.folder / "early" / job.output.name)
    writer = Writer(early, pictures, params, lambda _: None)
    outcome = _run(job, pictures, params, _watching(ticket, writer))
    ticket.show(outcome.image)
    return f"finished in {outcome.seconds:.0f} s"


def _run(job: Job, pictures: Pictures, params: Params, watch: Watch) -> one.Outcome:
    """Run a job that nobody goes on with: its checkpoint is removed."""
    try:
        return one.run(job, pictures, params, watch=watch)
    finally:
        with suppress(OSError):
            checkpoint.path_for(job.output).unlink(missing_ok=True)


def _watching(ticket: Ticket, writer: Writer) -> Watch:
    """Return a function that passes steps on, shows them on the ticket, and ends the run where somebody asks for it."""

    def watch(steps: Iterator[Step]) -> Iterator[Step]:
        clock, shown = Clock(), 0.0
        for step in steps:
            yield step
            if ticket.is_stopping:
                raise KeyboardInterrupt
            _tell(ticket, step, clock, writer)
            if time.monotonic() - shown >= SECONDS_BETWEEN_FRAMES or step.done == step.work:
                ticket.show(step.image)
                shown = time.monotonic()

    return watch


def draw_sheet(ticket: Ticket, params: Params) -> str:
    """Make a picture with each style, put them on a sheet, and return a sentence about the runs.

    Args:
        ticket: The order.
        params: The weights.

    Raises:
        KeyboardInterrupt: Somebody has asked for the end.
        ValueError, OSError, ArithmeticError, MemoryError: As `myvgg.runs.job.run`.
    """
    start, styles = time.monotonic(), ticket.order.styles
    made: list[AnyPicture | None] = [images.resize(images.load(ticket.order.content), CELL)]
    for number, style in enumerate(styles, 1):
        ticket.change(sentence=f"style {number} of {len(styles)}")
        job = replace(job_of(ticket), styles=(style,), output=ticket.folder / f"{number}.png")
        made.append(_run(job, one.read(job), params, _counting(ticket, number, start)).image)
        drawn = _laid_out(made, ["photograph", *(style.stem for style in styles)])
        images.save(drawn, ticket.output)
        ticket.change(result=ticket.output)
        ticket.show(drawn)
    return f"finished in {time.monotonic() - start:.0f} s"


def _counting(ticket: Ticket, number: int, start: float) -> Watch:
    """Return a function that passes the steps of one style of a sheet on, and notes how much of the sheet is done."""
    count = len(ticket.order.styles)

    def watch(steps: Iterator[Step]) -> Iterator[Step]:
        for step in steps:
            yield step
            if ticket.is_stopping:
                raise KeyboardInterrupt
            done = number - 1 + step.done / step.work
            left = (time.monotonic() - start) * (count - done) / done
            ticket.change(fraction=done / count, seconds_left=left)

    return watch


def _laid_out(made: list[AnyPicture | None], captions: list[str]) -> AnyPicture:
    """Lay out the pictures so far in lines."""
    lines = [made[at : at + COLUMNS] for at in range(0, len(made), COLUMNS)]
    words = [captions[at : min(at + COLUMNS, len(made))] for at in range(0, len(made), COLUMNS)]
    return sheet.lay_out(lines, captions=words, cell=CELL)


def _tell(ticket: Ticket, step: Step, clock: Clock, writer: Writer) -> None:
    """Note the progress of a step."""
    width, height = step.size
    left = clock.left(scale=step.scale, pixels=width * height, done=step.done, work=step.work)
    ticket.change(
        losses=[*ticket.losses, step.losses.total],
        fraction=step.done / step.work,
        seconds_left=left,
        sentence=f"step {step.iteration} of {step.iterations}, {width} x {height} pixels",
        save=partial(_save, writer, step, ticket),
    )


def _save(writer: Writer, step: Step, ticket: Ticket) -> Saved:
    """Write the picture of a step beside the place of the finished one."""
    writer.write_picture(step)
    return Saved(ticket.folder / "early" / ticket.output.name, f"step {step.iteration} of {step.iterations}")
