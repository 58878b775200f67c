"""Pictures read in threads, ahead of the network that computes them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from myvgg.extraction.picture_names import path_of, printable, stamp_of
from myvgg.images import ImageError, Resizing

DECODING_THREADS = min(8, os.cpu_count() or 1)
"""Number of threads that decode pictures. Decoders leave Python to the others while they work."""

MAX_PENDING = 64
"""Number of pictures that may be decoded and wait for the network."""

PENDING_MEMORY = 256e6
"""Bytes of pictures that may wait for the network, about: the largest one so far counts for all."""


class Decoded(NamedTuple):
    """A picture of a list, or the reason that it cannot be read.

    Attributes:
        path: Its name in the list.
        image: R, G, B, 0 to 255; None where it could not be read.
        error: The reason; empty for a picture.
        stamp: The file's stamp before it was read, see `picture_names.stamp_of`.
    """

    path: str
    image: UInt8[np.ndarray, "_ _ 3"] | None
    error: str = ""
    stamp: int = 0

    @property
    def size(self) -> int:
        """Bytes of the picture."""
        return 0 if self.image is None else self.image.nbytes


def prefetch(paths: Iterable[str], resizing: Resizing) -> Iterator[Decoded]:
    """Read pictures in their order, some of them before they are asked for.

    Args:
        paths: Files.
        resizing: How they are brought to a size.
    """
    largest = 1
    with ThreadPoolExecutor(DECODING_THREADS) as threads:
        pending, room = deque[Future[Decoded]](), DECODING_THREADS
        try:
            for path in paths:
                pending.append(threads.submit(decode, path, resizing))
                while len(pending) > room:
                    decoded = pending.popleft().result()
                    largest = max(largest, decoded.size)
                    room = max(DECODING_THREADS, min(MAX_PENDING, int(PENDING_MEMORY / largest)))
                    yield decoded
            while pending:
                yield pending.popleft().result()
        finally:
            for each in pending:
                each.cancel()


def decode(path: str, resizing: Resizing) -> Decoded:
    """Read one picture; a picture that cannot be read is a result, not an error."""
    stamp = stamp_of(path)
    try:
        return Decoded(path, resizing(path_of(path)), "", stamp)
    except (ImageError, MemoryError) as error:
        return Decoded(path, None, printable(str(error)) or f"{path}: not enough memory", stamp)
