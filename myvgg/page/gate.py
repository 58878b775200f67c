"""The gate of the page's server: who may ask, what may be asked, and what browsers may load."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "frame-ancestors 'self'; form-action 'self'; base-uri 'self'"
)
"""What browsers may load: nothing but what the page itself serves."""

ADDED = ((b"content-security-policy", POLICY.encode()), (b"referrer-policy", b"no-referrer"))
"""Headers of every answer."""

MAX_BODY = 4 << 20
"""Number of bytes of an event that a browser sends, at most; files are uploaded apart from it."""

WEB = ("http:", "https:")
"""Beginnings of addresses that Gradio would fetch."""

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Gate:
    """A part of the server through which every request goes.

    It refuses requests that other sites make browsers send, and those that would make the server fetch an address.
    """

    def __init__(self, app: Any, hosts: frozenset[str] | None) -> None:
        """Stand before an application.

        Args:
            app: The application, as of ASGI.
            hosts: Names by which the page may be asked for, None for any; another name is a rebound one.
        """
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *ADDED]}
            await send(message)

        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}
        if problem := _problem(scope["path"], headers, self._hosts):
            await _refuse(send_with_headers, 403, problem)
            return
        if scope["method"] in ("POST", "PUT") and not headers.get("content-type", "").startswith("multipart/"):
            body = await _body(receive)
            if body is None:
                await _refuse(send_with_headers, 413, "too much for an event")
                return
            if _names_address(body):
                await _refuse(send_with_headers, 403, "files of other servers are not fetched")
                return
            receive = _replayed(body, receive)
        await self._app(scope, receive, send_with_headers)


def _problem(path: str, headers: dict[str, str], hosts: frozenset[str] | None) -> str:
    """Return why a request is refused, empty where it is not.

    A browser tells by `Sec-Fetch-Site` whether a request comes from the page itself, also where a proxy asks the server
    by another name. Scripts of pages cannot set this header.
    """
    host, origin = headers.get("host", ""), headers.get("origin")
    if hosts is not None and _name(host) not in hosts:
        return "the page is not served under this name"
    if origin is not None and headers.get("sec-fetch-site") != "same-origin" and urlsplit(origin).netloc != host:
        return "requests of other sites are refused"
    if any(web in path.lower() for web in WEB):
        return "files of other servers are not fetched"
    return ""


def _name(host: str) -> str:
    """Return the name in a header `Host`, without the port."""
    return host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0].lower()


async def _body(receive: Receive) -> bytes | None:
    """Read the body of a request; None if it is too long."""
    parts, length = [], 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > MAX_BODY:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a function that gives the body once more, and then what follows it."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return left.pop() if left else await receive()

    return again


def _names_address(body: bytes) -> bool:
    """Tell whether a value of an event is a file on another server. Gradio fetches these."""
    try:
        return any(path.lower().lstrip().startswith(WEB) for path in _paths(json.loads(body)))
    except RecursionError:
        return True
    except ValueError:  # no JSON, which Gradio refuses or reads as a form
        return False


def _paths(value: Any) -> Iterator[str]:
    """Yield the paths of all files in the values of an event."""
    if isinstance(value, dict):
        if isinstance(path := value.get("path"), str):
            yield path
        value = [*value.values()]
    if isinstance(value, list):
        for each in value:
            yield from _paths(each)


async def _refuse(send: Send, status: int, sentence: str) -> None:
    """Answer with a status and a sentence."""
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence.encode()})
