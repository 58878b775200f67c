"""The network of style transfer: its inputs, its scaling, its padding, its precision."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from myvgg import kernels, precision, preprocess
from myvgg.example_pictures import FOLDER
from myvgg.network import features
from myvgg.nst.encoder import Encoder
from myvgg.nst.settings import Settings
from myvgg.params import TORCHVISION, LayerParams, Params
from myvgg.photographs import PHOTOGRAPHS, SIZE
from myvgg.precision import fastest_precision
from myvgg.vgg19 import VGG19

ROOT = Path(__file__).parents[2]
PLAIN = Settings(layer_scaling="none", precision="float32", padding="zero")
LAYERS = ("relu1_1", "conv2_2", "pool3", "relu4_1")


@pytest.fixture(scope="module")
def image(content: np.ndarray) -> tf.Tensor:
    """A batch of one picture, R, G, B, 0 to 255."""
    return tf.constant(content[np.newaxis])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pooling": "avg"},
        {"pool_padding": "same"},
        {"padding": "replicate"},
        {"pooling": "avg", "pool_padding": "same", "padding": "replicate"},
    ],
    ids=str,
)
def test_options_reach_the_network(options: dict[str, str], params: Params, image: tf.Tensor) -> None:
    """Without scaling, features are exactly those of the pure function with the settings' options."""
    actual = Encoder(params, replace(PLAIN, **options))(image, LAYERS)
    expected = features(params, preprocess(image), LAYERS, **options)
    assert list(actual) == list(LAYERS)
    assert all(np.array_equal(actual[name], expected[name]) for name in LAYERS)


def test_features_are_divided_by_their_response_to_photographs(params: Params, image: tf.Tensor) -> None:
    """With `rms`, each layer is divided by its own number, up to the rounding of kernels that are scaled instead."""
    plain = Encoder(params, PLAIN)(image, LAYERS)
    scaled = Encoder(params, replace(PLAIN, layer_scaling="rms"))(image, LAYERS)
    for name in LAYERS:
        assert np.allclose(scaled[name], plain[name] / params.rms[name], rtol=1e-5, atol=5e-6)


def test_the_size_of_weights_does_not_matter(tiny_params: Params, image: tf.Tensor) -> None:
    """A network whose responses are all four times as large gives the same features: its own numbers make up for it."""
    first = tiny_params.layers["conv1_1"]
    layers = {name: layer._replace(bias=4 * layer.bias) for name, layer in tiny_params.layers.items()}
    larger = replace(tiny_params, layers={**layers, "conv1_1": type(first)(4 * first.kernel, 4 * first.bias)})
    settings = replace(PLAIN, layer_scaling="rms")
    expected, actual = (Encoder(each, settings)(image, ["relu3_1"])["relu3_1"] for each in (tiny_params, larger))
    assert np.allclose(actual, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layer", [*Settings().style_layers, "pool4", "pool5", "conv5_4", "relu5_4"])
def test_every_map_can_be_scaled(layer: str, params: Params) -> None:
    """All layers that settings may name have a number to be divided by."""
    found = Encoder(params, replace(PLAIN, layer_scaling="rms"))(tf.zeros([1, 32, 32, 3]), [layer])
    assert np.isfinite(found[layer]).all()


def test_weights_that_know_their_response_are_not_measured(
    params: Params, tiny_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a file says is believed, what it does not say is measured."""
    scaled = replace(PLAIN, layer_scaling="rms")
    own = replace(params, rms=dict.fromkeys(params.rms, 2.0))
    assert Encoder(own, scaled).rms == own.rms
    assert Encoder(tiny_params, scaled).rms == params.rms


@pytest.mark.parametrize(
    "options",
    [{}, {"pooling": "avg"}, {"preprocessing": "unit"}, {"pooling": "avg", "preprocessing": "torchvision"}],
    ids=str,
)
def test_every_layer_weighs_alike_with_every_pool_and_input(options: dict[str, str], params: Params) -> None:
    """Each layer's root mean square on photographs is one, so that weights of layers mean what the settings say."""
    names = [name for name in params.architecture.layer_names(include_top=False) if name.startswith("relu")]
    encoder = Encoder(params, replace(PLAIN, layer_scaling="rms", **options))
    squares = np.zeros(len(names))
    for photograph in PHOTOGRAPHS:
        with Image.open(FOLDER / photograph) as opened:
            opened.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
            image = np.asarray(opened, np.float32)
        found = encoder(tf.constant(image[np.newaxis]), names)
        squares += [float(tf.reduce_mean(tf.square(found[name]))) / len(PHOTOGRAPHS) for name in names]
    assert np.allclose(squares, 1, rtol=1e-3), dict(zip(names, squares, strict=True))


def test_nothing_is_measured_that_is_not_needed(tiny_params: Params) -> None:
    """Without scaling of layers, their response to photographs is not asked for: it takes seconds."""
    assert not Encoder(tiny_params, PLAIN).rms


@pytest.mark.parametrize(
    ("preprocessing", "expected"),
    [
        ("vgg", lambda rgb: rgb[..., ::-1] - np.array([103.939, 116.779, 123.68])),
        ("torchvision", lambda rgb: rgb[..., ::-1] - 255 * np.array([0.406, 0.456, 0.485])),
        ("unit", lambda rgb: rgb / 255),
    ],
)
def test_preprocessing_makes_the_input(preprocessing: str, expected: object, params: Params, image: tf.Tensor) -> None:
    """B, G, R less a mean, or R, G, B from 0 to 1, goes into the first convolution."""
    kernel, bias = np.zeros_like(params.layers["conv1_1"].kernel), np.ones_like(params.layers["conv1_1"].bias)
    kernel[1, 1, :, :3] = np.eye(3)  # which passes its input on
    passing = replace(params, layers={**params.layers, "conv1_1": LayerParams(kernel, 0 * bias)})
    seen = Encoder(passing, replace(PLAIN, preprocessing=preprocessing))(image, ["conv1_1"])["conv1_1"][..., :3]
    assert seen.dtype == np.float32
    assert np.allclose(seen, expected(image.numpy().astype(float)), rtol=0, atol=2e-5)  # type: ignore[operator]


def test_no_layers_cost_nothing(params: Params, image: tf.Tensor) -> None:
    """Where nothing is asked for, the network is not run, which would ask for a name."""
    assert Encoder(params, PLAIN)(image, []) == {}


def test_a_layer_asked_for_twice_is_computed_once(params: Params, image: tf.Tensor) -> None:
    """Content and style may name the same layer."""
    found = Encoder(params, PLAIN)(image, ["relu2_1", "relu1_1", "relu2_1"])
    assert list(found) == ["relu2_1", "relu1_1"]


HALVES = {"bfloat16": 0.02, "float16": 0.005}
"""Relative deviation of features by precision: 8 and 11 bits, over ten layers and more."""


@pytest.mark.parametrize("precision", HALVES)
def test_half_precision_is_near_float32(precision: Any, params: Params, image: tf.Tensor) -> None:
    """In half precision, what comes out is in it and within a few thousandths, at every depth."""
    scaled = replace(PLAIN, layer_scaling="rms")
    exact, rough = (Encoder(params, replace(scaled, precision=each)) for each in ("float32", precision))
    assert (exact.precision, rough.precision) == ("float32", precision)
    expected, actual = (network(image, LAYERS) for network in (exact, rough))
    for name in LAYERS:
        assert actual[name].dtype == precision
        difference = tf.norm(tf.cast(actual[name], tf.float32) - expected[name]) / tf.norm(expected[name])
        assert 0 < difference < HALVES[precision], name


def test_the_dense_layers_are_left_out(params: Params) -> None:
    """What style transfer does not compute is not copied either, and the original stays whole."""
    network = Encoder(params, PLAIN)
    assert network.params.include_top
    assert not any(name.startswith("fc") for name in network._params.layers)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"float32": 1.0, "bfloat16": 0.5}, "bfloat16"),
        ({"float32": 1.0, "bfloat16": 0.9}, "float32"),
        ({"float32": 1.0, "bfloat16": 3.0}, "float32"),
    ],
    ids=["twice as fast", "hardly faster", "slower"],
)
def test_the_faster_precision_is_taken(
    times: dict[str, float], expected: str, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bfloat16 is taken where it is clearly faster; it is measured once."""
    asked = []

    def convolution_times(precisions: tuple[str, ...], **_: float) -> dict[str, float]:
        asked.extend(precisions)
        return times

    monkeypatch.setattr(precision, "convolution_times", convolution_times)
    monkeypatch.setattr(kernels, "processor_flags", frozenset)  # nothing is known of the processor
    fastest_precision.cache_clear()
    try:
        assert Encoder(params, replace(PLAIN, precision="auto")).precision == expected
        assert fastest_precision() == expected
        assert sorted(asked) == ["bfloat16", "float32"]
    finally:
        fastest_precision.cache_clear()


@pytest.mark.parametrize(
    ("onednn", "flags", "expected"),
    [
        (True, {"avx2", "avx512_bf16"}, "bfloat16"),
        (True, {"avx2", "amx_bf16"}, "bfloat16"),
        (True, {"avx2", "avx512_vnni"}, "float32"),
        (False, {"avx2", "avx512_bf16"}, "float32"),
        (False, {"avx2"}, "float32"),
    ],
)
def test_a_known_processor_is_not_measured(
    onednn: bool, flags: set[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels and flags decide alone, so that a busy machine gives the same precision as a quiet one."""

    def fail(*_: Any, **__: Any) -> dict[str, float]:
        raise AssertionError("nothing is to be measured")

    monkeypatch.setattr(precision, "convolution_times", fail)
    monkeypatch.setattr(kernels, "has_onednn", lambda: onednn)
    monkeypatch.setattr(kernels, "has_gpu", lambda: False)
    monkeypatch.setattr(kernels, "processor_flags", lambda: frozenset(flags))
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    fastest_precision.cache_clear()
    try:
        assert fastest_precision() == expected
    finally:
        fastest_precision.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["0", "1"])
def test_tensorflow_tells_its_kernels(variable: str) -> None:
    """On x86, oneDNN is on or off as TensorFlow's variable says."""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("TensorFlow comes with oneDNN on x86")
    code = "from myvgg import kernels; print(kernels.has_onednn())"
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": variable}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, cwd=ROOT
    )
    assert done.stdout.strip() == str(variable == "1")


def test_one_of_two_precisions_is_found() -> None:
    """On this machine, one of the two is found, and a convolution takes some time in either."""
    assert fastest_precision() in ("float32", "bfloat16")
    assert fastest_precision.cache_info().currsize == 1
    taken = precision.convolution_times(["float32", "bfloat16"], side=8, channels=4, seconds=0.0)
    assert set(taken) == {"float32", "bfloat16"}
    assert all(0 < seconds < math.inf for seconds in taken.values())


def test_a_core_that_is_missing_for_a_while_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of turns that take long for a tenth of a second, and then as long as they should, the latter are told."""
    clock = [0.0]

    def convolve(_: tf.Tensor, kernel: tf.Tensor, *__: object) -> tf.Tensor:
        clock[0] += 0.002 if clock[0] < 0.1 else 0.001
        return kernel

    monkeypatch.setattr(precision.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(precision.tf.nn, "conv2d", convolve)
    taken = [precision.convolution_times(["float32"], side=1, channels=1, seconds=seconds) for seconds in (0.05, 0.3)]
    assert clock[0] == pytest.approx(0.356, abs=0.01)
    assert [round(found["float32"], 6) for found in taken] == [0.002, 0.001]


def test_pictures_are_prepared_as_the_weights_want_it(params: Params, image: tf.Tensor) -> None:
    """With torchvision's preprocessing noted in the parameters, features are those of the network by itself."""
    theirs = replace(params, preprocessing=TORCHVISION)
    expected = VGG19(theirs).features(image, ["relu3_1"])["relu3_1"]
    assert np.array_equal(Encoder(theirs, PLAIN)(image, ["relu3_1"])["relu3_1"], expected)
    assert not np.array_equal(Encoder(params, PLAIN)(image, ["relu3_1"])["relu3_1"], expected)
