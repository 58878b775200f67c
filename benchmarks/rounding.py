"""How far the features of the bundled weights, whose kernels have 8 bits, are from those of exact ones.

Compared with the file that `MYVGG_TEST_WEIGHTS` names, over all pictures of `examples` at their own size: the norm of
the difference over the norm of the features, layer by layer. Which blocks of that file are exact is for its maker to
say; `weights/README.md` tells how far off the network is. Loading is measured beside a file of 32 bits.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.measure import ROOT, Result, compare
from myvgg import converters, store
from myvgg.cli.program import muted

NEEDS = ("tensorflow",)
ROUNDS = 15
LOADED_WITHIN = 0.3
"""Seconds."""


def run() -> Iterator[Result]:
    """Measure the distances, where there is a file to compare with, and the time to load."""
    if reference := os.environ.get("MYVGG_TEST_WEIGHTS"):
        for layer, distance in distances(Path(reference)).items():
            yield Result(f"distance at {layer}", "the norm of its features", 100 * distance, 100, "%", distance)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "vgg19.safetensors")
        converters.save(store.load("bundled"), whole)
        yield compare(
            "load the bundled file to arrays",
            "the same of 32 bits",
            lambda: converters.load(store.bundled_path()),
            lambda: converters.load(whole),
            rounds=ROUNDS,
        ).within(LOADED_WITHIN)


def distances(reference: Path) -> dict[str, float]:
    """Return the relative L2 distance of each rectified layer."""
    with muted():
        from myvgg import VGG19, images

    ours, theirs = VGG19.load("bundled"), VGG19.load(reference)
    names = [f"relu{conv.name.removeprefix('conv')}" for conv in ours.architecture.convolutions]
    squares = {name: np.zeros(2) for name in names}
    for path in sorted((ROOT / "examples").glob("*.jpg")):
        picture = images.load(path)
        pair = [vgg.features(picture, names) for vgg in (ours, theirs)]
        for name in names:
            first, second = (maps[name].numpy().astype(np.float64) for maps in pair)
            squares[name] += np.sum((first - second) ** 2), np.sum(second**2)
    return {name: float(np.sqrt(off / norm)) for name, (off, norm) in squares.items()}
