"""Damaged weights files of every format, for a given time: nothing but `WeightsError` may come out.

Files are cut off, bytes are changed, numbers are enlarged, and pieces exchanged. They are read in child processes,
since a parser may end its process: `python -m benchmarks.fuzz_weights --seconds 60`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import converters
from myvgg.architecture import Dense, Pool, vgg
from myvgg.params import Params, random

FORMATS = ("h5", "weights.h5", "keras", "npz", "safetensors", "8bit.safetensors", "mat", "mat compressed", "pth")
"""All formats; a `.pth` needs torch."""

FIRST_DENSE_SIDE = 2
"""Sides of the maps that the small network's first dense layer reads."""

BATCH = 40
"""Files a child process."""

CHILD_SECONDS = 25
"""Seconds after which a child process is ended."""

CHILD = """
import collections, json, pathlib, sys
import converters
from myvgg.params import WeightsError
from benchmarks.fuzz_weights import network
outcomes = collections.Counter()
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    print(path, file=sys.stderr, flush=True)
    try:
        converters.load(path, architecture=network().architecture)
        outcomes["read"] += 1
    except WeightsError:
        outcomes["WeightsError"] += 1
    except BaseException as error:
        outcomes[type(error).__name__] += 1
print(json.dumps(outcomes))
"""


def network() -> Params:
    """Return the parameters of a small network with the layers of VGG19."""
    blocks = ((4, 5), (6, 7), (8, 8, 8, 8), (9, 8, 7, 9), (8, 9, 10, 7))
    return random(vgg("tiny", blocks, dense=(12, 11, 10), input_size=64))


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a file with one to three faults.

    Args:
        content: The whole file.
        rng: The generator of random numbers.
    """
    changed = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(changed)) if rng.random() < 0.5 else rng.integers(min(len(changed), 4096)))
        match rng.integers(5):
            case 0:
                del changed[max(at, 1) :]
            case 1:
                changed[at] ^= 1 << int(rng.integers(8))
            case 2:
                changed[at : at + 4] = rng.choice([b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xff\xff\xff\xff", b"9999"])
            case 3:
                changed[at : at + 64] = rng.bytes(int(rng.integers(64)))
            case _:
                other = int(rng.integers(len(changed)))
                changed[at : at + 32] = changed[other : other + 32]
    return bytes(changed)


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

    if ending.startswith("mat"):
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


def _matlab(params: Params) -> dict[str, object]:
    layers = np.empty((1, len(params.layers)), object)
    for index, (name, (kernel, bias)) in enumerate(params.layers.items()):
        weights = np.empty((1, 2), object)
        side = FIRST_DENSE_SIDE if name == params.architecture.classifier[0].name else 1
        stored = kernel if kernel.ndim == 4 else kernel.reshape(side, side, -1, bias.size)
        weights[0, :] = [stored, bias[:, None]]
        layers[0, index] = {"name": name, "type": "conv", "weights": weights}
    return {"layers": layers, "meta": {"normalization": {}}}


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


def tried(folder: Path) -> Counter[str]:
    """Read all files of a folder in a child process; one that ends is counted with its signal.

    Args:
        folder: The folder.
    """
    command = [sys.executable, "-W", "ignore", "-c", CHILD, str(folder)]
    try:
        done = subprocess.run(  # noqa: S603, our own
            command, capture_output=True, text=True, check=False, timeout=CHILD_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        last = (error.stderr or b"").decode().splitlines()[-1:]
        return Counter({f"no end in {CHILD_SECONDS} s at {[Path(each).name for each in last]}": 1})
    if done.returncode:
        return Counter({f"ended by {done.returncode} at {done.stderr.splitlines()[-1:]}": 1})
    return Counter(json.loads(done.stdout.splitlines()[-1]))


def main(argv: Sequence[str] | None = None) -> int:
    """Try damaged files, print what came out by format, and return 1 where anything but our error did."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_weights", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="time to run")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other files")
    arguments = parser.parse_args(argv)
    rng, end = np.random.default_rng(arguments.seed), time.monotonic() + arguments.seconds
    outcomes: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as place:
        whole = list(originals(Path(place)))
        while time.monotonic() < end:
            for ending, content in whole:
                with tempfile.TemporaryDirectory() as folder:
                    for index in range(BATCH):
                        Path(folder, f"{index:02}").write_bytes(damaged(content, rng))
                    outcomes[ending] = outcomes.get(ending, Counter()) + tried(Path(folder))
                if time.monotonic() > end:
                    break
    for ending, counter in outcomes.items():
        print(f"{ending:18} {counter.total():6} files: {', '.join(f'{n} {what}' for what, n in counter.items())}")
    return int(any(set(counter) - {"read", "WeightsError"} for counter in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
