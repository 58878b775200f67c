"""DeepDream, and the figures of five layers."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest

import myvgg
from myvgg import images
from myvgg.microscope import dream, inversions, styles
from myvgg.microscope.strips import GAP, join
from myvgg.params import Params
from myvgg.visualization import reconstruction
from tests.drawn import blobs

PICTURE = np.rint(blobs(33, 47, seed=4)).astype(np.uint8)


@pytest.mark.parametrize("channel", [None, 2])
def test_a_dream_strengthens_the_layer(channel: int | None, tiny_params: Params) -> None:
    """The mean square of the maps must grow, of all channels or of the one, while the size stays odd."""
    dreamt = dream(PICTURE, "relu2_2", tiny_params, channel=channel, size=47, octaves=2, iterations=4)
    assert dreamt.shape == PICTURE.shape
    vgg = myvgg.VGG19(tiny_params)
    before, after = (vgg.features(each, ["relu2_2"])["relu2_2"].numpy()[0] for each in (PICTURE, dreamt))
    counted = slice(None) if channel is None else [channel]
    assert np.mean(after[..., counted] ** 2) > 1.3 * np.mean(before[..., counted] ** 2)


def test_a_dream_keeps_its_photograph(tiny_params: Params) -> None:
    """A step must move a pixel by one and a half levels in the mean, so that few steps leave the photograph."""
    dreamt = dream(PICTURE, "relu1_1", tiny_params, size=47, octaves=1, iterations=1)
    assert np.abs(dreamt - PICTURE).mean() == pytest.approx(1.5, rel=0.05)  # less where 0 or 255 is the end


def test_dreams_of_one_seed_are_equal(tiny_params: Params) -> None:
    """The same seed must give the same bytes, another one another picture."""
    first, again, other = (
        dream(PICTURE, "relu2_2", tiny_params, size=24, octaves=2, iterations=2, seed=seed) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_octaves_that_are_too_small_are_left_out(tiny_params: Params) -> None:
    """The smaller sizes must leave something at the layer; the steps of the others are counted."""
    seen: list[Any] = []

    def watch(steps: Any, count: int) -> Any:
        assert count == 3 * 2
        for step in steps:
            seen.append(step.shape[:2])
            yield step

    dream(PICTURE, "pool4", tiny_params, size=47, octaves=9, iterations=2, watch=watch)
    assert [*dict.fromkeys(seen)] == [(17, 24), (24, 34), (33, 47)]


def test_a_stopped_dream_keeps_what_there_is(tiny_params: Params) -> None:
    """Where the watcher stops, the picture of that octave must be the result."""
    watch = lambda steps, _: islice(steps, 1)  # noqa: E731
    stopped = dream(PICTURE, "relu2_2", tiny_params, size=47, octaves=2, iterations=2, watch=watch)
    assert stopped.shape == (24, 34, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "fc7"}, "layer must be a layer of maps, which fc7 is not"),
        ({"layer": "pool5", "size": 40}, "the smallest that works is 32 x 32"),
        ({"channel": 7}, "channel must be from 0 to 6, since relu2_2 has 7 channels, not 7"),
        ({"octaves": 0}, "size, octaves and iterations must be at least 1"),
    ],
)
def test_wrong_arguments(options: Any, message: str, tiny_params: Params) -> None:
    """They are refused at the call, with what is allowed."""
    with pytest.raises(ValueError, match=message):
        dream(PICTURE, **{"layer": "relu2_2", "params": tiny_params, "size": 47} | options)


@pytest.mark.slow
def test_inversions_are_reconstructions_side_by_side(tiny_params: Params) -> None:
    """The photograph must stand first, then a reconstruction of each layer."""
    drawn = inversions(PICTURE, tiny_params, layers=["relu1_1", "relu2_1"], size=24, iterations=2)
    resized = images.resize(PICTURE.astype(np.float32), 24)
    made = [reconstruction(resized, layer, tiny_params, iterations=2) for layer in ("relu1_1", "relu2_1")]
    assert np.array_equal(drawn, join([resized, *made]))


@pytest.mark.slow
def test_styles_are_textures_of_more_and_more_layers(tiny_params: Params) -> None:
    """The painting must stand first, then a texture for each layer, and the second must know one layer more."""
    drawn = styles(PICTURE, tiny_params, layers=["relu1_1", "relu2_1"], size=24, iterations=4)
    assert drawn.shape == (17, 3 * 24 + 2 * GAP, 3)
    first = styles(PICTURE, tiny_params, layers=["relu1_1"], size=24, iterations=4)
    assert np.array_equal(drawn[:, : 2 * 24 + GAP], first)
    assert not np.array_equal(drawn[:, 24 + GAP : 2 * 24 + GAP], drawn[:, -24:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": ["relu1_1", "relu8_1"]}, "no layer 'relu8_1'"),
        ({"layers": ["relu1_1", "fc7"]}, "layers must be layers of maps, which fc7 is not"),
        ({"layers": ["relu1_1", "pool5"]}, "the smallest that works is 32 x 32"),
        ({"layers": []}, "layers must name at least one layer"),
        ({"size": 0}, "size must be at least 1, not 0"),
        ({"iterations": 0}, "iterations must be at least 1, not 0"),
    ],
)
@pytest.mark.parametrize("function", [inversions, styles])
def test_all_layers_are_checked_before_the_first_picture(
    function: Any, options: Any, message: str, tiny_params: Params
) -> None:
    """What does not fit must be refused before anything is computed, wherever it stands in the list."""

    def watch(*_: Any) -> Any:
        raise AssertionError("computes before all is checked")

    with pytest.raises(ValueError, match=message):
        function(PICTURE, tiny_params, **{"layers": ["relu1_1"], "size": 24, "watch": watch} | options)


@pytest.mark.slow
@pytest.mark.parametrize("function", [inversions, styles])
def test_one_layer_may_be_a_name(function: Any, tiny_params: Params) -> None:
    """A single name must be that layer, and not its letters."""
    options = {"size": 16, "iterations": 1}
    expected = function(PICTURE, tiny_params, layers=["relu1_1"], **options)
    assert np.array_equal(function(PICTURE, tiny_params, layers="block1_conv1", **options), expected)


@pytest.mark.parametrize("function", [inversions, styles])
def test_the_picture_so_far_needs_a_step(function: Any, tiny_params: Params) -> None:
    """Where the watcher stops after a step, its picture must be the result; before the first one, the error says so."""
    options = {"layers": "relu1_1", "size": 16, "iterations": 5}
    stopped = function(PICTURE, tiny_params, **options, watch=lambda steps, _: islice(steps, 1))
    assert stopped.shape == (11, 2 * 16 + GAP, 3)
    with pytest.raises(ValueError, match="watch must pass on at least one step"):
        function(PICTURE, tiny_params, **options, watch=lambda steps, _: islice(steps, 0))


def test_no_more_than_two_steps_are_kept(tiny_params: Params) -> None:
    """Memory must not grow with the number of steps: earlier ones, with their pictures, are let go."""
    alive: list[weakref.ref[Any]] = []

    def watch(steps: Iterator[Any], _: int) -> Iterator[Any]:
        for step in steps:
            alive.append(weakref.ref(step))
            yield step
            assert sum(each() is not None for each in alive) <= 2

    for function in (inversions, styles):
        alive.clear()
        function(PICTURE, tiny_params, layers="relu1_1", size=16, iterations=6, watch=watch)
        assert len(alive) == 6


def test_pictures_of_other_heights_stand_on_white() -> None:
    """Pictures side by side begin at the top; what is left is white."""
    drawn = join([np.zeros((2, 3, 3), np.float32), np.ones((4, 1, 3), np.float32)])
    assert drawn.shape == (4, 3 + GAP + 1, 3)
    assert (drawn[:2, :3] == 0).all()
    assert (drawn[2:, :3] == 255).all()
    assert (drawn[:, -1] == 1).all()
