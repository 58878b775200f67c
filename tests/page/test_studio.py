"""The studio: a queue, pictures that grow, stop, sheets, failures that harm nobody else."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from myvgg import images
from myvgg.nst.settings import Layers
from myvgg.page import screen, studio
from myvgg.page.orders import Clock, Order, Ticket, in_line
from myvgg.page.studio import Studio
from myvgg.params import Params
from myvgg.runs import record
from tests.runs.small import QUICK, save

pytestmark = pytest.mark.slow

LONG = replace(QUICK, iterations=10_000)
"""Settings of a run that does not end by itself."""

MAX_SECONDS = 120
"""Time after which a test gives up."""


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """A small order."""
    return Order(content=save(tmp_path / "c.png"), styles=(save(tmp_path / "s.png", seed=1),), settings=QUICK)


@pytest.fixture
def atelier(tmp_path: Path, tiny_params: Params) -> Iterator[Studio]:
    """A studio with the weights of the tiny network."""
    folder = tmp_path / "orders"
    folder.mkdir()
    opened = Studio(folder, lambda: tiny_params)
    yield opened
    opened.close()


def take(atelier: Studio, order: Order) -> Ticket:
    """Take an order and return its ticket."""
    folder = atelier.new_folder()
    atelier.take(order, folder)
    ticket = atelier.find(folder.name)
    assert ticket
    return ticket


def wait(until: Callable[[], bool]) -> None:
    """Wait until something is true."""
    end = time.monotonic() + MAX_SECONDS
    while not until():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_picture_is_made(atelier: Studio, order: Order) -> None:
    """The picture grows, ends with its settings inside, and the ticket tells the losses of every step."""
    ticket = take(atelier, order)
    wait(lambda: ticket.is_over)
    assert (ticket.state, ticket.fraction) == ("finished", 1.0)
    assert len(ticket.losses) == QUICK.iterations
    assert ticket.result
    assert record.read_record(ticket.result)["run"]["finished"]
    with Image.open(io.BytesIO(ticket.frame)) as frame:
        assert frame.size == (24, 20)
    assert not [*ticket.folder.glob("*.checkpoint")]


def test_stop_keeps_the_picture(atelier: Studio, order: Order) -> None:
    """A run that is stopped has a picture at once, with its settings inside, and the next order is begun."""
    ticket, following = take(atelier, replace(order, settings=LONG)), take(atelier, order)
    wait(lambda: ticket.frames > 1)
    atelier.stop(ticket.folder.name)
    assert ticket.state == "stopped"
    assert ticket.sentence.startswith("stopped at step ")
    assert ticket.result
    assert not record.read_record(ticket.result)["run"]["finished"]
    assert images.load(ticket.result).shape == (20, 24, 3)
    wait(lambda: following.is_over)
    assert following.state == "finished"
    assert ticket.state == "stopped"


def test_orders_wait_in_a_line_and_can_be_cancelled(atelier: Studio, order: Order) -> None:
    """Each waiting order knows how many come before it; a cancelled one is never begun and makes room."""
    tickets = [take(atelier, replace(order, settings=LONG)) for _ in range(3)]
    wait(lambda: tickets[0].state == "running")
    names = [ticket.folder.name for ticket in tickets]
    assert in_line(tickets, tickets[2]) == 2
    found = atelier.find(names[2])
    assert found
    assert found.sentence == "waiting, 2 before this one"
    atelier.stop(names[1])
    assert (tickets[1].state, tickets[1].result) == ("stopped", None)
    atelier.find(names[2])
    assert tickets[2].sentence == "waiting, 1 before this one"
    atelier.stop(names[0])
    wait(lambda: tickets[2].state == "running")
    assert tickets[1].frames == 0


def test_too_many_orders_are_refused(atelier: Studio, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line has an end."""
    monkeypatch.setattr(studio, "MAX_WAITING", 1)
    running = take(atelier, replace(order, settings=LONG))
    wait(lambda: running.state == "running")
    take(atelier, order)
    with pytest.raises(ValueError, match="1 pictures are waiting: try again later"):
        take(atelier, order)


def test_a_failure_harms_no_other_order(atelier: Studio, order: Order) -> None:
    """An order that fails says why in one line, and the next one is made."""
    failing = take(atelier, replace(order, settings=replace(QUICK, size=8, style_layers=Layers("relu5_1"))))
    following = take(atelier, order)
    wait(lambda: failing.is_over and following.is_over)
    assert failing.state == "failed"
    assert failing.sentence
    assert "\n" not in failing.sentence
    assert following.state == "finished"


def test_wrong_orders_are_refused_at_once(atelier: Studio, order: Order, tmp_path: Path) -> None:
    """A file that is no picture is an error before the order waits."""
    (tmp_path / "c.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"c\.png: "):
        take(atelier, order)


def test_an_unknown_order_is_none(atelier: Studio) -> None:
    """A name that somebody has made up finds nothing, and stops nothing."""
    assert atelier.find("../../etc/passwd") is None
    atelier.stop("../../etc/passwd")


def test_a_sheet_shows_each_style(atelier: Studio, order: Order, tmp_path: Path) -> None:
    """The sheet has the photograph and a picture for each style, and grows with them."""
    styles = tuple(save(tmp_path / f"{number}.png", seed=number) for number in range(4))
    ticket = take(atelier, replace(order, styles=styles, is_sheet=True))
    wait(lambda: ticket.is_over)
    assert ticket.state == "finished", ticket.sentence
    assert ticket.frames == 4
    assert len([*ticket.folder.glob("[1-4].png")]) == 4
    assert ticket.result
    height, width, _ = images.load(ticket.result).shape
    assert width > 4 * 200 > height


def test_missing_weights_are_told_by_each_order(order: Order, tmp_path: Path) -> None:
    """A studio whose weights cannot be read goes on and says so."""

    def fail() -> Params:
        raise ValueError("there are no weights")

    (tmp_path / "orders").mkdir()
    opened = Studio(tmp_path / "orders", fail)
    tickets = [take(opened, order) for _ in range(2)]
    wait(lambda: all(ticket.is_over for ticket in tickets))
    assert [(ticket.state, ticket.sentence) for ticket in tickets] == [("failed", "there are no weights")] * 2
    opened.close()


def test_the_clock_leaves_out_the_first_step_of_a_scale() -> None:
    """Time left is that of the steps whose graph was there; four times the pixels take four times as long."""
    clock = Clock(now=0.0)
    assert clock.left(scale=1, pixels=10, done=10, work=60, now=9.0) is None
    assert clock.left(scale=1, pixels=10, done=20, work=60, now=10.0) == pytest.approx(4.0)
    assert clock.left(scale=2, pixels=40, done=60, work=60, now=90.0) == 0.0


def test_the_screen_shows_the_ticket(order: Order, tmp_path: Path) -> None:
    """The HTML has the picture, the sentence, the time left and a curve; names of files cannot become HTML."""
    ticket = Ticket(order, tmp_path, state="running", sentence="<script>", losses=[3.0, 2.0, float("nan"), 1.0])
    ticket.show(np.full((4, 4, 3), 300.0, np.float32))
    ticket.fraction, ticket.seconds_left = 0.25, 200.0
    drawn = screen.drawn(ticket)
    assert "<script>" not in drawn
    assert "&lt;script&gt;, 3 min left" in drawn
    assert 'src="data:image/jpeg;base64,' in drawn
    assert 'value="25"' in drawn
    assert 'points="0.0,0.0 160.0,23.6 320.0,64.0"' in drawn
    assert screen.curve([1.0]) == ""
    assert "The result will appear here." in screen.drawn(None)
