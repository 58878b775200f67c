"""Names of picture files, folders and patterns to picture files."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from myvgg.images.opening import PictureWarning, suffixes
from myvgg.runtime.errors import UsageError, warn_once

HIDDEN = frozenset({"@eaDir", "__MACOSX", "Thumbs.db", "lost+found"})
"""Names that other programs hide their files in, besides those that begin with a dot."""

TABLES = (".parquet", ".h5", ".npz", ".safetensors")
"""Suffixes of files of features, which are no pictures and are left out silently; so are folders of their parts."""

HEIF = frozenset({".heic", ".heif", ".hif"})
"""Suffixes that pillow-heif makes readable."""

UTF16 = {"utf-16-le": re.compile(rb"[./\\]\0(?:[^\0]\0){2}"), "utf-16-be": re.compile(rb"\0[./\\](?:\0[^\0]){2}")}
"""The beginning of a suffix or of a name in a folder, by the encoding; a list with NULs between names has none."""


def find_pictures(
    names: Iterable[str | os.PathLike[str]],
    *,
    outside: Path | None = None,
    recursive: bool = False,
    unreadable: bool = False,
) -> list[Path]:
    """List the picture files that names stand for, each file once, in the order of the names.

    Args:
        names: Files, folders of pictures, or patterns (`photos/**/*.jpg`). The files of a folder or a pattern are
            sorted. A file that is named itself is taken whatever its suffix; of the others, those of a known suffix
            that are not hidden. Other files are left out with a warning.
        outside: The folder of results. Files right in it are left out, unless they are named themselves. Files of the
            folders in it are taken.
        recursive: Look into the folders of folders as well.
        unreadable: List broken links, pipes and devices that are named themselves, if there is a file besides them.

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
    odd = {name for name in listed if unreadable and _is_odd(existing(name))}
    if odd == {*listed}:
        odd = set()
    paths = [
        path for name in listed for path in ([existing(name)] if name in odd else _matches(name, outside, recursive))
    ]
    distinct: dict[str, Path] = {}
    for path in paths:
        distinct.setdefault(os.path.abspath(path), path)  # noqa: PTH100, which would follow links
    return list(distinct.values())


def read_list(content: bytes) -> list[str]:
    r"""Return the names in a list of files: lines of any system, with or without a mark of their order, or NUL between.

    A line in double quotes, as Windows copies paths, is the name in them, unless there is a file with the quotes.

    Args:
        content: The list, such as that of `find -print0`. Bytes that are no text are kept.

    Raises:
        UsageError: UTF-16 that is damaged, or no list of names.

    Example:
        >>> from myvgg.images.finding import read_list
        >>> read_list(b"a.jpg\r\nb c.jpg\r\n"), read_list(b"two\nlines.jpg\0b.jpg\0")
        (['a.jpg', 'b c.jpg'], ['two\nlines.jpg', 'b.jpg'])
    """
    if encoding := _utf16(content):
        try:
            content = content.decode(encoding).encode("utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(f"the list of pictures is damaged UTF-16 ({error.reason}): write it as UTF-8") from error
    content = content.removeprefix(b"\xef\xbb\xbf")
    if b"\0\0" in content:
        raise UsageError("the list of pictures is no text: write names in UTF-8, one a line, or with one NUL between")
    if b"\0" in content:
        return [os.fsdecode(name) for name in content.split(b"\0") if name]
    end = b"\n" if b"\n" in content else b"\r"
    return [_unquoted(os.fsdecode(line)) for line in content.replace(b"\r\n", b"\n").split(end) if line]


def _utf16(content: bytes) -> str:
    """Return the name of the encoding of a list in UTF-16, with or without a mark; empty for any other list."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return next((name for name, word in UTF16.items() if any(x.start() % 2 == 0 for x in word.finditer(content))), "")


def _unquoted(name: str) -> str:
    is_quoted = len(name) > 2 and name[0] == name[-1] == '"'
    return name[1:-1] if is_quoted and not os.path.lexists(name) else name


def _is_odd(path: Path) -> bool:
    """Return whether a path is there, but is no file or folder: a broken link, a pipe, a device."""
    return os.path.lexists(path) and not (path.is_file() or path.is_dir())


def _matches(name: str, outside: Path | None, recursive: bool) -> Sequence[Path]:
    """Return the files that one name stands for."""
    path = existing(name)
    if path.is_file():
        return [path]
    if path.is_dir():
        candidates = sorted(_files_in(path, recursive=recursive))
    else:
        candidates = sorted(Path(each) for each in glob.glob(str(path), recursive=True))  # noqa: PTH207
    outside = outside and outside.resolve()
    files = [
        each
        for each in candidates
        if not any(_is_hidden(part) for part in each.parts if part not in path.parts) and each.is_file()
    ]
    found, files = files, [each for each in files if each.resolve().parent != outside]
    pictures = [each for each in files if each.suffix.lower() in suffixes()]
    known = (*suffixes(), *TABLES)
    left_out = "; ".join(_reasons([each for each in files if each.suffix.lower() not in known]))
    if not pictures and any(each.suffix.lower() in suffixes() for each in found):
        raise UsageError(f"{name}: all pictures are in {outside}, the folder of results: name another one for results")
    if not pictures:
        problem = "the folder has no pictures" if path.is_dir() else "there is no such picture"
        raise UsageError(f"{problem}: {name}{left_out and f' ({left_out})'}")
    if left_out:
        warn_once(f"{name}: left out {left_out}", PictureWarning)
    return pictures


def existing(name: str | os.PathLike[str]) -> Path:
    """Return the path of a name; a ~ at its beginning is the home folder, unless there is a file of that name."""
    path = Path(name)
    try:
        return path if os.path.lexists(path) else path.expanduser()
    except RuntimeError:  # there is no home folder
        return path


def _files_in(folder: Path, *, recursive: bool) -> Iterator[Path]:
    """Yield the files of a folder; of folders in it too, each once, whatever links lead to it."""
    seen: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        if error.filename == os.fspath(folder):
            raise UsageError(f"the folder cannot be read: {folder} ({error.strerror})") from error
        warn_once(f"{error.filename}: left out, the folder cannot be read ({error.strerror})", PictureWarning)

    for place, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        status = os.stat(place)  # noqa: PTH116  # place is a text
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(each for each in folders if recursive and not _is_hidden(each))
        yield from (Path(place, each) for each in files)


def _is_hidden(name: str) -> bool:
    is_parts = name.lower().endswith(tuple(f"{suffix}.parts" for suffix in TABLES))
    return (name.startswith(".") and name != "..") or name in HIDDEN or is_parts


def _reasons(files: Sequence[Path]) -> Iterator[str]:
    """Yield a phrase for each suffix of files that are left out: their number and the reason."""
    for suffix, count in sorted(Counter(path.suffix.lower() for path in files).items()):
        hint = " (pip install pillow-heif reads them)" if suffix in HEIF else ""
        yield f"{count} {suffix or 'without a suffix'}{hint}"
