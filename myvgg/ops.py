"""The operations of a VGG network: convolution, rectification, pooling, matrix product.

Maps are (batch, height, width, channels), kernels (height, width, inputs, outputs).
These are the TensorFlow operations that Keras ends in, in the same order, which is why results are equal bit for bit.
"""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import Any, Literal

import tensorflow as tf
from jaxtyping import Float

from myvgg import kernels
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


LEAN_GRADIENT = "MyvggLeanConv2D"
"""Name under which TensorFlow knows `_lean_gradient`."""

FEW_INPUTS = 16
"""Inputs of a convolution, at most, whose unfolded maps are small."""


def lean_gradients() -> AbstractContextManager[Any]:
    """Give the convolutions of the graph that is being built a gradient that takes less memory, where there is one.

    Without oneDNN, as on processors that have no AVX512_VNNI, TensorFlow unfolds maps for the gradient: 9 times their
    channels at every position, 2.3 kB a pixel for conv1_2. The gradient is a convolution as well, with the kernel
    turned around, which needs no such maps and takes half of the time there. Rounding differs in the last bits.

    In effect for `tf.gradients` inside a `tf.function`; with oneDNN, on a GPU and outside of graphs nothing changes.
    """
    if tf.executing_eagerly() or kernels.has_onednn() or kernels.has_gpu():
        return contextlib.nullcontext()
    graph: AbstractContextManager[Any] = tf.compat.v1.get_default_graph().gradient_override_map(
        {"Conv2D": LEAN_GRADIENT}
    )
    return graph


@tf.RegisterGradient(LEAN_GRADIENT)  # type: ignore[untyped-decorator]
def _lean_gradient(operation: Any, gradient: tf.Tensor) -> tuple[tf.Tensor, None]:
    """Carry a gradient to the inputs of a convolution; kernels get none."""
    x, kernel = operation.inputs
    padding = operation.get_attr("padding").decode()
    if padding == "SAME" and kernel.shape[2] > FEW_INPUTS:
        turned = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])
        return tf.nn.conv2d(gradient, turned, strides=1, padding=padding), None
    options = {"strides": [1, 1, 1, 1], "padding": padding}
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.shape(x), filter=kernel, out_backprop=gradient, **options
    ), None


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
