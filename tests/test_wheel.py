"""The wheel, in an environment of its own without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
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
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel from a copy of the checkout, and install it beside this environment's other packages."""
    folder = tmp_path_factory.mktemp("wheel")
    source = shutil.copytree(ROOT, folder / "source", ignore=LEFT_OUT)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    shutil.rmtree(source)
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
