"""Damaged weights files of every format, for a given time: nothing but `WeightsError` may come out.

`python -m benchmarks.fuzz_weights --seconds 60`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import converters
from benchmarks.fuzzing import fuzz
from myvgg.architecture import Dense, Pool, vgg
from myvgg.params import Params, WeightsError, random

FORMATS = (
    "h5",
    "weights.h5",
    "keras",
    "npz",
    "safetensors",
    "8bit.safetensors",
    "mat",
    "mat compressed",
    "mat 7.3",
    "pth",
)
"""All formats; a `.pth` needs torch."""

Refusal = WeightsError

FIRST_DENSE_SIDE = 2
"""Sides of the maps that the small network's first dense layer reads."""


def network() -> Params:
    """Return the parameters of a small network with the layers of VGG19."""
    blocks = ((4, 5), (6, 7), (8, 8, 8, 8), (9, 8, 7, 9), (8, 9, 10, 7))
    return random(vgg("tiny", blocks, dense=(12, 11, 10), input_size=64))


def originals(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Write a whole file of every format and yield it.

    Args:
        folder: Folder for the files.
    """
    params = network()
    for ending in FORMATS:
        path = folder / f"whole-{ending}"
        try:
            _write(params, path, ending)
        except ImportError:
            continue
        yield ending, path.read_bytes()


def _write(params: Params, path: Path, ending: str) -> None:
    import scipy.io

    if ending == "mat 7.3":
        _write_hdf5_of_matlab(params, path)
    elif ending.startswith("mat"):
        scipy.io.savemat(path, _matlab(params), appendmat=False, do_compression="compressed" in ending)
    elif ending == "keras":
        _write(params, weights := path.with_name("a.weights.h5"), "weights.h5")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", json.dumps({"keras_version": "3.0.0"}))
            archive.write(weights, "model.weights.h5")
    elif ending == "pth":
        import torch

        torch.save({name: torch.from_numpy(array.copy()) for name, array in _torchvision(params).items()}, path)
    else:
        named = path.with_name(f"a-{ending}" if ending[0] == "8" else f"a.{ending}")
        converters.save(params, named)
        named.replace(path)


def _matlab(params: Params) -> dict[str, Any]:
    layers = np.empty((1, len(params.layers)), object)
    for index, (name, (kernel, bias)) in enumerate(params.layers.items()):
        weights = np.empty((1, 2), object)
        side = FIRST_DENSE_SIDE if name == params.architecture.classifier[0].name else 1
        stored = kernel if kernel.ndim == 4 else kernel.reshape(side, side, -1, bias.size)
        weights[0, :] = [stored, bias[:, None]]
        layers[0, index] = {"name": name, "type": "conv", "weights": weights}
    return {"layers": layers, "meta": {"normalization": {}}}


def _write_hdf5_of_matlab(params: Params, path: Path) -> None:
    """Write a MAT-file of version 7.3: HDF5 behind a block of 512 bytes, cells as references, axes reversed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        layers = []
        for number, layer in enumerate(_matlab(params)["layers"].flat):
            group = file.create_group(f"#refs#/{number}")
            for name in ("name", "type"):
                group[name] = np.frombuffer(layer[name].encode("utf-16-le"), np.uint16)[:, None]
                group[name].attrs["MATLAB_class"] = np.bytes_("char")
            for part, array in enumerate(layer["weights"][0]):
                group[f"part{part}"] = array.T
            cells = np.array([[group[f"part{part}"].ref] for part in range(2)], h5py.ref_dtype)
            group["weights"] = cells
            layers.append([group.ref])
        file["layers"] = np.array(layers, h5py.ref_dtype)
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\x02IM")


def _torchvision(params: Params) -> dict[str, np.ndarray]:
    """Lay a network out as torchvision does: numbered modules, kernels with their axes in another order."""
    arrays: dict[str, np.ndarray] = {}
    index = {"features": 0, "classifier": 0}
    for layer in params.architecture.layers:
        part = "features" if not isinstance(layer, Dense) else "classifier"
        if not isinstance(layer, Pool):
            kernel, bias = params.layers[layer.name]
            arrays[f"{part}.{index[part]}.weight"] = kernel.transpose((3, 2, 0, 1) if kernel.ndim == 4 else (1, 0))
            arrays[f"{part}.{index[part]}.bias"] = bias
        index[part] += 3 if part == "classifier" else 1 if isinstance(layer, Pool) else 2
    return arrays


def read(path: Path) -> Params:
    """Read a weights file of the small network."""
    return converters.load(path, architecture=network().architecture)


def main(argv: Sequence[str] | None = None) -> int:
    """Try damaged weights files."""
    with tempfile.TemporaryDirectory() as place:
        whole = dict(originals(Path(place)))
    return fuzz(whole, "benchmarks.fuzz_weights", argv, __doc__)


if __name__ == "__main__":
    sys.exit(main())
