"""The parser of the commands of style transfer: their own options, and the settings."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, TypeVar, get_type_hints

from myvgg.cli import foreign, layering, options, parser
from myvgg.cli.layout import sentences
from myvgg.cli.options import Entry, Option
from myvgg.cli.style_arguments import RUNNING, TITLES, Arguments, Base
from myvgg.nst import presets
from myvgg.nst.settings import GROUPS, SETTINGS, WITHOUT, Settings
from myvgg.runtime.errors import UsageError

OTHER_NAMES = {"preserve_colors": "colors"}
"""Shorter names of settings, which are understood and not in the help."""

Kind = TypeVar("Kind", bound=Base)


def parse(kind: type[Kind], argv: Sequence[str], *, program: str = "myvgg style") -> Kind:
    """Read the words of a command: its options, and its settings over those of its preset and its file.

    Args:
        kind: Record of the command.
        argv: Words after the command's name.
        program: Name of the program in the help.

    Raises:
        UsageError: Words that are not understood, a setting out of its range, an unknown preset or key of a file.
        ImageError: The picture of `--from-picture` has no record.
        SystemExit: The words ask for the help, which is printed.
    """
    argv = foreign.translate(argv)
    if parser.asks_for_help(argv):
        _print_help(kind, program, *_shown(kind, argv))
    named = parser.named(entries(kind, Settings(), ""), argv)
    others = {name: value for name, value in named.items() if name not in SETTINGS}
    return kind(settings=layering.settings_of(named, {}), named=named, **others)


def entries(kind: type[Base], values: Settings, source: str) -> list[Entry]:
    """Return the options of a command, those of its settings included.

    Args:
        kind: Record of the command.
        values: Settings whose values the help shows.
        source: Name of these settings, which stands before values that differ from the default.
    """
    hints, texts, default = get_type_hints(Settings), sentences(Settings), Settings()
    listed = [
        entry._replace(text=f"{entry.text} {', '.join(presets.names())}.") if entry.name == "preset" else entry
        for entry in options.entries(kind)
    ]
    for group, names in GROUPS.items():
        for name in names:
            also = OTHER_NAMES.get(name, "")
            value, option = getattr(values, name), Option(group=group, without=WITHOUT.get(name, ""), former=also)
            of = "default" if value == getattr(default, name) else source
            listed.append(Entry(name, hints[name], option, texts.get(name, ""), value, of))
    return listed


def _print_help(kind: type[Base], program: str, values: Settings, source: str) -> NoReturn:
    """Print the help and leave.

    Raises:
        SystemExit: Always.
    """
    listed = entries(kind, values, source)
    usage = parser.usage(program, listed)
    if kind is Arguments:
        usage += f"\n       {program} batch --help\n       {program} sweep --help"
    printer = parser.Parser(program, usage=usage, description=inspect.getdoc(kind))
    parser.fill(printer, listed, titles=TITLES, help_in=RUNNING)
    printer.print_help()
    printer.exit()


def _shown(kind: type[Base], argv: Sequence[str]) -> tuple[Settings, str]:
    """Return the settings whose values the help shows, and their name.

    Words that are not understood show the default: who makes a mistake needs the help.
    """
    words = [word for word in argv if word not in parser.HELP]
    try:
        named = parser.named(entries(kind, Settings(), ""), words)
    except UsageError:
        return Settings(), ""
    source = named.get("config") or named.get("from_picture") or Path(named.get("preset", ""))
    chosen = {name: value for name, value in named.items() if name not in SETTINGS}
    return layering.settings_of(chosen, {}), source.name
