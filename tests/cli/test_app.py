"""The command `myvgg`: commands by name, the version, and words that are no command."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import myvgg
from myvgg.cli import app

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))


@pytest.mark.parametrize("words", [["-h"], ["--help"]], ids=str)
def test_help_names_all_commands(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each command has one line."""
    assert app.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    found = [line.split()[0] for line in lines if line.startswith("  ")]
    assert found == ["style", "app", "convert", "extract", "classify", "features", "export", "completion"]
    assert max(map(len, lines)) < 100


def test_nothing_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word the help is printed, and the exit code is that of wrong usage."""
    assert app.main([]) == 2
    assert "commands:" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The version is that of the package."""
    assert app.main(["--version"]) == 0
    assert capsys.readouterr().out == f"myvgg {myvgg.__version__}\n"


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("stlye", "myvgg: no command 'stlye': did you mean style?"),
        ("clasify", "myvgg: no command 'clasify': did you mean classify?"),
        ("batch", "myvgg: no command 'batch': did you mean style batch?"),
        ("--verbose", "myvgg: no command '--verbose', see myvgg --help"),
    ],
)
def test_an_unknown_command_names_the_nearest(word: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A word that is no command is one line on stderr, with the nearest command if one is near."""
    assert app.main([word, "--help"]) == 2
    assert capsys.readouterr() == ("", line + "\n")


@pytest.mark.parametrize("name", app.COMMANDS)
def test_commands_are_modules(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command parses its words and runs under its own name."""
    module = app.module_of(name)
    assert module.main(["--bogus"], program="tool") == 2
    assert module.main(["--bogus"]) == 2
    assert re.fullmatch(rf"tool: (.+)\nmyvgg {name}: \1\n", capsys.readouterr().err)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_launchers(script: Path) -> None:
    """A script is three lines, and its errors begin with its name."""
    lines = [line for line in script.read_text().splitlines() if line]
    assert len(lines) <= 4
    done = subprocess.run([sys.executable, script, "--bogus"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{script.name}: no option --bogus")
    assert done.stderr.count("\n") == 1


def test_there_is_a_script_for_each_command() -> None:
    """The scripts have the same words as the commands."""
    names = {path.stem.removesuffix("_weights") for path in SCRIPTS}
    assert names == set(app.COMMANDS) - {"completion"}
