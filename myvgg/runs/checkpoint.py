"""Checkpoints: the state of a run on disk. A run that was killed goes on from it with equal results.

A file holds the state, the losses and frames so far, and a description of the run. It is written whole or not at all,
so the last checkpoint is usable at any moment.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from myvgg.nst.state import AdamState, LBFGSState, State
from myvgg.runtime.files import replacing

FORMAT = "myvgg checkpoint 4"

HEADER_BYTES = 1 << 16
"""Number of bytes at the beginning of a file in which the name of its format is looked for."""

STATES: dict[str, Any] = {"adam": AdamState, "lbfgs": LBFGSState}
"""The states of optimisers, by the prefixes of the names of their arrays."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The contents of a checkpoint file.

    Attributes:
        state: The state of the run after its last step.
        made_of: Settings, hashes of inputs and weights, as a table for JSON: everything that must be equal for the run
            to go on.
        log: Losses of each step so far, as rows of numbers.
        frames: Frames of an animation by the number of their step.
    """

    state: State
    made_of: Mapping[str, Any]
    log: Sequence[Sequence[Any]] = ()
    frames: Mapping[int, np.ndarray] = field(default_factory=dict)


def path_for(output: str | os.PathLike[str]) -> Path:
    """Return the path of the checkpoint of a picture: beside it.

    Args:
        output: The picture file.

    Example:
        >>> path_for("out.png").name
        'out.png.checkpoint'
    """
    return Path(f"{os.fspath(output)}.checkpoint")


def save(checkpoint: Checkpoint, path: str | os.PathLike[str]) -> None:
    """Write a checkpoint, whole or not at all.

    Args:
        checkpoint: The checkpoint.
        path: The file.

    Raises:
        OSError: The file cannot be written; an older file stays as it was.
    """
    frames = {f"frame.{iteration}": frame for iteration, frame in checkpoint.frames.items()}
    arrays = {name: np.asarray(array, order="C") for name, array in (_arrays_of(checkpoint.state) | frames).items()}
    metadata = {
        "format": FORMAT,
        "log": json.dumps(checkpoint.log),
        "made_of": json.dumps(checkpoint.made_of),
    }
    with replacing(path) as temporary:
        try:
            safetensors.numpy.save_file(arrays, temporary, metadata)  # makes no copy of the arrays
        except safetensors.SafetensorError as error:
            raise OSError(errno.EIO, f"cannot be written: {error}", os.fspath(path)) from error
        with temporary.open("rb") as file:
            os.fsync(file.fileno())


def is_there(output: str | os.PathLike[str]) -> bool:
    """Tell whether a picture has a checkpoint; one whose name is too long for the file system has none.

    Args:
        output: The picture.
    """
    return os.path.exists(path_for(output))  # noqa: PTH110  # which takes any name


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is a checkpoint of any version, or empty.

    Args:
        path: The file.

    Raises:
        OSError: The file cannot be read.
    """
    with open(path, "rb") as file:  # noqa: PTH123
        beginning = file.read(HEADER_BYTES)
    return not beginning or (beginning[8:9] == b"{" and FORMAT.split()[0].encode() in beginning)


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: The file.

    Raises:
        ValueError: Another kind of file, a checkpoint of another version, or a damaged one.
        OSError: The file cannot be read.
    """
    try:
        with safetensors.safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise ValueError(f"{os.fspath(path)}: no checkpoint of this version; remove it to begin anew")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # a file is not a mapping
        log, made_of = json.loads(metadata["log"]), json.loads(metadata["made_of"])
        frames = {int(name.partition(".")[2]): arrays[name] for name in arrays if name.startswith("frame.")}
        return Checkpoint(_state_of(arrays), made_of, log, {key: frames[key] for key in sorted(frames)})
    except (safetensors.SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{os.fspath(path)}: damaged, remove it to begin anew ({error})") from error


def check(found: Mapping[str, Any], expected: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Raise unless a checkpoint belongs to this run.

    Args:
        found: The table `made_of` of the checkpoint.
        expected: The table of this run.
        path: The file, for the error.

    Raises:
        ValueError: It belongs to another run; the message names each difference.
    """
    found, expected = json.loads(json.dumps(found)), json.loads(json.dumps(expected))
    if problems := list(_differences(found, expected, "")):
        raise ValueError(
            f"{os.fspath(path)} belongs to another run: {'; '.join(problems)}; "
            "give the same pictures and options to go on, or leave --resume out to begin anew"
        )


def _arrays_of(state: State) -> dict[str, np.ndarray]:
    """Return the values of a state as arrays by name, without those that are None."""
    kind = next(kind for kind, each in STATES.items() if isinstance(state.optimizer, each))
    named = {each.name: getattr(state, each.name) for each in fields(state) if each.name != "optimizer"}
    named |= {f"{kind}.{each.name}": getattr(state.optimizer, each.name) for each in fields(state.optimizer)}
    return {name: np.asarray(value) for name, value in named.items() if value is not None}


def _state_of(arrays: Mapping[str, np.ndarray]) -> State:
    """Return the state that `_arrays_of` took apart; arrays of one number become numbers of Python."""
    values = {name: array if array.ndim else array.item() for name, array in arrays.items()}
    kind = next((kind for kind in STATES if f"{kind}.image" in values), None)
    if kind is None:
        raise KeyError("no picture")
    begin = f"{kind}."
    own = {name.removeprefix(begin): value for name, value in values.items() if name.startswith(begin)}
    of_run: dict[str, Any] = {name: value for name, value in values.items() if "." not in name}
    return State(STATES[kind](**own), **of_run)


def _differences(found: Any, expected: Any, name: str) -> Iterator[str]:
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted({*found, *expected}):
            yield from _differences(found.get(key), expected.get(key), f"{name}.{key}" if name else key)
    elif found != expected:
        yield f"{name} was {_short(found)} and is {_short(expected)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
