"""Pictures side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from myvgg.images import AnyPicture

GAP = 4
"""White pixels between two pictures."""


def join(pictures: Sequence[AnyPicture]) -> Float32[np.ndarray, "height width 3"]:
    """Lay pictures beside each other on white, at the top.

    Args:
        pictures: R, G, B, 0 to 255; at least one.

    Example:
        >>> import numpy as np
        >>> from myvgg.microscope.strips import join
        >>> join([np.zeros((4, 6, 3), np.float32)] * 2).shape
        (4, 16, 3)
    """
    height = max(len(picture) for picture in pictures)
    padded = [np.pad(each, ((0, height - len(each)), (0, GAP), (0, 0)), constant_values=255) for each in pictures]
    return np.concatenate(padded, axis=1)[:, :-GAP]
