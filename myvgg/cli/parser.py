"""The parser of a command: words become the values of a record.

    read(Arguments, ["--size", "8", "-o", "a.png"], program="tool")  # Arguments(size=8, output=Path("a.png"))

The options are read by argparse. Names are written with dashes or underscores, and never shortened.
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from myvgg.cli.kinds import Kind, kind_of
from myvgg.cli.layout import Layout
from myvgg.cli.options import Entry, entries
from myvgg.runtime.errors import UsageError, did_you_mean

HELP = ("-h", "--help")
"""Words that ask for the help."""

OPTIONS = {"options": ""}
"""The group of options that name none."""

Record = TypeVar("Record")


class Parser(argparse.ArgumentParser):
    """A parser that raises its errors as `UsageError`."""

    def __init__(self, prog: str, **options: Any) -> None:
        """Create a parser without options; `options` are those of argparse."""
        super().__init__(prog, add_help=False, allow_abbrev=False, formatter_class=Layout, **options)

    def error(self, message: str) -> NoReturn:
        """Raise an error of argparse.

        Raises:
            UsageError: Always.
        """
        raise UsageError(message.removeprefix("argument "))


def read(record: type[Record], argv: Sequence[str], *, program: str) -> Record:
    """Read the words of a command line into a record.

    Args:
        record: A dataclass of options.
        argv: The words after the program's name.
        program: Name of the program in the help.

    Raises:
        UsageError: Words that are not understood.
        SystemExit: The words ask for the help, which is printed.
    """
    listed = entries(record)
    if asks_for_help(argv):
        parser = Parser(program, usage=usage(program, listed), description=inspect.getdoc(record))
        fill(parser, listed)
        parser.print_help()
        parser.exit()
    return record(**named(listed, argv))


def usage(program: str, listed: Sequence[Entry]) -> str:
    """Return the line that shows how a command is written."""
    entries_of_words = [entry for entry in listed if entry.option.positional]
    words = [f"{each.metavar}{' ...' * kind_of(each.hint).several}" for each in entries_of_words]
    shown_words = [word if each.required else f"[{word}]" for word, each in zip(words, entries_of_words, strict=True)]
    return " ".join([program, *shown_words, "[options]"])


def fill(
    parser: argparse.ArgumentParser, listed: Sequence[Entry], *, titles: Mapping[str, str] = OPTIONS, help_in: str = ""
) -> None:
    """Add options to a parser, in groups. In the help, `--step-growth` stands where a docstring has `step_growth`.

    Args:
        parser: A parser without options.
        listed: The options.
        titles: Titles of groups in their order, with a sentence or nothing each. Other groups follow.
        help_in: Title of the group that gets --help as its last option; by default the first.
    """
    groups = {title: parser.add_argument_group(title, text or None) for title, text in titles.items()}
    words = {entry.name: f"--{entry.word}" for entry in listed if "_" in entry.name and not entry.option.positional}
    for entry in listed:
        entry = entry._replace(text=re.sub(r"\w+", lambda name: words.get(name[0], name[0]), entry.text))
        title = entry.option.group
        groups[title] = group = groups.get(title) or parser.add_argument_group(title)
        if entry.hint is bool:
            _add_flags(group, entry)
        else:
            _add(group, entry, kind_of(entry.hint))
    groups[help_in or next(iter(groups))].add_argument(*HELP, action="help", help="Print this help.")


def _add_flags(group: Any, entry: Entry) -> None:
    """Add `--NAME`, and `--no-NAME` if there is one; the help shows the one that changes the default."""
    is_off = not entry.default
    common: dict[str, Any] = {"dest": entry.name, "default": argparse.SUPPRESS}
    text = entry.help if is_off else argparse.SUPPRESS
    group.add_argument(f"--{entry.word}", action="store_true", help=text, **common)
    if entry.option.without:
        text = argparse.SUPPRESS if is_off else entry.option.without.replace("%", "%%")
        group.add_argument(f"--no-{entry.word}", action="store_false", help=text, **common)


def _add(group: Any, entry: Entry, kind: Kind) -> None:
    option = entry.option
    options: dict[str, Any] = {"type": kind.read, "metavar": entry.metavar, "help": entry.help}
    options["default"] = argparse.SUPPRESS  # so that only values of the words are named
    if option.repeated:
        options["action"] = "append"
    elif kind.several:
        options["nargs"] = "*"
    if option.positional:
        group.add_argument(entry.name, **options)
    else:
        group.add_argument(*filter(None, [option.short, f"--{entry.word}"]), dest=entry.name, **options)
        if option.former:
            group.add_argument(f"--{option.former}", dest=entry.name, **options | {"help": argparse.SUPPRESS})


def asks_for_help(argv: Sequence[str]) -> bool:
    """Return whether `-h` or `--help` is among the words, wherever it stands."""
    return not set(HELP).isdisjoint(_before_dashes(argv))


def named(listed: Sequence[Entry], argv: Sequence[str]) -> dict[str, Any]:
    """Return the values that the words name, by the name of their field.

    Words without an option may stand anywhere; they are the values of the positionals in their order.

    Raises:
        UsageError: A word that is no option (names the nearest), or a value that is not allowed or missing.
    """
    parser = Parser("")
    fill(parser, [entry for entry in listed if not entry.option.positional])
    before = _before_dashes(argv)
    found, others = parser.parse_known_args([_dashed(word) for word in before])
    for word in others:
        name = word.partition("=")[0]
        if name.startswith("-") and name != "-":
            raise UsageError(f"no option {name}{did_you_mean(name, parser._option_string_actions)}")
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in vars(found).items()}
    return values | _positionals(listed, [*others, *argv[len(before) + 1 :]])


def _positionals(listed: Sequence[Entry], words: list[str]) -> dict[str, Any]:
    """Give words to the positionals, one to each, or all that are left."""
    values: dict[str, Any] = {}
    for entry in listed:
        if entry.option.positional and words:
            kind = kind_of(entry.hint)
            count = len(words) if kind.several else 1
            try:
                read_words = tuple(kind.read(word) for word in words[:count])
            except argparse.ArgumentTypeError as error:
                raise UsageError(f"{entry.metavar}: {error}") from error
            values[entry.name] = read_words if kind.several else read_words[0]
            words = words[count:]
        elif entry.required:
            raise UsageError(f"{entry.metavar} is missing")
    if words:
        raise UsageError(f"one word too many: {words[0]}")
    return values


def _before_dashes(argv: Sequence[str]) -> Sequence[str]:
    """Return the words before `--`, after which no word is an option."""
    return argv[: argv.index("--")] if "--" in argv else argv


def _dashed(word: str) -> str:
    """Write the name of an option with dashes."""
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value if word.startswith("--") else word
