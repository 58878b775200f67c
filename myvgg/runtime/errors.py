"""Errors that every storey may raise, and a phrase that many of them end with."""

from __future__ import annotations

from collections.abc import Iterable


class UsageError(ValueError):
    """Arguments that do not go together; command lines exit with 2."""


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
