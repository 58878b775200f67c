"""The perceptual distance, beside loops over positions, and its gradient beside differences."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import tensorflow as tf

import myvgg
from myvgg.params import Params
from tests.keras_models import pictures

LAYERS = ("relu1_2", "relu3_2")


def by_loops(a: np.ndarray, b: np.ndarray, params: Params) -> list[float]:
    """Compute the distance of pairs position by position."""
    found = []
    for first, second in zip(a, b, strict=True):
        total = 0.0
        for layer in LAYERS:
            maps = [
                myvgg.VGG19(params).features(image, [layer])[layer].numpy()[0].astype(float)
                for image in (first, second)
            ]
            squares = []
            for f, g in zip(*(m.reshape(-1, m.shape[-1]) for m in maps), strict=True):
                f, g = (v / np.linalg.norm(v) if v.any() else v for v in (f, g))
                squares.append(np.sum((f - g) ** 2))
            total += float(np.mean(squares))
        found.append(total)
    return found


def test_equals_loops(tiny_params: Params) -> None:
    """Each pair has the mean over positions, summed over layers."""
    a, b = pictures(3, 21, 18, seed=1), pictures(3, 21, 18, seed=2)
    actual = myvgg.perceptual_distance(a, b, layers=LAYERS, params=tiny_params)
    np.testing.assert_allclose(actual, by_loops(a, b, tiny_params), rtol=1e-4)


def test_equal_pictures_have_none(tiny_params: Params) -> None:
    """The distance of a picture to itself is zero, that of others grows with noise."""
    a = pictures(1, 40, 40, seed=1)
    noise = np.random.default_rng(0).standard_normal(a.shape).astype(np.float32)
    noisy = [np.clip(a + level * noise, 0, 255) for level in (0, 5, 20, 80)]
    found = [float(myvgg.perceptual_distance(a, b, layers=LAYERS, params=tiny_params)[0]) for b in noisy]
    assert found[0] == 0
    assert found == sorted(found)
    assert found[1] > 0


def test_one_to_compare_all_with(tiny_params: Params) -> None:
    """A single picture is compared with each of a batch, in either place, also as uint8."""
    batch, one = pictures(3, 16, 16, seed=1), pictures(1, 16, 16, seed=2).astype(np.uint8)
    expected = myvgg.perceptual_distance(batch, np.repeat(one, 3, axis=0), layers=LAYERS, params=tiny_params)
    for a, b in ((batch, one), (batch, one[0]), (one[0], batch)):
        actual = myvgg.perceptual_distance(a, b, layers=LAYERS, params=tiny_params)
        np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_gradient_equals_differences(tiny_params: Params) -> None:
    """A step along the gradient changes the distance by what the gradient says."""
    a, b = (tf.constant(pictures(1, 17, 20, seed=seed)) for seed in (1, 2))

    def distance(image: tf.Tensor) -> tf.Tensor:
        return myvgg.perceptual_distance(image, b, layers=LAYERS, params=tiny_params)[0]

    with tf.GradientTape() as tape:
        tape.watch(a)
        value = distance(a)
    gradient = tape.gradient(value, a)
    step = 0.05 * gradient / tf.norm(gradient)
    change = float(distance(a + step) - distance(a - step))
    assert change == pytest.approx(2 * 0.05 * float(tf.norm(gradient)), rel=0.03)


def test_black_pictures_have_a_gradient(tiny_params: Params) -> None:
    """Where nothing answers, the gradient is a number."""
    silent = {n: myvgg.LayerParams(k, np.full_like(b, -1e6)) for n, (k, b) in tiny_params.layers.items()}
    params = Params(silent, architecture=tiny_params.architecture)
    a = tf.Variable(np.zeros((1, 8, 8, 3), np.float32))
    with tf.GradientTape() as tape:
        value = myvgg.perceptual_distance(tf.convert_to_tensor(a), pictures(1, 8, 8), layers=LAYERS, params=params)[0]
    assert float(value) == 0
    assert np.all(tape.gradient(value, a).numpy() == 0)


@pytest.mark.slow
def test_trains_a_keras_model(tiny_params: Params) -> None:
    """As the loss of `model.fit`, it brings a model's pictures nearer to what they shall be."""
    import keras

    keras.utils.set_random_seed(0)  # which shuffles
    target = pictures(4, 16, 16, seed=3)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(3, 1, activation="sigmoid", kernel_initializer="zeros"),
            keras.layers.Rescaling(255),
        ]
    )

    model.compile(keras.optimizers.Adam(0.02), myvgg.PerceptualLoss(layers=LAYERS, params=tiny_params))
    losses = model.fit(target / 255, target, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]


def test_what_does_not_go_together(tiny_params: Params) -> None:
    """Other sizes, other numbers of pictures, and dense layers are refused."""
    a = pictures(2, 16, 16)
    for b, layers, message in (
        (pictures(2, 16, 18), LAYERS, "a and b must have one shape"),
        (pictures(3, 16, 16), LAYERS, "a and b must have one shape"),
        (a, ("relu9_1",), "no layer"),
    ):
        with pytest.raises(ValueError, match=message):
            myvgg.perceptual_distance(a, b, layers=layers, params=tiny_params)
    with pytest.raises(ValueError, match="layers must be maps"):
        myvgg.perceptual_distance(pictures(1, 64, 64), pictures(1, 64, 64), layers=("fc6",), params=tiny_params)


def test_an_object_binds_its_weights_once(tiny_params: Params) -> None:
    """The object gives what the function gives, holds the layers that it needs, and follows a network."""
    a, b = pictures(2, 16, 16, seed=1), pictures(2, 16, 16, seed=2)
    distance = myvgg.PerceptualDistance(layers=LAYERS, params=tiny_params)
    assert np.array_equal(distance(a, b), myvgg.perceptual_distance(a, b, layers=LAYERS, params=tiny_params))
    assert len(distance.variables) == 12
    vgg = myvgg.VGG19(tiny_params)
    distance = myvgg.PerceptualDistance(layers=LAYERS, params=vgg)
    before = distance(a, b).numpy()
    vgg.bound_params.layers["conv1_1"].kernel.assign(tiny_params.layers["conv1_1"].kernel[::-1])
    assert not np.array_equal(distance(a, b), before)


def test_unknown_sizes(tiny_params: Params) -> None:
    """In a graph for pictures of any number and size, the distance is that of the pictures that come."""
    distance = myvgg.PerceptualDistance(layers=LAYERS, params=tiny_params)
    unknown = tf.TensorSpec([None, None, None, 3], tf.float32)
    compiled = tf.function(distance, input_signature=[unknown, unknown], autograph=False)
    for number, of_b in ((1, 1), (3, 3), (3, 1)):
        a, b = pictures(number, 20, 17, seed=1), pictures(of_b, 20, 17, seed=2)
        np.testing.assert_allclose(compiled(a, b), distance(a, b), rtol=1e-5)


def test_a_loss_of_keras_knows_its_weights_again() -> None:
    """A stored loss finds weights by their name, and refuses others than it was made with."""
    a, b = pictures(1, 16, 16, seed=1), pictures(1, 16, 16, seed=2)
    loss = myvgg.PerceptualLoss("random", layers=LAYERS)
    value = float(loss(a, b))
    config = loss.get_config()
    del loss
    gc.collect()
    assert float(myvgg.PerceptualLoss.from_config(config)(a, b)) == value
    gc.collect()
    with pytest.raises(myvgg.WeightsError, match=r"load it with compile=False, and compile it with myvgg\.Perceptual"):
        myvgg.PerceptualLoss.from_config({**config, "source": "bundled"})(a, b)
