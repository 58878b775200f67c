"""What the documents say is run: their Python, their commands, their lists of files."""

from __future__ import annotations

import re
import runpy
import shlex
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tyro

import converters.__main__
from myvgg import classification, store, visualization
from myvgg.architecture import CONFIGURATION_E
from myvgg.extraction.__main__ import Arguments as ExtractArguments
from myvgg.nst import Settings, images, presets, record
from myvgg.nst.__main__ import DEMO
from myvgg.nst.__main__ import main as style_main
from myvgg.nst.arguments import Arguments, BatchArguments, SweepArguments, parse
from myvgg.params import Params, random, save

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
    save(random(include_top=False), path)
    return path


def test_python_of_the_readme_runs(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All Python blocks, one after the other in one session, do what their comments say."""
    monkeypatch.setenv("MYVGG_WEIGHTS", str(weights))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    session: dict[str, object] = {}
    first, *rest = blocks(README, "python")
    exec(first, session)
    shapes = {name: tuple(tensor.shape) for name, tensor in session["maps"].items()}  # type: ignore[attr-defined]
    assert f"# {shapes}".replace("'", '"') in first
    for block in rest:
        exec(block, session)
    assert len(rest) == 3
    assert set(session["found"]) == {"relu4_2", "pool5"}  # type: ignore[call-overload]
    assert isinstance(session["params"], Params)
    assert (tmp_path / "out.png").stat().st_size > 1000


COMMANDS = [
    line.partition("#")[0]
    for document in DOCUMENTS
    for block in blocks((ROOT / document).read_text(), "sh")
    for line in re.split(r"\n|&&", block)
    if "python scripts/" in line
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of the documents has only arguments that the command lines know."""
    monkeypatch.chdir(tmp_path)
    images.save(np.zeros((2, 2, 3), np.float32), "out.png", text=record.embed({"settings": {}}))
    _, script, *arguments = shlex.split(command)
    assert (ROOT / script).is_file()
    parse = {
        "style.py": _parse_style,
        "convert_weights.py": partial(tyro.cli, converters.__main__.Arguments),
        "extract.py": partial(tyro.cli, ExtractArguments),
        "classify.py": partial(tyro.cli, classification.Arguments),
        "features.py": partial(tyro.cli, visualization.Arguments),
    }[Path(script).name]
    with pytest.raises(SystemExit) if "--help" in arguments else nullcontext():
        parse(args=arguments) if isinstance(parse, partial) else parse(arguments)


def _parse_style(arguments: list[str]) -> None:
    kinds = {"batch": BatchArguments, "sweep": SweepArguments}
    if arguments and arguments[0] in kinds:
        parse(kinds[arguments[0]], arguments[1:])
    else:
        parse(Arguments, arguments)


def test_the_first_picture_is_that_of_the_first_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's first picture has the settings of its first command, and the bundled weights; both draw the same.

    The command is run on a machine without a network and without files, at a small size, and so is the drawing.
    """
    first = blocks(README, "sh")[0].strip()
    assert first == "python scripts/style.py"
    assert "docs/first.png" in README[: README.index(first)]
    stored = record.read_record(ROOT / "docs" / "first.png")
    expected = presets.table_of(Settings(**DEMO))
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
    shown = set(re.findall(r"\]\((docs/(?:first|gallery/|features/)[^)]+\.(?:png|jpg))\)", README))
    assert shown
    assert shown <= drawn
    assert (ROOT / "docs" / "gallery.md").read_text() == draw["document"]()


def test_nothing_is_left_to_fill_in() -> None:
    """No word in capitals stands alone where a table should be."""
    assert re.findall(r"^[A-Z]{4,}$", README, flags=re.M) == []


def test_there_are_commands() -> None:
    """The documents show each script."""
    assert {Path(shlex.split(command)[1]).name for command in COMMANDS} == {p.name for p in ROOT.glob("scripts/*.py")}


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
    """ARCHITECTURE.md has a place for each module, and names none that is gone."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    modules = {path for package in ("myvgg", "converters") for path in (ROOT / package).rglob("[!_]*.py")}
    assert [str(path.relative_to(ROOT)) for path in modules if path.name not in text] == []
    named = re.findall(r"`((?:myvgg|converters)/[\w/]+\.py)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_tests_named_as_proof_exist() -> None:
    """A test that the README points to is there."""
    for name, path in re.findall(r"\[`(test_\w+)`\]\(([^)]+)\)", README):
        assert f"def {name}(" in (ROOT / path).read_text()


def test_readme_names_layers_that_exist() -> None:
    """The table of names holds names of the network."""
    table = README[README.index("| name | what it is") : README.index("Pictures are R, G, B")]
    for name in re.findall(r"`(\w+)`", table):
        CONFIGURATION_E.resolve(name)


def test_example_pictures_have_credits() -> None:
    """Every example picture has its row with a licence."""
    text = (ROOT / "examples/README.md").read_text()
    pictures = sorted(path.name for path in (ROOT / "examples").glob("*.jpg"))
    rows = dict(re.findall(r"^\| `(\S+)` \|.*\| (.+) \|$", text, flags=re.M))
    assert sorted(rows) == pictures
    assert all(re.search("MIT|CC0|public domain", credit) for credit in rows.values())
