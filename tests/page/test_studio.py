"""The studio: a queue, pictures that grow, stop, sheets, failures that harm nobody else."""

from __future__ import annotations

import errno
import io
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from myvgg import images
from myvgg.nst.settings import Layers
from myvgg.page import limits, making, screen, studio
from myvgg.page.orders import Clock, Order, Saved, Ticket, in_line
from myvgg.page.studio import Studio
from myvgg.params import Params
from myvgg.runs import job as one
from myvgg.runs import record
from myvgg.runs.writing import Writer
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
def atelier(tmp_path: Path, tiny_params: Params, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """A studio with the weights of the tiny network, which takes long runs."""
    monkeypatch.setitem(limits.LARGEST, "iterations", LONG.iterations)
    folder = tmp_path / "orders"
    folder.mkdir()
    opened = Studio(folder, lambda: tiny_params)
    yield opened
    opened.close()


def take(atelier: Studio, order: Order) -> Ticket:
    """Take an order and return its ticket."""
    with atelier.new_folder() as folder:
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


def test_stop_is_quick_and_is_the_only_end(atelier: Studio, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a step takes long, a stop gives the picture before it at once, and nothing of the worker's changes it."""
    go_on, in_step = threading.Event(), threading.Event()
    tell = making._tell

    def tell_and_wait(ticket: Ticket, *others: object) -> None:
        tell(ticket, *others)  # type: ignore[arg-type]
        in_step.set()
        assert go_on.wait(MAX_SECONDS)

    monkeypatch.setattr(making, "_tell", tell_and_wait)
    ticket = take(atelier, order)
    assert in_step.wait(MAX_SECONDS)
    start = time.monotonic()
    atelier.stop(ticket.folder.name)
    assert time.monotonic() - start < 1
    assert (ticket.state, ticket.sentence) == ("stopped", "stopped at step 1 of 2")
    assert ticket.result
    before, bytes_before = shown_of(ticket), ticket.result.read_bytes()
    go_on.set()
    following = take(atelier, order)
    wait(lambda: following.is_over)
    assert shown_of(ticket) == before
    assert ticket.result.read_bytes() == bytes_before


def shown_of(ticket: Ticket) -> tuple[object, ...]:
    """Return all that the page shows of an order."""
    return ticket.state, ticket.sentence, ticket.result, ticket.frames, ticket.fraction, len(ticket.losses)


def test_a_finished_picture_stays(atelier: Studio, order: Order) -> None:
    """A stop that writes its picture while the run ends changes nothing of the finished one."""
    with atelier.new_folder() as folder:
        ticket = Ticket(order, folder, state="running")

    def save() -> Saved:
        assert ticket.change(state="finished", result=ticket.output, sentence="finished in 1 s")
        return Saved(folder / "early.png", "step 1 of 2")

    ticket.change(save=save)
    atelier._tickets[folder.name] = ticket
    atelier.stop(folder.name)
    assert (ticket.state, ticket.result, ticket.sentence) == ("finished", ticket.output, "finished in 1 s")
    assert ticket.save is None


def test_an_order_that_is_asked_to_end_ends(atelier: Studio, order: Order) -> None:
    """Whoever asks, a run that sees it is over, with its picture, and the next one is begun."""
    ticket = take(atelier, replace(order, settings=LONG))
    wait(lambda: ticket.frames > 0)
    ticket.change(is_stopping=True)
    wait(lambda: ticket.is_over)
    assert ticket.state == "stopped"
    assert ticket.result == ticket.output
    assert images.load(ticket.output).shape == (20, 24, 3)


def test_a_full_disk_does_not_break_stop(atelier: Studio, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no picture can be written, a stop ends the order all the same, the words have no path, and close ends."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(atelier.folder / "stylized.png"))

    ticket = take(atelier, replace(order, settings=LONG))
    wait(lambda: ticket.frames > 0)
    monkeypatch.setattr(Writer, "_save", fail)
    atelier.stop(ticket.folder.name)
    wait(lambda: ticket.is_over)
    assert (ticket.state, ticket.result) == ("stopped", None)
    assert ticket.sentence == "stylized.png: No space left on device"
    following = take(atelier, replace(order, settings=LONG))
    wait(lambda: following.frames > 0)
    atelier.close()
    assert not atelier._worker.is_alive()
    assert following.state == "stopped"


def test_a_failed_run_leaves_its_picture(atelier: Studio, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best picture of a run that fails is its result, and the sentence has names without folders."""

    def fail(ticket: Ticket, *_: object) -> None:
        raise FloatingPointError(f"{ticket.folder}/a.png: the loss is not finite")

    monkeypatch.setattr(making, "_tell", fail)
    ticket = take(atelier, order)
    wait(lambda: ticket.is_over)
    assert ticket.state == "failed"
    assert ticket.sentence.startswith("a.png: the loss is not finite; stylized.png has the picture so far")
    assert "/" not in ticket.sentence
    assert ticket.result
    assert images.load(ticket.result).shape == (20, 24, 3)


def test_refused_orders_leave_nothing(atelier: Studio, order: Order, tmp_path: Path) -> None:
    """An order that is not taken has no folder afterwards."""
    (tmp_path / "c.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"^c\.png: "):
        take(atelier, order)
    assert [*atelier.folder.iterdir()] == []


def test_the_oldest_orders_are_dropped(atelier: Studio, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of orders, the oldest that are over go, with their files; those that are not over stay."""
    monkeypatch.setattr(studio, "MAX_KEPT", 2)
    running = take(atelier, replace(order, settings=LONG))
    cancelled = [take(atelier, order) for _ in range(1)]
    atelier.stop(cancelled[0].folder.name)
    last = [take(atelier, order) for _ in range(2)]
    assert atelier.find(cancelled[0].folder.name) is None
    assert not cancelled[0].folder.exists()
    assert all(atelier.find(each.folder.name) is each and each.folder.is_dir() for each in (running, *last))


def test_orders_are_taken_without_decoding(atelier: Studio, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of requests read beginnings of pictures only; all orders of many threads are counted."""
    monkeypatch.setattr(studio, "MAX_WAITING", 3)
    monkeypatch.setattr(making, "draw_picture", lambda ticket, _: wait(lambda: ticket.is_stopping) or "done")
    monkeypatch.setattr(one, "read", None)
    first = take(atelier, order)
    wait(lambda: first.state == "running")
    refused: list[str] = []

    def try_it() -> None:
        try:
            take(atelier, order)
        except ValueError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["3 pictures are waiting: try again later"] * 5


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"iterations": 1001}, "the page takes iterations up to 1000, not 1001"),
        ({"history": 101}, "the page takes history up to 100, not 101"),
        ({"size": "3000x2000"}, "size 3000x2000 gives 3000 x 2000 pixels, and the page makes up to 4194304"),
        ({"style_size": 5000}, "style_size 5000 gives 5000 x 4167 pixels"),
    ],
    ids=str,
)
def test_orders_have_limits(order: Order, changes: dict[str, object], problem: str) -> None:
    """Settings of a dropped picture may hold anything; the page does not make everything."""
    limits.check_order(order)
    with pytest.raises(ValueError, match=problem):
        limits.check_order(replace(order, settings=order.settings.with_values(changes)))


def test_large_style_pictures_are_reduced(order: Order, tmp_path: Path) -> None:
    """A style picture of many pixels is taken, and its size in a run is that of the result unless it is scaled up."""
    large = tmp_path / "large.png"
    Image.new("RGB", (3000, 3000)).save(large)
    wide = replace(order, styles=(large,), settings=replace(QUICK, size=1024, style_scale=2.0))
    limits.check_order(wide)
    with pytest.raises(ValueError, match=r"style_scale 50\.0 gives 3000 x 3000 pixels"):
        limits.check_order(replace(wide, settings=replace(wide.settings, style_scale=50.0)))


def test_styles_have_a_limit(order: Order) -> None:
    """An order has up to twelve styles."""
    with pytest.raises(ValueError, match="up to 12 styles, not 13"):
        limits.check_order(replace(order, styles=order.styles * 13))


@pytest.mark.parametrize("is_sheet", [True, False])
def test_shares_of_another_number_of_styles_are_left_out(
    is_sheet: bool, atelier: Studio, order: Order, tmp_path: Path
) -> None:
    """Settings of a picture of three styles serve two styles, in one picture and on a sheet."""
    styles = tuple(save(tmp_path / f"{number}.png", seed=number) for number in range(2))
    blend = replace(QUICK, style_blend=(0.2, 0.3, 0.5))
    ticket = take(atelier, replace(order, styles=styles, settings=blend, is_sheet=is_sheet))
    wait(lambda: ticket.is_over)
    assert ticket.state == "finished", ticket.sentence


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
    failing = take(atelier, replace(order, settings=replace(QUICK, style_size=8, style_layers=Layers("relu5_1"))))
    following = take(atelier, order)
    wait(lambda: failing.is_over and following.is_over)
    assert failing.state == "failed"
    assert failing.sentence
    assert "\n" not in failing.sentence
    assert following.state == "finished"


def test_wrong_orders_are_refused_at_once(atelier: Studio, order: Order, tmp_path: Path) -> None:
    """A picture too narrow for the layers, or a file that is no picture, is an error before the order waits."""
    with pytest.raises(ValueError, match="the content picture is too narrow: 8 x 7 pixels at this size"):
        take(atelier, replace(order, settings=replace(QUICK, size=8, style_layers=Layers("relu5_1"))))
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


def test_a_sheet_that_is_asked_to_end_ends(atelier: Studio, order: Order, tmp_path: Path) -> None:
    """The run of a style that sees it is over, with its picture and without a checkpoint that nobody goes on with."""
    styles = tuple(save(tmp_path / f"{number}.png", seed=number) for number in range(2))
    ticket = take(atelier, replace(order, styles=styles, is_sheet=True, settings=LONG))
    wait(lambda: ticket.fraction > 0)
    ticket.change(is_stopping=True)
    wait(lambda: ticket.is_over)
    assert ticket.state == "stopped"
    assert sorted(path.name for path in ticket.folder.glob("1.*")) == ["1.png", "1.png.toml"]


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
