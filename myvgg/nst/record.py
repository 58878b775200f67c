"""What a run leaves beside its picture: its losses, and the record from which it can be run again.

A record is a table of tables: `run`, `settings`, `inputs`, `weights`, `versions`, and `metrics` where they were
measured. It is stored as TOML inside a PNG and in a file beside any picture. `presets` makes a table of settings, and
settings of a table.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import platform
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from myvgg.files import replacing
from myvgg.nst import images
from myvgg.nst.images import ImageError

KEY = "myvgg"
"""The name under which a PNG holds the record."""

PACKAGES = ("myvgg", "tensorflow", "numpy", "scipy", "pillow")
"""Whose versions a record names."""


class Row(NamedTuple):
    """The losses of one iteration: the total is weighted, its terms are not."""

    iteration: int
    scale: int
    content: float
    style: float
    tv: float
    total: float


class Log:
    """The losses of a run.

    Attributes:
        rows: One for each iteration, in order; lists that JSON made of them are taken as well.
    """

    def __init__(self, rows: Iterable[Iterable[Any]] = ()) -> None:
        self.rows: list[tuple[Any, ...]] = [Row(*row) for row in rows]

    def add(self, iteration: int, scale: int, losses: Mapping[str, float]) -> None:
        """Append the losses `content`, `style`, `tv` and `total` of an iteration."""
        self.rows.append(Row(iteration, scale, **losses))


def write_csv(log: Log, path: str | os.PathLike[str]) -> None:
    """Write the losses as a table, whole or not at all, with as many digits as tell the numbers apart.

    Raises:
        OSError: It cannot be written; an older file stays as it was.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([Row._fields, *log.rows])
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def plot(log: Log, path: str | os.PathLike[str]) -> None:
    """Draw the losses over the iterations as .png or .svg, whole or not at all; thin lines separate the scales.

    Raises:
        ValueError: Another suffix.
        OSError: It cannot be written; an older file stays as it was.
    """
    format_ = Path(path).suffix.lower().removeprefix(".")
    if format_ not in ("png", "svg"):
        raise ValueError(f"cannot draw {os.fspath(path)}: name it .png or .svg")
    drawn = _draw(log, format_)
    with replacing(path) as temporary:
        temporary.write_bytes(drawn)


def _draw(log: Log, format_: str) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot(title="Losses of the run", xlabel="iteration", ylabel="loss", yscale="log")
    rows = [Row(*row) for row in log.rows]
    iterations = [row.iteration for row in rows]
    for name in ("content", "style", "tv", "total"):
        values = np.array([getattr(row, name) for row in rows], np.float64)
        if (values > 0).any():  # a logarithm knows no others
            label = "total, weighted" if name == "total" else name
            axes.plot(iterations, np.where(values > 0, values, np.nan), label=label, linewidth=1.5)
    for before, after in pairwise(rows):
        if before.scale != after.scale:
            axes.axvline((before.iteration + after.iteration) / 2, color="0.7", linewidth=0.8, zorder=0)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside right upper")
    drawn = io.BytesIO()
    figure.savefig(drawn, format=format_, dpi=120)
    return drawn.getvalue()


def dump(record: Mapping[str, Any]) -> str:
    """Write a record as TOML, which knows no None: in tables they are left out, in lists they become empty texts."""
    import tomli_w

    return tomli_w.dumps(_plain(record))


def parse(text: str) -> dict[str, Any]:
    """Read a record.

    Raises:
        ValueError: It is no TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"the record is damaged: {error}") from error


def write(record: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a record to a file, whole or not at all.

    Raises:
        OSError: It cannot be written; an older file stays as it was.
    """
    text = dump(record)
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode())


def embed(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the text for `images.save` that lays a record into a PNG."""
    return {KEY: dump(record)}


def beside(picture: str | os.PathLike[str]) -> Path:
    """Name the file beside a picture that holds its record: out.toml for out.png."""
    return Path(picture).with_suffix(".toml")


def read_record(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the record of a picture, out of the picture itself or from the file beside it, or of a .toml.

    Raises:
        ImageError: There is no such picture, there is no record, or it is damaged; names the file.
    """
    source, text = _found(Path(path))
    try:
        record = parse(text)
    except ValueError as error:
        raise ImageError(f"{source}: {error}") from error
    if not isinstance(record.get("settings"), dict):
        raise ImageError(f"{source}: is no record of a run, for it has no table [settings]")
    return record


def _found(path: Path) -> tuple[Path, str]:
    """Return the file that holds a record, and its text."""
    if path.suffix.lower() == ".toml":
        return path, _text(path)
    embedded = images.text_of(path).get(KEY)
    if embedded is not None:
        return path, embedded
    files = [beside(path), path.with_name(f"{path.name}.toml")]
    for file in files:
        if file.is_file():
            return file, _text(file)
    names = " nor ".join(file.name for file in files)
    raise ImageError(f"{path}: holds no record of a run, and there is neither {names} beside it")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Raises:
        OSError: It cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that make the picture, as far as they are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _plain(value: Any) -> Any:
    """Bring a value to the types that TOML knows."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return ["" if each is None else _plain(each) for each in value]
    if isinstance(value, str | os.PathLike):
        # A file's name may be bytes that are no text; UTF-8 has no place for them.
        return os.fspath(value).encode("utf-8", "replace").decode()
    return value.item() if isinstance(value, np.generic) else value
