"""The notebooks run from top to bottom, and are stored clean."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SMALL = "SIZE, STEPS = 64, 2"
"""The cell `parameters` of a notebook in a test: a size in pixels and a number of steps."""

TIMEOUT = 300
"""Longest time of a cell in seconds, on a busy machine."""

nbformat = pytest.importorskip("nbformat", reason="reads notebooks, of the extra test")

notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> Any:
    """Read a notebook, and check it against the format."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


@notebooks
def test_notebook_is_stored_clean(path: Path) -> None:
    """A notebook must have neither outputs, nor counts, nor a path of a machine."""
    cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)
    text = path.read_text(encoding="utf-8")
    assert not [start for start in ("/home/", "/work/", "/tmp/", "/Users/", "C:\\") if start in text]


@notebooks
def test_cells_are_short_and_explained(path: Path) -> None:
    """The first cell must tell the subject; code must be short, and define few functions of its own."""
    cells = read(path).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert max(len(source.splitlines()) for source in code) <= 25
    programs = [ast.parse(re.sub(r"(?m)^(\s*)%.*", r"\1pass", source)) for source in code]
    assert sum(isinstance(node, ast.FunctionDef) for tree in programs for node in ast.walk(tree)) <= 3


@notebooks
def test_notebook_installs_nothing_that_is_there(path: Path) -> None:
    """The first code cell must install the package only where it cannot be imported, and from no address."""
    first = next(cell.source for cell in read(path).cells if cell.cell_type == "code")
    condition, command = re.search(r"(?m)^(if .*)\n    (%pip .*)", first).groups()
    assert condition.startswith('if find_spec("myvgg") is None:')
    assert command == "%pip install -q myvgg-*.whl"


def test_notebooks_are_listed() -> None:
    """The list of notebooks must name all of them, and no other; links of cells must lead to files."""
    listed = re.findall(r"\[`\w+`\]\((\w+\.ipynb)\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == [path.name for path in NOTEBOOKS]
    for path in NOTEBOOKS:
        text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
        links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if not link.startswith("https://")]
        assert [link for link in links if not (FOLDER / link).exists()] == []


@pytest.mark.slow
@notebooks
def test_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All cells must run in a new kernel, offline, and show pictures; files must go into the present folder only."""
    client = pytest.importorskip("nbclient", reason="runs notebooks, of the extra test")
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("MYVGG_OFFLINE", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook, before = read(path), set(FOLDER.iterdir())
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert parameters.source.startswith("SIZE, STEPS = ")
    parameters.source = SMALL
    (folder := tmp_path / "present").mkdir()
    resources = {"metadata": {"path": str(folder)}}
    client.NotebookClient(notebook, timeout=TIMEOUT, kernel_name="python3", resources=resources).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output for output in outputs if "image/png" in output.get("data", {})]
    assert set(FOLDER.iterdir()) == before
