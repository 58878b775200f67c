"""The scripts that complete words in a shell."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from myvgg.cli import app
from myvgg.cli.completion import main, script
from myvgg.nst import presets

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_shtab_myvgg 2> errors
printf '%s\n' "${COMPREPLY[@]}"
"""
"""Bash that completes the last of its words."""


@pytest.fixture(scope="module")
def completion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the script of bash."""
    path = tmp_path_factory.mktemp("completion") / "myvgg"
    path.write_text(script("bash"))
    return path


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "found"),
    {
        "commands": ([""], set(app.COMMANDS)),
        "a command": (["st"], {"style"}),
        "files and commands": (["style", ""], {"batch", "sweep", "a.png", "b.png"}),
        "options": (["style", "a.png", "b.png", "--pres"], {"--preset", "--preserve-colors"}),
        "flags": (["style", "--no-"], {"--no-balance", "--no-record"}),
        "presets": (["style", "--preset", ""], set(presets.names())),
        "choices": (["style", "a.png", "--pooling", ""], {"max", "avg"}),
        "files of an option": (["style", "--mask", "a"], {"a.png"}),
        "options below": (["style", "sweep", "--ov"], {"--over"}),
        "other commands": (["extract", "--reduce", "m"], {"mean", "moments"}),
        "shells": (["completion", "b"], {"bash"}),
    }.values(),
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bash_completes(words: list[str], found: set[str], completion: Path, tmp_path: Path) -> None:
    """Bash itself completes commands, options, choices and files."""
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    command = ["bash", "-c", ASK, "ask", str(completion), "myvgg", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) - {"errors"} == found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_every_shell_has_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints the script of each shell, with all commands and settings."""
    assert main([shell]) == 0
    found = capsys.readouterr().out
    assert [word for word in (*app.COMMANDS, "style-strength", "tf-tutorial") if word not in found] == []


def test_an_unknown_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A shell without a script is named with those that have one."""
    assert main(["ksh"]) == 2
    assert "must be bash, zsh, fish or tcsh, not 'ksh'" in capsys.readouterr().err
