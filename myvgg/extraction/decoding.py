"""Picture files to what a network takes, in threads, while it computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from myvgg.nst.images import ImageError, load_small, target_size

Fit = Literal["crop", "squash", "longest", "none"]
"""How a picture is brought to a size: its centre; squashed; its longest side; not at all."""

AROUND_CROP = 256 / 224
"""Shorter side of a picture over that of the square that is cut out of it: one of the paper's tests."""

THREADS = 2
"""That decode. More are of no use: the network needs the cores, and they wait for each other in Python."""

AHEAD = 64
"""Pictures that may be decoded and wait for the network."""


class Decoded(NamedTuple):
    """A picture of the list, or what is wrong with it.

    Attributes:
        path: As it was named.
        image: R, G, B; None where it could not be read.
        error: Why not, empty otherwise.
    """

    path: str
    image: UInt8[np.ndarray, "_ _ 3"] | None
    error: str = ""


def decoded(paths: Iterable[str], size: int, fit: Fit) -> Iterator[Decoded]:
    """Read pictures in order, ahead of whoever asks for them; see `fitted`."""
    with ThreadPoolExecutor(THREADS) as threads:
        waiting = deque[Future[Decoded]]()
        try:
            for path in paths:
                waiting.append(threads.submit(decode, path, size, fit))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()


def decode(path: str, size: int, fit: Fit) -> Decoded:
    """Read one picture; that it cannot be read is no error but a result."""
    try:
        return Decoded(
            path, fitted(load_small(path, side=round(size * AROUND_CROP) if fit != "none" else 0), size, fit)
        )
    except (ImageError, MemoryError) as error:
        return Decoded(path, None, str(error) or "not enough memory")


def fitted(image: Image.Image, size: int, fit: Fit) -> UInt8[np.ndarray, "height width 3"]:
    """Bring a picture to a size.

    Args:
        image: R, G, B.
        size: In pixels: of a square, or of the longest side.
        fit: `crop`, the middle square, 224/256 of the shorter side; `squash`; `longest`; `none`.
    """
    wanted, box = (size, size), None
    if fit == "crop":
        side = min(image.size) / AROUND_CROP
        left, top = ((length - side) / 2 for length in image.size)
        box = (left, top, left + side, top + side)
    elif fit == "longest":
        wanted = target_size(size, *image.size)
    if fit != "none":
        image = image.resize(wanted, Image.Resampling.LANCZOS, box)
    return np.asarray(image)
