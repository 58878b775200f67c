"""The same on a Ray cluster of two nodes on this machine, also when a process or a machine dies in the middle."""

from __future__ import annotations

import io
import os
import random
import re
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
import tqdm
from PIL import Image

from myvgg.cli.extract import main
from myvgg.extraction.actors import shares
from myvgg.extraction.batching import BATCH, BATCH_PIXELS
from myvgg.extraction.distributed import stages_of
from myvgg.extraction.pipeline import PART_BATCHES, Pipeline, batches_of
from myvgg.extraction.prefetching import Decoded
from myvgg.runtime.ray import MAX_ATTEMPTS, Team, joined
from tests.extraction.test_extract import ROOT, SMALL

ray = pytest.importorskip("ray", reason="Ray is an extra: pip install 'myvgg[ray]'")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Ray leaves sockets and files to the end of the process
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two nodes with one processor each."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  # Ray spells it so; 15 otherwise, and a busy machine starves them
    options: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 200_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=options)
    cluster.add_node(num_cpus=1, object_store_memory=200_000_000)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def address(cluster: Any) -> str:
    """Where the cluster answers."""
    return cluster.address


@pytest.fixture(scope="module")
def many(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 480 pictures: 15 batches, so that at any time at least a few have not been begun."""
    folder = tmp_path_factory.mktemp("many")
    readable = [path for path in sorted(photos.glob("*.png")) if path.name not in ("04b.png", "cut.png")]
    for index in range(480):
        (folder / f"{index:03}.png").symlink_to(readable[index % len(readable)])
    return folder


@pytest.fixture(scope="module")
def alone(many: Path, weights: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table that one machine makes of `many`."""
    output = tmp_path_factory.mktemp("alone") / "alone.parquet"
    assert main([str(many), *SMALL, "--weights", weights, "-o", str(output)]) == 0
    return output


@pytest.fixture
def at_progress(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], None]], None]:
    """Have a function called, in the program that gave the command, with each number of pictures that is told."""

    def watch(seen: Callable[[int], None]) -> None:
        before = tqdm.tqdm.update

        def update(bar: Any, n: float | None = 1) -> bool | None:
            seen(int(n or 0))
            return before(bar, n)

        monkeypatch.setattr(tqdm.tqdm, "update", update)

    return watch


def processes(name: str) -> list[psutil.Process]:
    """Return the processes of a kind of actor."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if " ".join(process.cmdline()).startswith(f"ray::{name}"):
                found.append(process)
    return found


def rows_in(folder: Path) -> int:
    """Return the number of rows in the parts of a folder."""
    return sum(pq.read_metadata(path).num_rows for path in folder.glob("[!.]*.parquet"))


def assert_same_rows(actual: Path, expected: Path) -> None:
    """Hold that tables have the same rows in the same order: names, errors, shapes, and numbers but for rounding."""
    found, wanted = (pq.read_table(path) for path in (actual, expected))
    assert found.schema.equals(wanted.schema, check_metadata=True)
    assert len(found) == len(wanted) > 0
    for one, other in zip(found.to_pylist(), wanted.to_pylist(), strict=True):
        for column, value in other.items():
            if isinstance(value, list) and isinstance(value[0], float):
                np.testing.assert_allclose(one[column], value, rtol=1e-5, atol=1e-6 * max(value))
            else:
                assert one[column] == value


def test_rows_are_those_of_one_machine(address: str, photos: Path, weights: str, tmp_path: Path) -> None:
    """The cluster's table is this machine's, row by row, with the errors of the pictures that cannot be read."""
    words = [str(photos), *SMALL, "--weights", weights]
    assert main([*words, "-o", str(tmp_path / "alone.parquet")]) == 0
    assert main([*words, "-o", str(tmp_path / "ray.parquet"), "--ray", address]) == 0
    assert_same_rows(tmp_path / "ray.parquet", tmp_path / "alone.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone.parquet", "ray.parquet"]


def test_warnings_of_workers_reach_the_user(
    address: str, weights: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What another process warns of when it reads a picture is told here, in one line."""
    frames = [Image.fromarray(np.full((32, 32, 3), value, np.uint8)) for value in (9, 99)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    words = [str(tmp_path / "moving.gif"), *SMALL, "--weights", weights, "-o", str(tmp_path / "f.parquet")]
    assert main([*words, "--ray", address]) == 0
    line = f"myvgg extract: {tmp_path / 'moving.gif'}: has several frames, the first one is taken"
    assert capfd.readouterr().err.splitlines().count(line) == 1


def test_progress_is_told_before_the_end(
    address: str, many: Path, weights: str, tmp_path: Path, at_progress: Any
) -> None:
    """Pictures are told as soon as their part is there, and the first ones long before the last ones are computed."""
    told, there = [0], []

    def seen(number: int) -> None:
        told.append(told[-1] + number)
        there.append(rows_in(tmp_path / "f.parquet.parts"))

    at_progress(seen)
    assert main([str(many), *SMALL, "--weights", weights, "-o", str(tmp_path / "f.parquet"), "--ray", address]) == 0
    assert told[-1] == 480
    assert len(told) > 4
    assert all(number <= rows for number, rows in zip(told[1:], there, strict=True))
    assert there[0] < 480


def test_a_worker_that_dies_loses_nothing(
    address: str, many: Path, alone: Path, weights: str, tmp_path: Path, at_progress: Any
) -> None:
    """With a worker of each kind killed in the middle, every picture is in the table once, as on one machine."""
    seen: list[int] = []

    def kill(_: int) -> None:
        for kind in () if seen else ("Network", "Files"):
            process = next(process for process in processes(kind) if process.is_running())
            os.kill(process.pid, signal.SIGKILL)
            seen.append(process.pid)

    at_progress(kill)
    assert main([str(many), *SMALL, "--weights", weights, "-o", str(tmp_path / "f.parquet"), "--ray", address]) == 0
    assert len(seen) == 2
    assert_same_rows(tmp_path / "f.parquet", alone)


def test_a_machine_that_dies_loses_nothing(
    cluster: Any, many: Path, alone: Path, weights: str, tmp_path: Path, at_progress: Any
) -> None:
    """Others do the work of a machine that dies, though its actors find no other place, and its memory is lost."""
    words = [str(many), *SMALL, "--weights", weights, "-o", str(tmp_path / "f.parquet")]
    machines = [cluster.add_node(num_cpus=1, object_store_memory=200_000_000)]
    cluster.wait_for_nodes()
    at_progress(lambda _: machines and cluster.remove_node(machines.pop(), allow_graceful=False))
    assert main([*words, "--ray", cluster.address]) == 0
    assert not machines
    assert_same_rows(tmp_path / "f.parquet", alone)


def test_a_command_that_is_killed_goes_on(
    address: str,
    photos: Path,
    weights: str,
    tmp_path: Path,
    at_progress: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """After the command's process was killed, the same command computes what is missing, and nothing else."""
    names = [tmp_path / f"{index:03}.png" for index in range(24 * BATCH)]
    for name in names:
        name.symlink_to(photos / "01.png")
    words = ["-", *SMALL, "--weights", weights, "-o", str(tmp_path / "ray.parquet"), "--ray", address]
    command = [sys.executable, str(ROOT / "scripts" / "extract.py"), *words]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        process.stdin.write("\n".join(map(str, names)))
        process.stdin.close()
        while process.poll() is None and rows_in(tmp_path / "ray.parquet.parts") < BATCH:
            time.sleep(0.05)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    there = rows_in(tmp_path / "ray.parquet.parts")
    told: list[int] = []
    at_progress(told.append)
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(map(str, names))))
    assert main(words) == 0
    found = re.search(rf"(\d+) of {len(names)} pictures are done already", capfd.readouterr().err)
    assert found
    assert there <= int(found[1]) < len(names)  # a worker may have written one more part before it ended
    assert sum(told) == len(names) - int(found[1])
    assert main([*map(str, names), *SMALL, "--weights", weights, "-o", str(tmp_path / "alone.parquet")]) == 0
    assert_same_rows(tmp_path / "ray.parquet", tmp_path / "alone.parquet")


def test_networks_go_to_gpus(cluster: Any, photos: Path, weights: str, tmp_path: Path, at_progress: Any) -> None:
    """Where a node of the cluster has a GPU, the network reserves it, and no processor."""
    free: list[dict[str, float]] = []
    node = cluster.add_node(num_cpus=0, num_gpus=1, object_store_memory=200_000_000)
    cluster.wait_for_nodes()
    at_progress(lambda _: free.append(ray.available_resources()))
    try:
        words = [str(photos), *SMALL, "--weights", weights, "-o", str(tmp_path / "f.parquet")]
        assert main([*words, "--ray", cluster.address]) == 0
    finally:
        cluster.remove_node(node)
    assert [(each["CPU"], each.get("GPU", 0)) for each in free] == [(2, 0)]


def test_a_full_disk_is_one_line(
    address: str, many: Path, weights: str, tmp_path: Path, at_progress: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """A part that cannot be written ends the run with the system's own words; the parts before it are kept."""

    def fill_disk(_: int) -> None:
        for process in processes("Files"):
            process.rlimit(psutil.RLIMIT_FSIZE, (1, psutil.RLIM_INFINITY))

    at_progress(fill_disk)
    words = [str(many), *SMALL, "--weights", weights, "-o", str(tmp_path / "f.parquet"), "--workers", "1"]
    assert main([*words, "--ray", address]) == 1
    error = capfd.readouterr().err
    assert error.strip().splitlines()[-1].startswith(f"myvgg extract: {tmp_path / 'f.parquet.parts'}")
    assert "File too large" in error.strip().splitlines()[-1]
    assert "Traceback" not in error
    assert rows_in(tmp_path / "f.parquet.parts") >= BATCH


def test_what_ray_loses_for_good_is_one_line(address: str) -> None:
    """Ray's own failure is told with its last line and with what to do; an error of the work stays what it is."""
    message = r"^Ray gave up: last line; what is done is kept, the same command goes on$"
    with pytest.raises(ValueError, match=message), joined(address):
        raise ray.exceptions.RayError("first line\nlast line")
    with pytest.raises(MemoryError, match="not enough"), joined(address) as cluster:
        cluster.get(cluster.remote(_fail).remote())


def test_a_request_to_terminate_is_an_interruption(address: str) -> None:
    """Whoever handles SIGTERM before a cluster is joined does so afterwards; the command lines clean up."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), joined(address):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def _fail() -> None:
    raise MemoryError("not enough")


def test_goes_on_alone_where_the_cluster_was(address: str, photos: Path, weights: str, tmp_path: Path) -> None:
    """A cluster goes on with the parts that one machine has left."""
    from myvgg.extraction import parts

    words = [str(photos), *SMALL, "--weights", weights]
    assert main([*words, "-o", str(tmp_path / "alone.parquet")]) == 0
    folder = tmp_path / "ray.parquet.parts"
    folder.mkdir()
    table = pq.read_table(tmp_path / "alone.parquet")
    (folder / parts.RECIPE).write_bytes(table.schema.metadata[b"myvgg"])
    pq.write_table(table.slice(5, 9).replace_schema_metadata(None), folder / "0.parquet")
    (folder / "1.parquet").write_bytes(b"half of it")
    assert main([*words, "-o", str(tmp_path / "ray.parquet"), "--ray", address]) == 0
    assert_same_rows(tmp_path / "ray.parquet", tmp_path / "alone.parquet")


def test_no_cluster(photos: Path, weights: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An address where nothing is, and no Ray, are told in one line, and nothing is left but the folder of parts."""
    words = [str(photos), *SMALL, "--weights", weights, "-o", str(tmp_path / "f.parquet")]
    assert main([*words, "--ray", "127.0.0.1:1"]) == 1
    error = capfd.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("myvgg extract: no Ray cluster at '127.0.0.1:1'")
    assert error.endswith("start one with 'ray start --head'")


def test_without_ray(
    photos: Path, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A package that is missing is named with how to get it."""
    monkeypatch.setitem(sys.modules, "ray", None)
    words = [str(photos), *SMALL, "--weights", weights, "-o", str(tmp_path / "f.parquet")]
    assert main([*words, "--ray", "auto"]) == 1
    assert "pip install 'myvgg[ray]'" in capfd.readouterr().err


def test_stylising_on_the_cluster(address: str, photos: Path, weights: str, tmp_path: Path) -> None:
    """`style.py batch --ray` makes the pictures, byte for byte but for their records, and the table of one machine."""
    from myvgg import images
    from myvgg.cli.style import main as style

    pair = ["--contents", str(photos / "01.png"), str(photos / "02.png"), "--styles", str(photos / "04.png")]
    words = [
        "batch",
        *pair,
        "--size",
        "48",
        "--iterations",
        "2",
        "--scales",
        "1",
        "--precision",
        "float32",
        "--weights",
        weights,
    ]
    assert style([*words, "-o", str(tmp_path / "alone")]) == 0
    assert style([*words, "-o", str(tmp_path / "ray"), "--ray", address]) == 0
    names = [sorted(path.name for path in (tmp_path / folder).iterdir()) for folder in ("alone", "ray")]
    assert names[0] == names[1]
    for name in (name for name in names[0] if name.endswith(".png")):
        alone, ray_ = (images.load(tmp_path / folder / name) for folder in ("alone", "ray"))
        assert np.abs(alone - ray_).max() <= 1
    assert "made" in (tmp_path / "ray" / "batch.csv").read_text()
    assert style([*words, "-o", str(tmp_path / "none"), "--ray", "127.0.0.1:1"]) == 1


@pytest.mark.parametrize("options", [["--threads", "2"], ["--threads", "0", "--ray", "auto"]], ids=str)
def test_threads_go_with_a_cluster(options: list[str], photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Processors for a picture are a matter of the cluster, at least one."""
    from myvgg.cli.style import main as style

    assert style(["batch", "--contents", str(photos), "--styles", str(photos / "04.png"), *options]) == 2
    assert "--threads must be at least 1, and goes with --ray" in capsys.readouterr().err


# Stages without a cluster


class Reference:
    """A reference to a value of the fake cluster, which has come or is lost once its call is answered."""

    value: Any = None
    error: Exception | None = None
    come = False


class Method:
    """A method of an actor of the fake cluster."""

    def __init__(self, actor: Actor, name: str, returns: int = 1) -> None:
        self.actor, self.name, self.returns = actor, name, returns

    def options(self, num_returns: int) -> Method:
        """Have it return so many references."""
        return Method(self.actor, self.name, num_returns)

    def remote(self, *arguments: Any) -> Any:
        """Call it; `FakeRay.wait` has it answered."""
        references = [Reference() for _ in range(self.returns)]
        self.actor.ray.note_call(self.actor, self.name, arguments, references)
        return references if self.returns > 1 else references[0]


class Actor:
    """An actor of any stage of the fake cluster."""

    def __init__(self, ray: FakeRay, number: int) -> None:
        self.ray, self.number, self.dead = ray, number, False

    def __getattr__(self, name: str) -> Method:
        return Method(self, name)


class FakeRay:
    """Ray in this process, with names in place of pictures and of rows: calls are answered one by one, in any order.

    Attributes:
        written: The names in each part.
        events: The methods that were answered, in their order.
        most_pictures: Number of pictures that were on their way through reading and computing, at most.
        most_kept: Number of references that were held to what stays on the cluster, at most.
    """

    exceptions = ray.exceptions

    def __init__(
        self,
        *,
        dies: Callable[[Actor, str, tuple[Any, ...]], bool] = lambda *_: False,
        has_place: Callable[[Actor], bool] = lambda _: True,
        seed: int = 0,
    ) -> None:
        self._dies, self._has_place, self._random = dies, has_place, random.Random(seed)
        self._calls: dict[Reference, Any] = {}
        self._kept = weakref.WeakSet[Reference]()
        self._pictures = self.most_pictures = self.most_kept = 0
        self.written: list[list[str]] = []
        self.events: list[str] = []

    def note_call(self, actor: Actor, name: str, arguments: tuple[Any, ...], references: list[Reference]) -> None:
        """Remember a call that is to be answered."""
        self._calls[references[0]] = actor, name, arguments, references
        self._kept.update(references[1:])
        self.most_kept = max(self.most_kept, len(self._kept))
        self._pictures += len(arguments[0]) if name == "read" else 0
        self.most_pictures = max(self.most_pictures, self._pictures)

    def wait(self, references: list[Reference], num_returns: int, timeout: float | None = None) -> Any:
        """Return references that have come; unless there is a time limit, answer a call if none has."""
        if timeout is None and not any(reference.come for reference in references):
            self._answer(self._random.choice([reference for reference in references if self._can_answer(reference)]))
        return [reference for reference in references if reference.come], []

    def get(self, reference: Reference) -> Any:
        """Return a value that has come, or raise what its actor has died of."""
        if reference.error:
            raise reference.error
        return reference.value

    def _can_answer(self, reference: Reference) -> bool:
        actor, name, _, _ = self._calls[reference]
        return name != "ready" or self._has_place(actor)

    def _answer(self, reference: Reference) -> None:
        actor, name, arguments, references = self._calls.pop(reference)
        reference.come = True
        actor.dead = actor.dead or self._dies(actor, name, arguments)
        if actor.dead:
            reference.error = ray.exceptions.RayActorError()
            return
        self.events.append(name)
        values = [each.value if isinstance(each, Reference) else each for each in arguments]
        for each, value in zip(references, getattr(self, f"_{name}")(*values), strict=True):
            each.value = value

    def _ready(self) -> tuple[None]:
        return (None,)

    def _read(self, paths: Sequence[str]) -> tuple[tuple[list[int], list[str]], list[str]]:
        return ([1, len(paths) - 1] if len(paths) > 1 else [1], []), list(paths)

    def _compute(self, pictures: list[str], start: int, stop: int) -> tuple[int, list[str]]:
        self._pictures -= stop - start
        return 1, pictures[start:stop]

    def _write(self, *rows: list[str]) -> tuple[int, None]:
        self.written.append([name for batch in rows for name in batch])
        return len(self.written[-1]), None


NAMES = [f"{index:05}" for index in range(1000)]


def work_off(fake: FakeRay, names: Sequence[str] = NAMES, max_batches: int = 8) -> None:
    """Send names through the stages of a fake cluster; each must be written once.

    The actors 0 and 1 are for files, 2 and 3 for the network.
    """
    told: list[int] = []
    files = Team(fake, lambda number: Actor(fake, number), 2, calls=2)
    networks = Team(fake, lambda number: Actor(fake, 2 + number), 2, calls=2)
    Pipeline(fake, batches_of(names, 2), files, networks, max_batches=max_batches, tell=told.append).run()
    assert sorted(name for part in fake.written for name in part) == list(names)
    assert all(part == sorted(part) for part in fake.written)
    assert told == [len(part) for part in fake.written]


@pytest.mark.parametrize("seed", range(20))
def test_all_is_written_once_whatever_dies(seed: int) -> None:
    """In whatever order calls are answered and actors die, each name is written once, in parts in their order."""
    chance = random.Random(seed)
    deaths = iter(range(MAX_ATTEMPTS - 1))
    work_off(FakeRay(dies=lambda *_: chance.random() < 0.05 and next(deaths, None) is not None, seed=seed))
    assert next(deaths, None) is None


@pytest.mark.parametrize("count", [2000, 20000])
def test_few_batches_are_on_the_way(count: int) -> None:
    """However long the list is, a few batches are held, and parts are written while others are still to be read."""
    fake, most, shares_in_batch = FakeRay(), 6, 2
    work_off(fake, [f"{index:05}" for index in range(count)], max_batches=most)
    assert fake.most_pictures <= most * BATCH
    assert fake.most_kept <= shares_in_batch * (most + (most + 1) * PART_BATCHES)  # each keeps one part incomplete
    last = len(fake.events) - fake.events[::-1].index("read")
    assert fake.events[:last].count("write") > count / (2 * PART_BATCHES * BATCH)


def test_an_actor_without_a_place_holds_up_nobody() -> None:
    """Where the cluster has no room for half of the actors, the others do the work."""
    work_off(FakeRay(has_place=lambda actor: actor.number % 2 == 0))


def test_actors_that_cannot_begin_are_done_without() -> None:
    """A place where each actor dies before it has begun is given up; where one begins after all, it works."""
    tried: list[int] = []

    def dies(actor: Actor, name: str, arguments: tuple[Any, ...]) -> bool:
        if name == "ready":
            tried.append(actor.number)
        return name == "ready" and (actor.number % 2 == 1 or tried.count(actor.number) < MAX_ATTEMPTS)

    work_off(FakeRay(dies=dies))
    assert sorted(tried) == sorted([0, 1, 2, 3] * MAX_ATTEMPTS)


@pytest.mark.parametrize(
    "dies",
    [
        lambda actor, name, arguments: name == "ready",
        lambda actor, name, arguments: name == "read" and NAMES[500] in arguments[0],
        lambda actor, name, arguments: (
            name == "compute" and NAMES[500] in arguments[0].value[arguments[1] : arguments[2]]
        ),
        lambda actor, name, arguments: name == "write" and any(NAMES[500] in batch.value for batch in arguments),
    ],
    ids=["begin", "read", "compute", "write"],
)
def test_what_always_dies_ends_the_run(dies: Any) -> None:
    """A picture that every process dies of is tried a few times and no more; so is an actor that cannot begin."""
    tried = []
    with pytest.raises(ray.exceptions.RayActorError):
        work_off(FakeRay(dies=lambda *call: dies(*call) and not tried.append(call)))
    assert MAX_ATTEMPTS <= len(tried) <= 4 * MAX_ATTEMPTS


def node(name: str, *, alive: bool = True, **resources: float) -> dict[str, Any]:
    """Describe a machine as Ray does."""
    return {"NodeID": name, "Alive": alive, "Resources": {"memory": 1e9, **resources}}


@pytest.mark.parametrize(
    ("nodes", "workers", "expected"),
    [
        ([node("a", CPU=2), node("b", CPU=1)], None, (3, {"num_cpus": 1}, ["a", "b", "a"])),
        ([node("a", CPU=2), node("b", CPU=1)], 2, (2, {"num_cpus": 1}, ["a", "b"])),
        ([node("a", CPU=2), node("b", CPU=1)], 9, (3, {"num_cpus": 1}, ["a", "b", "a"])),
        ([node("a", CPU=0), node("b", CPU=1), node("c", alive=False, CPU=8)], None, (1, {"num_cpus": 1}, ["b"])),
        ([node("a", CPU=2), node("b", CPU=1, GPU=2)], None, (2, {"num_gpus": 1, "num_cpus": 0}, ["a", "b", "a"])),
        ([node("a", CPU=2), node("b", CPU=1, GPU=2)], 1, (1, {"num_gpus": 1, "num_cpus": 0}, ["a", "b", "a"])),
        ([node("a")], None, (1, {"num_cpus": 1}, ["a"])),
    ],
    ids=["processors", "few", "too many", "dead", "gpus", "one gpu", "none"],
)
def test_a_network_for_each_gpu_or_processor(nodes: Any, workers: int | None, expected: Any) -> None:
    """Networks go to GPUs where there are some, else to processors; pictures are read on the machines in turn."""
    assert stages_of(nodes, workers) == expected


def test_large_pictures_are_computed_one_by_one() -> None:
    """Pictures that were read together are cut where they have too many pixels; those without pixels take no room."""
    side = int(BATCH_PIXELS**0.5)
    large, half, missing = (
        Decoded("", None if area is None else np.broadcast_to(np.uint8(0), (side, area, 3)))
        for area in (2 * side, side // 2, None)
    )
    assert shares([half] * 5) == [2, 2, 1]
    assert shares([missing, large, missing, half, half, large]) == [1, 1, 3, 1]
    assert shares([missing] * 32) == [32]


@pytest.mark.parametrize(("count", "networks", "parts"), [(1, 2, 1), (480, 2, 15), (100_000, 2, 391), (300, 1, 10)])
def test_batches_are_the_list_in_order(count: int, networks: int, parts: int) -> None:
    """Cut into batches, the list is whole, in its order; a short one has many parts, too."""
    names = [str(index) for index in range(count)]
    batches = list(batches_of(names, networks))
    assert [name for batch in batches for name in batch.paths] == names
    assert all(names[batch.start] == batch.paths[0] for batch in batches)
    found = {id(batch.part): batch.part for batch in batches}
    assert len(found) == parts
    assert sum(part.missing for part in found.values()) == count
