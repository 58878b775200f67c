"""The only door to HDF5 files from outside: every link and every array must lie in the file itself.

An HDF5 file can name other files of the machine: by external and soft links, by arrays whose values lie elsewhere, and
by virtual arrays. What they hold would become part of a file that people share, so such files are refused. Texts lie in
heaps, which HDF5's library reads without an end where a free piece has a size of 0; such files are refused as well.
"""

from __future__ import annotations

import io
import mmap
import struct
from collections.abc import Iterator, Sequence
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
        OSError: The file cannot be read, or is damaged.
    """
    options = {"locking": False} if isinstance(source, Path) else {}
    with h5py.File(source, "r", **options) as file:
        arrays = []
        for name, array in _arrays(file):
            if array is None:
                raise ForeignError(f"{name} lies in another file or is only a link")
            if (offset := array.id.get_offset()) is not None:
                arrays.append((offset, offset + array.id.get_storage_size()))
        _check_heaps(source, arrays)
        yield file


@contextmanager
def created(path: Path) -> Iterator[h5py.File]:
    """Create a file for writing.

    It is written through a file object of Python, since HDF5's own writing crashes when the disk is full.

    Args:
        path: The file; an older one is written over.

    Raises:
        OSError: The file cannot be written, such as on a full disk.
    """
    try:
        with path.open("w+b") as stream, h5py.File(stream, "w") as file:
            yield file
    except SystemError as error:  # on Python 3.13, h5py closes a file with the error of its writing still pending
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__cause__ or cause.__context__
        raise cause or error from error


def _check_heaps(source: Path | io.BytesIO, arrays: Sequence[tuple[int, int]]) -> None:
    """Raise OSError unless the heaps of a file are whole; `arrays` are the begins and ends of its arrays."""
    if isinstance(source, io.BytesIO):
        is_whole = _has_whole_heaps(source.getvalue(), arrays)
    else:
        with source.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            is_whole = _has_whole_heaps(mapped, arrays)
    if not is_whole:
        raise OSError("a heap of texts is not whole")


HEAP = b"GCOL\x01\0\0\0"
"""First bytes of a heap. The size of the heap follows, and its pieces."""

PIECE = struct.Struct("<HHIQ")
"""Head of a piece: its number, which is 0 where it is free; two fields that do not count here; its size."""


def _has_whole_heaps(data: bytes | mmap.mmap, arrays: Sequence[tuple[int, int]]) -> bool:
    """Tell whether all pieces of all heaps lie in their heap, one behind the other.

    Args:
        data: The file.
        arrays: Begins and ends of the arrays in the file, where no heap is looked for.

    Reference:
        HDF5 File Format Specification, III.E, global heap.
    """
    begin = 0
    for end, following in sorted([*arrays, (len(data), len(data))]):
        at = data.find(HEAP, begin, end)
        while at >= 0:
            if not _is_whole(data, at):
                return False
            at = data.find(HEAP, at + 1, end)
        begin = max(begin, following)
    return True


def _is_whole(data: bytes | mmap.mmap, heap: int) -> bool:
    """Tell whether the pieces of the heap at an offset follow each other up to its end."""
    head = struct.calcsize("<8sQ")
    if len(data) < heap + head:
        return False
    (size,) = struct.unpack_from("<Q", data, heap + len(HEAP))
    at, end = heap + head, heap + size
    if end > len(data):
        return False
    while at + PIECE.size <= end:
        number, _, _, length = PIECE.unpack_from(data, at)
        step = PIECE.size + -(-length // 8) * 8 if number else length  # a free piece counts its own head
        if not 0 < step <= end - at:
            return False
        at += step
    return True


def _arrays(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset | None]]:
    """Yield the arrays of the file by name; None for a link, and for an array that leads out of the file."""
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
                yield f"{group.name}/{name}", None
                continue
            item = group[name]
            if isinstance(item, h5py.Group):
                groups.append(item)
            elif isinstance(item, h5py.Dataset):
                yield f"{group.name}/{name}", None if item.is_virtual or item.external else item
