"""The site of documents, built once: every public name, every link, and nothing from other servers."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.documents import DOCUMENTS, ROOT, text_of

pytest.importorskip("mkdocs", reason="the site needs the extra docs")
pytestmark = pytest.mark.slow

WITH_NAMES = ("myvgg", "myvgg.nst", "myvgg.images", "myvgg.params", "myvgg.microscope")
"""Modules that list their public names."""

WITHOUT_NAMES = (
    *("myvgg.converters", "myvgg.store", "myvgg.loading", "myvgg.normalization", "myvgg.quantization"),
    *("myvgg.random_weights", "myvgg.export", "myvgg.visualization", "myvgg.labels", "myvgg.parity"),
    *("myvgg.photographs", "myvgg.precision", "myvgg.sizes", "myvgg.nst.losses", "myvgg.runs.many"),
    *("myvgg.runs.metrics", "myvgg.figures"),
)
"""Public modules whose functions and classes are public unless they begin with an underscore."""


BESIDE = (
    *("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"),
    *("weights/README.md", "examples/README.md", "notebooks/README.md"),
)
"""Documents outside `docs` that are pages of the site."""


class Page(HTMLParser):
    """A page of the site.

    Attributes:
        ids: Its anchors.
        links: Addresses that a reader may follow.
        loaded: Addresses that the browser loads by itself.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note the addresses and the anchor of an element."""
        found = {name: value for name, value in attributes if value}
        self.ids |= {found["id"]} if "id" in found else set()
        if tag == "a" and "href" in found:
            self.links.add(found["href"])
        elif tag == "link" and found.get("rel") not in ("canonical", "prev", "next") and "href" in found:
            self.loaded.add(found["href"])
        elif tag != "link" and "src" in found:
            self.loaded.add(found["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning of the build is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """The pages of the site."""
    return {path: Page(path) for path in site.rglob("*.html")}


def public_names() -> Iterator[str]:
    """Yield the public names of the public modules, with their modules."""
    for module in WITH_NAMES:
        yield from (f"{module}.{name}" for name in import_module(module).__all__)
    for module in WITHOUT_NAMES:
        home = import_module(module.replace("myvgg.converters", "converters"))
        for name, value in vars(home).items():
            is_own = getattr(value, "__module__", None) == home.__name__
            if is_own and not name.startswith("_") and (inspect.isfunction(value) or inspect.isclass(value)):
                yield f"{module}.{name}"


def test_the_reference_has_every_public_name(pages: dict[Path, Page]) -> None:
    """Each public name of a public module has its place in the reference."""
    anchors = {anchor for path, page in pages.items() if "reference" in path.parts for anchor in page.ids}
    homes = {"myvgg.nst", "myvgg.images", "myvgg.nst.images"}  # modules, whose names have places of their own
    missing = {*public_names()} - anchors - homes
    assert missing == set()


def test_every_link_of_the_site_leads_somewhere(pages: dict[Path, Page], site: Path) -> None:
    """Addresses within the site name a file that is there, and an anchor that its page has."""
    for path, page in pages.items():
        for address in page.links | page.loaded:
            parts = urlsplit(address)
            if path.name == "404.html" or parts.scheme or address.startswith("data:"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{path.relative_to(site)}: {address}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].ids, f"{path.relative_to(site)}: {address}"


def test_nothing_is_loaded_from_other_servers(pages: dict[Path, Page]) -> None:
    """Styles, scripts, fonts and pictures lie in the site itself."""
    assert len(pages) > 20
    assert {address for page in pages.values() for address in page.loaded if urlsplit(address).netloc} == set()


def test_every_document_is_a_page(pages: dict[Path, Page], site: Path) -> None:
    """Each document in `docs` has its page, and the start page leads to it by the navigation."""
    linked = {(site / unquote(urlsplit(link).path)).resolve() for link in pages[site / "index.html"].links}
    for document in DOCUMENTS:
        if document.startswith("docs/") or document in BESIDE:
            place = document.removeprefix("docs/") if document.startswith("docs/") else f"repository/{document}"
            path = site / place.removesuffix("README.md").removesuffix(".md")
            assert path / "index.html" in pages
            assert path.resolve() in linked, document


@pytest.fixture
def hooks(tmp_path: Path) -> Any:
    """The hooks of a checkout that is reached through a symbolic link."""
    (tmp_path / "checkout").symlink_to(ROOT)
    spec = spec_from_file_location("hooks", tmp_path / "checkout" / "docs" / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_a_checkout_may_be_reached_through_a_link(hooks: Any) -> None:
    """Files that a document links to must be found below the folder that is meant."""
    found = [*hooks.linked(hooks.DOCS / "reference" / "others.md")]
    assert ROOT / "notebooks" / "README.md" in found
    assert [hooks.place_of(path) for path in found if "notebooks" in path.parts] == ["repository/notebooks/README.md"]


@pytest.mark.parametrize("text", ["a = 1\n", "a = 1"])
def test_code_ends_before_its_fence(text: str, hooks: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """The closing fence must have a line of its own, whether the last line of the file ends or not."""
    monkeypatch.setattr(hooks, "ROOT", tmp_path)
    monkeypatch.setattr(hooks.File, "generated", lambda _, place, *, content, **__: (place, content))
    (tmp_path / "a.py").write_text(text)
    place, content = hooks.file_of(tmp_path / "a.py", None)
    assert place == "repository/a.py.md"
    assert content.endswith("\n``````python\na = 1\n``````\n")


def test_formulas_need_no_script(site: Path) -> None:
    """Formulas are MathML, as many as the document has."""
    text = text_of("docs/how.md")
    page = (site / "how" / "index.html").read_text(encoding="utf-8")
    assert page.count('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block"') == text.count("$$") // 2 > 4
    assert page.count("<math") == text.count("$$") // 2 + text.replace("$$", "").count("$") // 2
    assert "arithmatex" not in page
