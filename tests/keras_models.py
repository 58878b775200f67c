"""What tests compare with: networks of Keras' own layers, and random pictures."""

from __future__ import annotations

import keras
import numpy as np

from myvgg.architecture import Conv, Dense, Pool
from myvgg.params import Params


def keras_model(params: Params, pool: type = keras.layers.MaxPooling2D, *, include_top: bool = False) -> keras.Model:
    """Build a VGG of any width from Keras' layers, with these parameters, taking preprocessed input."""
    layers: list[keras.layers.Layer] = [keras.Input((None, None, 3))]
    last = params.architecture.classifier[-1].name
    for layer in params.architecture.layers:
        name = params.architecture.keras_names[layer.name]
        if isinstance(layer, Conv):
            layers.append(keras.layers.Conv2D(layer.outputs, 3, padding="same", activation="relu", name=name))
        elif isinstance(layer, Pool):
            layers.append(pool(2, name=name))
        elif isinstance(layer, Dense) and include_top:
            layers += [keras.layers.Reshape((-1,))] * (layer.name == "fc6")
            activation = "softmax" if layer.name == last else "relu"
            layers.append(keras.layers.Dense(layer.outputs, activation=activation, name=name))
    if include_top:
        layers[0] = keras.Input((params.architecture.input_size, params.architecture.input_size, 3))
    model = keras.Sequential(layers)
    for name, arrays in params.layers.items():
        if include_top or name.startswith("conv"):
            model.get_layer(params.architecture.keras_names[name]).set_weights(arrays)
    return model


def pictures(batch: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """Draw random pictures, R, G, B, 0 to 255, float32."""
    return np.random.default_rng(seed).uniform(0, 255, (batch, height, width, 3)).astype(np.float32)
