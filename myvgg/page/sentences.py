"""Errors in the words of the page: one line, with names of files and without their folders."""

from __future__ import annotations

import re

FOLDERS = re.compile(r"(?<![\w:/\\.~])(?:[A-Za-z]:)?[~.]{0,2}[/\\](?:[^/\\\n:'\"]*[/\\])*(?=[^/\\\s])")
"""The folders before the name of a file; an address such as https://… has none."""


def without_folders(text: str) -> str:
    """Return a text with names of files in the place of their paths.

    Args:
        text: Such as the message of an error.

    Example:
        >>> from myvgg.page.sentences import without_folders
        >>> without_folders("/tmp/my pictures/a.png: the file is empty")
        'a.png: the file is empty'
    """
    return FOLDERS.sub("", text)


def sentence_of(error: BaseException) -> str:
    """Return the message of an error as one line without folders.

    Args:
        error: The error.

    Example:
        >>> from myvgg.page.sentences import sentence_of
        >>> sentence_of(OSError(28, "No space left on device", "/tmp/a.png"))
        'a.png: No space left on device'
    """
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return without_folders(" ".join(text.split())) or type(error).__name__
