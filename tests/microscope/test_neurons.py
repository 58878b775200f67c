"""Pictures for one channel: what they do to the channel's response, and when they are equal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest

import myvgg
from myvgg import images
from myvgg.example_pictures import FOLDER
from myvgg.images import Picture
from myvgg.microscope import neuron, spectrum
from myvgg.microscope.strips import GAP
from myvgg.params import Params


def response(params: Params, picture: Picture, layer: str, channel: int) -> float:
    """Return the mean of a channel, from the module."""
    return float(myvgg.VGG19(params).features(picture, [layer])[layer].numpy()[..., channel].mean())


@pytest.mark.parametrize(
    ("layer", "linear", "channel", "size"),
    [("relu2_1", "conv2_1", 3, 33), ("pool2", "conv2_2", 2, 24), ("prob", "fc8", 4, 64)],
)
def test_a_response_is_raised_and_lowered(
    layer: str, linear: str, channel: int, size: int, tiny_params: Params
) -> None:
    """Ascent must raise a response above that of grey, and descent must lower it below."""
    up, down = (
        neuron(layer, channel, tiny_params, size=size, iterations=40, negative=negative) for negative in (False, True)
    )
    grey = np.full((size, size, 3), 127.5, np.float32)
    low, middle, high = (response(tiny_params, picture, linear, channel) for picture in (down, grey, up))
    assert low < middle < high
    assert up.shape == (size, size, 3)
    assert up.min() >= 0
    assert up.max() <= 255


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "shape", "made"), [("relu2_1", (18, 31, 3), (18, 31, 3)), ("fc8", (70, 90, 3), (64, 64, 3))]
)
def test_ascent_begins_with_a_photograph(
    layer: str, shape: tuple[int, ...], made: tuple[int, ...], tiny_params: Params
) -> None:
    """From a photograph, a response must rise above the photograph's, in its aspect, or cropped for dense layers."""
    photograph = images.resize(images.load(FOLDER / "chelsea.jpg"), shape[1::-1])
    options: dict[str, Any] = {"picture": photograph, "size": max(made)}
    ways = [neuron(layer, 2, tiny_params, **options, iterations=40, negative=negative) for negative in (True, False)]
    stopped = neuron(layer, 2, tiny_params, **options, watch=lambda steps, _: islice(steps, 0))
    linear = layer.replace("relu", "conv")
    low, middle, high = (response(tiny_params, each, linear, 2) for each in (ways[0], stopped, ways[1]))
    assert low < middle < high
    assert ways[0].shape == stopped.shape == made
    if shape == made:
        np.testing.assert_allclose(stopped, photograph.clip(4, 251), atol=0.6)  # rounded
    assert spectrum(layer, 2, tiny_params, **options, count=3, iterations=2).shape == (
        made[0],
        3 * made[1] + 2 * GAP,
        3,
    )


@pytest.mark.slow
def test_a_trained_channel_answers_more_than_to_photographs(trained: Params) -> None:
    """With trained weights, a few steps must find a picture that a deep channel prefers to all example pictures."""
    pictures = [images.resize(images.load(path), (64, 64)) for path in sorted(FOLDER.glob("*.jpg"))]
    strongest = max(response(trained, picture, "conv4_1", 37) for picture in pictures)
    made = neuron("relu4_1", 37, trained, size=64, iterations=24)
    assert response(trained, made, "conv4_1", 37) > 2 * max(strongest, 0) + 100


def test_the_same_seed_makes_the_same_bytes(tiny_params: Params) -> None:
    """A seed must give one picture, for a module and its parameters and any name of the layer; another one another."""
    first = neuron("relu3_1", 2, tiny_params, size=24, iterations=4)
    assert np.array_equal(neuron("block3_conv1", 2, myvgg.VGG19(tiny_params), size=24, iterations=4), first)
    assert np.array_equal(neuron("conv3_1", 2, tiny_params, size=24, iterations=4), first)
    assert not np.array_equal(neuron("relu3_1", 2, tiny_params, size=24, iterations=4, seed=1), first)


def test_a_stopped_ascent_keeps_what_there_is(tiny_params: Params) -> None:
    """Where the watcher stops after three steps, the result must be that of three steps; without a step, grey."""

    def stop_after(number: int) -> Any:
        def watch(steps: Iterator[Any], count: int) -> Iterator[Any]:
            assert count == 9
            return islice(steps, number)

        return watch

    options: dict[str, Any] = {"params": tiny_params, "size": 16}
    stopped = neuron("relu2_1", 0, **options, iterations=9, watch=stop_after(3))
    assert np.array_equal(stopped, neuron("relu2_1", 0, **options, iterations=3))
    assert neuron("relu2_1", 0, **options, iterations=9, watch=stop_after(0)).std() < 3


def test_a_spectrum_rises(tiny_params: Params) -> None:
    """From left to right, the responses must rise, and grey must be in the middle."""
    strip = spectrum("relu2_1", 3, tiny_params, size=20, iterations=40)
    pictures = [strip[:, start : start + 20] for start in range(0, strip.shape[1], 20 + GAP)]
    assert len(pictures) == 5
    responses = [response(tiny_params, np.ascontiguousarray(each), "conv2_1", 3) for each in pictures]
    assert (np.diff(responses) > 0).all()
    assert pictures[2].std() < 3


def test_a_stopped_spectrum_has_all_its_places(tiny_params: Params) -> None:
    """Where descent alone was made, grey must stand in place of the others."""
    watch = lambda steps, _: islice(steps, 5)  # noqa: E731
    strip = spectrum("relu2_1", 3, tiny_params, size=20, iterations=5, count=3, watch=watch)
    assert strip.shape == (20, 3 * 20 + 2 * GAP, 3)
    assert np.array_equal(strip[:, 24:44], strip[:, 48:])
    assert not np.array_equal(strip[:, :20], strip[:, 48:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel": 6}, "channel must be from 0 to 5, since relu2_1 has 6 channels, not 6"),
        ({"channel": -1}, "since relu2_1 has 6 channels, not -1"),
        ({"layer": "relu9_1"}, "no layer 'relu9_1'"),
        ({"layer": "fc8", "size": 32}, "fc8 needs pictures of 64 x 64 pixels"),
        ({"layer": "pool5", "size": 31}, "the smallest that works is 32 x 32"),
        ({"size": 0}, "size and iterations must be at least 1"),
        ({"iterations": 0}, "size and iterations must be at least 1"),
    ],
)
def test_wrong_arguments(options: Any, message: str, tiny_params: Params) -> None:
    """They are refused at the call, with what is allowed."""
    for function in (neuron, spectrum):
        with pytest.raises(ValueError, match=message):
            function(**{"layer": "relu2_1", "channel": 1, "params": tiny_params} | options)


def test_a_spectrum_needs_two_pictures(tiny_params: Params) -> None:
    """One picture is no spectrum."""
    with pytest.raises(ValueError, match="count must be at least 2, not 1"):
        spectrum("relu2_1", 1, tiny_params, count=1)


def test_classes_need_a_classifier(trained: Params) -> None:
    """Weights without dense layers are refused for a class, with what helps."""
    with pytest.raises(ValueError, match="load a file with the classifier"):
        neuron("fc8", 281, trained)
