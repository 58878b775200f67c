"""The page on an address: this machine's alone, or another one behind a password. Nothing is loaded from elsewhere."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from myvgg.params import Params

LOCAL = ("localhost", "127.0.0.1", "::1")
"""Addresses that no other machine can reach."""

USER = "myvgg"
"""Name of the user who has the password."""

MAX_FILE_SIZE = "64mb"
"""Size of an uploaded file, at most."""

MAX_EVENTS = 200
"""Number of events that may wait for an answer."""

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "frame-ancestors 'self'; form-action 'self'; base-uri 'self'"
)
"""What browsers may load: nothing but what the page itself serves."""


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
        OSError: The port is taken.
    """
    if password is None and host not in LOCAL:
        password = secrets.token_urlsafe(12)
    with tempfile.TemporaryDirectory(prefix="myvgg-page-") as place, _environment(Path(place)):
        from myvgg.example_pictures import FOLDER
        from myvgg.page import blocks
        from myvgg.page.studio import Studio

        folder, examples = Path(place) / "orders", Path(place) / "examples"
        folder.mkdir()
        examples.mkdir()
        for picture in FOLDER.glob("*.jpg"):
            shutil.copy(picture, examples)
        studio = Studio(folder, load)
        page = blocks.build(studio, examples)
        try:
            _, url, _ = page.queue(max_size=MAX_EVENTS).launch(
                server_name=host,
                server_port=port,
                auth=None if password is None else (USER, password),
                prevent_thread_lock=True,
                quiet=True,
                share=False,
                show_error=True,
                max_file_size=MAX_FILE_SIZE,
                footer_links=[],
                enable_monitoring=False,
                css=blocks.CSS,
                theme=blocks.theme(),
                app_kwargs={"middleware": _middleware()},
            )
            yield Served(url, password)
        finally:
            page.close(verbose=False)
            studio.close()


@contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """Keep Gradio's files in the folder, and Gradio from asking its makers' servers."""
    names = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": str(folder / "uploads"), "HF_HUB_OFFLINE": "1"}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _middleware() -> list[Any]:
    """Return the parts of the server that add the policy to every answer."""
    from starlette.middleware import Middleware

    class Policy:
        """Adds headers to answers."""

        def __init__(self, app: Any) -> None:
            self._app = app

        async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
            async def send_with_policy(message: Any) -> None:
                if message["type"] == "http.response.start":
                    headers = [*message.get("headers", ()), (b"content-security-policy", POLICY.encode())]
                    headers.append((b"referrer-policy", b"no-referrer"))
                    message = {**message, "headers": headers}
                await send(message)

            await self._app(scope, receive, send_with_policy)

    return [Middleware(Policy)]
