"""The documents of the repository, and the blocks of code in them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = (".", "benchmarks", "docs", "docs/reference", "examples", "integrations/comfyui", "notebooks", "weights")
"""Folders that hold files of Markdown."""

DOCUMENTS = sorted(path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).glob("*.md"))
"""All files of Markdown in the repository, from its root."""

FENCED = re.compile(r"^[ >]*```([^\n]*)\n(.*?)^[ >]*```", flags=re.M | re.S)


def text_of(document: str) -> str:
    """Read a document."""
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Find the fenced blocks of a language."""
    return [block for found, block in FENCED.findall(text) if found == language]


def prose(text: str) -> str:
    """Return a text without its fenced blocks."""
    return FENCED.sub("", text)
