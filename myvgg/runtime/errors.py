"""Errors that every storey may raise, warnings that point to the user's line, and a phrase of many errors."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable
from functools import cache


class UsageError(ValueError):
    """Arguments that do not go together; command lines exit with 2. The message is one line, whatever it quotes."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class WorkerWarning(UserWarning):
    """A warning of another process, which has worked for this one."""


PASSED_OVER = ("myvgg", "converters", "tensorflow", "keras", "jaxtyping", "beartype", "functools", "contextlib", "")
"""Modules whose lines a warning does not point to; wrappers of functions have none."""


@cache
def warn_once(message: str, category: type[Warning]) -> None:
    """Warn, once a process for each message, at the nearest line outside of this package.

    Args:
        message: The text.
        category: The class of the warning.
    """
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in PASSED_OVER:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def one_line(text: str) -> str:
    r"""Return a text with its control characters and ends of lines as escapes.

    Args:
        text: Such as a message with a file's name, which may have ends of lines.

    Example:
        >>> from myvgg.runtime.errors import one_line
        >>> print(one_line("no file a" + chr(10) + "b.png"))
        no file a\nb.png
    """
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: repr(found[0])[1:-1], text)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `: did you mean NAME?` with the nearest of the known names, or nothing if none is near.

    Args:
        name: A name that is not known.
        known: All names that are known.

    Example:
        >>> from myvgg.runtime.errors import did_you_mean
        >>> did_you_mean("gaty", ["default", "gatys"])
        ': did you mean gatys?'
    """
    import difflib

    found = difflib.get_close_matches(name, known, n=1)
    return f": did you mean {found[0]}?" if found else ""
