"""The network inside Keras: equal, saved and loaded, trained."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import converters
import myvgg
from myvgg.params import TORCHVISION, LayerParams, Params, WeightsError
from tests.keras_models import pictures

ROOT = Path(__file__).parents[1]
"""The checkout."""

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


def run(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new process, in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "first", ["import myvgg, importlib.util as u; u.find_spec('keras'); import keras", "import keras, myvgg"]
)
def test_loads_in_a_new_process(first: str, tiny_params: Params, tmp_path: Path) -> None:
    """After `import myvgg`, which does not import Keras, a saved model with the layer and the loss is loaded."""
    images = keras.Input((None, None, 3))
    maps = myvgg.keras_layer(["relu2_1"], params=tiny_params)(images)
    model = keras.Model(images, keras.layers.Conv2D(3, 1)(keras.layers.UpSampling2D()(maps)))
    tiny_params.save(tmp_path / "tiny.safetensors")
    model.compile("sgd", myvgg.PerceptualLoss(params=tiny_params, layers=["relu1_2"]))
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", pictures(1, 16, 16))
    code = f"{first}; import numpy as np; model = keras.models.load_model('model.keras'); " + (
        "np.save('found.npy', model(np.load('images.npy'))); print(model.loss.get_config()['layers'])"
    )
    done = run(code, tmp_path)
    assert done.stdout.strip().splitlines()[-1:] == ["['relu1_2']"], done.stderr
    assert np.array_equal(np.load(tmp_path / "found.npy"), model(pictures(1, 16, 16)))


def test_import_leaves_keras_alone(tmp_path: Path) -> None:
    """`import myvgg` imports neither Keras nor TensorFlow."""
    code = "import sys, myvgg; print({'keras', 'tensorflow'} & {*sys.modules})"
    assert run(code, tmp_path).stdout.strip() == "set()"


@pytest.mark.slow
def test_another_backend_is_refused(tiny_params: Params, tmp_path: Path) -> None:
    """With Keras on torch, the error names the backend and what to set."""
    pytest.importorskip("torch", reason="needs torch")
    code = "import myvgg; myvgg.keras_layer(['relu1_1'], params=myvgg.params.random(include_top=False))"
    errors = run(code, tmp_path, KERAS_BACKEND="torch").stderr.strip().splitlines()
    assert errors[-1].startswith("ValueError: myvgg needs Keras' backend tensorflow, not torch: set KERAS_BACKEND=")


def test_a_model_of_tf_keras_is_refused(tiny_params: Params) -> None:
    """A symbolic tensor of Keras 2 is refused by an error that names both packages."""
    foreign = type("KerasTensor", (), {"__module__": "tf_keras.src.engine.keras_tensor"})()
    with pytest.raises(ValueError, match="layers of keras, version 3, and this is a model of tf_keras"):
        myvgg.keras_layer(["relu1_1"], params=tiny_params)(foreign)


def test_copies_are_no_zeros(tiny_params: Params) -> None:
    """A copy has the weights of its original; a configuration from elsewhere has drawn ones."""
    model, images = model_of(tiny_params, names=["relu3_1"]), pictures(1, 16, 16)
    layer = model.layers[1]
    for copy in (
        keras.models.clone_model(model).layers[1],
        type(layer).from_config(layer.get_config()),
        keras.Model.from_config(model.get_config()).layers[1],
    ):
        assert np.array_equal(copy(images), layer(images))
    elsewhere = type(layer).from_config({**layer.get_config(), "copy_of": "gone"})
    assert float(np.abs(elsewhere(images)).max()) > 0


def test_parts_are_trained(tiny_params: Params, tmp_path: Path) -> None:
    """Named blocks and layers are trained, the others not, also after saving, and unknown ones are refused."""
    images, wanted = pictures(2, 32, 32), np.ones((2, 1), np.float32)
    model = model_of(tiny_params, names=["relu3_4"], trainable=["block3", "conv2_2"])
    model.compile("adam", "mse")
    model.fit(images, wanted, verbose=0)
    found = model.layers[1].params
    changed = [
        name for name in found.layers if not np.array_equal(found.layers[name].kernel, tiny_params.layers[name].kernel)
    ]
    assert changed == ["conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv3_4"]
    assert found.origin.notes[-1] == "conv2_2, conv3_1, conv3_2, conv3_3, conv3_4 trainable"
    model.save(tmp_path / "a.keras")
    loaded = keras.models.load_model(tmp_path / "a.keras")
    assert len(loaded.layers[1].trainable_variables) == 10
    assert np.array_equal(loaded(images), model(images))
    with pytest.raises(ValueError, match=r"trainable must be .* block3, not 'block4'"):
        myvgg.keras_layer(["relu3_1"], params=tiny_params, trainable=["block4"])


def test_the_origin_does_not_tell_of_a_training_that_was_not(tiny_params: Params) -> None:
    """Before `fit`, layers must be said to be trainable, and not trained."""
    layer = myvgg.keras_layer(["relu1_2"], params=tiny_params, trainable=True)
    assert layer.params.origin.notes[-1] == "conv1_1, conv1_2 trainable"
    assert myvgg.keras_layer(["relu1_2"], params=tiny_params).params.origin == tiny_params.origin


@pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning")  # Keras, before it tells the error
def test_weights_for_other_pictures_are_refused(tiny_params: Params, tmp_path: Path) -> None:
    """Weights of a layer whose pictures are prepared in another way must not be loaded; others are."""
    names = ["relu1_2"]
    other = model_of(replace(tiny_params, preprocessing=TORCHVISION), names=names)
    other.save_weights(tmp_path / "a.weights.h5")
    model = model_of(tiny_params, names=names)
    with pytest.raises(ValueError, match=r"prepared in another way than by the layer vgg.*: make the layer of them"):
        model.load_weights(tmp_path / "a.weights.h5")
    again = model_of(replace(myvgg.params.random(tiny_params.architecture, seed=9), preprocessing=TORCHVISION), names)
    again.load_weights(tmp_path / "a.weights.h5")
    assert np.array_equal(again(pictures(1, 16, 16)), other(pictures(1, 16, 16)))


@pytest.mark.parametrize("name", ["a.keras", "a.weights.h5"])
def test_the_converter_reads_models(name: str, tiny_params: Params, tmp_path: Path) -> None:
    """`converters.load` reads the layer's parameters and preprocessing out of a model around it."""
    params = replace(tiny_params, preprocessing=TORCHVISION)
    model = model_of(params, names=["relu5_4"])
    layer = model.layers[1]
    layer._assign({name: LayerParams(kernel + 1, bias) for name, (kernel, bias) in params.layers.items()})
    (model.save if name.endswith("keras") else model.save_weights)(tmp_path / name)
    found = converters.load(tmp_path / name, architecture=params.architecture)
    assert found.preprocessing == TORCHVISION
    assert all(np.array_equal(found.layers[n].kernel, part.kernel) for n, part in layer.params.layers.items())
    assert [*found.layers] == [*layer.params.layers]


@pytest.mark.parametrize(
    ("name", "last", "whole"), [("relu1_1", "conv1_1", "conv1_2"), ("relu3_2", "conv3_2", "conv3_4")]
)
def test_the_converter_says_where_a_layer_ends(
    name: str, last: str, whole: str, tiny_params: Params, tmp_path: Path
) -> None:
    """A model whose layer ends inside of a block is refused with the layer at which it ends, not as a damaged file."""
    model_of(tiny_params, names=[name]).save(tmp_path / "a.keras")
    with pytest.raises(WeightsError, match=rf"layer in it ends at {last}, .* name a tensor of {whole} or deeper"):
        converters.load(tmp_path / "a.keras", architecture=tiny_params.architecture)


def test_float32_under_mixed_precision(tiny_params: Params) -> None:
    """Where the process computes in float16, the layer computes in float32 unless it is told otherwise."""
    images = pictures(1, 16, 16)
    expected = myvgg.keras_layer(["relu2_1"], params=tiny_params)(images)
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        found = myvgg.keras_layer(["relu2_1"], params=tiny_params)(images)
        half = myvgg.keras_layer(["relu2_1"], params=tiny_params, dtype="mixed_float16")(images)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert np.array_equal(found, expected)
    assert half.dtype == "float16"


def test_pictures_of_16_bits_are_refused(tiny_params: Params) -> None:
    """The layer and the loss refuse what `features` refuses: other whole numbers than uint8, and numbers above 255."""
    layer = myvgg.keras_layer(["relu1_1"], params=tiny_params)
    loss = myvgg.PerceptualLoss(params=tiny_params, layers=["relu1_1"])
    deep, good = np.full((1, 8, 8, 3), 40000, np.uint16), np.full((1, 8, 8, 3), 255.001, np.float32)
    assert np.isfinite(layer(good)).all()
    assert np.isfinite(loss(good, good.astype(np.uint8)))
    for call in (layer, lambda images: loss(good, images), lambda images: loss(images, good)):
        with pytest.raises(ValueError, match="images must be uint8 or floating point from 0 to 255, not uint16"):
            call(deep)
        with pytest.raises(ValueError, match="images must be from 0 to 255, not 40000"):
            call(deep.astype(np.float32))


@pytest.mark.slow
@pytest.mark.parametrize("number", [-5.0, 400.0, np.nan])
def test_numbers_are_checked_inside_of_graphs(number: float, tiny_params: Params, tmp_path: Path) -> None:
    """`predict` and `fit` refuse numbers that no picture has, in a loaded model too, unless the check is off."""
    images, wanted = pictures(2, 16, 16).astype(np.float32), np.zeros((2, 1), np.float32)
    images[1, 2, 3, 0] = number
    model = model_of(tiny_params, names=["relu1_1"])
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for call in (model.predict, loaded.predict, lambda x, **options: model.fit(x, wanted, **options)):
        call(pictures(2, 16, 16), verbose=0)
        with pytest.raises(tf.errors.InvalidArgumentError, match="images must be from 0 to 255, not"):
            call(images, verbose=0)
    unchecked = model_of(tiny_params, names=["relu1_1"], check=False)
    assert unchecked.predict(images, verbose=0).shape == (2, 1)
    unchecked.save(tmp_path / "unchecked.keras")
    assert keras.models.load_model(tmp_path / "unchecked.keras").predict(images, verbose=0).shape == (2, 1)


@pytest.mark.slow
def test_the_loss_checks_the_pictures_it_is_given(tiny_params: Params) -> None:
    """In `fit`, targets that are no pictures are refused, and predictions of a network that still learns are not."""
    source = keras.Input((None, None, 3))
    model = keras.Model(source, keras.layers.Conv2D(3, 1, bias_initializer=keras.initializers.Constant(-20.0))(source))
    model.compile("sgd", myvgg.PerceptualLoss(params=tiny_params, layers=["relu1_1"]))
    images = pictures(1, 16, 16).astype(np.float32)
    model.fit(images * 0, images, verbose=0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="images must be from 0 to 255, not"):
        model.fit(images * 0, images - 100, verbose=0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")
def test_a_checked_model_is_exported(tiny_params: Params, tmp_path: Path) -> None:
    """The check is in the way of neither a SavedModel nor TFLite."""
    source = keras.Input((16, 16, 3), batch_size=1)
    model = keras.Model(source, myvgg.keras_layer(["relu2_1"], params=tiny_params)(source))
    images = pictures(1, 16, 16).astype(np.float32)
    model.export(tmp_path / "saved", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "saved")
    saved = loaded.serve(images)
    np.testing.assert_allclose(saved, model(images), rtol=1e-5, atol=1e-3)
    lite = tf.lite.Interpreter(
        model_content=tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved")).convert()
    )
    lite.allocate_tensors()
    lite.set_tensor(lite.get_input_details()[0]["index"], images)
    lite.invoke()
    np.testing.assert_allclose(lite.get_tensor(lite.get_output_details()[0]["index"]), saved, rtol=1e-4, atol=1e-2)
