"""The commands of the documents: all are understood, and those that a machine without a network can run are run."""

from __future__ import annotations

import configparser
import re
import shlex
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from myvgg import images
from myvgg.cli import app
from myvgg.runs import record
from tests.documents import DOCUMENTS, ROOT, blocks, prose, text_of

LINES = sorted(
    {
        line.partition(" #")[0].strip()
        for document in DOCUMENTS
        for block in blocks(text_of(document), "sh")
        for line in re.split(r"\n|&&", block.replace("\\\n", " "))
        if line.strip()
    }
)
"""All commands of the blocks, each once."""

INLINE = sorted(
    {
        command
        for document in DOCUMENTS
        if document != "CHANGELOG.md"
        for command in re.findall(r"`(myvgg [^`]* -[^`]*)`", prose(text_of(document)))
    }
)
"""Commands with options in running text; the list of changes names options without values."""

OURS = [line for line in LINES if re.match(r"myvgg |python scripts/", line)]
OTHERS = [line for line in LINES if line not in OURS]

SYSTEM = (
    *(r"python -m venv \.venv", r"\. \.venv/bin/activate", r"ray start --head", r"pytest( -m \"\"| -n 0| -W \S+)?"),
    *(
        r"jupyter lab notebooks",
        r"docker (build|run) .*",
        r"uv pip install .*",
        r"twine check .*",
        r"cp -r integrations/.*",
        r"MYVGG_ADDRESS=.*",
    ),
)
"""Commands of other programs."""

NOT_RUN = {
    r"--download": "downloads",
    r"imagenet-vgg|_tf_kernels": "needs a file that is downloaded",
    r"--ray": "needs a cluster",
    r"myvgg app": "serves until it is stopped",
    r"myvgg classify": "needs the classifier",
    r"scripts/style\.py$": "is run by test_the_first_picture_is_that_of_the_first_command",
    r"scripts/app\.py": "serves until it is stopped",
    r"--help": "prints only",
    r"sweep .*--report": "measures five pictures for a minute; sweeps and reports are run by themselves",
}
"""Commands that are understood but not run, and the reason."""

RUN = {
    tuple(re.findall(r"myvgg [a-z]+|(?<= )batch|(?<= )sweep|(?<= )--?[a-z][a-z-]*|(?<=--preset )\w+", line)): line
    for line in OURS
    if not any(re.search(pattern, line) for pattern in NOT_RUN)
}
"""Commands that are run: one for each set of options, or of options and preset."""

SHALLOW = ["--style-layers", "relu1_1", "--content-layers", "relu1_2"]
SMALL = ["--size", "32", "--iterations", "1", "--scales", "1", *SHALLOW]
"""Words that make a run short; later words count more than earlier ones, and a graph of few layers is soon made."""

STEPS = re.compile("neuron|negative|spectrum|dream|reconstruction")
"""The kinds of pictures of features that take steps."""


@pytest.mark.parametrize("command", OURS + INLINE)
def test_commands_are_understood(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of the documents has only arguments that the commands know."""
    monkeypatch.chdir(tmp_path)
    images.save(np.zeros((2, 2, 3), np.float32), "out.png", text=record.embed({"settings": {}}))
    name, words = command_of(command)
    parse = app.module_of(name).parse
    with pytest.raises(SystemExit) if "--help" in words else nullcontext():
        parse(words)


@pytest.mark.parametrize("command", OTHERS)
def test_other_commands_name_what_is_there(command: str) -> None:
    """Extras, targets of make, scripts and modules that a command names exist."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    program, *words = shlex.split(command)
    if program == "pip":
        what = next(word for word in words[1:] if not word.startswith("-"))
        extras = re.fullmatch(r"(?:\.|myvgg-\*\.whl)(?:\[([\w,]+)\])?", what)
        assert words[0] == "install"
        assert extras
        assert {*filter(None, (extras[1] or "").split(","))} <= {*config["options.extras_require"]}
    elif program == "make":
        assert f"\n{words[0]}:" in (ROOT / "Makefile").read_text()
    elif program == "python" and words[0] == "-m" and words[1] != "venv":
        assert find_spec(words[1])
        for word in words[2:]:
            known = word.startswith("-") or "/" in word or "." in word or word.isupper()
            assert known or (ROOT / words[1] / f"{word}.py").exists(), word
    elif program == "python" and words[0] != "-m":
        assert (ROOT / words[0]).exists()
    else:
        assert any(re.fullmatch(pattern, command) for pattern in SYSTEM)


def test_there_are_commands() -> None:
    """The documents show each command."""
    assert {command_of(command)[0] for command in OURS} | {"completion"} == set(app.COMMANDS)


@pytest.mark.slow
@pytest.mark.parametrize("command", RUN.values())
def test_commands_run(command: str, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command of the documents ends well, with pictures of the names that it has; style transfer at a small size."""
    monkeypatch.chdir(files)
    monkeypatch.setenv("MYVGG_WEIGHTS", "bundled")
    monkeypatch.setenv("MYVGG_OFFLINE", "1")
    name, words = command_of(command)
    small = SMALL if name == "style" and "--print-config" not in words else []
    if name == "features":
        small = ["--size", "32", *(["--steps", "2"] if STEPS.search(command) else [])]
    small = small[2:] if any(word.startswith("size=") for word in words) else small
    if "--from-picture" in words:
        assert app.main(["style", "content.jpg", "style.jpg", "-o", "out.png", *SMALL]) == 0
    assert app.main([name, *words, *small]) == 0


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with all files that commands of the documents name."""
    (tmp_path / "docs" / "gallery").mkdir(parents=True)
    for name in ("sky", "ground", "face"):
        (tmp_path / f"docs/gallery/{name}.png").write_bytes((ROOT / f"docs/gallery/{name}.png").read_bytes())
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    picture = np.random.default_rng(0).uniform(0, 255, (40, 48, 3)).astype(np.float32)
    for folder in ("photos", "paintings"):
        (tmp_path / folder).mkdir()
        images.save(picture, tmp_path / folder / "one.png")
    for name in ("content", "style", "one", "two", "photo"):
        images.save(picture, tmp_path / f"{name}.jpg")
    mask = np.zeros((40, 48, 3), np.float32)
    mask[:, :24] = 255
    for name, pixels in {"left": mask, "right": 255 - mask, "face": mask}.items():
        images.save(pixels, tmp_path / f"{name}.png")
    return tmp_path


def command_of(line: str) -> tuple[str, list[str]]:
    """Return the name of a command, which a line calls by itself or by its script, and its words."""
    program, first, *words = shlex.split(line)
    if program == "myvgg":
        return first, words
    assert (ROOT / first).is_file()
    return Path(first).stem.removesuffix("_weights"), words
