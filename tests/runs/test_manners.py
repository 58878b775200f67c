"""The command line in its own process: signals, kill -9, resuming, full disks, terminals."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

PROGRAM = """
import resource, signal, sys
from dataclasses import replace
from myvgg import store
from myvgg.architecture import vgg
from myvgg.params import Origin, random
from myvgg.photographs import measured
small = vgg("small", ((4, 4), (4, 4), (4,) * 4, (4,) * 4, (4,) * 4), dense=(4, 4, 4), input_size=32)
weights = replace(random(small), origin=Origin(generation="Keras"))
store.load = lambda *arguments, **options: measured(weights)
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell in the background ignores it
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then the kernel answers with an error, as it does on a full disk
from myvgg.cli.style import main
from myvgg.runtime import bars
bars.LOG_SECONDS = 0.0  # a line a step
if sys.argv[1] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, resource.RLIM_INFINITY))
if sys.argv[1] == "scarce":  # a machine with 600 MB more than the process holds, and a plan that knows no better
    from myvgg.nst import memory, plan
    held = memory.resident()
    memory.machine_memory = lambda: held + 600_000_000
    plan.tile = lambda *arguments, **options: None
sys.exit(main(sys.argv[2:], program="style.py"))
"""
"""The command line with small weights, on a normal machine, with a full disk, or with scarce memory."""

SHALLOW = ("--content-layers", "relu2_1", "--style-layers", "relu1_1,relu2_2", "--precision", "float32")
"""Shallow layers, since tracing the network takes most of the time."""

RUN = (
    *("content.png", "style.png", "-o", "out/out.png"),
    *(*SHALLOW, "--size", "54", "--min-size", "27", "--iterations", "20"),
)
TIMEOUT = 120


@pytest.fixture(autouse=True)
def folder(content: np.ndarray, style: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder of all processes, with two pictures and a folder for results."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name, picture in {"content.png": content, "style.png": style}.items():
        Image.fromarray(np.rint(picture).astype(np.uint8)).save(tmp_path / name)
    (tmp_path / "out").mkdir()
    return tmp_path


def command(*argv: str, disk: str = "empty") -> list[str]:
    """Return the words that start the command line with small weights."""
    return [sys.executable, "-c", PROGRAM, disk, *argv]


def run(*argv: str, disk: str = "empty") -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    done = subprocess.run(command(*argv, disk=disk), capture_output=True, text=True, check=False, timeout=TIMEOUT)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def stopped(at: int, stop: Callable[[subprocess.Popen[bytes]], None], *argv: str) -> tuple[int, str]:
    """Start a run, call a function when it shows a step, and return its exit code and its messages."""
    process = subprocess.Popen(command(*argv), stderr=subprocess.PIPE)
    assert process.stderr is not None
    shown = b""
    try:
        while max([0, *map(int, re.findall(rb"step (\d+)/", shown))]) < at:
            letters = process.stderr.read1(4096)  # type: ignore[attr-defined]
            assert letters, shown
            shown += letters
        stop(process)
        shown += process.communicate(timeout=TIMEOUT)[1]
    finally:
        process.kill()
        process.communicate()
    return process.returncode, shown.decode()


def timeless(folder: Path) -> dict[str, bytes]:
    """Read the files of a folder, without the line of the record that tells the time of the run."""
    read = {path.name: path.read_bytes() for path in folder.glob("[!.]*")}
    return {name: re.sub(rb"\nseconds = .*", b"", content) for name, content in read.items()}


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_resuming_after_a_kill_ends_with_the_same_bytes(optimizer: str, folder: Path) -> None:
    """After kill -9 in the first and again in a later scale, `--resume` ends with the undisturbed run's bytes."""
    argv = (*RUN, "--optimizer", optimizer, "--checkpoint-every", "0", "--log", "--animate", "out/out.gif")
    assert run(*argv).returncode == 0
    expected = timeless(folder / "out")
    assert set(expected) == {"out.png", "out.png.toml", "out.png.csv", "out.png.losses.png", "out.gif"}
    shutil.rmtree(folder / "out")
    (folder / "out").mkdir()
    code, _ = stopped(15, lambda process: process.kill(), *argv)
    assert code == -signal.SIGKILL
    assert [path.name for path in (folder / "out").glob("[!.]*")] == ["out.png.checkpoint"]
    code, said = stopped(45, lambda process: process.kill(), *argv, "--resume")
    assert code == -signal.SIGKILL
    assert re.search(r"resuming after step \d+", said)
    done = run(*argv, "--resume")
    assert done.returncode == 0
    assert re.search(r"resuming after step [1-9]\d*", done.stderr)
    # A kill in the middle of writing may leave a hidden file that nobody reads.
    assert timeless(folder / "out") == expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_signals_leave_the_picture_and_the_way_on(number: signal.Signals, folder: Path) -> None:
    """Ctrl-C and SIGTERM leave the picture so far and a hint, and a resumed run ends like an undisturbed one."""
    code, said = stopped(15, lambda process: process.send_signal(number), *RUN, "--seed", "3")
    assert code == 130, said
    last = said.splitlines()[-1]
    assert re.fullmatch(
        r"style\.py: interrupted: out/out\.png has the picture so far, of step \d+; "
        r"the same command with --resume goes on",
        last,
    )
    with Image.open(folder / "out" / "out.png") as image:
        assert image.size == (54, 38)
    assert run(*RUN, "--seed", "3", "--resume").returncode == 0
    resumed = (folder / "out" / "out.png").read_bytes()
    assert run(*RUN, "--seed", "3").returncode == 0
    assert (folder / "out" / "out.png").read_bytes() == resumed


def test_a_checkpoint_of_another_run_is_refused(folder: Path) -> None:
    """Other settings or pictures are an error that changes nothing; without a checkpoint a run begins anew."""
    stopped(5, lambda process: process.send_signal(signal.SIGINT), *RUN)
    before = (folder / "out" / "out.png").read_bytes()
    done = run(*RUN, "--style-weight", "3", "--resume")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "out/out.png.checkpoint belongs to another run: settings.style_weight was 1.0 and is 3.0" in last
    shutil.copy(folder / "style.png", folder / "content.png")
    done = run(*RUN, "--resume")
    assert done.returncode == 1
    assert "inputs.content.sha256 was" in done.stderr.splitlines()[-1]
    assert (folder / "out" / "out.png").read_bytes() == before
    (folder / "out" / "out.png.checkpoint").write_bytes(b"garbage")
    done = run(*RUN, "--resume")
    assert done.returncode == 1
    assert "out.png.checkpoint: damaged" in done.stderr.splitlines()[-1]
    (folder / "out" / "out.png.checkpoint").unlink()
    done = run(*RUN, "--iterations", "1", "--resume")
    assert done.returncode == 0
    assert "there is no out/out.png.checkpoint to resume from: beginning anew" in done.stderr


def test_a_folder_that_vanishes_is_made_again(folder: Path) -> None:
    """A folder that was removed meanwhile is made again with a message, and the result is written."""
    code, said = stopped(5, lambda _: shutil.rmtree(folder / "out"), *RUN)
    assert code == 0
    assert "out had vanished and was made again" in said
    assert {path.name for path in (folder / "out").iterdir()} == {"out.png", "out.png.toml"}


def test_a_folder_that_becomes_a_file_is_one_line(folder: Path) -> None:
    """Where the folder cannot be made again, the run fails with one line."""

    def replace(_: subprocess.Popen[bytes]) -> None:
        shutil.rmtree(folder / "out")
        (folder / "out").write_text("mine")

    code, said = stopped(5, replace, *RUN)
    assert code == 1
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "style.py: out: File exists"


def test_a_full_disk_leaves_the_old_result(folder: Path) -> None:
    """A full disk is one line and exit code 1; the older result stays, and no partial file is left."""
    (folder / "out" / "out.png").write_bytes(b"old")
    done = run(*RUN, "--iterations", "1", disk="full")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("style.py: ")
    assert "File too large" in done.stderr.splitlines()[-1]
    assert (folder / "out" / "out.png").read_bytes() == b"old"
    assert [path.name for path in (folder / "out").iterdir()] == ["out.png"]


def test_a_batch_goes_on_after_a_signal(folder: Path) -> None:
    """Ctrl-C in the second picture keeps the first one and the table; the same command makes the rest."""
    Image.open(folder / "content.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "a.png")
    argv = ("batch", "-c", "a.png", "content.png", "-s", "style.png", "-o", "made", *RUN[4:], "--iterations", "60")

    def interrupt(process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        shown = b""
        while not re.search(rb"picture 2 of 2.* step [1-9]\d*/", shown, re.S):
            letters = process.stderr.read1(4096)  # type: ignore[attr-defined]
            assert letters, shown
            shown += letters
        process.send_signal(signal.SIGINT)

    code, said = stopped(1, interrupt, *argv)
    assert (code, said.splitlines()[-1][:27]) == (130, "style.py batch: interrupted")
    statuses = re.findall(r",(made|interrupted),", (folder / "made" / "batch.csv").read_text())
    assert statuses == ["made", "interrupted"]
    done = run(*argv)
    assert done.returncode == 0
    assert "1 of 2 pictures are there already" in done.stderr
    assert "resuming after step" in done.stderr


@pytest.mark.parametrize("words", [(), ("--log",)], ids=["plain", "log"])
def test_progress_fits_into_a_narrow_terminal(words: tuple[str, ...]) -> None:
    """Scale, step, time left and losses fit into 80 columns, also on a terminal without a size."""
    ours, theirs = pty.openpty()
    argv = (*RUN, "--iterations", "3", *words)
    with subprocess.Popen(command(*argv), stdout=theirs, stderr=theirs, stdin=theirs) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # how a terminal says that nobody writes to it any more
            while letters := os.read(ours, 4096):
                shown += letters
    os.close(ours)
    assert process.returncode == 0, shown
    bars = [line for line in re.split(r"[\r\n]", shown.decode()) if line.startswith("scale 3/3")]
    assert re.match(r"scale 3/3 step 13/13 \|.*\| 00:\d\d<00:00, content=\S+, style=\S+, total=\S+", bars[-1])
    assert max(len(line) for line in bars) <= 80


def test_goes_on_in_tiles_before_memory_runs_out(folder: Path, content: np.ndarray) -> None:
    """A process that needs more memory than the machine has goes on in tiles, and gives the same picture."""
    Image.fromarray(np.rint(content).astype(np.uint8)).resize((1024, 720)).save(folder / "content.png")
    program = PROGRAM.replace("((4, 4), (4, 4),", "((64, 64), (64, 64),")
    quick = ("--style-loss", "wasserstein", "--size", "1024", "--scales", "1", "--iterations", "2")
    argv = ("content.png", "style.png", *SHALLOW, *quick, "-o")

    def said(machine: str, output: str) -> str:
        words = [sys.executable, "-c", program, machine, *argv, output]
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=TIMEOUT).stderr

    assert "memory left" not in said("empty", "out/free.png")
    assert re.search(r"little memory left: going on in tiles of \d+ pixels", said("scarce", "out/tiled.png"))
    free, tiled = (np.asarray(Image.open(folder / "out" / name), float) for name in ("free.png", "tiled.png"))
    assert np.abs(tiled - free).mean() < 0.1
