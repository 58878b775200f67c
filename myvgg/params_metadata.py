"""The metadata of parameters as text, for the headers of files: labels, origin, responses, preprocessing."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from myvgg.architecture import Architecture
from myvgg.parameter_records import CAFFE, Origin, Preprocessing, WeightsError

if TYPE_CHECKING:
    from myvgg.params import Params

FORMAT = "myvgg 1"
"""Name of our format in the metadata of a safetensors or npz file."""


class Metadata(NamedTuple):
    """The attributes of `Params` beside its arrays and its architecture.

    Attributes:
        labels: Names of the classes.
        origin: The source of the arrays.
        rms: Root mean square of each tensor on photographs.
        preprocessing: The way from a picture to the network's input.
    """

    labels: tuple[str, ...]
    origin: Origin
    rms: dict[str, float]
    preprocessing: Preprocessing


def metadata_of(params: Params) -> dict[str, str]:
    """Write the metadata of parameters as texts by name.

    Args:
        params: The parameters.
    """
    return {
        "format": FORMAT,
        "architecture": params.architecture.name,
        "labels": json.dumps(params.labels),
        "origin": json.dumps(asdict(params.origin)),
        "rms": json.dumps(params.rms),
        "preprocessing": json.dumps(params.preprocessing._asdict()),
    }


def parse_metadata(
    metadata: Mapping[str, str], *, path: str | os.PathLike[str], architecture: Architecture
) -> Metadata:
    """Read the texts of `metadata_of`. Without preprocessing, as in older files, it is `CAFFE`.

    Args:
        metadata: The texts by name.
        path: The file, for errors.
        architecture: The network that the file must hold.

    Raises:
        WeightsError: Metadata of another program, version or architecture, or damaged metadata.
    """
    if metadata.get("format") != FORMAT:
        raise WeightsError(path, f"marked as {metadata.get('format')!r}, this version reads {FORMAT!r}")
    if metadata.get("architecture") != architecture.name:
        raise WeightsError(path, f"holds {metadata.get('architecture')}, not {architecture.name}")
    try:
        origin = json.loads(metadata["origin"])
        preprocessing = json.loads(metadata["preprocessing"]) if "preprocessing" in metadata else CAFFE._asdict()
        return Metadata(
            labels=tuple(json.loads(metadata["labels"])),
            origin=Origin(**origin | {"notes": tuple(origin["notes"])}),
            rms={str(name): float(value) for name, value in json.loads(metadata.get("rms", "{}")).items()},
            preprocessing=_checked_preprocessing(**preprocessing),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(path, f"its metadata are damaged, get the file again ({error})") from error


def _checked_preprocessing(channels: Any, mean: Any, scale: Any) -> Preprocessing:
    mean, scale = (tuple(map(float, numbers)) for numbers in (mean, scale))
    if channels not in ("bgr", "rgb") or len(mean) != 3 or len(scale) != 3 or not all(scale):
        raise ValueError(f"preprocessing {channels!r}, {mean}, {scale}")
    return Preprocessing(channels, mean, scale)
