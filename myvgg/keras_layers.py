"""The network as a layer of Keras, to be put into models, trained, saved and loaded with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from myvgg.architecture import Architecture, Conv, Dense, Pool, PoolPadding
from myvgg.network import Pooling, check_layers, checked_names, features
from myvgg.params import HasParams, LayerParams, Params, Preprocessing, params_of
from myvgg.preprocessing import preprocess

RECORDS = {"conv": Conv, "pool": Pool, "dense": Dense}
"""The kinds of layers, as a saved model names them."""


@keras.saving.register_keras_serializable("myvgg")
class VGGFeatures(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Pictures, R, G, B, 0 to 255, to tensors of the network: one, or a dictionary of several by name.

    Saved models hold the weights, the layers and the preprocessing, and are loaded without a file of weights.
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
        **options: Any,
    ) -> None:
        """Make the layer without its weights; `keras_layer` brings them.

        Args:
            names: The tensors that it puts out.
            architecture: The layers as plain data.
            preprocessing: The fields of `Preprocessing`.
            pooling: `max` as in the paper, or `avg`.
            pool_padding: `valid` rounds sizes down, `same` rounds them up.
            **options: Keras' own: `name`, `trainable`, `dtype`.
        """
        super().__init__(**options)
        self._config: dict[str, Any] = {
            "names": checked_names(names),
            "architecture": architecture,
            "preprocessing": [*preprocessing],
            "pooling": pooling,
            "pool_padding": pool_padding,
        }
        channels, mean, scale = preprocessing
        self._preprocessing = Preprocessing(channels, tuple(mean), tuple(scale))
        self._architecture = _architecture(architecture)
        self._layers_params = {
            layer.name: LayerParams(
                self.add_weight(shape=layer.kernel_shape, initializer="zeros", name=f"{layer.name}_kernel"),
                self.add_weight(shape=(layer.outputs,), initializer="zeros", name=f"{layer.name}_bias"),
            )
            for layer in self._architecture.needed(self._architecture.deepest(names))
        }
        self.built = True

    def call(self, images: Any) -> Any:
        """Compute the tensors of a batch."""
        computing = self.compute_dtype
        layers = {
            name: LayerParams(*(tf.cast(part, computing) for part in layer))
            for name, layer in self._layers_params.items()
        }
        params = Params(layers, architecture=self._architecture, preprocessing=self._preprocessing)
        config = self._config
        options = {name: config[name] for name in ("pooling", "pool_padding")}
        x = preprocess(tf.cast(images, tf.float32), like=self._preprocessing)
        found = features(params, x, config["names"], **options, dtype=None)
        return found if len(config["names"]) > 1 else found[config["names"][0]]

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Any:
        """Return the shapes of the outputs, unknown sides as None."""
        batch, *sides, _ = input_shape
        shapes = {name: (batch, *self._shape(name, *sides)) for name in self._config["names"]}
        return shapes if len(shapes) > 1 else next(iter(shapes.values()))

    def get_config(self) -> dict[str, Any]:
        """Return the configuration from which a saved model makes the layer again."""
        return {**super().get_config(), **self._config}

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
    trainable: bool = False,
    pooling: Pooling = "max",
    pool_padding: PoolPadding = "valid",
    **options: Any,
) -> VGGFeatures:
    """Make a Keras layer of the network.

    Args:
        names: The tensors that it puts out; several come as a dictionary.
        params: The parameters, which are copied, or a network such as `VGG19`; by default the ones that `VGG19.load()`
            finds.
        trainable: Whether `model.fit` changes them.
        pooling: `max` as in the paper, or `avg`.
        pool_padding: `valid` rounds sizes down, `same` rounds them up.
        **options: Keras' own: `name`, `dtype`.

    Raises:
        ValueError: An unknown name, or parameters that end before it.
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
    check_layers(architecture, params.layers, architecture.deepest(checked_names(names)))
    layer = VGGFeatures(
        names,
        _plain(architecture),
        params.preprocessing,
        pooling=pooling,
        pool_padding=pool_padding,
        trainable=trainable,
        **options,
    )
    layer.set_weights([np.asarray(part) for name in layer._layers_params for part in params.layers[name]])
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
