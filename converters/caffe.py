"""Caffe's `.caffemodel`, without Caffe: what the authors published first.

The file is a protocol buffer, `NetParameter`: fields one after the other, each with its number and its kind.
Of its many fields, the layers' names and their arrays ("blobs") are followed here, the rest is passed over; the numbers
stand in the file as they are wanted and are not copied until they are turned.
Kernels are stored outputs x inputs x height x width for B, G, R, and the first dense layer sees its maps flattened
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

from converters import origin_of
from converters.torchvision import dense_kernel
from myvgg.architecture import Architecture
from myvgg.params import Params, WeightsError, checked

NAME, OLD_LAYERS, LAYERS = 1, 2, 100
"""Fields of `NetParameter`; the layers of V1LayerParameter, as in the published files, and of LayerParameter."""

LAYER_FIELDS = {OLD_LAYERS: (4, 6), LAYERS: (1, 7)}
"""Where the two kinds of layer have their name and their blobs."""

DATA, SHAPE, DOUBLES = 5, 7, 8
"""Fields of `BlobProto`; `num`, `channels`, `height` and `width`, 1 to 4, are its shape in old files."""

VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
"""The ways a field is stored; groups, 3 and 4, are not used there."""


class Field(NamedTuple):
    """A field of a message: its number, and its value, a number or the bytes of it."""

    number: int
    value: int | memoryview


def is_one(head: bytes) -> bool:
    """Tell by the first bytes whether a file may be one: a network's name, and then its input or its layers."""
    if len(head) < 4 or head[0] != NAME << 3 | BYTES:
        return False
    name, after = head[2 : 2 + head[1]], head[2 + head[1] :]
    return name.isascii() and name.decode("ascii").isprintable() and after[:1] in (b"\x12", b"\x1a", b"\xa2")


def read(path: Path, architecture: Architecture) -> Params:
    """Read a network of either kind of layers; see `converters.load`."""
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
    """Follow the fields of a message.

    Raises:
        ValueError: It is damaged or cut off.
    """
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        way = key & 7
        if way == VARINT:
            value, at = _varint(message, at)
            yield Field(key >> 3, value)
            continue
        size, at = _varint(message, at) if way == BYTES else ({EIGHT_BYTES: 8, FOUR_BYTES: 4}.get(way, end + 1), at)
        if at + size > end:
            raise ValueError(f"a field of {size} bytes at {at} of {end}")
        yield Field(key >> 3, message[at : at + size])
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a number that is stored in groups of seven bits, lowest first, and where it ends."""
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
    """Return kernel and bias in our layout; a shape that does not fit is left for the check to name."""
    kernel, bias = (*blobs, np.empty(0, np.float32))[:2]
    first, *others = (layer.name for layer in architecture.classifier)
    if name == first:
        outputs = kernel.shape[-2] if kernel.ndim == 4 and kernel.shape[:2] == (1, 1) else kernel.shape[0]
        kernel = dense_kernel(kernel.reshape(outputs, -1), architecture)
    elif name in others:
        kernel = kernel.reshape(kernel.shape[-2:] if kernel.shape[:2] == (1, 1) else (kernel.shape[0], -1)).T
    elif kernel.ndim == 4:
        kernel = kernel.transpose(2, 3, 1, 0)
    return kernel, bias.ravel().copy()  # nothing shall go on looking into the file
