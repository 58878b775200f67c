"""Pictures read in threads, ahead of the network that computes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from myvgg.images import ImageError, Resizing

DECODING_THREADS = 2
"""Number of threads that decode pictures. More gain nothing: the network needs the cores, and they share Python."""

MAX_PENDING = 64
"""Pictures that may be decoded and wait for the network."""


class Decoded(NamedTuple):
    """A picture of a list, or the reason that it cannot be read.

    Attributes:
        path: Its name in the list.
        image: R, G, B, 0 to 255; None where it could not be read.
        error: The reason; empty for a picture.
    """

    path: str
    image: UInt8[np.ndarray, "_ _ 3"] | None
    error: str = ""


def prefetch(paths: Iterable[str], resizing: Resizing) -> Iterator[Decoded]:
    """Read pictures in their order, some of them before they are asked for.

    Args:
        paths: Files.
        resizing: How they are brought to a size.
    """
    with ThreadPoolExecutor(DECODING_THREADS) as threads:
        pending = deque[Future[Decoded]]()
        try:
            for path in paths:
                pending.append(threads.submit(decode, path, resizing))
                if len(pending) > MAX_PENDING:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for each in pending:
                each.cancel()


def decode(path: str, resizing: Resizing) -> Decoded:
    """Read one picture; a picture that cannot be read is a result, not an error."""
    try:
        return Decoded(path, resizing(path))
    except (ImageError, MemoryError) as error:
        return Decoded(path, None, str(error) or "not enough memory")
