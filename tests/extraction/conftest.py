"""Pictures and weights to extract from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from myvgg.params import random

SIZES = ((40, 60), (64, 64), (90, 50), (33, 80), (70, 70), (48, 64), (64, 48))


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of random weights of the convolutions."""
    path = tmp_path_factory.mktemp("weights") / "vgg19.safetensors"
    random(include_top=False).save(path)
    return str(path)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small pictures of several sizes, some in a folder of their own, and three that cannot be read."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "inner").mkdir()
    rng = np.random.default_rng(0)
    for index, (height, width) in enumerate(SIZES * 3):
        pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
        picture = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
        picture.save(folder / ("inner" if index % 5 == 0 else ".") / f"{index:02}.png")
    (folder / "04b.png").write_bytes(b"no picture")
    (folder / "empty.jpg").touch()
    whole = (folder / "01.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    return folder
