"""Pictures for tests."""

from __future__ import annotations

import numpy as np


def blobs(height: int, width: int, seed: int) -> np.ndarray:
    """Draw waves of three colours."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width][..., None]
    a, b, phase = rng.uniform(0.1, 0.6, (3, 3))
    return (127.5 + 120 * np.sin(a * y + b * x + 9 * phase)).astype(np.float32)
