"""Records become command lines: names, types, groups, and errors in one line."""

from __future__ import annotations

import argparse
import doctest
import importlib
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from myvgg.cli.kinds import kind_of
from myvgg.cli.layout import sentences, shown
from myvgg.cli.options import Option, entries
from myvgg.cli.parser import read
from myvgg.nst.layers import Layers
from myvgg.runtime.errors import UsageError, did_you_mean


@dataclass(frozen=True)
class Shared:
    """Options of several commands."""

    name: str = "x"
    """A name of 100 % letters."""


@dataclass(frozen=True)
class Example(Shared):
    """Do something.

    And more of it.
    """

    files: Annotated[tuple[Path, ...], Option(positional=True, metavar="FILES")] = ()
    """Some files."""

    output: Annotated[Path, Option("-o", group="files")] = Path("out.png")
    """File to write."""

    count: int | None = None
    """A number that may be
    missing."""

    kind: Literal["a", "b", "c"] = "a"
    """A choice."""

    ratio: float = 0.5
    """A ratio."""

    size: int | str = 3
    """A size."""

    shares: tuple[float, ...] = ()
    """Numbers."""

    mask: Annotated[tuple[Path, ...], Option(repeated=True)] = ()
    """Masks."""

    loud: bool = False
    """Make noise."""

    made: dict[str, int] = field(default_factory=dict)
    """No option."""


@dataclass(frozen=True)
class Needy:
    """Take one picture."""

    picture: Annotated[Path, Option(positional=True, metavar="PICTURE")]
    """A picture."""

    other: Annotated[Path | None, Option(positional=True, metavar="OTHER")] = None
    """Another one."""


def parse(*argv: str) -> Example:
    """Read words."""
    return read(Example, argv, program="tool")


def test_nothing_gives_the_defaults() -> None:
    """Without words a record is as it is made without arguments."""
    assert parse() == Example()


def test_every_type_is_read() -> None:
    """Words become values of the fields' types, names may have underscores, and positionals stand anywhere."""
    argv = ["a.png", "-o", "b.png", "--count", "3", "--kind=c", "c.png", "--ratio", "1e-3", "--size", "8x"]
    argv += ["--shares", "1", "2", "--mask", "m", "--mask", "n", "--loud", "--name=-x_y"]
    assert parse(*argv) == Example(
        name="-x_y",
        files=(Path("a.png"), Path("c.png")),
        output=Path("b.png"),
        count=3,
        kind="c",
        ratio=1e-3,
        size="8x",
        shares=(1.0, 2.0),
        mask=(Path("m"), Path("n")),
        loud=True,
    )
    assert parse("--size", "8").size == 8
    assert parse("--count", "3", "--count", "none").count is parse("--count", "None").count is None
    assert parse("--", "--my_file", "-h").files == (Path("--my_file"), Path("-h"))


def test_missing_positionals() -> None:
    """A positional without a default must be there; one with a default need not."""
    assert read(Needy, ["a"], program="tool") == Needy(Path("a"))
    assert read(Needy, ["a", "b"], program="tool") == Needy(Path("a"), Path("b"))
    with pytest.raises(UsageError, match=r"^PICTURE is missing$"):
        read(Needy, [], program="tool")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--rato", "3"], "no option --rato: did you mean --ratio?"),
        (["--xyz=3"], "no option --xyz"),
        (["--count", "1.5"], "--count: must be a whole number, not '1.5'"),
        (["--ratio", "much"], "--ratio: must be a number, not 'much'"),
        (["--kind", "d"], "--kind: must be a, b or c, not 'd'"),
        (["--output"], "-o/--output: expected one argument"),
        (["--no-loud"], "no option --no-loud: did you mean --loud?"),
        (["--coun", "3"], "no option --coun: did you mean --count?"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_wrong_words(argv: list[str], message: str) -> None:
    """Each error names the option, the word and what is allowed, or the nearest option."""
    with pytest.raises(UsageError) as caught:
        parse(*argv)
    assert str(caught.value) == message


def test_words_that_have_no_place() -> None:
    """More positionals than there are fields are named."""
    with pytest.raises(UsageError, match=r"^one word too many: c$"):
        read(Needy, ["a", "b", "c"], program="tool")


def test_help(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The help is the record: docstrings, types, defaults and groups; own options come before shared ones."""
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        parse("--count", "--help")
    assert (
        capsys.readouterr().out
        == """\
usage: tool [FILES ...] [options]

Do something.

And more of it.

options:
  FILES ...          Some files.
  --count N          A number that may be missing.
  --kind {a,b,c}     A choice. (default: a)
  --ratio X          A ratio. (default: 0.5)
  --size SIZE        A size. (default: 3)
  --shares X ...     Numbers.
  --mask FILE        Masks.
  --loud             Make noise.
  --name NAME        A name of 100 % letters. (default: x)
  -h, --help         Print this help.

files:
  -o, --output FILE  File to write. (default: out.png)
"""
    )


def test_entries_are_the_fields() -> None:
    """The list of options has the docstrings, and leaves out a field whose default is made."""
    found = {entry.name: entry for entry in entries(Example)}
    assert "made" not in found
    assert found["count"].text == "A number that may be missing."
    assert sentences(Example)["name"] == "A name of 100 % letters."


def test_a_record_without_its_source_has_no_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no source, a command line works all the same."""
    module = types.ModuleType("nowhere")
    monkeypatch.setitem(sys.modules, "nowhere", module)
    exec(
        "from dataclasses import dataclass\n@dataclass\nclass Made:\n    size: int = 1\n    'Size.'\n", module.__dict__
    )
    assert read(module.Made, ["--size", "2"], program="tool").size == 2
    assert sentences(module.Made) == {}


@pytest.mark.parametrize(
    ("hint", "word", "value"),
    [
        (int, "3", 3),
        (float, "nan", pytest.approx(float("nan"), nan_ok=True)),
        (Layers, "relu1_1=2", Layers("relu1_1=2")),
        (Literal[8, 16] | None, "16", 16),
        (Literal[8, 16] | None, "none", None),
        (int | str | None, "None", None),
        (float | None, "2", 2.0),
        (Path | None, "none", Path("none")),
        (str | None, "None", "None"),
    ],
    ids=str,
)
def test_kinds(hint: Any, word: str, value: Any) -> None:
    """A word becomes a value of its type; none is no value where there can be none, but it may be a file's name."""
    assert kind_of(hint).read(word) == value


def test_kinds_raise_errors_of_argparse() -> None:
    """A word that is no layer is refused with the layers' own words."""
    with pytest.raises(argparse.ArgumentTypeError, match="did you mean"):
        kind_of(Layers).read("relu1_9")
    with pytest.raises(KeyError):
        kind_of(bytes)


def test_values_are_shown_as_they_are_written() -> None:
    """Numbers are short, several values are words, and what is not set is nothing."""
    assert shown(2 / 255) == "0.00784314"
    assert shown((0.5, 2.0)) == "0.5 2"
    assert shown(Layers("relu1_1=1,pool1=0.5")) == "relu1_1=1,pool1=0.5"
    assert [shown(value) for value in (None, True, False, (), "")] == [""] * 5


def test_the_nearest_name() -> None:
    """A name that is near is suggested, another one is not."""
    assert did_you_mean("gaty", ["gatys", "draft"]) == ": did you mean gatys?"
    assert did_you_mean("zzz", ["gatys", "draft"]) == ""


MODULES = (
    "cli.kinds",
    "cli.layout",
    "cli.foreign",
    "cli.layering",
    "cli.style_many",
    "nst.layers",
    "nst.ranges",
    "runtime.errors",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name: str) -> None:
    """The examples in the docstrings give the values that are written below them."""
    found = doctest.testmod(importlib.import_module(f"myvgg.{name}"))
    assert found.failed == 0
    assert found.attempted > 0
