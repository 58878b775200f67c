"""Features of batches of pictures, compiled once for all sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import tensorflow as tf
from jaxtyping import Float32

from myvgg.architecture import Architecture, PoolPadding
from myvgg.params import LayerParams, Params, Preprocessing
from myvgg.precision import Precision, fastest_precision
from myvgg.preprocessing import preprocess, preprocess_batch
from myvgg.vgg19 import Pooling, check_layers, checked_names, features

Summary = Literal["none", "mean", "gram", "moments"]
"""What is made of maps: nothing; the mean over positions; the mean product of channels; both of them."""


class Extractor:
    """From pictures to named tensors, by one graph that serves batches of any number and size.

    Attributes:
        names: As they were asked for.
        columns: The names of what comes out; `relu4_2.mean` and `relu4_2.second` for moments.
        architecture: Of the network.
        precision: What convolutions compute in.
    """

    def __init__(
        self,
        params: Params,
        names: Sequence[str],
        *,
        pooling: Pooling = "max",
        pool_padding: PoolPadding = "valid",
        precision: Precision | Literal["auto"] = "float32",
        summary: Summary = "none",
        layers: Mapping[str, LayerParams] | None = None,
    ) -> None:
        """Bind a network to the names; it is compiled with the first call.

        Args:
            params: The parameters.
            names: Tensors or Keras' names.
            pooling: As in `features`.
            pool_padding: As in `features`.
            precision: What convolutions compute in; `auto` is what this machine is fastest at.
            summary: What is made of maps; what dense layers give stays as it is.
            layers: Variables in place of the parameters' arrays; those that are trained are read with every call.

        Raises:
            ValueError: An unknown name or option, or a layer that the parameters do not have.
        """
        self.architecture: Architecture = params.architecture
        self.names = tuple(checked_names(names))
        self.precision: Precision = fastest_precision() if precision == "auto" else precision
        self._preprocessing, self._pool_padding = params.preprocessing, pool_padding
        parts = _parts(self.architecture, self.names, summary)
        self.columns = columns_of(self.architecture, self.names, summary)
        kernels = params.layers if layers is None else layers
        needed = check_layers(self.architecture, kernels, self.architecture.deepest(self.names))
        kernels = {name: LayerParams(*map(self._bound, kernels[name])) for name in needed}

        def compute(images: tf.Tensor) -> dict[str, tf.Tensor]:
            x = preprocess(images, like=self._preprocessing)
            cast = {n: LayerParams(*(tf.cast(part, self.precision) for part in layer)) for n, layer in kernels.items()}
            found = features(replace(params, layers=cast), x, self.names, pooling=pooling, pool_padding=pool_padding)
            return {
                f"{name}{suffix}": make(found[name]) for name, made in parts.items() for suffix, make in made.items()
            }

        signature = [tf.TensorSpec([None, None, None, 3], tf.float32)]
        self._compute = tf.function(compute, input_signature=signature, autograph=False)

    @property
    def traces(self) -> int:
        """How many graphs have been made: one, whatever was asked."""
        return int(self._compute.experimental_get_tracing_count())

    def __call__(self, images: Any) -> dict[str, tf.Tensor]:
        """Compute a batch.

        Args:
            images: R, G, B, 0 to 255, uint8 or floating point, (batch, height, width, 3), or one picture without the
                first axis, which counts as a batch of one.

        Returns:
            Tensors by column, float32: maps (batch, height, width, channels), means (batch, channels), products
            (batch, channels, channels), dense layers (batch, units).

        Raises:
            ValueError: Another shape or type, no picture, or pictures of a size that the layers cannot have.
        """
        x = preprocess_batch(images, like=IDENTITY)
        for name in self.names if None not in x.shape[1:3] else ():
            self.architecture.shape(name, x.shape[1], x.shape[2], pool_padding=self._pool_padding)
        return dict(self._compute(x))

    def _bound(self, part: Any) -> Any:
        """Leave what is trained as the variable that it is; bring the rest into our precision once."""
        return part if getattr(part, "trainable", False) else tf.cast(tf.convert_to_tensor(part), self.precision)


IDENTITY = Preprocessing("rgb", (0.0, 0.0, 0.0))
"""Checks pictures and leaves them as they are."""


def _means(maps: Float32[tf.Tensor, "batch height width channels"]) -> Float32[tf.Tensor, "batch channels"]:
    return tf.reduce_mean(maps, [1, 2])


def _products(
    maps: Float32[tf.Tensor, "batch height width channels"],
) -> Float32[tf.Tensor, "batch channels channels"]:
    """Return E[ff'] over positions, which is the Gram matrix over their number."""
    shape = tf.shape(maps)
    rows = tf.reshape(maps, [shape[0], shape[1] * shape[2], maps.shape[-1]])
    return tf.matmul(rows, rows, transpose_a=True) / tf.cast(shape[1] * shape[2], tf.float32)


SUMMARIES: dict[str, dict[str, Callable[[tf.Tensor], tf.Tensor]]] = {
    "none": {"": tf.identity},
    "mean": {"": _means},
    "gram": {"": _products},
    "moments": {".mean": _means, ".second": _products},
}
"""What `summary` names: functions by the suffix of their column."""


def columns_of(architecture: Architecture, names: Sequence[str], summary: Summary) -> tuple[str, ...]:
    """Return what the columns of an extractor are called.

    Raises:
        ValueError: An unknown name or summary.
    """
    return tuple(f"{name}{suffix}" for name, made in _parts(architecture, names, summary).items() for suffix in made)


def _parts(
    architecture: Architecture, names: Sequence[str], summary: Summary
) -> dict[str, dict[str, Callable[[tf.Tensor], tf.Tensor]]]:
    """Return what is made of each tensor: the functions by suffix of the column."""
    if summary not in SUMMARIES:
        raise ValueError(f"summary must be one of {', '.join(SUMMARIES)}, not {summary!r}")
    maps = architecture.layer_names(include_top=False)
    return {name: SUMMARIES[summary if architecture.resolve(name) in maps else "none"] for name in names}
