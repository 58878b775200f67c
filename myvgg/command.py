"""What the command lines share: errors become one line on stderr and an exit code."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OWN = "myvgg."
"""Begins the names of the modules whose warnings are for users."""


class UsageError(ValueError):
    """Arguments that do not go together."""


def run(program: str, main: Callable[[], None]) -> int:
    """Run a command line and return its exit code.

    Args:
        program: Name put before an error.
        main: Raises ValueError, OSError or ArithmeticError when something cannot be done.

    Returns:
        0, or 2 for wrong usage, 1 for a failed run, 130 after Ctrl-C or a request to terminate.
    """
    if sys.stderr is None:  # closed by the caller; what is opened next would take its number
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # for the rest of the process
    try:
        keep_memory()
        run_in_order()
        with _terminable(), _warnings_in_one_line(program):
            main()
    except UsageError as error:
        return _say(program, f"{error} (see --help)", 2)
    except KeyboardInterrupt as interrupt:
        return _say(program, f"interrupted{': ' if interrupt.args else ''}{' '.join(interrupt.args)}", 130)
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _say(program, f"{place}{error.strerror or error}", 1)
    except MemoryError as error:
        return _say(program, str(error) or "not enough memory", 1)
    except (ValueError, ArithmeticError) as error:
        return _say(program, str(error), 1)
    return 0


def keep_memory() -> None:
    """Let this process keep memory that it frees, where the C library is glibc; elsewhere nothing happens.

    Large tensors would otherwise be given back to the system and be mapped anew, page by page, at every step.
    """
    arenas, mappings, trim = -8, -4, -1  # M_ARENA_MAX, M_MMAP_MAX, M_TRIM_THRESHOLD of <malloc.h>
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        for option, value in ((arenas, 1), (mappings, 0), (trim, 2**31 - 1)):
            mallopt(option, value)


def run_in_order() -> None:
    """Let TensorFlow, if it has not begun, run one operation after the other, each on all cores.

    It is as fast for networks, takes less memory, and is needed for results to be equal bit for bit: which of three
    gradients are added first depends on which happens to be there already, and so does how their sum is rounded.
    """
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")


@contextmanager
def _warnings_in_one_line(program: str) -> Iterator[None]:
    """Show this package's own warnings as lines on stderr, and those of other packages as before."""

    def show(message: Warning | str, category: type[Warning], *others: Any, **options: Any) -> None:
        if category.__module__.startswith(OWN):
            _say(program, str(message), 0)
        else:
            shown_before(message, category, *others, **options)

    with warnings.catch_warnings():
        shown_before, warnings.showwarning = warnings.showwarning, show
        warnings.filterwarnings("default", category=UserWarning, module=OWN.replace(".", r"\."))
        yield


@contextmanager
def _terminable() -> Iterator[None]:
    """Let a request to terminate end a run as Ctrl-C does, with the same cleaning up."""
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def muted() -> Iterator[None]:
    """Silence stderr while TensorFlow is imported, which greets there.

    For command lines only: it closes the stream of the whole process, and leaves `TF_CPP_MIN_LOG_LEVEL` set.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stderr = os.dup(2)
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _say(program: str, message: str, code: int) -> int:
    print(f"{program}: {message}", file=sys.stderr)  # noqa: T201
    return code
