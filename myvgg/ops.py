"""The operations of a VGG network: convolution, rectification, pooling, matrix product.

Maps are (batch, height, width, channels), kernels (height, width, inputs, outputs).
These are the TensorFlow operations that Keras ends in, in the same order, which is why results are equal bit for bit.
"""

from __future__ import annotations

from typing import Any, Literal

import tensorflow as tf
from jaxtyping import Float

from myvgg.architecture import PoolPadding

Maps = Float[tf.Tensor, "batch height width channels"]
Pooled = Float[tf.Tensor, "batch half_height half_width channels"]


def conv2d(
    x: Maps, kernel: Any, bias: Any, padding: Literal["zero", "replicate"] = "zero"
) -> Float[tf.Tensor, "batch height width outputs"]:
    """Convolve 3 x 3 with stride 1, padded to the same size with zeros or the border's values; add the bias."""
    if padding == "zero":
        return tf.nn.bias_add(tf.nn.conv2d(x, kernel, strides=1, padding="SAME"), bias)
    padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")  # which repeats the border for a width of one
    return tf.nn.bias_add(tf.nn.conv2d(padded, kernel, strides=1, padding="VALID"), bias)


def relu(x: Float[tf.Tensor, "*shape"]) -> Float[tf.Tensor, "*shape"]:
    """Set what is negative to zero."""
    return tf.nn.relu(x)


def max_pool(x: Maps, padding: PoolPadding = "valid") -> Pooled:
    """Take the largest of each 2 x 2 positions; `valid` drops the last odd row and column, `same` keeps them."""
    return tf.nn.max_pool2d(x, 2, 2, padding.upper())


def avg_pool(x: Maps, padding: PoolPadding = "valid") -> Pooled:
    """Take the mean of each 2 x 2 positions; with `same`, cells at an odd edge average what they cover."""
    return tf.nn.avg_pool2d(x, 2, 2, padding.upper())


def dense(x: Float[tf.Tensor, "batch inputs"], kernel: Any, bias: Any) -> Float[tf.Tensor, "batch outputs"]:
    """Multiply with a matrix (inputs, outputs) and add the bias."""
    return tf.nn.bias_add(tf.matmul(x, kernel), bias)


def flatten(x: Maps) -> Float[tf.Tensor, "batch units"]:
    """Lay out each picture's maps as one row: height, then width, then channels."""
    return tf.reshape(x, [tf.shape(x)[0], -1])
