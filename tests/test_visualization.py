"""Pictures of features from Python, of whatever people have."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import myvgg
from myvgg import images
from myvgg.params import Params
from myvgg.visualization import draw_layer, gram_picture, maps_picture, reconstruction
from tests.drawn import blobs

PICTURE = np.rint(blobs(30, 44, seed=4)).astype(np.uint8)


def test_features_are_taken_as_the_network_gives_them(tiny_params: Params) -> None:
    """Tensors and arrays of one picture are drawn alike, with the axis of the batch or without it."""
    maps = myvgg.VGG19(tiny_params).features(PICTURE, ["relu2_1"])["relu2_1"]
    expected = maps_picture(maps.numpy()[0], channels=4)
    for same in (maps, maps.numpy(), maps.numpy().astype(np.float64)[0]):
        assert np.array_equal(maps_picture(same, channels=4), expected)
    products = myvgg.Extractor(tiny_params, ["relu2_1"], reduce="gram")(PICTURE)["relu2_1"]
    assert np.array_equal(gram_picture(products), gram_picture(products.numpy()[0]))


@pytest.mark.parametrize(
    ("draw", "values", "message"),
    [
        (maps_picture, np.zeros((2, 3, 3, 4)), r"maps must be those of one picture, \(height, width, channels\), not"),
        (maps_picture, np.zeros((3, 4)), r"not \(3, 4\)"),
        (maps_picture, np.zeros((1, 0, 4, 4)), r"not \(1, 0, 4, 4\)"),
        (gram_picture, np.zeros((2, 4, 4)), r"products must be those of one picture, \(channels, channels\), not"),
        (gram_picture, np.zeros((1, 4, 5)), r"products must be a square matrix, not of shape \(4, 5\)"),
    ],
)
def test_refuses_several_pictures(draw: Any, values: np.ndarray, message: str) -> None:
    """Features of several pictures, and arrays of other shapes, are refused."""
    with pytest.raises(ValueError, match=message):
        draw(values)


@pytest.mark.parametrize("show", ["maps", "gram"])
def test_a_layer_is_drawn_from_a_picture(show: Any, tiny_params: Params, tmp_path: Path) -> None:
    """A path, a picture of Pillow's and an array give the drawing of the features at the size that is asked for."""
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    resized = images.resize(PICTURE.astype(np.float32), (36, 25))
    reduce = {"maps": "none", "gram": "gram"}[show]
    found = myvgg.Extractor(tiny_params, ["relu3_1"], reduce=reduce)(resized)["relu3_1"]  # type: ignore[arg-type]
    expected = maps_picture(found, channels=5) if show == "maps" else gram_picture(found)
    for picture in (str(tmp_path / "a.png"), Image.fromarray(PICTURE), PICTURE):
        for params in (tiny_params, myvgg.VGG19(tiny_params)):
            drawn = draw_layer(picture, "block3_conv1", params=params, show=show, channels=5, size=36)
            assert np.array_equal(drawn, expected)


def test_a_reconstruction_can_be_watched(tiny_params: Params) -> None:
    """The steps are passed on as they are made, with their number; the network may be a module."""
    seen: list[int] = []

    def watch(steps: Iterator[Any], count: int) -> Iterator[Any]:
        assert count == 3
        for step in steps:
            seen.append(step.iteration)
            yield step

    found = reconstruction(Image.fromarray(PICTURE), "relu1_2", myvgg.VGG19(tiny_params), iterations=3, watch=watch)
    assert found.shape == PICTURE.shape
    assert seen == [1, 2, 3]
    again = draw_layer(PICTURE, "relu1_2", params=tiny_params, show="reconstruction", size=44, iterations=3)
    assert np.array_equal(again, found)


def test_a_reconstruction_of_a_pixel_is_a_pixel(tiny_params: Params) -> None:
    """The number of colours is no side of the picture."""
    assert reconstruction(PICTURE[:1, :1], "relu1_1", tiny_params, iterations=1).shape == (1, 1, 3)


def test_a_stopped_reconstruction_needs_a_step(tiny_params: Params) -> None:
    """Where the watcher stops after two steps, the result must be that of two; before the first one, it is an error."""
    options: dict[str, Any] = {"layer": "relu1_1", "params": tiny_params}
    stopped = reconstruction(PICTURE, **options, iterations=9, watch=lambda steps, _: islice(steps, 2))
    assert np.array_equal(stopped, reconstruction(PICTURE, **options, iterations=2))
    with pytest.raises(ValueError, match="watch must pass on at least one step: before the first one, there is no"):
        reconstruction(PICTURE, **options, watch=lambda steps, _: islice(steps, 0))


def test_rare_responses_are_seen() -> None:
    """Maps that are zero almost everywhere must show where they are not."""
    maps = np.zeros((1, 20, 20, 1), np.float32)
    maps[0, 3, 4] = 2
    drawn = maps_picture(maps)
    assert drawn.max() > 200
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "fc7"}, "layer must be a layer of maps, which fc7 is not"),
        ({"layer": "relu8_1"}, "no layer 'relu8_1'"),
        ({"layer": "pool5", "size": 40}, "the smallest that works is 32 x 32"),
        ({"channels": 0}, "channels, size and iterations must be at least 1"),
        ({"show": "all"}, "show must be one of maps, gram, reconstruction, not 'all'"),
        ({"params": 1}, "params must be myvgg.Params or a network"),
        ({"picture": "missing.png"}, "missing.png: cannot be read"),
    ],
)
def test_wrong_arguments(options: Any, message: str, tiny_params: Params, unchecked: None) -> None:
    """They are refused by their name."""
    given = {"picture": PICTURE, "layer": "relu2_1", "params": tiny_params}
    with pytest.raises(ValueError, match=message):
        draw_layer(**given | options)


def test_without_parameters_the_bundled_ones_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file is named, the weights that come with the package are taken."""
    monkeypatch.setenv("MYVGG_WEIGHTS", "bundled")
    assert np.array_equal(draw_layer(PICTURE, "relu1_1"), draw_layer(PICTURE, "relu1_1", params=myvgg.VGG19.load()))
