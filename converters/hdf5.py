"""Weights in HDF5 files: opened by the door of `hdf5_files`, and read if they can be a network's."""

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
from myvgg.runtime import hdf5_files

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
    try:
        with hdf5_files.opened(content or path) as file:
            yield file
    except hdf5_files.ForeignError as error:
        raise WeightsError(path, f"{error}: save the network again as one file") from error


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
