"""The memory that a run may take, and the memory that its process holds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from myvgg.nst.settings import Settings

SHARE = 2 / 3
"""Part of the machine's memory that a run may take where the user sets no limit."""

TOLERANCE = 1.25
"""A process is short of memory when it holds this many times its limit."""

GROWTH = 1.05
"""A process reports a shortage again when it holds this many times the memory of its last report."""

ENOUGH = 200e6
"""Bytes of a plan, at least, for a comparison with the held memory to say something about the plan."""


def limit(settings: Settings, *, machine: float | None = None) -> float:
    """Return the bytes that a run may take: `max_memory`, or two thirds of the memory of the `machine`."""
    if settings.max_memory is not None:
        return 1e9 * settings.max_memory
    return SHARE * (machine_memory() if machine is None else machine)


def machine_memory() -> int:
    """Return the bytes of memory of this machine, or of the container that the process is in."""
    import psutil

    limits = [int(psutil.virtual_memory().total)]
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # elsewhere, or "max"
            limits.append(int(Path(path).read_text(encoding="ascii")))
    return min(limits)


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def peak() -> int:
    """Return the most bytes that this process has held, where Linux tells, or those that it holds now."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), resident())
    return resident()


class Watch:
    """Compares the memory of a process with its limit, from the beginning of a run.

    Part of a step's memory is freed before the next step. So the peak counts if it has grown since the beginning, and
    the present memory otherwise.
    """

    def __init__(
        self, settings: Settings, *, resident: Callable[[], int] = resident, peak: Callable[[], int] = peak
    ) -> None:
        self._resident, self._highest = resident, peak
        self._start, self._peak = resident(), peak()
        self._limit = max(TOLERANCE * limit(settings), GROWTH * self._start)

    def is_short(self) -> bool:
        """Return whether the process has grown beyond its limit, or further beyond it since this was true."""
        held = self._held()
        if held <= self._limit:
            return False
        self._limit = GROWTH * held
        return True

    def excess(self, planned: float) -> float:
        """Return how many times the bytes that were planned the run has taken; 1 where it says nothing.

        Args:
            planned: Bytes beyond those that the process held at the beginning.
        """
        excess = (self._held() - self._start) / planned if planned >= ENOUGH else 1.0
        return excess if excess > TOLERANCE else 1.0

    def _held(self) -> int:
        """Return the most that the run has held, unless the process has held more before it."""
        highest = self._highest()
        return highest if highest > self._peak else self._resident()
