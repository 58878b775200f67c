"""A Ray cluster: a connection with clear errors, and teams of actors that are kept at work."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

CONNECT_SECONDS = 10
"""Seconds to wait for a cluster to answer."""

MAX_ATTEMPTS = 4
"""Number of times that lost work is tried, before the run ends with Ray's error."""

NO_RAY = "a cluster needs Ray, which is not installed: pip install 'myvgg[ray]'"


@contextmanager
def joined(address: str) -> Iterator[Any]:
    """Connect to a cluster, and leave it at the end of the block.

    Args:
        address: `auto` for the cluster that this machine is part of, or the address that `ray start --head` prints.

    Yields:
        The module `ray`.

    Raises:
        ValueError: Ray is not installed, there is no cluster, or Ray has given up.
        Exception: An error of the work itself, as the worker has raised it, such as OSError for a full disk.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of a change to come
    try:
        import ray
    except ImportError as error:
        raise ValueError(NO_RAY) from error
    try:
        _check_reachable(address)
        _connect(ray, address)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"no Ray cluster at {address!r} ({reason}): start one with 'ray start --head'") from error
    try:
        yield ray
    except ray.exceptions.RayError as error:
        if isinstance(error, ray.exceptions.RayTaskError) and not is_loss(ray, error):
            raise error.cause from error
        last = str(error).strip().splitlines()[-1]
        raise ValueError(f"Ray gave up: {last}; what is done is kept, the same command goes on") from error
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    """Connect, and keep the handler of requests to terminate: with its own, Ray ends the process at once."""
    before = signal.getsignal(signal.SIGTERM)
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    if before is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


def is_loss(ray: Any, error: Exception) -> bool:
    """Return whether an error is a loss of work with a process or a machine, and not a failure of the work itself.

    Args:
        ray: The module.
        error: An error that `ray.get` has raised.
    """
    cause = error.cause if isinstance(error, ray.exceptions.RayTaskError) else error
    return isinstance(cause, ray.exceptions.RayError)


def _check_reachable(address: str) -> None:
    """Raise unless a program listens at the address; Ray itself tries for minutes.

    Raises:
        OSError: No program does.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()


def prepare(folder: str, threads: int) -> None:
    """Set up the process of a worker, before TensorFlow computes anything.

    Args:
        folder: The folder that paths are relative to, the same on all machines.
        threads: Number of threads of TensorFlow.
    """
    from myvgg.runtime.process import keep_memory, run_in_order

    if Path(folder).is_dir():
        os.chdir(folder)
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    keep_memory()
    run_in_order()


@contextmanager
def noted() -> Iterator[list[str]]:
    """Collect the warnings of this package, since nobody sees what a worker prints.

    Yields:
        The texts, which are there at the end of the block. Notes that the block adds come before them.
    """
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield notes
    notes += [str(each.message) for each in caught if each.category.__module__.startswith("myvgg.")]


def shares(nodes: Iterable[Mapping[str, Any]], needed: Mapping[str, int]) -> dict[str, float]:
    """Return the part of each machine's memory that a worker may take, since others work beside it.

    Args:
        nodes: The machines, as `ray.nodes` describes them.
        needed: The resources that Ray reserves for a worker, by Ray's names.

    Returns:
        Parts by the machines' names; machines without the resources are left out.
    """
    beside = {
        node["NodeID"]: min(int(node["Resources"].get(name, 0) // number) for name, number in needed.items() if number)
        for node in nodes
        if node["Alive"]
    }
    return {name: 1 / number for name, number in beside.items() if number}


@dataclass(eq=False)
class Worker:
    """An actor of a team.

    Attributes:
        actor: Ray's handle.
        number: Its place in the team.
        attempt: Number of actors that have been started for this place, since one of them was ready.
        ready: Whether it has begun, and can be given work.
        calls: Number of calls that it has not yet answered.
    """

    actor: Any
    number: int
    attempt: int
    ready: bool = False
    calls: int = 0


class Call(NamedTuple):
    """A call without an answer yet.

    Attributes:
        worker: The actor that was called.
        then: Called with the answer.
        lost: Called with Ray's error, if there will be no answer.
    """

    worker: Worker
    then: Callable[[Any], None]
    lost: Callable[[Exception], None]


class Team:
    """Actors of one kind, which are started side by side and get work as soon as they have begun.

    An actor that dies is replaced, wherever the cluster has room for a new one. Its calls are reported as lost, so that
    other actors can do the work: it may take long until there is room.
    """

    def __init__(self, ray: Any, start: Callable[[int], Any], size: int, calls: int) -> None:
        """Start the actors.

        Args:
            ray: The module.
            start: A function that starts the actor of a place and returns its handle. Each method of the actor returns
                two objects: a small answer, and a value that stays on the cluster.
            size: Number of actors.
            calls: Largest number of calls that an actor has at a time.
        """
        self._ray, self._start_actor, self._most_calls = ray, start, calls
        self._workers: dict[int, Worker] = {}
        self._calls: dict[Any, Call] = {}
        for number in range(size):
            self._start(number, attempt=1)

    @property
    def has_room(self) -> bool:
        """Tell whether an actor can be given a call."""
        return any(worker.calls < self._most_calls for worker in self._ready())

    @property
    def busy(self) -> int:
        """Number of calls without an answer."""
        return len(self._calls) - (len(self._workers) - len(self._ready()))

    @property
    def answers(self) -> list[Any]:
        """References to the answers that have not come yet."""
        return list(self._calls)

    def call(
        self, method: str, *arguments: Any, then: Callable[[Any, Any], None], lost: Callable[[Exception], None]
    ) -> None:
        """Give work to the actor with the fewest calls; there must be room, see `has_room`.

        Args:
            method: Name of the actor's method.
            arguments: Values, or references to values on the cluster.
            then: Called with the answer and a reference to the value that stays on the cluster.
            lost: Called with Ray's error, if the actor has died or an argument is lost.
        """
        worker = min(self._ready(), key=lambda worker: worker.calls)
        answer, kept = getattr(worker.actor, method).options(num_returns=2).remote(*arguments)
        self._expect(answer, Call(worker, lambda value: then(value, kept), lost))

    def settle(self, answer: Any) -> None:
        """Handle an answer that has come.

        Raises:
            RayError: The work itself has failed, or no actor can be started.
        """
        call = self._calls.pop(answer)
        call.worker.calls -= 1
        try:
            value = self._ray.get(answer)
        except self._ray.exceptions.RayError as error:
            if not is_loss(self._ray, error):
                raise
            self._replace(call.worker, error)
            call.lost(error)
        else:
            call.then(value)

    def _ready(self) -> list[Worker]:
        return [worker for worker in self._workers.values() if worker.ready]

    def _start(self, number: int, attempt: int) -> None:
        """Start the actor of a place."""
        worker = self._workers[number] = Worker(self._start_actor(number), number, attempt)
        self._expect(worker.actor.ready.remote(), Call(worker, partial(_begin, worker), lambda _: None))

    def _expect(self, answer: Any, call: Call) -> None:
        call.worker.calls += 1
        self._calls[answer] = call

    def _replace(self, worker: Worker, error: Exception) -> None:
        """Replace an actor that died, unless too many have died in its place before they had begun."""
        if self._workers.get(worker.number) is not worker:
            return
        del self._workers[worker.number]
        attempt = 1 if worker.ready else worker.attempt + 1
        if attempt <= MAX_ATTEMPTS:
            self._start(worker.number, attempt)
        elif not self._workers:
            raise error


def _begin(worker: Worker, _: object) -> None:
    worker.ready = True


def settle(ray: Any, *teams: Team) -> None:
    """Wait until an answer comes, and handle all answers that have come.

    Args:
        ray: The module.
        teams: The teams whose answers are awaited.
    """
    owners = {answer: team for team in teams for answer in team.answers}
    ray.wait([*owners], num_returns=1)
    come, _ = ray.wait([*owners], num_returns=len(owners), timeout=0)
    for answer in come:
        owners[answer].settle(answer)
