"""Named settings, each in a TOML file of this folder: the values that differ from the default's."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def names() -> tuple[str, ...]:
    """Return the names of the presets, in alphabetical order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def table(name: str) -> dict[str, Any]:
    """Return the values of a preset by setting; `names` has it."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
