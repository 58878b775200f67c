"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


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
    temporary = target.with_name(f".{uuid4().hex}{''.join(target.suffixes[-2:])}")
    try:
        temporary.touch(exist_ok=False)
        mode = (target if target.exists() else temporary).stat().st_mode
        yield temporary
        temporary.chmod(stat.S_IMODE(mode))
        temporary.replace(target)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), os.fspath(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise unless a file can be written, before anything is computed for it.

    Args:
        path: The file.

    Raises:
        ValueError: The path is a folder, its folder is missing, or nothing may be written there.
    """
    path = Path(path)
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
