"""Files that were made to do harm: they read no other file, take no memory that they only declare, end no process."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

import converters
from myvgg.architecture import Architecture
from myvgg.params import Params, WeightsError
from myvgg.runtime.hdf5_files import HEAP


def relinked(kind: str, path: Path, secret: Path) -> None:
    """Let an array of a Keras file lie elsewhere."""
    with h5py.File(path, "r+") as file:
        group = file["block1_conv1"]
        name = "block1_conv1_W_1:0"
        shape = group[name].shape
        del group[name]
        if kind == "external link":
            group[name] = h5py.ExternalLink(str(secret), "/data")
        elif kind == "soft link":
            group[name] = h5py.SoftLink("/block1_conv2/block1_conv2_W_1:0")
        elif kind == "external storage":
            group.create_dataset(name, shape, "<f4", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
        else:
            layout = h5py.VirtualLayout(shape, "<f4")
            layout[:] = h5py.VirtualSource(str(secret), "data", shape)
            group.create_virtual_dataset(name, layout)


@pytest.mark.parametrize("kind", ["external link", "soft link", "external storage", "virtual"])
@pytest.mark.parametrize("in_archive", [False, True], ids=["h5", "keras"])
def test_no_file_of_the_machine_becomes_weights(
    kind: str, in_archive: bool, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """Links and arrays that lead out of an HDF5 file are refused."""
    path, secret = tmp_path / "a.h5", tmp_path / "secret"
    with h5py.File(secret, "w") as file:
        file["data"] = tiny_params.layers["conv1_1"].kernel
    converters.save(tiny_params, path)
    relinked(kind, path, secret)
    if in_archive:
        with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
            archive.writestr("metadata.json", '{"keras_version": "3.0.0"}')
            archive.writestr("model.weights.h5", path.read_bytes())
        path = tmp_path / "a.keras"
    with pytest.raises(WeightsError, match=r"block1_conv1_W_1:0 lies in another file or is only a link"):
        converters.load(path, architecture=tiny)


def mat(*elements: bytes) -> bytes:
    """Return a MAT-file of version 5."""
    return b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x100) + b"IM" + b"".join(elements)


def element(kind: int, content: bytes, size: int | None = None) -> bytes:
    """Return an element, which may declare another size."""
    padding = b"" if kind == 15 else bytes(-len(content) % 8)
    return struct.pack("<II", kind, len(content) if size is None else size) + content + padding


def matrix(kind: int, sides: tuple[int, ...], *parts: bytes) -> bytes:
    """Return a matrix called layers."""
    head = (struct.pack("<II", kind, 0), struct.pack(f"<{len(sides)}i", *sides), b"layers")
    return element(14, b"".join([*map(element, (6, 5, 1), head), *parts]))


def h5_of_chunks(path: Path, params: Params) -> None:
    """Write a Keras file whose first array is declared with 400 GB."""
    converters.save(params, path)
    with h5py.File(path, "r+") as file:
        name = "block1_conv1/block1_conv1_W_1:0"
        del file[name]
        file.create_dataset(name, (100_000, 1_000_000), "<f4", chunks=(100, 100), compression="gzip")


def h5_of_our_layer(path: Path, params: Params) -> None:
    """Write the weights of a Keras model around our layer, whose first array is declared with 400 GB."""
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/vgg_features/vars")
        group["preprocessing"] = np.array([0, *params.preprocessing.mean, *params.preprocessing.scale])
        for name, layer in params.layers.items():
            group[f"{name}_kernel"], group[f"{name}_bias"] = layer
        del group["conv1_1_kernel"]
        group.create_dataset("conv1_1_kernel", (100_000, 1_000_000), "<f4", chunks=(100, 100), compression="gzip")


def keras_bomb(path: Path, params: Params) -> None:
    """Write an archive whose weights are 300 MB of zeros, compressed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.0.0"}')
        archive.writestr("model.weights.h5", bytes(300 << 20))


def npz_of_terabytes(path: Path, params: Params) -> None:
    """Write an archive whose first array is declared with 4 TiB."""
    converters.save(params, path)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)})
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["conv1_1/kernel.npy"] = header.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


MATS: dict[str, bytes] = {
    "unknown element": mat(element(15, zlib.compress(matrix(6, (1, 1), element(99, bytes(8)))))),
    "unknown element, plain": mat(matrix(6, (1, 1), element(99, bytes(8)))),
    "many cells": mat(matrix(1, (1 << 15, 1 << 15))),
    "many cells, compressed": mat(element(15, zlib.compress(matrix(1, (1 << 15, 1 << 15))))),
    "long text": mat(matrix(4, (1, 1 << 30), element(4, b""))),
    "long content": mat(matrix(6, (1, 1), element(9, bytes(8), 0xFFFFFF00))),
    "negative side": mat(matrix(6, (-1, 1), element(9, bytes(8)))),
}

HOSTILE: dict[str, Callable[[Path, Params], object]] = {
    "h5": h5_of_chunks,
    "weights.h5": h5_of_our_layer,
    "keras": keras_bomb,
    "npz": npz_of_terabytes,
    **{name: lambda path, _, content=content: path.write_bytes(content) for name, content in MATS.items()},
}

CHILD = """
import resource, sys
import converters, h5py, scipy.io
from myvgg.architecture import vgg
from myvgg.params import WeightsError
tiny = vgg("tiny", ((4, 5), (6, 7), (8, 8, 8, 8), (9, 8, 7, 9), (8, 9, 10, 7)), dense=(12, 11, 10), input_size=64)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    converters.load(sys.argv[1], architecture=tiny)
except WeightsError as error:
    print("refused", error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_declared_sizes_take_no_memory_and_end_no_process(name: str, tiny_params: Params, tmp_path: Path) -> None:
    """A small file is refused in one line by a process that goes on and grows by less than 100 MB."""
    path = tmp_path / f"hostile.{name}"
    HOSTILE[name](path, tiny_params)
    done = subprocess.run([sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *refusal, grown = done.stdout.splitlines()
    assert len(refusal) == 1
    assert refusal[0].startswith(f"refused {path}: ")
    assert int(grown) < 100_000


def test_a_damaged_name_in_an_archive_is_our_error(tiny: Architecture, tiny_params: Params, tmp_path: Path) -> None:
    """A zip archive whose list of names is no text is refused in one line."""
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ä.npy", b"")
    path.write_bytes(path.read_bytes().replace("ä".encode(), b"\xff\xff"))
    with pytest.raises(WeightsError, match="damaged or cut off"):
        converters.load(path, architecture=tiny)


@pytest.mark.slow
@pytest.mark.parametrize(("place", "value"), [("free", 0), ("used", 2**64 - 1), ("used", 2**64 - 16), ("heap", 2**40)])
@pytest.mark.parametrize("in_archive", [False, True], ids=["weights.h5", "keras"])
def test_a_damaged_heap_of_texts_ends(
    place: str, value: int, in_archive: bool, tiny_params: Params, tmp_path: Path
) -> None:
    """A heap whose pieces do not reach its end is refused; HDF5 itself would go round in it for ever."""
    path = tmp_path / "a.weights.h5"
    converters.save(tiny_params, path)
    content = bytearray(path.read_bytes())
    heap = content.find(HEAP)
    piece = heap + 16
    while place == "free" and struct.unpack_from("<H", content, piece)[0]:
        piece += 16 + -(-struct.unpack_from("<Q", content, piece + 8)[0] // 8) * 8
    struct.pack_into("<Q", content, 8 + (heap if place == "heap" else piece), value)
    path.write_bytes(content)
    if in_archive:
        path = path.with_name("a.keras")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", '{"keras_version": "3.0.0"}')
            archive.writestr("model.weights.h5", bytes(content))
    command = [sys.executable, "-c", CHILD, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.startswith(f"refused {path}: damaged"), done.stderr
