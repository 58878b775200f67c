"""The server of the page: who may ask, what may be asked, and addresses that cannot be served."""

from __future__ import annotations

import errno
import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from myvgg.example_pictures import FOLDER
from myvgg.page.address import find_port
from tests.page.server import MAX_SECONDS, Server

pytest.importorskip("gradio", reason="needs Gradio")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page() -> Iterator[Server]:
    """A page without a password."""
    found = Server()
    yield found
    assert found.close() == 0


def ask(page: Server, path: str, body: Any = None, host: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
    """Send a request as it is, and return the status and the text of the answer."""
    connection = http.client.HTTPConnection(host, page.port, timeout=30)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    if content is not None:
        names = {"Content-Type": "application/json", **names}
    try:
        connection.request("GET" if content is None else "POST", path, content, names)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("name", "status"),
    [("localhost", 200), ("127.0.0.1", 200), ("[::1]", 200), ("evil.example", 403), ("localhost.evil.example", 403)],
)
def test_a_rebound_name_is_refused(page: Server, name: str, status: int) -> None:
    """A page for this machine alone answers to this machine's names, with a port or without."""
    assert ask(page, "/config", Host=f"{name}:{page.port}")[0] == status
    assert ask(page, "/config", Host=name)[0] == status


def test_other_sites_cannot_send(page: Server) -> None:
    """A request that a page of another site makes a browser send is refused, be it an upload or an event."""
    own = f"localhost:{page.port}"
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n'
    kind = {"Content_Type": "multipart/form-data; boundary=x", "Host": own}
    for origin, status in (("http://evil.example", 403), ("null", 403), (f"http://{own}", 200)):
        assert ask(page, "/gradio_api/upload", form, Origin=origin, **kind)[0] == status
    assert ask(page, "/gradio_api/upload", form, **kind)[0] == 200
    assert ask(page, "/config", Origin="http://evil.example", Host=own)[0] == 403


class Asked(BaseHTTPRequestHandler):
    """Counts the requests to another server."""

    paths: tuple[str, ...] = ()

    def do_GET(self) -> None:
        """Note the request."""
        type(self).paths += (self.path,)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"secret")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def other() -> Iterator[int]:
    """Another server of this machine, which must not be asked; the port."""
    Asked.paths = ()
    with HTTPServer(("127.0.0.1", 0), Asked) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def event_of(page: Server, path: str) -> dict[str, Any]:
    """Return an event as a browser sends it, which names a file as the photograph."""
    config = json.loads(ask(page, "/config")[1])
    content = next(each["id"] for each in config["components"] if each["props"].get("elem_id") == "content")
    found = next(each for each in config["dependencies"] if each["inputs"] == [content] == each["outputs"])
    data = [{"path": path, "meta": {"_type": "gradio.FileData"}}]
    return {"data": data, "fn_index": found["id"], "session_hash": "abc", "trigger_id": content, "event_data": None}


def answer_of(page: Server) -> str:
    """Return what the server tells about the events of the session, up to its end."""
    return ask(page, "/gradio_api/queue/data?session_hash=abc")[1]


def test_addresses_are_not_fetched(page: Server, other: int) -> None:
    """An event that names an address as its file is refused, and so is an address as a file to serve."""
    url = f"http://127.0.0.1:{other}/a.png"
    for scheme in (url, url.replace("http:", "HTTP:"), "https://example.com/a.png"):
        assert ask(page, "/gradio_api/queue/join", event_of(page, scheme))[0] == 403
        deep = {**event_of(page, "a"), "data": [{"value": [event_of(page, scheme)["data"]]}]}
        assert ask(page, "/gradio_api/queue/join", deep, Content_Type="text/plain")[0] == 403
        assert ask(page, f"/gradio_api/file={scheme}")[0] == 403
        assert ask(page, f"/gradio_api/file/{scheme}")[0] == 403
        assert ask(page, f"/gradio_api/proxy={scheme}")[0] == 403
    assert Asked.paths == ()


def test_an_event_of_a_browser_is_let_in(page: Server) -> None:
    """What the gate reads reaches the page unchanged: an upload is checked, and told by its name."""
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\nhello\r\n--x--\r\n'
    status, uploaded = ask(page, "/gradio_api/upload", form, Content_Type="multipart/form-data; boundary=x")
    assert status == 200
    assert ask(page, "/gradio_api/queue/join", event_of(page, json.loads(uploaded)[0]))[0] == 200
    told = answer_of(page)
    assert "a.png: " in told
    assert "process_completed" in told


def test_files_of_the_machine_are_not_taken(page: Server) -> None:
    """A path that was not uploaded is refused, and nothing of the file is told."""
    for path in ("/etc/passwd", "/etc/hostname", str(Path(__file__))):
        assert ask(page, "/gradio_api/queue/join", event_of(page, path))[0] == 200
        told = answer_of(page)
        assert '"success":false' in told.replace(" ", "")
        assert "root:" not in told


def test_events_have_a_size(page: Server) -> None:
    """An event is small; files are uploaded apart from it."""
    assert ask(page, "/gradio_api/queue/join", b" " * (5 << 20))[0] == 413


@pytest.fixture
def guarded() -> Iterator[Server]:
    """A page with a password, for others too."""
    found = Server("--host", "0.0.0.0", "--password", "s3cret")
    yield found
    assert found.close() == 0


def test_with_a_password_any_name_will_do(guarded: Server) -> None:
    """Behind a proxy the page has other names; other sites still cannot send, and nobody is let in without words."""
    assert "user myvgg, password s3cret" in guarded.said
    assert ask(guarded, "/config", Host="page.example")[0] == 401
    form = {"Content_Type": "application/x-www-form-urlencoded", "Host": "page.example"}
    for origin, status in (("https://page.example", 200), ("https://evil.example", 403)):
        assert ask(guarded, "/login", b"username=myvgg&password=s3cret", Origin=origin, **form)[0] == status
    proxied = {**form, "Host": "127.0.0.1:1", "Sec_Fetch_Site": "same-origin", "Origin": "https://page.example"}
    assert ask(guarded, "/login", b"username=myvgg&password=s3cret", **proxied)[0] == 200


def has_ipv6() -> bool:
    """Tell whether this machine has an address ::1."""
    try:
        with socket.socket(socket.AF_INET6) as found:
            found.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="needs IPv6")
def test_the_sixth_version_and_a_proxy() -> None:
    """The page is served on ::1, and a proxy of the environment is not asked for this machine."""
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    page = Server("--host", "::1", **proxies, NO_PROXY="", no_proxy="")
    try:
        assert page.url == f"http://[::1]:{page.port}/"
        assert ask(page, "/config", host="::1")[0] == 200
    finally:
        assert page.close() == 0


def test_addresses_that_cannot_be_served() -> None:
    """A name that there is not, an address of another machine and a taken port are one sentence each."""
    with pytest.raises(OSError, match=r"^there is no host wrong\.invalid: name one by --host"):
        find_port("wrong.invalid", None)
    with pytest.raises(OSError, match=r"192\.0\.2\.1 is no address of this machine"):
        find_port("192.0.2.1", None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        for host in ("localhost", "127.0.0.1", "0.0.0.0"):
            with pytest.raises(OSError, match=f"the port {port} is taken: name another one by --port"):
                find_port(host, port)


def test_a_forbidden_port_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that needs rights is told, and the next free port is taken by default."""

    def forbid(_: Any, place: Any) -> None:
        raise OSError(errno.EACCES if place[1] == 80 else errno.EADDRINUSE, "no")

    monkeypatch.setattr(socket.socket, "bind", forbid)
    with pytest.raises(OSError, match="the port 80 is not allowed to this user"):
        find_port("localhost", 80)
    with pytest.raises(OSError, match="all ports from 7860 to 7959 are taken"):
        find_port("localhost", None)


def test_no_file_outside_can_be_read(page: Server) -> None:
    """Paths of the machine are refused, whichever way they are asked for."""
    for path in ("/etc/passwd", f"{FOLDER}/README.md", "../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd"):
        for begin in ("gradio_api/file=", "file=", "static/", "gradio_api/stream/"):
            assert ask(page, f"/{begin}{path}")[0] in (403, 404)


def test_uploads_are_limited(page: Server) -> None:
    """A file beyond the limit is refused by the server, whatever a browser would say."""
    begin = b'--limit\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    for megabytes, is_taken in ((1, True), (65, False)):
        body = begin + bytes(megabytes << 20) + b"\r\n--limit--\r\n"
        status, _ = ask(page, "/gradio_api/upload", body, Content_Type="multipart/form-data; boundary=limit")
        assert (status == 200) == is_taken


def test_a_port_that_is_taken_is_told(page: Server) -> None:
    """A second page on the same port is one line, not a traceback."""
    command = [sys.executable, "-m", "myvgg", "app", "--weights", "bundled", "--port", str(page.port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=MAX_SECONDS)
    assert done.returncode == 1
    assert done.stderr == f"myvgg app: the port {page.port} is taken: name another one by --port\n"
