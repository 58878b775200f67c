"""The objective against a second implementation: the whole network and its losses in NumPy, in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from myvgg.architecture import MEAN, Conv
from myvgg.nst.objective import losses, make_targets
from myvgg.nst.settings import Settings
from myvgg.params import LayerParams, Params
from myvgg.vgg19 import VGG19

VALUE = 2e-5
"""Sixteen layers in float32, each with relative errors of about 1e-7 that Gram matrices and quotients double."""

GRADIENT = 2e-4
"""The same way back and forth, relative to the largest entry of the whole gradient."""

SETTINGS = Settings(
    content_weight=0.7,
    style_weight=13.0,
    tv_weight=3.0,
    content_layers=("relu2_2", "block4_conv2", "pool1"),
    style_layers=("relu1_1", "conv3_1", "relu4_2"),
)


def reference_features(params: Params, image: np.ndarray, pooling: str) -> dict[str, np.ndarray]:
    """Compute all maps of one picture (height, width, 3) in float64, without TensorFlow."""
    x = image[..., ::-1] - np.array(MEAN)
    maps = {}
    for layer in params.architecture.layers:
        if isinstance(layer, Conv):
            kernel, bias = params.layers[layer.name]
            padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
            height, width = x.shape[:2]
            shifts = np.ndindex(3, 3)
            x = bias + sum(padded[i : i + height, j : j + width] @ kernel[i, j].astype(float) for i, j in shifts)
            maps[layer.name] = x
            x = maps[layer.name.replace("conv", "relu")] = np.maximum(x, 0)
        else:
            height, width = x.shape[0] // 2, x.shape[1] // 2
            if min(height, width) == 0:
                break
            blocks = x[: 2 * height, : 2 * width].reshape(height, 2, width, 2, -1)
            x = maps[layer.name] = blocks.max((1, 3)) if pooling == "max" else blocks.mean((1, 3))
    return maps


def reference_losses(
    params: Params, image: np.ndarray, content: np.ndarray, style: np.ndarray, settings: Settings, pooling: str
) -> dict[str, float]:
    """Compute the losses from their definition."""
    resolve = params.architecture.resolve
    maps, content_maps, style_maps = (reference_features(params, p, pooling) for p in (image, content, style))

    def gram(features: np.ndarray) -> np.ndarray:
        rows = features.reshape(-1, features.shape[-1])
        return rows.T @ rows / len(rows)

    content_terms = [
        ((maps[name] - content_maps[name]) ** 2).mean() / (content_maps[name] ** 2).mean()
        for name in map(resolve, settings.content_layers)
    ]
    style_terms = [
        ((gram(maps[name]) - gram(style_maps[name])) ** 2).mean() / (style_maps[name] ** 2).mean() ** 2
        for name in map(resolve, settings.style_layers)
    ]
    scaled = image / 255
    tv = ((scaled[1:] - scaled[:-1]) ** 2).sum() + ((scaled[:, 1:] - scaled[:, :-1]) ** 2).sum()
    terms = {
        "content": sum(content_terms) / len(content_terms) if content_terms else 0.0,
        "style": sum(style_terms) / len(style_terms) if style_terms else 0.0,
        "tv": tv / image.size,
    }
    total = sum(getattr(settings, f"{name}_weight") * term for name, term in terms.items())
    return {**terms, "total": total}


def compute(
    vgg: VGG19, image: np.ndarray, content: np.ndarray, style: np.ndarray, settings: Settings
) -> dict[str, float]:
    """Compute the losses of pictures (height, width, 3) with the code under test."""
    image, content, style = (tf.constant(p[None], tf.float32) for p in (image, content, style))
    terms = losses(vgg, image, make_targets(vgg, content, style, settings), settings)
    return {name: float(term) for name, term in terms.items()}


@pytest.fixture
def image(content: np.ndarray) -> np.ndarray:
    """A picture of the content's size and unlike it."""
    return np.random.default_rng(5).uniform(0, 255, content.shape).astype(np.float32)


@pytest.mark.parametrize("pooling", ["max", "avg"])
@pytest.mark.parametrize(
    "settings",
    [
        SETTINGS,
        Settings(),
        replace(SETTINGS, content_layers=()),
        replace(SETTINGS, style_layers=()),
        replace(SETTINGS, tv_weight=0.0, content_weight=0.0),
        replace(SETTINGS, content_layers=("relu3_1",), style_layers=("relu3_1",)),
        replace(SETTINGS, content_layers=("conv1_1",), style_layers=("pool4",)),
    ],
    ids=["several", "default", "style only", "content only", "weights of zero", "one layer for both", "ends"],
)
def test_losses_are_those_of_a_second_implementation(
    settings: Settings, pooling: str, tiny_params: Params, image: np.ndarray, content: np.ndarray, style: np.ndarray
) -> None:
    """Every term and the total equal a computation in NumPy, for pictures of different sizes and odd sides."""
    expected = reference_losses(tiny_params, image, content, style, settings, pooling)
    actual = compute(VGG19(tiny_params, pooling=pooling), image, content, style, settings)
    assert actual == pytest.approx(expected, rel=VALUE)


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_gradient_is_that_of_central_differences(
    pooling: str, tiny_params: Params, image: np.ndarray, content: np.ndarray, style: np.ndarray
) -> None:
    """In random pixels, the gradient of the total is what the second implementation's differences give."""
    vgg = VGG19(tiny_params, pooling=pooling)
    targets = make_targets(vgg, tf.constant(content[None]), tf.constant(style[None]), SETTINGS)
    x = tf.constant(image[None])
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = losses(vgg, x, targets, SETTINGS)["total"]
    actual = tape.gradient(total, x).numpy()[0]
    h = 1e-3  # so small that hardly a rectifier or a maximum switches in between, and float64 still has 8 digits
    for index in np.random.default_rng(6).integers(0, image.shape, (8, 3)):
        offset = np.zeros(image.shape)
        offset[tuple(index)] = h
        ends = [
            reference_losses(tiny_params, image + sign * offset, content, style, SETTINGS, pooling)["total"]
            for sign in (1, -1)
        ]
        expected = (ends[0] - ends[1]) / (2 * h)
        assert abs(actual[tuple(index)] - expected) <= GRADIENT * np.abs(actual).max()


def test_total_is_the_weighted_sum(network: VGG19, image: np.ndarray, content: np.ndarray, style: np.ndarray) -> None:
    """Weights enter the total once each, and the terms not at all."""
    terms = compute(network, image, content, style, SETTINGS)
    assert list(terms) == ["content", "style", "tv", "total"]
    for weights in np.eye(3).tolist():
        named = dict(zip(("content_weight", "style_weight", "tv_weight"), weights, strict=True))
        actual = compute(network, image, content, style, replace(SETTINGS, **named))
        assert [actual[name] for name in ("content", "style", "tv")] == [terms[n] for n in ("content", "style", "tv")]
        assert actual["total"] == terms[("content", "style", "tv")[weights.index(1)]]


def test_losses_are_zero_at_the_targets(network: VGG19, content: np.ndarray) -> None:
    """A picture that is both content and style has no loss but its own variation."""
    actual = compute(network, content, content, content, SETTINGS)
    assert (actual["content"], actual["style"]) == (0, 0)
    assert actual["total"] == pytest.approx(SETTINGS.tv_weight * actual["tv"], rel=VALUE)


@pytest.mark.parametrize("scale", [2.0**-5, 2.0**10], ids=["smaller", "larger"])
def test_losses_do_not_depend_on_the_scale_of_the_features(
    scale: float, tiny_params: Params, image: np.ndarray, content: np.ndarray, style: np.ndarray
) -> None:
    """A network whose features are all a power of two larger gives the same losses: they are in units of energy."""
    scaled = {
        name: LayerParams(layer.kernel * np.float32(scale if name == "conv1_1" else 1), layer.bias * np.float32(scale))
        for name, layer in tiny_params.layers.items()
    }
    expected = compute(VGG19(tiny_params), image, content, style, SETTINGS)
    actual = compute(VGG19(replace(tiny_params, layers=scaled)), image, content, style, SETTINGS)
    assert actual == pytest.approx(expected, rel=VALUE)


def test_each_layer_has_its_own_unit(
    tiny_params: Params, image: np.ndarray, content: np.ndarray, style: np.ndarray
) -> None:
    """Scaling one layer's features does not change its share beside others."""
    settings = replace(SETTINGS, content_layers=("relu2_1", "relu4_4"), style_layers=("relu1_1", "relu4_4"))
    layer = LayerParams(*(256 * part for part in tiny_params.layers["conv4_4"]))
    scaled = replace(tiny_params, layers={**tiny_params.layers, "conv4_4": layer})
    expected = compute(VGG19(tiny_params), image, content, style, settings)
    actual = compute(VGG19(scaled), image, content, style, settings)
    assert actual == pytest.approx(expected, rel=VALUE)


def test_dead_layers_give_no_nan(tiny_params: Params, image: np.ndarray, content: np.ndarray) -> None:
    """A layer that is silent on its target picture gives a finite loss and gradient."""
    kernel, bias = tiny_params.layers["conv2_1"]
    silent = replace(tiny_params, layers={**tiny_params.layers, "conv2_1": LayerParams(0 * kernel, 0 * bias - 1)})
    settings = replace(SETTINGS, content_layers=("relu2_1",), style_layers=("relu2_1",))
    assert compute(VGG19(silent), image, content, content, settings)["content"] == 0


def test_a_term_without_layers_is_zero(
    network: VGG19, image: np.ndarray, content: np.ndarray, style: np.ndarray
) -> None:
    """Content alone and style alone can be optimised; the other term is then 0."""
    content_only = compute(network, image, content, style, replace(SETTINGS, style_layers=()))
    style_only = compute(network, image, content, style, replace(SETTINGS, content_layers=()))
    assert (content_only["style"], style_only["content"]) == (0, 0)
    assert min(content_only["content"], style_only["style"]) > 0


def test_targets_are_kept_by_layer(network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """Content targets are the layers' features, style targets their Gram matrices, under the names asked for."""
    targets = make_targets(network, tf.constant(content[None]), tf.constant(style[None]), SETTINGS)
    assert tuple(targets.content) == SETTINGS.content_layers
    assert tuple(targets.style) == SETTINGS.style_layers
    for name, target in targets.content.items():
        features = network.features(content, [name])[name].numpy()
        assert np.array_equal(target.value.numpy(), features)
        assert target.energy.numpy() == pytest.approx((features.astype(float) ** 2).mean(), rel=VALUE)
    for name, target in targets.style.items():
        channels = network.features(style, [name])[name].shape[-1]
        assert target.value.shape == (channels, channels)
