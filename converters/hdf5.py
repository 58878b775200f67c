"""The only door to HDF5 files from outside: every link and every array must lie in the file itself.

An HDF5 file can name other files of the machine: by external and soft links, by arrays whose values lie elsewhere, and
by virtual arrays. What they hold would become part of a file that people share, so such files are refused.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from myvgg.architecture import Architecture
from myvgg.params import WeightsError

MAX_OBJECTS = 100_000
"""Largest number of links in a file."""

MAX_CLASSES = 100_000
"""Largest number of classes of a network."""


@contextmanager
def opened(path: Path, content: io.BytesIO | None = None) -> Iterator[h5py.File]:
    """Open a file for reading, without a lock, since many shared file systems cannot lock.

    Args:
        path: The file, for reading and for errors.
        content: The bytes of the file where it lies in an archive.

    Raises:
        WeightsError: The file names others.
    """
    with h5py.File(path if content is None else content, "r", **({} if content else {"locking": False})) as file:
        for name in _foreign(file):
            problem = "lies in another file or is only a link: save the network again as one file"
            raise WeightsError(path, f"{name} {problem}")
        yield file


def bounded(
    shape: tuple[int, ...], dtype: np.dtype, name: str, architecture: Architecture, read: Callable[[], np.ndarray]
) -> np.ndarray:
    """Read an array, unless it is declared larger than the layer's kernel can be.

    Args:
        shape: The declared shape.
        dtype: The declared type.
        name: Our name of the layer; an unknown one reads nothing.
        architecture: The network.
        read: Reads the array.

    Returns:
        The array, or one of the same shape that takes no memory, for `checked` to report.
    """
    layer, last = architecture.parametric.get(name), architecture.classifier[-1]
    if layer is not None:
        size = last.inputs * max(last.outputs, MAX_CLASSES) if name == last.name else math.prod(layer.kernel_shape)
        if math.prod(shape) <= size and dtype.itemsize <= np.dtype(np.longdouble).itemsize:
            return read()
        shape = (0,) if name == last.name else shape  # whose bias tells the number of classes
    return np.broadcast_to(np.zeros((), np.float32), shape)


def _foreign(file: h5py.File) -> Iterator[str]:
    """Yield the names of links and arrays that lead out of the file."""
    groups, seen, count = [file["/"]], set[int](), 0
    while groups:
        group = groups.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            continue
        seen.add(address)
        for name in group:
            count += 1
            if count > MAX_OBJECTS:
                raise ValueError(f"more than {MAX_OBJECTS:,} arrays and groups")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                yield f"{group.name}/{name}"
                continue
            item = group[name]
            if isinstance(item, h5py.Group):
                groups.append(item)
            elif isinstance(item, h5py.Dataset) and (item.is_virtual or item.external):
                yield f"{group.name}/{name}"
