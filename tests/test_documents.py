"""What the documents say is run: their Python, their commands, their lists of files."""

from __future__ import annotations

import re
import runpy
import shlex
from functools import reduce
from pathlib import Path

import numpy as np
import pytest

import myvgg
from myvgg import images, store
from myvgg.architecture import CONFIGURATION_E
from myvgg.cli.style import DEMO
from myvgg.cli.style import main as style_main
from myvgg.nst import Settings, tables
from myvgg.params import random
from myvgg.runs import record
from tests import house
from tests.documents import DOCUMENTS, FENCED, ROOT, blocks, prose, text_of

README = text_of("README.md")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random parameters without the classifier."""
    path = tmp_path_factory.mktemp("weights") / "vgg19.safetensors"
    random(include_top=False).save(path)
    return path


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(each, marks=[] if each == "README.md" else pytest.mark.slow)
        for each in DOCUMENTS
        if blocks(text_of(each), "python")
    ],
)
def test_python_of_the_documents_runs(
    document: str, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python blocks of a document run one after the other in one session, and shapes in comments are true."""
    monkeypatch.setenv("MYVGG_WEIGHTS", str(weights))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    session: dict[str, object] = {}
    for block in blocks(text_of(document), "python"):
        exec(block, session)
        if "# {" in block:
            shapes = {name: tuple(tensor.shape) for name, tensor in session["maps"].items()}  # type: ignore[attr-defined]
            assert f"# {shapes}".replace("'", '"') in block


def test_the_readme_is_short() -> None:
    """A newcomer reads it in five minutes."""
    assert len(README.split()) <= 900


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


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    """Blocks are Python or commands, which tests run, or plain text; no code is indented in place of fenced."""
    for document in DOCUMENTS:
        text = text_of(document)
        assert {language for language, _ in FENCED.findall(text)} <= {"python", "sh", "text"}, document
        assert "```" not in prose(text), document
        assert not re.search(r"^\s*~~~|<pre|<code", prose(text), flags=re.M), document
        indented = re.findall(r"^(?: {4}|\t) *(?![-*]|\d+\.|options: \{filters)\S.*", prose(text), flags=re.M)
        assert indented == [], document


def test_every_picture_of_the_documents_has_its_command() -> None:
    """The table of `docs/README.md` has a command for each picture, and the program of the command makes it."""
    docs = ROOT / "docs"
    pictures = {path.relative_to(docs) for path in docs.rglob("*") if path.suffix in (".png", ".jpg", ".svg", ".webp")}
    table = text_of("docs/README.md").partition("| pictures | command |")[2]
    rows = {
        place: row for row in re.findall(r"^\|.+\|$", table, flags=re.M) for place in re.findall(r"`([^` ]+)`", row)
    }
    assert {picture.parts[0] for picture in pictures} == {place.rstrip("/") for place in rows if place in MADE}
    for picture in pictures:
        place = picture.parts[0] + "/" * (len(picture.parts) > 1)
        program = MADE[place]
        assert Path(program).parts[0] in rows[place], rows[place]
        assert picture.stem.partition("_")[0] in text_of(program), f"{program} does not make {picture}"


MADE = {
    "first.png": "docs/draw.py",
    "features/": "docs/draw.py",
    "microscope/": "docs/draw.py",
    "gallery/": "docs/draw.py",
    "house/": "docs/diagrams.py",
    "page/": "tests/page/test_browser.py",
    "performance/": "benchmarks/figures.py",
    "ablation/": "benchmarks/ablation.py",
    "quality/": "benchmarks/quality_page.py",
}
"""The module that names the pictures of each folder of the documents."""


def test_pictures_of_the_drawing_script_are_there() -> None:
    """Pictures that `draw.py` makes are there, and the gallery is the page that it writes."""
    draw = runpy.run_path(str(ROOT / "docs" / "draw.py"))
    drawn = {draw["file_of"](name) for name in draw["drawings"]()}
    assert [path for path in drawn if not path.exists()] == []
    assert text_of("docs/gallery.md") == draw["document"]()


def test_the_diagrams_are_those_of_the_code() -> None:
    """The diagrams are as drawn now, each module of the contract stands in one storey, and named modules exist."""
    diagrams = runpy.run_path(str(ROOT / "docs" / "diagrams.py"))
    for name, drawn in diagrams["diagrams"]().items():
        stored = (ROOT / "docs" / "house" / name).read_text(encoding="utf-8")
        assert stored == drawn, "run python docs/diagrams.py"
    listed = [module for storey in diagrams["modules_of_storeys"]() for module in storey]
    contract = (ROOT / "setup.cfg").read_text().partition("\nlayers =")[2].partition("\n\n")[0]
    assert listed == contract.replace("|", " ").split()
    stages = (*diagrams["BEFORE"], *diagrams["LOOP"], *diagrams["AFTER"])
    assert all((ROOT / "myvgg" / stage.module).exists() for stage in stages)


def test_nothing_is_left_to_fill_in() -> None:
    """No word in capitals stands alone where a table should be."""
    assert re.findall(r"^[A-Z]{4,}$", README, flags=re.M) == []


def test_records_name_no_folder_of_a_machine() -> None:
    """The pictures of the documents can be made again in any clone: their inputs have relative paths."""
    records = [path for path in (ROOT / "docs").rglob("*.toml") if "[inputs" in path.read_text()]
    assert len(records) > 10
    named = [file for path in records for file in re.findall(r'^file = "(.+)"', path.read_text(), flags=re.M)]
    assert [file for file in named if Path(file).is_absolute()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_to_sections_lead_somewhere(document: str) -> None:
    """Links to a heading of a document name one that it has."""
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", text_of(document)):
        target = (ROOT / document).parent / path if path else ROOT / document
        headings = re.findall(r"^#+ (.+)$", target.read_text(), flags=re.M)
        slugs = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
        assert anchor in slugs


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    """Links to files of the repository name files that exist."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text_of(document))
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
    for name in re.findall(r"(?<![\w./-])myvgg(?:\.\w+)+", text_of(document)):
        if not name.endswith((".py", ".toml")):
            reduce(getattr, name.split(".")[1:], myvgg)


def test_tests_named_as_proof_exist() -> None:
    """A test that a document points to is there."""
    found = 0
    for document in DOCUMENTS:
        for name, path in re.findall(r"\[`(test_\w+)`\]\(([^)]+)\)", text_of(document)):
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
