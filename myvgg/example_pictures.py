"""The pictures that come with the package: photographs, and paintings that a script has drawn."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
FOLDER = (_PACKAGE if (_PACKAGE / "examples").is_dir() else _PACKAGE.parent) / "examples"
"""The folder `examples` of the repository, or of the installed package."""
