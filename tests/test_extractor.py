"""One graph for all batches, equal to what the network computes by itself; and the summaries of maps."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import myvgg
from myvgg import extractor as module
from myvgg.architecture import CONFIGURATION_D, CONFIGURATION_E
from myvgg.params import Params
from tests.keras_models import pictures

NAMES = ["relu2_2", "block4_conv2", "pool5"]
SIZES = [(1, 32, 32), (3, 65, 71), (2, 64, 96), (5, 33, 40)]


@pytest.fixture
def vgg(tiny_params: Params) -> myvgg.VGG19:
    """The tiny network."""
    return myvgg.VGG19(tiny_params)


def test_equals_the_network(vgg: myvgg.VGG19) -> None:
    """For any batch and size, uint8 or floating point, one graph gives what `features` gives, bit for bit."""
    extractor = vgg.extractor(NAMES)
    for batch, height, width in SIZES:
        for images in (pictures(batch, height, width), pictures(batch, height, width).astype(np.uint8)):
            actual, expected = extractor(images), vgg.features(images, NAMES)
            assert list(actual) == NAMES == list(extractor.columns)
            assert all(np.array_equal(actual[name], expected[name]) for name in NAMES)
    assert extractor.traces == 1


def test_one_picture_is_a_batch_of_one(vgg: myvgg.VGG19) -> None:
    """A picture without the first axis gives what a batch of it gives."""
    image = pictures(1, 40, 33)
    actual, expected = (vgg.extractor(["relu3_1"])(images)["relu3_1"] for images in (image[0], image))
    assert np.array_equal(actual, expected)


def test_classifier(vgg: myvgg.VGG19) -> None:
    """Dense layers come along."""
    images = pictures(4, 64, 64)
    extractor = vgg.extractor(["fc7", "prob"])
    expected = vgg.features(images, ["fc7", "prob"])
    assert all(np.array_equal(extractor(images)[name], expected[name]) for name in expected)
    with pytest.raises(ValueError, match="fc7 needs pictures of 64 x 64 pixels, not 32 x 32"):
        extractor(pictures(1, 32, 32))


@pytest.mark.parametrize("precision", ["bfloat16", "auto"])
def test_half_precision_is_near(precision: Any, vgg: myvgg.VGG19) -> None:
    """bfloat16, which keeps eight bits, gives float32 that is near; `auto` is one of both."""
    images = pictures(2, 48, 48)
    extractor = vgg.extractor(["relu3_1"], precision=precision)
    found, expected = (each(images)["relu3_1"].numpy() for each in (extractor, vgg.extractor(["relu3_1"])))
    assert extractor.precision in ("float32", "bfloat16")
    assert found.dtype == np.float32
    assert 0 <= np.abs(found - expected).max() < 0.03 * np.abs(expected).max()
    if precision == "bfloat16":
        assert np.abs(found - expected).max() > 0


def test_what_is_trained_is_read_anew(tiny_params: Params) -> None:
    """A trainable network's extractor follows its variables, without another graph."""
    vgg = myvgg.VGG19(tiny_params, trainable=True)
    extractor, images = vgg.extractor(["relu1_1"]), pictures(1, 8, 8)
    before = extractor(images)["relu1_1"].numpy()
    for variable in vgg.trainable_variables:
        variable.assign(variable * 2)
    after = extractor(images)["relu1_1"].numpy()
    np.testing.assert_allclose(after, 2 * before, rtol=1e-5)
    assert extractor.traces == 1


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_follows_variables_that_are_not_trained(precision: Any, tiny_params: Params, tmp_path: Path) -> None:
    """After an assignment, and after a checkpoint was restored, the new features are computed."""
    vgg = myvgg.VGG19(tiny_params)
    extractor, images = vgg.extractor(["relu1_1"], precision=precision), pictures(1, 8, 8)
    before = extractor(images)["relu1_1"].numpy()
    path = tf.train.Checkpoint(vgg=vgg).write(str(tmp_path / "checkpoint"))
    for variable in vgg.variables:
        variable.assign(variable * 2)
    np.testing.assert_allclose(extractor(images)["relu1_1"], 2 * before, rtol=1e-5)
    tf.train.Checkpoint(vgg=vgg).read(path).assert_consumed()
    assert np.array_equal(extractor(images)["relu1_1"], before)
    assert extractor.traces == 1


def test_is_a_module(tiny_params: Params) -> None:
    """The variables of an extractor are those of its network, as far as it needs them."""
    vgg = myvgg.VGG19(tiny_params, trainable=True)
    extractor = vgg.extractor(["relu1_2"])
    assert isinstance(extractor, tf.Module)
    names = {"conv1_1/kernel:0", "conv1_1/bias:0", "conv1_2/kernel:0", "conv1_2/bias:0"}
    assert {variable.name for variable in extractor.trainable_variables} == names
    assert all(any(variable is each for each in vgg.variables) for variable in extractor.variables)


@pytest.mark.parametrize("size", [(33, 47), (32, 32)], ids=str)
def test_summaries_equal_loops(size: tuple[int, int], vgg: myvgg.VGG19) -> None:
    """Means and mean products are what NumPy makes of the maps, picture by picture."""
    images = pictures(3, *size)
    maps = vgg.features(images, ["relu3_1"])["relu3_1"].numpy().astype(float)
    rows = maps.reshape(3, -1, maps.shape[-1])
    mean = np.array([np.mean(each, axis=0) for each in rows])
    second = np.array([sum(np.outer(f, f) for f in each) / len(each) for each in rows])
    expected = {
        "mean": {"relu3_1": mean},
        "gram": {"relu3_1": second},
        "moments": {"relu3_1.mean": mean, "relu3_1.second": second},
    }
    for reduce, columns in expected.items():
        extractor = vgg.extractor(["relu3_1"], reduce=reduce)  # type: ignore[arg-type]
        found = extractor(images)
        assert list(found) == list(columns) == list(extractor.columns)
        for name, values in columns.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-5 * np.abs(values).max())
            assert found[name].shape == values.shape


def test_summaries_leave_dense_layers(vgg: myvgg.VGG19) -> None:
    """What has no positions is not summarised."""
    images = pictures(2, 64, 64)
    extractor = vgg.extractor(["relu5_4", "fc6"], reduce="mean")
    found = extractor(images)
    assert np.array_equal(found["fc6"], vgg.features(images, ["fc6"])["fc6"])
    assert found["relu5_4"].shape == (2, 7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["relu9_9"]}, "has no layer 'relu9_9': did you mean"),
        ({"names": []}, "names must be a list of at least one layer"),
        ({"names": "relu1_1"}, "names must be a list"),
        ({"names": ["relu1_1"], "reduce": "max"}, "reduce must be one of none, mean, gram, moments, not 'max'"),
    ],
    ids=["unknown", "none", "text", "reduce"],
)
def test_wrong_options(options: dict[str, Any], message: str, vgg: myvgg.VGG19, unchecked: None) -> None:
    """They are refused when the extractor is made."""
    with pytest.raises(ValueError, match=message):
        vgg.extractor(**options)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (pictures(1, 31, 64), "31 x 64 pixels leaves nothing at pool5: the smallest that works is 32 x 32"),
        (np.zeros((0, 32, 32, 3), np.float32), "at least one"),
        (np.zeros((32, 32), np.float32), "must have shape"),
        (np.zeros((1, 32, 32, 4), np.float32), "must have shape"),
        (np.zeros((1, 1, 32, 32, 3), np.float32), r"must have shape \(batch, height, width, 3\) or"),
        (np.zeros((1, 32, 32, 3), np.int64), "must be uint8 or floating point"),
    ],
    ids=["small", "empty", "grey", "alpha", "five axes", "int64"],
)
def test_wrong_pictures(images: np.ndarray, message: str, vgg: myvgg.VGG19) -> None:
    """What does not fit is refused in words, before TensorFlow sees it."""
    with pytest.raises(ValueError, match=message):
        vgg.extractor(["pool5"])(images)


def test_missing_layers(tiny_params: Params) -> None:
    """Weights without the classifier say how to get it."""
    maps = {name: layer for name, layer in tiny_params.layers.items() if name.startswith("conv")}
    with pytest.raises(ValueError, match="include_top=True"):
        myvgg.Extractor(Params(maps, architecture=tiny_params.architecture), ["fc7"])


# The table of layers


@pytest.mark.parametrize("architecture", [CONFIGURATION_E, CONFIGURATION_D], ids=lambda each: each.name)
def test_layer_info_equals_keras(architecture: Any) -> None:
    """Shapes and counts of parameters are Keras'; multiply-adds are TensorFlow's profile of its graph, halved."""
    import keras

    model = getattr(keras.applications, architecture.name.upper())(weights=None)
    total = 0
    for layer in model.layers:
        if layer.name in architecture.aliases:
            name = architecture.aliases[layer.name]
            assert architecture.layer_info(name).shape == tuple(layer.output.shape[1:])
            before = next(ours for ours, theirs in architecture.keras_names.items() if theirs == layer.name)
            info = architecture.layer_info(before)
            assert info.parameters == layer.count_params()
            total += info.multiply_adds
    assert total == architecture.multiply_adds(224, 224)
    assert myvgg.layer_info("conv1_1", architecture=architecture.name).multiply_adds == 224 * 224 * 3 * 3 * 3 * 64


def test_receptive_field_is_what_changes(vgg: myvgg.VGG19) -> None:
    """A position of a layer depends on as many pixels of the input as its receptive field says, and no others."""
    info = vgg.architecture.layer_info("conv3_2", height=64, width=64)
    x = tf.Variable(np.random.default_rng(0).uniform(-99, 99, (1, 64, 64, 3)).astype(np.float32))
    with tf.GradientTape() as tape:
        maps = myvgg.features(vgg.params, tf.convert_to_tensor(x), ["conv3_2"], pooling="avg")["conv3_2"]
        value = tf.reduce_sum(maps[:, 8, 8] ** 2)
    reached = np.any(tape.gradient(value, x).numpy() != 0, axis=(0, 1, 3)).nonzero()[0]
    assert reached[-1] - reached[0] + 1 == info.receptive_field
    assert info.stride == 4


def test_summary_is_a_table() -> None:
    """All tensors of VGG19, with totals; fewer where pictures are small."""
    lines = myvgg.summary().splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == list(myvgg.layer_names())
    assert lines[-1].split() == ["all", "143,667,240", "19,632,062,464"]
    small = myvgg.summary(height=9, width=20).splitlines()
    assert small[-2].split()[0] == "relu4_4"
    assert myvgg.summary(architecture="vgg16").splitlines()[-1].split()[1] == "138,357,544"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: myvgg.layer_info("conv6_1"), "no layer 'conv6_1': did you mean"),
        (lambda: myvgg.layer_info("pool5", height=31, width=99), "the smallest that works is 32 x 32"),
        (lambda: myvgg.layer_info("fc6", height=256), "fc6 needs pictures of 224 x 224 pixels, not 256 x 224"),
        (lambda: myvgg.summary(architecture="vgg13"), "architecture must be one of vgg19, vgg16, not 'vgg13'"),
    ],
    ids=["unknown", "small", "dense", "architecture"],
)
def test_wrong_questions(call: Any, message: str) -> None:
    """They are answered with what there is."""
    with pytest.raises(ValueError, match=message):
        call()


def test_many_networks_in_a_process(tiny_params: Params, caplog: pytest.LogCaptureFixture) -> None:
    """Graphs of many networks are not taken for one function that is traced again and again."""
    with caplog.at_level("WARNING", logger="tensorflow"):
        for _ in range(7):
            myvgg.Extractor(tiny_params, ["relu1_1"])(pictures(1, 8, 8))
    assert caplog.messages == []


@pytest.mark.usefixtures("ctrl_c")
def test_an_interruption_leaves_the_graph_whole(tiny_params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C waits for the end of TensorFlow's work, whose graph then serves the next pictures."""
    reduced = module.reduced

    def interrupting(*arguments: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return reduced(*arguments)

    monkeypatch.setattr(module, "reduced", interrupting)
    extractor, images = myvgg.Extractor(tiny_params, ["relu1_1"]), pictures(1, 8, 8)
    with pytest.raises(KeyboardInterrupt):
        extractor(images)
    assert extractor.traces == 1
    assert extractor(images)["relu1_1"].shape == (1, 8, 8, 4)
    assert extractor.traces == 1


@pytest.mark.parametrize(("reduce", "is_exact"), [("none", False), ("mean", False), ("gram", True), ("moments", True)])
def test_statistics_are_computed_without_tf32(reduce: Any, is_exact: bool, tiny_params: Params) -> None:
    """GPUs do not round to TF32 while products of channels are computed, and do as the user says otherwise."""
    extractor, seen = myvgg.Extractor(tiny_params, ["relu1_1"], reduce=reduce), list[bool]()
    compute = extractor._compute

    def noted(images: tf.Tensor) -> Any:
        seen.append(tf.config.experimental.tensor_float_32_execution_enabled())
        return compute(images)

    extractor._compute = noted
    usual = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(True)
    try:
        extractor(np.zeros((1, 8, 8, 3), np.uint8))
        assert tf.config.experimental.tensor_float_32_execution_enabled()
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(usual)
    assert seen == [not is_exact]
