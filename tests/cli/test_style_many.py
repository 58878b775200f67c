"""The words of `myvgg style batch` and `myvgg style sweep`."""

from __future__ import annotations

from pathlib import Path

import pytest

from myvgg.cli.style_many import axes, pictures
from myvgg.runtime.errors import UsageError


def test_settings_and_values_are_split() -> None:
    """Commas separate values, or semicolons where values have commas; names are those of settings."""
    assert axes(["style-strength=0.5, 1,2"]) == {"style_strength": ["0.5", "1", "2"]}
    assert axes(["seed=1", "style_layers=relu1_1,relu2_1; relu3_1"]) == {
        "seed": ["1"],
        "style_layers": ["relu1_1,relu2_1", "relu3_1"],
    }
    assert [*axes(["size=8", "seed=1,2"])] == ["size", "seed"]


@pytest.mark.parametrize(
    ("over", "problem"),
    {
        "nothing": ([], "name one or two settings with their values, such as style-strength=0.5,1,2, not 0"),
        "three": (["a=1", "b=1", "c=1"], "name one or two settings .*, not 3"),
        "no value": (["seed"], "over must be a setting with its values, .*, not 'seed'"),
        "empty value": (["seed=1,,2"], "over must be a setting with its values, .*, not 'seed=1,,2'"),
        "twice": (["tv-weight=1", "tv_weight=2"], "over must name two different settings, not tv_weight twice"),
    }.values(),
    ids=lambda value: "",
)
def test_wrong_settings(over: list[str], problem: str) -> None:
    """Too few or too many settings, and words without values, are wrong usage."""
    with pytest.raises(UsageError, match=f"^{problem}$"):
        axes(over)


def test_pictures_of_an_option(tmp_path: Path) -> None:
    """Errors name the option, and the folder of the results is left out."""
    (tmp_path / "a.png").touch()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.png").touch()
    assert pictures("contents", [str(tmp_path / "**/*.png")], tmp_path / "out") == [tmp_path / "a.png"]
    with pytest.raises(UsageError, match=r"^name the contents: files, folders or patterns$"):
        pictures("contents", [], tmp_path)
    with pytest.raises(UsageError, match=r"^styles: there is no such picture: no\.png$"):
        pictures("styles", ["no.png"], tmp_path)
