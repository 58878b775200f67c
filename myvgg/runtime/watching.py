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


def last_of(steps: Iterable[Made], first: Made | None = None) -> Made:
    """Make all steps and return the last one; no other is kept.

    Args:
        steps: The steps, as a `Watch` passes them on.
        first: The result where there is no step.

    Raises:
        ValueError: There is neither a step nor `first`.

    Example:
        >>> from myvgg.runtime.watching import last_of
        >>> last_of([1, 2], 0), last_of([], 0)
        (2, 0)
    """
    last = first
    for made in steps:
        last = made
    if last is None:
        raise ValueError("watch must pass on at least one step: before the first one, there is no picture")
    return last
