"""Words of a command line to picture files."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from PIL import Image

from myvgg.command import UsageError


def found(words: Iterable[str], *, outside: Path | None = None, recursive: bool = False) -> list[Path]:
    """Return the picture files that words stand for, each once, in order.

    Args:
        words: Files, folders of pictures, or patterns (`photos/**/*.jpg`).
        outside: Leave out what folders and patterns find in this folder.
        recursive: Look into the folders of folders.

    Raises:
        UsageError: No words, or one that stands for no picture; names it.
    """
    words = list(words)
    if not words:
        raise UsageError("name pictures: files, folders or patterns")
    paths = [path for word in words for path in _matches(word, outside, recursive)]
    distinct: dict[str, Path] = {}
    for path in paths:
        distinct.setdefault(os.path.abspath(path), path)  # noqa: PTH100, which would follow links
    return list(distinct.values())


def _matches(word: str, outside: Path | None, recursive: bool) -> Sequence[Path]:
    path = Path(word).expanduser()
    if path.is_file():
        return [path]
    candidates: Iterator[Path] | list[Path]
    if path.is_dir():
        candidates = path.rglob("*") if recursive else path.iterdir()
    else:
        candidates = [Path(each) for each in glob.glob(str(path), recursive=True)]  # noqa: PTH207
    outside = outside and outside.resolve()
    pictures = sorted(
        each for each in candidates if _is_picture(each) and (outside is None or outside not in each.resolve().parents)
    )
    if not pictures:
        what = "the folder has no pictures" if path.is_dir() else "there is no such picture"
        raise UsageError(f"{what}: {word}")
    return pictures


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in _readable() and not path.name.startswith(".") and path.is_file()


@cache
def _readable() -> frozenset[str]:
    """Return the suffixes of what Pillow reads."""
    return frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN)
