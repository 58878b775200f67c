"""The look of a help text, and the sentences in it."""

from __future__ import annotations

import argparse
import ast
import inspect
import shutil
import sys
import textwrap
from functools import cache
from itertools import pairwise
from typing import Any

WIDTH = 100
"""Characters in a line of help, at most."""

JOINED = "\xa0"
"""A space at which no line ends."""

INDENT = 28
"""Column in which the sentences begin."""


class Layout(argparse.HelpFormatter):
    """Formats a help: `-o, --output FILE` in one column, sentences in the other, paragraphs as they are written."""

    def __init__(self, prog: str) -> None:
        """Fit the help to the terminal, but no wider than `WIDTH`."""
        super().__init__(prog, max_help_position=INDENT, width=min(shutil.get_terminal_size().columns, WIDTH) - 2)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        metavar = str(action.metavar) if action.nargs != 0 else ""
        several = "..." if action.nargs == "*" else ""
        return " ".join(filter(None, [", ".join(action.option_strings), metavar, several]))

    def _split_lines(self, text: str, width: int) -> list[str]:
        lines = textwrap.wrap(text, width, break_on_hyphens=False)
        return [line.replace(JOINED, " ") for line in lines]

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        return "\n\n".join(fill(paragraph, width, indent) for paragraph in text.split("\n\n"))


def shown(value: Any) -> str:
    """Return a default value as one would write it on the command line, or nothing if there is nothing to write.

    Example:
        >>> from myvgg.cli.layout import shown
        >>> shown(0.5), shown((1.0, 2.0)), shown(None), shown(True)
        ('0.5', '1 2', '', '')
    """
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, tuple):
        return " ".join(map(shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


@cache
def sentences(record: type) -> dict[str, str]:
    """Return the docstrings below the fields of a record, by field, also of the records that it extends.

    Docstrings of fields exist in the source alone. Without the source the help has no sentences.
    """
    found: dict[str, str] = {}
    for kind in reversed(record.__mro__[:-1]):
        for node in _body(kind.__module__):
            if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
                found |= _docstrings(node)
    return found


@cache
def _body(module: str) -> list[ast.stmt]:
    try:
        return ast.parse(inspect.getsource(sys.modules[module])).body
    except (OSError, TypeError):  # no file, or no module of Python's
        return []


def _docstrings(record: ast.ClassDef) -> dict[str, str]:
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(record.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
