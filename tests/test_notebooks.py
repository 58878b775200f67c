"""The notebooks run from top to bottom, and are stored clean."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def _cells(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def _program(path: Path) -> str:
    """Join the code cells; a line of `%pip` belongs to Colab."""
    lines = "\n".join("".join(cell["source"]) for cell in _cells(path) if cell["cell_type"] == "code").splitlines()
    return "\n".join(line.replace("%pip", "pass  # ") if line.lstrip().startswith("%pip") else line for line in lines)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_clean(path: Path) -> None:
    """A notebook must have ids, and neither outputs, nor counts, nor a path of a machine."""
    cells = _cells(path)
    assert len({cell["id"] for cell in cells}) == len(cells)
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells if cell["cell_type"] == "code")
    text = path.read_text(encoding="utf-8")
    assert not [start for start in ("/home/", "/work/", "/tmp/", "/Users/", "C:\\") if start in text]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, tmp_path: Path) -> None:
    """All cells of a notebook must run offline, in a new process, with the bundled weights."""
    small = {"MYVGG_NOTEBOOK_SIZE": "48", "MYVGG_NOTEBOOK_STEPS": "2", "MYVGG_OFFLINE": "1", "MPLBACKEND": "Agg"}
    environment = os.environ | small | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", _program(path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
