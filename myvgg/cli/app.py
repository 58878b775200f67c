"""The command `myvgg`: it finds a command by its name, imports that command alone, and runs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from myvgg import __version__
from myvgg.runtime.errors import did_you_mean

COMMANDS = {
    "style": "draw a picture in the style of another; also: style batch, style sweep",
    "app": "open a page in the browser, for style transfer without a terminal",
    "convert": "convert, list, compare and download weights files",
    "extract": "write features of many pictures to a table",
    "classify": "name the objects in pictures",
    "features": "draw the features of a layer, or what a channel of the network sees",
    "export": "write the network for other programs",
    "completion": "print a script that completes these commands in a shell",
}
"""The commands and their descriptions."""

MODULES = {"app": "page"}
"""The modules of commands that have another name than their command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        argv: The command's name and its words; by default those of this process.
    """
    words = sys.argv[1:] if argv is None else [*argv]
    if words and words[0] in COMMANDS:
        try:
            code: int = module_of(words[0]).main(words[1:])
        except KeyboardInterrupt:  # while the command is imported
            return 130
        return code
    if not words or words[0] in ("-h", "--help"):
        _print(_help())
        return 0 if words else 2
    if words[0] == "--version":
        _print(f"myvgg {__version__}")
        return 0
    near = did_you_mean(words[0], [*COMMANDS, "style batch", "style sweep"])
    print(f"myvgg: no command {words[0]!r}{near or ', see myvgg --help'}", file=sys.stderr)
    return 2


def module_of(name: str) -> ModuleType:
    """Import the module of a command.

    Args:
        name: A name of `COMMANDS`.
    """
    return import_module(f"myvgg.cli.{MODULES.get(name, name)}")


def _print(text: str) -> None:
    """Print a text, and nothing more where the reader has seen enough."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _help() -> str:
    commands = [f"  {name:<12}{text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            *("usage: myvgg COMMAND ...", "", "commands:", *commands, ""),
            "'myvgg COMMAND --help' lists the options of a command, 'myvgg --version' prints the version.",
        ]
    )
