"""Functions that look on while a picture is made, such as progress bars, and may end the work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

Watch = Callable[[Iterator[Any], int], Iterable[Any]]
"""A function of the steps and their number that passes the steps on; where it stops, the work ends."""

Made = TypeVar("Made")


def unwatched(steps: Iterator[Any], count: int) -> Iterable[Any]:  # noqa: ARG001  # as every Watch
    """Pass all steps on."""
    return steps


def last_of(steps: Iterable[Made], first: Made) -> Made:
    """Make all steps and return the last one, or `first` where there is none.

    Example:
        >>> from myvgg.microscope.watching import last_of
        >>> last_of([1, 2], 0), last_of([], 0)
        (2, 0)
    """
    for made in steps:
        first = made
    return first
