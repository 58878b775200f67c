"""The network inside Keras: equal, saved and loaded, trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import myvgg
from myvgg.params import TORCHVISION, Params
from tests.keras_models import pictures

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"  # Keras, of its own variables
)


@pytest.mark.parametrize("like", ["caffe", "torchvision"])
def test_equals_the_network(like: str, tiny_params: Params) -> None:
    """One tensor, or a dictionary of several, with the weights' own preprocessing."""
    params = replace(tiny_params, preprocessing=TORCHVISION) if like == "torchvision" else tiny_params
    images, vgg = pictures(2, 33, 40), myvgg.VGG19(params)
    assert np.array_equal(
        myvgg.keras_layer(["relu3_1"], params=params)(images), vgg.features(images, ["relu3_1"])["relu3_1"]
    )
    names = ["relu1_1", "block4_pool"]
    found, expected = myvgg.keras_layer(names, params=params)(images), vgg.features(images, names)
    assert all(np.array_equal(found[name], expected[name]) for name in names)


def model_of(params: Params, names: list[str] | None = None, **options: Any) -> keras.Model:
    """A model with the network in it, of pictures of any size, to a number."""
    images = keras.Input((None, None, 3))
    maps = myvgg.keras_layer(names or ["relu4_1"], params=params, **options)(images)
    return keras.Model(images, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(maps)))


def test_saved_and_loaded(tiny_params: Params, tmp_path: Path) -> None:
    """A saved model is loaded without any other file and gives the same, bit for bit."""
    model, images = (
        model_of(replace(tiny_params, preprocessing=TORCHVISION), pooling="avg", pool_padding="same"),
        pictures(2, 45, 33),
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(loaded(images), model(images))
    assert loaded.layers[1].get_config()["names"] == ["relu4_1"]


@pytest.mark.slow
def test_trained_by_fit(tiny_params: Params) -> None:
    """`model.fit` changes the network's kernels where they are trainable, and leaves them otherwise."""
    keras.utils.set_random_seed(0)
    images, wanted = pictures(4, 32, 32), np.arange(4, dtype=np.float32)[:, np.newaxis]
    for trainable in (True, False):
        model = model_of(tiny_params, trainable=trainable)
        model.compile(keras.optimizers.Adam(1e-3), loss="mse")
        before = [weight.copy() for weight in model.layers[1].get_weights()]
        losses = model.fit(images, wanted, epochs=8, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        changed = [not np.array_equal(a, b) for a, b in zip(before, model.layers[1].get_weights(), strict=True)]
        assert any(changed) == trainable
        assert len(model.trainable_variables) == 2 + 2 * 9 * trainable


def test_shapes_are_known_beforehand(tiny_params: Params) -> None:
    """Symbolic shapes are those of the table."""
    assert myvgg.keras_layer(["relu4_1"], params=tiny_params)(keras.Input((None, None, 3))).shape == (
        None,
        None,
        None,
        9,
    )
    assert myvgg.keras_layer(["pool2"], params=tiny_params)(keras.Input((33, 40, 3))).shape == (None, 8, 10, 7)
    found = myvgg.keras_layer(["fc6", "prob"], params=tiny_params)(keras.Input((64, 64, 3)))
    assert {name: tensor.shape for name, tensor in found.items()} == {"fc6": (None, 12), "prob": (None, 10)}


def test_holds_no_more_than_it_needs(tiny_params: Params) -> None:
    """Only the layers down to the deepest name have weights."""
    assert len(myvgg.keras_layer(["relu2_1"], params=tiny_params).weights) == 6


def test_wrong_names(tiny_params: Params) -> None:
    """Unknown and missing layers are refused as everywhere."""
    with pytest.raises(ValueError, match="no layer 'relu7_1'"):
        myvgg.keras_layer(["relu7_1"], params=tiny_params)
    maps = {n: layer for n, layer in tiny_params.layers.items() if n.startswith("conv")}
    with pytest.raises(ValueError, match="include_top=True"):
        myvgg.keras_layer(["prob"], params=replace(tiny_params, layers=maps))
