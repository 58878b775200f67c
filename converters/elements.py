"""The elements of a MAT-file of version 5, checked before SciPy reads them.

An element of unknown type crashes SciPy and with it Python, and sizes that are only declared make it take memory. So
the elements are followed first, compressed ones too, in bounded memory.
"""

from __future__ import annotations

import io
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from myvgg.architecture import Architecture
from myvgg.params import WeightsError

MATRIX, COMPRESSED = 14, 15
"""Types of elements that consist of elements."""

DATA_TYPES = frozenset((*range(1, 8), 9, *range(12, 19)))
"""Types of all elements."""

CELLS, NUMBERS = range(1, 6), range(6, 16)
"""Classes of matrices: cells, structs, objects, texts and sparse ones; numbers of all kinds."""

MAX_CELLS = 1_000_000
"""Largest number of cells or characters of a matrix."""

MAX_RATIO, SMALL = 20, 1 << 24
"""Largest factor by which weights are compressed, and the bytes for which it does not count."""

CHUNK = 1 << 20
"""Number of bytes that are unpacked at once."""


class _Tag(NamedTuple):
    """The beginning of an element.

    Attributes:
        kind: Type of the element.
        size: Number of bytes of its content.
        content: The content, where it is so short that it lies in the tag.
    """

    kind: int
    size: int
    content: bytes | None


class _Unpacked(io.RawIOBase):
    """The content of a compressed element, read once from start to end."""

    def __init__(self, file: io.BufferedReader, size: int) -> None:
        self._file, self._left, self._inflate = file, size, zlib.decompressobj()
        self._allowed = MAX_RATIO * size + SMALL

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while True:
            source = self._inflate.unconsumed_tail
            if not source and self._left:
                source = self._file.read(min(self._left, CHUNK))
                self._left -= len(source)
            content = self._inflate.decompress(source, len(buffer))
            self._allowed -= len(content)
            if self._allowed < 0:
                raise ValueError("it unpacks to far more than weights do")
            if content or not source:
                buffer[: len(content)] = content
                return len(content)


def check(path: Path, architecture: Architecture) -> None:
    """Check types and sizes of all elements of a file.

    Args:
        path: The file.
        architecture: The network, which tells how large arrays may be.

    Raises:
        WeightsError: An unknown element, or one that is declared larger than it is or may be.
    """
    largest = MAX_CELLS + 4 * max(math.prod(layer.kernel_shape) for layer in architecture.parametric.values())
    with path.open("rb") as file:
        order = "<" if file.read(128).endswith(b"IM") else ">"
        try:
            _follow(file, path.stat().st_size - 128, order, largest)
        except (ValueError, struct.error, zlib.error) as error:
            raise WeightsError(path, f"damaged, get the file again ({error})") from error


def _follow(stream: io.BufferedReader[Any], size: int, order: str, largest: int, *, inside: bool = False) -> None:
    """Follow elements one after the other, into matrices, since their elements follow their tag."""
    while head := stream.read(8):
        tag = _tag(head, order)
        if tag.kind == COMPRESSED and not inside:
            end = stream.tell() + tag.size
            if tag.size > size:
                raise ValueError(f"{tag.size:,} bytes are declared")
            with io.BufferedReader(_Unpacked(stream, tag.size), CHUNK) as content:
                _follow(content, 1 << 32, order, largest, inside=True)
            stream.seek(end)
        elif tag.kind == MATRIX:
            if tag.size:
                _check_matrix(stream, order, largest)
        elif tag.kind not in DATA_TYPES - {COMPRESSED}:
            raise ValueError(f"an element of the unknown type {tag.kind}")
        else:
            _content(stream, tag, skip=True)


def _tag(head: bytes, order: str) -> _Tag:
    kind, size = struct.unpack(f"{order}II", head)
    return _Tag(kind & 0xFFFF, kind >> 16, head[4:]) if kind >> 16 else _Tag(kind, size, None)


def _content(stream: io.BufferedReader, tag: _Tag, *, skip: bool = False) -> bytes:
    """Read the content of an element, or skip it; it must be there."""
    if tag.content is not None:
        return tag.content[: tag.size]
    padded = tag.size + -tag.size % 8
    if not skip and tag.size > CHUNK:
        raise ValueError(f"{tag.size:,} bytes are declared")
    if skip and not isinstance(stream.raw, _Unpacked):
        if stream.tell() + tag.size > os.fstat(stream.fileno()).st_size:
            raise ValueError(f"cut off, {tag.size:,} bytes are declared")
        stream.seek(padded, io.SEEK_CUR)
        return b""
    content, left = b"", padded
    while left:
        content = stream.read(min(left, CHUNK))
        if not content and left >= 8:  # the last one may lack its padding
            raise ValueError(f"cut off, {tag.size:,} bytes are declared")
        left -= len(content) or left
    return content[: tag.size]


def _check_matrix(stream: io.BufferedReader, order: str, largest: int) -> None:
    """Check the number of values that a matrix declares by its first two elements, class and sides."""
    flags = _content(stream, _tag(stream.read(8), order))
    sides = _content(stream, _tag(stream.read(8), order))
    kind = struct.unpack(f"{order}I", flags[:4])[0] & 0xFF
    count = math.prod(struct.unpack(f"{order}{len(sides) // 4}i", sides[: len(sides) // 4 * 4]))
    most = largest if kind in NUMBERS else MAX_CELLS if kind in CELLS else 0
    if not 0 <= count <= most:
        raise ValueError(f"an array of {count:,} values is declared")
