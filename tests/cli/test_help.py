"""The help of every command: it is for people, and it comes at once."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from myvgg.cli import app, options
from myvgg.cli.layout import sentences
from myvgg.cli.style import parse
from myvgg.cli.style_arguments import TITLES, Arguments, BatchArguments, SweepArguments
from myvgg.cli.style_parser import entries
from myvgg.nst import presets
from myvgg.nst.settings import GROUPS, SETTINGS, WITHOUT, Settings

COMMANDS = [*([name] for name in app.COMMANDS), ["style", "batch"], ["style", "sweep"]]
STYLE = {"style": Arguments, "style batch": BatchArguments, "style sweep": SweepArguments}


@pytest.fixture
def text(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The help of a command, whose words are the parameter."""
    monkeypatch.setenv("COLUMNS", "80")
    assert app.main([*request.param, "--help"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def help_of(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the help of style for these words, on one line."""
    with pytest.raises(SystemExit) as end:
        parse(argv)
    assert end.value.code == 0
    return " ".join(capsys.readouterr().out.split())


def as_words(text: str) -> str:
    """Write the names of settings as options."""
    names = "|".join(name for name in SETTINGS if "_" in name)
    return re.sub(rf"\b({names})\b", lambda name: "--" + name[0].replace("_", "-"), text)


def without_values(found: str) -> str:
    """Remove the default values."""
    return re.sub(r"\s\(default:[^)]*\)", "", found)


@pytest.mark.parametrize("text", COMMANDS, ids=" ".join, indirect=True)
def test_help_has_no_words_of_the_program(text: str) -> None:
    """No value of Python and no name of a type is in a help, no line is wider than the terminal, no option is bare."""
    assert re.findall(r"\b(?:None|True|False|STR|INT|FLOAT|SUPPRESS)\b|\(default: \)|\xa0", text) == []
    assert max(map(len, text.splitlines())) <= 80
    assert "Print this help." in text
    options_alone = re.findall(r"^  (-\S.*)\n(?=  -|\n|$)", text, flags=re.M)
    assert [line for line in options_alone if not re.search(r"\S  +\S", line)] == []


@pytest.mark.parametrize(("words", "kind"), STYLE.items(), ids=STYLE)
def test_help_names_every_option(words: str, kind: type, capsys: pytest.CaptureFixture[str]) -> None:
    """The help has every setting and every option of the record, with its sentences."""
    found = without_values(help_of([*words.split()[1:], "--help"], capsys))
    for entry in entries(kind, Settings(), ""):
        no = "no-" if entry.hint is bool and entry.default else ""
        text = as_words(" ".join((entry.option.without if no else entry.text).split()))
        name = entry.option.metavar if entry.option.positional else f"--{no}{entry.word}"
        assert text
        assert re.search(re.escape(name) + r"(?: \S+)?(?: \.\.\.)? " + re.escape(text), found), name
    assert {field.name for field in fields(kind)} - {"settings", "named"} <= {e.name for e in options.entries(kind)}


def test_settings_are_named_as_options(capsys: pytest.CaptureFixture[str]) -> None:
    """The help names settings as they are written on the command line, and layers by their names."""
    found = help_of(["--help"], capsys)
    assert "--step-growth and --first-steps tell the numbers of the others" in found
    assert "such as relu4_2=1" in found
    assert not [name for name in SETTINGS if "_" in name and re.search(rf"\b{name}\b", found)]


def test_groups_come_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Options are in groups, and the six that matter first are in the first group."""
    with pytest.raises(SystemExit):
        parse(["--help"])
    text = capsys.readouterr().out
    assert re.findall(r"^(\S.*):$", text, flags=re.M) == [*TITLES]
    first = text[text.index("most used:") : text.index("pictures:")]
    assert re.findall(r"^  (?:-\w, )?--([\w-]+)", first, flags=re.M) == [
        *("output", "preset", "size", "style-strength", "preserve-colors", "seed"),
    ]


def test_every_setting_has_one_group_and_a_sentence() -> None:
    """The table of groups holds each setting once, and every boolean says what it does when it is off."""
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(SETTINGS)
    assert set(GROUPS) <= set(TITLES)
    assert set(sentences(Settings)) == set(SETTINGS)
    assert {name for name in SETTINGS if isinstance(getattr(Settings(), name), bool)} == set(WITHOUT)


def test_the_default_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Values of the default are called so; what is not set has no value; booleans show the flag that changes them."""
    found = help_of(["--help"], capsys)
    for value in ("--size SIZE", "(default: 512)", "(default: wasserstein+neighbors)", "(default: stylized.png)"):
        assert value in found
    assert "--no-balance Take the style loss as it is" in found
    assert "--tv-sum Sum the total variation" in found
    assert not re.search(r"--balance|--no-tv-sum", found)


@pytest.mark.parametrize("argv", [["--preset", "gatys", "--help"], ["-h", "--preset=gatys"]], ids=" ".join)
def test_a_presets_values_are_shown(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The help of a preset has the preset's values under its name, where they are not the default's."""
    found = help_of(argv, capsys)
    for value in ("(gatys: 500)", "(gatys: lbfgs)", "(gatys: noise)", "(gatys: gram)", "(default: 0.8)"):
        assert value in found
    assert "--balance Divide the statistics of the style loss" in found
    assert "--no-balance" not in found


def test_other_words_are_shown_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file's values are shown under its name; other words stay out of the help, and wrong words do not stop it."""
    path = tmp_path / "mine.toml"
    path.write_text("seed = 7\n")
    found = help_of(["--config", str(path), "--iterations", "3", "--help"], capsys)
    assert "(mine.toml: 7)" in found
    assert "(default: 10)" in found
    assert "(default: 512)" in help_of(["--size", "--help", "--colour"], capsys)


def test_help_names_all_presets(capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence of `--preset` lists them."""
    assert f"The presets are {', '.join(presets.names())}." in help_of(["--help"], capsys)


HEAVY = ("numpy", "tensorflow", "keras", "PIL", "scipy", "h5py", "matplotlib", "rich", "jaxtyping", "pooch", "requests")


def test_help_and_wrong_usage_import_nothing_heavy() -> None:
    """Help, version and wrong usage need none of the large libraries; a missing picture is told without TensorFlow."""
    code = f"""
import sys
from myvgg.cli import app
words = {COMMANDS!r}
for argv in [*([*each, "--help"] for each in words), ["style", "--preset", "gatys", "--help"], ["--version"]]:
    assert app.main(argv) == 0, argv
for argv in [["style", "--size", "0"], ["style", "a.png"], ["style", "--print-config", "--x"], ["convert"], ["export"]]:
    assert app.main(argv) == 2, argv
print(sorted(set({HEAVY!r}) & set(sys.modules)))
assert app.main(["style", "no.png", "no.png"]) == 1
print("tensorflow" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-2:] == ["[]", "False"]
