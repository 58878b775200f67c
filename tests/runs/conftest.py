"""Jobs that take no time, and folders of small pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from myvgg.runs.job import Job
from tests.runs.small import QUICK, save


@pytest.fixture
def template() -> Job:
    """A job without pictures that takes no time."""
    return Job(content=None, styles=(), output=Path(), settings=QUICK)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two contents, a text file and two styles."""
    for number, name in enumerate(("contents/a.png", "contents/b.jpg", "styles/s.png", "styles/t.png")):
        save(tmp_path / name, seed=number)
    (tmp_path / "contents" / "notes.txt").write_text("no picture")
    return tmp_path


@pytest.fixture
def pair(template: Job, folder: Path) -> Job:
    """A job with a content and a style."""
    return replace(
        template, content=folder / "contents/a.png", styles=(folder / "styles/s.png",), output=folder / "sweep.png"
    )
