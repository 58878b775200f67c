"""Types of options: how the words of a command line become values."""

from __future__ import annotations

import operator
from argparse import ArgumentTypeError
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin

from myvgg.nst.layers import Layers

UNSET = ("none", "None")
"""Words for None, where a number or a choice may be None."""

LONGEST = 60
"""Characters of a list of choices in the help, at most; longer ones are left to the option's sentences."""


class Kind(NamedTuple):
    """A type of values on the command line.

    Attributes:
        read: Makes a value of one word, or raises argparse's error.
        metavar: Name of the value in the help.
        several: The option takes any number of words.
    """

    read: Callable[[str], Any]
    metavar: str
    several: bool = False


def kind_of(hint: Any) -> Kind:
    """Return the kind of a type hint.

    Args:
        hint: `int`, `float`, `str`, `Path`, `Layers`, `int | str`, a Literal, one of these or None, or a tuple of any
            number of one of these.

    Raises:
        KeyError: Another type.

    Example:
        >>> from myvgg.cli.kinds import kind_of
        >>> kind_of(int | None).read("7"), kind_of(int | None).read("none")
        (7, None)
    """
    if get_origin(hint) is tuple:
        return kind_of(get_args(hint)[0])._replace(several=True)
    if get_origin(hint) is Literal:
        return _choice(get_args(hint))
    members = [member for member in get_args(hint) if member is not NoneType]
    if NoneType not in get_args(hint):
        return KINDS[hint]
    kind = kind_of(reduce(operator.or_, members))
    return kind if members[0] in (str, Path) else kind._replace(read=_or_none(kind.read))


def _choice(values: tuple[Any, ...]) -> Kind:
    """Return the kind of a value out of several."""
    known = {str(value): value for value in values}
    *others, last = known

    def read(word: str) -> Any:
        if word not in known:
            raise ArgumentTypeError(f"must be {', '.join(others)} or {last}, not {word!r}")
        return known[word]

    listed = f"{{{','.join(known)}}}"
    return Kind(read, listed if len(listed) <= LONGEST else "NAME")


def _or_none(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda word: None if word in UNSET else read(word)


def _whole(word: str) -> int:
    try:
        return int(word)
    except ValueError as error:
        raise ArgumentTypeError(f"must be a whole number, not {word!r}") from error


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError as error:
        raise ArgumentTypeError(f"must be a number, not {word!r}") from error


def _layers(word: str) -> Layers:
    try:
        return Layers(word)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def _size(word: str) -> int | str:
    try:
        return int(word)
    except ValueError:
        return word


KINDS = {
    int: Kind(_whole, "N"),
    float: Kind(_number, "X"),
    str: Kind(str, "NAME"),
    Path: Kind(Path, "FILE"),
    Layers: Kind(_layers, "LAYER=WEIGHT,..."),
    int | str: Kind(_size, "SIZE"),
}
"""Kinds of the plain types."""
