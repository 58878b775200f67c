"""VGG19: its forward pass as pure functions, and a module that binds them to weights.

The functions take preprocessed input `x`; the module takes pictures.
Names of tensors are the field's (`conv4_2` before its rectification, `relu4_2` after), Keras' names are understood.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import tensorflow as tf
from jaxtyping import Float32

from myvgg import ops
from myvgg.architecture import (
    CONFIGURATION_D,
    CONFIGURATION_E,
    DROPOUT,
    WEIGHT_DECAY,
    Architecture,
    Conv,
    Pool,
    PoolPadding,
    rectified,
)
from myvgg.labels import imagenet_labels, top
from myvgg.params import LayerParams, Params, draw, random
from myvgg.preprocessing import preprocess_batch

if TYPE_CHECKING:
    from myvgg.extractor import Extractor, Summary
    from myvgg.precision import Precision

Pooling = Literal["max", "avg"]
Padding = Literal["zero", "replicate"]
Input = Float32[tf.Tensor, "batch height width 3"]

POOLS = {"max": ops.max_pool, "avg": ops.avg_pool}
"""What `pooling` names."""


def features(
    params: Params,
    x: Input,
    names: Sequence[str],
    *,
    pooling: Pooling = "max",
    pool_padding: PoolPadding = "valid",
    padding: Padding = "zero",
    dtype: tf.DType | None = tf.float32,
) -> dict[str, tf.Tensor]:
    """Compute the named tensors and nothing beyond the deepest of them.

    Args:
        params: The network's parameters, as far as the deepest name needs them.
        x: Preprocessed pictures.
        names: Tensors (`relu4_2`) or Keras' names (`block4_conv2`, which is the same).
        pooling: `max` as in the paper, or `avg`.
        pool_padding: `valid` drops the last odd row and column before a pool, `same` keeps them.
        padding: What lies beyond the borders for the first convolution: `zero`, the mean colour, as in the paper, or
            `replicate`, the pixels at the border. Pictures that are optimised get no frame with the latter.
        dtype: Of what is returned; None leaves it in the kernels' type, in which all is computed.

    Returns:
        Tensors under the names asked for: (batch, height, width, channels), or (batch, units) from fc6 on.

    Raises:
        ValueError: An unknown name or option, a picture too small, or parameters that end too early.
    """
    options: dict[str, Any] = {"pooling": pooling, "pool_padding": pool_padding, "padding": padding}
    return _features(params.architecture, params.layers, x, names, dtype=dtype, **options)


def logits(
    params: Params,
    x: Input,
    *,
    pooling: Pooling = "max",
    pool_padding: PoolPadding = "valid",
    training: bool = False,
) -> Float32[tf.Tensor, "batch classes"]:
    """Compute the class scores before the softmax, `fc8`.

    Args:
        params: With the dense layers.
        x: Preprocessed pictures of the size that the dense layers were made for, 224 x 224.
        pooling: As in `features`.
        pool_padding: As in `features`.
        training: With dropout.

    Raises:
        ValueError: No dense layers, or pictures of another size.
    """
    last = params.architecture.classifier[-1].name
    computed = _features(
        params.architecture, params.layers, x, [last], pooling=pooling, pool_padding=pool_padding, training=training
    )
    return computed[last]


class VGG19(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """VGG19 with weights, taking pictures: R, G, B, 0 to 255, uint8 or floating point, a batch or one picture.

    Pictures are prepared as the weights want it, the authors' or torchvision's.

    Attributes:
        architecture: The layers as data.
        preprocessing: What the weights take.
        labels: Names of the classes.
        pooling: `max` or `avg`.
        pool_padding: `valid` or `same`.
    """

    published = CONFIGURATION_E
    """What is drawn, searched for and downloaded where nothing else is said."""

    def __init__(
        self,
        params: Params | None = None,
        *,
        pooling: Pooling = "max",
        pool_padding: PoolPadding = "valid",
        trainable: bool | Sequence[str] = False,
        num_classes: int | None = None,
        seed: int = 0,
    ) -> None:
        """Bind a network to parameters.

        Args:
            params: The parameters; drawn as the paper does where there are none.
            pooling: `max` or `avg`.
            pool_padding: `valid` or `same`.
            trainable: Whether the parameters are trainable variables, or the names of the layers that are: those
                without a gradient cost no time for one.
            num_classes: Another number of classes; the last layer is then drawn anew, or all dense layers where there
                are none.
            seed: Of what is drawn.
        """
        super().__init__(name=self.published.name)
        _check_option("pooling", pooling, POOLS)
        _check_option("pool_padding", pool_padding, ("valid", "same"))
        if num_classes is not None and num_classes < 1:
            raise ValueError(f"num_classes must be at least 1, not {num_classes}")
        if params is None:
            params = random(self.published.with_classes(num_classes) if num_classes else self.published, seed=seed)
        elif num_classes is not None:
            params = _with_classes(params, num_classes, seed)
        self.architecture = params.architecture
        self.labels = params.labels
        self.preprocessing = params.preprocessing
        self._origin = params.origin
        self.pooling, self.pool_padding = pooling, pool_padding
        trained = _trained(trainable, params)
        self._layers = {
            name: LayerParams(
                *(
                    tf.Variable(array, trainable=name in trained, name=f"{name}/{part}")
                    for part, array in layer._asdict().items()
                )
            )
            for name, layer in params.layers.items()
        }

    @classmethod
    def load(
        cls, source: str | os.PathLike[str] | None = None, *, include_top: bool | None = None, **options: Any
    ) -> VGG19:
        """Load weights from where they are.

        Args:
            source: A file of any supported format; `bundled` for VGG19's convolutions in 8 bits, which come with the
                package; `random` for seeded random weights; or None for the first of the environment variable
                MYVGG_WEIGHTS, `weights/vgg19.safetensors` in the checkout, the user's cache, a verified download into
                it, and the bundled file.
            include_top: True where the dense layers are needed, False to leave them, None for what the file has.
            **options: Those of `VGG19`.

        Raises:
            WeightsError: A file that cannot be used, or nothing found; says what to do.

        Warns:
            WeightsWarning: There is no connection, and the bundled file is used.
        """
        from myvgg.loading import load_params

        return cls(load_params(source, include_top=include_top, architecture=cls.published), **options)

    @property
    def params(self) -> Params:
        """The parameters as they are now, as arrays."""
        layers = {name: LayerParams(*(np.asarray(part) for part in layer)) for name, layer in self._layers.items()}
        return Params(layers, self.labels, self._origin, self.architecture, preprocessing=self.preprocessing)

    def features(self, images: Any, names: Sequence[str]) -> dict[str, tf.Tensor]:
        """Compute the named tensors of pictures; see `myvgg.features`."""
        return self._features(images, names)

    def extractor(
        self,
        names: Sequence[str],
        *,
        precision: Precision | Literal["auto"] = "float32",
        summary: Summary = "none",
    ) -> Extractor:
        """Compile the way to the named tensors; what comes back is called with pictures, see `myvgg.Extractor`."""
        from myvgg.extractor import Extractor

        params = Params({}, self.labels, self._origin, self.architecture, preprocessing=self.preprocessing)
        return Extractor(
            params,
            names,
            pooling=self.pooling,
            pool_padding=self.pool_padding,
            precision=precision,
            summary=summary,
            layers=self._layers,
        )

    def penalty(self, *, decay: float = WEIGHT_DECAY) -> Float32[tf.Tensor, ""]:
        """Compute what weight decay adds to the loss: half of `decay` times the sum of squares of all trained kernels.

        Args:
            decay: The paper's unless told.

        Reference:
            Simonyan and Zisserman, section 3.1.
        """
        kernels: list[Any] = [layer.kernel for layer in self._layers.values()]
        kernels = [kernel for kernel in kernels if kernel.trainable]
        return decay * tf.add_n([tf.zeros([]), *map(tf.nn.l2_loss, kernels)])

    def logits(self, images: Any, *, training: bool = False) -> Float32[tf.Tensor, "batch classes"]:
        """Compute the class scores of pictures, with dropout if `training`; see `myvgg.logits`."""
        last = self.architecture.classifier[-1].name
        return self._features(images, [last], training=training)[last]

    def probabilities(self, images: Any) -> Float32[tf.Tensor, "batch classes"]:
        """Compute the probabilities of the classes."""
        return self.features(images, ["prob"])["prob"]

    def top(self, images: Any, *, k: int = 5) -> list[list[tuple[str, float]]]:
        """Return, for each picture, the `k` most probable classes as (label, probability), most probable first."""
        classes = self.architecture.classifier[-1].outputs
        names = self.labels or (imagenet_labels() if classes == len(imagenet_labels()) else range(classes))
        return [top(row, tuple(map(str, names)), k=k) for row in self.probabilities(images).numpy()]

    def _features(self, images: Any, names: Sequence[str], *, training: bool = False) -> dict[str, tf.Tensor]:
        options: dict[str, Any] = {"pooling": self.pooling, "pool_padding": self.pool_padding, "training": training}
        return _features(
            self.architecture, self._layers, preprocess_batch(images, like=self.preprocessing), names, **options
        )


class VGG16(VGG19):
    """VGG16, configuration D, in all else as `VGG19`."""

    published = CONFIGURATION_D


def _features(
    architecture: Architecture,
    layers: Mapping[str, LayerParams],
    x: Input,
    names: Sequence[str],
    *,
    pooling: Pooling = "max",
    pool_padding: PoolPadding = "valid",
    padding: Padding = "zero",
    training: bool = False,
    dtype: tf.DType | None = tf.float32,
) -> dict[str, tf.Tensor]:
    _check_option("pooling", pooling, POOLS)
    _check_option("pool_padding", pool_padding, ("valid", "same"))
    _check_option("padding", padding, ("zero", "replicate"))
    names = checked_names(names)
    _check_input(x)
    wanted = {name: architecture.resolve(name) for name in names}
    deepest = architecture.deepest(names)
    check_layers(architecture, layers, deepest)
    if x.shape[1] is not None and x.shape[2] is not None:
        architecture.shape(deepest, x.shape[1], x.shape[2], pool_padding=pool_padding)
    computed = {}
    for name, tensor in _activations(architecture, layers, x, POOLS[pooling], pool_padding, padding, training):
        if name in wanted.values():
            computed[name] = tensor
        if name == deepest:
            break
    return {name: tf.cast(computed[tensor], dtype or computed[tensor].dtype) for name, tensor in wanted.items()}


def _activations(
    architecture: Architecture,
    layers: Mapping[str, LayerParams],
    x: tf.Tensor,
    pool: Any,
    pool_padding: PoolPadding,
    padding: Padding,
    training: bool,
) -> Iterator[tuple[str, tf.Tensor]]:
    """Compute the tensors one after the other, in the kernels' type, as far as the caller goes on asking."""
    first, last = architecture.layers[0].name, architecture.classifier[-1].name
    x = tf.cast(x, layers[first].kernel.dtype)
    for layer in architecture.layers:
        if isinstance(layer, Pool):
            x = pool(x, pool_padding)
            yield layer.name, x
        elif isinstance(layer, Conv):
            around: Padding = "replicate" if layer.name == first and padding == "replicate" else "zero"
            x = ops.conv2d(x, *layers[layer.name], padding=around)
            yield layer.name, x
            x = ops.relu(x)
            yield rectified(layer.name), x
        else:
            x = ops.dense(ops.flatten(x) if x.shape.rank == 4 else x, *layers[layer.name])
            yield layer.name, x
            x = tf.nn.softmax(x) if layer.name == last else ops.relu(x)
            yield rectified(layer.name, last=last), x
            x = tf.nn.dropout(x, DROPOUT) if training else x


def _check_input(x: Any) -> None:
    """Refuse what `preprocess` does not make: TensorFlow would crash on some, and take the rest for something else."""
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


def _check_option(name: str, value: str, allowed: Sequence[str] | Mapping[str, Any]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def _trained(trainable: bool | Sequence[str], params: Params) -> Collection[str]:
    """Return the names of the layers that are trained."""
    if isinstance(trainable, bool):
        return params.layers if trainable else ()
    if isinstance(trainable, str) or (unknown := [name for name in trainable if name not in params.layers]):
        raise ValueError(
            f"trainable must be True, False or a list of some of {', '.join(params.layers)}, not "
            f"{trainable if isinstance(trainable, str) else ', '.join(unknown)!r}"
        )
    return trainable


def _with_classes(params: Params, classes: int, seed: int) -> Params:
    """Draw a last layer for another number of classes, and the dense layers before it where there are none."""
    architecture = params.architecture.with_classes(classes)
    if params.include_top and architecture == params.architecture:
        return params
    rng = np.random.default_rng(seed)
    *hidden, last = architecture.classifier
    drawn = {
        layer.name: draw(layer, rng) for layer in (*hidden, last) if layer == last or layer.name not in params.layers
    }
    return replace(params, layers={**params.layers, **drawn}, labels=(), architecture=architecture)
