"""`myvgg classify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import myvgg
from myvgg.cli.classify import main
from myvgg.images import Resizing
from myvgg.labels import imagenet_labels
from myvgg.params import random

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of random weights with the classifier."""
    path = tmp_path_factory.mktemp("weights") / "vgg19-with-top.safetensors"
    random(seed=3).save(path)
    return str(path)


def best(weights: str, name: str, k: int) -> list[tuple[str, float]]:
    """Compute the most probable classes of the middle square of a picture, sorted by NumPy."""
    image = Resizing(224, "crop")(EXAMPLES / name)
    probabilities = myvgg.VGG19.load(weights).probabilities(image).numpy()[0]
    labels = imagenet_labels()
    return [(labels[index], float(probabilities[index])) for index in np.argsort(-probabilities)[:k]]


@pytest.mark.slow
def test_table(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Five classes under each picture, the most probable first."""
    words = [str(EXAMPLES / "coffee.jpg"), str(EXAMPLES / "chelsea.jpg"), "--weights", weights]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[6], len(lines)) == (words[0], words[1], 12)
    for line, (label, probability) in zip(lines[1:6], best(weights, "coffee.jpg", 5), strict=True):
        assert line.split() == [f"{probability:.2%}", label]


def test_json_lines(weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An object a line; a picture that cannot be read has an error in its place, and the exit code says so."""
    (tmp_path / "a.png").write_bytes(b"no picture")
    assert (
        main([str(EXAMPLES / "coffee.jpg"), str(tmp_path / "a.png"), "--json", "--top", "3", "--weights", weights]) == 1
    )
    out, err = capsys.readouterr()
    first, second = map(json.loads, out.splitlines())
    assert [entry["label"] for entry in first["classes"]] == [label for label, _ in best(weights, "coffee.jpg", 3)]
    assert str(tmp_path / "a.png") in second["error"]
    assert "1 of 2 pictures could not be read" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name pictures"),
        (["nothing.jpg"], "there is no such picture: nothing.jpg"),
        ([str(EXAMPLES / "coffee.jpg"), "--weights", "random"], "random weights know no classes"),
        ([str(EXAMPLES / "coffee.jpg"), "--top", "0"], "--top must be at least 1, not 0"),
        ([str(EXAMPLES / "coffee.jpg"), "--top", "1001"], "--top must be from 1 to 1000, not 1001"),
    ],
)
def test_wrong_words(words: list[str], message: str, weights: str, capsys: Any) -> None:
    """They are refused in one line."""
    assert main(["--weights", weights, *words]) == 2
    assert message in capsys.readouterr().err


def test_weights_without_a_classifier(tmp_path: Path, capsys: Any) -> None:
    """They are refused with what is wrong."""
    random(include_top=False).save(tmp_path / "a.safetensors")
    assert main([str(EXAMPLES / "coffee.jpg"), "--weights", str(tmp_path / "a.safetensors")]) == 1
    assert "has no classifier" in capsys.readouterr().err
