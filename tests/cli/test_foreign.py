"""Another program's words become ours, and its numbers bring its preset along."""

from __future__ import annotations

import pytest

from myvgg.cli.foreign import PRESET, translate

SAME = {
    "nothing": [],
    "our own words": ["--content", "a.png", "--style", "b.png", "--output", "c.png", "--content-weight", "3"],
    "short ones": ["-c", "a.png", "-s", "b.png"],
    "values that look like words": ["--output=-cw.png", "cw", "lr", "-"],
}


@pytest.mark.parametrize("argv", SAME.values(), ids=SAME)
def test_our_words_stay(argv: list[str]) -> None:
    """What is ours, or means the same in both, passes through, and no preset is chosen."""
    assert translate(argv) == argv


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("--content-image", "--content"), ("--style-image", "--style"), ("--output-filename", "--output")],
)
def test_names_of_files_are_replaced(theirs: str, ours: str) -> None:
    """Words for files are replaced, in either way of writing a value, and choose no preset: they are no numbers."""
    assert translate([theirs, "a b.png"]) == [ours, "a b.png"]
    assert translate([f"{theirs}=a=b.png"]) == [f"{ours}=a=b.png"]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("-cw", "--content-weight"),
        ("-sw", "--style-weight"),
        ("-e", "--iterations"),
        ("--epochs", "--iterations"),
        ("-lr", "--learning-rate"),
        ("-tw", "--tv-weight"),
        ("--total-variation-weight", "--tv-weight"),
    ],
)
def test_numbers_bring_the_preset(theirs: str, ours: str) -> None:
    """A number in the other program's units is meant for its objective, so its preset comes first."""
    assert translate([theirs, "1e-2"]) == ["--preset", PRESET, ours, "1e-2"]
    assert translate([f"{theirs}=1e-2"]) == ["--preset", PRESET, f"{ours}=1e-2"]


@pytest.mark.parametrize("option", ["--preset", "--config", "--from-picture"])
@pytest.mark.parametrize("form", [["{}", "x"], ["{}=x"]], ids=["two words", "one word"])
def test_a_chosen_preset_stays(option: str, form: list[str]) -> None:
    """Who names settings gets them, with the other program's words for numbers."""
    chosen = [word.format(option) for word in form]
    assert translate(["-cw", "3", *chosen]) == ["--content-weight", "3", *chosen]


def test_a_whole_command_line() -> None:
    """Everything keeps its order."""
    argv = ["-c", "a.jpg", "-s", "b.jpg", "-cw", "1e3", "-sw", "1e-2", "-e", "10", "-lr", "5", "-tw", "30"]
    assert translate([*argv, "--output-filename", "o.png"]) == [
        *("--preset", "pixforgeon", "-c", "a.jpg", "-s", "b.jpg", "--content-weight", "1e3"),
        *("--style-weight", "1e-2", "--iterations", "10", "--learning-rate", "5", "--tv-weight", "30"),
        *("--output", "o.png"),
    ]


def test_the_arguments_are_not_changed() -> None:
    """The given list stays as it is."""
    argv = ["-cw", "3"]
    translate(argv)
    assert argv == ["-cw", "3"]
