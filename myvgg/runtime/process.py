"""Settings of the process: the memory that it keeps, the order of operations, and interruptions that wait."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Handler = Callable[[int, FrameType | None], Any]
"""A function that Python calls with the number of a signal and the frame that was running."""


def configure(
    *, memory_kept: bool = True, in_order: bool = True, tf32: bool = False, threads: int | None = None
) -> None:
    """Set up this process for speed and for results that are equal bit for bit.

    The command lines call it. A notebook or a program calls it once, right after `import myvgg`, before TensorFlow
    computes anything. TensorFlow's log is left out, but for what it prints when it is imported; its errors are raised.

    Args:
        memory_kept: Keep freed memory for the next step, see `keep_memory`. It cannot be undone.
        in_order: Run one operation after the other, see `run_in_order`.
        tf32: Let GPUs round float32 products to TF32, which has 10 bits of mantissa.
        threads: Number of cores for each operation; None uses all.

    Raises:
        ValueError: A number of threads below 1.
        RuntimeError: A number of threads, after TensorFlow has computed something.

    Example:
        >>> import myvgg
        >>> myvgg.configure()
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    if memory_kept:
        keep_memory()
    if in_order:
        run_in_order()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if not tf32:
        os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")
    if threads is not None:
        import tensorflow as tf  # it greets when it is imported

        tf.config.threading.set_intra_op_parallelism_threads(threads)


def keep_memory() -> None:
    """Let this process keep the memory that it frees, if the C library is glibc; else nothing happens.

    Without it, large tensors are given back to the system, and are mapped again, page by page, at every step.
    """
    arenas, mappings, trim = -8, -4, -1  # M_ARENA_MAX, M_MMAP_MAX, M_TRIM_THRESHOLD of <malloc.h>
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        for option, value in ((arenas, 1), (mappings, 0), (trim, 2**31 - 1)):
            mallopt(option, value)


def run_in_order() -> None:
    """Let TensorFlow run one operation after the other, each on all cores, if it has not computed anything yet.

    Networks are as fast this way, and take less memory. It is needed for results that are equal bit for bit: operations
    side by side add gradients in the order in which they are ready, and the order changes how the sum is rounded.
    """
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Put off Ctrl-C and requests to terminate until the end of the block, or until `arrive` is called in it.

    A KeyboardInterrupt in the middle of TensorFlow's calls is turned into other errors or forgotten, and can leave
    memory behind that the next call crashes on. So interruptions wait until no call is under way.

    Several of a kind are one, as they are between two lines of Python.

    In other threads, which are never interrupted, it does nothing. A block inside of another block does nothing either.
    """
    if _held or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # Others are the system's: to ignore a signal, or to end the process.
    handlers = {int(number): handler for number, handler in before.items() if callable(handler)}
    held = Held(handlers, [])
    with ExitStack() as stack:  # which calls all of its callbacks, the last one first, also where one of them raises
        stack.callback(held.arrive)
        for number, handler in handlers.items():
            stack.callback(signal.signal, number, handler)
            signal.signal(number, held.take)
        _held.append(held)
        stack.callback(_held.clear)  # before a handler is in its place again, and may raise
        yield


def arrive() -> None:
    """Let the interruptions come that an `uninterrupted` block has put off, at a place where no call is under way.

    Outside of such a block, and in other threads, nothing happens.

    Raises:
        KeyboardInterrupt: Or what else the handlers raise.

    Example:
        >>> from myvgg.runtime.process import arrive, uninterrupted
        >>> with uninterrupted():
        ...     for _ in range(3):  # long calls
        ...         arrive()
    """
    if _held and threading.current_thread() is threading.main_thread():
        _held[0].arrive()


class Held(NamedTuple):
    """The signals of an `uninterrupted` block.

    Attributes:
        handlers: By the number of the signal, from before the block.
        waiting: Numbers of the signals that came in the block, each once.
    """

    handlers: dict[int, Handler]
    waiting: list[int]

    def take(self, number: int, frame: FrameType | None) -> None:
        """Let a signal wait, or handle it where the block is over."""
        if not (_held and _held[0] is self):
            self.handlers[number](number, frame)
        elif number not in self.waiting:
            self.waiting.append(number)

    def arrive(self) -> None:
        """Handle the signals one after the other, also where the handler of one raises an error."""
        if self.waiting:
            number = self.waiting.pop(0)
            try:
                self.handlers[number](number, None)
            finally:
                self.arrive()


_held: list[Held] = []
"""Of the block that runs; empty outside of blocks."""


def completed(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T, KeyboardInterrupt | None]:
    """Call a function to its end, and return its result with the interruption that came meanwhile.

    Args:
        call: The function.
        *args: Its arguments.
        **kwargs: Its arguments by name.

    Returns:
        The result, and the interruption or None.

    Raises:
        KeyboardInterrupt: It came before the call, where the call lets it `arrive`, or during a call that failed, whose
            error is its context.

    Example:
        >>> from myvgg.runtime.process import completed
        >>> completed(max, 1, 2)
        (2, None)
    """
    results: list[T] = []
    try:
        with uninterrupted():
            results.append(call(*args, **kwargs))
    except KeyboardInterrupt as interrupt:
        if not results:
            raise
        return results[0], interrupt
    return results[0], None
