"""What a tab is told about its orders, and what becomes of an order that cannot be taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio", reason="needs Gradio")
import gradio as gr

from myvgg.nst.settings import Settings
from myvgg.page import blocks, desk
from myvgg.page.controls import Controls
from myvgg.page.desk import NEVER, Desk
from myvgg.page.limits import check_order
from myvgg.page.orders import Order, Ticket
from myvgg.page.studio import Studio
from myvgg.params import Params
from tests.runs.small import QUICK, save

pytestmark = pytest.mark.slow


def fail() -> Params:
    """Stand for weights, which no test here needs."""
    raise ValueError("there are no weights")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """A studio without weights."""
    folder = tmp_path / "orders"
    folder.mkdir()
    opened = Studio(folder, fail)
    yield opened
    opened.close()


@pytest.fixture
def line(studio: Studio, tmp_path: Path) -> list[Ticket]:
    """Three orders of a tab: a finished one, a running one, a waiting one."""
    order = Order(content=tmp_path / "c.png", styles=(tmp_path / "s.png",), settings=QUICK)
    tickets = []
    for state in ("finished", "running", "waiting"):
        with studio.new_folder() as folder:
            tickets.append(Ticket(order, folder, state=state))  # type: ignore[arg-type]
        studio._tickets[folder.name] = tickets[-1]
    tickets[0].result, tickets[0].sentence = tickets[0].output, "finished in 1 s"
    return tickets


def names(tickets: list[Ticket]) -> str:
    """Return the orders of a tab as the tab keeps them."""
    return " ".join(ticket.folder.name for ticket in tickets)


def test_a_tab_sees_its_first_order_that_is_not_over(studio: Studio, line: list[Ticket]) -> None:
    """The screen shows the running order; results of others are there; in the end the latest order is shown."""
    told, orders = Desk(studio, []), names(line)
    view, timer, download, made, seen = told.look(orders, NEVER)
    assert 'class="screen running"' in view
    assert timer.active
    assert download == str(line[0].output)
    assert made == [(str(line[0].output), "c with s, size 24")]
    assert told.look(orders, seen) == (gr.skip(),) * 5
    line[1].change(state="stopped", result=line[1].output)
    view, timer, download, made, seen = told.look(orders, seen)
    assert 'class="screen waiting"' in view
    assert len(made) == 2
    line[2].change(state="failed", sentence="no", result=line[2].output)
    view, timer, download, made, _ = told.look(orders, seen)
    assert 'class="screen failed"' in view
    assert not timer.active
    assert (download, len(made)) == (str(line[2].output), 3)


def test_stop_ends_the_first_order_that_is_not_over(studio: Studio, line: list[Ticket]) -> None:
    """Each Stop ends one order, the running one first; the finished one stays."""
    told, orders = Desk(studio, []), names(line)
    told.stop(orders)
    assert [ticket.state for ticket in line] == ["finished", "stopped", "waiting"]
    told.stop(orders)
    told.stop(orders)
    assert [ticket.state for ticket in line] == ["finished", "stopped", "stopped"]


def test_orders_that_were_dropped_are_forgotten(studio: Studio, line: list[Ticket], tmp_path: Path) -> None:
    """A tab leaves out names that the page does not know any more."""
    told = Desk(studio, [])
    content, style = save(tmp_path / "a.png"), save(tmp_path / "b.png")
    orders, _ = told.start(f"gone {names(line)}", None, str(content), [(str(style), None)], [], *Controls())
    assert orders.split()[:-1] == names(line).split()
    assert "gone" not in orders


def order_of(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    """Return what the page sends for an order."""
    content, style = save(tmp_path / "a.png"), save(tmp_path / "b.png")
    return {"content": str(content), "styles": [(str(style), None)], "paint": [], "controls": Controls(), **changes}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"controls": Controls(size=1)}, "the size must be from 64 to 1024, not 1"),
        ({"paint": [b"no picture"]}, "the paint cannot be read: paint again"),
        ({"content": "/nowhere/c.png"}, "c.png: cannot be read: No such file or directory"),
        ({"styles": []}, "choose a style first"),
        ({"content": None, "styles": []}, "choose a photograph and a style first"),
    ],
    ids=["controls", "paint", "content", "styles", "nothing"],
)
def test_a_refused_start_leaves_no_folder(
    studio: Studio, tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    """What is wrong is told without a path, and nothing of the order stays."""
    given = order_of(tmp_path, **changes)
    with pytest.raises(gr.Error) as raised:
        Desk(studio, []).start("", None, given["content"], given["styles"], given["paint"], *given["controls"])
    assert raised.value.message == problem
    assert [*studio.folder.iterdir()] == []


def test_a_full_disk_is_told(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A photograph that cannot be copied is told by its name, and its folder is gone."""

    def full(_: str, target: Path) -> None:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(desk.shutil, "copyfile", full)
    given = order_of(tmp_path)
    with pytest.raises(gr.Error) as raised:
        Desk(studio, []).start("", None, given["content"], given["styles"], [], *given["controls"])
    assert raised.value.message == "a.png: No space left on device"
    assert [*studio.folder.iterdir()] == []


def test_only_layers_of_paint_are_handed_over() -> None:
    """The photograph below the paint is not opened; the bytes of the layers are taken out of Gradio's store."""
    from gradio.components.image_editor import EditorData, EditorDataBlobs

    editor = gr.ImageEditor()
    take = blocks._layers_of(editor)
    assert take(None) == []
    assert take(EditorData(layers=[{"path": "a.png"}], background={"path": "b.png"})) == ["a.png"]
    editor.blob_storage["x"] = EditorDataBlobs(background=b"b", layers=[None, b"a"], composite=None)
    assert take(EditorData(id="x")) == [b"a"]
    assert editor.blob_storage == {}
    assert take(EditorData(id="x")) == []


def test_the_default_settings_are_within_the_limits() -> None:
    """No preset asks for more than the page makes."""
    from myvgg.nst import presets
    from myvgg.page.limits import LARGEST

    for name in presets.names():
        for setting, largest in LARGEST.items():
            assert getattr(Settings.preset(name), setting) <= largest


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"last_pass": 10**9}, "the page takes last_pass up to 1000, not 1000000000"),
        ({"min_size": 1, "scale_ratio": 1.1, "step_growth": 0.1}, "the page makes up to 20000 steps, not "),
        ({"scales": 1, "iterations": 1000, "last_pass": 1000}, None),
    ],
    ids=str,
)
def test_settings_of_a_picture_bring_no_endless_run(
    changes: dict[str, Any], problem: str | None, tmp_path: Path
) -> None:
    """A dropped picture may bring any settings; steps count over all scales."""
    content, style = save(tmp_path / "a.png"), save(tmp_path / "b.png")
    order = Order(content=content, styles=(style,), settings=Settings(size=256, **changes))
    if problem is None:
        check_order(order)
    else:
        with pytest.raises(ValueError, match=problem):
            check_order(order)
