"""The famous mistakes, each made on purpose: the comparison with Keras must notice every one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from myvgg import VGG19, preprocessing, vgg19
from myvgg import network as ops
from myvgg.architecture import MEAN
from myvgg.params import Params
from tests.keras_models import keras_model, pictures

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"  # Keras, of its own variables
)

conv2d, max_pool = ops.conv2d, ops.max_pool


def transposed(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, **options: str) -> tf.Tensor:
    """Convolve with height and width exchanged."""
    return conv2d(x, tf.transpose(kernel, [1, 0, 2, 3]), bias, **options)


def without_bias(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, **options: str) -> tf.Tensor:
    """Convolve and forget the bias."""
    return conv2d(x, kernel, tf.zeros_like(bias), **options)


def channels_first(x: tf.Tensor) -> tf.Tensor:
    """Flatten as PyTorch does."""
    return tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [x.shape[0], -1])


def subtracting(mean: tuple[float, ...], flip: bool = True) -> Callable[[np.ndarray], tf.Tensor]:
    """Preprocess in another way."""
    return lambda images, **_: (images[..., ::-1] if flip else images) - tf.constant(mean)


MUTATIONS: dict[str, tuple[object, str, object]] = {
    "kernels transposed": (ops, "conv2d", transposed),
    "bias dropped": (ops, "conv2d", without_bias),
    "fc6 flattened C,H,W": (ops, "flatten", channels_first),
    "ceil pooling": (ops, "POOLS", {"max": lambda x, _: max_pool(x, "same")}),
    "no BGR flip": (vgg19, "preprocess_batch", subtracting(MEAN[::-1], flip=False)),
    "mean in RGB order": (vgg19, "preprocess_batch", subtracting(MEAN[::-1])),
    "mean shifted by one": (vgg19, "preprocess_batch", subtracting(tuple(m + 1 for m in MEAN))),
    "mean forgotten": (vgg19, "preprocess_batch", subtracting((0.0, 0.0, 0.0))),
}


def equals_keras(params: Params, ours: Params | None = None) -> bool:
    """Compare the last map at an odd size, and the probabilities, with Keras' preprocessing and layers."""
    odd, square = pictures(1, 65, 71), pictures(2, 64, 64)
    prepare = keras.applications.vgg19.preprocess_input
    expected = keras_model(params)(prepare(odd.copy())), keras_model(params, include_top=True)(prepare(square.copy()))
    vgg = VGG19(ours or params)
    actual = vgg.features(odd, ["pool5"])["pool5"], vgg.probabilities(square)
    return all(np.array_equal(a, e) for a, e in zip(actual, expected, strict=True))


def test_without_a_mutation_it_equals_keras(tiny_params: Params) -> None:
    """The comparison holds as long as nothing is wrong."""
    assert equals_keras(tiny_params)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_mutation_is_noticed(mutation: str, tiny_params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """A famous mistake in the code makes a difference to Keras."""
    target, name, replacement = MUTATIONS[mutation]
    monkeypatch.setattr(target, name, replacement)
    assert not equals_keras(tiny_params)


def test_swapped_layers_are_noticed(tiny_params: Params) -> None:
    """Two layers of one shape, each in the other's place, make a difference to Keras."""
    swapped = {"conv3_2": "conv3_3", "conv3_3": "conv3_2"}
    layers = {name: tiny_params.layers[swapped.get(name, name)] for name in tiny_params.layers}
    assert not equals_keras(tiny_params, replace(tiny_params, layers=layers))


def test_mean_is_that_of_the_published_weights() -> None:
    """Preprocessing equals Keras' to the last bit and leaves its input alone; deprocessing undoes it."""
    images = pictures(2, 5, 7)
    before = images.copy()
    x = preprocessing.preprocess(images)
    assert np.array_equal(x, keras.applications.vgg19.preprocess_input(images.copy()))
    assert np.array_equal(images, before)
    np.testing.assert_allclose(preprocessing.deprocess(x), images, atol=2e-5)  # two roundings near 255
