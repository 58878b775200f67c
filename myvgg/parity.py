"""Comparison of our VGG19 or VGG16 with that of Keras, on one picture."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from myvgg.network import features
from myvgg.params import Params
from myvgg.preprocessing import preprocess


def differences(params: Params, *, seed: int = 0) -> dict[str, float]:
    """Compute the largest difference between Keras' network and ours at every layer of Keras.

    Args:
        params: Parameters of VGG19 or VGG16. The comparison ends where they end.
        seed: Seed of the random picture, 224 x 224.

    Returns:
        Largest absolute difference over largest absolute value, by our names of the tensors; 0 for tensors that are
        equal bit for bit.
    """
    import keras

    architecture = params.architecture
    model = getattr(keras.applications, architecture.name.upper())(
        include_top=params.include_top, weights=None, classes=architecture.classifier[-1].outputs
    )
    for name, layer in params.layers.items():
        model.get_layer(architecture.keras_names[name]).set_weights(layer)
    names = _shared_names(params)
    size = (1, architecture.input_size, architecture.input_size, 3)
    picture = np.random.default_rng(seed).uniform(0, 255, size).astype(np.float32)
    x = preprocess(picture, like=params.preprocessing)
    expected = keras.Model(model.input, [model.get_layer(name).output for name in names])(x)
    actual = features(params, x, list(names))
    return {names[name]: _difference(actual[name], e) for name, e in zip(names, expected, strict=True)}


def _shared_names(params: Params) -> dict[str, str]:
    """Return our names of the outputs of Keras' layers, by Keras' names, as far as there are parameters."""
    architecture = params.architecture
    computable = {architecture.keras_names[name] for name in params.layers}
    pools = {name for name in architecture.aliases if name.endswith("_pool")}
    return {
        keras_: ours
        for keras_, ours in architecture.aliases.items()
        if keras_ in computable or (keras_ in pools and keras_.replace("pool", "conv1") in computable)
    }


def _difference(actual: tf.Tensor, expected: tf.Tensor) -> float:
    return float(tf.reduce_max(tf.abs(actual - expected)) / tf.maximum(tf.reduce_max(tf.abs(expected)), 1e-30))
