"""A Ray cluster: joined with a plain word where that cannot be done, and what its workers do first."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 10
"""Seconds to wait for a cluster to answer."""

NO_RAY = "--ray needs Ray, which is not installed: pip install 'myvgg[ray]'"


@contextmanager
def joined(address: str) -> Iterator[Any]:
    """Connect to a cluster, and leave it at the end.

    Args:
        address: `auto` for the one that this machine is part of, or what `ray start --head` has printed.

    Yields:
        The module `ray`.

    Raises:
        ValueError: Ray is not installed, there is no cluster, or work on it has failed for good.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of a change to come
    try:
        import ray
    except ImportError as error:
        raise ValueError(NO_RAY) from error
    try:
        _check_reachable(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"no Ray cluster at {address!r} ({reason}): start one with 'ray start --head'") from error
    try:
        yield ray
    except ray.exceptions.RayError as error:
        last = str(error).strip().splitlines()[-1]
        raise ValueError(f"Ray gave up: {last}; what is done is kept, the same command goes on") from error
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise unless somebody listens at an address: Ray itself would go on trying for minutes.

    Raises:
        OSError: Nobody does.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()


def prepare(folder: str, threads: int) -> None:
    """Begin a worker: in the folder that paths are named from, and with as many threads as it may use.

    Args:
        folder: The same on all machines.
        threads: Of TensorFlow, which must not have begun.
    """
    from myvgg.command import keep_memory, run_in_order

    if Path(folder).is_dir():
        os.chdir(folder)
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    keep_memory()
    run_in_order()
