"""The network as a layer of Keras, to be put into models, trained, saved and loaded with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

import keras
import numpy as np
import tensorflow as tf

from myvgg.architecture import Architecture, Conv, Dense, Pool, PoolPadding
from myvgg.network import Pooling, check_layers, checked_names, features
from myvgg.params import HasParams, LayerParams, Params, Preprocessing, draw, metadata_of, params_of, parse_metadata
from myvgg.preprocessing import asserted, check_type, preprocess
from myvgg.vgg19 import trained_layers

PREPROCESSING = "preprocessing"
"""Name of the preprocessing among the weights in a file."""

RECORDS = {"conv": Conv, "pool": Pool, "dense": Dense}
"""The kinds of layers, as a saved model names them."""

_LIVE: WeakValueDictionary[str, VGGFeatures] = WeakValueDictionary()
"""The layers of this process, by the key in their configuration, for copies of them."""


def check_backend() -> None:
    """Refuse another backend of Keras, with which nothing would be trained.

    Raises:
        ValueError: Keras computes with another library than TensorFlow.
    """
    if (backend := keras.config.backend()) != "tensorflow":
        raise ValueError(
            f"myvgg needs Keras' backend tensorflow, not {backend}: "
            "set KERAS_BACKEND=tensorflow before Keras is imported"
        )


@keras.saving.register_keras_serializable("myvgg")
class VGGFeatures(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Pictures, R, G, B, 0 to 255, to tensors of the network: one, or a dictionary of several by name.

    Saved models hold the weights, the layers and the preprocessing, and are loaded without a file of weights.
    A copy, as of `keras.models.clone_model`, has the weights of its original while that lives; a layer of a stored
    configuration alone has weights that are drawn.
    """

    def __new__(cls, *_: Any, **__: Any) -> VGGFeatures:
        """Keep Keras from guessing the configuration from the arguments; `get_config` gives it."""
        made: VGGFeatures = super().__new__(cls)
        return made

    def __init__(
        self,
        names: Sequence[str],
        architecture: dict[str, Any],
        preprocessing: Sequence[Any],
        *,
        pooling: Pooling = "max",
        pool_padding: PoolPadding = "valid",
        trained: Sequence[str] | None = None,
        metadata: Mapping[str, str] | None = None,
        check: bool = True,
        copy_of: str | None = None,
        **options: Any,
    ) -> None:
        """Make the layer of its configuration; `keras_layer` makes it of parameters.

        Args:
            names: The tensors that it puts out.
            architecture: The layers as plain data.
            preprocessing: The fields of `Preprocessing`.
            pooling: `max` as in the paper, or `avg`.
            pool_padding: `valid` rounds sizes down, `same` rounds them up.
            trained: The layers that are trained where `trainable` is true; None for all.
            metadata: Labels and origin of the weights, as in files.
            check: Check the numbers of pictures.
            copy_of: The key of the layer whose weights are copied.
            **options: Keras' own: `name`, `trainable`, `dtype`.

        Raises:
            ValueError: Keras has another backend than TensorFlow.
        """
        check_backend()
        super().__init__(**options)
        self._config: dict[str, Any] = {
            "names": checked_names(names),
            "architecture": architecture,
            "preprocessing": [*preprocessing],
            "pooling": pooling,
            "pool_padding": pool_padding,
            "trained": None if trained is None else [*trained],
            "metadata": None if metadata is None else dict(metadata),
            "check": check,
        }
        self.supports_jit = not check  # XLA leaves assertions out
        self._key = uuid4().hex
        channels, mean, scale = preprocessing
        self._preprocessing = Preprocessing(channels, tuple(mean), tuple(scale))
        self._architecture = _architecture(architecture)
        needed = self._architecture.needed(self._architecture.deepest(names))
        self._layers_params = {
            layer.name: self._add_layer(layer, trainable=trained is None or layer.name in trained) for layer in needed
        }
        self.built = True
        original = _LIVE.get(copy_of or "")
        rng = np.random.default_rng(0)
        self._assign(original.params.layers if original else {layer.name: draw(layer, rng) for layer in needed})
        _LIVE[self._key] = self

    @property
    def params(self) -> Params:
        """The present parameters as arrays, as far as the layer has them; `params.save` writes them."""
        layers = {name: LayerParams(*map(np.asarray, layer)) for name, layer in self._layers_params.items()}
        params = Params(layers, architecture=self._architecture, preprocessing=self._preprocessing)
        if metadata := self._config["metadata"]:
            found = parse_metadata(metadata, path=self.name, architecture=self._architecture)
            params = replace(params, labels=found.labels, origin=found.origin, rms=found.rms)
        trained = [name for name in layers if self._variables()[f"{name}_kernel"].trainable]
        note = f"{', '.join(trained)} trainable"
        return replace(params, origin=params.origin.changed(note)) if trained else params

    def save_own_variables(self, store: Any) -> None:
        """Write the weights under their names, and the preprocessing, from which `myvgg.converters` reads them."""
        for name, variable in self._variables().items():
            store[name] = np.asarray(variable)
        store[PREPROCESSING] = self._prepared()

    def load_own_variables(self, store: Any) -> None:
        """Read the weights by name, or by number, as earlier versions wrote them.

        Raises:
            ValueError: Weights are missing, or the file's pictures are prepared in another way than the layer's.
        """
        variables = self._variables()
        if "0" in store.keys():  # noqa: SIM118, a store is not a mapping
            super().load_own_variables(store)
            return
        if missing := [name for name in variables if name not in store.keys()]:  # noqa: SIM118
            raise ValueError(f"the file has no {', '.join(missing)} for the layer {self.name}")
        if PREPROCESSING in store.keys() and not np.array_equal(store[PREPROCESSING], self._prepared()):  # noqa: SIM118
            raise ValueError(
                f"the weights of the file are for pictures that are prepared in another way than by the layer "
                f"{self.name}: make the layer of them, keras_layer(params=myvgg.converters.load(FILE))"
            )
        for name, variable in variables.items():
            variable.assign(store[name])

    def __call__(self, images: Any, *others: Any, **options: Any) -> Any:
        """Compute the tensors; Keras' own call, with an error of its own for tensors of tf_keras."""
        if type(images).__module__.split(".")[0] == "tf_keras":
            raise ValueError(
                "keras_layer makes layers of keras, version 3, and this is a model of tf_keras, version 2: build the "
                "model with keras, and leave out TF_USE_LEGACY_KERAS=1"
            )
        return super().__call__(images, *others, **options)

    def _add_layer(self, layer: Conv | Dense, *, trainable: bool) -> LayerParams:
        shapes = {"kernel": layer.kernel_shape, "bias": (layer.outputs,)}
        options: dict[str, Any] = {"initializer": "zeros", "trainable": trainable}
        parts = {
            part: self.add_weight(shape=shape, name=f"{layer.name}_{part}", **options) for part, shape in shapes.items()
        }
        return LayerParams(**parts)

    def _prepared(self) -> np.ndarray:
        """Return the preprocessing as numbers: whether the channels are R, G, B, then mean and scale."""
        channels, mean, scale = self._preprocessing
        return np.array([channels == "rgb", *mean, *scale], np.float64)

    def _variables(self) -> dict[str, Any]:
        return {
            f"{name}_{part}": variable
            for name, layer in self._layers_params.items()
            for part, variable in layer._asdict().items()
        }

    def _assign(self, layers: Mapping[str, LayerParams]) -> None:
        for name, variable in self._variables().items():
            layer, _, part = name.rpartition("_")
            variable.assign(getattr(layers[layer], part))

    def call(self, images: Any) -> Any:
        """Compute the tensors of a batch.

        Raises:
            ValueError: As `preprocess`.
            InvalidArgumentError: In place of it in graphs, such as those of `predict` and `fit`.
        """
        check_type(images.dtype)
        computing = self.compute_dtype
        layers = {
            name: LayerParams(*(tf.cast(part, computing) for part in layer))
            for name, layer in self._layers_params.items()
        }
        params = Params(layers, architecture=self._architecture, preprocessing=self._preprocessing)
        config = self._config
        options = {name: config[name] for name in ("pooling", "pool_padding")}
        images = tf.cast(images, tf.float32)
        if config["check"] and not tf.executing_eagerly():
            images = asserted(images)
        x = preprocess(images, like=self._preprocessing)
        found = features(params, x, config["names"], **options, dtype=None)
        return found if len(config["names"]) > 1 else found[config["names"][0]]

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Any:
        """Return the shapes of the outputs, unknown sides as None."""
        batch, *sides, _ = input_shape
        shapes = {name: (batch, *self._shape(name, *sides)) for name in self._config["names"]}
        return shapes if len(shapes) > 1 else next(iter(shapes.values()))

    def get_config(self) -> dict[str, Any]:
        """Return the configuration from which a saved model makes the layer again."""
        return {**super().get_config(), **self._config, "copy_of": self._key}

    def _shape(self, name: str, height: int | None, width: int | None) -> tuple[int | None, ...]:
        activation = self._architecture.activations[self._architecture.resolve(name)]
        if activation.name in self._architecture.layer_names(include_top=False) and (height is None or width is None):
            return (None, None, activation.channels)
        side = self._architecture.input_size
        return self._architecture.shape(name, height or side, width or side, pool_padding=self._config["pool_padding"])


def keras_layer(
    names: Sequence[str],
    *,
    params: Params | HasParams | None = None,
    trainable: bool | Sequence[str] = False,
    pooling: Pooling = "max",
    pool_padding: PoolPadding = "valid",
    check: bool = True,
    **options: Any,
) -> VGGFeatures:
    """Make a Keras layer of the network.

    Args:
        names: The tensors that it puts out; several come as a dictionary.
        params: The parameters, which are copied, or a network such as `VGG19`; by default the ones that `VGG19.load()`
            finds.
        trainable: True where `model.fit` changes all of them, or a list of names of layers and of blocks (`block5`)
            that it changes.
        pooling: `max` as in the paper, or `avg`.
        pool_padding: `valid` rounds sizes down, `same` rounds them up.
        check: Refuse numbers below -0.5 or above 300, and NaN, in `predict` and `fit` too, where TensorFlow's
            `InvalidArgumentError` tells them; Keras then compiles the model without XLA. False is for networks that
            learn to draw the pictures, whose first ones may have any numbers. Pictures from 0 to 1 give a warning
            where the layer is called outside of `predict` and `fit`.
        **options: Keras' own: `name`, `dtype`. The layer computes in float32, also where the policy of the process is
            mixed_float16, whose numbers end at 65504 and are slow on processors, unless `dtype` tells another type.

    Raises:
        ValueError: An unknown name, parameters that end before it, or another backend of Keras than TensorFlow.
        WeightsError: There are no weights.

    Example:
        >>> import myvgg, numpy as np
        >>> layer = myvgg.keras_layer(["relu2_1"], params=myvgg.params.random(include_top=False))
        >>> tuple(layer(np.zeros((1, 32, 32, 3), np.float32)).shape)
        (1, 16, 16, 128)
    """
    if params is None:
        from myvgg.loading import load_params

        params = load_params()
    params = params_of(params)
    architecture = params.architecture
    needed = check_layers(architecture, params.layers, architecture.deepest(checked_names(names)))
    params = replace(params, layers={name: params.layers[name] for name in needed})
    layer = VGGFeatures(
        names,
        _plain(architecture),
        params.preprocessing,
        pooling=pooling,
        pool_padding=pool_padding,
        trained=None if isinstance(trainable, bool) else trained_layers(trainable, params),
        metadata=metadata_of(params),
        check=check,
        trainable=bool(trainable),
        **{"dtype": "float32", **options},
    )
    layer._assign(params.layers)
    return layer


def _plain(architecture: Architecture) -> dict[str, Any]:
    """Turn an architecture into JSON's types."""
    kinds = {record: kind for kind, record in RECORDS.items()}
    layers = [{"kind": kinds[type(layer)], **asdict(layer)} for layer in architecture.layers]
    return {"name": architecture.name, "input_size": architecture.input_size, "layers": layers}


def _architecture(plain: dict[str, Any]) -> Architecture:
    layers = []
    for entry in plain["layers"]:
        fields = dict(entry)
        layers.append(RECORDS[fields.pop("kind")](**fields))
    return Architecture(plain["name"], tuple(layers), plain["input_size"])
