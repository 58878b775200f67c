"""DeepDream, and the figures of five layers."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

import myvgg
from myvgg import images
from myvgg.microscope import dream, inversions, styles
from myvgg.microscope.strips import GAP, side_by_side
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
    assert np.array_equal(drawn, side_by_side([resized, *made]))


@pytest.mark.slow
def test_styles_are_textures_of_more_and_more_layers(tiny_params: Params) -> None:
    """The painting must stand first, then a texture for each layer, and the second must know one layer more."""
    drawn = styles(PICTURE, tiny_params, layers=["relu1_1", "relu2_1"], size=24, iterations=4)
    assert drawn.shape == (17, 3 * 24 + 2 * GAP, 3)
    first = styles(PICTURE, tiny_params, layers=["relu1_1"], size=24, iterations=4)
    assert np.array_equal(drawn[:, : 2 * 24 + GAP], first)
    assert not np.array_equal(drawn[:, 24 + GAP : 2 * 24 + GAP], drawn[:, -24:])


def test_pictures_of_other_heights_stand_on_white() -> None:
    """Pictures side by side begin at the top; what is left is white."""
    drawn = side_by_side([np.zeros((2, 3, 3), np.float32), np.ones((4, 1, 3), np.float32)])
    assert drawn.shape == (4, 3 + GAP + 1, 3)
    assert (drawn[:2, :3] == 0).all()
    assert (drawn[2:, :3] == 255).all()
    assert (drawn[:, -1] == 1).all()
