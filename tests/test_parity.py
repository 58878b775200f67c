"""Our VGG19 and VGG16 equal Keras' bit for bit, with the same random parameters, on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

import myvgg
from myvgg import network as ops
from myvgg.architecture import ARCHITECTURES, Architecture
from myvgg.architecture import CONFIGURATION_E as E
from myvgg.params import LayerParams, Params, random
from tests.keras_models import keras_model, pictures

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"  # Keras, of its own variables
)

SIZES = [(224, 224), (64, 96), (65, 71), (33, 32)]
COUNTS = {"vgg19": 21, "vgg16": 18}
"""16 or 13 rectified convolutions, and 5 pools."""


def network_of(params: Params) -> myvgg.VGG:
    """Make the module of the parameters' architecture."""
    return (myvgg.VGG16 if params.architecture.name == "vgg16" else myvgg.VGG19)(params)


def aliases(architecture: Architecture) -> dict[str, str]:
    """Our names of all rectified convolutions and pools by Keras' names."""
    return {theirs: ours for theirs, ours in architecture.aliases.items() if theirs.startswith("block")}


CALLS: dict[str, Callable[[keras.Model, np.ndarray], list[np.ndarray]]] = {
    "model(x)": lambda model, x: model(x),
    "predict": lambda model, x: model.predict(x, verbose=0),
}


def with_biases(params: Params, seed: int = 5) -> Params:
    """Give random biases to parameters, which `random` leaves at zero."""
    rng = np.random.default_rng(seed)
    layers = params.layers.items()
    return replace(params, layers={n: LayerParams(k, rng.standard_normal(b.shape, np.float32)) for n, (k, b) in layers})


@pytest.fixture(scope="module", params=ARCHITECTURES.values(), ids=ARCHITECTURES)
def params(request: pytest.FixtureRequest) -> Params:
    """Random parameters of all layers of VGG19, or of VGG16."""
    return with_biases(random(request.param, seed=3))


@pytest.fixture(scope="module")
def reference(params: Params) -> keras.Model:
    """Keras' own network without the classifier, with these parameters, giving every convolution and pool."""
    model = getattr(keras.applications, params.architecture.name.upper())(include_top=False, weights=None)
    return _with_params(model, params, list(aliases(params.architecture)))


@pytest.fixture(scope="module")
def reference_top(params: Params) -> keras.Model:
    """Keras' own network with the classifier, giving relu6, relu7, logits and probabilities."""
    model = getattr(keras.applications, params.architecture.name.upper())(weights=None)
    _with_params(model, params, [])
    softmax = model.get_layer("predictions")
    twin = keras.layers.Dense(1000, name="logits")
    hidden = model.get_layer("fc2").output
    logits = twin(hidden)
    twin.set_weights(softmax.get_weights())
    return keras.Model(model.input, [model.get_layer("fc1").output, hidden, logits, softmax.output])


def _with_params(model: keras.Model, params: Params, outputs: list[str]) -> keras.Model:
    for name, layer in params.layers.items():
        theirs = params.architecture.keras_names[name]
        if any(theirs == layer.name for layer in model.layers):
            model.get_layer(theirs).set_weights(layer)
    return keras.Model(model.input, [model.get_layer(name).output for name in outputs]) if outputs else model


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_maps_equal_keras(
    size: tuple[int, int],
    batch: int,
    call: Callable[[keras.Model, np.ndarray], list[np.ndarray]],
    reference: keras.Model,
    params: Params,
) -> None:
    """All rectified convolutions and pools equal Keras', in every way of calling Keras."""
    images, names = pictures(batch, *size), list(aliases(params.architecture))
    expected = call(reference, keras.applications.vgg19.preprocess_input(images.copy()))
    actual = network_of(replace(params, layers=_convolutions(params))).features(images, names)
    unequal = [name for name, e in zip(names, expected, strict=True) if not np.array_equal(actual[name], e)]
    assert (len(actual), unequal) == (COUNTS[params.architecture.name], [])


def _convolutions(params: Params) -> dict[str, LayerParams]:
    return {name: layer for name, layer in params.layers.items() if name.startswith("conv")}


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 3])
def test_classifier_equals_keras(batch: int, reference_top: keras.Model, params: Params) -> None:
    """relu6, relu7, logits and probabilities equal Keras' at the same batch size."""
    images = pictures(batch, 224, 224)
    x = keras.applications.vgg19.preprocess_input(images.copy())
    vgg = network_of(params)
    actual = vgg.features(images, ["relu6", "relu7", "fc8", "prob"]).values()
    for expected in (reference_top(x), reference_top.predict(x, verbose=0)):
        assert [np.array_equal(a, e) for a, e in zip(actual, expected, strict=True)] == [True] * 4
    assert np.array_equal(vgg.logits(images), expected[2])
    assert np.array_equal(vgg.probabilities(images), expected[3])
    assert np.array_equal(myvgg.logits(params, myvgg.preprocess(images)), expected[2])


def test_gradient_equals_keras(reference: keras.Model, params: Params) -> None:
    """The gradient of a random linear functional of several layers with respect to the input equals Keras'."""
    names = ["block1_conv1", "block2_pool", "block3_conv3", "block4_conv2", "block5_conv3"]
    model = keras.Model(reference.input, [reference.get_layer(name).output for name in names])
    x = myvgg.preprocess(pictures(2, 65, 71))
    rng = np.random.default_rng(1)
    directions = [rng.standard_normal(output.shape, np.float32) for output in model(x)]

    def gradient(network: Callable[[tf.Tensor], list[tf.Tensor]]) -> np.ndarray:
        with tf.GradientTape() as tape:
            tape.watch(x)
            functional = tf.add_n([tf.reduce_sum(f * d) for f, d in zip(network(x), directions, strict=True)])
        return tape.gradient(functional, x).numpy()

    expected = gradient(model)
    actual = gradient(lambda x: list(myvgg.features(params, x, names).values()))
    assert np.abs(expected).max() > 0
    assert np.array_equal(actual, expected)


@pytest.mark.slow
def test_features_in_a_graph_equal_keras(reference: keras.Model, params: Params) -> None:
    """Under `tf.function`, for a batch of any size, the features are the same."""
    vgg = network_of(params)
    compiled = tf.function(
        lambda images: vgg.features(images, ["relu5_1"])["relu5_1"],
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)],
    )
    for size in ((64, 96), (65, 71)):
        images = pictures(2, *size).astype(np.uint8)
        x = keras.applications.vgg19.preprocess_input(images.astype(np.float32))
        expected = reference(x)[list(aliases(params.architecture)).index("block5_conv1")]
        assert np.array_equal(compiled(images), expected)


def test_classifier_in_a_graph_of_any_size(tiny_params: Params) -> None:
    """The classifier works in a graph traced for pictures of any size, and is the eager one bit for bit."""
    vgg = network_of(tiny_params)
    compiled = tf.function(vgg.logits, input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)])
    images = pictures(3, 64, 64)
    assert np.array_equal(compiled(images), vgg.logits(images))


def test_average_pooling_equals_keras(tiny_params: Params) -> None:
    """With average pools, our network equals a Keras model with average pools."""
    model = keras_model(tiny_params, keras.layers.AveragePooling2D)
    x = myvgg.preprocess(pictures(2, 65, 71))
    actual = myvgg.features(tiny_params, x, ["pool5"], pooling="avg")["pool5"]
    assert np.array_equal(actual, model(x))


@pytest.mark.parametrize("pooling", ["max", "avg"])
@pytest.mark.parametrize("size", [(5, 7), (4, 6), (1, 1), (1, 4)], ids=str)
def test_ceil_pool_equals_loops(size: tuple[int, int], pooling: str) -> None:
    """With `same`, the last odd row and column have their own cells, as in Caffe."""
    x = np.random.default_rng(0).standard_normal((2, *size, 3), np.float32)
    height, width = (-(-n // 2) for n in size)
    reduce = {"max": np.max, "avg": np.mean}[pooling]
    expected = np.empty((2, height, width, 3), np.float32)
    for i in range(height):
        for j in range(width):
            expected[:, i, j] = reduce(x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2], axis=(1, 2))
    pool = {"max": ops.max_pool, "avg": ops.avg_pool}[pooling]
    actual = pool(tf.constant(x), "same").numpy()
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=1e-6)  # the sum of four floats may be taken in another order


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_shapes_are_those_of_the_table(padding: str, tiny_params: Params) -> None:
    """Tensors of an odd size have the shapes that the architecture predicts."""
    names = myvgg.layer_names(include_top=False)
    found = myvgg.features(tiny_params, myvgg.preprocess(pictures(1, 65, 71)), names, pool_padding=padding)
    expected = {name: (1, *tiny_params.architecture.shape(name, 65, 71, pool_padding=padding)) for name in names}
    assert {name: tuple(tensor.shape) for name, tensor in found.items()} == expected


def test_relu_follows_convolution(tiny_params: Params) -> None:
    """`relu4_2` is the rectified `conv4_2`, and `prob` the softmax of `fc8`."""
    names = [name for name in myvgg.layer_names() if not name.startswith("pool")]
    found = myvgg.features(tiny_params, myvgg.preprocess(pictures(1, 64, 64)), names)
    for before, after in zip(names[::2], names[1::2], strict=True):
        expected = tf.nn.softmax(found[before]) if after == "prob" else np.maximum(found[before], 0)
        assert np.array_equal(found[after], expected)


def test_early_stop_needs_no_later_layers(params: Params) -> None:
    """With blocks 1 and 2 only, relu2_1 is computed and equals the full network's."""
    head = {name: layer for name, layer in params.layers.items() if name[:5] in ("conv1", "conv2")}
    images = pictures(1, 33, 32)
    expected = network_of(params).features(images, ["relu2_1"])["relu2_1"]
    actual = network_of(replace(params, layers=head)).features(images, ["relu2_1"])["relu2_1"]
    assert np.array_equal(actual, expected)


def test_nothing_is_computed_beyond_the_deepest_name(tiny_params: Params) -> None:
    """The graph of relu2_1 holds three convolutions and one pool."""
    compiled = tf.function(lambda x: myvgg.features(tiny_params, x, ["relu1_1", "relu2_1"]))
    graph = compiled.get_concrete_function(tf.TensorSpec([1, 64, 64, 3])).graph
    kinds = [op.type for op in graph.get_operations()]
    assert (kinds.count("Conv2D"), kinds.count("MaxPool")) == (3, 1)


def test_trained_weights_equal_keras(trained: Params) -> None:
    """With trained weights, every layer equals Keras', too."""
    from myvgg.parity import differences

    found = differences(trained)
    assert found == dict.fromkeys(aliases(E).values(), 0.0)
