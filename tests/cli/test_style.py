"""`myvgg style` in this process: its files, its words and its exit code."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from myvgg import random_weights, store
from myvgg.architecture import CONFIGURATION_E
from myvgg.cli.style import DEMO, main, parse
from myvgg.nst import Settings, steps, tables
from myvgg.params import LayerParams, Origin, Params
from myvgg.runs import many, record
from myvgg.runs.job import Job

ROOT = Path(__file__).parents[2]
WEIGHTS = store.FOLDER
LAUNCHERS = {
    "module": (["-m", "myvgg", "style"], "myvgg style"),
    "script": ([str(ROOT / "scripts" / "style.py")], "style.py"),
}
QUICK = ("--size", "27", "--iterations", "3", "--style-layers", "relu1_1", "--content-layers", "relu2_1")
PAIR = ("content.png", "style.png")


@pytest.fixture(autouse=True)
def machine(params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without weights and without a network, whose random weights are those of the small network."""

    def no_connection(*arguments: Any, **options: Any) -> None:
        raise store.DownloadError("https://example.org/vgg19.h5", "no connection to example.org")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # other processes run this checkout, too
    monkeypatch.setattr(store, "FOLDER", tmp_path / "no weights")
    monkeypatch.setattr(store, "download", no_connection)
    monkeypatch.setenv("MYVGG_CACHE", str(tmp_path / "cache" / "of" / "weights"))
    monkeypatch.delenv("MYVGG_WEIGHTS", raising=False)
    made = replace(params, origin=Origin(generation="random, orthogonal, seed 0", trained=False))
    monkeypatch.setattr(random_weights, "load_random", lambda *_: made)


@pytest.fixture
def trained(params: Params, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Put weights that pass for trained ones into the store; what was asked for is appended to the list."""
    asked: list[Any] = []

    def load(source: Any = None, **options: Any) -> Params:
        asked.append((source, options))
        return replace(params, origin=Origin(generation="Keras", sha256="0123"))

    monkeypatch.setattr(store, "load", load)
    return asked


@pytest.fixture
def pictures(content: np.ndarray, style: np.ndarray, tmp_path: Path) -> None:
    """Two picture files and two masks in the present folder."""
    for name, picture in {"content.png": content, "style.png": style, "other.png": style[:, ::-1]}.items():
        Image.fromarray(np.rint(picture).astype(np.uint8)).save(tmp_path / name)
    left = np.zeros((19, 27), np.uint8)
    left[:, :13] = 255
    for name, mask in {"left.png": left, "right.png": 255 - left}.items():
        Image.fromarray(mask).save(tmp_path / name)


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Put a stop before the run; its settings are appended to the list."""
    asked: list[Settings] = []

    def stop(job: Job, *_: Any) -> None:
        asked.append(job.settings)
        raise MemoryError("stopped here")

    monkeypatch.setattr("myvgg.cli.style._run", stop)
    return asked


def run(*argv: str) -> int:
    """Run the command in this process and return its exit code."""
    return main(argv)


def pixels(path: str | Path) -> np.ndarray:
    """Read a picture with Pillow alone."""
    with Image.open(path) as image:
        return np.asarray(image)


def files(folder: Path) -> list[str]:
    """Name the files of a folder that are none of the inputs."""
    inputs = {"content.png", "style.png", "other.png", "left.png", "right.png", "cache"}
    return sorted(path.name for path in folder.iterdir() if path.name not in inputs)


# One picture.


def test_writes_a_picture_and_its_record(
    pictures: None, trained: list[Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two pictures and a name give a file of that name with its record, and words on stderr alone."""
    assert run(*PAIR, "-o", "out.png", *QUICK) == 0
    captured = capfd.readouterr()
    assert pixels("out.png").shape == (19, 27, 3)
    assert captured.out == ""
    assert captured.err.startswith("scale           size   steps        time    memory\n1/1          27 x 19       3 ")
    assert "\ntime and memory are estimates; seed 0\n" in captured.err
    assert captured.err.endswith("wrote out.png, out.png.toml\n")
    assert "step 3/3" in captured.err
    assert trained == [(None, {"include_top": False, "architecture": CONFIGURATION_E, "bundled_first": True})]
    assert files(tmp_path) == ["out.png", "out.png.toml"]


def test_writes_what_the_library_computes(
    pictures: None, trained: list[Any], params: Params, content: np.ndarray, style: np.ndarray
) -> None:
    """The file holds the rounded picture of the last step that `stylize` gives for the same settings."""
    settings = parse([*PAIR, *QUICK, "--seed", "5", "--noise", "0.2", "--pooling", "avg"]).settings
    settings = replace(settings, precision="float32")
    *_, step = steps(np.rint(content), np.rint(style), settings, params=params)
    argv = (*QUICK, "--seed", "5", "--noise", "0.2", "--pooling", "avg", "--precision", "float32")
    assert run(*PAIR, *argv, "--output", "out.png") == 0
    assert np.array_equal(pixels("out.png"), np.rint(step.image))


@pytest.mark.slow
def test_the_same_command_writes_the_same_bytes(pictures: None, trained: list[Any], tmp_path: Path) -> None:
    """Twice the same seed gives the same file, another seed another one."""
    found = []
    for seed in ("1", "1", "2"):
        assert run(*PAIR, *QUICK, "--seed", seed, "-o", "out.png") == 0
        found.append((tmp_path / "out.png").read_bytes())
    assert found[0] == found[1] != found[2]


@pytest.mark.slow
def test_runs_a_picture_again(pictures: None, trained: list[Any], tmp_path: Path) -> None:
    """From the record in a PNG, or beside another picture, the same picture is made, and words still change it."""
    argv = (*QUICK, "--seed", "3", "--style-weight", "2", "--mask", "left.png", "--mask", "right.png")
    assert run("content.png", "style.png", "other.png", *argv, "--keep", "left.png", "-o", "out.png") == 0
    assert run("--from-picture", "out.png", "-o", "again.png") == 0
    assert np.array_equal(pixels("again.png"), pixels("out.png"))
    (tmp_path / "out.png").rename(tmp_path / "moved.png")
    assert run("--from-picture", "moved.png", "--seed", "4", "-o", "again.png") == 0
    assert not np.array_equal(pixels("again.png"), pixels("moved.png"))


def test_an_input_that_has_changed_is_not_taken_for_it(
    pictures: None, trained: list[Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A picture is not run again with other inputs; which one is missing or different is said."""
    assert run(*PAIR, *QUICK, "-o", "out.png") == 0
    (tmp_path / "content.png").write_bytes((tmp_path / "other.png").read_bytes())
    assert run("--from-picture", "out.png", "-o", "again.png") == 1
    assert "content.png is not the file that out.png was made of" in capfd.readouterr().err
    (tmp_path / "content.png").unlink()
    assert run("--from-picture", "out.png", "-o", "again.png") == 1
    assert "content.png, which out.png was made of, is missing" in capfd.readouterr().err
    assert not (tmp_path / "again.png").exists()


def test_the_record_tells_what_it_was_made_of(pictures: None, trained: list[Any], tmp_path: Path) -> None:
    """Inside the PNG and beside it are settings, hashes of inputs and weights, versions and what was measured."""
    assert run(*PAIR, *QUICK, "--seed", "9", "-o", "out.png") == 0
    inside, beside = record.read_record("out.png"), tomllib.loads((tmp_path / "out.png.toml").read_text())
    assert inside == beside
    assert inside["settings"]["seed"] == 9
    assert inside["inputs"]["content"] == {"file": "content.png", "sha256": record.sha256_of("content.png")}
    assert inside["weights"]["sha256"] == "0123"
    assert "tensorflow" in inside["versions"]
    assert (inside["run"]["steps"], inside["run"]["finished"]) == (3, True)


def test_a_report_is_printed_and_written(
    pictures: None, trained: list[Any], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--report` puts four numbers on stdout, and into the record."""
    monkeypatch.setattr("myvgg.runs.metrics.SIZE", 32)
    assert run(*PAIR, *QUICK, "--report", "-o", "out.png") == 0
    words = capfd.readouterr().out.split()
    metrics = record.read_record("out.png")["metrics"]
    assert words[::2] == list(metrics) == ["style", "structure", "score", "grain"]
    assert [float(word) for word in words[1::2]] == pytest.approx(list(metrics.values()), abs=6e-4)


def test_a_log_is_a_table_and_a_plot(pictures: None, trained: list[Any], tmp_path: Path) -> None:
    """`--log` writes every step's losses, and draws them."""
    assert run(*PAIR, *QUICK, "--log", "-o", "out.png") == 0
    rows = list(csv.DictReader((tmp_path / "out.png.csv").read_text().splitlines()))
    assert [row["iteration"] for row in rows] == ["1", "2", "3"]
    assert all(float(row["total"]) > 0 for row in rows)
    assert min(pixels("out.png.losses.png").shape[:2]) > 100


@pytest.mark.slow
def test_previews_are_pictures_so_far(
    pictures: None, trained: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--preview-every` writes the picture in its full size while the run goes on."""
    seen = []
    monkeypatch.setattr("myvgg.images.save", lambda image, path, **options: seen.append(image.shape))
    steps = ("--iterations", "2", "--step-growth", "1", "--first-steps", "2")
    argv = ("--size", "54", "--min-size", "27", *steps, *QUICK[4:])
    assert run(*PAIR, *argv, "--preview-every", "3", "-o", "out.png") == 0
    assert seen == [(38, 54, 3)] * 3  # steps 3 and 6 of 8, and the end
    for time, pictures_written in (("1e-9s", 9), ("1000s", 2)):  # the first of all is at the first step
        seen.clear()
        assert run(*PAIR, *argv, "--preview-every", time, "-o", f"{time}.png") == 0
        assert seen == [(38, 54, 3)] * pictures_written


@pytest.mark.parametrize("frames", ["steps", "crossfade"])
def test_an_animation_is_written(frames: str, pictures: None, trained: list[Any]) -> None:
    """`--animate` writes several frames."""
    assert run(*PAIR, *QUICK, "--animate", "out.gif", "--frames", frames, "-o", "out.png") == 0
    with Image.open("out.gif") as image:
        assert image.n_frames >= 3  # type: ignore[attr-defined]


def test_transparency_and_depth_come_back(pictures: None, trained: list[Any], content: np.ndarray) -> None:
    """Alpha of the content is the result's, and 16 bits stay 16 where the format can hold them."""
    alpha = np.linspace(0, 255, 27).astype(np.uint8) * np.ones((19, 1), np.uint8)
    Image.fromarray(np.dstack([np.rint(content).astype(np.uint8), alpha])).save("alpha.png")
    assert run("alpha.png", "style.png", *QUICK, "-o", "out.png") == 0
    assert np.array_equal(pixels("out.png")[..., 3], alpha)
    assert run(*PAIR, *QUICK, "--bits", "16", "-o", "out.tif") == 0
    import tifffile

    assert tifffile.imread("out.tif").dtype == np.uint16


# What may be said instead of two pictures.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argv", "shape"),
    {
        "content alone": (["--content", "content.png"], (19, 27, 3)),
        "style alone": (["--style", "style.png"], (27, 17, 3)),
        "a first picture": ([*PAIR, "--init", "other.png"], (19, 27, 3)),
        "width and height": ([*PAIR, "--size", "24x32"], (32, 24, 3)),
        "one iteration": ([*PAIR, "--iterations", "1"], (19, 27, 3)),
        "lbfgs": ([*PAIR, "--optimizer", "lbfgs"], (19, 27, 3)),
        "everything": (
            [
                *("content.png", "style.png", "other.png", "--style-blend", "1", "2", "--keep", "left.png"),
                *("--mask", "left.png", "--mask", "right.png", "--preserve-colors", "match"),
                *("--size", "54", "--min-size", "27"),
            ],
            (38, 54, 3),
        ),
    }.values(),
    ids=["content alone", "style alone", "first picture", "width and height", "one iteration", "lbfgs", "everything"],
)
def test_runs_of_all_kinds_end_well(
    argv: list[str], shape: tuple[int, ...], pictures: None, trained: list[Any], tmp_path: Path
) -> None:
    """Reconstruction, texture, other starts and sizes, and everything together give a picture of the right size."""
    assert run(*QUICK, *argv, "-o", "out.png") == 0
    assert pixels("out.png").shape == shape


def test_what_is_kept_stays(pictures: None, trained: list[Any]) -> None:
    """Where the mask is white, the result has the content's bytes."""
    assert run(*PAIR, *QUICK, "--keep", "left.png", "-o", "out.png") == 0
    same = (pixels("out.png") == pixels("content.png")).all(-1)
    assert same[:, :13].all()
    assert not same[:, 13:].all()


def test_a_mask_of_another_shape_is_resized_and_said(
    pictures: None, trained: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """A mask that has not the picture's form is fitted to it, with a sentence; others are not."""
    Image.fromarray(np.full((40, 40), 255, np.uint8)).save("square.png")
    Image.fromarray(np.full((38, 54), 255, np.uint8)).save("twice.png")
    assert run(*PAIR, *QUICK, "--keep", "square.png", "--mask", "twice.png", "-o", "out.png") == 0
    said = [line for line in capfd.readouterr().err.splitlines() if "resized" in line]
    assert said == ["square.png: resized from 40 x 40 to 27 x 19 pixels, the content's"]


# The demo, weights, presets.


@pytest.fixture
def bundled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the file that comes with the package back."""
    monkeypatch.setattr(store, "FOLDER", WEIGHTS)
    monkeypatch.setattr(store, "_stored", lambda *_: iter(()))  # a developer may have converted others there


def test_the_demo_needs_nothing(bundled: None, planned: list[Settings], capfd: pytest.CaptureFixture[str]) -> None:
    """Without pictures and network, the bundled weights are used, and one line says how to get the exact ones."""
    assert run() == 1
    line, *_ = capfd.readouterr().err.splitlines()
    assert line.startswith("weights: VGG19 in 8 bits, which comes with myvgg; ")
    assert "'myvgg convert --download'" in line
    assert planned == [replace(Settings(**DEMO), precision=planned[0].precision)]


@pytest.mark.parametrize("words", [("--weights", "bundled"), ("--weights", str(WEIGHTS / "vgg19-8bit.safetensors"))])
def test_who_names_the_bundled_weights_is_told_nothing(
    words: tuple[str, ...], bundled: None, planned: list[Settings], capfd: pytest.CaptureFixture[str]
) -> None:
    """The line about exact weights is for those who did not choose."""
    assert run(*words) == 1
    assert "weights:" not in capfd.readouterr().err


def test_a_damaged_bundled_file_is_told(
    pictures: None, trained_elsewhere: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where the bundled file is missing, one line says so, and the download takes its place."""
    assert run(*PAIR, *QUICK, "-o", "out.png") == 0
    lines = [line for line in capfd.readouterr().err.splitlines() if "comes with myvgg" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"myvgg style: {tmp_path / 'no weights' / 'vgg19-8bit.safetensors'}: ")
    assert "downloading the exact weights in its place" in lines[0]


def test_the_demo_takes_trained_weights_and_flags(
    planned: list[Settings], trained: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """Where there are weights, the demo uses them and says nothing of random ones; flags change its settings."""
    run("--seed", "4", "-o", "demo.webp")
    assert "random" not in capfd.readouterr().err
    assert planned == [replace(Settings(**DEMO, seed=4), precision=planned[0].precision)]


@pytest.fixture
def trained_elsewhere(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a download succeed."""
    monkeypatch.setattr(store, "download", lambda *_, **__: replace(params, origin=Origin(generation="downloaded")))


def test_the_demo_runs(bundled: None) -> None:
    """The bundled pictures are there and are stylised for real, with the bundled weights."""
    assert run(*QUICK) == 0
    assert max(pixels("stylized.png").shape) == 27


def test_random_weights_have_their_own_settings(pictures: None, planned: list[Settings]) -> None:
    """With random weights, what suits them is the default, flags still decide, and so does a preset."""
    run(*PAIR, "--weights", "random", "--noise", "0.7")
    run(*PAIR, "--weights", "random", "--preset", "draft")
    first, second = (replace(settings, precision="auto") for settings in planned)
    assert first == replace(Settings.preset("random"), noise=0.7)
    assert second == Settings.preset("draft")


@pytest.mark.parametrize(
    "words", [("batch", "-c", "content.png", "-s", "style.png"), ("sweep", *PAIR, "--over", "seed=1")]
)
def test_random_weights_have_their_own_settings_in_many_runs(
    words: tuple[str, ...], pictures: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`batch` and `sweep` take the preset `random` with random weights, unless their words choose settings."""
    found: list[Settings] = []
    monkeypatch.setattr(many, "plan", lambda jobs, _: found.append(jobs[0].settings))
    assert run(*words, "--weights", "random", "--noise", "0.7", "--dry-run") == 0
    assert run(*words, "--weights", "random", "--preset", "draft", "--seed", "1", "--dry-run") == 0
    first, second = (replace(settings, precision="auto", seed=0) for settings in found)
    assert first == replace(Settings.preset("random"), noise=0.7)
    assert second == Settings.preset("draft")


def test_a_sweep_over_presets_keeps_the_other_words(
    pictures: None, trained: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each preset is below the words of the command line, also where a word says what is the default anyway."""
    found: list[Settings] = []
    monkeypatch.setattr(many, "plan", lambda jobs, _: found.extend(job.settings for job in jobs))
    iterations = Settings().iterations
    over = ("--over", "preset=gatys,draft", "--iterations", str(iterations), "--size", "32")
    assert run("sweep", *PAIR, *over, "--dry-run") == 0
    assert [(each.iterations, each.size) for each in found] == [(iterations, 32)] * 2
    assert found[0].style_loss == Settings.preset("gatys").style_loss != found[1].style_loss


def test_own_pictures_need_weights(pictures: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Without any weights and network, pictures fail with the ways out, not with a picture of random weights."""
    assert run(*PAIR, "-o", "out.png") == 1
    _, message = capfd.readouterr().err.split("\n", 1)
    assert message.startswith("myvgg style: https://example.org/vgg19.h5: no connection")
    for way in ("--download", "--weights FILE", "MYVGG_WEIGHTS", "--weights random"):
        assert way in message
    assert files(tmp_path) == []


def test_presets_files_and_words_in_their_order(
    pictures: None, planned: list[Settings], trained: list[Any], tmp_path: Path
) -> None:
    """Words count more than the file, the file more than the preset, the preset more than the default."""
    (tmp_path / "mine.toml").write_text("iterations = 7\nseed = 8\n")
    run(*PAIR, "--preset", "draft", "--config", "mine.toml", "--seed", "9")
    assert replace(planned[0], precision="auto") == Settings(size=256, iterations=7, seed=9)


def test_printed_settings_can_be_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What `--print-config` prints is a file for `--config` that gives the same settings."""
    assert run("--preset", "gatys-tf1", "--seed", "3", "--print-config") == 0
    printed = capfd.readouterr().out
    (tmp_path / "mine.toml").write_text(printed)
    expected = replace(Settings.preset("gatys-tf1"), seed=3)
    assert parse(["--config", "mine.toml"]).settings == expected
    assert run("--config", "mine.toml", "--print-config") == 0
    assert capfd.readouterr().out == printed


def test_another_programs_words_are_understood(
    pictures: None, planned: list[Settings], trained: list[Any], tmp_path: Path
) -> None:
    """The command line of pixforgeon runs its objective with its numbers."""
    numbers = ("-cw", "5e4", "-sw", "20", "-e", "30", "-lr", "0.02", "-tw", "3")
    run("-c", "content.png", "-s", "style.png", *numbers, "--output-filename", "out.jpg")
    expected = Settings.preset("pixforgeon")
    expected = replace(expected, content_weight=5e4, style_weight=20.0, iterations=30, learning_rate=0.02)
    assert planned == [replace(expected, tv_weight=3.0)]


@pytest.mark.slow
def test_presets_are_compared(pictures: None, trained: list[Any], tmp_path: Path) -> None:
    """`--compare` makes a picture with each preset, and a sheet of them; settings that are named count for all."""
    assert run(*PAIR, *QUICK[:4], "--style-size", "27", "--compare", "draft,kyungoh", "-o", "out.png") == 0
    made = [f"out-{name}{suffix}" for name in ("draft", "kyungoh") for suffix in (".png", ".png.toml")]
    assert files(tmp_path) == [*made, "out.png", "out.png.csv"]
    for name in ("draft", "kyungoh"):
        made = record.read_record(f"out-{name}.png")["settings"]
        assert (made["size"], made["iterations"]) == (27, 3)
        assert made["content_weight"] == Settings.preset(name).content_weight


# Many.


def test_a_batch_makes_every_pair(
    pictures: None, trained: list[Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each content is made with each style, with a sheet and a table; a second call makes nothing."""
    (tmp_path / "broken.png").write_bytes(b"no picture")
    argv = ["batch", "-c", "content.png", "broken.png", "-s", "style.png", "other.png", "-o", "made", *QUICK]
    assert run(*argv, "--dry-run") == 0
    assert not (tmp_path / "made").exists()
    assert run(*argv) == 1
    assert "2 of 4 pictures failed" in capfd.readouterr().err.splitlines()[-1]
    names = [path.name for path in (tmp_path / "made").iterdir()]
    assert len([name for name in names if name.endswith(".png")]) == 2
    assert {"batch.csv", "contact-sheet.jpg"} < set(names)
    (tmp_path / "broken.png").unlink()
    assert run(*(word for word in argv if word != "broken.png")) == 0
    assert "2 of 2 pictures are there already" in capfd.readouterr().err


@pytest.mark.slow
def test_a_batch_takes_two_words(pictures: None, trained: list[Any], capfd: pytest.CaptureFixture[str]) -> None:
    """Contents and styles may be two words, or one word beside an option; other numbers of words are refused."""
    asked = ["*.png", "style.png"]
    plans = []
    for words in (asked, ["-s", "style.png", "--", "*.png"], ["style.png", "-c", "*.png"]):
        assert run("batch", "--dry-run", *QUICK, *words) == 0
        plans.append(capfd.readouterr().out)
    assert plans[0] == plans[1] == plans[2]
    for words in (["content.png"], ["content.png", "style.png", "other.png"], [*PAIR, "-s", "style.png"]):
        assert run("batch", *words, *QUICK) == 2
        assert "one word for the contents and one for the styles" in capfd.readouterr().err


def test_a_sweep_draws_a_grid(pictures: None, trained: list[Any], tmp_path: Path) -> None:
    """A setting is varied, and the pictures are drawn side by side."""
    argv = ["sweep", *PAIR, "--over", "style-strength=0.5,2", "-o", "grid.png", *QUICK]
    assert run(*argv, "--dry-run") == 0
    assert files(tmp_path) == []
    assert run(*argv) == 0
    made = [record.read_record(f"grid_style-strength-{value}.png")["settings"] for value in ("0.5", "2")]
    assert [settings["style_strength"] for settings in made] == [0.5, 2.0]
    assert min(pixels("grid.png").shape[:2]) > 200


def test_a_plan_tells_scales_time_and_memory(
    pictures: None, trained: list[Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """`--dry-run` prints a line for each scale and writes nothing."""
    assert run(*PAIR, "--size", "54", "--min-size", "27", "--iterations", "5", "--dry-run") == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["1/3", "2/3", "3/3", "all"]
    assert re.search(r"54 x 38 +5 +\S+ s +\S+ GB", lines[3])
    assert files(tmp_path) == []


# What is refused.

USAGE = {
    "one picture": (["content.png"], "name a style picture as well"),
    "size of nothing": ([*PAIR, "--size", "0"], "size must be like 512"),
    "negative size": ([*PAIR, "--size", "-5"], "size"),
    "noise": ([*PAIR, "--noise", "2"], "noise must be from 0 to 1, not 2.0"),
    "nan": ([*PAIR, "--tv-weight", "nan"], "tv_weight must be a number from 0 on, not nan"),
    "layer": ([*PAIR, "--style-layers", "relu1_9"], "did you mean"),
    "a setting of the demo": (["--iterations", "0"], "iterations must be at least 1"),
    "pooling": ([*PAIR, "--pooling", "median"], "median"),
    "unknown option": ([*PAIR, "--colour"], "--colour"),
    "unknown preset": ([*PAIR, "--preset", "gaty"], "did you mean gatys"),
    "unknown preset of several": ([*PAIR, "--compare", "default,gaty"], "did you mean gatys"),
    "unknown key": ([*PAIR, "--config", "wrong.toml"], "wrong.toml: no setting 'style_wieght': did you mean style_wei"),
    "no file of settings": ([*PAIR, "--config", "no.toml"], "no.toml: cannot be read"),
    "batch of nothing": (["batch", "-s", "style.png"], "name the contents"),
    "batch of no such picture": (["batch", "-c", "no.png", "-s", "style.png"], "there is no such picture: no.png"),
    "sweep of nothing": (["sweep", *PAIR], "name one or two settings"),
    "sweep of an unknown setting": (["sweep", *PAIR, "--over", "styl=1"], "no setting 'styl'"),
    "an unknown command": (["btach", "-c", "content.png"], "no picture and no command 'btach': did you mean batch?"),
    "another unknown command": (["swep", *PAIR], "no picture and no command 'swep': did you mean sweep?"),
}


@pytest.mark.parametrize(("argv", "problem"), USAGE.values(), ids=USAGE)
def test_wrong_usage_exits_with_2(
    argv: list[str], problem: str, pictures: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Arguments that cannot be meant are refused on stderr, by name, before anything is computed."""
    (tmp_path / "wrong.toml").write_text("style_wieght = 1\n")
    assert run(*argv) == 2
    captured = capfd.readouterr()
    assert problem in " ".join(captured.err.split())
    assert captured.err.startswith(f"myvgg style{f' {argv[0]}' * (argv[0] in ('batch', 'sweep'))}: ")
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert files(tmp_path) == ["wrong.toml"]


RANDOM = (*PAIR, "--weights", "random", *QUICK, "-o", "stylized.png")
FAILURES = {
    "missing content": (["missing.png", "style.png"], "missing.png: cannot be read: No such file or directory"),
    "missing style": (["content.png", "missing.png"], "missing.png: cannot be read"),
    "empty content": (["empty.png", "style.png"], "empty.png: the file is empty"),
    "text as style": (["content.png", "text.png"], "text.png: not a picture"),
    "folder as content": ([".", "style.png"], "Is a directory"),
    "missing folder": ([*PAIR, "-o", "no/out.png"], "the folder no does not exist"),
    "folder as output": ([*PAIR, "-o", "folder.png"], "folder.png: it is a folder"),
    "output without suffix": ([*PAIR, "-o", "out"], "cannot write out: name it .png"),
    "output of another kind": ([*PAIR, "-o", "out.gif"], "cannot write out.gif: name it .png"),
    "output is an input": ([*PAIR, "-o", "style.png"], "cannot write style.png: it is one of the inputs"),
    "animation of another kind": ([*PAIR, "--animate", "out.avi"], "out.avi"),
    "missing weights": ([*PAIR, "--weights", "no.h5"], "no.h5"),
    "garbage as weights": ([*PAIR, "--weights", "text.png"], "text.png"),
    "too small": ([*RANDOM, "--size", "8", "--style-layers", "relu5_1"], "the layers need 16 on each side"),
    "shares": (
        [*RANDOM, "--style-blend", "1", "2"],
        "style_blend must be one for each style; styles: 1, style_blend: 2",
    ),
    "masks": ([*RANDOM, "--mask", "left.png", "--mask", "right.png"], "masks must be one for each style"),
    "masks of a plan": ([*RANDOM, "--mask", "left.png", "--mask", "right.png", "--dry-run"], "masks must be one for"),
    "shares of a plan": ([*RANDOM, "--style-blend", "1", "2", "--dry-run"], "style_blend must be one for each style"),
    "16 bits of JPEG": (
        [*PAIR, "--bits", "16", "-o", "out.jpg"],
        "bits must be 8 for out.jpg: only .png and .tif hold",
    ),
    "a mask without a pixel": ([*RANDOM, "--mask", "black.png"], "black.png: the mask is black everywhere"),
    "no record": (["--from-picture", "content.png"], "content.png: holds no record of a run"),
}


@pytest.mark.parametrize(("argv", "problem"), FAILURES.values(), ids=FAILURES)
def test_failures_exit_with_1_and_one_line(
    argv: list[str], problem: str, pictures: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What goes wrong before the first step is one line on stderr, and nothing is written or changed."""
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "stylized.png").write_bytes(b"old")
    Image.new("L", (27, 19)).save("black.png")
    before = sorted(tmp_path.rglob("*"))
    assert run(*argv) == 1
    captured = capfd.readouterr()
    (line,) = captured.err.splitlines()
    assert captured.out == ""
    assert line.startswith("myvgg style: ")
    assert problem in line
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "stylized.png").read_bytes() == b"old"


def test_weights_of_zero_are_refused(
    pictures: None, params: Params, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Weights that are all zero are one line, not a grey picture."""
    zero = {name: LayerParams(0 * kernel, bias) for name, (kernel, bias) in params.layers.items()}
    monkeypatch.setattr(store, "load", lambda *_, **__: replace(params, layers=zero, rms={}))
    assert run(*PAIR, *QUICK, "-o", "out.png") == 1
    assert "all zero: conv1_1" in capfd.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    "words",
    [("-o", "no/out.png"), ("--mask", "left.png", "--mask", "right.png"), ("--style-blend", "1", "2")],
    ids=["output", "masks", "shares"],
)
def test_jobs_are_checked_before_anything_is_loaded(words: tuple[str, ...], pictures: None, trained: list[Any]) -> None:
    """A run that could not begin, or a result that could not be written, is told before weights are looked for."""
    assert run(*PAIR, *words) == 1
    assert trained == []


# Guard.


def test_a_broken_run_says_so_and_leaves_a_picture(
    pictures: None, trained: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """A loss that is no number goes back three times, with a sentence each, then fails with a picture and one line."""
    far = ("--learning-rate", "1e38", "--clip", "end", "--average", "0")
    assert run(*PAIR, *QUICK, *far, "--iterations", "20", "-o", "out.png") == 1
    said = capfd.readouterr().err
    assert said.count("back to the best picture of this scale with half the learning rate") == 3
    assert said.splitlines()[-1].startswith("myvgg style: the loss is nan")
    assert "out.png has the picture so far, of step" in said.splitlines()[-1]
    assert pixels("out.png").std() > 1
    assert not record.read_record("out.png")["run"]["finished"]


# Launchers.


@pytest.mark.parametrize(("words", "program"), LAUNCHERS.values(), ids=LAUNCHERS)
def test_launchers_are_the_same_command(words: list[str], program: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The script and the module give the same help, from any folder, under their own name, and the same exit code."""
    run("--help")
    expected = capfd.readouterr().out.replace("myvgg style", program).split()
    command = [sys.executable, *words]
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.split() == expected
    failed = subprocess.run([*command, "no.png", "no.png"], capture_output=True, text=True, check=False, timeout=60)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr == f"{program}: no.png: cannot be read: No such file or directory\n"


CLASHES = {
    "record over the config": ["--config", "out.png.toml", "-o", "out.png"],
    "animation over the picture": ["--animate", "out.webp", "-o", "out.webp"],
    "picture over the mask": ["--mask", "left.png", "-o", "left.png"],
    "picture over the weights": ["--weights", "weights.png", "-o", "weights.png"],
    "animation over the style": ["--animate", "style.gif", "-s", "style.gif"],
    "a link to an input": ["-o", "link.png"],
    "somebody's table": ["--log", "-o", "made.png"],
    "somebody's record": ["-o", "mine.png"],
}


@pytest.mark.parametrize("words", CLASHES.values(), ids=CLASHES)
def test_no_file_of_the_user_is_overwritten(
    words: list[str], pictures: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """All files that a run reads and writes are compared before it begins, and files of others are left alone."""
    (tmp_path / "out.png.toml").write_text("size = 27\n")
    (tmp_path / "mine.png.toml").write_text("[tool]\n")
    (tmp_path / "made.png.csv").write_text("name,mark\n")
    (tmp_path / "weights.png").write_bytes(b"weights")
    (tmp_path / "style.gif").write_bytes((tmp_path / "style.png").read_bytes())
    (tmp_path / "link.png").symlink_to("content.png")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    pair = ["--content", "content.png"] if "-s" in words else PAIR
    assert run(*pair, *words) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "cannot write" in line
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_picture_at_the_default_name_is_left_alone(
    pictures: None, trained: list[Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A picture that somebody else made is replaced only where it is named as output; one of ours is made again."""
    (tmp_path / "content.png").rename(tmp_path / "stylized.png")
    before = (tmp_path / "stylized.png").read_bytes()
    pair = ["other.png", "style.png", *QUICK]
    assert run(*pair) == 1
    assert "stylized.png exists and is no result of myvgg" in capfd.readouterr().err
    assert (tmp_path / "stylized.png").read_bytes() == before
    assert run(*pair, "-o", "stylized.png") == run(*pair) == 0


def test_no_record(pictures: None, trained: list[Any], tmp_path: Path) -> None:
    """`--no-record` leaves the record out, inside of the picture and beside it."""
    before = files(tmp_path)
    assert run(*PAIR, *QUICK, "--no-record", "-o", "out.png") == 0
    assert files(tmp_path) == sorted([*before, "out.png"])
    with Image.open("out.png") as image:
        assert "myvgg" not in image.info


def test_what_is_named_counts_more_than_the_record(pictures: None, trained: list[Any], tmp_path: Path) -> None:
    """A content, a matte and bits beside `--from-picture` take the place of the recorded ones."""
    assert run(*PAIR, *QUICK, "-o", "out.png") == 0
    words = ["--content", "other.png", "--matte", "#102030", "--bits", "16", "-o", "again.png"]
    assert run("--from-picture", "out.png", *words) == 0
    made = record.read_record("again.png")
    assert (Path(made["inputs"]["content"]["file"]).name, made["run"]["matte"], made["run"]["bits"]) == (
        *("other.png", "#102030", 16),
    )
    assert Path(made["inputs"]["style1"]["file"]).name == "style.png"


@pytest.mark.slow
def test_a_white_matte_counts_more_than_the_record(pictures: None, trained: list[Any]) -> None:
    """A matte that is named counts also where it is the default; one that is not named is the recorded one."""
    assert run(*PAIR, *QUICK, "--matte", "#102030", "-o", "out.png") == 0
    assert run("--from-picture", "out.png", "-o", "same.png") == 0
    assert run("--from-picture", "out.png", "--matte", "white", "-o", "white.png") == 0
    assert [record.read_record(name)["run"]["matte"] for name in ("same.png", "white.png")] == ["#102030", "white"]


@pytest.mark.slow
def test_the_first_picture_is_named_without_its_folder(pictures: None, trained: list[Any], tmp_path: Path) -> None:
    """A PNG names the first picture without its folder; the run is repeated, and another first picture counts more."""
    (tmp_path / "private").mkdir()
    (tmp_path / "content.png").rename(tmp_path / "private" / "start.png")
    pair = ["other.png", "style.png"]
    assert run(*pair, *QUICK, "--init", str(tmp_path / "private" / "start.png"), "-o", "out.png") == 0
    with Image.open("out.png") as image:
        assert "private" not in image.info["myvgg"]
    assert run("--from-picture", "out.png", "-o", "same.png") == 0
    assert np.array_equal(pixels("same.png"), pixels("out.png"))
    assert run("--from-picture", "out.png", "--init", "other.png", "-o", "another.png") == 0
    assert Path(record.read_record("another.png")["inputs"]["init"]["file"]).name == "other.png"
    assert run("--from-picture", "out.png", "--init", "content", "-o", "third.png") == 0
    assert "init" not in record.read_record("third.png")["inputs"]


def test_a_record_finds_its_files_in_its_own_folder(pictures: None, trained: list[Any], tmp_path: Path) -> None:
    """A file of the same name in the present folder, of other content, does not hide the one beside the picture."""
    (tmp_path / "A").mkdir()
    for name in PAIR:
        shutil.copy(name, tmp_path / "A" / name)
    assert run(*PAIR, *QUICK, "-o", "A/r.png") == 0
    shutil.copy("other.png", "content.png")
    assert run("--from-picture", "A/r.png", "-o", "again.png") == 0
    assert np.array_equal(pixels("again.png"), pixels("A/r.png"))


def test_a_record_finds_its_files_from_another_folder(
    pictures: None, trained: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of a record are relative to the folder of the run, which may be above that of the picture."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "out").mkdir()
    shutil.move("content.png", "photos")
    assert run("photos/content.png", "style.png", *QUICK, "-o", "out/r.png") == 0
    monkeypatch.chdir(tmp_path / "out")
    assert run("--from-picture", "r.png", "-o", "again.png") == 0
    assert np.array_equal(pixels("again.png"), pixels("r.png"))


@pytest.mark.slow
def test_masks_of_a_record_go_with_its_styles(
    pictures: None, trained: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """Other styles in the same number take the masks over; another number is told, and where the masks came from.

    A mask of a style stays with its picture, and a picture that the record does not have gets none.
    """
    styles = ("--style", "style.png", "--style", "other.png")
    masks = [word for name in ("left.png", "right.png") for word in ("--mask", name, "--style-mask", name)]
    assert run("--content", "content.png", *styles, *masks, *QUICK, "-o", "r.png") == 0
    assert run("--from-picture", "r.png", "--style", "other.png", "--style", "style.png", "-o", "s.png") == 0
    inputs = record.read_record("s.png")["inputs"]
    assert [Path(inputs[name]["file"]).name for name in ("mask1", "mask2")] == ["left.png", "right.png"]
    assert [Path(inputs[name]["file"]).name for name in ("style_mask1", "style_mask2")] == ["right.png", "left.png"]
    assert run("--from-picture", "r.png", "--style", "content.png", "--style", "style.png", "-o", "n.png") == 0
    inputs = record.read_record("n.png")["inputs"]
    assert {"mask1", "mask2", "style_mask2"} <= {*inputs}
    assert "style_mask1" not in inputs
    capfd.readouterr()
    assert run("--from-picture", "r.png", "--style", "other.png", "-o", "t.png") == 1
    assert "r.png was made with 2 masks, one for each style: name --mask for 1" in capfd.readouterr().err


def test_the_unchosen_name_of_a_sweep_replaces_no_picture(
    pictures: None, trained: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """A photograph called sweep.png stays, also beside an empty table or one of another program."""
    shutil.copy("content.png", "sweep.png")
    before = Path("sweep.png").read_bytes()
    for table in (None, "", "a,b\n1,2\n"):
        if table is not None:
            Path("sweep.png.csv").write_text(table)
        assert run("sweep", *PAIR, "--over", "seed=1", *QUICK) == 1
        assert "sweep.png exists and is no result of myvgg" in capfd.readouterr().err
    assert Path("sweep.png").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("sweep", *PAIR, "--over", "seed=1"),
        (*PAIR, "--compare", "gatys"),
        (*PAIR, "--compare", "gatys", "--log"),
    ],
)
def test_the_unchosen_name_of_a_sheet_is_taken_again(
    words: tuple[str, ...], pictures: None, trained: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """The same sweep or comparison without a name for its sheet ends well twice; the second one makes no picture."""
    for _ in range(2):
        assert run(*words, *QUICK) == 0
    assert "1 of 1 pictures are there already" in capfd.readouterr().err


def test_a_comparison_is_planned(pictures: None, trained: list[Any], capfd: pytest.CaptureFixture[str]) -> None:
    """A dry run tells of each preset's picture."""
    assert run(*PAIR, "--compare", "gatys,draft", "-o", "out.png", "--dry-run", *QUICK) == 0
    told = capfd.readouterr().out
    assert told.startswith("out-gatys.png: 27 x 19, ")
    assert "\nout-draft.png: 27 x 19, " in told
    assert "\n2 pictures, 0 of them done\n" in told


def test_presets_count_more_than_a_picture(
    pictures: None, trained: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """The pictures of a record may be drawn with other presets; a file of all settings leaves nothing to compare."""
    assert run(*PAIR, *QUICK, "-o", "out.png") == 0
    arguments = parse(["--from-picture", "out.png", "--preset", "gatys", "--seed", "5"])
    assert arguments.settings == replace(Settings.preset("gatys"), seed=5)
    Path("all.toml").write_text(tables.dump(Settings()))
    capfd.readouterr()
    assert run(*PAIR, "--config", "all.toml", "--compare", "default,draft") == 2
    assert "default and draft are the same here: --config or other options set" in capfd.readouterr().err


def test_a_comparison_of_nothing_is_wrong_usage(pictures: None, capfd: pytest.CaptureFixture[str]) -> None:
    """`--compare ,` names no preset."""
    assert run(*PAIR, "--compare", ",") == 2
    assert "--compare must name presets" in capfd.readouterr().err


def test_settings_of_a_windows_editor_are_read(tmp_path: Path) -> None:
    """A mark of the order of bytes before the first line is no part of it."""
    path = tmp_path / "my.toml"
    path.write_bytes(b"\xef\xbb\xbfsize = 77\n")
    assert parse([*PAIR, "--config", str(path)]).settings.size == 77
