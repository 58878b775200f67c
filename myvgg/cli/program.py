"""A run of a command: errors become one line on stderr and an exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from myvgg.runtime.errors import UsageError, one_line
from myvgg.runtime.process import configure

Record = TypeVar("Record")

OWN = "myvgg."
"""Beginning of the names of this package's modules; their warnings are for users."""

IGNORED = 2
"""Number of the interruption that is ignored: whoever presses Ctrl-C twice wants the end, and the files whole."""


def run(program: str, main: Callable[[], None], *, memory_kept: bool = True) -> int:
    """Run a command and return its exit code.

    Args:
        program: Name that stands before an error.
        main: The work; it raises UsageError, or ValueError, OSError or ArithmeticError for all other failures.
        memory_kept: Keep freed memory, see `configure`.

    Returns:
        0, or 2 for wrong usage, 1 for a failed run, 130 after Ctrl-C or a request to terminate.
    """
    if sys.stderr is None:  # closed by the caller; the next file that is opened would take its number
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # for the rest of the process
    try:
        configure(memory_kept=memory_kept)
        with _interruptible(), _warnings_in_one_line(program):
            _flushed(main)
    except SystemExit as end:  # argparse has printed the help
        return int(end.code or 0)
    except UsageError as error:
        return _say(program, f"{error} (see --help)", 2)
    except KeyboardInterrupt as interrupt:
        return _say(program, f"interrupted{': ' if interrupt.args else ''}{' '.join(interrupt.args)}", 130)
    except BrokenPipeError:  # the reader of the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _say(program, one_line(f"{place}{error.strerror or error}"), 1)
    except MemoryError as error:
        return _say(program, str(error) or "not enough memory", 1)
    except (ValueError, ArithmeticError) as error:
        return _say(program, str(error), 1)
    except Exception as error:
        if not any(kind.__module__.startswith("tensorflow.") for kind in type(error).__mro__):
            raise
        return _say(program, f"TensorFlow failed: {' '.join(str(error).split())}", 1)
    return 0


def _flushed(main: Callable[[], None]) -> None:
    """Do the work with a standard output that takes any name, and write it out, so that a closed pipe is met here."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        main()
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


def command(
    name: str, parse: Callable[..., Record], work: Callable[[Record], None], *, memory_kept: bool = True
) -> Callable[..., int]:
    """Make the `main` function of a command, which returns its exit code.

    Args:
        name: Name of the command, such as `myvgg style`.
        parse: Reads the words of the command into its record; called with the words and `program`.
        work: Does its work; see `run` for its errors.
        memory_kept: Keep freed memory, see `configure`.
    """

    def main(argv: Sequence[str] | None = None, *, program: str = name) -> int:
        """Run the command and return its exit code.

        Args:
            argv: Words after the command's name; by default those of this process.
            program: Name of the program, for errors and the help.
        """
        words = sys.argv[1:] if argv is None else argv
        return run(program, lambda: work(parse(words, program=program)), memory_kept=memory_kept)

    return main


@contextmanager
def _warnings_in_one_line(program: str) -> Iterator[None]:
    """Print the warnings of this package as lines on stderr, and those of other packages as before."""

    def show(message: Warning | str, category: type[Warning], *others: Any, **options: Any) -> None:
        if category.__module__.startswith(OWN):
            _say(program, str(message), 0)
        else:
            shown_before(message, category, *others, **options)

    with warnings.catch_warnings():
        shown_before, warnings.showwarning = warnings.showwarning, show
        warnings.filterwarnings("default", category=UserWarning)
        yield


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C or a request to terminate end a run, which then writes what it has; a second one changes nothing.

    A third one ends the writing. After an interruption, Ctrl-C stays ignored while the process ends.
    """
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return
    received: list[int] = []

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        if len(received) != IGNORED:
            raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if before[signal.SIGINT] is not signal.SIG_IGN:  # as it is for the background jobs of a shell
        signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN if received else before[signal.SIGINT])
        signal.signal(signal.SIGTERM, before[signal.SIGTERM])


@contextmanager
def muted() -> Iterator[None]:
    """Silence stderr while TensorFlow is imported, because TensorFlow prints a greeting there.

    For command lines only: the stream of the whole process is closed, and `TF_CPP_MIN_LOG_LEVEL` stays set.
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


def start_tensorflow() -> None:
    """Import TensorFlow and look for GPUs, without the messages of its start."""
    with muted():
        import tensorflow as tf

        tf.config.list_physical_devices()


def _say(program: str, message: str, code: int) -> int:
    print(f"{program}: {message}", file=sys.stderr)
    return code
