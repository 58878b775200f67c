"""NumPy archives: arrays named `conv1_1/kernel` and so on, and the metadata as JSON in the array `metadata`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from myvgg.architecture import Architecture
from myvgg.params import Params, WeightsError, checked, metadata_of, pair_up, parse_metadata
from myvgg.runtime.files import replacing


def read(path: Path, architecture: Architecture) -> Params:
    """Read a file of `write`; see `converters.load`."""
    with np.load(path, allow_pickle=False) as archive:
        if "metadata" not in archive.files:
            raise WeightsError(path, "a NumPy archive, but not one that myvgg wrote")
        tensors = {name: archive[name] for name in archive.files if name != "metadata"}
        metadata = json.loads(str(archive["metadata"]))
    stored = parse_metadata(metadata, path=path, architecture=architecture)
    return checked(pair_up(tensors, separator="/"), path=path, architecture=architecture, **stored._asdict())


def write(params: Params, path: Path) -> None:
    """Write an uncompressed archive; see `converters.save`."""
    arrays = {
        f"{name}/{part}": array for name, layer in params.layers.items() for part, array in layer._asdict().items()
    }
    with (
        replacing(path) as temporary,
        temporary.open("wb") as file,
    ):  # a file object, since savez adds a suffix to names
        np.savez(file, metadata=json.dumps(metadata_of(params)), **arrays)
