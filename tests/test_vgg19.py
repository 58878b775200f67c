"""The module `VGG19` and the functions underneath: options, inputs, errors, training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import myvgg
from myvgg.architecture import CONFIGURATION_D, CONFIGURATION_E, Architecture
from myvgg.architecture import vgg as build
from myvgg.params import LayerParams, Origin, Params, load, random
from tests.keras_models import pictures


@pytest.fixture
def vgg(tiny_params: Params) -> myvgg.VGG19:
    """The tiny network."""
    return myvgg.VGG19(tiny_params)


@pytest.mark.parametrize(
    "kind", [np.uint8, np.float16, np.float32, np.float64, tf.constant], ids=lambda kind: kind.__name__
)
def test_pictures_of_any_type(kind: Callable[[np.ndarray], Any], vgg: myvgg.VGG19) -> None:
    """Whole numbers from 0 to 255 mean the same as uint8, floating point or tensor."""
    images = np.floor(pictures(1, 33, 32))
    expected = vgg.features(images, ["relu3_1"])["relu3_1"]
    actual = vgg.features(kind(images) if kind is tf.constant else images.astype(kind), ["relu3_1"])["relu3_1"]
    assert actual.dtype == tf.float32
    assert np.array_equal(actual, expected)


def test_one_picture_is_a_batch_of_one(vgg: myvgg.VGG19) -> None:
    """(height, width, 3) gives what (1, height, width, 3) gives."""
    images = pictures(1, 32, 40)
    assert np.array_equal(vgg.features(images[0], ["pool5"])["pool5"], vgg.features(images, ["pool5"])["pool5"])


def test_features_are_returned_under_the_names_asked_for(vgg: myvgg.VGG19) -> None:
    """Aliases come back as they were written, in any order, repeated or not."""
    found = vgg.features(pictures(1, 32, 32), ["pool5", "block4_conv2", "relu4_2", "block4_conv2"])
    assert list(found) == ["pool5", "block4_conv2", "relu4_2"]
    assert np.array_equal(found["block4_conv2"], found["relu4_2"])


def test_module_equals_pure_functions(vgg: myvgg.VGG19, tiny_params: Params) -> None:
    """The module is the functions with preprocessing before them."""
    images = pictures(2, 64, 64)
    x = myvgg.preprocess(images)
    expected = myvgg.features(tiny_params, x, ["conv2_2", "fc7"])
    actual = vgg.features(images, ["conv2_2", "fc7"])
    assert all(np.array_equal(actual[name], expected[name]) for name in expected)
    assert np.array_equal(vgg.logits(images), myvgg.logits(tiny_params, x))


def test_options_reach_the_pools(tiny_params: Params) -> None:
    """Each pooling and padding gives what the pure function gives with it, and they differ."""
    images = pictures(1, 65, 71)
    found = []
    for pooling in ("max", "avg"):
        for pool_padding in ("valid", "same"):
            options = {"pooling": pooling, "pool_padding": pool_padding}
            actual = myvgg.VGG19(tiny_params, **options).features(images, ["relu4_1"])["relu4_1"]
            assert np.array_equal(
                actual, myvgg.features(tiny_params, myvgg.preprocess(images), ["relu4_1"], **options)["relu4_1"]
            )
            found.append(actual.numpy())
    assert len({array.tobytes() for array in found}) == 4


def test_gradients_reach_the_picture(vgg: myvgg.VGG19) -> None:
    """A loss on features can be differentiated with respect to the pictures."""
    images = tf.constant(pictures(1, 40, 40))
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_sum(tf.square(vgg.features(images, ["relu2_2"])["relu2_2"]))
    assert float(tf.norm(tape.gradient(loss, images))) > 0


def test_top_names_the_most_probable(vgg: myvgg.VGG19) -> None:
    """Labels come with their probabilities, most probable first, a list for each picture."""
    images = pictures(2, 64, 64)
    probabilities = vgg.probabilities(images).numpy()
    actual = vgg.top(images, k=3)
    expected = [
        [(f"class {i}", float(row[i])) for i in sorted(range(10), key=lambda i: -row[i])[:3]] for row in probabilities
    ]
    assert actual == expected
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_top_without_labels_counts(tiny_params: Params) -> None:
    """A network of ten classes and no names calls them by number, not by ImageNet's names."""
    vgg = myvgg.VGG19(replace(tiny_params, labels=()))
    assert {label for label, _ in vgg.top(pictures(1, 64, 64), k=10)[0]} == set(map(str, range(10)))


@pytest.mark.parametrize(
    ("images", "names", "message"),
    [
        (pictures(1, 31, 32), ["pool5"], "31 x 32 pixels leaves nothing at pool5: the smallest that works is 32 x 32"),
        (pictures(1, 65, 64), ["fc6"], "fc6 needs pictures of 64 x 64 pixels, not 65 x 64"),
        (pictures(1, 32, 32), ["relu9_1"], "no layer 'relu9_1'"),
        (pictures(1, 32, 32), [], "names must be a list of at least one layer"),
        (pictures(1, 32, 32), "relu1_1", "names must be a list of at least one layer, not 'relu1_1'"),
        (np.zeros((2, 2)), ["relu1_1"], "must have shape"),
        (np.zeros((1, 1, 2, 2, 3)), ["relu1_1"], r"must have shape \(batch, height, width, 3\) or"),
        (np.zeros((1, 8, 8, 4)), ["relu1_1"], "must have shape"),
        (np.zeros((1, 8, 8, 3), np.int32), ["relu1_1"], "must be uint8 or floating point from 0 to 255, not int32"),
    ],
    ids=["vanishes", "classifier", "unknown", "nothing", "string", "two axes", "five axes", "alpha", "int32"],
)
def test_wrong_arguments(images: np.ndarray, names: list[str], message: str, vgg: myvgg.VGG19) -> None:
    """What cannot be computed is refused with what is wrong and what is allowed."""
    with pytest.raises(ValueError, match=message):
        vgg.features(images, names)


@pytest.mark.parametrize(
    "options", [{"pooling": "mean"}, {"pool_padding": "ceil"}, {"num_classes": 0}, {"num_classes": "5"}], ids=str
)
def test_wrong_options(options: dict[str, Any], tiny_params: Params, unchecked: None) -> None:
    """Options are checked when the network is made."""
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be"):
        myvgg.VGG19(tiny_params, **options)


def test_weights_that_end_early(tiny_params: Params) -> None:
    """What needs layers that are not there names them, and the classifier how to get it."""
    head = {name: layer for name, layer in tiny_params.layers.items() if name[:5] in ("conv1", "conv2")}
    with pytest.raises(ValueError, match="relu3_2 needs conv3_1, conv3_2, which these weights do not have"):
        myvgg.VGG19(replace(tiny_params, layers=head)).features(pictures(1, 32, 32), ["relu3_2"])
    maps = {name: layer for name, layer in tiny_params.layers.items() if name.startswith("conv")}
    with pytest.raises(ValueError, match="include_top=True"):
        myvgg.VGG19(replace(tiny_params, layers=maps)).logits(pictures(1, 64, 64))


def test_frozen_unless_trainable(tiny_params: Params) -> None:
    """Parameters are trainable variables only where that was asked for."""
    assert myvgg.VGG19(tiny_params).trainable_variables == ()
    trainable = myvgg.VGG19(tiny_params, trainable=True).trainable_variables
    assert len(trainable) == 2 * 19
    assert sum(int(tf.size(variable)) for variable in trainable) == tiny_params.architecture.parameter_count()


def test_parameters_come_back(vgg: myvgg.VGG19, tiny_params: Params) -> None:
    """`params` holds the arrays that went in, with their labels and origin."""
    actual = vgg.params
    assert all(
        np.array_equal(a, b)
        for n in tiny_params.layers
        for a, b in zip(actual.layers[n], tiny_params.layers[n], strict=True)
    )
    assert (actual.labels, actual.origin, actual.architecture) == (
        tiny_params.labels,
        tiny_params.origin,
        tiny_params.architecture,
    )


def test_training_lowers_the_loss_and_changes_params(tiny_params: Params) -> None:
    """Some steps of gradient descent on two pictures learn their classes, and `params` follows."""
    vgg = myvgg.VGG19(tiny_params, trainable=True, num_classes=2)
    images, classes = pictures(2, 64, 64), tf.constant([0, 1])
    losses = []
    for _ in range(5):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(classes, vgg.logits(images)))
        gradients = tape.gradient(loss, vgg.trainable_variables)
        assert all(gradient is not None for gradient in gradients)
        norm = tf.linalg.global_norm(gradients)
        for variable, gradient in zip(vgg.trainable_variables, gradients, strict=True):
            variable.assign_sub(0.01 * gradient / norm)
        losses.append(float(loss))
    assert losses[-1] < losses[0]
    assert not np.array_equal(vgg.params.layers["fc7"].kernel, tiny_params.layers["fc7"].kernel)


def test_some_layers_are_trained(tiny_params: Params) -> None:
    """Named layers have variables and gradients, the others neither."""
    vgg = myvgg.VGG19(tiny_params, num_classes=2, trainable=["fc7", "fc8"])
    assert [v.name.split("/")[0] for v in vgg.trainable_variables] == ["fc7", "fc7", "fc8", "fc8"]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(vgg.logits(pictures(1, 64, 64)) ** 2)
    watched = tape.watched_variables()
    assert len(watched) == 4
    assert all(gradient is not None for gradient in tape.gradient(loss, watched))


@pytest.mark.parametrize("trainable", ["fc8", ["fc8", "fc9"], ["relu6"]], ids=str)
def test_unknown_layers_cannot_be_trained(trainable: Any, tiny_params: Params) -> None:
    """A name that has no parameters is refused with those that have."""
    with pytest.raises(ValueError, match="trainable must be True, False or a list of some of conv1_1, "):
        myvgg.VGG19(tiny_params, trainable=trainable)


def test_penalty_is_the_papers(tiny_params: Params) -> None:
    """Weight decay is half of 5e-4 times the squares of the trained kernels, without biases, and none of the frozen."""
    trained = ["conv1_1", "fc8"]
    expected = 2.5e-4 * sum(float(np.sum(tiny_params.layers[name].kernel.astype(float) ** 2)) for name in trained)
    vgg = myvgg.VGG19(tiny_params, trainable=trained)
    assert float(vgg.penalty()) == pytest.approx(expected, rel=1e-5)
    assert float(vgg.penalty(decay=1e-3)) == pytest.approx(2 * expected, rel=1e-5)
    assert float(myvgg.VGG19(tiny_params).penalty()) == 0
    with tf.GradientTape() as tape:
        penalty = vgg.penalty()
    kernel = next(variable for variable in vgg.trainable_variables if variable.name.startswith("conv1_1/kernel"))
    np.testing.assert_allclose(tape.gradient(penalty, kernel), 5e-4 * kernel, rtol=1e-6)


def test_dropout_only_while_training() -> None:
    """With `training`, half of relu6 and half of relu7 are dropped and the rest doubled; without, nothing is."""
    units = 1000
    architecture = build("identity", ((2,),), dense=(units,) * 3, input_size=2)
    ones, eye, zeros = np.ones(units, np.float32), np.eye(units, dtype=np.float32), np.zeros(units, np.float32)
    layers = {**random(architecture).layers, "fc7": LayerParams(eye, zeros), "fc8": LayerParams(eye, zeros)}
    layers["fc6"] = LayerParams(np.zeros((2, units), np.float32), ones)
    vgg = myvgg.VGG(Params(layers, architecture=architecture))
    image = pictures(1, 2, 2)
    assert np.array_equal(vgg.logits(image)[0], ones)
    tf.random.set_seed(0)
    dropped = vgg.logits(image, training=True).numpy()[0]
    assert set(dropped) == {0, 4}
    assert abs((dropped == 4).mean() - 0.25) < 0.07  # five standard deviations of a thousand draws
    assert not np.array_equal(vgg.logits(image, training=True)[0], dropped)


def test_another_number_of_classes(tiny_params: Params) -> None:
    """The last layer is drawn anew, the others stay, and class names do not."""
    vgg = myvgg.VGG19(tiny_params, num_classes=3, seed=4)
    assert vgg.probabilities(pictures(1, 64, 64)).shape == (1, 3)
    assert np.array_equal(vgg.params.layers["fc7"].kernel, tiny_params.layers["fc7"].kernel)
    assert vgg.labels == ()
    assert myvgg.VGG19(tiny_params, num_classes=10).labels == tiny_params.labels


def test_classes_for_weights_without_a_classifier(tiny_params: Params) -> None:
    """Where there are no dense layers, all of them are drawn."""
    maps = {name: layer for name, layer in tiny_params.layers.items() if name.startswith("conv")}
    vgg = myvgg.VGG19(replace(tiny_params, layers=maps), num_classes=3)
    assert vgg.logits(pictures(1, 64, 64)).shape == (1, 3)
    assert np.array_equal(vgg.params.layers["conv5_4"].kernel, tiny_params.layers["conv5_4"].kernel)


def test_initialisation_follows_the_paper(tiny: Architecture, unchecked: None) -> None:
    """Biases are zero; kernels have Glorot's limits, or the variance 0.01 of section 3.1."""
    glorot, normal = random(tiny, seed=1), random(tiny, seed=1, method="normal")
    for name, layer in tiny.parametric.items():
        positions = 9 if name.startswith("conv") else 1
        limit = np.sqrt(6 / (positions * (layer.inputs + layer.outputs)))
        kernel = glorot.layers[name].kernel
        assert limit / 2 < np.abs(kernel).max() <= limit
        assert not glorot.layers[name].bias.any()
    together = np.concatenate([kernel.ravel() for kernel, _ in normal.layers.values()])
    assert abs(together.std() - 0.1) < 0.005
    assert abs(together.mean()) < 0.005
    with pytest.raises(ValueError, match="method must be"):
        random(tiny, method="he")


def test_load_takes_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`VGG19.load` reads a named file, and the one that MYVGG_WEIGHTS names."""
    params = random(include_top=False, seed=2)
    params.save(tmp_path / "w.safetensors")
    images = pictures(1, 32, 32)
    expected = myvgg.features(params, myvgg.preprocess(images), ["relu1_2"])["relu1_2"]
    monkeypatch.setenv("MYVGG_WEIGHTS", str(tmp_path / "w.safetensors"))
    for vgg in (myvgg.VGG19.load(tmp_path / "w.safetensors", pooling="avg"), myvgg.VGG19.load()):
        assert np.array_equal(vgg.features(images, ["relu1_2"])["relu1_2"], expected)


def test_load_random(monkeypatch: pytest.MonkeyPatch, tiny_params: Params) -> None:
    """`VGG19.load("random")` takes the seeded random weights."""
    monkeypatch.setattr("myvgg.random_weights.load_random", lambda _: tiny_params)
    assert myvgg.VGG19.load("random", pooling="avg").architecture == tiny_params.architecture
    with pytest.raises(ValueError, match="random weights have no classifier"):
        myvgg.VGG19.load("random", include_top=True)


def test_classes_without_weights() -> None:
    """To train from scratch, everything is drawn for the number of classes that is asked for."""
    vgg = myvgg.VGG19.random(num_classes=7, seed=3)
    expected = random(seed=3).layers["conv3_1"].kernel
    assert vgg.architecture.classifier[-1].outputs == 7
    assert np.array_equal(vgg.params.layers["conv3_1"].kernel, expected)


def test_a_network_needs_parameters() -> None:
    """Nobody gets an untrained network by accident: the error names both ways."""
    with pytest.raises(ValueError, match=r"VGG19 needs parameters: VGG19\.load\(\) finds .*, VGG19\.random\(\) draws"):
        myvgg.VGG19()


def test_the_networks_are_not_each_other() -> None:
    """A VGG16 is not a VGG19, and parameters of the one are refused by the other; both are a VGG."""
    params = {each.name: random(each, include_top=False) for each in (CONFIGURATION_E, CONFIGURATION_D)}
    vgg16 = myvgg.VGG16(params["vgg16"])
    assert isinstance(vgg16, myvgg.VGG)
    assert not isinstance(vgg16, myvgg.VGG19)
    with pytest.raises(ValueError, match="VGG19 needs parameters of vgg19, not of vgg16"):
        myvgg.VGG19(params["vgg16"])
    with pytest.raises(ValueError, match="VGG16 needs parameters of vgg16, not of vgg19"):
        myvgg.VGG16(params["vgg19"])
    with pytest.raises(ValueError, match="VGG has no architecture of its own: use VGG19 or VGG16"):
        myvgg.VGG.load()


def test_a_call_gives_the_last_tensor(vgg: myvgg.VGG19, tiny_params: Params) -> None:
    """With the classifier these are the probabilities, without it the last maps that the parameters reach."""
    images = pictures(2, 64, 64)
    assert np.array_equal(vgg(images), vgg.probabilities(images))
    for last, name in (("conv5_4", "pool5"), ("conv2_2", "pool2")):
        names = [*tiny_params.layers]
        maps = {each: tiny_params.layers[each] for each in names[: names.index(last) + 1]}
        shorter = myvgg.VGG19(replace(tiny_params, layers=maps))
        assert np.array_equal(shorter(images), vgg.features(images, [name])[name])


def test_save_writes_the_present_parameters(vgg: myvgg.VGG19, tiny_params: Params, tmp_path: Path) -> None:
    """A saved network comes back with its parameters, in 32 and 8 bits; other suffixes are refused."""
    for bits, tolerance in ((32, 0), (8, 0.1)):
        vgg.save(tmp_path / "vgg.safetensors", bits=bits)
        found = load(tmp_path / "vgg.safetensors", tiny_params.architecture).layers["conv3_1"]
        assert np.abs(found.kernel - tiny_params.layers["conv3_1"].kernel).max() <= tolerance
    vgg.save(tmp_path / "vgg-8bit.safetensors")
    assert (tmp_path / "vgg-8bit.safetensors").read_bytes() == (tmp_path / "vgg.safetensors").read_bytes()
    with pytest.raises(ValueError, match=r"name it \.safetensors, or use myvgg\.converters\.save"):
        vgg.save(tmp_path / "vgg.h5")


def test_with_classes_draws_a_last_layer(vgg: myvgg.VGG19, tiny_params: Params) -> None:
    """Another network has the new classes with their names, and copies of the other layers; the first one stays."""
    other = vgg.with_classes(5, labels="abcde", trainable=["fc8"], seed=2)
    assert (type(other), other.labels) == (myvgg.VGG19, ("a", "b", "c", "d", "e"))
    assert {label for label, _ in other.top(pictures(1, 64, 64))[0]} == {*"abcde"}
    assert [variable.name for variable in other.trainable_variables] == ["fc8/kernel:0", "fc8/bias:0"]
    assert np.array_equal(other.params.layers["fc7"].kernel, tiny_params.layers["fc7"].kernel)
    assert vgg.probabilities(pictures(1, 64, 64)).shape == (1, 10)
    same = vgg.with_classes(10)
    assert not np.array_equal(same.params.layers["fc8"].kernel, tiny_params.layers["fc8"].kernel)
    with pytest.raises(ValueError, match="labels must be one for each of the 5 classes, not 2"):
        vgg.with_classes(5, labels=("a", "b"))
    with pytest.raises(ValueError, match="classes must be a whole number from 1 on, not 0"):
        vgg.with_classes(0)


def test_representations_are_short(vgg: myvgg.VGG19, tiny_params: Params) -> None:
    """A network and its parameters say what they are in a line, without their arrays."""
    assert repr(vgg) == "VGG19(19 layers, 10 classes, max pooling, random, glorot, seed 1)"
    assert repr(tiny_params) == "Params(tiny, 19 layers, random, glorot, seed 1)"


def test_graphs_share_the_kernels_of_fixed_parameters(tiny_params: Params) -> None:
    """Graphs of `features` hold no kernels of their own, however often they are traced."""

    @tf.function(autograph=False)
    def compute(x: tf.Tensor) -> tf.Tensor:
        return myvgg.features(tiny_params, x, ["relu3_1"])["relu3_1"]

    graphs = [compute.get_concrete_function(tf.TensorSpec([1, side, side, 3])).graph for side in (16, 24)]
    for graph in graphs:
        constants = [operation for operation in graph.get_operations() if operation.type == "Const"]
        assert max(operation.get_attr("value").ByteSize() for operation in constants) < 1000  # a kernel has 2000
    captured = [{id(tensor) for tensor, _ in graph.captures} for graph in graphs]
    assert captured[0] == captured[1]


def test_a_network_is_taken_for_its_parameters(tiny_params: Params) -> None:
    """Functions of parameters take a network as well, and gradients reach its variables."""
    vgg, images = myvgg.VGG19(tiny_params, trainable=True), pictures(2, 64, 64)
    x = myvgg.preprocess(images)
    expected = myvgg.features(tiny_params, x, ["relu2_1"])["relu2_1"]
    assert np.array_equal(myvgg.features(vgg, x, ["relu2_1"])["relu2_1"], expected)
    assert np.array_equal(myvgg.logits(vgg, x), myvgg.logits(tiny_params, x))
    assert np.array_equal(
        myvgg.Extractor(vgg, ["relu2_1"])(images)["relu2_1"], vgg.extractor(["relu2_1"])(images)["relu2_1"]
    )
    assert np.array_equal(myvgg.keras_layer(["relu2_1"], params=vgg)(images), expected)
    with tf.GradientTape() as tape:
        distance = myvgg.perceptual_distance(images[:1], images[1:], layers=["relu2_1"], params=vgg)
    gradient = tape.gradient(distance, vgg.trainable_variables[0])
    assert gradient is not None
    assert np.abs(gradient).max() > 0


def test_drawing_layers_leaves_those_that_are_there(tiny_params: Params) -> None:
    """Another number of classes draws nothing but the last layer."""
    vgg = myvgg.VGG19(tiny_params, num_classes=3)
    changed = [
        n for n, layer in vgg.params.layers.items() if not np.array_equal(layer.kernel, tiny_params.layers[n].kernel)
    ]
    assert changed == ["fc8"]


def test_checkpoint_round_trip(tmp_path: Path, tiny_params: Params) -> None:
    """TensorFlow's own checkpoints save and restore the variables."""
    vgg = myvgg.VGG19(tiny_params, trainable=True)
    path = tf.train.Checkpoint(vgg=vgg).write(str(tmp_path / "checkpoint"))
    other = myvgg.VGG19(random(tiny_params.architecture, seed=9), trainable=True)
    tf.train.Checkpoint(vgg=other).read(path).assert_consumed()
    assert np.array_equal(other.params.layers["conv3_1"].kernel, tiny_params.layers["conv3_1"].kernel)


X = tf.zeros([1, 32, 32, 3])


@pytest.mark.parametrize(
    "x",
    [X[0], X[None], tf.zeros([1, 32, 32, 6]), tf.cast(X, tf.float64), tf.cast(X, tf.uint8), X.numpy()],
    ids=["one picture", "five axes", "six channels", "float64", "uint8", "array"],
)
def test_pure_functions_refuse_other_input(x: Any, tiny_params: Params, unchecked: None) -> None:
    """What `preprocess` does not make is an error, where TensorFlow would crash or compute something else."""
    with pytest.raises(ValueError, match="x must be a float32 tensor"):
        myvgg.features(tiny_params, x, ["relu1_2"])


def test_no_pictures(vgg: myvgg.VGG19) -> None:
    """An empty batch is refused as such."""
    with pytest.raises(ValueError, match="at least one picture"):
        vgg.features(np.zeros((0, 32, 32, 3), np.uint8), ["relu1_1"])


def test_lists_of_pictures_and_names_from_anywhere(vgg: myvgg.VGG19, unchecked: None) -> None:
    """A list of arrays is a batch, and names may come one after the other."""
    images = np.floor(pictures(2, 32, 32)).astype(np.uint8)
    expected = vgg.features(images, ["relu1_1"])["relu1_1"]
    actual = vgg.features(list(images), (name for name in ["relu1_1"]))["relu1_1"]  # type: ignore[arg-type]
    assert np.array_equal(actual, expected)
    with pytest.raises(ValueError, match="no layer None"):
        vgg.features(images, [None])  # type: ignore[list-item]


@pytest.mark.parametrize("shape", [(32, 40), (7, 5), (1, 1), (1, 6), (9, 1), (2, 3)], ids=str)
def test_replicate_padding_repeats_the_border(shape: tuple[int, int], tiny_params: Params) -> None:
    """With `replicate`, conv1_1 sees the border's values beyond it: NumPy's `edge`, then no padding."""
    x = myvgg.preprocess(pictures(1, *shape))
    kernel, bias = tiny_params.layers["conv1_1"]
    around = np.pad(x.numpy(), ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    expected = tf.nn.bias_add(tf.nn.conv2d(around, kernel, 1, "VALID"), bias)
    actual = myvgg.features(tiny_params, x, ["conv1_1"], padding="replicate")["conv1_1"]
    assert actual.shape == (1, *shape, 4)
    assert np.array_equal(actual, expected)


def test_later_layers_are_padded_with_zeros(tiny_params: Params) -> None:
    """With `replicate`, what comes after conv1_1 is computed as ever."""
    x = myvgg.preprocess(pictures(1, 33, 18))
    names = ["relu1_1", "conv1_2", "relu3_2"]
    found = myvgg.features(tiny_params, x, names, padding="replicate")
    second = tf.nn.bias_add(
        tf.nn.conv2d(found["relu1_1"], tiny_params.layers["conv1_2"].kernel, 1, "SAME"),
        tiny_params.layers["conv1_2"].bias,
    )
    assert np.array_equal(found["conv1_2"], second)
    x = tf.nn.max_pool2d(tf.nn.relu(second), 2, 2, "VALID")
    for name in ("conv2_1", "conv2_2", "pool", "conv3_1", "conv3_2"):
        if name == "pool":
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
            continue
        x = tf.nn.relu(
            tf.nn.bias_add(tf.nn.conv2d(x, tiny_params.layers[name].kernel, 1, "SAME"), tiny_params.layers[name].bias)
        )
    assert np.array_equal(found["relu3_2"], x)


def test_replicate_padding_leaves_no_frame(tiny_params: Params) -> None:
    """A picture of one colour is one value per channel at conv1_1 with `replicate`; with zeros its border differs."""
    x = myvgg.preprocess(np.full((1, 9, 8, 3), [200.0, 30.0, 90.0], np.float32))
    flat = myvgg.features(tiny_params, x, ["conv1_1"], padding="replicate")["conv1_1"].numpy()
    framed = myvgg.features(tiny_params, x, ["conv1_1"])["conv1_1"].numpy()
    assert np.allclose(flat, flat[0, 4, 4], rtol=1e-5)
    assert np.allclose(framed[:, 1:-1, 1:-1], flat[:, 1:-1, 1:-1], rtol=1e-5)
    assert not np.allclose(framed[:, 0], flat[:, 0], rtol=0.01)


def test_zero_padding_is_the_default(tiny_params: Params) -> None:
    """Without the option, results are bit-equal to `zero`, and unlike `replicate` at the border."""
    x = myvgg.preprocess(pictures(1, 20, 24))
    default, zero, other = (
        myvgg.features(tiny_params, x, ["relu2_1"], **options)["relu2_1"].numpy()
        for options in ({}, {"padding": "zero"}, {"padding": "replicate"})
    )
    assert np.array_equal(default, zero)
    assert not np.array_equal(default, other)


def test_an_unknown_padding_is_refused(tiny_params: Params, unchecked: None) -> None:
    """Other words than the two are refused with those that are allowed."""
    with pytest.raises(ValueError, match="padding must be one of zero, replicate, not 'reflect'"):
        myvgg.features(tiny_params, X, ["relu1_1"], padding="reflect")  # type: ignore[arg-type]


def test_features_are_float32_whatever_the_kernels(tiny_params: Params) -> None:
    """With kernels in bfloat16, the network computes in it and returns float32."""
    layers = {
        n: LayerParams(*(tf.cast(tf.constant(p), tf.bfloat16) for p in layer))
        for n, layer in tiny_params.layers.items()
    }
    actual = myvgg.features(replace(tiny_params, layers=layers), X + 50, ["relu1_1"])["relu1_1"]
    assert actual.dtype == tf.float32
    assert np.array_equal(actual, tf.cast(tf.cast(actual, tf.bfloat16), tf.float32))  # no digits beyond bfloat16's
    expected = myvgg.features(tiny_params, X + 50, ["relu1_1"])["relu1_1"]
    assert np.allclose(actual, expected, rtol=0, atol=0.02 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("trainable", "message"),
    [
        (["fc8"], "trainable must name fc6, fc7, fc8, which are drawn anew, not only fc8: name fc6, fc7 too"),
        (["block5"], "name fc6, fc7, fc8 too, or load weights with the classifier"),
    ],
)
def test_nothing_is_trained_on_noise(trainable: list[str], message: str, tiny_params: Params) -> None:
    """Where dense layers are drawn, all of them must be trained, or nothing at all."""
    maps = {name: layer for name, layer in tiny_params.layers.items() if name.startswith("conv")}
    params = replace(tiny_params, layers=maps, labels=())
    for make in (
        lambda: myvgg.VGG19(params, num_classes=3, trainable=trainable),
        lambda: myvgg.VGG19(params).with_classes(3, trainable=trainable),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    assert len(myvgg.VGG19(params, num_classes=3, trainable=["fc6", "fc7", "fc8"]).trainable_variables) == 6
    assert myvgg.VGG19(params, num_classes=3).trainable_variables == ()


def test_blocks_are_trained(tiny_params: Params) -> None:
    """The name of a block stands for its layers."""
    names = [v.name.split("/")[0] for v in myvgg.VGG19(tiny_params, trainable=["block5", "fc8"]).trainable_variables]
    assert sorted({*names}) == ["conv5_1", "conv5_2", "conv5_3", "conv5_4", "fc8"]


def test_origin_tells_what_was_changed(tiny_params: Params, tmp_path: Path) -> None:
    """What is drawn or trainable is not said to be the file's; the notes tell of what it was made, also when stored."""
    source = Origin(file="vgg19.mat", sha256="ab12", generation="MatConvNet", notes=("rounded",), license="CC BY")
    vgg = myvgg.VGG19(replace(tiny_params, origin=source))
    assert vgg.params.origin == source
    other = vgg.with_classes(3, trainable=["fc7", "fc8"], seed=4)
    made = other.params.origin
    assert (made.file, made.sha256, made.generation, made.license) == ("", "", "changed after loading", "CC BY")
    assert made.notes == ("rounded", "made of MatConvNet, vgg19.mat, ab12", "fc8 drawn, seed 4", "fc7, fc8 trainable")
    other.save(tmp_path / "a.safetensors")
    assert load(tmp_path / "a.safetensors", tiny_params.architecture).origin == made


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (pictures(1, 8, 8) / 127.5 - 1, r"images must be from 0 to 255, not -0\.9"),
        (pictures(1, 8, 8) - 110, "images must be from 0 to 255, not -1"),
        (np.full((1, 8, 8, 3), np.nan), "images must be from 0 to 255, not nan"),
        (np.full((1, 8, 8, 3), np.inf), "images must be from 0 to 255, not inf"),
        (pictures(1, 8, 8) * 257.0, r"images must be from 0 to 255, not .* to 65\d\d\d"),
        (np.zeros((1, 8, 8, 4), np.uint8), r"take images\[\.\.\., :3\], or myvgg\.images\.as_picture"),
        (np.zeros((1, 3, 8, 8), np.uint8), "move the channels last"),
        ([np.zeros((8, 8, 3)), np.zeros((8, 9, 3))], r"one size, not the shapes \(8, 8, 3\), \(8, 9, 3\): resize"),
        (tf.ragged.constant([[[[1.0, 2, 3]]], [[[1.0, 2, 3], [1.0, 2, 3]]]]), "one size, not be a RaggedTensor"),
        ("cat.jpg", r"images must be arrays or tensors, not str: myvgg\.images\.load reads a file"),
        (None, "images must be arrays or tensors, not NoneType"),
    ],
    ids=[
        "-1 to 1",
        "preprocessed",
        "nan",
        "inf",
        "16 bits",
        "rgba",
        "channels first",
        "two sizes",
        "ragged",
        "path",
        "none",
    ],
)
def test_pictures_that_are_none(images: Any, message: str, vgg: myvgg.VGG19) -> None:
    """Numbers that are no colours, and objects that are no pictures, are refused with what helps, in every door."""
    for door in (
        lambda: vgg.features(images, ["relu1_1"]),
        lambda: vgg.extractor(["relu1_1"])(images),
        lambda: myvgg.perceptual_distance(images, images, layers=["relu1_1"], params=vgg),
    ):
        with pytest.raises(ValueError, match=message):
            door()


def test_a_symbolic_tensor_of_keras_is_refused(vgg: myvgg.VGG19) -> None:
    """A model of Keras takes the layer, and the error says so."""
    import keras

    with pytest.raises(ValueError, match=r"not a symbolic tensor of Keras: use myvgg\.keras_layer"):
        vgg.features(keras.Input((8, 8, 3)), ["relu1_1"])


def test_pictures_from_0_to_1_are_warned_of_once(vgg: myvgg.VGG19) -> None:
    """One warning points to the caller's line; rounding errors below 0 and black pictures are none."""
    with pytest.warns(UserWarning, match="from 0 to 255, but none is above 1: .* multiply by 255") as caught:
        _ = [vgg.features(pictures(1, 8, 8) / 255, ["relu1_1"]) for _ in range(3)]
    assert [warning.filename for warning in caught] == [__file__]
    vgg.features(np.zeros((1, 8, 8, 3)), ["relu1_1"])
    vgg.features(pictures(1, 8, 8) - 0.4, ["relu1_1"])
    vgg.features(np.ones((1, 8, 8, 3), np.uint8), ["relu1_1"])


@pytest.mark.parametrize(
    "make",
    [
        myvgg.VGG19,
        lambda params: myvgg.Extractor(params, ["relu1_1"]),
        lambda params: myvgg.PerceptualDistance(layers=["relu1_1"], params=params),
    ],
    ids=["network", "extractor", "distance"],
)
def test_graphs_of_version_1_are_refused(make: Callable[[Params], Any], tiny_params: Params) -> None:
    """Without eager execution, the error names what to remove."""
    with tf.Graph().as_default(), pytest.raises(RuntimeError, match=r"remove tf\.compat\.v1\.disable_eager_execution"):
        make(tiny_params)


@pytest.mark.parametrize("params", ["bundled", 3], ids=str)
def test_parameters_of_another_type(params: Any, unchecked: None) -> None:
    """A name in place of parameters is refused with the function that takes names."""
    with pytest.raises(
        ValueError, match=rf"needs parameters, not {'.bundled.' if params != 3 else 'int'}: VGG19\.load"
    ):
        myvgg.VGG19(params)
