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

from myvgg.images.coercion import check_values
from myvgg.params import CAFFE, Preprocessing

LOWEST = -0.5
"""The smallest number in a picture: rounding errors pass, and neither preprocessed pictures nor those from -1 to 1."""

HIGHEST = 300.0
"""The largest number in a picture: resampled pictures may pass 255 a little, but 16 bits a channel are refused."""


def preprocess(images: Any, *, like: Preprocessing = CAFFE) -> Float32[tf.Tensor, "*batch height width 3"]:
    """Turn pictures into the network's input, out of place.

    Numbers are checked outside of graphs. Pictures that were resampled with overshoot must be clipped before.

    Args:
        images: R, G, B, 0 to 255, uint8 or floating point, shape (..., height, width, 3); arrays or tensors.
        like: `params.preprocessing` of the weights.

    Returns:
        B, G, R with the mean subtracted, float32, or the input that the weights were trained on.

    Raises:
        ValueError: Another type, a last axis that is not 3, numbers below -0.5 or above 300, or NaN.
        RuntimeError: Eager execution is off.

    Warns:
        UserWarning: Once: pictures that seem to be from 0 to 1.

    Reference:
        Simonyan and Zisserman, section 2.1; the order of channels and the numbers are those of the published weights.

    Example:
        >>> import myvgg, numpy as np
        >>> myvgg.preprocess(np.zeros((1, 1, 3), np.uint8)).numpy().tolist()
        [[[-103.93900299072266, -116.77899932861328, -123.68000030517578]]]
    """
    images = _tensor(images)
    check_type(images.dtype)
    if images.shape.rank is None or images.shape.rank < 3 or images.shape[-1] not in (3, None):
        raise ValueError(f"images must have shape (..., height, width, 3), not {images.shape}{_advice(images.shape)}")
    if images.dtype != tf.uint8 and hasattr(images, "numpy"):
        check_values("images", images.numpy(), lowest=LOWEST, highest=HIGHEST)
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


def check_type(dtype: Any) -> None:
    """Refuse pictures of another type than those from 0 to 255 have, such as those of 16 bits a channel.

    Args:
        dtype: The type, of TensorFlow's or NumPy's or its name.

    Raises:
        ValueError: Neither uint8 nor floating point.
    """
    dtype = tf.as_dtype(dtype)
    if dtype != tf.uint8 and not dtype.is_floating:
        raise ValueError(f"images must be uint8 or floating point from 0 to 255, not {dtype.name}")


def asserted(
    images: Float32[tf.Tensor, "batch height width 3"],
) -> Float32[tf.Tensor, "batch height width 3"]:
    """Return pictures behind an assertion about their numbers, for graphs, in which `preprocess` cannot check them.

    The graph fails with `tf.errors.InvalidArgumentError` for numbers below -0.5 or above 300, and for NaN.
    XLA leaves assertions out.
    """
    right = tf.reduce_all((images >= LOWEST) & (images <= HIGHEST))  # false for NaN too
    found = ["images must be from 0 to 255, not", tf.reduce_min(images), "to", tf.reduce_max(images)]
    with tf.control_dependencies([tf.debugging.Assert(right, found)]):
        return tf.identity(images)


def check_eager() -> None:
    """Refuse a process in which TensorFlow behaves as its version 1.

    Raises:
        RuntimeError: Eager execution is off, or a graph of version 1 is being built.
    """
    if not tf.compat.v1.executing_eagerly_outside_functions():
        raise RuntimeError(
            "myvgg needs TensorFlow's eager execution: remove tf.compat.v1.disable_eager_execution(), "
            "disable_v2_behavior() and tf.Graph().as_default(); tf.function makes graphs"
        )


def _tensor(images: Any) -> tf.Tensor:
    """Return pictures as one tensor.

    Raises:
        ValueError: Something that is no array of pictures of one size; the message tells what helps.
    """
    check_eager()
    if isinstance(images, tf.RaggedTensor | tf.SparseTensor):
        raise ValueError(
            f"images must have one size, not be a {type(images).__name__}: "
            "resize them, pad them with to_tensor(), or compute one by one"
        )
    if type(images).__name__ == "KerasTensor":
        raise ValueError(
            "images must be arrays or tensors, not a symbolic tensor of Keras: use myvgg.keras_layer there"
        )
    if tf.is_tensor(images) or isinstance(images, tf.Variable):
        return tf.convert_to_tensor(images)
    if isinstance(images, list | tuple) and len(shapes := {np.shape(image) for image in images}) > 1:
        found = ", ".join(map(str, sorted(shapes)))
        raise ValueError(f"images must have one size, not the shapes {found}: resize them, or compute one by one")
    array = np.asarray(images)
    if array.dtype.kind not in "uifb" and array.dtype.name != "bfloat16":
        raise ValueError(
            f"images must be arrays or tensors, not {type(images).__name__}: myvgg.images.load reads a file"
        )
    return tf.convert_to_tensor(array)


def _advice(shape: tf.TensorShape) -> str:
    """Return what helps for a shape that is not that of pictures."""
    if shape.rank in (3, 4) and shape[-1] == 4:
        return ": take images[..., :3], or myvgg.images.as_picture, which lays on white what is transparent"
    if shape.rank in (3, 4) and shape[-3] == 3:
        return ": move the channels last"
    return ""


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
