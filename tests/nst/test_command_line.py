"""The command line: what it writes, what it says, and how it ends, in this process and in others."""

from __future__ import annotations

import dataclasses
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from myvgg import random_weights, store
from myvgg.nst import Settings, Step, transfer
from myvgg.nst.__main__ import DEMO_SETTINGS, RANDOM_SETTINGS, main
from myvgg.params import Origin, Params

ROOT = Path(__file__).parents[2]
LAUNCHERS = {"module": ["-m", "myvgg.nst"], "script": [str(ROOT / "scripts" / "style.py")]}


@pytest.fixture(autouse=True)
def machine(tiny_params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without weights and without a network, whose random weights are those of the small network."""

    def no_connection(*arguments: Any, **options: Any) -> None:
        raise store.DownloadError("https://example.org/vgg19.h5", "no connection to example.org")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # other processes run this checkout, too
    monkeypatch.setattr(store, "FOLDER", tmp_path / "no weights")
    monkeypatch.setattr(store, "download", no_connection)
    monkeypatch.setenv("MYVGG_CACHE", str(tmp_path / "cache" / "of" / "weights"))
    monkeypatch.delenv("MYVGG_WEIGHTS", raising=False)
    made = replace(tiny_params, origin=Origin(generation="random, orthogonal, seed 0", trained=False))
    monkeypatch.setattr(random_weights, "load_random", lambda: made)


@pytest.fixture
def trained(tiny_params: Params, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Put weights that pass for trained ones into the store; what was asked for is appended to the list."""
    asked: list[Any] = []

    def load(source: Any = None, **options: Any) -> Params:
        asked.append((source, options))
        return replace(tiny_params, origin=Origin(generation="Keras"))

    monkeypatch.setattr(store, "load", load)
    return asked


@pytest.fixture
def pictures(content: np.ndarray, style: np.ndarray, tmp_path: Path) -> list[str]:
    """Names of two picture files."""
    for name, picture in {"content.png": content, "style.png": style}.items():
        Image.fromarray(np.rint(picture).astype(np.uint8)).save(tmp_path / name)
    return [str(tmp_path / "content.png"), str(tmp_path / "style.png")]


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """A function that puts given steps, then an exception if there is one, in the place of the optimisation."""

    def put(totals: list[float], error: BaseException | None = None) -> list[Any]:
        calls: list[Any] = []

        def stylize(content: np.ndarray, style: np.ndarray, settings: Settings, *, vgg: Any) -> Iterator[Step]:
            calls.append((settings, vgg))
            for iteration, total in enumerate(totals, 1):
                yield Step(iteration, np.full((2, 3, 3), iteration, np.float32), {"content": 1.0, "total": total})
            if error is not None:
                raise error

        monkeypatch.setattr(transfer, "stylize", stylize)
        return calls

    return put


def run(*argv: str) -> int:
    """Run the command line in this process and return its exit code."""
    try:
        return main(argv)
    except SystemExit as end:
        return int(end.code or 0)


def pixels(path: str | Path) -> np.ndarray:
    """Read a picture with Pillow alone."""
    with Image.open(path) as image:
        return np.asarray(image)


QUICK = ("--size", "27", "--iterations", "3", "--style-layers", "relu1_1", "--content-layers", "relu2_1")


def test_writes_a_picture(
    pictures: list[str], trained: list[Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two pictures and a name give a file of that name, in the content's form, and progress on stderr alone."""
    assert run(*pictures, "-o", "out.png", *QUICK) == 0
    captured = capfd.readouterr()
    assert pixels("out.png").shape == (19, 27, 3)
    assert captured.out == ""
    assert captured.err.endswith("wrote out.png\n")
    assert "3/3" in captured.err
    assert trained == [(None, {"include_top": False})]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["content.png", "out.png", "style.png"]


def test_writes_what_the_library_computes(
    pictures: list[str], trained: list[Any], tiny_params: Params, content: np.ndarray, style: np.ndarray
) -> None:
    """The file holds the picture of lowest loss that `stylize` gives for the same settings."""
    from myvgg.vgg19 import VGG19

    settings = Settings(
        size=27, iterations=3, style_layers=("relu1_1",), content_layers=("relu2_1",), seed=5, noise=0.2, pooling="avg"
    )
    vgg = VGG19(tiny_params, pooling="avg")
    steps = transfer.stylize(np.rint(content), np.rint(style), settings, vgg=vgg)
    expected = min(steps, key=lambda step: step.losses["total"]).image
    argv = (*QUICK, "--seed", "5", "--noise", "0.2", "--pooling", "avg")
    assert run(*pictures, *argv, "--output", "out.bmp") == 0
    assert np.array_equal(pixels("out.bmp"), np.rint(expected))


def test_the_default_name(pictures: list[str], trained: list[Any], stub: Callable[..., list[Any]]) -> None:
    """Without a name, the result is called stylized.png, and settings and network are the default ones."""
    (calls, code) = stub([1.0]), run(*pictures)
    assert code == 0
    assert pixels("stylized.png").shape == (2, 3, 3)
    ((settings, _),) = calls
    assert settings == Settings()


def test_keeps_the_best_picture(pictures: list[str], trained: list[Any], stub: Callable[..., list[Any]]) -> None:
    """The step with the lowest total is written, the first of several."""
    stub([5.0, 2.0, 3.0, 2.0, 4.0])
    assert run(*pictures, "-o", "out.png") == 0
    assert (pixels("out.png") == 2).all()


@pytest.mark.parametrize("name", ["file.h5", "random.h5"])
def test_a_weights_file_is_read(
    name: str, pictures: list[str], trained: list[Any], stub: Callable[..., list[Any]]
) -> None:
    """A file that is named is loaded, without its dense layers."""
    stub([1.0])
    assert run(*pictures, "--weights", name) == 0
    assert trained == [(name, {"include_top": False})]


def test_random_weights_have_their_own_settings(pictures: list[str], stub: Callable[..., list[Any]]) -> None:
    """With random weights, what suits them is the default, and flags still decide."""
    calls = stub([1.0])
    assert run(*pictures, "--weights", "random", "--pooling", "max") == 0
    assert run(*pictures, "--weights", "random", "--noise", "0.7", "--pooling", "avg") == 0
    (first, first_network), (second, second_network) = calls
    assert first == Settings(**{**RANDOM_SETTINGS, "pooling": "max"})
    assert second == Settings(**{**RANDOM_SETTINGS, "noise": 0.7, "pooling": "avg"})
    for network, reduce in ((first_network, np.max), (second_network, np.mean)):
        maps = network.features(np.full((2, 2, 3), 9.0), ["relu1_2", "pool1"])
        assert np.allclose(maps["pool1"][0, 0, 0], reduce(maps["relu1_2"].numpy(), (0, 1, 2)), rtol=1e-6)


def test_the_demo_needs_nothing(stub: Callable[..., list[Any]], capfd: pytest.CaptureFixture[str]) -> None:
    """Without pictures, weights and network, one line says that random weights are used, and a picture is written."""
    calls = stub([1.0])
    assert run() == 0
    lines = [line for line in capfd.readouterr().err.splitlines() if line and not line.strip().startswith("|")]
    assert len(lines) == 2
    assert "using seeded random ones" in lines[0]
    assert lines[1] == "wrote stylized.png"
    assert pixels("stylized.png").shape == (2, 3, 3)
    assert calls[0][0] == replace(DEMO_SETTINGS, **RANDOM_SETTINGS)


def test_the_demo_takes_trained_weights_and_flags(
    stub: Callable[..., list[Any]], trained: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """Where there are weights, the demo uses them and says nothing of random ones; flags change its settings."""
    calls = stub([1.0])
    assert run("--seed", "4", "-o", "demo.webp") == 0
    assert "random" not in capfd.readouterr().err
    assert calls[0][0] == replace(DEMO_SETTINGS, seed=4)


def test_the_demo_runs(capfd: pytest.CaptureFixture[str]) -> None:
    """The bundled pictures are there and are stylised for real."""
    assert run(*QUICK) == 0
    assert max(pixels("stylized.png").shape) == 27


USAGE = {
    "one picture": (["content.png"], "name a style picture as well"),
    "three pictures": (["a.png", "b.png", "c.png"], "c.png"),
    "size of nothing": (["a.png", "b.png", "--size", "0"], "size must be at least 1, not 0"),
    "noise": (["a.png", "b.png", "--noise", "2"], "noise must be from 0 to 1, not 2.0"),
    "nan": (["a.png", "b.png", "--tv-weight", "nan"], "tv_weight must be a number from 0 on, not nan"),
    "layer": (["a.png", "b.png", "--style-layers", "relu1_9"], "did you mean"),
    "a setting of the demo": (["--iterations", "0"], "iterations must be at least 1"),
    "no number": (["a.png", "b.png", "--size", "big"], "big"),
    "pooling": (["a.png", "b.png", "--pooling", "median"], "median"),
    "unknown option": (["a.png", "b.png", "--colour"], "--colour"),
}


@pytest.mark.parametrize(("argv", "problem"), USAGE.values(), ids=USAGE)
def test_wrong_usage_exits_with_2(
    argv: list[str], problem: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Arguments that cannot be meant are refused on stderr, by name, before a file is opened."""
    assert run(*argv) == 2
    captured = capfd.readouterr()
    assert problem in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert not list(tmp_path.iterdir())


RANDOM = ("content.png", "style.png", "--weights", "random")
FAILURES = {
    "missing content": (["missing.png", "style.png"], "missing.png: cannot be read: No such file or directory"),
    "missing style": (["content.png", "missing.png"], "missing.png: cannot be read"),
    "empty content": (["empty.png", "style.png"], "empty.png: the file is empty"),
    "text as style": (["content.png", "text.png"], "text.png: not a picture"),
    "folder as content": ([".", "style.png"], "Is a directory"),
    "missing folder": (["content.png", "style.png", "-o", "no/out.png"], "the folder no does not exist"),
    "folder as output": (["content.png", "style.png", "-o", "folder.png"], "folder.png: it is a folder"),
    "unwritable output": (["content.png", "style.png", "-o", "/proc/out.png"], "cannot write /proc/out.png"),
    "output without suffix": (["content.png", "style.png", "-o", "out"], "cannot write out: name it .png"),
    "output of another kind": (["content.png", "style.png", "-o", "out.gif"], "cannot write out.gif: name it .png"),
    "missing weights": (["content.png", "style.png", "--weights", "no.h5"], "no.h5"),
    "garbage as weights": (["content.png", "style.png", "--weights", "text.png"], "text.png"),
    "garbage as weights of the demo": (["--weights", "text.png"], "text.png"),
    "too small": ([*RANDOM, "--size", "8", "--style-layers", "relu5_1"], "the smallest that works is 16 x 16"),
}


@pytest.mark.parametrize(("argv", "problem"), FAILURES.values(), ids=FAILURES)
def test_failures_exit_with_1_and_one_line(
    argv: list[str], problem: str, pictures: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What goes wrong before the first step is one line on stderr, and nothing is written or changed."""
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "stylized.png").write_bytes(b"old")
    before = sorted(tmp_path.rglob("*"))
    assert run(*argv) == 1
    captured = capfd.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("style.py: ")
    assert problem in line
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "stylized.png").read_bytes() == b"old"


def test_outputs_are_checked_before_anything_is_loaded(
    pictures: list[str], monkeypatch: pytest.MonkeyPatch, trained: list[Any]
) -> None:
    """A result that could not be written stops the run before weights are looked for."""
    assert run(*pictures, "-o", "no/out.png") == 1
    assert trained == []


def test_own_pictures_need_weights(pictures: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Without weights and network, own pictures fail with the ways out, not with a picture of random weights."""
    assert run(*pictures, "-o", "out.png") == 1
    message = capfd.readouterr().err
    assert message.startswith("style.py: https://example.org/vgg19.h5: no connection")
    for way in ("--download", "--weights FILE", "MYVGG_WEIGHTS", "--weights random"):
        assert way in message
    assert not (tmp_path / "out.png").exists()


def test_the_variable_names_weights(
    pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A variable that names no file is an error, also of the demo, never a reason for random weights."""
    monkeypatch.setenv("MYVGG_WEIGHTS", str(tmp_path / "no.h5"))
    for argv in (pictures, []):
        assert run(*argv) == 1
        assert "MYVGG_WEIGHTS" in capfd.readouterr().err


def test_interrupting_keeps_the_best_picture(
    pictures: list[str], trained: list[Any], stub: Callable[..., list[Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C after some steps writes the best of them, says so, and exits with 130."""
    stub([3.0, 1.0, 2.0], KeyboardInterrupt())
    assert run(*pictures, "-o", "out.png") == 130
    assert (pixels("out.png") == 2).all()
    last = capfd.readouterr().err.splitlines()[-1]
    assert last == "style.py: interrupted: out.png has the best picture so far, of step 2"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "style.py: interrupted"),
        (FloatingPointError("the loss is nan"), 1, "style.py: the loss is nan"),
        (MemoryError(), 1, "style.py: not enough memory"),
    ],
    ids=["interrupted", "failed", "memory"],
)
def test_an_older_result_survives_a_run_without_steps(
    error: BaseException,
    code: int,
    message: str,
    pictures: list[str],
    trained: list[Any],
    stub: Callable[..., list[Any]],
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """A run that ends before its first step leaves an older file as it was."""
    (tmp_path / "out.png").write_bytes(b"old")
    stub([], error)
    assert run(*pictures, "-o", "out.png") == code
    assert (tmp_path / "out.png").read_bytes() == b"old"
    assert capfd.readouterr().err.splitlines()[-1] == message


def test_a_failing_run_keeps_the_best_picture(
    pictures: list[str], trained: list[Any], stub: Callable[..., list[Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    """A run that fails after some steps exits with 1 and leaves the best of them."""
    stub([3.0, 1.0, 2.0], FloatingPointError("the loss is nan at iteration 4"))
    assert run(*pictures, "-o", "out.png") == 1
    assert (pixels("out.png") == 2).all()
    last = capfd.readouterr().err.splitlines()[-1]
    assert last == "style.py: the loss is nan at iteration 4; out.png has the best picture so far, of step 2"


def test_a_folder_that_vanishes_is_one_line(
    pictures: list[str],
    trained: list[Any],
    stub: Callable[..., list[Any]],
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A result that could be written at the start and cannot at the end is a failed run, not a traceback."""
    stub([1.0])
    (tmp_path / "gone").mkdir()
    monkeypatch.setattr(store, "load", _removing(tmp_path / "gone", store.load))
    assert run(*pictures, "-o", "gone/out.png") == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("style.py: ")
    assert last.endswith("No such file or directory")


def _removing(folder: Path, load: Callable[..., Params]) -> Callable[..., Params]:
    def removing(*arguments: Any, **options: Any) -> Params:
        folder.rmdir()
        return load(*arguments, **options)

    return removing


def test_a_read_only_result_is_refused(
    pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An older result that may not be changed stops the run before it starts."""
    (tmp_path / "out.png").write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root may write everywhere
    assert run(*pictures, "-o", "out.png") == 1
    assert capfd.readouterr().err == "style.py: cannot write out.png: the file is read-only\n"


def test_interrupting_while_loading(
    pictures: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Ctrl-C before the optimisation is one word and writes nothing."""

    def load(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "load", load)
    assert run(*pictures, "-o", "out.png") == 130
    assert capfd.readouterr().err == "style.py: interrupted\n"
    assert not (tmp_path / "out.png").exists()


def test_arguments_come_from_the_command_line(
    monkeypatch: pytest.MonkeyPatch, pictures: list[str], trained: list[Any], stub: Callable[..., list[Any]]
) -> None:
    """Called without arguments, as the launchers do, it takes those of the process."""
    stub([1.0])
    monkeypatch.setattr(sys, "argv", ["style.py", *pictures, "-o", "out.png"])
    assert main() == 0
    assert Path("out.png").exists()


def test_help_names_every_setting(capfd: pytest.CaptureFixture[str]) -> None:
    """The help has every field of the settings with its sentence's first words, and every argument."""
    assert run("--help") == 0
    text = " ".join(re.sub(r"[^\w.,;:()/-]+", " ", capfd.readouterr().out).split())
    for field in dataclasses.fields(Settings):
        assert f"--{field.name.replace('_', '-')} " in text
    for words in ("CONTENT", "STYLE", "-o", "--output", "--weights", "Weight of the total variation", "MYVGG_WEIGHTS"):
        assert words in text


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_launchers_are_the_same_command(launcher: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The script and the module give the same help, from any folder, and pass the exit code on."""
    run("--help")
    expected = capfd.readouterr().out.split()
    command = [sys.executable, *LAUNCHERS[launcher]]
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.split() == expected
    failed = subprocess.run([*command, "no.png", "no.png"], capture_output=True, text=True, check=False, timeout=60)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr == "style.py: no.png: cannot be read: No such file or directory\n"


def test_help_loads_nothing_heavy() -> None:
    """Asking for help, and wrong usage, load neither TensorFlow nor NumPy nor Pillow."""
    code = """
import sys
from myvgg.nst.__main__ import main
for argv in (["--help"], ["--size", "0"], ["one.png"]):
    try:
        main(argv)
    except SystemExit:
        pass
print(sorted({"tensorflow", "keras", "numpy", "scipy", "h5py", "PIL"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


WITH_SMALL_WEIGHTS = """
import resource, signal, sys
from dataclasses import replace
from myvgg import store
from myvgg.architecture import vgg
from myvgg.params import Origin, random
small = vgg("small", ((4, 4), (4, 4), (4,) * 4, (4,) * 4, (4,) * 4), dense=(4, 4, 4), input_size=32)
store.load = lambda *arguments, **options: replace(random(small), origin=Origin(generation="Keras"))
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell in the background ignores it
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then the kernel answers with an error, as it does on a full disk
from myvgg.nst.__main__ import main
if sys.argv[1] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


def test_a_real_interrupt_keeps_the_best_picture(pictures: list[str], tmp_path: Path) -> None:
    """A signal from outside, in the middle of a run, leaves a picture, one line and 130."""
    command = [sys.executable, "-c", WITH_SMALL_WEIGHTS, "empty", *pictures, "-o", "out.png"]
    process = subprocess.Popen([*command, "--size", "32", "--iterations", "1000000"], stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        shown = b""
        while not re.search(rb" [1-9]\d*/1000000", shown):
            letters = process.stderr.read1(4096)
            assert letters, shown
            shown += letters
        process.send_signal(signal.SIGINT)
        last = process.communicate(timeout=60)[1].decode().splitlines()[-1]
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert re.fullmatch(r"style\.py: interrupted: out\.png has the best picture so far, of step \d+", last)
    assert pixels("out.png").shape == (23, 32, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["content.png", "out.png", "style.png"]


def test_a_full_disk_at_the_end_leaves_the_old_result(pictures: list[str], tmp_path: Path) -> None:
    """A result that does not fit on the disk is one line and 1; the older one stays and nothing half-written does."""
    (tmp_path / "out.png").write_bytes(b"old")
    command = [sys.executable, "-c", WITH_SMALL_WEIGHTS, "full", *pictures, "-o", "out.png", *QUICK]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("style.py: ")
    assert "File too large" in last
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out.png").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["content.png", "out.png", "style.png"]


def test_the_demo_needs_the_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Installed without its repository, the demo says what is missing."""
    monkeypatch.setattr("myvgg.nst.__main__.DEMO_CONTENT", tmp_path / "nothing.jpg")
    assert main([]) == 2
    assert "the examples come with a clone of the repository" in capsys.readouterr().err


def test_progress_fits_into_a_narrow_terminal(
    pictures: list[str], trained: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """Steps, time left and all four losses are shown in 80 columns."""
    assert run(*pictures, "-o", "out.png", "--size", "32", "--iterations", "120") == 0
    last = [line for line in capfd.readouterr().err.replace("\r", "\n").splitlines() if line.startswith("|")][-1]
    assert len(last) <= 80
    assert re.fullmatch(r"\|.+\| 120/120 \[00:\d\d<00:00, content=\S+, style=\S+, tv=\S+, total=[^]\s]+\] *", last)


def test_progress_is_shown_on_a_terminal_without_a_size(pictures: list[str], tmp_path: Path) -> None:
    """A terminal that says it has no columns and no rows, as those of containers may, shows the progress."""
    command = [sys.executable, "-c", WITH_SMALL_WEIGHTS, "empty", *pictures, "-o", "out.png", "--size", "32"]
    ours, theirs = pty.openpty()
    with subprocess.Popen([*command, "--iterations", "3"], stdout=theirs, stderr=theirs, stdin=theirs) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # how a terminal says that nobody writes to it any more
            while letters := os.read(ours, 4096):
                shown += letters
    os.close(ours)
    assert (process.returncode, b"| 3/3 [" in shown) == (0, True), shown
