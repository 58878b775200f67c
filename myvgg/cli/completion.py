"""`myvgg completion`: a script by which a shell completes commands, options, choices and files."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, get_args, get_origin

from myvgg.cli import app, options, parser, style, style_arguments, style_parser
from myvgg.cli.options import Option
from myvgg.cli.parser import Parser
from myvgg.cli.program import command
from myvgg.nst import presets
from myvgg.nst.settings import Settings

FILES = {"FILE", "FOLDER", "PICTURE", "PICTURES", "CONTENT", "STYLE", "CONTENT STYLE", "SOURCE", "OTHER", "OUTPUT"}
"""Names of values that are files."""

FILE_OR_COMMAND = f"""
_myvgg_file_or_command() {{
  compgen -W "{" ".join(style.KINDS)}" -- "$1"
  compgen -f -- "$1"
}}
"""
"""Bash function for the word after `style`: a picture, or a command under `style`."""


@dataclass(frozen=True)
class Arguments:
    """Print a script that completes the words of myvgg.

    For bash, add this line to ~/.bashrc: eval "$(myvgg completion bash)"
    """

    shell: Annotated[Literal["bash", "zsh", "fish", "tcsh"], Option(positional=True)]
    """The shell. The first lines of the script say where zsh, fish and tcsh look for it."""


def parse(argv: Sequence[str], *, program: str = "myvgg completion") -> Arguments:
    """Read the words of the command into its record.

    Raises:
        UsageError: Words that are not understood.
        SystemExit: The words ask for the help, which is printed.
    """
    return parser.read(Arguments, argv, program=program)


def script(shell: str) -> str:
    """Return the script of a shell.

    Args:
        shell: `bash`, `zsh`, `fish` or `tcsh`.
    """
    import shtab

    return shtab.complete(_parser(), shell=shell, preamble=FILE_OR_COMMAND if shell == "bash" else "")


def _parser() -> argparse.ArgumentParser:
    """Return a parser of all commands, which is not for parsing: `style` has pictures and commands at one place."""
    tree = argparse.ArgumentParser("myvgg")
    tree.add_argument("--version", action="version", version="")
    commands = tree.add_subparsers(parser_class=Parser)
    for name, text in app.COMMANDS.items():
        below = commands.add_parser(name, help=text)
        if name == "style":
            _fill(below, style_parser.entries(style_arguments.Arguments, Settings(), ""))
            _add_commands(below)
        else:
            _fill(below, options.entries(app.module_of(name).Arguments))
    return tree


def _add_commands(below: argparse.ArgumentParser) -> None:
    """Add the commands under `style`; they stand in place of its first picture."""
    (pictures,) = (action for action in below._actions if not action.option_strings)
    pictures.complete["bash"] = "_myvgg_file_or_command"  # type: ignore[attr-defined]
    commands = below.add_subparsers(parser_class=Parser)
    for name, kind in style.KINDS.items():
        text = inspect.getdoc(kind) or ""
        _fill(commands.add_parser(name, help=text.splitlines()[0]), style_parser.entries(kind, Settings(), ""))


def _fill(below: argparse.ArgumentParser, listed: Sequence[options.Entry]) -> None:
    """Add options that complete their files and choices."""
    import shtab

    parser.fill(below, listed)
    choices = {entry.name: get_args(entry.hint) for entry in listed if get_origin(entry.hint) is Literal}
    for action in below._actions:
        metavar = str(action.metavar)
        if metavar in FILES:
            action.complete = {**shtab.FILE}  # type: ignore[attr-defined]
        elif metavar.startswith("{"):
            action.choices = metavar[1:-1].split(",")
        elif action.dest in choices:
            action.choices = choices[action.dest]
        elif action.dest == "preset":
            action.choices = presets.names()


main = command("myvgg completion", parse, lambda arguments: print(script(arguments.shell)))
