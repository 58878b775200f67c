"""NumPy archives: arrays named `conv1_1/kernel` and so on, and the metadata as JSON in the array `metadata`."""

from __future__ import annotations

import json
import zipfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from myvgg.architecture import Architecture
from myvgg.params import Params, WeightsError, checked, metadata_of, pair_up, parse_metadata
from myvgg.runtime.files import replacing

from .hdf5 import bounded

LARGEST_TEXT = 1 << 26
"""Largest number of bytes of the metadata."""


class _Header(NamedTuple):
    """Shape and type of a stored array."""

    shape: tuple[int, ...]
    dtype: np.dtype


def read(path: Path, architecture: Architecture) -> Params:
    """Read a file of `write`; see `converters.load`."""
    with np.load(path, allow_pickle=False) as archive:
        if "metadata" not in archive.files:
            raise WeightsError(path, "a NumPy archive, but not one that myvgg wrote")
        declared = {name: _header(archive.zip, name) for name in archive.files}
        shape, dtype = declared["metadata"]
        if not dtype.hasobject and (dtype.itemsize > LARGEST_TEXT or shape):  # NumPy refuses objects itself
            raise WeightsError(path, "damaged, get the file again (metadata of another size)")
        metadata = json.loads(str(archive["metadata"]))
        tensors = {
            name: bounded(*header, name.rpartition("/")[0], architecture, partial(archive.__getitem__, name))
            for name, header in declared.items()
            if name != "metadata"
        }
    stored = parse_metadata(metadata, path=path, architecture=architecture)
    return checked(pair_up(tensors, separator="/"), path=path, architecture=architecture, **stored._asdict())


def _header(archive: zipfile.ZipFile, name: str) -> _Header:
    """Read what an array of an archive is declared to be."""
    with archive.open(name if name in archive.namelist() else f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
    return _Header(shape, dtype)


def write(params: Params, path: Path) -> None:
    """Write an uncompressed archive; see `converters.save`."""
    arrays = {
        f"{name}/{part}": array for name, layer in params.layers.items() for part, array in layer._asdict().items()
    }
    with (
        replacing(path) as temporary,
        temporary.open("wb") as file,
    ):  # a file object, since savez adds a suffix to names
        np.savez(file, metadata=json.dumps(metadata_of(params)), **arrays)
