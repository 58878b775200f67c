"""Putting off interruptions."""

from __future__ import annotations

import signal
import threading

import pytest

from myvgg.runtime.process import arrive, completed, uninterrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_waits_for_the_end_of_the_block(number: signal.Signals) -> None:
    """The block is done before the handler is called, once for each kind, which is in its place again afterwards."""
    seen: list[object] = []
    before = signal.signal(number, lambda found, _: seen.append(found))
    try:
        with uninterrupted():
            signal.raise_signal(number)
            signal.raise_signal(number)
            seen.append("done")
        assert seen == ["done", number]
        signal.raise_signal(number)
        assert seen == ["done", number, number]
    finally:
        signal.signal(number, before)


@pytest.mark.usefixtures("ctrl_c")
def test_an_interruption_comes_after_an_error_too() -> None:
    """An error in the block goes on as the interruption's context."""

    def work() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("in the block")

    with pytest.raises(KeyboardInterrupt) as caught:
        work()
    assert isinstance(caught.value.__context__, ValueError)


def test_all_interruptions_of_a_block_arrive() -> None:
    """The second one is handled though the first one raises, and the handlers are in their places again."""
    seen: list[int] = []

    def handler(number: int, _: object) -> None:
        seen.append(number)
        if len(seen) == 1:
            raise KeyboardInterrupt

    def work() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
        assert seen == [signal.SIGINT, signal.SIGTERM]
        assert all(signal.getsignal(number) is handler for number in before)
    finally:
        for number, each in before.items():
            signal.signal(number, each)


def test_interruptions_arrive_where_the_block_lets_them() -> None:
    """Those of a block in a block wait for the outer one, or for a call of `arrive`; later ones wait again."""
    seen: list[object] = []
    before = signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    try:
        arrive()
        with uninterrupted():
            with uninterrupted():
                signal.raise_signal(signal.SIGINT)
                seen.append("inner")
            thread = threading.Thread(target=arrive)  # where no handler may run
            thread.start()
            thread.join()
            seen.append("outer")
            arrive()
            arrive()
            seen.append("arrived")
            signal.raise_signal(signal.SIGINT)
            seen.append("done")
        assert seen == ["inner", "outer", signal.SIGINT, "arrived", "done", signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_a_handler_that_stayed_after_its_block_passes_on() -> None:
    """Where an interruption has kept the former handler from its place, the next one is not put off for ever."""
    with uninterrupted():
        stayed = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, stayed)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("ctrl_c")
def test_an_interruption_that_arrives_ends_the_block() -> None:
    """It comes once, from where `arrive` is called."""
    reached: list[str] = []

    def work() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            reached.append("arrive")
            arrive()
            reached.append("beyond")

    with pytest.raises(KeyboardInterrupt):
        work()
    with uninterrupted():
        arrive()
    assert reached == ["arrive"]


def test_what_python_does_not_handle_is_left_alone() -> None:
    """A signal that is ignored stays ignored."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with uninterrupted():
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_do_nothing() -> None:
    """Where no signal can be handled, the block just runs."""
    ran: list[bool] = []

    def work() -> None:
        with uninterrupted():
            ran.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [True]


@pytest.mark.usefixtures("ctrl_c")
def test_a_call_is_completed() -> None:
    """A call that is interrupted gives its result with the interruption; one that fails raises its error."""

    def interrupted(number: int) -> int:
        signal.raise_signal(signal.SIGINT)
        return 10 // number

    result, interrupt = completed(interrupted, 5)
    with pytest.raises(KeyboardInterrupt) as broken:
        completed(interrupted, number=0)
    assert (result, type(interrupt)) == (2, KeyboardInterrupt)
    assert isinstance(broken.value.__context__, ZeroDivisionError)
    assert completed(divmod, 7, 2) == ((3, 1), None)
    with pytest.raises(ZeroDivisionError):
        completed(divmod, 7, 0)
