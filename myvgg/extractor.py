"""Features of batches of pictures, compiled once for all sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Literal

import tensorflow as tf
from jaxtyping import Float32

from myvgg import kernels
from myvgg.architecture import Architecture, PoolPadding
from myvgg.network import POOLS, Pooling, check_layers, check_option, checked_names, features
from myvgg.params import HasParams, LayerParams, Params, Preprocessing, bound_params_of
from myvgg.precision import Precision, fastest_precision
from myvgg.preprocessing import check_eager, preprocess, preprocess_batch
from myvgg.runtime.process import uninterrupted

Reduction = Literal["none", "mean", "gram", "moments"]
"""Reductions of maps: none; the mean over positions; the mean product of channels; mean and product."""


class Extractor(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """From pictures to named tensors, by one graph for batches of any number and size.

    Where the parameters are variables, as those of `VGG19.extractor`, each call reads their present values.

    Attributes:
        names: The tensors, as they were asked for.
        columns: The names of the results: those of the tensors, or `relu4_2.mean` and `relu4_2.second` for moments.
        architecture: The layers as data.
        precision: The type that convolutions compute in.

    Example:
        >>> import myvgg, numpy as np
        >>> extractor = myvgg.Extractor(myvgg.params.random(include_top=False), ["relu3_1"], reduce="mean")
        >>> tuple(extractor(np.zeros((2, 32, 32, 3), np.uint8))["relu3_1"].shape)
        (2, 256)
    """

    def __init__(
        self,
        params: Params | HasParams,
        names: Sequence[str],
        *,
        pooling: Pooling = "max",
        pool_padding: PoolPadding = "valid",
        precision: Precision | Literal["auto"] = "float32",
        reduce: Reduction = "none",
    ) -> None:
        """Make an extractor; the first call compiles it.

        Args:
            params: The parameters, or a network such as `VGG19`, whose variables are followed.
            names: Tensors or Keras' names.
            pooling: `max` as in the paper, or `avg`.
            pool_padding: `valid` rounds sizes down, `same` rounds them up.
            precision: The type that convolutions compute in; `auto` takes the fastest of this machine.
            reduce: The reduction of maps; the results of dense layers are not reduced.

        Raises:
            ValueError: An unknown name or option, or a layer that the parameters do not have.
            RuntimeError: Eager execution is off.
        """
        check_eager()
        super().__init__(name="extractor")
        params = bound_params_of(params)
        check_option("pooling", pooling, POOLS)
        check_option("pool_padding", pool_padding, ("valid", "same"))
        self.architecture: Architecture = params.architecture
        self.names = tuple(checked_names(names))
        self.precision: Precision = fastest_precision() if precision == "auto" else precision
        self._preprocessing, self._pool_padding = params.preprocessing, pool_padding
        self._exact = kernels.without_tf32 if reduce in ("gram", "moments") else nullcontext
        self.columns = columns_of(self.architecture, self.names, reduce)
        needed = check_layers(self.architecture, params.layers, self.architecture.deepest(self.names))
        self._kernels = {name: LayerParams(*map(self._bound, params.layers[name])) for name in needed}

        def compute(images: tf.Tensor) -> dict[str, tf.Tensor]:
            x = preprocess(images, like=self._preprocessing)
            cast = {
                name: LayerParams(*(tf.cast(part, self.precision) for part in layer))
                for name, layer in self._kernels.items()
            }
            found = features(replace(params, layers=cast), x, self.names, pooling=pooling, pool_padding=pool_padding)
            return reduced(self.architecture, found, reduce)

        signature = [tf.TensorSpec([None, None, None, 3], tf.float32)]
        self._compute = kernels.compiled(compute, input_signature=signature)

    def __repr__(self) -> str:
        return f"Extractor({', '.join(self.columns)}, {self.precision})"

    @property
    def traces(self) -> int:
        """Number of graphs that were made: one at most."""
        return int(self._compute.experimental_get_tracing_count())

    def __call__(self, images: Any) -> dict[str, tf.Tensor]:
        """Compute a batch.

        Args:
            images: R, G, B, 0 to 255, uint8 or floating point, (batch, height, width, 3), or one picture (height,
                width, 3), which counts as a batch of one.

        Returns:
            Tensors by column, float32: maps (batch, height, width, channels), means (batch, channels), products
            (batch, channels, channels), results of dense layers (batch, units).

        Raises:
            ValueError: Another shape or type, no picture, or pictures too small for the layers.
        """
        with self._exact(), uninterrupted():  # see `kernels.uninterrupted_graph`
            x = preprocess_batch(images, like=IDENTITY)
            for name in self.names if None not in x.shape[1:3] else ():
                self.architecture.shape(name, x.shape[1], x.shape[2], pool_padding=self._pool_padding)
            return dict(self._compute(x))

    def _bound(self, part: Any) -> Any:
        """Keep a variable, to read it with every call; cast an array once."""
        return part if isinstance(part, tf.Variable) else tf.cast(tf.convert_to_tensor(part), self.precision)


IDENTITY = Preprocessing("rgb", (0.0, 0.0, 0.0))
"""Leaves pictures as they are."""


def _means(maps: Float32[tf.Tensor, "batch height width channels"]) -> Float32[tf.Tensor, "batch channels"]:
    return tf.reduce_mean(maps, [1, 2])


def _products(
    maps: Float32[tf.Tensor, "batch height width channels"],
) -> Float32[tf.Tensor, "batch channels channels"]:
    """Return E[ff'] over positions, which is the Gram matrix over their number."""
    shape = tf.shape(maps)
    rows = tf.reshape(maps, [shape[0], shape[1] * shape[2], maps.shape[-1]])
    return tf.matmul(rows, rows, transpose_a=True) / tf.cast(shape[1] * shape[2], tf.float32)


REDUCTIONS: dict[str, dict[str, Callable[[tf.Tensor], tf.Tensor]]] = {
    "none": {"": tf.identity},
    "mean": {"": _means},
    "gram": {"": _products},
    "moments": {".mean": _means, ".second": _products},
}
"""Functions by `reduce` and by the suffix of their column."""


def columns_of(architecture: Architecture, names: Sequence[str], reduce: Reduction) -> tuple[str, ...]:
    """Return the names of the columns of an extractor.

    Raises:
        ValueError: An unknown name or reduce.
    """
    return tuple(
        f"{name}{suffix}" for name, made in _reductions(architecture, names, reduce).items() for suffix in made
    )


def reduced(architecture: Architecture, found: dict[str, tf.Tensor], reduce: Reduction) -> dict[str, tf.Tensor]:
    """Reduce the tensors of a network, by column.

    Args:
        architecture: The network.
        found: The tensors by name.
        reduce: The reduction of maps.
    """
    return {
        f"{name}{suffix}": function(found[name])
        for name, suffixes in _reductions(architecture, [*found], reduce).items()
        for suffix, function in suffixes.items()
    }


def _reductions(
    architecture: Architecture, names: Sequence[str], reduce: Reduction
) -> dict[str, dict[str, Callable[[tf.Tensor], tf.Tensor]]]:
    """Return the functions that reduce each tensor, by the suffix of their column."""
    if reduce not in REDUCTIONS:
        raise ValueError(f"reduce must be one of {', '.join(REDUCTIONS)}, not {reduce!r}")
    maps = architecture.layer_names(include_top=False)
    return {name: REDUCTIONS[reduce if architecture.resolve(name) in maps else "none"] for name in names}
