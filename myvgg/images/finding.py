"""Names of picture files, folders and patterns to picture files."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from PIL import Image

from myvgg.runtime.errors import UsageError


def find_pictures(
    names: Iterable[str | os.PathLike[str]], *, outside: Path | None = None, recursive: bool = False
) -> list[Path]:
    """List the picture files that names stand for, each file once, in the order of the names.

    Args:
        names: Files, folders of pictures, or patterns (`photos/**/*.jpg`). The files of a folder or a pattern are
            sorted. A file that is named itself is taken whatever its suffix; of the others, those whose suffix Pillow
            reads, without hidden ones.
        outside: A folder whose files are left out, unless they are named themselves.
        recursive: Look into the folders of folders as well.

    Raises:
        UsageError: No names, or a name that stands for no picture.

    Example:
        >>> from myvgg import images
        >>> [path.name for path in images.find_pictures(["examples/c*.jpg"])]
        ['chelsea.jpg', 'coffee.jpg']
    """
    listed = [os.fspath(name) for name in names]
    if not listed:
        raise UsageError("name pictures: files, folders or patterns")
    paths = [path for name in listed for path in _matches(name, outside, recursive)]
    distinct: dict[str, Path] = {}
    for path in paths:
        distinct.setdefault(os.path.abspath(path), path)  # noqa: PTH100, which would follow links
    return list(distinct.values())


def _matches(name: str, outside: Path | None, recursive: bool) -> Sequence[Path]:
    """Return the files that one name stands for."""
    path = Path(name).expanduser()
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
        problem = "the folder has no pictures" if path.is_dir() else "there is no such picture"
        raise UsageError(f"{problem}: {name}")
    return pictures


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in _readable_suffixes() and not path.name.startswith(".") and path.is_file()


@cache
def _readable_suffixes() -> frozenset[str]:
    """Return the suffixes of the formats that Pillow reads."""
    return frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN)
