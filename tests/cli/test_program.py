"""Errors of commands become one line and an exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from myvgg.cli.program import muted, run
from myvgg.images import ImageError
from myvgg.params import WeightsError
from myvgg.runtime.errors import UsageError
from myvgg.runtime.process import keep_memory


def raising(error: BaseException) -> None:
    """Raise."""
    raise error


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("two files, please"), 2, "tool: two files, please (see --help)"),
        (ValueError("size must be"), 1, "tool: size must be"),
        (OSError(28, "No space left on device", "a.png"), 1, "tool: a.png: No space left on device"),
        (OSError("something"), 1, "tool: something"),
        (UsageError("no option --a\nb"), 2, "tool: no option --a\\nb (see --help)"),
        (OSError(28, "No space left on device", "a\r\n.png"), 1, "tool: a\\r\\n.png: No space left on device"),
        (ImageError("a\u2028b.png: not a picture"), 1, "tool: a\\u2028b.png: not a picture"),
        (WeightsError("a\x1b[2J.h5", "damaged"), 1, "tool: a\\x1b[2J.h5: damaged"),
        (FloatingPointError("nan"), 1, "tool: nan"),
        (MemoryError(), 1, "tool: not enough memory"),
        (MemoryError("lower the size"), 1, "tool: lower the size"),
        (KeyboardInterrupt(), 130, "tool: interrupted"),
        (KeyboardInterrupt("saved a.png"), 130, "tool: interrupted: saved a.png"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_errors_become_one_line(error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every error that users can cause ends in its exit code and one line on stderr."""
    assert run("tool", lambda: raising(error)) == code
    assert capsys.readouterr() == ("", line + "\n")


def test_success_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """What goes well says nothing and ends with 0."""
    assert run("tool", lambda: None) == 0
    assert capsys.readouterr() == ("", "")


def test_bugs_are_not_hidden() -> None:
    """An error that no user can cause keeps its traceback."""
    with pytest.raises(KeyError):
        run("tool", lambda: raising(KeyError("bug")))


def test_termination_is_an_interruption() -> None:
    """SIGTERM ends a run as Ctrl-C does, so that it can clean up, and only while it runs."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def wait() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    try:
        assert run("tool", wait) == 130
        assert signal.getsignal(signal.SIGTERM) == before[signal.SIGTERM]
    finally:
        signal.signal(signal.SIGINT, before[signal.SIGINT])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("presses", "written"), [(1, "whole"), (2, "whole"), (3, "")])
def test_a_second_interruption_lets_files_be_written(
    presses: int, written: str, number: signal.Signals, tmp_path: Path
) -> None:
    """However often Ctrl-C is pressed, there is one line and exit code 130; the first two leave whole files."""
    code = f"""
import atexit, os, signal, sys
from pathlib import Path
from myvgg.cli.program import run
def press(times):
    for _ in range(times):
        os.kill(os.getpid(), {int(number)})
def work():
    try:
        press(1)
    except KeyboardInterrupt as error:
        press({presses} - 1)
        Path("picture").write_text("whole")
        raise KeyboardInterrupt("saved") from error
signal.signal(signal.SIGINT, signal.default_int_handler)
atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))
sys.exit(run("tool", work))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, f"tool: interrupted{': saved' * bool(written)}\n")
    assert "".join(path.read_text() for path in tmp_path.iterdir()) == written


def test_runs_in_other_threads() -> None:
    """Where signals cannot be set, the rest works."""
    codes = []
    thread = threading.Thread(target=lambda: codes.append(run("tool", lambda: None)))
    thread.start()
    thread.join()
    assert codes == [0]


def test_muted_silences_native_output(capfd: pytest.CaptureFixture[str]) -> None:
    """What libraries write on the stream itself is kept away, and only meanwhile."""
    with muted():
        os.write(2, b"greeting")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full", "| head -c 1"])
def test_streams_that_are_closed_or_full(stream: str, tmp_path: Path) -> None:
    """A command line without a usable stream ends in its exit code, and nothing goes into other files."""
    missing = tmp_path / "missing.h5"
    command = f"{sys.executable} -m myvgg convert {missing} -o {tmp_path / 'x.npz'} {stream}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1, 120)  # of head, ours, and Python's own when it cannot flush
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="there is nothing to change elsewhere")
def test_freed_memory_is_kept() -> None:
    """Memory that is freed and taken again is not mapped anew, page by page, once a process keeps it."""
    code = """
import resource, sys
import numpy as np
if sys.argv[1] == "keep":
    from myvgg.runtime.process import keep_memory
    keep_memory()
def use():
    np.ones(2**25, np.uint8)
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    usual, kept = (
        int(subprocess.run([sys.executable, "-c", code, word], capture_output=True, text=True, check=True).stdout)
        for word in ("leave", "keep")
    )
    assert kept < usual / 10


@pytest.mark.slow
def test_command_lines_run_operations_in_order() -> None:
    """Two operations that could run side by side do so with two threads, and not within a command line by itself."""
    code = """
import sys, threading, time
from myvgg.cli.program import run
running, most = [], []
def work(x):
    running.append(1)
    time.sleep(0.3)
    most.append(len(running))
    running.pop()
    return x
def main():
    import tensorflow as tf
    tf.config.threading.set_inter_op_parallelism_threads(int(sys.argv[1]))
    @tf.function
    def both(x):
        first, second = (tf.numpy_function(work, [x + i], tf.float64, stateful=False) for i in range(2))
        return first + second
    both(tf.constant(1.0, tf.float64))
    print(max(most))
run("both", main)
"""
    most = {}
    for threads in ("0", "2"):  # 0 leaves it to TensorFlow
        argv = [sys.executable, "-c", code, threads]
        most[threads] = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert most == {"0": "1\n", "2": "2\n"}


@pytest.mark.parametrize("library", [object(), None], ids=["no mallopt", "no library"])
def test_memory_is_left_alone_where_there_is_nothing_to_set(library: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A C library without that setting is no error."""
    monkeypatch.setattr("ctypes.CDLL", lambda _: library)
    keep_memory()


def test_errors_of_tensorflow_become_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """An error of TensorFlow is one line, however many lines its message has."""
    import tensorflow as tf

    error = tf.errors.ResourceExhaustedError(None, None, "out of\nmemory")
    assert run("tool", lambda: raising(error)) == 1
    assert capsys.readouterr().err == "tool: TensorFlow failed: out of memory\n"


@pytest.mark.parametrize("words", [["--help"], ["style", "--help"], ["convert", "--help"]], ids=" ".join)
def test_a_closed_pipe_is_no_error(words: list[str]) -> None:
    """A reader that has seen enough, such as `head`, gets no traceback."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "myvgg", *words], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert done.stderr == ""


def test_output_of_any_name_in_ascii() -> None:
    """A terminal that knows ASCII alone, and names that are no text, raise nothing."""
    lines = "from myvgg.cli.program import run\nimport sys\nsys.exit(run('a', lambda: print('\\u65e5 \\udcff')))"
    done = subprocess.run(
        [sys.executable, "-c", lines], env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"\\u65e5 \\udcff\n", b"")


COFFEE = str(Path(__file__).parents[2] / "examples" / "coffee.jpg")
MISTAKES = {
    "no picture": ["extract", "none.png"],
    "unknown layer": ["extract", COFFEE, "--layers", "relu9"],
    "no layer": ["extract", COFFEE, "--layers", ","],
    "name of a table": ["extract", COFFEE, "-o", "table.txt"],
    "folder of a table": ["extract", COFFEE, "-o", "none/table.parquet"],
    "no picture to draw": ["features", "none.png"],
    "unknown layer to draw": ["features", COFFEE, "--layer", "relu9"],
    "name of a drawing": ["features", COFFEE, "-o", "a.txt"],
    "unknown layer to export": ["export", "a.onnx", "--layers", "relu9"],
    "name of a model": ["export", "a.txt"],
    "int8 without pictures": ["export", "a.tflite", "--quantize", "int8"],
    "no classes": ["classify", COFFEE, "--top", "0"],
    "masks": ["style", COFFEE, COFFEE, "--mask", COFFEE, "--mask", COFFEE],
    "no content": ["style", "none.png", COFFEE],
    "batch of nothing": ["style", "batch", "-c", "none", "-s", COFFEE],
    "sweep of nothing": ["style", "sweep", COFFEE, COFFEE, "--over", "none=1"],
    "no weights": ["convert", "none.h5", "-o", "a.npz"],
}


@pytest.mark.slow
@pytest.mark.parametrize("words", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told_without_tensorflow(words: list[str], tmp_path: Path) -> None:
    """Wrong usage is told at once: nothing waits for the import of TensorFlow."""
    code = "import sys; from myvgg.cli.app import main; sys.exit(main() + 10 * ('tensorflow' in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode in (1, 2), done.stderr
    assert len(done.stderr.splitlines()) == 1
