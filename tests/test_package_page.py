"""The package's page at the index, whose links must work where the repository's files are not."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
ADDRESS = "https://code.example/people/myvgg"
"""An address of the kind that a release has; names ending in `.example` belong to nobody."""


@pytest.fixture(scope="module")
def page() -> Any:
    """The function of setup.py that makes the page."""
    return runpy.run_path(str(ROOT / "setup.py"))["page"]


def targets(markdown: str) -> tuple[list[str], list[str]]:
    """Find the links and the pictures of a text by a parser of Markdown, in the order of the text."""
    markdown_it = pytest.importorskip("markdown_it", reason="needs markdown-it-py, which comes with twine")
    links, pictures = [], []
    for block in markdown_it.MarkdownIt("commonmark").enable("table").parse(markdown):
        for token in block.children or []:
            if token.type == "link_open":
                links.append(token.attrs["href"])
            elif token.type == "image":
                pictures.append(token.attrs["src"])
    return links, pictures


def test_all_links_are_absolute_and_lead_to_files(page: Any) -> None:
    """With an address, each link is a file's page and each picture a file, at the tag of the version."""
    made = page(f"{ADDRESS}/", "1.2.3")
    links, pictures = targets(made["long_description"])
    expected = targets((ROOT / "README.md").read_text())
    assert (len(links), len(pictures)) == (len(expected[0]), len(expected[1]))
    assert len(pictures) >= 6
    for found, kind in [(links, "blob"), (pictures, "raw")]:
        own = [link.removeprefix(f"{ADDRESS}/{kind}/v1.2.3/") for link in found if link.startswith(ADDRESS)]
        assert own
        assert [path for path in own if not (ROOT / path.partition("#")[0]).is_file()] == []
    assert [link for link in [*links, *pictures] if not link.startswith("https://")] == []
    assert {name: url.rpartition("v1.2.3/")[2] for name, url in made["project_urls"].items()} == {
        "Source": ADDRESS,
        "Documents": "docs/README.md",
        "Changes": "CHANGELOG.md",
    }


def test_nothing_dead_remains_without_an_address(page: Any) -> None:
    """Without an address, the page has its words and code, links to other places, and no picture."""
    made = page("", "1.2.3")
    text, readme = made["long_description"], (ROOT / "README.md").read_text()
    links, pictures = targets(text)
    assert pictures == []
    assert made["project_urls"] == {}
    assert links == [link for link in targets(readme)[0] if link.startswith("https://")]
    assert "](" not in re.sub(r"\]\(https://[^)]+\)", "", text)
    fences, headings = r"^```\w+\n.*?^```", r"^#+ .+"
    for kept in (fences, headings):
        found = re.findall(kept, readme, flags=re.M | re.S if kept == fences else re.M)
        assert found
        assert re.findall(kept, text, flags=re.M | re.S if kept == fences else re.M) == found
    assert "the picture above" not in text
