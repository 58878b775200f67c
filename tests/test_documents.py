"""What the documents say is run: their Python, their commands, their lists of files."""

from __future__ import annotations

import re
import runpy
import shlex
from contextlib import nullcontext
from functools import reduce
from pathlib import Path

import numpy as np
import pytest

import myvgg
from myvgg import images, store
from myvgg.architecture import CONFIGURATION_E
from myvgg.cli import app
from myvgg.cli.style import DEMO
from myvgg.cli.style import main as style_main
from myvgg.nst import Settings, tables
from myvgg.params import random
from myvgg.runs import record
from tests import house

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "weights/README.md",
    "examples/README.md",
    "docs/README.md",
    "docs/network.md",
    "docs/microscope.md",
    "docs/style.md",
    "docs/differences.md",
    "docs/presets.md",
    "docs/gallery.md",
    "docs/ablation.md",
    "docs/performance.md",
    "docs/scale.md",
]


def blocks(text: str, language: str) -> list[str]:
    """Find the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.M | re.S)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random parameters without the classifier."""
    path = tmp_path_factory.mktemp("weights") / "vgg19.safetensors"
    random(include_top=False).save(path)
    return path


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if blocks((ROOT / each).read_text(), "python")])
def test_python_of_the_documents_runs(
    document: str, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python blocks of a document run one after the other in one session, and shapes in comments are true."""
    monkeypatch.setenv("MYVGG_WEIGHTS", str(weights))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    session: dict[str, object] = {}
    for block in blocks((ROOT / document).read_text(), "python"):
        exec(block, session)
        if "# {" in block:
            shapes = {name: tuple(tensor.shape) for name, tensor in session["maps"].items()}  # type: ignore[attr-defined]
            assert f"# {shapes}".replace("'", '"') in block


def test_the_readme_is_short() -> None:
    """A newcomer reads it in five minutes."""
    assert len(README.split()) <= 900


COMMANDS = [
    line.partition("#")[0]
    for document in DOCUMENTS
    for block in blocks((ROOT / document).read_text(), "sh")
    for line in re.split(r"\n|&&", block)
    if re.search(r"python scripts/|^\s*myvgg ", line)
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of the documents has only arguments that the commands know."""
    monkeypatch.chdir(tmp_path)
    images.save(np.zeros((2, 2, 3), np.float32), "out.png", text=record.embed({"settings": {}}))
    name, words = command_of(command)
    parse = app.module_of(name).parse
    with pytest.raises(SystemExit) if "--help" in words else nullcontext():
        parse(words)


def command_of(line: str) -> tuple[str, list[str]]:
    """Return the name of a command, which a line calls by itself or by its script, and its words."""
    program, first, *words = shlex.split(line)
    if program == "myvgg":
        return first, words
    assert (ROOT / first).is_file()
    return Path(first).stem.removesuffix("_weights"), words


@pytest.mark.slow
def test_the_first_picture_is_that_of_the_first_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's first picture has the settings of its first command, and the bundled weights; both draw the same.

    The command is run on a machine without a network and without files, at a small size, and so is the drawing.
    """
    first = blocks(README, "sh")[0].strip()
    assert first == "python scripts/style.py"
    assert "docs/first.png" in README[: README.index(first)]
    stored = record.read_record(ROOT / "docs" / "first.png")
    expected = tables.table_of(Settings(**DEMO))
    assert stored["settings"] | {"precision": "auto"} == expected | {"precision": "auto"}
    assert stored["weights"]["sha256"] == store.load("bundled").origin.sha256

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MYVGG_OFFLINE", "1")
    monkeypatch.setenv("MYVGG_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MYVGG_WEIGHTS", raising=False)
    monkeypatch.setattr(store, "_stored", lambda *_: iter(()))
    small = ["--size", "40", "--iterations", "2", "--scales", "1"]
    (tmp_path / "docs").mkdir()
    assert style_main(small) == 0
    monkeypatch.setenv("MYVGG_WEIGHTS", "bundled")
    draw = runpy.run_path(str(ROOT / "docs" / "draw.py"))
    assert style_main([*shlex.split(draw["FIRST"]), *small]) == 0
    assert np.array_equal(images.load("stylized.png"), images.load("docs/first.png"))


def test_every_picture_of_the_documents_has_its_drawing() -> None:
    """Pictures that `draw.py` makes are there, and the pictures of the README and the gallery are among them."""
    draw = runpy.run_path(str(ROOT / "docs" / "draw.py"))
    drawn = {draw["file_of"](name).relative_to(ROOT).as_posix() for name in draw["drawings"]()}
    assert [name for name in drawn if not (ROOT / name).exists()] == []
    shown = set(re.findall(r"\]\((docs/(?:first|gallery/)[^)]+\.(?:png|jpg))\)", README))
    network = (ROOT / "docs" / "network.md").read_text()
    shown |= {f"docs/{each}" for each in re.findall(r"\]\((features/[^)]+\.png)\)", network)}
    microscope = (ROOT / "docs" / "microscope.md").read_text()
    shown |= {f"docs/{each}" for each in re.findall(r"\]\((microscope/[^)]+\.jpg)\)", microscope)}
    assert shown
    assert shown <= drawn
    assert (ROOT / "docs" / "gallery.md").read_text() == draw["document"]()


def test_nothing_is_left_to_fill_in() -> None:
    """No word in capitals stands alone where a table should be."""
    assert re.findall(r"^[A-Z]{4,}$", README, flags=re.M) == []


def test_there_are_commands() -> None:
    """The documents show each command."""
    assert {command_of(command)[0] for command in COMMANDS} | {"completion"} == set(app.COMMANDS)


def test_records_name_no_folder_of_a_machine() -> None:
    """The pictures of the documents can be made again in any clone: their inputs have relative paths."""
    records = [path for path in (ROOT / "docs").rglob("*.toml") if "[inputs" in path.read_text()]
    assert len(records) > 10
    named = [file for path in records for file in re.findall(r'^file = "(.+)"', path.read_text(), flags=re.M)]
    assert [file for file in named if Path(file).is_absolute()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_to_sections_lead_somewhere(document: str) -> None:
    """Links to a heading of a document name one that it has."""
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", (ROOT / document).read_text()):
        target = (ROOT / document).parent / path if path else ROOT / document
        headings = re.findall(r"^#+ (.+)$", target.read_text(), flags=re.M)
        slugs = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
        assert anchor in slugs


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    """Links to files of the repository name files that exist."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / document).read_text())
    missing = [link for link in links if not (ROOT / document).parent.joinpath(link).exists()]
    assert missing == []


def test_architecture_names_every_module() -> None:
    """ARCHITECTURE.md has the table of modules that their docstrings make, and names no module that is gone."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert house.rooms() in text, "run python -m tests.house --rooms, and put its table into ARCHITECTURE.md"
    named = re.findall(r"`((?:myvgg|converters|tests)/[\w/]+\.py)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if each != "CHANGELOG.md"])
def test_names_of_the_documents_are_reachable(document: str) -> None:
    """Each `myvgg.name` of a document is there after `import myvgg`."""
    for name in re.findall(r"(?<![\w./-])myvgg(?:\.\w+)+", (ROOT / document).read_text()):
        if not name.endswith((".py", ".toml")):
            reduce(getattr, name.split(".")[1:], myvgg)


def test_tests_named_as_proof_exist() -> None:
    """A test that a document points to is there."""
    found = 0
    for document in DOCUMENTS:
        for name, path in re.findall(r"\[`(test_\w+)`\]\(([^)]+)\)", (ROOT / document).read_text()):
            assert f"def {name}(" in ((ROOT / document).parent / path).read_text()
            found += 1
    assert found >= 4


def test_documents_name_layers_that_exist() -> None:
    """The table of names holds names of the network."""
    text = (ROOT / "docs" / "network.md").read_text()
    table = text[text.index("| name | tensor") : text.index("Pictures are R, G, B")]
    for name in re.findall(r"`(\w+)`", table):
        CONFIGURATION_E.resolve(name)


def test_example_pictures_have_credits() -> None:
    """Every example picture has its row with a licence."""
    text = (ROOT / "examples/README.md").read_text()
    pictures = sorted(path.name for path in (ROOT / "examples").glob("*.jpg"))
    rows = dict(re.findall(r"^\| `(\S+)` \|.*\| (.+) \|$", text, flags=re.M))
    assert sorted(rows) == pictures
    assert all(re.search("MIT|CC0|public domain", credit) for credit in rows.values())
