"""Progress on a terminal and in a log."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from myvgg.runs.progress import say, shown
from myvgg.runtime.bars import bar


def steps(count: int) -> list[Any]:
    """Steps of two scales, whose second one has four times as many pixels."""
    losses = SimpleNamespace(content=1.0, style=2.0, total=3.0)
    made, done = [], 0
    for scale, side in ((1, 10), (2, 20)):
        for number in range(count):
            done += side**2
            at = {"scale": scale, "scales": 2, "iteration": number + 1 + count * (scale - 1), "iterations": 2 * count}
            made.append(SimpleNamespace(**at, size=(side, side), done=done, work=count * 500, losses=losses))
    return made


def test_a_log_has_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal there are whole lines: one a scale, and one at the end; notes stand between them."""
    for step in shown(iter(steps(50))):
        if step.iteration == 70:
            say("a note")
    printed = capsys.readouterr().err
    assert "\r" not in printed
    first, note, last = printed.splitlines()
    assert first.startswith("scale 2/2 step 51/100")
    assert note == "a note"
    assert last.startswith("scale 2/2 step 100/100")
    assert len(last) <= 80


def test_nothing_done_is_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A log has no line about no progress."""
    with bar(total=3):
        pass
    assert capsys.readouterr().err == ""


def test_the_first_step_is_no_measure(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal, the time left is unknown after the first step, which makes the graphs, and known at the end."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for step in shown(iter(steps(3))):
        if step.iteration == 2:
            assert "<?" in capsys.readouterr().err.split("\r")[-1]
    assert "<00:00" in capsys.readouterr().err.split("\r")[-1]
