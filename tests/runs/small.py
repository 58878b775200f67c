"""Small pictures and settings with which a run takes no time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from myvgg.nst.settings import Layers, Settings
from tests.drawn import blobs

QUICK = Settings(
    size=24,
    scales=1,
    iterations=2,
    content_layers=Layers("relu2_1"),
    style_layers=Layers("relu1_1"),
    precision="float32",
)
IN_NAMES = "size-24_iterations-2_scales-1_content-layers-relu2_1=1_style-layers-relu1_1=1_precision-float32"
"""The settings `QUICK` in the names of a batch's results."""


def save(path: Path, *, seed: int = 0) -> Path:
    """Write a small picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.rint(blobs(20, 24, seed)).astype(np.uint8)).save(path)
    return path
