"""Command lines as containers run them: an unknown user without a home, who may write into one folder alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
UNKNOWN, READS_ALL = "54321", "-all,+dac_read_search"
SMALL = ("--size", "32", "--iterations", "1")
WARNINGS = ("-W", "error")
COMMANDS = {
    "import": [*WARNINGS, "-c", "import myvgg; myvgg.VGG19"],
    "help": [*WARNINGS, "scripts/style.py", "--help"],
    "style": [*WARNINGS, "-m", "myvgg", "style", "{coffee}", "{chelsea}", *SMALL, "--log", "-o", "{out}/ä 日.png"],
    "features": [*WARNINGS, "-m", "myvgg", "features", "{coffee}", "--size", "32", "-o", "{out}/a.png"],
    "extract": [*WARNINGS, "-m", "myvgg", "extract", "{coffee}", "--weights", "bundled", "-o", "{out}/a.parquet"],
}
WRITTEN = {"style": 4, "features": 1, "extract": 1}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (sys.platform == "linux" and os.geteuid() == 0 and shutil.which("setpriv")),
        reason="only root of Linux can become another user, by setpriv",
    ),
]


def run_as_nobody(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python as a user without a name, a home or a right but to read, with a terminal that knows ASCII alone."""
    folder.chmod(0o777)
    places = {"coffee": EXAMPLES / "coffee.jpg", "chelsea": EXAMPLES / "chelsea.jpg", "out": folder}
    become = ["--reuid", UNKNOWN, "--regid", UNKNOWN, "--clear-groups", "--bounding-set", READS_ALL]
    become += ["--inh-caps", READS_ALL, "--ambient-caps", READS_ALL]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        ["setpriv", *become, sys.executable, *(word.format(**places) for word in words)],
        env=environment | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "MYVGG_OFFLINE": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_of_an_unknown_user(name: str, tmp_path: Path) -> None:
    """What needs no cache works without a home, in a read-only folder, with warnings as errors, for any name."""
    done = run_as_nobody(COMMANDS[name], tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert len([*tmp_path.iterdir()]) == WRITTEN.get(name, 0)


def test_a_needed_cache_is_told(tmp_path: Path) -> None:
    """What cannot be done without a cache says in one error how to get one."""
    done = run_as_nobody(["-m", "myvgg", "classify", "{coffee}"], tmp_path)
    assert (done.returncode, "set MYVGG_CACHE to another folder" in done.stderr) == (1, True), done.stderr
