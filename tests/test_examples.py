"""The drawn example pictures come from the script beside them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, writing elsewhere."""
    import importlib

    monkeypatch.syspath_prepend(EXAMPLES)
    module = importlib.import_module("draw")
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    return module


@pytest.mark.parametrize("name", ["strokes", "waves", "tiles", "landscape"])
def test_drawn_pictures_are_those_of_the_script(name: str, draw: ModuleType, tmp_path: Path) -> None:
    """Drawn again, a picture is the bundled one, but for what another machine rounds otherwise."""
    draw.save(name, draw.to_image(draw.DRAWINGS[name].draw()))
    actual, expected = (np.asarray(Image.open(folder / f"{name}.jpg"), float) for folder in (tmp_path, EXAMPLES))
    assert actual.shape == expected.shape == (288, 384, 3)
    assert np.abs(actual - expected).mean() < 3  # levels of 255
