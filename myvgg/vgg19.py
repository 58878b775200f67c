"""The networks as modules: VGG, and VGG19 and VGG16 over it.

A module takes pictures and holds its parameters as variables. Its forward pass is `myvgg.network.features`.
"""

from __future__ import annotations

import numbers
import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import tensorflow as tf
from jaxtyping import Float32

from myvgg.architecture import CONFIGURATION_D, CONFIGURATION_E, WEIGHT_DECAY, Architecture, PoolPadding
from myvgg.extractor import Extractor, Reduction
from myvgg.labels import imagenet_labels, top
from myvgg.network import POOLS, Pooling, check_option, features
from myvgg.params import LayerParams, Params, draw, random
from myvgg.precision import Precision
from myvgg.preprocessing import check_eager, preprocess_batch

Network = TypeVar("Network", bound="VGG")


class VGG(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """A VGG network with its parameters; use `VGG19` or `VGG16`, or this class for an architecture of your own.

    It takes pictures: R, G, B, 0 to 255, uint8 or floating point, a batch (batch, height, width, 3) or one picture
    (height, width, 3). It prepares them as its weights need it.

    Attributes:
        architecture: The layers as data.
        preprocessing: The preparation of pictures that the weights were trained with.
        labels: Names of the classes, in the order of `fc8`; empty where the file has none.
        pooling: `max` or `avg`.
        pool_padding: `valid` or `same`.
        bound_params: The parameters with the network's variables in place of arrays.
    """

    published: ClassVar[Architecture | None] = None
    """The architecture of this class; None accepts any."""

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
        """Make a network of parameters.

        Args:
            params: The parameters, which are copied into variables.
            pooling: `max` as in the paper, or `avg`.
            pool_padding: `valid` drops the last odd row and column before a pool, `same` keeps them.
            trainable: True makes all variables trainable; a list of names of layers, or of blocks such as
                `block5`, makes only those trainable. Layers that are not trainable cost no time for a gradient.
            num_classes: Number of classes, if it differs from that of the parameters. The last layer is then drawn
                anew; all dense layers are drawn where the parameters have none.
            seed: Seed of the layers that are drawn.

        Raises:
            ValueError: No parameters, parameters of another network, an unknown option, or layers that are drawn and
                not trained while others are.
        """
        check_eager()
        name = type(self).__name__
        super().__init__(name=name.lower())
        params = _checked_params(name, self.published, params)
        check_option("pooling", pooling, POOLS)
        check_option("pool_padding", pool_padding, ("valid", "same"))
        drawn: Collection[str] = ()
        if num_classes is not None:
            params, drawn = _with_classes(params, num_classes, seed)
        trained = trained_layers(trainable, params)
        _check_drawn(drawn, trained)
        self.architecture = params.architecture
        self.preprocessing = params.preprocessing
        self.labels = params.labels
        self.pooling, self.pool_padding = pooling, pool_padding
        self._layers = {
            name: LayerParams(
                *(
                    tf.Variable(array, trainable=name in trained, name=f"{name}/{part}")
                    for part, array in layer._asdict().items()
                )
            )
            for name, layer in params.layers.items()
        }
        origin = params.origin.changed(f"{', '.join(trained)} trainable") if trained else params.origin
        self.bound_params = replace(params, layers=self._layers, origin=origin)

    @classmethod
    def load(
        cls: type[Network],
        source: str | os.PathLike[str] | None = None,
        *,
        include_top: bool | None = None,
        **options: Any,
    ) -> Network:
        """Load trained parameters.

        Args:
            source: A weights file of any supported format; `bundled` for the convolutions of VGG19 in 8 bits that come
                with the package; `random` for seeded random weights. None takes the first that exists: the file that
                MYVGG_WEIGHTS names, `weights/vgg19.safetensors` in the checkout, the user's cache, a verified download
                into the cache, the bundled file.
            include_top: True requires the dense layers, False leaves them out, None takes the layers of the file.
            **options: Options of the class, such as `pooling` or `trainable`.

        Raises:
            WeightsError: A file that cannot be used, or no file; the message says what to do.

        Warns:
            WeightsWarning: There is no connection, so the bundled file is used.
        """
        from myvgg.loading import load_params

        return cls(load_params(source, include_top=include_top, architecture=cls._own()), **options)

    @classmethod
    def random(cls: type[Network], *, seed: int = 0, include_top: bool = True, **options: Any) -> Network:
        """Draw parameters to train from scratch, as section 3.1 of the paper recommends; see `myvgg.params.random`.

        Args:
            seed: The same seed gives the same parameters.
            include_top: With the dense layers.
            **options: Options of the class, such as `num_classes` or `trainable`.
        """
        classes = options.pop("num_classes", None)
        architecture = (
            cls._own() if classes is None else cls._own().with_classes(_checked_classes("num_classes", classes))
        )
        return cls(random(architecture, seed=seed, include_top=include_top), seed=seed, **options)

    @classmethod
    def _own(cls) -> Architecture:
        if cls.published is None:
            raise ValueError(f"{cls.__name__} has no architecture of its own: use VGG19 or VGG16")
        return cls.published

    def __repr__(self) -> str:
        classes = f", {self.architecture.classifier[-1].outputs} classes" if self.bound_params.include_top else ""
        source = self.bound_params.origin.generation or self.bound_params.origin.file or "weights of unknown origin"
        return f"{type(self).__name__}({len(self._layers)} layers{classes}, {self.pooling} pooling, {source})"

    def __call__(self, images: Any) -> tf.Tensor:
        """Compute the last tensor: probabilities (batch, classes), or the last maps whose parameters are there."""
        architecture = self.architecture
        names = architecture.layer_names(include_top=self.bound_params.include_top)
        last = [name for name in names if all(layer.name in self._layers for layer in architecture.needed(name))][-1]
        return self.features(images, [last])[last]

    @property
    def params(self) -> Params:
        """The present parameters, as arrays; their origin tells which layers were drawn, and which are trainable."""
        layers = {name: LayerParams(*(np.asarray(part) for part in layer)) for name, layer in self._layers.items()}
        return replace(self.bound_params, layers=layers)

    def save(self, path: str | os.PathLike[str], *, bits: Literal[8, 32] | None = None) -> None:
        """Write the present parameters as .safetensors; see `Params.save`."""
        self.params.save(path, bits=bits)

    def with_classes(
        self: Network,
        classes: int,
        *,
        labels: Sequence[str] = (),
        trainable: bool | Sequence[str] = False,
        seed: int = 0,
    ) -> Network:
        """Make a network for other classes: its last layer is drawn anew, the other layers are copied.

        Args:
            classes: Their number. Where the present network has no dense layers, all of them are drawn.
            labels: Their names, or none.
            trainable: As in `VGG`.
            seed: Seed of the layers that are drawn.

        Raises:
            ValueError: No whole number from 1 on, another number of labels, or layers that are drawn and not trained
                while others are.

        Example:
            >>> import myvgg
            >>> vgg = myvgg.VGG16.random().with_classes(2, labels=["cat", "dog"], trainable=["fc8"])
            >>> [variable.name for variable in vgg.trainable_variables]
            ['fc8/kernel:0', 'fc8/bias:0']
        """
        _checked_classes("classes", classes)
        if labels and len(labels) != classes:
            raise ValueError(f"labels must be one for each of the {classes} classes, not {len(labels)}")
        params, drawn = _with_classes(self.params, classes, seed, anew=True)
        _check_drawn(drawn, trained_layers(trainable, params))
        params = replace(params, labels=tuple(labels))
        return type(self)(params, pooling=self.pooling, pool_padding=self.pool_padding, trainable=trainable)

    def features(self, images: Any, names: Sequence[str]) -> dict[str, tf.Tensor]:
        """Compute the named tensors of pictures; see `myvgg.features`."""
        return self._features(images, names)

    def extractor(
        self,
        names: Sequence[str],
        *,
        precision: Precision | Literal["auto"] = "float32",
        reduce: Reduction = "none",
    ) -> Extractor:
        """Compile the computation of the named tensors; see `myvgg.Extractor`. It follows this network's variables."""
        options: dict[str, Any] = {"pooling": self.pooling, "pool_padding": self.pool_padding}
        return Extractor(self.bound_params, names, precision=precision, reduce=reduce, **options)

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
        return features(self.bound_params, preprocess_batch(images, like=self.preprocessing), names, **options)


class VGG19(VGG):
    """VGG19, configuration E of the paper, with its parameters; see `VGG`.

    Reference:
        Simonyan and Zisserman (2015), "Very Deep Convolutional Networks for Large-Scale Image Recognition", table 1.

    Example:
        >>> import myvgg
        >>> vgg = myvgg.VGG19.load("bundled")
        >>> image = myvgg.images.load("examples/chelsea.jpg")
        >>> tuple(vgg.features(image, ["pool5"])["pool5"].shape)
        (1, 9, 12, 512)
    """

    published = CONFIGURATION_E


class VGG16(VGG):
    """VGG16, configuration D of the paper, with its parameters; see `VGG`.

    Reference:
        Simonyan and Zisserman (2015), table 1.

    Example:
        >>> import myvgg
        >>> myvgg.VGG16.random(include_top=False)
        VGG16(13 layers, max pooling, random, glorot, seed 0)
    """

    published = CONFIGURATION_D


def _checked_params(name: str, published: Architecture | None, params: Any) -> Params:
    """Return what is given as parameters, unless it is none, or of a network with other layers."""
    if not isinstance(params, Params):
        found = repr(params) if isinstance(params, str) else type(params).__name__
        raise ValueError(
            f"{name} needs parameters{'' if params is None else f', not {found}'}: {name}.load() finds trained ones "
            f"or reads a file, {name}.random() draws new ones"
        )
    if published and params.architecture.layer_names() != published.layer_names():
        raise ValueError(f"{name} needs parameters of {published.name}, not of {params.architecture.name}")
    return params


def _checked_classes(name: str, classes: int) -> int:
    if isinstance(classes, bool) or not isinstance(classes, numbers.Integral) or classes < 1:
        raise ValueError(f"{name} must be a whole number from 1 on, not {classes!r}")
    return int(classes)


def trained_layers(trainable: bool | Sequence[str], params: Params) -> list[str]:
    """Return the names of the layers that are trained, in the order of computation.

    Args:
        trainable: True for all, False for none, or names of layers and of blocks, such as `block5`.
        params: The parameters.

    Raises:
        ValueError: An unknown name, or one text in place of a list.
    """
    names = [*params.layers] if trainable is True else [] if trainable is False else trainable
    blocks: dict[str, list[str]] = {}
    for layer in params.layers:
        if layer.startswith("conv"):
            blocks.setdefault(f"block{layer[4]}", []).append(layer)
    known = {**{layer: [layer] for layer in params.layers}, **blocks}
    is_list = isinstance(names, Collection) and not isinstance(names, str)
    if not is_list or (unknown := [name for name in names if name not in known]):
        raise ValueError(
            f"trainable must be True, False or a list of some of {', '.join(known)}, not "
            f"{', '.join(map(str, unknown)) if is_list else names!r}"
        )
    wanted = {layer for name in names for layer in known[name]}
    return [layer for layer in params.layers if layer in wanted]


def _check_drawn(drawn: Collection[str], trained: Collection[str]) -> None:
    """Refuse to train some layers on others that hold nothing but noise."""
    if trained and (frozen := [name for name in drawn if name not in trained]):
        raise ValueError(
            f"trainable must name {', '.join(drawn)}, which are drawn anew, not only {', '.join(trained)}: name "
            f"{', '.join(frozen)} too, or load weights with the classifier (include_top=True)"
        )


def _with_classes(params: Params, classes: int, seed: int, *, anew: bool = False) -> tuple[Params, Collection[str]]:
    """Draw a last layer for another number of classes, and the dense layers before it where there are none.

    Returns:
        The parameters and the names of the layers that were drawn.
    """
    architecture = params.architecture.with_classes(_checked_classes("num_classes", classes))
    if params.include_top and architecture == params.architecture and not anew:
        return params, ()
    rng = np.random.default_rng(seed)
    *hidden, last = architecture.classifier
    drawn = {
        layer.name: draw(layer, rng) for layer in (*hidden, last) if layer == last or layer.name not in params.layers
    }
    origin = params.origin.changed(f"{', '.join(drawn)} drawn, seed {seed}")
    layers = {**params.layers, **drawn}
    return replace(params, layers=layers, labels=(), architecture=architecture, origin=origin), [*drawn]
