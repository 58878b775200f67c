"""Hooks of MkDocs: files outside `docs` become pages, and formulas become MathML.

A link out of `docs` works on GitHub. Here, its target joins the site below `repository/`: Markdown as a page, a folder
as its README or a list, other text as a page of code, the rest as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from os.path import relpath
from pathlib import Path, PurePosixPath

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
ALWAYS = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
"""Pages of the navigation that no page may link to."""

LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.+?)\\[)\]]</\1>', re.S)
TEXT = {".md", ".py", ".toml", ".txt", ".cff", ".cfg", ""}
LEXERS = {".py": "python", ".toml": "toml", ".cfg": "ini", ".cff": "yaml"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the repository that pages link to, and those that these link to."""
    waiting = [ROOT / name for name in ALWAYS]
    waiting += [target for page in DOCS.rglob("*.md") for target in linked(page)]
    known: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in known and not path.is_relative_to(DOCS):
            known.add(path)
            files.append(file_of(path, config))
            waiting += linked(path) if path.suffix == ".md" else []
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turn links between `docs` and the rest of the repository into links between pages."""
    here = PurePosixPath(page.file.src_uri)
    path = ROOT / here.relative_to("repository") if here.parts[0] == "repository" else DOCS / here

    def link(match: re.Match[str]) -> str:
        target = (path.parent / match[1]).resolve()
        return relpath(place_of(target), here.parent) if target.exists() else match[1]

    return LINK.sub(link, markdown)


def on_page_content(html: str, **_: object) -> str:
    """Turn formulas into MathML, which browsers show without a script."""

    def formula(match: re.Match[str]) -> str:
        return convert(unescape(match[2]).strip(), display="inline" if match[1] == "span" else "block")

    return FORMULA.sub(formula, html)


def linked(page: Path) -> Iterator[Path]:
    """Yield the files and folders that a page of Markdown links to."""
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / link).resolve()
        if target.exists():
            yield ROOT / target.relative_to(ROOT) / ("README.md" if (target / "README.md").exists() else "")


def place_of(path: Path) -> str:
    """Return the path in the site of a file or folder of the repository."""
    if (path / "README.md").exists():
        path = path / "README.md"
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    name = f"repository/{path.relative_to(ROOT).as_posix()}"
    if path.is_dir():
        return f"{name}/README.md"
    return f"{name}.md" if path.suffix in TEXT - {".md"} else name


def file_of(path: Path, config: MkDocsConfig) -> File:
    """Make a file of the site from a file or folder of the repository; only Markdown may stand in the navigation."""
    if path.is_file() and path.suffix not in TEXT - {".md"}:
        return File.generated(config, place_of(path), abs_src_path=str(path))
    content = f"---\nsearch: {{exclude: true}}\n---\n# `{path.relative_to(ROOT).as_posix()}`\n\n"
    if path.is_dir():
        content += "\n".join(f"- `{each.name}`" for each in sorted(path.iterdir()) if each.is_file())
    else:
        text = path.read_text(encoding="utf-8").removesuffix("\n")
        content += f"``````{LEXERS.get(path.suffix, 'text')}\n{text}\n``````"
    return File.generated(config, place_of(path), content=content + "\n", inclusion=InclusionLevel.NOT_IN_NAV)
