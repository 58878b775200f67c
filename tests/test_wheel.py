"""The wheel, in an environment of its own without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", "build", "dist", "*.egg-info", "__pycache__", ".venv", ".*_cache")

pytestmark = pytest.mark.slow


class Installed:
    """The installed wheel and a folder of its user."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self.environment, self.folder = environment, folder

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in the folder, without a network and without the checkout."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("MYVGG_", "PYTHON"))}
        variables |= {"MYVGG_OFFLINE": "1", "MYVGG_CACHE": str(self.folder / "cache")}
        program = str(self.environment / "bin" / command[0])
        return subprocess.run(
            [program, *command[1:]], cwd=self.folder, env=variables, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the archive of sources from a copy of the checkout, and the wheel from that archive."""
    folder = tmp_path_factory.mktemp("wheel")
    source = shutil.copytree(ROOT, folder / "source", ignore=LEFT_OUT)
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source)]
    variables = {**os.environ, "MYVGG_ADDRESS": "https://code.example/myvgg"}
    subprocess.run(build, check=True, capture_output=True, env=variables)
    shutil.rmtree(source)
    return folder


@pytest.fixture(scope="module")
def installed(distributions: Path) -> Installed:
    """Install the wheel beside this environment's other packages."""
    folder = distributions
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "environment", with_pip=False)
    (packages,) = (folder / "environment" / "lib").glob("python*/site-packages")
    others = [path for path in sys.path if path.endswith("site-packages")]  # without the editable install of myvgg
    (packages / "others.pth").write_text("\n".join(others))
    python = str(folder / "environment" / "bin" / "python")
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (folder / "user").mkdir()
    return Installed(folder / "environment", folder / "user")


PACKAGES = {
    "myvgg": "myvgg",
    "converters": "myvgg/converters",
    "weights": "myvgg/weights",
    "examples": "myvgg/examples",
}
"""Folders of the repository, and their places in the wheel."""

DATA = ("*.py", "*.toml", "*.txt", "*.jpg", "py.typed", "vgg19-8bit.safetensors", "README.md")
"""Files of these folders that the packages need."""


def tracked() -> set[str]:
    """Return the files of the packages, by their paths in the repository."""
    files = (path for folder in PACKAGES for path in (ROOT / folder).rglob("*") if path.is_file())
    left_out = {"__pycache__", "drawing"}  # `drawing` is of use in the checkout only
    wanted = (path for path in files if not left_out & {*path.parts} and any(path.match(each) for each in DATA))
    return {path.relative_to(ROOT).as_posix() for path in wanted} - {"examples/README.md"}


def test_the_wheel_has_its_files_and_no_others(distributions: Path) -> None:
    """All modules, presets, pictures and weights are in the wheel, and besides them only what describes it."""
    (wheel,) = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {f"{PACKAGES[top]}/{rest}" for top, _, rest in (path.partition("/") for path in tracked())}
    assert {"myvgg/weights/vgg19-8bit.safetensors", "myvgg/nst/presets/gatys.toml", "myvgg/page/blocks.py"} <= expected
    assert found == expected


def test_the_sources_have_their_files_and_no_others(distributions: Path) -> None:
    """The archive of sources has the files of the packages and those that build them; neither tests nor documents."""
    (sources,) = distributions.glob("*.tar.gz")
    with tarfile.open(sources) as archive:
        names = {each.name.partition("/")[2] for each in archive.getmembers() if each.isfile()}
    build = {"LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg", "setup.py"}
    assert {name for name in names if "egg-info/" not in name} == tracked() | build


def test_the_index_takes_both(distributions: Path) -> None:
    """`twine check --strict` finds nothing, and the description is that of setup.py, with links to the address."""
    files = [str(path) for path in distributions.iterdir() if path.suffix in (".whl", ".gz")]
    done = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(files) == 2
    (wheel,) = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        text = archive.read(metadata).decode()
    assert "Project-URL: Source, https://code.example/myvgg\n" in text
    assert "](https://code.example/myvgg/raw/v" in text


def test_the_packages_have_names_of_their_own(installed: Installed) -> None:
    """Only `myvgg` is at the top, with the converters, presets, examples and the bundled weights inside."""
    code = """
import importlib.util, myvgg
from myvgg import nst, store
assert "environment" in myvgg.__file__, myvgg.__file__
assert all(importlib.util.find_spec(name) is None for name in ("converters", "scripts", "tests", "weights", "examples"))
assert store.bundled_path().exists() and myvgg.photographs.FOLDER.joinpath("waves.jpg").exists()
assert nst.Settings.preset("gatys") != nst.Settings()
assert store.manifest() and myvgg.labels.imagenet_labels()
print(myvgg.converters.load(store.bundled_path()))
"""
    done = installed.run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Params(vgg19, 16 layers, ")


def test_style_makes_a_picture(installed: Installed) -> None:
    """`myvgg style` without pictures makes one of the examples, from any folder."""
    done = installed.run("myvgg", "style", "--size", "40", "--iterations", "2", "--scales", "1")
    assert done.returncode == 0, done.stderr
    assert "scripts/" not in done.stderr
    assert {"stylized.png", "stylized.png.toml"} <= {path.name for path in installed.folder.iterdir()}


def test_convert_writes_weights(installed: Installed) -> None:
    """`myvgg convert` lists the bundled file and converts it; errors name commands that exist here."""
    listed = installed.run("myvgg", "convert", "bundled", "--list")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "conv5_4" in listed.stdout
    assert installed.run("myvgg", "convert", "bundled", "-o", "weights.npz").returncode == 0
    with np.load(installed.folder / "weights.npz") as archive:
        assert archive["conv1_1/kernel"].shape == (3, 3, 3, 64)
    failed = installed.run("myvgg", "classify", str(ROOT / "examples" / "chelsea.jpg"))
    assert failed.returncode == 1
    assert "myvgg convert --download" in failed.stderr
    assert "scripts/" not in failed.stderr


@pytest.mark.parametrize("command", ["style", "style batch", "style sweep", "convert", "extract", "classify", "export"])
def test_every_command_has_its_help(command: str, installed: Installed) -> None:
    """Each command is there and tells about itself."""
    done = installed.run("myvgg", *command.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"myvgg {command}" in " ".join(done.stdout.split())
