"""The forward pass of a VGG network as pure functions over its parameters, down to the operations.

Maps are (batch, height, width, channels), kernels (height, width, inputs, outputs).
The operations are the ones that Keras ends in, in the same order, so that results are equal bit for bit.
Tensors have the field's names (`conv4_2` before its rectification, `relu4_2` after); Keras' names are understood.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal
from weakref import WeakKeyDictionary

import tensorflow as tf
from jaxtyping import Float, Float32

from myvgg import kernels
from myvgg.architecture import DROPOUT, Architecture, Conv, Pool, PoolPadding, rectified
from myvgg.params import HasParams, LayerParams, Params, bound_params_of

Pooling = Literal["max", "avg"]
Padding = Literal["zero", "replicate"]
Input = Float32[tf.Tensor, "batch height width 3"]
Maps = Float[tf.Tensor, "batch height width channels"]
Pooled = Float[tf.Tensor, "batch half_height half_width channels"]


def features(
    params: Params | HasParams,
    x: Input,
    names: Sequence[str],
    *,
    pooling: Pooling = "max",
    pool_padding: PoolPadding = "valid",
    padding: Padding = "zero",
    training: bool = False,
    dtype: tf.DType | None = tf.float32,
) -> dict[str, tf.Tensor]:
    """Compute the named tensors and nothing beyond the deepest of them.

    Args:
        params: The parameters, as far as the deepest name needs them, or a network such as `VGG19`.
        x: Preprocessed pictures.
        names: Tensors (`relu4_2`) or Keras' names (`block4_conv2`, which is the same).
        pooling: `max` as in the paper, or `avg`.
        pool_padding: `valid` drops the last odd row and column before a pool, `same` keeps them.
        padding: The surroundings of the picture for the first convolution: `zero`, which is the mean colour, as in the
            paper, or `replicate`, the pixels at the border, with which optimised pictures get no frame.
        training: With dropout behind the dense layers.
        dtype: The type of the result; None leaves the type of the kernels, in which the network computes.

    Returns:
        Tensors under the names asked for: (batch, height, width, channels), or (batch, units) from fc6 on.

    Raises:
        ValueError: An unknown name or option, a picture too small, or parameters that end too early.

    Example:
        >>> import myvgg, numpy as np
        >>> params = myvgg.params.random(include_top=False)
        >>> x = myvgg.preprocess(np.zeros((1, 32, 48, 3), np.uint8))
        >>> tuple(myvgg.features(params, x, ["relu2_1"])["relu2_1"].shape)
        (1, 16, 24, 128)
    """
    params = bound_params_of(params)
    architecture = params.architecture
    check_option("pooling", pooling, POOLS)
    check_option("pool_padding", pool_padding, ("valid", "same"))
    check_option("padding", padding, ("zero", "replicate"))
    names = checked_names(names)
    _check_input(x)
    wanted = {name: architecture.resolve(name) for name in names}
    deepest = architecture.deepest(names)
    check_layers(architecture, params.layers, deepest)
    if x.shape[1] is not None and x.shape[2] is not None:
        architecture.shape(deepest, x.shape[1], x.shape[2], pool_padding=pool_padding)
    computed = {}
    for name, tensor in activations(params, x, POOLS[pooling], pool_padding, padding, training):
        if name in wanted.values():
            computed[name] = tensor
        if name == deepest:
            break
    return {name: tf.cast(computed[tensor], dtype or computed[tensor].dtype) for name, tensor in wanted.items()}


def logits(
    params: Params | HasParams,
    x: Input,
    *,
    pooling: Pooling = "max",
    pool_padding: PoolPadding = "valid",
    training: bool = False,
) -> Float32[tf.Tensor, "batch classes"]:
    """Compute the class scores before the softmax, `fc8`.

    Args:
        params: The parameters with the dense layers, or a network such as `VGG19`.
        x: Preprocessed pictures of the size that the dense layers were made for, 224 x 224.
        pooling: `max` as in the paper, or `avg`.
        pool_padding: `valid` rounds sizes down, `same` rounds them up.
        training: With dropout.

    Raises:
        ValueError: No dense layers, or pictures of another size.

    Example:
        >>> import myvgg, numpy as np
        >>> params = myvgg.params.random()
        >>> x = myvgg.preprocess(np.zeros((1, 224, 224, 3), np.uint8))
        >>> tuple(myvgg.logits(params, x).shape)
        (1, 1000)
    """
    params = bound_params_of(params)
    last = params.architecture.classifier[-1].name
    return features(params, x, [last], pooling=pooling, pool_padding=pool_padding, training=training)[last]


def activations(
    params: Params,
    x: tf.Tensor,
    pool: Any,
    pool_padding: PoolPadding,
    padding: Padding,
    training: bool,
) -> Iterator[tuple[str, tf.Tensor]]:
    """Compute the tensors one after the other, in the kernels' type, until the caller stops.

    Args:
        params: The parameters with arrays or variables.
        x: Preprocessed pictures.
        pool: A function of `POOLS`.
        pool_padding: See `features`.
        padding: See `features`.
        training: See `features`.

    Yields:
        Name and tensor.
    """
    architecture, layers = params.architecture, _layers(params)
    first, last = architecture.layers[0].name, architecture.classifier[-1].name
    x = tf.cast(x, layers[first].kernel.dtype)
    for layer in architecture.layers:
        if isinstance(layer, Pool):
            x = pool(x, pool_padding)
            yield layer.name, x
        elif isinstance(layer, Conv):
            around: Padding = "replicate" if layer.name == first and padding == "replicate" else "zero"
            x = conv2d(x, *layers[layer.name], padding=around)
            yield layer.name, x
            x = relu(x)
            yield rectified(layer.name), x
        else:
            x = dense(flatten(x) if x.shape.rank == 4 else x, *layers[layer.name])
            yield layer.name, x
            x = tf.nn.softmax(x) if layer.name == last else relu(x)
            yield rectified(layer.name, last=last), x
            x = tf.nn.dropout(x, DROPOUT) if training else x


def _layers(params: Params) -> Mapping[str, LayerParams]:
    """Return the layers of parameters; inside a graph, with arrays as tensors that all graphs share.

    A graph would hold an array as a constant of its own.
    """
    if tf.executing_eagerly():
        return params.layers
    if params not in _TENSORS:
        with tf.init_scope():
            _TENSORS[params] = {
                name: LayerParams(*(part if _is_tensor(part) else tf.constant(part) for part in layer))
                for name, layer in params.layers.items()
            }
    return _TENSORS[params]


_TENSORS: WeakKeyDictionary[Params, dict[str, LayerParams]] = WeakKeyDictionary()
"""Parameters as tensors, for as long as the parameters live."""


def _is_tensor(part: Any) -> bool:
    return isinstance(part, tf.Variable) or tf.is_tensor(part)


def _check_input(x: Any) -> None:
    """Refuse input that `preprocess` does not make: TensorFlow would crash, or compute something else."""
    if not tf.is_tensor(x) or x.dtype != tf.float32 or x.shape.rank != 4 or x.shape[-1] not in (3, None):
        found = f"{x.dtype.name} {x.shape}" if tf.is_tensor(x) else type(x).__name__
        raise ValueError(f"x must be a float32 tensor (batch, height, width, 3), as preprocess makes it, not {found}")
    if x.shape[0] == 0:
        raise ValueError("there must be at least one picture")


def checked_names(names: Sequence[str]) -> list[str]:
    """Return names as a list, unless they are one text or none."""
    names = names if isinstance(names, str) else list(names)
    if isinstance(names, str) or not names:
        raise ValueError(f"names must be a list of at least one layer, not {names!r}")
    return names


def check_layers(architecture: Architecture, layers: Mapping[str, LayerParams], deepest: str) -> list[str]:
    """Return the layers whose parameters a tensor needs, or raise unless all of them are there."""
    needed = [layer.name for layer in architecture.needed(deepest)]
    if missing := [name for name in needed if name not in layers]:
        is_dense = missing[0] == architecture.classifier[0].name
        hint = "; load a file with the classifier (include_top=True)" if is_dense else ""
        raise ValueError(f"{deepest} needs {', '.join(missing)}, which these weights do not have{hint}")
    return needed


def check_option(name: str, value: str, allowed: Sequence[str] | Mapping[str, Any]) -> None:
    """Raise unless an option has one of the values that are allowed."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def conv2d(
    x: Maps, kernel: Any, bias: Any, padding: Literal["zero", "replicate"] = "zero"
) -> Float[tf.Tensor, "batch height width outputs"]:
    """Convolve 3 x 3 with stride 1, padded to the same size with zeros or the border's values; add the bias."""
    if padding == "zero":
        return tf.nn.bias_add(tf.nn.conv2d(x, kernel, strides=1, padding="SAME"), bias)
    padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")  # a SYMMETRIC pad of one pixel repeats the border
    return tf.nn.bias_add(tf.nn.conv2d(padded, kernel, strides=1, padding="VALID"), bias)


LEAN_GRADIENT = "MyvggLeanConv2D"
"""Name under which TensorFlow knows `_lean_gradient`."""

FEW_INPUTS = 16
"""Inputs of a convolution, at most, whose unfolded maps are small."""


def lean_gradients() -> AbstractContextManager[Any]:
    """Give the convolutions of the graph that is being built a gradient that takes less memory, where there is one.

    Without oneDNN, as on processors without AVX512_VNNI, AVX512_BF16 and AMX, TensorFlow unfolds maps for the gradient:
    9 times their channels at every position, 2.3 kB a pixel for conv1_2. The gradient is a convolution as well, with
    the kernel turned around, which needs no such maps and takes half of the time there. Rounding differs in the last
    bits.

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


POOLS = {"max": max_pool, "avg": avg_pool}
"""The operations that `pooling` names."""
