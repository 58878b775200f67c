"""Responses of tensors to photographs, compared with NumPy."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from myvgg import features, photographs, preprocess
from myvgg.architecture import Architecture
from myvgg.example_pictures import FOLDER
from myvgg.params import LayerParams, Params, WeightsError, checked, random
from myvgg.photographs import PHOTOGRAPHS, measured, rms


@pytest.fixture(scope="module")
def found(tiny_params: Params) -> dict[str, float]:
    """The numbers of the small network."""
    return rms(tiny_params)


def test_numbers_are_root_mean_squares(found: dict[str, float], tiny_params: Params) -> None:
    """Responses are roots of the mean over three pictures of mean squares, computed here in float64."""
    names = ["relu1_1", "conv3_2", "pool2", "relu5_4"]
    squares = {name: [] for name in names}
    for file in PHOTOGRAPHS:
        with Image.open(FOLDER / file) as image:
            scale = 256 / max(image.size)
            size = (round(image.width * scale), round(image.height * scale))
            pixels = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
        for name, tensor in features(tiny_params, preprocess(pixels[np.newaxis]), names).items():
            squares[name].append(np.square(tensor.numpy().astype(float)).mean())
    for name in names:
        # Thumbnails are first drawn smaller by the decoder, which changes pixels a little.
        assert found[name] == pytest.approx(math.sqrt(np.mean(squares[name])), rel=0.02)


def test_every_map_has_a_number(found: dict[str, float], tiny: Architecture) -> None:
    """All tensors before the dense layers are measured, in their order."""
    assert tuple(found) == tiny.layer_names(include_top=False)
    assert all(0 < number < math.inf for number in found.values())


@pytest.mark.parametrize("include_top", [True, False], ids=["top", "notop"])
def test_the_classifier_does_not_matter(include_top: bool, tiny: Architecture) -> None:
    """Weights with and without dense layers have the same numbers."""
    assert rms(random(tiny, seed=3, include_top=include_top)) == rms(random(tiny, seed=3))


def test_weights_that_end_early(tiny_params: Params, found: dict[str, float]) -> None:
    """Weights of the first blocks have the responses of the tensors that they can compute."""
    layers = {name: layer for name, layer in tiny_params.layers.items() if name.startswith(("conv1", "conv2"))}
    actual = rms(replace(tiny_params, layers=layers))
    assert list(actual)[-3:] == ["conv2_2", "relu2_2", "pool2"]
    assert actual == {name: found[name] for name in actual}


def test_silent_layers_get_one(tiny_params: Params) -> None:
    """The response of a layer of zeros is one, not zero."""
    kernel, bias = tiny_params.layers["conv2_1"]
    silent = LayerParams(0 * kernel, 0 * bias - 1)
    numbers = rms(replace(tiny_params, layers={**tiny_params.layers, "conv2_1": silent}))
    assert (numbers["conv2_1"], numbers["relu2_1"]) == (1, 1)


def test_known_numbers_are_not_measured_again(
    tiny_params: Params, found: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`measured` computes missing responses, and keeps known ones."""
    filled = measured(tiny_params)
    assert filled.rms == found
    assert filled.layers is tiny_params.layers
    monkeypatch.setattr(photographs, "rms", None)
    assert measured(filled) is filled


def test_the_photographs_are_there() -> None:
    """All photographs are in the repository and in the installed package."""
    assert all((FOLDER / name).is_file() for name in PHOTOGRAPHS)


def test_checked_parameters_keep_their_numbers(tiny: Architecture, tiny_params: Params) -> None:
    """`checked` keeps the responses of a file; without them there are none."""
    assert checked(tiny_params.layers, path="p", architecture=tiny, rms={"relu1_1": 2.5}).rms == {"relu1_1": 2.5}
    assert checked(tiny_params.layers, path="p", architecture=tiny).rms == {}
    with pytest.raises(WeightsError):
        checked({}, path="p", architecture=tiny, rms={"relu1_1": 2.5})
