"""Two ways of doing the same thing, timed in turns, because a shared machine is faster now than a minute later."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).parents[1]
"""The checkout, from where commands run."""

Task = Callable[[], Any]


@dataclass(frozen=True)
class Result:
    """One figure.

    Attributes:
        what: What was measured.
        rival: What it was measured beside.
        ours: In seconds, bytes or per cent.
        theirs: The rival's, in the same unit.
        unit: Of both.
        ratio: How many times as fast as the rival, or how many times its bytes.
        to_reach: What the figure is meant to be, in words; empty for one that is only told.
        reached: Whether it is.
        pixels: Of the picture, where the figure is a point of a curve.
    """

    what: str
    rival: str
    ours: float
    theirs: float
    unit: Literal["s", "bytes", "%"]
    ratio: float
    to_reach: str = ""
    reached: bool = True
    pixels: int = 0

    def at_least(self, ratio: float) -> Result:
        """Return the figure with the ratio that it is meant to reach."""
        return replace(self, to_reach=f"at least {ratio:g} times", reached=self.ratio >= ratio)

    def below(self, ratio: float) -> Result:
        """Return the figure with the ratio that it is meant to stay below."""
        return replace(self, to_reach=f"below {ratio:g} times", reached=self.ratio < ratio)

    def within(self, seconds: float) -> Result:
        """Return the figure with the time that it is meant to stay within."""
        return replace(self, to_reach=f"within {seconds:g} s", reached=self.ours < seconds)


def compare(what: str, rival: str, ours: Task, theirs: Task, *, rounds: int) -> Result:
    """Time two tasks in turns.

    Args:
        what: What `ours` does.
        rival: What `theirs` is.
        ours: Called once to warm up, then once a round.
        theirs: The same.
        rounds: Every other one begins with the rival.

    Returns:
        The medians, and the median of the rounds' ratios, which slow phases of the machine hardly touch.
    """
    for task in (ours, theirs):
        task()
    times = [_round(ours, theirs, rival_first=bool(index % 2)) for index in range(rounds)]
    our_time, their_time = (statistics.median(side) for side in zip(*times, strict=True))
    ratio = statistics.median(their / our for our, their in times)
    return Result(what, rival, our_time, their_time, "s", ratio)


def run_command(arguments: Sequence[str], *, variables: Mapping[str, str] | None = None) -> str:
    """Run a command in the checkout, with some environment variables set, and return what it printed."""
    environment = {**os.environ, **(variables or {})}
    done = subprocess.run(  # noqa: S603, our own
        arguments, cwd=ROOT, check=True, capture_output=True, text=True, env=environment
    )
    return done.stdout


def peak() -> int:
    """Return the most bytes that this process has had in memory; `getrusage` would begin with its parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _round(ours: Task, theirs: Task, *, rival_first: bool) -> tuple[float, float]:
    if rival_first:
        their_time = _seconds(theirs)
        return _seconds(ours), their_time
    return _seconds(ours), _seconds(theirs)


def _seconds(task: Task) -> float:
    start = time.perf_counter()
    result = task()
    seconds = time.perf_counter() - start
    del result  # freed when the clock has stopped
    return seconds
