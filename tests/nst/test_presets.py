"""Presets reproduce the programs they are named after, and settings survive TOML.

Each program's objective is written here as its own code computes it, in its own units of pixels, on plain operations.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from myvgg.nst import presets, pyramid, tables
from myvgg.nst.encoder import Encoder
from myvgg.nst.losses import content_loss, gram_loss, moments
from myvgg.nst.optimizers import OPTIMIZERS
from myvgg.nst.pyramid import first_image
from myvgg.nst.settings import SETTINGS, Layers, Settings
from myvgg.nst.targets import make_targets
from myvgg.params import Params
from tests.nst.reference import losses

TOLERANCE = 1e-5
"""Of the loss, and of the gradient relative to its norm: the same convolutions, summed in float32 in another order."""

STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
BGR_MEAN = np.array([103.939, 116.779, 123.68], np.float32)
TORCHVISION_MEAN = np.array([123.675, 116.28, 103.53], np.float32)


# The network, for kernels in Keras' layout


def run_network(params: Params, x: tf.Tensor, pool: Callable[[tf.Tensor], tf.Tensor]) -> dict[str, tf.Tensor]:
    """Compute all rectified maps of an input that the first kernel takes as it is."""
    maps = {}
    for block, depth in enumerate((2, 2, 4, 4, 4), start=1):
        for i in range(1, depth + 1):
            kernel, bias = params.layers[f"conv{block}_{i}"]
            x = tf.nn.relu(tf.nn.conv2d(x, tf.constant(kernel), strides=1, padding="SAME") + bias)
            maps[f"relu{block}_{i}"] = x
        if block < 5:
            x = pool(x)
    return maps


def with_rgb_kernel(params: Params) -> Params:
    """Turn the first kernel around to take R, G, B, as MatConvNet's and torchvision's files have it."""
    kernel, bias = params.layers["conv1_1"]
    return replace(
        params, layers={**params.layers, "conv1_1": type(params.layers["conv1_1"])(kernel[:, :, ::-1], bias)}
    )


def max_pool(x: tf.Tensor) -> tf.Tensor:
    """Keras' and torchvision's pool."""
    return tf.nn.max_pool2d(x, 2, 2, "VALID")


def avg_pool(x: tf.Tensor) -> tf.Tensor:
    """The pool of the TensorFlow 1 program."""
    return tf.nn.avg_pool2d(x, 2, 2, "SAME")


# The programs' objectives: from pixels in their units to their loss


def tutorial(content_weight: float, style_weight: float, tv_weight: float, content_layer: str = "relu5_2") -> Any:
    """The tutorial's and pixforgeon's loss of pixels from 0 to 1."""

    def features(params: Params, image: tf.Tensor) -> dict[str, tf.Tensor]:
        return run_network(params, (image * 255.0)[..., ::-1] - BGR_MEAN, max_pool)

    def gram_matrix(maps: tf.Tensor) -> tf.Tensor:
        locations = tf.cast(maps.shape[1] * maps.shape[2], tf.float32)
        return tf.linalg.einsum("bijc,bijd->bcd", maps, maps) / locations

    def loss(params: Params, image: tf.Tensor, content: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
        outputs, content_maps, style_maps = (features(params, each) for each in (image, content, style))
        grams = [(gram_matrix(outputs[layer]), gram_matrix(style_maps[layer])) for layer in STYLE]
        style_term = tf.add_n([tf.reduce_mean((one - other) ** 2) for one, other in grams]) * (style_weight / 5)
        content_term = tf.reduce_mean((outputs[content_layer] - content_maps[content_layer]) ** 2) * content_weight
        return style_term + content_term + tv_weight * tf.image.total_variation(image)[0]

    return loss


def course(alpha: float, beta: float, content_layer: str, features: Callable[..., Any]) -> Any:
    """The deep learning course's loss, whatever the network is fed with."""

    def unrolled_gram(maps: tf.Tensor) -> tf.Tensor:
        rows = tf.transpose(tf.reshape(maps, [-1, maps.shape[-1]]))
        return tf.matmul(rows, tf.transpose(rows))

    def style_cost(generated: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
        _, height, width, channels = generated.shape
        difference = unrolled_gram(generated) - unrolled_gram(style)
        return tf.reduce_sum(tf.square(difference)) / (4 * channels**2 * float(height * width) ** 2)

    def loss(params: Params, image: tf.Tensor, content: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
        outputs, content_maps, style_maps = (features(params, each) for each in (image, content, style))
        _, height, width, channels = outputs[content_layer].shape
        squares = tf.reduce_sum(tf.square(outputs[content_layer] - content_maps[content_layer]))
        style_term = sum(0.2 * style_cost(outputs[layer], style_maps[layer]) for layer in STYLE)
        return alpha * squares / (4 * height * width * channels) + beta * style_term

    return loss


def matconvnet(params: Params, z: tf.Tensor) -> dict[str, tf.Tensor]:
    """The TensorFlow 1 program's network: R, G, B less the mean on R, G, B kernels, average pools that round up."""
    return run_network(with_rgb_kernel(params), z, avg_pool)


def raw_keras(params: Params, image: tf.Tensor) -> dict[str, tf.Tensor]:
    """Keras' network fed with R, G, B from 0 to 1 where it wants B, G, R."""
    return run_network(params, image, max_pool)


def torchvision(content_weight: float, style_weight: float, tv_weight: float) -> Any:
    """The PyTorch program's loss of R, G, B from 0 to 255 less its mean, with maps and Grams as PyTorch lays them."""

    def gram_matrix(maps: tf.Tensor) -> tf.Tensor:
        _, height, width, channels = maps.shape
        rows = tf.reshape(tf.transpose(maps, [0, 3, 1, 2]), [1, channels, height * width])
        return tf.matmul(rows, rows, transpose_b=True) / (channels * height * width)

    def loss(params: Params, z: tf.Tensor, content: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
        params = with_rgb_kernel(params)
        outputs, content_maps, style_maps = (run_network(params, each, max_pool) for each in (z, content, style))
        content_term = tf.reduce_mean(tf.square(content_maps["relu4_2"] - outputs["relu4_2"]))
        grams = [(gram_matrix(style_maps[layer]), gram_matrix(outputs[layer])) for layer in STYLE]
        style_term = sum(tf.reduce_sum(tf.square(one - other)) for one, other in grams) / len(grams)
        variation = tf.reduce_sum(tf.abs(z[:, :, :-1] - z[:, :, 1:])) + tf.reduce_sum(tf.abs(z[:, :-1] - z[:, 1:]))
        return content_weight * content_term + style_weight * style_term + tv_weight * variation

    return loss


class Program(NamedTuple):
    """One of the programs.

    Attributes:
        loss: Of parameters, image, content and style, the pictures in its units.
        scale: Its units for the range of pixels: 1 or 255.
        mean: R, G, B, what it subtracts from pixels once for all.
        one_size: Whether it brings style and content to the same size.
        iterations: How many steps it makes.
        adam: Its learning rate, betas and epsilon in its units, where it has Adam.
    """

    loss: Any
    scale: float
    mean: np.ndarray
    one_size: bool
    iterations: int
    adam: tuple[float, float, float, float] | None = None


NO_MEAN = np.zeros(3, np.float32)
PROGRAMS = {
    "pixforgeon": Program(tutorial(1e5, 1e1, 10), 1, NO_MEAN, False, 400, (0.01, 0.99, 0.999, 0.1)),
    "pixforgeon-initial": Program(tutorial(1e4, 1e-2, 30), 1, NO_MEAN, False, 400, (0.01, 0.99, 0.999, 0.1)),
    "tf-tutorial": Program(tutorial(1e4, 1e-2, 30), 1, NO_MEAN, False, 1000, (0.02, 0.99, 0.999, 0.1)),
    "gatys-tf1": Program(
        course(100, 50, "relu5_2", matconvnet), 255, BGR_MEAN[::-1], True, 200, (2.0, 0.9, 0.999, 1e-8)
    ),
    "gatys-tf1-initial": Program(
        course(100, 5, "relu4_2", matconvnet), 255, BGR_MEAN[::-1], True, 200, (2.0, 0.9, 0.999, 1e-8)
    ),
    "kyungoh": Program(course(10, 1000, "relu5_4", raw_keras), 1, NO_MEAN, True, 101, (0.05, 0.9, 0.999, 1e-7)),
    "lbfgs-gatys": Program(torchvision(1e5, 3e4, 1), 255, TORCHVISION_MEAN, False, 1000),
}


def pictures(seed: int, *, height: int = 51, width: int = 42) -> tf.Tensor:
    """Draw soft waves with some noise, R, G, B, 0 to 255; the sides are odd after one pool and after two."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width][..., None]
    a, b, phase = rng.uniform(0.1, 0.6, (3, 3))
    waves = 127.5 + 100 * np.sin(a * y + b * x + 9 * phase) + rng.uniform(-20, 20, (height, width, 3))
    return tf.constant(waves[None], tf.float32)


def check_objective(name: str, params: Params) -> None:
    """Compare loss and gradient of a preset and of its program."""
    program, settings = PROGRAMS[name], Settings.preset(name)
    image, content = pictures(1), pictures(2)
    style = pictures(3) if program.one_size else pictures(3, height=40, width=57)

    network = Encoder(params, settings)
    targets = make_targets(network, content, [style], settings)
    with tf.GradientTape() as tape:
        tape.watch(image)
        terms = losses(network, image, targets, settings)
    gradient = tape.gradient(terms.total, image).numpy() * 255  # by pixels from 0 to 1

    theirs = [program.scale * each / 255 - program.mean for each in (image, content, style)]
    with tf.GradientTape() as tape:
        tape.watch(theirs[0])
        loss = program.loss(params, *theirs)
    expected = tape.gradient(loss, theirs[0]).numpy() * program.scale

    assert float(terms.total) == pytest.approx(float(loss), rel=TOLERANCE)
    assert np.linalg.norm(gradient - expected) <= TOLERANCE * np.linalg.norm(expected)


@pytest.mark.parametrize("name", PROGRAMS)
def test_presets_reproduce_the_objective_of_their_program(name: str, tiny_params: Params) -> None:
    """Loss and gradient of a picture are those of the program's own code, in all its units."""
    check_objective(name, tiny_params)


@pytest.mark.parametrize("name", PROGRAMS)
def test_presets_reproduce_the_objective_with_trained_weights(name: str, trained: Params) -> None:
    """So they are with the network that the programs use, where terms differ by many orders of magnitude."""
    check_objective(name, trained)


# The four-times identity


def layer_losses(features: np.ndarray, target: np.ndarray) -> dict[str, tuple[float, float]]:
    """Compute the content and the style loss of one layer as each program does, in float64."""
    _, height, width, channels = features.shape
    rows, others = (each.astype(np.float64).reshape(-1, channels) for each in (features, target))
    positions = height * width
    sums = rows.T @ rows, others.T @ others
    means = sums[0] / positions, sums[1] / positions
    by_size = sums[0] / (channels * positions), sums[1] / (channels * positions)
    content_mean = ((rows - others) ** 2).mean()
    content_course = ((rows - others) ** 2).sum() / (4 * height * width * channels)
    style_course = ((sums[0] - sums[1]) ** 2).sum() / (4 * channels**2 * positions**2)
    style_tutorial = ((means[0] - means[1]) ** 2).mean()
    return {
        "pixforgeon": (content_mean, style_tutorial),
        "tf-tutorial": (content_mean, style_tutorial),
        "lbfgs-gatys": (content_mean, ((by_size[0] - by_size[1]) ** 2).sum()),
        "gatys-tf1": (content_course, style_course),
        "kyungoh": (content_course, style_course),
    }


@pytest.mark.parametrize("shape", [(1, 6, 9, 16), (1, 1, 1, 3), (1, 7, 5, 1)], ids=str)
def test_all_losses_are_one_loss(shape: tuple[int, ...]) -> None:
    """For maps of one size, the tutorial's losses are ours and the PyTorch program's, and four times the course's."""
    rng = np.random.default_rng(8)
    features, target = (np.maximum(rng.normal(1, 3, shape), 0).astype(np.float32) for _ in range(2))
    found = layer_losses(features, target)
    ours = [tf.constant(each) for each in (features, target)]
    content = float(content_loss(*ours))
    style = float(gram_loss(*(moments(each).second for each in ours)))
    for name, (their_content, their_style) in found.items():
        factor = 4 if name in ("gatys-tf1", "kyungoh") else 1
        assert (content, style) == pytest.approx((factor * their_content, factor * their_style), rel=TOLERANCE)


def test_sums_over_positions_are_not_comparable_across_sizes() -> None:
    """A texture laid twice has no style loss against itself in means over positions, but one in the course's sums."""
    texture = tf.constant(np.random.default_rng(9).normal(0, 1, (1, 4, 6, 5)).astype(np.float32))
    twice = tf.concat([texture, texture], 1)
    once_gram, twice_gram = moments(texture).second, moments(twice).second
    assert float(gram_loss(twice_gram, once_gram)) <= TOLERANCE * float(tf.reduce_mean(once_gram**2))
    assert float(gram_loss(48 * twice_gram, 24 * once_gram)) / 48**2 > 0.1 * float(tf.reduce_mean(once_gram**2))


# Steps and starts


@pytest.mark.parametrize("name", [name for name, program in PROGRAMS.items() if program.adam])
@pytest.mark.parametrize("size", [1e-9, 1e-6, 1e-2, 1e3])
def test_presets_reproduce_the_steps_of_their_program(name: str, size: float) -> None:
    """In the program's units, pixels go where Keras' Adam takes them, for gradients around epsilon and far from it."""
    program, settings = PROGRAMS[name], Settings.preset(name)
    assert program.adam is not None
    start = pictures(4, height=2, width=3) / 255
    slopes = size * np.random.default_rng(5).normal(0, 1, (6, *start.shape)).astype(np.float32)
    rate, beta1, beta2, epsilon = program.adam
    theirs = keras.Variable(program.scale * start - program.mean)
    reference = keras.optimizers.Adam(rate, beta_1=beta1, beta_2=beta2, epsilon=epsilon)
    make, state = OPTIMIZERS[settings.optimizer]
    ours = make(state(start.numpy()), settings)
    for slope in slopes:
        gradient = slope * np.float32(program.scale)  # by the program's units; by ours they are steeper by its scale
        ours.tell(float(np.sum(gradient * ours.ask())), gradient)
        reference.apply([tf.constant(slope)], [theirs])
        if settings.clip == "step":
            theirs.assign(tf.clip_by_value(theirs.value, 0, 1))
        moved = (theirs.numpy() + program.mean) / program.scale
        assert np.allclose(ours.picture, moved, rtol=0, atol=TOLERANCE)


def test_the_tensorflow_1_program_starts_from_weak_noise() -> None:
    """Less the mean colour, its first picture is 0.6 of the content and 0.4 of uniform noise from -20 to 20."""
    content = pictures(6, height=40, width=50).numpy()[0]
    first = first_image(content, None, Settings.preset("gatys-tf1"))
    noise = ((first - BGR_MEAN[::-1]) - 0.6 * (content - BGR_MEAN[::-1])) / 0.4
    assert np.abs(noise).max() == pytest.approx(20, abs=0.1)
    assert noise.std() == pytest.approx(20 / 3**0.5, rel=0.02)
    assert np.abs(noise.mean((0, 1))).max() < 1.0


def test_kyungoh_starts_from_the_content_with_noise() -> None:
    """Its first picture is the content and uniform noise of a quarter of the range, cut off at the range's ends."""
    content = np.full((40, 50, 3), 100, np.float32)
    noise = (first_image(content, None, Settings.preset("kyungoh")) - content) / 255
    assert np.abs(noise).max() == pytest.approx(0.25, abs=1e-3)
    assert noise.std() == pytest.approx(0.25 / 3**0.5, rel=0.02)
    bright = first_image(np.full((4, 5, 3), 250, np.float32), None, Settings.preset("kyungoh"))
    assert bright.max() == 255


@pytest.mark.parametrize("name", ["pixforgeon", "pixforgeon-initial", "tf-tutorial", "lbfgs-gatys"])
def test_others_start_from_the_content(name: str) -> None:
    """The first picture is the content itself."""
    content = pictures(6).numpy()[0]
    assert np.array_equal(first_image(content, None, Settings.preset(name)), content)


SIZES = {
    "pixforgeon": (512, 512, "bilinear"),
    "pixforgeon-initial": (512, 512, "bilinear"),
    "tf-tutorial": (512, 512, "bilinear"),
    "gatys-tf1": ("800x600", "800x600", "bilinear"),
    "gatys-tf1-initial": ("800x600", "800x600", "bilinear"),
    "kyungoh": ("400x400", "400x400", "antialias"),
    "lbfgs-gatys": ("x400", "x400", "cubic"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_presets_keep_sizes_and_counts(name: str) -> None:
    """One scale of the program's size and steps, for both pictures, whose last picture is kept, seen in float32."""
    settings = Settings.preset(name)
    assert (settings.size, settings.style_size, settings.resize) == SIZES[name]
    assert (settings.iterations, settings.scales, settings.average) == (PROGRAMS[name].iterations, 1, 0)
    assert settings.optimizer == ("adam" if PROGRAMS[name].adam else "lbfgs")
    ends = ("gatys-tf1", "gatys-tf1-initial", "lbfgs-gatys")
    assert (settings.precision, settings.clip) == ("float32", "end" if name in ends else "step")


def test_lbfgs_keeps_a_hundred_pairs() -> None:
    """The PyTorch program's L-BFGS has PyTorch's default history."""
    assert Settings.preset("lbfgs-gatys").history == 100


def test_gatys_is_the_papers_method() -> None:
    """Gram matrices of the paper's layers with equal weights, average pools, L-BFGS, white noise, no smoothing."""
    settings = Settings.preset("gatys")
    assert settings.content_layers.shares == {"relu4_2": 1}
    assert settings.style_layers.shares == dict.fromkeys(STYLE, 1 / 5)
    assert (settings.style_loss, settings.pooling, settings.optimizer) == ("gram", "avg", "lbfgs")
    assert (settings.init, settings.tv_weight, settings.scales) == ("noise", 0, 1)


# Methods that match features


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the cosine distances of all pairs of rows."""
    one, other = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (one, other))
    return 1 - one @ other.T


def features_at(maps: dict[str, Any], rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the features of several layers at pixels, one a row, for a picture of 64 x 48 pixels."""
    found = []
    for each in maps.values():
        stride = 64 // each.shape[1]
        found.append(np.asarray(each, np.float64)[0, rows // stride, columns // stride])
    return np.concatenate(found, 1)


def test_strotss_has_the_published_objective(trained: Params) -> None:
    """On given positions: alpha times self-similarity, both one-sided means, moments, and the palette over alpha."""
    settings = replace(Settings.preset("strotss"), precision="float32")
    content, style, image = (pictures(seed, height=64, width=48) for seed in (1, 2, 3))
    encoder = Encoder(trained, settings)
    targets = make_targets(encoder, content, [style], settings)
    assert targets.sampling is not None
    layers = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu4_3", "relu5_3")
    drawn = targets.sampling.draw(4, (64, 48)).joint[0]
    assert len(drawn.rows) == 1024
    columns = []
    for picture, (rows, across) in (
        (image, drawn[:2]),
        (content, drawn[:2]),
        (style, np.divmod(np.arange(64 * 48), 48)),
    ):
        colors = picture.numpy()[0, rows, across].astype(np.float64) / 255 - 0.5
        columns.append(np.hstack([colors, features_at(encoder(picture, layers), rows, across)]))
    x, c, y = columns
    assert x.shape == (1024, 2179)

    tables = [each / each.sum(0) for each in (cosines(x, x), cosines(c, c))]
    similarity = np.abs(tables[0] - tables[1]).mean() * 1024
    costs = cosines(x, y)
    mover = max(costs.min(0).mean(), costs.min(1).mean())
    moments_of = [(each.mean(0), np.cov(each.T, bias=True)) for each in (x, y)]
    spread = sum(np.abs(one - other).mean() for one, other in zip(*moments_of, strict=True))
    matrix = np.array([[0.577350] * 3, [-0.577350, 0.788675, -0.211325], [-0.577350, -0.211325, 0.788675]])
    colors, palette = (each[:, :3] @ matrix.T for each in (x, y))
    squares = ((colors[:, None] - palette) ** 2).sum(-1)
    costs = cosines(colors, palette) + np.sqrt(np.clip(squares, 1e-5, 1e5) / 3)
    shades = max(costs.min(0).mean(), costs.min(1).mean())

    found = losses(encoder, image, targets, settings, step=4)
    assert float(found.content) == pytest.approx(similarity, rel=1e-3)
    assert float(found.style) == pytest.approx(mover + spread + shades / 16, rel=1e-3)
    assert float(found.total) == pytest.approx(16 * similarity + mover + spread + shades / 16, rel=1e-3)


def test_nnst_has_the_published_objective(trained: Params) -> None:
    """The mean of 1 - cos from fixed matches, which were found by centred cosines, of maps over their channels."""
    settings = replace(Settings.preset("nnst"), precision="float32")
    content, style, image = (pictures(seed, height=64, width=48) for seed in (1, 2, 3))
    encoder = Encoder(trained, settings)
    targets = make_targets(encoder, content, [style], settings)
    layers = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", *(f"relu{b}_{i}" for b in (3, 4) for i in (1, 2, 3)))

    def columns(picture: tf.Tensor) -> np.ndarray:
        parts = []
        for each in encoder(picture, layers).values():
            maps = np.asarray(each, np.float64)[0] / each.shape[-1]
            side = maps.shape[0] // 16
            maps = maps.reshape(16, side, 12, side, -1).mean((1, 3)) if side else maps.repeat(2, 0).repeat(2, 1)
            parts.append(maps.reshape(16 * 12, -1))
        return np.concatenate(parts, 1)

    x, c, y = map(columns, (image, content, style))
    nearest = cosines(c - c.mean(0), y - y.mean(0)).argmin(1)
    expected = np.diag(cosines(x, y[nearest])).mean()
    found = losses(encoder, image, targets, settings)
    assert float(found.total) == float(found.style) == pytest.approx(expected, rel=1e-3)

    last = settings.of_last_pass
    targets = make_targets(encoder, content, [style], last)
    assert targets.sampling is not None
    drawn = targets.sampling.draw(7, (64, 48)).split[0]
    expected = 0.0
    for layer, maps in encoder(image, layers).items():
        x = features_at({layer: maps}, drawn[layer].rows, drawn[layer].columns)
        y = np.asarray(encoder(style, [layer])[layer], np.float64).reshape(-1, maps.shape[-1])
        assert len(x) == len(y) <= 64 * 64
        expected += cosines(x - x.mean(0), y - y.mean(0)).min(1).mean()
    assert float(losses(encoder, image, targets, last, step=7).total) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", ["strotss", "nnst"])
def test_methods_that_match_features_have_their_schedule(name: str, trained: Params) -> None:
    """Sizes double from 64 to 512 pixels with 200 steps each, on a pyramid, without total variation and averages."""
    settings = Settings.preset(name)
    sizes = pyramid.sizes(400, 300, settings, trained.architecture)
    assert [width for width, _ in sizes] == [64, 128, 256, 512] + [512] * (name == "nnst")
    assert pyramid.steps(sizes, settings) == [200] * len(sizes)
    assert (settings.parameters, settings.learning_rate, settings.optimizer) == ("pyramid", 2e-3, "adam")
    assert (settings.tv_weight, settings.average) == (0, 0)
    decayed = [settings.content_weight * settings.content_decay**index for index in range(4)]
    assert decayed == ([16, 8, 4, 2] if name == "strotss" else [0] * 4)


# Faults of those programs


@pytest.mark.parametrize("name", PROGRAMS)
def test_losses_are_scalars_and_do_not_look_at_the_targets_pictures_again(name: str, tiny_params: Params) -> None:
    """Total variation, which TensorFlow gives one of for each picture, is one number, and targets are made once."""
    settings = Settings.preset(name)
    network = Encoder(tiny_params, settings)
    targets = make_targets(network, pictures(1), [pictures(2)], settings)
    seen = []

    class Watched(Encoder):
        def __init__(self) -> None:
            """Borrow the network."""
            self.params, self.precision = network.params, network.precision

        def __call__(self, image: tf.Tensor, layers: Any) -> dict[str, tf.Tensor]:
            seen.append(image)
            return network(image, layers)

    terms = losses(Watched(), pictures(3), targets, settings)
    assert [tuple(term.shape) for term in terms] == [()] * 4
    assert [np.allclose(image, pictures(3), rtol=1e-6) for image in seen] == [True]


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_picture_moves(name: str, tiny_params: Params) -> None:
    """What is optimised is the picture that is kept: it changes, and its loss goes down."""
    settings = Settings.preset(name)
    network = Encoder(tiny_params, settings)
    content = pictures(1)
    targets = make_targets(network, content, [pictures(2)], settings)

    def evaluate(pixels: Any) -> tuple[float, np.ndarray]:
        image = tf.constant(pixels)
        with tf.GradientTape() as tape:
            tape.watch(image)
            terms = losses(network, image * 255, targets, settings)
        return float(terms.total), tape.gradient(terms.total, image).numpy()

    start = first_image(content.numpy()[0], None, settings)[None] / np.float32(255)
    make, state = OPTIMIZERS[settings.optimizer]
    optimizer = make(state(start), settings)
    totals = []
    for _ in range(12):
        loss, gradient = evaluate(optimizer.ask())
        totals.append(loss)
        optimizer.tell(loss, gradient)
    assert evaluate(optimizer.picture)[0] < totals[0]
    assert np.abs(optimizer.picture - start).max() > 1e-4


# Presets by name


def test_presets_are_named() -> None:
    """All presets that are promised are there, and no preset is broken."""
    promised = {"default", "draft", "print", "gatys", "nnst", "strotss", *PROGRAMS}
    assert promised <= set(presets.names())
    assert list(presets.names()) == sorted(presets.names())
    for name in presets.names():
        assert isinstance(Settings.preset(name), Settings)


def test_every_preset_says_what_it_is() -> None:
    """The files begin with a comment; those of other programs name the program."""
    for name in presets.names():
        first = (presets.FOLDER / f"{name}.toml").read_text().partition("\n")[0]
        assert first.startswith("# ")
        assert ("github.com/" in first or "tensorflow.org/" in first) == (name in PROGRAMS)


def test_the_default_is_the_default() -> None:
    """The preset default holds what `Settings` holds; draft and print differ in sizes, steps and details."""
    default = Settings.preset("default")
    assert default == Settings()
    draft, large = Settings.preset("draft"), Settings.preset("print")
    assert replace(draft, size=default.size, iterations=default.iterations) == default
    same = {
        "size": default.size,
        "draft": None,
        "iterations": default.iterations,
        "detail_layers": Layers(),
        "content_details": 0.0,
    }
    assert replace(large, **same) == default
    assert (draft.size, large.size, large.draft) == (256, 2048, default.size)


def test_an_unknown_preset_names_the_nearest_and_all() -> None:
    """A misspelt preset is refused with the nearest name and with the list."""
    with pytest.raises(
        ValueError, match=r"^no preset 'gatis': did you mean gatys\?; there are .*default.*tf-tutorial$"
    ):
        Settings.preset("gatis")
    with pytest.raises(ValueError, match=r"^no preset '\.\./setup'; there are default, draft"):
        Settings.preset("../setup")


def test_presets_need_no_tensorflow() -> None:
    """Loading a preset is quick enough for --help: it imports neither TensorFlow nor SciPy."""
    code = "import sys\nfrom myvgg.nst import Settings\nSettings.preset('gatys')\n"
    code += "print({'tensorflow', 'scipy'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# Files of settings


def write(path: Path, text: str) -> Path:
    """Write a file of settings."""
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    """Settings of a file lie over the base; what it does not name stays."""
    path = write(
        tmp_path / "a.toml", 'content_weight = 1\nstyle_layers = ["relu1_1", "block3_conv1=2"]\nsize = "x300"\n'
    )
    base = Settings(iterations=7)
    actual = base.with_values(tables.read(path))
    expected = replace(base, content_weight=1.0, style_layers=Layers("relu1_1=1,relu3_1=2"), size="x300")
    assert actual == expected
    assert isinstance(actual.content_weight, float)


def test_a_file_may_name_a_preset(tmp_path: Path) -> None:
    """A preset named in a file takes the place of the base."""
    path = write(tmp_path / "a.toml", 'preset = "gatys-tf1"\niterations = 3\n')
    actual = Settings(seed=5).with_values(tables.read(path))
    assert actual == replace(Settings.preset("gatys-tf1"), iterations=3)


WRONG = {
    "unknown": ("stile_weight = 3", r"no setting 'stile_weight': did you mean style_weight\?$"),
    "far from all": ("zzzz = 3", "no setting 'zzzz'$"),
    "unknown preset": ('preset = "prnt"', r"no preset 'prnt': did you mean print\?"),
    "preset no text": ("preset = 3", "no preset '3'"),
    "no TOML": ("size = 3\niterations = = 4", r"not a TOML file: .*line 2"),
    "twice": ("size = 3\nsize = 4\n", r"not a TOML file: .*line 2"),
    "no number": ('content_weight = "much"', "content_weight must be a number, not 'much'$"),
    "number as text": ('style_weight = "3"', "style_weight must be a number, not '3'$"),
    "truth for a number": ("tv_weight = true", "tv_weight must be a number, not True$"),
    "out of range": ("tv_weight = -1", "tv_weight must be a number from 0 on, not -1"),
    "infinite": ("tv_weight = inf", "tv_weight must be a number from 0 on, not inf"),
    "nan": ("noise = nan", "noise must be from 0 to 1, not nan"),
    "no truth": ('tv_sum = "yes"', "tv_sum must be true or false, not 'yes'$"),
    "number for truth": ("balance = 1", "balance must be true or false, not 1$"),
    "no text": ("init = 3", "init must be a text, not 3$"),
    "no choice": ('pooling = "median"', "pooling must be max or avg, not 'median'"),
    "list for a choice": ('pooling = ["max"]', r"pooling must be max or avg, not \['max'\]"),
    "broken count": ("iterations = 2.5", "iterations must be a whole number, not 2.5"),
    "size": ("size = [3, 4]", r"size must be like 512, .* not \[3, 4\]"),
    "one share": ("style_blend = 0.5", "style_blend must be a list of numbers, not 0.5$"),
    "shares": ('style_blend = ["a"]', r"style_blend must be a list of numbers, not \['a'\]$"),
    "layer": ("style_layers = { relu9_9 = 1 }", "style_layers: .*no layer 'relu9_9': did you mean relu"),
    "layer's weight": ('style_layers = { relu1_1 = "a" }', "style_layers: weight of relu1_1 must be a number, not 'a'"),
    "layers as number": ("style_layers = 4", "style_layers: "),
    "table": ("[style_weight]\na = 1", "style_weight must be a number, not {'a': 1}"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_files_are_refused_in_one_line(case: str, tmp_path: Path, unchecked: None) -> None:
    """What is wrong with a file is said in one line that begins with its name."""
    text, message = WRONG[case]
    path = write(tmp_path / "a.toml", text)
    with pytest.raises(ValueError, match=rf"^{path}: {message}") as caught:
        tables.read(path)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """A missing file, a folder and a picture are refused with their name."""
    with pytest.raises(ValueError, match=r"missing\.toml: cannot be read: No such file"):
        tables.read(tmp_path / "missing.toml")
    with pytest.raises(ValueError, match=r"cannot be read: Is a directory"):
        tables.read(tmp_path)
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    with pytest.raises(ValueError, match=r"a\.png: not a TOML file: "):
        tables.read(picture)


# Settings as text


ODD = Settings(
    init='a "b"\\\n\t\x7f ü 🐈.png',
    style_blend=(0.1, 1 / 3),
    epsilon=2.5e-300,
    scales=3,
    style_size="x400",
    style_layers=Layers({"relu1_1": 1 / 3, "pool2": 1e20}),
    content_layers=Layers(),
    tv_sum=True,
)


@pytest.mark.parametrize("settings", [ODD, *map(Settings.preset, presets.names())], ids=["odd", *presets.names()])
def test_settings_survive_toml(settings: Settings, tmp_path: Path) -> None:
    """All settings written and read again are equal, to the last digit, whatever characters a file name has."""
    text = tables.dump(settings)
    path = write(tmp_path / "a.toml", text)
    assert Settings().with_values(tables.read(path)) == settings
    assert Settings().with_values(tables.table_of(settings)) == settings
    assert tomllib.loads(text) == tables.table_of(settings)


def test_every_setting_is_written_on_one_line() -> None:
    """The text names all settings in their order; what is None is a comment."""
    lines = tables.dump(Settings()).splitlines()
    assert [line.removeprefix("# ").partition(" ")[0] for line in lines] == list(SETTINGS)
    assert "# scales is not set" in lines
    assert "content_layers = { relu4_2 = 1.0 }" in lines
    assert "tv_sum = false" in lines


def test_a_table_holds_plain_values() -> None:
    """What becomes TOML or JSON is made of their types only, and None is left out."""
    table = tables.table_of(Settings(style_blend=(1.0, 2.0)))
    assert "scales" not in table
    assert (table["style_blend"], type(table["style_layers"])) == ([1, 2], dict)
