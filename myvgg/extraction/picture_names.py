r"""Picture files in a table: their names as texts that every format can hold, and stamps that tell changes.

Linux allows names that are not UTF-8. In a table, such a name has `\xe9` for a byte that is no text, and `\\` for a
backslash; so has a name that would be taken for one of those. All other names are the same in the table.
"""

from __future__ import annotations

import os
import re

STRANGE = re.compile("[\0\ud800-\udfff]")
"""Characters that UTF-8 does not have, as Python stands them for bytes that are no text, and NUL."""

CODE = re.compile(r"\\(?:x00|x[89a-f][0-9a-f]|ud[89a-f][0-9a-f]{2})")
"""The text for such a character."""

CODES = re.compile(rf"\\\\|{CODE.pattern}")
"""All texts that stand for a character."""


def name_of(path: str | os.PathLike[str]) -> str:
    r"""Return the name of a file in a table.

    Args:
        path: The file.

    Example:
        >>> import os
        >>> from myvgg.extraction.picture_names import name_of, path_of
        >>> name_of("größe.jpg"), name_of(os.fsdecode(b"caf\xe9.jpg"))
        ('größe.jpg', 'caf\\xe9.jpg')
        >>> os.fsencode(path_of("caf\\xe9.jpg"))
        b'caf\xe9.jpg'
    """
    text = os.fspath(path)
    if not STRANGE.search(text) and not CODE.search(text):
        return text
    return printable(text.replace("\\", "\\\\"))


def stamp_of(name: str) -> int:
    """Return a number that changes with a file's size and the time of its last change; 0 where there is no file.

    Args:
        name: The file's name in a table.
    """
    try:
        status = os.stat(path_of(name))  # noqa: PTH116  # Path refuses what is no text
    except (OSError, ValueError):
        return 0
    return (status.st_mtime_ns * 1_000_003 + status.st_size) % 2**63 or 1


def path_of(name: str) -> str:
    """Return the file of a name in a table, the inverse of `name_of`."""
    return CODES.sub(_character, name) if CODE.search(name) else name


def printable(text: str) -> str:
    """Return a text, such as an error, with codes for characters that UTF-8 does not have."""
    return STRANGE.sub(_code, text)


def _code(match: re.Match[str]) -> str:
    number = ord(match.group())
    if 0xDC80 <= number <= 0xDCFF:  # a byte, see PEP 383
        return f"\\x{number - 0xDC00:02x}"
    return f"\\u{number:04x}" if number else "\\x00"


def _character(match: re.Match[str]) -> str:
    code = match.group()
    if code == "\\\\":
        return "\\"
    number = int(code[2:], 16)
    return chr(number + 0xDC00 if code[1] == "x" and number else number)
