"""The state of a run on disk, so that one that was killed goes on as if nothing had happened.

A file holds the arrays of `Step.state`, the losses so far and what the run was made of.
It appears whole or not at all, so that there is a usable one at any moment.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

from myvgg.files import replacing

FORMAT = "myvgg checkpoint 2"


class Checkpoint(NamedTuple):
    """What is stored of a run.

    Attributes:
        state: For `stylize(state=...)`.
        extras: What the command line keeps beside it, such as the losses so far; anything that JSON can hold.
        made_of: Settings, hashes of inputs and weights: what must be the same to go on; nested, for JSON.
    """

    state: Mapping[str, np.ndarray]
    extras: Mapping[str, Any]
    made_of: Mapping[str, Any]


def path_for(output: str | os.PathLike[str]) -> Path:
    """Return where the checkpoint of a run lies: beside its picture."""
    return Path(f"{os.fspath(output)}.checkpoint")


def save(checkpoint: Checkpoint, path: str | os.PathLike[str]) -> None:
    """Write a checkpoint.

    Raises:
        OSError: It cannot be written; an older one stays as it was.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in checkpoint.state.items()}
    metadata = {
        "format": FORMAT,
        "extras": json.dumps(checkpoint.extras),
        "made_of": json.dumps(checkpoint.made_of),
    }
    with replacing(path) as temporary:
        try:
            safetensors.numpy.save_file(arrays, temporary, metadata)  # without a copy of them
        except safetensors.SafetensorError as error:
            raise OSError(errno.EIO, f"cannot be written: {error}", os.fspath(path)) from error
        with temporary.open("rb") as file:
            os.fsync(file.fileno())


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        ValueError: No checkpoint, or damaged.
        OSError: It cannot be read.
    """
    try:
        with safetensors.safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise ValueError(f"{os.fspath(path)}: no checkpoint of this version; remove it to begin anew")
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, a file is not a mapping
            return Checkpoint(state, json.loads(metadata["extras"]), json.loads(metadata["made_of"]))
    except (safetensors.SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{os.fspath(path)}: damaged, remove it to begin anew ({error})") from error


def check(found: Mapping[str, Any], expected: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Raise unless a checkpoint was made of the same as this run.

    Raises:
        ValueError: It was not; names each difference.
    """
    found, expected = json.loads(json.dumps(found)), json.loads(json.dumps(expected))
    if problems := list(_differences(found, expected, "")):
        raise ValueError(
            f"{os.fspath(path)} belongs to another run: {'; '.join(problems)}; remove it or run without --resume"
        )


def _differences(found: Any, expected: Any, name: str) -> Iterator[str]:
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted({*found, *expected}):
            yield from _differences(found.get(key), expected.get(key), f"{name}.{key}" if name else key)
    elif found != expected:
        yield f"{name} was {_short(found)} and is {_short(expected)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
