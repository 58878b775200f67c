"""The only door to HDF5 files from outside: every link and every array must lie in the file itself.

An HDF5 file can name other files of the machine: by external and soft links, by arrays whose values lie elsewhere, and
by virtual arrays. What they hold would become part of a file that people share, so such files are refused.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

MAX_OBJECTS = 100_000
"""Largest number of links in a file."""


class ForeignError(ValueError):
    """A file that names others."""


@contextmanager
def opened(source: Path | io.BytesIO) -> Iterator[h5py.File]:
    """Open a file for reading, without a lock, since many shared file systems cannot lock.

    Args:
        source: The file, or its bytes.

    Raises:
        ForeignError: The file names others.
        ValueError: The file has too many links.
        OSError: The file cannot be read.
    """
    options = {"locking": False} if isinstance(source, Path) else {}
    with h5py.File(source, "r", **options) as file:
        for name in _foreign(file):
            raise ForeignError(f"{name} lies in another file or is only a link")
        yield file


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
