"""Command lines of any words: they are understood, or they are wrong usage in one line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myvgg.cli import classify, convert, export, extract, features, page, style_parser
from myvgg.cli.options import Entry, entries
from myvgg.cli.style_arguments import Arguments, BatchArguments, SweepArguments
from myvgg.images import ImageError
from myvgg.nst.settings import Settings
from myvgg.runtime.errors import UsageError

COMMANDS: dict[str, Any] = {
    "style": (Arguments, style_parser.parse),
    "batch": (BatchArguments, style_parser.parse),
    "sweep": (SweepArguments, style_parser.parse),
    **{
        module.__name__.rpartition(".")[2]: (module.Arguments, lambda _, words, module=module: module.parse(words))
        for module in (classify, convert, export, extract, features, page)
    },
}
VALUES = (
    "0",
    "1",
    "-1",
    "2.5",
    "nan",
    "inf",
    "1e999",
    "999999999999",
    "",
    "none",
    "true",
    "relu1_1",
    "conv9_9=x",
    "gatys",
)
VALUES += ("a.png", "-", "--", "~/é.jpg", "1,2", "800x600", "0.5MP", "8GB", "=", "max", "lbfgs", "float16", "\udcff")


def options(name: str) -> list[Entry]:
    """Return the options of a command."""
    record, _ = COMMANDS[name]
    return style_parser.entries(record, Settings(), "") if name in ("style", "batch", "sweep") else entries(record)


@pytest.mark.parametrize("name", COMMANDS)
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_any_words_are_understood_or_wrong_usage(name: str, data: st.DataObject) -> None:
    """Any of the options with any value gives a record, or an error of one line; nothing else comes out."""
    words = [f"--{entry.word}" for entry in options(name) if not entry.option.positional]
    argv = data.draw(
        st.lists(st.one_of(st.sampled_from(words), st.sampled_from(VALUES), st.text(max_size=5)), max_size=8)
    )
    argv = [word for word in argv if word not in ("-h", "--help")]
    problem = problem_of(name, argv)
    assert problem is None or (problem and "\n" not in problem.strip())


def problem_of(name: str, argv: list[str]) -> str | None:
    """Return the line of a wrong usage, or None where the words are understood."""
    record, parse = COMMANDS[name]
    try:
        parse(record, argv)
    except (UsageError, ImageError) as error:
        return str(error)
    return None
