"""Caffe's `.caffemodel`, read without Caffe: the format in which the authors published their weights first.

The file is a protocol buffer, `NetParameter`: fields one after the other, each with its number and its kind. Only the
names of the layers and their arrays ("blobs") are read. Arrays are views of the file until they are transposed.

Kernels are stored as (outputs, inputs, height, width) for B, G, R. The first dense layer has its inputs in the order
channels, height, width.

Reference:
    Caffe, `src/caffe/proto/caffe.proto`; the encoding of protocol buffers, https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from myvgg.architecture import Architecture
from myvgg.params import Params, WeightsError, checked

from .origins import origin_of
from .torchvision import dense_kernel

NAME, OLD_LAYERS, LAYERS = 1, 2, 100
"""Fields of `NetParameter`: name; layers as V1LayerParameter, as in the published files; layers as LayerParameter."""

LAYER_FIELDS = {OLD_LAYERS: (4, 6), LAYERS: (1, 7)}
"""Fields with name and blobs of a layer, for both kinds of layers."""

DATA, SHAPE, DOUBLES = 5, 7, 8
"""Fields of `BlobProto`. In old files, fields 1 to 4 (`num`, `channels`, `height`, `width`) are the shape."""

VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
"""Encodings of a field; encodings 3 and 4 (groups) do not occur."""


class Field(NamedTuple):
    """A field of a message.

    Attributes:
        number: Number of the field.
        value: A number, or the bytes of the value.
    """

    number: int
    value: int | memoryview


def is_one(head: bytes) -> bool:
    """Tell by the first bytes whether a file may be a `.caffemodel`: a network's name, then its input or its layers.

    Args:
        head: The first bytes of the file.
    """
    if len(head) < 4 or head[0] != NAME << 3 | BYTES:
        return False
    name, after = head[2 : 2 + head[1]], head[2 + head[1] :]
    return name.isascii() and name.decode("ascii").isprintable() and after[:1] in (b"\x12", b"\x1a", b"\xa2")


def read(path: Path, architecture: Architecture) -> Params:
    """Read a network with layers of either kind; see `converters.load`."""
    with path.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    arrays = {}
    for number, layer in fields(content):
        if number in LAYER_FIELDS and isinstance(layer, memoryview):
            name, blobs = _layer(layer, *LAYER_FIELDS[number])
            if blobs:
                arrays[name] = _arranged(name, blobs, architecture)
    if not arrays:
        raise WeightsError(path, "without layers that have parameters: the .caffemodel is wanted, not the .prototxt")
    return checked(arrays, path=path, origin=origin_of(path, "Caffe .caffemodel"), architecture=architecture)


def fields(message: memoryview) -> Iterator[Field]:
    """Yield the fields of a message.

    Args:
        message: The bytes of the message.

    Raises:
        ValueError: The message is damaged or cut off.

    Example:
        >>> [*fields(memoryview(bytes([8, 5])))]
        [Field(number=1, value=5)]
    """
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        encoding = key & 7
        if encoding == VARINT:
            value, at = _varint(message, at)
            yield Field(key >> 3, value)
            continue
        if encoding == BYTES:
            size, at = _varint(message, at)
        else:
            size = {EIGHT_BYTES: 8, FOUR_BYTES: 4}.get(encoding, end + 1)
        if at + size > end:
            raise ValueError(f"a field of {size} bytes at {at} of {end}")
        yield Field(key >> 3, message[at : at + size])
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Read a number in groups of seven bits, lowest first; return it with the place of its end."""
    number = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at
    raise ValueError(f"a number that does not end at byte {at}")


def _layer(message: memoryview, name_field: int, blobs_field: int) -> tuple[str, list[np.ndarray]]:
    found = [(number, value) for number, value in fields(message) if isinstance(value, memoryview)]
    name = next((bytes(value).decode() for number, value in found if number == name_field), "")
    return name, [_blob(value) for number, value in found if number == blobs_field]


def _blob(message: memoryview) -> np.ndarray:
    sides, parts = dict[int, int](), list[np.ndarray]()
    for number, value in fields(message):
        if isinstance(value, int):
            sides[number] = value
        elif number == SHAPE:
            sides = dict(enumerate(_dims(value), 1))
        elif number in (DATA, DOUBLES):
            parts.append(np.frombuffer(value, "<f4" if number == DATA else "<f8"))
    values = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.float32), *parts])
    return values.reshape([sides[axis] for axis in sorted(sides)])


def _dims(shape: memoryview) -> Iterator[int]:
    for number, value in fields(shape):
        if number != 1:
            continue
        at = 0
        if isinstance(value, int):
            yield value
            continue
        while at < len(value):
            side, at = _varint(value, at)
            yield side


def _arranged(name: str, blobs: list[np.ndarray], architecture: Architecture) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias in our layout. A wrong shape stays wrong; `checked` reports it."""
    kernel, bias = (*blobs, np.empty(0, np.float32))[:2]
    first, *others = (layer.name for layer in architecture.classifier)
    if name == first:
        outputs = kernel.shape[-2] if kernel.ndim == 4 and kernel.shape[:2] == (1, 1) else kernel.shape[0]
        kernel = dense_kernel(kernel.reshape(outputs, -1), architecture)
    elif name in others:
        kernel = kernel.reshape(kernel.shape[-2:] if kernel.shape[:2] == (1, 1) else (kernel.shape[0], -1)).T
    elif kernel.ndim == 4:
        kernel = kernel.transpose(2, 3, 1, 0)
    return kernel, bias.ravel().copy()  # copied, so no array is a view of the file
