"""`myvgg features`: pictures of maps, of Gram matrices, and made again of features."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

import myvgg
from myvgg import images
from myvgg.cli.features import Watching, main
from myvgg.microscope.views import random_view
from myvgg.params import Params, random
from myvgg.visualization import COLOURS, GAP, gram_picture, maps_picture, reconstruction

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of random weights of the convolutions."""
    path = tmp_path_factory.mktemp("weights") / "vgg19.safetensors"
    random(include_top=False, seed=3).save(path)
    return str(path)


def test_maps_are_where_they_belong() -> None:
    """The strongest map comes first; each value has its colour, at a whole number of pixels; gaps are white."""
    maps = np.zeros((2, 3, 5), np.float32)
    maps[0, 1, 3], maps[1, 2, 1] = 2, 1
    drawn = maps_picture(maps, channels=4)
    scale = (drawn.shape[0] - GAP) // 2 // 2
    assert drawn.shape == (2 * 2 * scale + GAP, 2 * 3 * scale + GAP, 3)
    dark, bright = (np.array(colormaps[COLOURS](value)[:3]) * 255 for value in (0.0, 1.0))
    np.testing.assert_allclose(drawn[scale // 2, scale + scale // 2], bright, atol=1)  # map 3, row 0, column 1
    np.testing.assert_allclose(drawn[scale + 1, 1], dark, atol=1)
    assert (drawn[2 * scale : 2 * scale + GAP] == 255).all()
    right = drawn[:, 3 * scale + GAP :]  # the second strongest
    assert right[scale + 1, 2 * scale + 1].sum() > right[1, 1].sum()


def test_gram_is_ordered_and_symmetric() -> None:
    """The strongest channel is at the top left, and equal products have equal colours."""
    features = np.random.default_rng(0).uniform(0, 1, (100, 6)) * [1, 5, 2, 9, 3, 4]
    drawn = gram_picture((features.T @ features / 100).astype(np.float32))
    side = drawn.shape[0] // 6
    cells = drawn[side // 2 :: side, side // 2 :: side].sum(axis=-1)
    assert cells.shape == (6, 6)
    assert np.array_equal(cells, cells.T)
    assert cells[0, 0] == cells.max()
    assert (np.diff(np.diag(cells)) <= 0).all()


def test_constant_maps_can_be_drawn() -> None:
    """Maps without any difference make a picture without one."""
    assert np.isfinite(maps_picture(np.zeros((3, 3, 2), np.float32))).all()
    assert np.isfinite(gram_picture(np.zeros((3, 3), np.float32))).all()


def test_reconstruction_comes_near(tiny_params: Params) -> None:
    """From a shallow layer, features come near those of the picture, and so do the pixels."""
    picture = images.resize(images.load(EXAMPLES / "coffee.jpg"), (32, 24))
    found = reconstruction(picture, "relu1_2", tiny_params, iterations=60)
    vgg = myvgg.VGG19(tiny_params)
    wanted, begun, made = (
        vgg.features(image, ["relu1_2"])["relu1_2"].numpy()
        for image in (picture, np.full_like(picture, picture.mean()), found)
    )
    assert np.mean((made - wanted) ** 2) < 0.05 * np.mean((begun - wanted) ** 2)


@pytest.mark.slow
@pytest.mark.parametrize("show", ["maps", "gram", "reconstruction"])
def test_command_line(show: str, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each kind is drawn and written."""
    words = [str(EXAMPLES / "coffee.jpg"), "--layer", "block2_conv1", "--show", show, "--size", "48"]
    words += ["--iterations", "3"] if show == "reconstruction" else []
    assert main([*words, "--weights", weights, "-o", str(tmp_path / "a.png")]) == 0
    drawn = images.load(tmp_path / "a.png")
    assert drawn.std() > 5
    assert capsys.readouterr().err.strip().splitlines()[-1] == f"wrote {tmp_path / 'a.png'}"


@pytest.mark.slow
@pytest.mark.parametrize("show", ["neuron", "negative", "spectrum", "dream", "occlusion", "gradient"])
def test_the_microscope(show: str, weights: str, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    """Each kind is drawn and written under its own name; a photograph is taken where one is looked at."""
    monkeypatch.chdir(tmp_path)
    photograph = [] if show in ("neuron", "negative", "spectrum") else [str(EXAMPLES / "coffee.jpg")]
    words = ["--layer", "block2_conv1", "--channel", "7", "--size", "24", "--weights", weights]
    words += [] if show in ("occlusion", "gradient") else ["--steps", "2"]
    assert main([*photograph, "--show", show, *words]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"{show}.png"]
    assert images.load(f"{show}.png").std() > 1
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1] == f"wrote {show}.png"
    assert ("shown: relu2_1, channel 7" in said) == (show in ("occlusion", "gradient"))


@pytest.mark.slow
def test_the_library_makes_the_same_picture(weights: str, tmp_path: Path) -> None:
    """The command is one call of the library, with its seed."""
    words = ["--show", "negative", "--layer", "relu1_2", "--channel", "3", "--size", "24", "--iterations", "2"]
    assert main([*words, "--seed", "5", "--weights", weights, "-o", str(tmp_path / "a.png")]) == 0
    made = myvgg.microscope.neuron(
        "relu1_2", 3, myvgg.VGG19.load(weights), negative=True, size=24, iterations=2, seed=5
    )
    assert np.array_equal(images.load(tmp_path / "a.png"), np.rint(made))


def test_the_strongest_channel_is_named(weights: str, tmp_path: Path, capsys: Any) -> None:
    """Without --layer and a classifier, the channel is said, and what would explain a class."""
    words = [str(EXAMPLES / "coffee.jpg"), "--show", "gradient", "--size", "32", "--weights", weights]
    assert main([*words, "-o", str(tmp_path / "a.png")]) == 0
    said = capsys.readouterr().err
    assert "shown: relu5_4, channel " in said
    assert "the strongest; these weights know no classes, 'myvgg convert --download --with-top'" in said


def test_ctrl_c_keeps_the_picture_so_far(weights: str, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    """After the second step, Ctrl-C leaves the picture of two steps, and the exit code is 130."""
    views = iter([random_view] * 2)

    def pressed(rng: np.random.Generator) -> Any:
        if (view := next(views, None)) is None:
            raise KeyboardInterrupt
        return view(rng)

    monkeypatch.setattr("myvgg.microscope.neurons.random_view", pressed)
    words = ["--show", "neuron", "--layer", "relu1_2", "--channel", "3", "--size", "16", "--weights", weights]
    assert main([*words, "-o", str(tmp_path / "a.png")]) == 130
    assert f"interrupted: wrote {tmp_path / 'a.png'}, the picture so far" in capsys.readouterr().err
    monkeypatch.undo()
    made = myvgg.microscope.neuron("relu1_2", 3, myvgg.VGG19.load(weights), size=16, iterations=2)
    assert np.array_equal(images.load(tmp_path / "a.png"), np.rint(made))


def test_ctrl_c_before_the_first_step_writes_nothing() -> None:
    """Where nothing was made, the interruption goes on."""

    def steps() -> Any:
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        list(Watching()(steps(), 3))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--show", "dream"], "PICTURE is missing"),
        (["--show", "neuron"], "--show neuron needs --channel"),
        (
            ["--show", "neuron", "--layer", "relu4_1", "--channel", "512"],
            "--channel must be from 0 to 511, since relu4_1 has 512 channels, not 512",
        ),
        (["--show", "spectrum", "--channel", "-1"], "since relu3_1 has 256 channels, not -1"),
        (["--show", "negative", "--channel", "1", "--seed", "-1"], "--seed must be at least 0, not -1"),
        (["--show", "neuron", "--channel", "1", "--steps", "0"], "must be at least 1"),
        (["a.jpg", "--show", "dream", "--layer", "fc8"], "--layer must be one of maps, which fc8 is not"),
        (["a.jpg", "--channel", "1"], "--show maps takes no --channel: leave it out"),
        (["a.jpg", "--iterations", "1", "--seed", "0"], "takes no --iterations and no --seed: leave it out"),
        (["a.jpg", "--show", "gram", "--maps", "1"], "--show gram takes no --maps"),
        (["a.jpg", "--show", "reconstruction", "--channel", "1"], "--show reconstruction takes no --channel"),
        (["a.jpg", "--show", "dream", "--channels", "1"], "--show dream takes no --maps"),
        (["a.jpg", "--show", "gradient", "--seed", "1"], "--show gradient takes no --seed"),
    ],
)
def test_wrong_words_of_the_microscope(
    words: list[str], message: str, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    """They are wrong usage in one line, before weights are looked for, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    assert main([*words, "--weights", "missing.h5"]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--layer", "relu8_1"], "no layer 'relu8_1'"),
        (["--layer", "fc7"], "--layer must be one of maps, which fc7 is not"),
        (["--layer", "pool5", "--size", "40"], "the smallest that works is 32 x 32"),
        (["--maps", "0"], "must be at least 1"),
        (["-o", "a.gif"], "name it .png, .jpg"),
    ],
)
def test_wrong_words(
    words: list[str], message: str, weights: str, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    """They are refused in one line, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    assert main([str(EXAMPLES / "coffee.jpg"), "--weights", weights, *words]) in (1, 2)
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_picture_of_the_user_is_kept(weights: str, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    """A file at the name that nobody chose must stay, whoever made it, unless -o names it."""
    monkeypatch.chdir(tmp_path)
    words = [str(EXAMPLES / "coffee.jpg"), "--layer", "relu1_1", "--size", "16", "--weights", weights]
    mine = np.full((4, 4, 3), 9, np.float32)
    for text in ({}, {"myvgg": '[settings]\nsize = "8"\n'}, {"myvgg": "[features"}):
        images.save(mine, "maps.png", text=text)
        assert main(words) == 1
        assert "maps.png exists and is no result of myvgg features: name the result by -o" in capsys.readouterr().err
        assert np.array_equal(images.load("maps.png"), mine)
    assert main([*words, "-o", "maps.png"]) == 0
    assert not np.array_equal(images.load("maps.png"), mine)


def test_the_same_command_works_twice(weights: str, tmp_path: Path, monkeypatch: Any) -> None:
    """A picture of an earlier run must be replaced, and a former name of an option must do the same."""
    monkeypatch.chdir(tmp_path)
    words = [str(EXAMPLES / "coffee.jpg"), "--layer", "relu1_1", "--size", "16", "--weights", weights]
    assert main([*words, "--maps", "1"]) == 0
    first = images.load("maps.png")
    assert main(words) == 0
    assert images.load("maps.png").shape != first.shape
    assert main([*words, "--channels", "1"]) == 0
    assert np.array_equal(images.load("maps.png"), first)
    assert images.text_of("maps.png")["myvgg"].startswith("[features]\n")


@pytest.mark.parametrize("words", [["maps.png"], ["photo.jpg", "-o", "photo.jpg"], ["photo.jpg", "-o", "link.jpg"]])
def test_the_input_is_never_the_output(words: list[str], tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    """An output that is the photograph, by any name, must be refused in one line, and the photograph must stay."""
    monkeypatch.chdir(tmp_path)
    for name in ("maps.png", "photo.jpg"):
        images.save(np.full((40, 40, 3), 9, np.float32), name)
    Path("link.jpg").symlink_to("photo.jpg")
    before = Path(words[0]).read_bytes()
    assert main([*words, "--weights", "missing.h5"]) == 2
    said = capsys.readouterr().err
    assert f"cannot write {words[-1]}: it is one of the inputs" in said
    assert said.count("\n") == 1
    assert Path(words[0]).read_bytes() == before


@pytest.mark.slow
def test_nothing_but_our_own_lines_is_said(tmp_path: Path) -> None:
    """TensorFlow's greeting does not reach the terminal; the line about the weights and the result do."""
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "p.png")
    environment = {**os.environ, "MYVGG_CACHE": str(tmp_path / "cache"), "MYVGG_WEIGHTS": "bundled"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    words = [str(ROOT / "scripts" / "features.py"), "p.png", "--layer", "relu1_1", "-o", "maps.png"]
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == "wrote maps.png\n"
