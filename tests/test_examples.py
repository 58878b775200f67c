"""The drawn example pictures come from the script beside them, and fine-tuning learns."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from myvgg import params
from myvgg.architecture import vgg

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, writing elsewhere."""
    import importlib

    monkeypatch.syspath_prepend(EXAMPLES)
    module = importlib.import_module("draw")
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", ["strokes", "waves", "tiles", "landscape", "portrait", "hatching"])
def test_drawn_pictures_are_those_of_the_script(name: str, draw: ModuleType, tmp_path: Path) -> None:
    """Drawn again, a picture is the bundled one, but for what another machine rounds otherwise."""
    draw.save(name, draw.to_image(draw.DRAWINGS[name].draw()))
    actual, expected = (np.asarray(Image.open(folder / f"{name}.jpg"), float) for folder in (tmp_path, EXAMPLES))
    assert actual.shape == expected.shape == (288, 384, 3)
    assert np.abs(actual - expected).mean() < 3  # levels of 255


def test_fine_tuning_learns_saves_and_loads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The script, on a small network, comes to know what it was shown, and knows as much after loading again."""
    import importlib

    import myvgg
    from myvgg.random_weights import calibrated

    small = vgg("small", ((8,), (16,), (24,), (32,), (32,)), dense=(512, 256, 10), input_size=64)

    def load(source: Path | None, **options: Any) -> myvgg.VGG:
        if source is not None:
            return myvgg.VGG(params.load(source, small))
        return myvgg.VGG(calibrated(small))

    monkeypatch.syspath_prepend(EXAMPLES)
    script = importlib.import_module("finetune")
    monkeypatch.setattr(script, "SIZE", 64)
    drawn = script.data(20, seed=1)
    monkeypatch.setattr(script, "data", lambda count, seed: drawn)  # so small a network learns these, and no more
    monkeypatch.setattr(myvgg.VGG19, "load", load)
    monkeypatch.setattr(
        "sys.argv", ["finetune.py", "--epochs", "20", "--rate", "0.0003", "--output", str(tmp_path / "w.safetensors")]
    )
    script.main()
    before, after, best = capsys.readouterr().out.splitlines()
    share = float(before.partition("%")[0])
    assert share > 50
    assert float(after.partition("%")[0]) == share
    assert best.split()[5] in script.KINDS
    assert params.load(tmp_path / "w.safetensors", small).labels == script.KINDS
