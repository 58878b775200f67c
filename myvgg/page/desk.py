"""The functions of the page's events. Errors become messages on the page, without paths of the machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from myvgg.images import ImageError
from myvgg.page import painting, screen
from myvgg.page.controls import OF_A_PICTURE, Controls, brought_by, settings_of
from myvgg.page.limits import check_picture
from myvgg.page.orders import Order, Ticket
from myvgg.page.sentences import sentence_of
from myvgg.page.studio import Studio

NEVER = (0, 0)
"""What a tab has seen before its first look."""


class Desk:
    """Takes the orders of all tabs, and tells each tab about its own."""

    def __init__(self, studio: Studio, styles: Sequence[str]) -> None:
        """Open the desk.

        Args:
            studio: The studio that makes the pictures.
            styles: Style pictures for a sheet where fewer than two are chosen.
        """
        self._studio, self._styles = studio, list(styles)

    def start(
        self, orders: str, brought: Any, content: Any, styles: Any, paint: Any, *controls: Any
    ) -> tuple[Any, ...]:
        """Take an order of one picture."""
        return self._take(orders, brought, content, [path for path, _ in styles or ()], paint, controls, is_sheet=False)

    def start_sheet(
        self, orders: str, brought: Any, content: Any, styles: Any, _: Any, *controls: Any
    ) -> tuple[Any, ...]:
        """Take an order of a sheet: of the chosen styles, or of all examples if fewer than two are chosen."""
        chosen = [path for path, _ in styles or ()]
        chosen = chosen if len(chosen) > 1 else self._styles
        return self._take(orders, brought, content, chosen, (), controls, is_sheet=True)

    def _take(
        self, orders: str, brought: Any, content: Any, styles: list[str], paint: Any, controls: Any, *, is_sheet: bool
    ) -> tuple[Any, ...]:
        if missing := [name for name, given in (("photograph", content), ("style", styles)) if not given]:
            raise _told(f"choose a {' and a '.join(missing)} first")
        try:
            settings = settings_of(Controls(*controls), brought)
            for path in (content, *styles):
                check_picture(path)
            with self._studio.new_folder() as folder:
                masks, keep = _masks(paint, len(styles), folder)
                order = Order(
                    content=_copied(content, folder / "photograph"),
                    styles=tuple(_copied(path, folder / f"style{number}") for number, path in enumerate(styles, 1)),
                    settings=settings,
                    masks=masks,
                    keep=keep,
                    is_sheet=is_sheet,
                )
                self._studio.take(order, folder)
        except (ValueError, OSError, MemoryError) as error:
            raise _told(sentence_of(error)) from error
        kept = [ticket.folder.name for ticket in self._tickets(orders)]
        return " ".join([*kept, folder.name]), gr.Timer(active=True)

    def look(self, orders: str, said: tuple[int, int]) -> tuple[Any, ...]:
        """Return what has changed since the last look: screen, clock, download, results, and what the tab has seen."""
        tickets = self._tickets(orders)
        ticket = _current(tickets)
        if ticket is None:
            return screen.drawn(None), gr.Timer(active=False), gr.skip(), gr.skip(), NEVER
        over = [each for each in tickets if each.is_over]
        shown = hash((ticket.folder, ticket.frames, ticket.sentence, ticket.state))
        seen = shown, hash(tuple(each.folder for each in over))
        if seen == said:
            return (gr.skip(),) * 5
        download, made = gr.skip(), gr.skip()
        if seen[1] != said[1]:
            made = [(str(each.result), _caption(each.order)) for each in over if each.result]
            latest = made[-1][0] if made else None
            download = str(ticket.result) if ticket.is_over and ticket.result else latest
        return screen.drawn(ticket), gr.Timer(active=not ticket.is_over), download, made, seen

    def look_again(self, orders: str) -> tuple[Any, ...]:
        """Return all there is, after the page was loaded."""
        return self.look(orders, NEVER)

    def stop(self, orders: str) -> tuple[Any, ...]:
        """End the order of the tab that is being made, or else its first one that waits."""
        ticket = _current(self._tickets(orders))
        if ticket is not None:
            self._studio.stop(ticket.folder.name)
        return self.look(orders, NEVER)

    def bring(self, file: str | None) -> list[Any]:
        """Read the settings of a picture into the controls."""
        if file is None:
            return [gr.skip()] * 6
        try:
            table, controls = brought_by(file)
        except (ValueError, OSError) as error:
            raise _told(sentence_of(error)) from error
        gr.Info(f"the settings of {Path(file).name} are chosen as the preset “{OF_A_PICTURE}”")
        return [table, *controls]

    def check(self, path: str | None) -> Any:
        """Refuse a file that is no picture, and empty its place."""
        good = self.check_all([(path, None)] if path else [])
        return good[0][0] if good else None

    def check_all(self, listed: list[tuple[str, Any]] | None) -> Any:
        """Leave out the files that are no pictures, and say why."""
        good = []
        for path, caption in listed or ():
            try:
                check_picture(path)
                good.append((path, caption))
            except ImageError as error:
                gr.Warning(str(error))
        return good

    def _tickets(self, orders: str) -> list[Ticket]:
        """Return the orders of a tab that are still kept, in their order."""
        return [ticket for name in orders.split() if (ticket := self._studio.find(name))]


def _current(tickets: Sequence[Ticket]) -> Ticket | None:
    """Return the first order that is not over, or else the latest one."""
    return next((ticket for ticket in tickets if not ticket.is_over), tickets[-1] if tickets else None)


def _caption(order: Order) -> str:
    """Name the pictures of an order, and the size."""
    styles = " and ".join(style.stem for style in order.styles)
    return f"{order.content.stem} with {styles}, size {order.settings.size}"


def _told(sentence: str) -> gr.Error:
    """Return an error that is shown on the page, and not in the terminal as well."""
    return gr.Error(sentence, print_exception=False)


def _masks(paint: Sequence[Any] | None, styles: int, folder: Path) -> tuple[tuple[Path, ...], Path | None]:
    """Write the masks of a painting, and return their files."""
    layers = [layer for layer in map(painting.read_layer, paint or ()) if np.any(layer[..., 3])]
    if not layers:
        return (), None
    masks = painting.masks_of(layers, styles)
    regions = tuple(painting.write(mask, folder / f"region{i}.png") for i, mask in enumerate(masks.regions, 1))
    return regions, None if masks.keep is None else painting.write(masks.keep, folder / "keep.png")


def _copied(path: str, folder: Path) -> Path:
    """Copy an uploaded file, with its name, into a folder of its order, where it stays as long as the order."""
    folder.mkdir()
    target = folder / os.path.basename(path)  # noqa: PTH119
    shutil.copyfile(path, target)
    return target
