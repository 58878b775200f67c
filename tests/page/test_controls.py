"""Controls become settings, and a picture gives its settings back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from myvgg import images
from myvgg.images import ImageError
from myvgg.nst import tables
from myvgg.nst.settings import Settings
from myvgg.page import limits
from myvgg.page.controls import (
    COLOURS,
    OF_A_PICTURE,
    RANGES,
    SIZES,
    Controls,
    brought_by,
    preset_names,
    settings_of,
    shown_for,
)
from myvgg.page.limits import check_picture
from myvgg.params import Params
from myvgg.runs.job import Job, read, run
from tests.runs.small import QUICK, save


def test_the_default_controls_are_the_default_settings() -> None:
    """Nobody who touches nothing changes anything but the size."""
    assert settings_of(Controls(), None) == Settings(size=384)


@pytest.mark.parametrize("name", [name for name in preset_names() if name != OF_A_PICTURE])
def test_every_preset_is_offered(name: str) -> None:
    """The controls lie over any preset."""
    settings = settings_of(Controls(name, 200.0, 2.0, 0.5, "the photograph's"), None)
    expected = Settings.preset(name, size=200, style_strength=2.0, style_scale=0.5, preserve_colors="luminance")
    assert settings == expected


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (Controls(size=32), "the size must be from 64 to 1024, not 32"),
        (Controls(size=1e9), "the size must be from 64 to 1024"),
        (Controls(size=float("nan")), "the size must be from 64 to 1024"),
        (Controls(preset="gattys"), "no preset 'gattys'"),
        (Controls(colours="pink"), "colours must be one of"),
        (Controls(strength=-1), "style_strength must be"),
        (Controls(preset=OF_A_PICTURE), "no picture has brought its settings"),
    ],
    ids=str,
)
def test_values_of_a_forged_request_are_refused(values: Controls, problem: str) -> None:
    """A browser may send anything; what the controls cannot say is an error in one line."""
    with pytest.raises(ValueError, match=problem):
        settings_of(values, None)


def test_a_picture_gives_its_settings_back(tmp_path: Path, tiny_params: Params) -> None:
    """All settings of a picture come back from the controls, whatever they were."""
    made = replace(QUICK, size=64, style_strength=1.5, style_scale=0.5, preserve_colors="match", noise=0.7, seed=5)
    job = Job(content=save(tmp_path / "c.png"), styles=(save(tmp_path / "s.png", seed=1),), output=tmp_path / "o.png")
    run(replace(job, settings=made), read(job), tiny_params)
    table, values = brought_by(job.output)
    assert values == Controls(OF_A_PICTURE, 64, 1.5, 0.5, "between both")
    assert settings_of(values, table) == made


def test_files_of_a_record_are_not_read(tmp_path: Path) -> None:
    """A record that names a file of the machine as its first picture does not make the page read it."""
    path, stored = tmp_path / "a.png", '[settings]\ninit = "/etc/passwd"\nmax_memory = 9.0\n'
    images.save(np.zeros((4, 4, 3), np.float32), path, text={"myvgg": stored})
    table, values = brought_by(path)
    assert settings_of(values, table).init == "blend"
    assert settings_of(values, table).max_memory is None


@pytest.mark.parametrize("text", [None, "[settings]\nnoise = 7.0\n", "[settings]\nnonsense = 1\n", "broken ["])
def test_pictures_without_settings_are_refused(text: str | None, tmp_path: Path) -> None:
    """No record, wrong values and damaged records are errors of pictures."""
    path = tmp_path / "a.png"
    images.save(np.zeros((4, 4, 3), np.float32), path, text={"myvgg": text} if text else {})
    with pytest.raises(ImageError):
        brought_by(path)


def test_uploads_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture passes; other files, damaged pictures and pictures of too many pixels do not; no folder is named."""
    good = save(tmp_path / "good.jpg")
    check_picture(good)
    broken = tmp_path / "broken.png"
    broken.write_bytes(save(tmp_path / "whole.png").read_bytes()[:-30])
    text = tmp_path / "text.png"
    text.write_text("no picture")
    for path in (broken, text):
        with pytest.raises(ImageError, match=rf"^{path.name}: "):
            check_picture(path)
    monkeypatch.setattr(limits, "MAX_PIXELS", 100)
    with pytest.raises(ImageError, match=r"^good\.jpg: has 480 pixels, and the page takes up to 100$"):
        check_picture(good)


def test_every_way_with_colours_has_a_name() -> None:
    """The controls can say each value that the setting has, so that a brought one is shown."""
    assert {*COLOURS.values()} == {*get_args(get_type_hints(Settings)["preserve_colors"])}
    assert len({*COLOURS.values()}) == len(COLOURS)


@pytest.mark.parametrize(
    ("changes", "touched"),
    [
        ({"size": "800x600"}, {"size": 256}),
        ({"size": 2000}, {"size": 512}),
        ({"style_strength": 20.0}, {"strength": 2.0}),
        ({"style_scale": 0.01}, {"strokes": 0.5}),
        ({"preserve_colors": "histogram"}, {"colours": "the photograph's"}),
        ({"style_weight": 3.0, "style_loss": "gram"}, {"strength": 2.0}),
    ],
    ids=str,
)
def test_what_is_not_touched_stays(changes: dict[str, Any], touched: dict[str, Any]) -> None:
    """A brought setting that no slider can show stays as it is until its control is touched; the others stay then."""
    made = replace(Settings(), **changes)
    table = tables.table_of(made)
    shown = shown_for(made)
    assert SIZES[0] <= shown.size <= SIZES[1]
    assert RANGES["strength"][0] <= shown.strength <= RANGES["strength"][1]
    assert RANGES["strokes"][0] <= shown.strokes <= RANGES["strokes"][1]
    assert settings_of(shown, table) == made
    changed = settings_of(shown._replace(**touched), table)
    plain = settings_of(Controls(**touched), None)
    name = {"size": "size", "strength": "style_strength", "strokes": "style_scale", "colours": "preserve_colors"}[
        next(iter(touched))
    ]
    assert changed == made.with_values({name: getattr(plain, name)})
