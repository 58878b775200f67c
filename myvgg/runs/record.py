"""The record of a run, from which it can be run again.

A record is a table of tables: `run`, `settings`, `inputs`, `weights`, `versions`, `losses`, and `metrics` where they
were measured. It is stored as TOML inside a PNG, and in a file beside any picture. Settings are converted by
`myvgg.nst.tables`.
"""

from __future__ import annotations

import hashlib
import os
import platform
import tomllib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from myvgg import images
from myvgg.images import ImageError
from myvgg.nst import tables
from myvgg.nst.settings import Settings
from myvgg.runtime.files import SPECIAL, is_special, replacing

KEY = "myvgg"
"""Keyword of the record in a PNG."""

PACKAGES = ("myvgg", "tensorflow", "numpy", "scipy", "pillow")
"""Packages whose versions are in a record."""


def dump(record: Mapping[str, Any]) -> str:
    """Return a record as TOML. TOML has no None: it is left out of tables, and becomes an empty text in lists.

    Args:
        record: The record.

    Example:
        >>> print(dump({"run": {"steps": 3}}), end="")
        [run]
        steps = 3
    """
    import tomli_w

    return tomli_w.dumps(_plain(record))


def parse(text: str) -> dict[str, Any]:
    """Read a record from TOML.

    Args:
        text: The TOML.

    Raises:
        ValueError: The text is no TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"the record is damaged: {error}") from error


def write(record: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a record to a file, whole or not at all.

    Args:
        record: The record.
        path: The file.

    Raises:
        OSError: The file cannot be written; an older file stays as it was.
    """
    text = dump(record)
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode())


def embed(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the argument `text` with which `images.save` writes a record into a PNG.

    Args:
        record: The record.
    """
    return {KEY: dump(record)}


def beside(picture: str | os.PathLike[str], suffix: str = ".toml") -> Path:
    """Return the path of a file that goes with a picture, by default of its record: out.png.toml for out.png.

    Args:
        picture: The picture file.
        suffix: Suffix of the other file.
    """
    return Path(f"{os.fspath(picture)}{suffix}")


def read_record(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the record of a picture: from the picture itself, or else from the file beside it.

    A PNG has the names of its inputs only. Their folders, and the time of the run, are taken from the file beside it,
    where there is one.

    Args:
        path: The picture, or a record's .toml.

    Raises:
        ImageError: There is no such picture, there is no record, or the record is damaged; the message names the file.
    """
    source, text = _found(Path(path))
    record = _checked(source, text)
    if source.suffix.lower() != ".toml" and beside(source).is_file():
        _add_folders(record, beside(source))
    return record


def has_record(path: str | os.PathLike[str]) -> bool:
    """Tell whether a picture was made by a run.

    Args:
        path: The picture.
    """
    try:
        return bool(read_record(path))
    except ImageError:
        return False


def is_record(path: Path) -> bool:
    """Tell whether a file is a record, by two tables that all of them have: settings and versions.

    Args:
        path: The file, which may be missing.
    """
    if is_special(path):
        return False
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "[settings]" in text and "[versions]" in text


def _found(path: Path) -> tuple[Path, str]:
    """Return the file that holds a record, and its text."""
    if path.suffix.lower() == ".toml":
        return path, _text(path)
    embedded = images.text_of(path).get(KEY)
    if embedded is not None:
        return path, embedded
    file, former = beside(path), path.with_suffix(".toml")
    if file.is_file():
        return file, _text(file)
    if former.is_file() and _only_picture(path):  # the name of a record until version 0.1
        return former, _text(former)
    raise ImageError(f"{path}: holds no record of a run, and there is no {file.name} beside it")


def _only_picture(path: Path) -> bool:
    """Return whether no other file beside a picture can be a picture of the same name."""
    others = (each for each in path.parent.iterdir() if each.stem == path.stem and each != path)
    return not any(_is_picture(each) for each in others)


def _is_picture(path: Path) -> bool:
    try:
        images.format_of(path)
    except ValueError:
        return False
    return True


def _checked(source: Path, text: str) -> dict[str, Any]:
    """Read the text of a record, and raise an error that names its file where values are missing or of other types."""
    try:
        record = parse(text)
    except ValueError as error:
        raise ImageError(f"{source}: {error}") from error
    if not isinstance(record.get("settings"), dict):
        raise ImageError(f"{source}: is no record of a run, for it has no table [settings]")
    record = {"run": {}, "inputs": {}, "weights": {}, **record}
    if wrong := [table for table in ("run", "inputs", "weights") if not isinstance(record[table], dict)]:
        raise ImageError(f"{source}: the record is damaged: {', '.join(wrong)}")
    run = {**DEFAULTS, **record["run"]}
    values = {f"run.{name}": (run.get(name), kind) for name, kind in TYPES.items()}
    for role, entry in record["inputs"].items():
        named = entry if isinstance(entry, dict) else {}
        values |= {f"inputs.{role}.{name}": (named.get(name), str) for name in ("file", "sha256")}
    values |= {f"weights.{name}": (record["weights"].get(name, ""), str) for name in ("sha256", "generation", "file")}
    for table in ("losses", "metrics"):
        values[table] = (numbers := record.get(table, {}), dict)
        if isinstance(numbers, dict):
            values |= {f"{table}.{name}": (value, float | int) for name, value in numbers.items()}
    if wrong := [name for name, (value, kind) in values.items() if not isinstance(value, kind)]:
        raise ImageError(f"{source}: the record is damaged: {', '.join(wrong)}")
    return {**record, "run": run}


DEFAULTS = {"matte": "white", "steps": 0, "finished": False}
"""Values of the table `run` where a record has none."""

FORMER: dict[str, Any] = {"step_growth": 1.0, "first_steps": 2.0, "content_details": 0.0}
"""Settings that records of earlier versions do not name, with the values of that time."""

TYPES: dict[str, Any] = {
    "matte": str,
    "bits": int | None,
    "seconds": float | int | None,
    "steps": int,
    "finished": bool,
}
"""Types of the values of a record's table `run`."""


def _add_folders(record: dict[str, Any], file: Path) -> None:
    """Name the inputs of a record as the file beside its picture does, where the hashes are equal; add its time."""
    try:
        other = _checked(file, _text(file))
    except ImageError:
        return
    places = other["inputs"]
    if "seconds" in other["run"]:
        record["run"].setdefault("seconds", other["run"]["seconds"])
    for role, entry in record["inputs"].items():
        if places.get(role, {}).get("sha256") == entry["sha256"]:
            entry["file"] = places[role]["file"]


def shared(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record without the folders of its inputs and weights, since people pass pictures on, and its time.

    Two runs with the same settings give the same bytes.

    Args:
        record: The record.
    """
    inputs = {role: {**entry, "file": Path(entry["file"]).name} for role, entry in record["inputs"].items()}
    weights = {**record["weights"], "file": Path(record["weights"]["file"] or "").name}
    settings = {**record["settings"]}
    if "init" in inputs:
        settings["init"] = inputs["init"]["file"]
    run = {name: value for name, value in record["run"].items() if name != "seconds"}
    return {**record, "run": run, "settings": settings, "inputs": inputs, "weights": weights}


def settings_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a record, with the values that settings had before records named them.

    Args:
        record: The record.
    """
    return {**FORMER, **record["settings"]}


def pixels_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that decide a picture, with the defaults of those that an older record does not know.

    Args:
        settings: The table `settings` of a record.
    """
    table = {**tables.table_of(Settings()), **FORMER, **settings}
    table["init"] = Path(str(table["init"])).name  # its content is compared with those of the other inputs
    return {name: value for name, value in table.items() if name not in NEUTRAL}


NEUTRAL = ("max_memory",)
"""Settings that decide about the run, and not about the picture."""


def _text(path: Path) -> str:
    if is_special(path):
        raise ImageError(f"{path}: {SPECIAL}")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Args:
        path: The file.

    Raises:
        OSError: The file cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages that compute pictures."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _plain(value: Any) -> Any:
    """Convert a value to the types of TOML."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return ["" if each is None else _plain(each) for each in value]
    if isinstance(value, str | os.PathLike):
        # The name of a file may hold bytes that are no text, and UTF-8 cannot hold them.
        return os.fspath(value).encode("utf-8", "replace").decode()
    return value.item() if isinstance(value, np.generic) else value
