"""From pictures to the network's input and back.

The preparation belongs to the weights. Those of the paper were trained on B, G, R, 0 to 255, minus the mean of the
training pictures, unscaled; torchvision's on R, G, B, minus a mean and divided by a deviation.
The mean is subtracted here and not hidden in conv1_1's bias, because the padding that follows must be zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from jaxtyping import Float32

from myvgg.params import CAFFE, Preprocessing


def preprocess(images: Any, *, like: Preprocessing = CAFFE) -> Float32[tf.Tensor, "*batch height width 3"]:
    """Turn pictures into the network's input, out of place.

    Args:
        images: R, G, B, 0 to 255, uint8 or floating point, shape (..., height, width, 3); arrays or tensors.
        like: `params.preprocessing` of the weights.

    Returns:
        B, G, R with the mean subtracted, float32, or the input that the weights were trained on.

    Raises:
        ValueError: Another type, or a last axis that is not 3.

    Reference:
        Simonyan and Zisserman, section 2.1; the order of channels and the numbers are those of the published weights.

    Example:
        >>> import myvgg, numpy as np
        >>> myvgg.preprocess(np.zeros((1, 1, 3), np.uint8)).numpy().tolist()
        [[[-103.93900299072266, -116.77899932861328, -123.68000030517578]]]
    """
    images = tf.convert_to_tensor(images if tf.is_tensor(images) else np.asarray(images))
    if images.dtype != tf.uint8 and not images.dtype.is_floating:
        raise ValueError(f"images must be uint8 or floating point from 0 to 255, not {images.dtype.name}")
    if images.shape.rank is None or images.shape.rank < 3 or images.shape[-1] not in (3, None):
        raise ValueError(f"images must have shape (..., height, width, 3), not {images.shape}")
    x = tf.cast(images, tf.float32)
    x = (tf.reverse(x, [-1]) if like.channels == "bgr" else x) - like.mean
    return x / like.scale if like.scale != CAFFE.scale else x


def preprocess_batch(images: Any, *, like: Preprocessing = CAFFE) -> Float32[tf.Tensor, "batch height width 3"]:
    """Turn a batch of pictures, or one as a batch of one, into the network's input; see `preprocess`.

    Raises:
        ValueError: As `preprocess`, another number of axes, or no picture.
    """
    x = preprocess(images, like=like)
    x = x[tf.newaxis] if x.shape.rank == 3 else x
    if x.shape.rank != 4:
        raise ValueError(
            f"images must have shape (batch, height, width, 3) or (height, width, 3), not {tuple(x.shape)}"
        )
    if x.shape[0] == 0:
        raise ValueError("there must be at least one picture")
    return x


def deprocess(
    x: Float32[tf.Tensor, "*batch height width 3"], *, like: Preprocessing = CAFFE
) -> Float32[tf.Tensor, "*batch height width 3"]:
    """Undo `preprocess`: R, G, B, 0 to 255 where `x` came from a picture, not rounded and not clipped.

    Example:
        >>> import myvgg, numpy as np
        >>> myvgg.deprocess(myvgg.preprocess(np.full((1, 1, 3), 64.0))).numpy().tolist()
        [[[64.0, 64.0, 64.0]]]
    """
    images = x * like.scale + like.mean
    return tf.reverse(images, [-1]) if like.channels == "bgr" else images
