"""The converters read and write VGG16 as well as VGG19."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

import converters
from myvgg.architecture import CONFIGURATION_D, Architecture, vgg
from myvgg.params import Params, WeightsError, random
from myvgg.parity import differences
from tests.converters.test_load_save import SUFFIXES, assert_same_arrays, write_archive, write_saved_model
from tests.converters.test_matconvnet import GENERATIONS, network


@pytest.fixture(scope="module")
def small() -> Architecture:
    """VGG16's layers with few channels."""
    blocks = ((4, 5), (6, 7), (8, 8, 8), (9, 8, 7), (8, 9, 7))
    return vgg("small", blocks, dense=(12, 11, 10), input_size=64)


@pytest.fixture(scope="module")
def params() -> Params:
    """Random parameters of VGG16's convolutions."""
    return random(CONFIGURATION_D, include_top=False, seed=5)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format(suffix: str, params: Params, tmp_path: Path) -> None:
    """A written file gives the same arrays, bit for bit, and is not taken for VGG19."""
    path = tmp_path / f"vgg16{suffix}"
    converters.save(params, path)
    found = converters.load(path, architecture=CONFIGURATION_D)
    assert_same_arrays(found, params)
    assert found.architecture == CONFIGURATION_D
    with pytest.raises(WeightsError, match=r"VGG16.s file|holds vgg16, not vgg19"):
        converters.load(path)


@pytest.mark.parametrize("write", [write_saved_model, write_archive])
@pytest.mark.parametrize("include_top", [True, False], ids=["top", "notop"])
def test_models_of_keras(write: object, include_top: bool, small: Architecture, tmp_path: Path) -> None:
    """Whole models are read, with the classifier and without."""
    params = random(small, include_top=include_top, seed=2)
    write(params, tmp_path / "model")  # type: ignore[operator]
    assert_same_arrays(converters.load(tmp_path / "model", architecture=small), params)


@pytest.mark.parametrize("era", GENERATIONS)
def test_matconvnet(era: str, small: Architecture, tmp_path: Path) -> None:
    """`imagenet-vgg-verydeep-16.mat` has the same layout as that of VGG19, in every release."""
    params = random(small, seed=3)
    savemat(tmp_path / "a.mat", network(params, era))
    assert_same_arrays(converters.load(tmp_path / "a.mat", architecture=small), params)


def test_verification_runs_keras_own(params: Params) -> None:
    """`--verify` compares with Keras' VGG16, and finds no difference."""
    found = differences(params)
    assert len(found) == 18
    assert set(found.values()) == {0.0}
    assert np.isfinite(list(found.values())).all()
