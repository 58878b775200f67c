"""From pictures to the network's input and back.

The network was trained on B, G, R, 0 to 255, minus the mean of the training pictures, unscaled.
It is subtracted here and not hidden in conv1_1's bias, because the padding that follows must be zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from jaxtyping import Float32

from myvgg.architecture import MEAN


def preprocess(images: Any) -> Float32[tf.Tensor, "*batch height width 3"]:
    """Turn pictures into the network's input, out of place.

    Args:
        images: R, G, B, 0 to 255, uint8 or floating point, shape (..., height, width, 3); arrays or tensors.

    Returns:
        B, G, R with the mean subtracted, float32.

    Raises:
        ValueError: Another type, or a last axis that is not 3.

    Reference:
        Simonyan and Zisserman, section 2.1; the order of channels and the numbers are those of the published weights.
    """
    images = tf.convert_to_tensor(images if tf.is_tensor(images) else np.asarray(images))
    if images.dtype != tf.uint8 and not images.dtype.is_floating:
        raise ValueError(f"images must be uint8 or floating point from 0 to 255, not {images.dtype.name}")
    if images.shape.rank is None or images.shape.rank < 3 or images.shape[-1] not in (3, None):
        raise ValueError(f"images must have shape (..., height, width, 3), not {images.shape}")
    return tf.reverse(tf.cast(images, tf.float32), [-1]) - MEAN


def deprocess(x: Float32[tf.Tensor, "*batch height width 3"]) -> Float32[tf.Tensor, "*batch height width 3"]:
    """Undo `preprocess`: R, G, B, 0 to 255 where `x` came from a picture, not rounded and not clipped."""
    return tf.reverse(x + MEAN, [-1])
