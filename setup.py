"""The package's page at the index: the README, made for a place where the repository's files are not.

The environment variable `MYVGG_ADDRESS` holds the public address of the repository when a release is built. Links and
pictures then lead there, to the tag of the version. Without it, links become their words, and tables of pictures are
left out, so that nothing leads nowhere.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
LINK = re.compile(r"(!?)\[([^\[\]]*)\]\((?!https?:|#)([^()]*)\)")
"""A link (or, with `!`, a picture) to a file of the repository: its words and its path."""


def description(readme: str, files: str | None) -> str:
    """Write the long description.

    Args:
        readme: The README, with paths from the root of the repository.
        files: Address of the repository's files, with `{kind}` for `blob` (a page) or `raw` (the file itself); None if
            there is no address.
    """
    if files is None:
        paragraphs = (each for each in readme.split("\n\n") if not (each.startswith("|") and "![" in each))
        return LINK.sub(r"\2", "\n\n".join(paragraphs))
    pages, pictures = (files.format(kind=kind) for kind in ("blob", "raw"))
    return LINK.sub(lambda found: f"{found[1]}[{found[2]}]({pictures if found[1] else pages}/{found[3]})", readme)


def urls(address: str | None, files: str | None) -> dict[str, str]:
    """Return the links beside the description: none without an address."""
    if address is None or files is None:
        return {}
    pages = files.format(kind="blob")
    return {"Source": address, "Documents": f"{pages}/docs/README.md", "Changes": f"{pages}/CHANGELOG.md"}


def page(address: str, version: str) -> dict[str, object]:
    """Return the arguments of `setup` that make the page; an empty address is none."""
    home = address.rstrip("/") or None
    files = home and f"{home}/{{kind}}/v{version}"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return {"long_description": description(readme, files), "project_urls": urls(home, files)}


def version() -> str:
    """Read the version out of the package, which is not imported here."""
    _, _, rest = (ROOT / "myvgg" / "__init__.py").read_text(encoding="utf-8").partition('__version__ = "')
    return rest.partition('"')[0]


if __name__ == "__main__":
    setup(**page(os.environ.get("MYVGG_ADDRESS", ""), version()))
