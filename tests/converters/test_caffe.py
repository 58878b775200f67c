"""Caffe's `.caffemodel`, written by Google's protocol buffers from Caffe's description of the format."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import converters
from converters.caffe import is_one
from myvgg.architecture import CONFIGURATION_D, Architecture, Conv
from myvgg.params import CAFFE, Params, WeightsError, random

FIELDS = {
    "BlobShape": [("dim", 1, "int64*")],
    "BlobProto": [
        ("num", 1, "int32"),
        ("channels", 2, "int32"),
        ("height", 3, "int32"),
        ("width", 4, "int32"),
        ("data", 5, "float*"),
        ("shape", 7, "BlobShape"),
        ("double_data", 8, "double*"),
    ],
    "LayerParameter": [
        ("name", 1, "string"),
        ("type", 2, "string"),
        ("bottom", 3, "string+"),
        ("blobs", 7, "BlobProto+"),
    ],
    "V1LayerParameter": [
        ("bottom", 2, "string+"),
        ("name", 4, "string"),
        ("type", 5, "int32"),
        ("blobs", 6, "BlobProto+"),
    ],
    "NetParameter": [
        ("name", 1, "string"),
        ("layers", 2, "V1LayerParameter+"),
        ("input", 3, "string+"),
        ("input_dim", 4, "int32+"),
        ("layer", 100, "LayerParameter+"),
    ],
}
"""Fields of caffe.proto: name, number and type; * is repeated and packed, + repeated."""


def messages() -> dict[str, Any]:
    """Make classes of the messages."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="caffe_test.proto", package="caffe", syntax="proto2")
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            plain = kind.rstrip("*+")
            added = message.field.add(name=field, number=number)
            added.label = kinds.LABEL_REPEATED if kind != plain else kinds.LABEL_OPTIONAL
            if plain in FIELDS:
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".caffe.{plain}"
            else:
                added.type = getattr(kinds, f"TYPE_{plain.upper()}")
            added.options.packed = kind.endswith("*")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe.{name}")) for name in FIELDS}


MESSAGES = messages()


def write(params: Params, path: Path, *, old: bool = True, doubles: bool = False) -> None:
    """Write a network like the published files (V1 layers, shapes of four numbers), or like newer versions of Caffe."""
    net = MESSAGES["NetParameter"](name="VGG_ILSVRC_19_layers", input=["data"], input_dim=[10, 3, 224, 224])
    add = net.layers.add if old else net.layer.add
    last = params.architecture.convolutions[-1].outputs
    add(name="data").type = 5 if old else "Data"
    for layer in params.architecture.layers:
        record = add(name=layer.name)
        if layer.name not in params.layers:
            continue
        kernel, bias = params.layers[layer.name]
        if isinstance(layer, Conv):
            kernel = np.moveaxis(kernel, (3, 2), (0, 1))
        elif layer.name == "fc6":
            side = int((layer.inputs // last) ** 0.5)
            kernel = np.moveaxis(kernel.reshape(side, side, last, -1), (3, 2), (0, 1)).reshape(layer.outputs, -1)
        else:
            kernel = kernel.T
        for array in (kernel, bias):
            blob = record.blobs.add()
            (blob.double_data if doubles else blob.data).extend(array.ravel().tolist())
            if old:
                sides = (1,) * (4 - array.ndim) + array.shape
                blob.num, blob.channels, blob.height, blob.width = sides
            else:
                blob.shape.dim.extend(array.shape)
    path.write_bytes(net.SerializeToString())


@pytest.fixture
def plain(tiny_params: Params) -> Params:
    """The tiny network's parameters without names of classes."""
    return replace(tiny_params, labels=())


@pytest.mark.parametrize("old", [True, False], ids=["V1 layers", "layers"])
@pytest.mark.parametrize("doubles", [False, True], ids=["float", "double"])
@pytest.mark.parametrize("include_top", [True, False], ids=["top", "notop"])
def test_reads_arrays(old: bool, doubles: bool, include_top: bool, plain: Params, tmp_path: Path) -> None:
    """Both kinds of layers give our arrays bit for bit, with the authors' preprocessing."""
    layers = {n: layer for n, layer in plain.layers.items() if include_top or n.startswith("conv")}
    write(replace(plain, layers=layers), tmp_path / "a.caffemodel", old=old, doubles=doubles)
    actual = converters.load(tmp_path / "a.caffemodel", architecture=plain.architecture)
    assert list(actual.layers) == list(layers)
    for name, expected in layers.items():
        assert all(np.array_equal(a, e) for a, e in zip(actual.layers[name], expected, strict=True)), name
    assert (actual.preprocessing, actual.origin.generation) == (CAFFE, "Caffe .caffemodel")


def test_reads_vgg16(tmp_path: Path) -> None:
    """VGG16's file is read like VGG19's."""
    params = random(CONFIGURATION_D, include_top=False, seed=2)
    write(params, tmp_path / "a.caffemodel")
    actual = converters.load(tmp_path / "a.caffemodel", architecture=CONFIGURATION_D)
    assert np.array_equal(actual.layers["conv5_3"].kernel, params.layers["conv5_3"].kernel)
    with pytest.raises(WeightsError, match="VGG16's file"):
        converters.load(tmp_path / "a.caffemodel")


def test_nothing_looks_into_the_file_afterwards(plain: Params, tmp_path: Path) -> None:
    """Parameters do not change when the file is overwritten."""
    path = tmp_path / "a.caffemodel"
    write(plain, path)
    params = converters.load(path, architecture=plain.architecture)
    path.write_bytes(bytes(path.stat().st_size))
    for name, expected in plain.layers.items():
        assert all(np.array_equal(a, e) for a, e in zip(params.layers[name], expected, strict=True))


@pytest.mark.parametrize("share", [0.001, 0.2, 0.5, 0.9, 0.9999])
def test_cut_off(share: float, plain: Params, tmp_path: Path) -> None:
    """A file that is cut off is refused."""
    path = tmp_path / "a.caffemodel"
    write(plain, path)
    content = path.read_bytes()
    path.write_bytes(content[: max(40, int(len(content) * share))])
    with pytest.raises(WeightsError, match=r"damaged or cut off|without layers|missing layers|has shape"):
        converters.load(path, architecture=plain.architecture)


def test_damaged_bytes_never_crash(plain: Params, tmp_path: Path) -> None:
    """A file with any wrong byte is either read or refused."""
    path = tmp_path / "a.caffemodel"
    write(plain, path)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for place in rng.integers(24, len(content), 200):
        path.write_bytes(content[:place] + bytes([int(rng.integers(256))]) + content[place + 1 :])
        with suppress(WeightsError):
            assert converters.load(path, architecture=plain.architecture).layers.keys() == plain.layers.keys()


def test_a_description_without_weights(tiny: Architecture, tmp_path: Path) -> None:
    """The error for a network without arrays names the missing arrays."""
    net = MESSAGES["NetParameter"](name="VGG")
    net.layer.add(name="conv1_1", type="Convolution")
    (tmp_path / "a").write_bytes(net.SerializeToString())
    with pytest.raises(WeightsError, match="without layers that have parameters"):
        converters.load(tmp_path / "a", architecture=tiny)


@pytest.mark.parametrize("head", [b"", b"\n", b"\n\n<html>", b"\n\x05a\xffbcd\x12", b"\x12\x03abc", b"\n\x03abcX"])
def test_other_files_are_not_taken_for_one(head: bytes) -> None:
    """A text that begins with a line break is not taken for a network."""
    assert not is_one(head)
