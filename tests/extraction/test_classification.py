"""`myvgg.classify` from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import myvgg
from myvgg.images import Resizing
from myvgg.params import Params, random
from tests.drawn import blobs

SQUARE = Resizing(64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures and a damaged file."""
    folder = tmp_path_factory.mktemp("pictures")
    for index in (0, 2):
        Image.fromarray(np.rint(blobs(80, 70, seed=index)).astype(np.uint8)).save(folder / f"{index}.png")
    (folder / "1.png").write_bytes(b"no picture")
    return folder


@pytest.mark.parametrize("how", ["crop", "squash"])
def test_classes_are_those_of_the_network(how: Any, folder: Path, tiny_params: Params) -> None:
    """Each picture has the classes that the network gives for it alone, sorted by NumPy; others have a reason."""
    resizing = Resizing(64, how)
    vgg = myvgg.VGG19(tiny_params)
    for params in (tiny_params, vgg):
        found = list(myvgg.classify(folder, params=params, top=3, resizing=resizing))
        assert [each.path for each in found] == [str(folder / f"{index}.png") for index in range(3)]
        assert found[1].classes == ()
        assert "1.png: not a picture" in found[1].error
        for each in (found[0], found[2]):
            probabilities = vgg.probabilities(resizing(each.path)).numpy()[0]
            best = np.argsort(-probabilities)[:3]
            assert each.classes == tuple((f"class {index}", float(probabilities[index])) for index in best)
            assert each.error == ""


def test_weights_by_name(folder: Path, tmp_path: Path) -> None:
    """Parameters may be a file; one without the classifier is refused."""
    random(include_top=False).save(tmp_path / "a.safetensors")
    with pytest.raises(myvgg.WeightsError, match="has no classifier"):
        myvgg.classify(folder, params=tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top": 0}, "top must be from 1 to 10, not 0"),
        ({"top": 11}, "top must be from 1 to 10, not 11"),
        ({"resizing": Resizing(32)}, "resizing must give pictures of size 64, by crop or squash"),
        ({"resizing": Resizing(64, "longest")}, "by crop or squash, not Resizing"),
        ({"paths": []}, "paths must name at least one picture"),
        ({"params": "random"}, "random weights have no classifier"),
        ({"params": 1}, "params must be myvgg.Params or a network"),
    ],
)
def test_wrong_arguments(options: Any, message: str, folder: Path, tiny_params: Params, unchecked: None) -> None:
    """They are refused at the call, before the first picture is asked for."""
    given = {"paths": folder, "params": tiny_params, "resizing": SQUARE}
    with pytest.raises(ValueError, match=message):
        myvgg.classify(**given | options)


def test_a_network_without_a_classifier(folder: Path, trained: Params) -> None:
    """It is refused with what to do."""
    with pytest.raises(ValueError, match="which these weights do not have; load a file with the classifier"):
        myvgg.classify(folder, params=trained)
