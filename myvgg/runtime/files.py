"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

MAX_SUFFIX = 16
"""Length of the suffixes that a temporary name takes over; the rest of a name such as `Dr. Who.png` is no suffix."""

REFUSALS = (errno.EPERM, errno.EACCES, errno.EBUSY, errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV)
"""Errors of file systems that do not rename, though they write."""

SPECIAL = "not a regular file"
"""The error of a file that `is_special`."""


def is_special(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a pipe or a device, whose opening or reading may never end; false if it is missing.

    Args:
        path: The path.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  # Path refuses what is no text
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file under a temporary name, and give it its own name at the end of the block.

    Any error in the block removes the temporary file and leaves an older file as it was. The permissions of an older
    file are kept. If the path is a symbolic link, the file that it leads to is replaced, and not the link.

    Args:
        path: The file.

    Yields:
        A temporary path in the same folder and with the same suffixes.

    Raises:
        OSError: The folder is missing or cannot be written to; names `path`.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from myvgg.runtime.files import replacing
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing(f"{folder}/a.txt") as temporary:
        ...         _ = temporary.write_text("whole")
        ...     Path(folder, "a.txt").read_text()
        'whole'
    """
    target = Path(os.path.realpath(path))
    suffixes = [suffix for suffix in target.suffixes[-2:] if len(suffix) <= MAX_SUFFIX]
    temporary = target.with_name(f".{uuid4().hex}{''.join(suffixes)}")
    try:
        temporary.touch(exist_ok=False)
        mode = (target if target.exists() else temporary).stat().st_mode
        yield temporary
        with suppress(OSError):  # shares without permissions refuse
            temporary.chmod(stat.S_IMODE(mode))
        _rename(temporary, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), os.fspath(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _rename(temporary: Path, target: Path) -> None:
    """Rename a file; a share that refuses to rename gets a copy."""
    try:
        temporary.replace(target)
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        older = target.read_bytes() if target.exists() else None
        try:
            shutil.copyfile(temporary, target)
        except OSError:
            if older is None:
                target.unlink(missing_ok=True)
            else:
                target.write_bytes(older)
            raise


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise unless a file can be written, before anything is computed for it.

    Args:
        path: The file.

    Raises:
        ValueError: The path is a folder, its name is too long, its folder is missing, or nothing may be written there.
    """
    path = Path(path)
    try:
        os.stat(path)  # noqa: PTH116  # Path.exists hides some errors
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ValueError(f"cannot write {path}: {error.strerror}") from error
    folder = Path(os.path.realpath(path)).parent
    if path.is_dir():
        raise ValueError(f"cannot write {path}: it is a folder, name a file in it")
    if not folder.is_dir():
        raise ValueError(f"cannot write {path}: the folder {path.parent} does not exist, make it first")
    if path.exists() and not os.access(path, os.W_OK):
        raise ValueError(f"cannot write {path}: the file is read-only")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from error
