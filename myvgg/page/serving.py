"""The page on an address: this machine's alone, or another one behind a password. Nothing is loaded from elsewhere."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from myvgg.page.address import LOCAL, find_port
from myvgg.page.gate import Gate

if TYPE_CHECKING:
    from myvgg.params import Params

USER = "myvgg"
"""Name of the user who has the password."""

MAX_FILE_SIZE = "64mb"
"""Size of an uploaded file, at most."""

MAX_EVENTS = 200
"""Number of events that may wait for an answer."""


class Served(NamedTuple):
    """A page that is being served.

    Attributes:
        url: Its address.
        password: Its password, or None where only this machine can reach it.
    """

    url: str
    password: str | None


@contextmanager
def served(
    load: Callable[[], Params], *, host: str = "localhost", port: int | None = None, password: str | None = None
) -> Iterator[Served]:
    """Serve the page until the block ends; then all its files are gone.

    Args:
        load: Returns the weights; called in the studio's thread.
        host: Name or address of the network interface.
        port: Number of the port; by default the first free one from 7860 on.
        password: Password; by default a random one where other machines can reach the page, and none elsewhere.

    Raises:
        ImportError: Gradio is missing.
        OSError: There is no such host, or the port is taken.
    """
    port, is_open = find_port(host, port), password is None and host in LOCAL
    if password is None and not is_open:
        password = secrets.token_urlsafe(12)
    with tempfile.TemporaryDirectory(prefix="myvgg-page-") as place, _environment(Path(place), host):
        from myvgg.page import blocks
        from myvgg.page.studio import Studio

        with closing(Studio(_made(Path(place) / "orders"), load)) as studio:
            page = blocks.build(studio, _examples(Path(place)))
            try:
                options = _options(host, port, password, hosts=LOCAL if is_open else None)
                yield Served(_launch(page, options), password)
            finally:
                page.close(verbose=False)


def _launch(page: Any, options: dict[str, Any]) -> str:
    """Start the server, and return the address of the page."""
    try:
        return str(page.queue(max_size=MAX_EVENTS).launch(**options)[1])
    except Exception as error:  # Gradio's, of any kind: a server that does not start, a proxy before this machine
        place = f"{options['server_name']}, port {options['server_port']}"
        raise OSError(f"the page cannot be served at {place}: {' '.join(str(error).split())}") from error


def _examples(place: Path) -> Path:
    """Copy the pictures that come with the package into a folder, and return it."""
    from myvgg.example_pictures import FOLDER

    folder = _made(place / "examples")
    for picture in FOLDER.glob("*.jpg"):
        shutil.copy(picture, folder)
    return folder


def _made(folder: Path) -> Path:
    """Make a folder, and return it."""
    folder.mkdir()
    return folder


def _options(host: str, port: int, password: str | None, *, hosts: frozenset[str] | None) -> dict[str, Any]:
    """Return how Gradio serves the page: no links to share, no links to its makers, and the gate before everything."""
    from starlette.middleware import Middleware

    from myvgg.page import blocks

    return {
        "server_name": f"[{host}]" if ":" in host else host,
        "server_port": port,
        "auth": None if password is None else (USER, password),
        "prevent_thread_lock": True,
        "quiet": True,
        "share": False,
        "show_error": True,
        "max_file_size": MAX_FILE_SIZE,
        "footer_links": [],
        "enable_monitoring": False,
        "css": blocks.CSS,
        "theme": blocks.theme(),
        "app_kwargs": {"middleware": [Middleware(Gate, hosts=hosts)]},
    }


@contextmanager
def _environment(folder: Path, host: str) -> Iterator[None]:
    """Keep Gradio's files in the folder, Gradio from asking its makers' servers, and this machine's requests to itself.

    Gradio asks its own server once, and must not do so through a proxy.
    """
    names = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": str(folder / "uploads"), "HF_HUB_OFFLINE": "1"}
    direct = [os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or "", *sorted(LOCAL), host]
    names |= dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(filter(None, direct)))
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
