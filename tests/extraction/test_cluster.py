"""The same on a Ray cluster of two nodes on this machine, also when a worker dies in the middle."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest

from myvgg.extraction.__main__ import main
from tests.extraction.test_extract import SMALL

ray = pytest.importorskip("ray", reason="Ray is an extra: pip install 'myvgg[ray]'")

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray leaves sockets and files to the end of the process


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster of two nodes with one processor each."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  # Ray spells it so; 15 otherwise, and a busy machine starves them
    options: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 200_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=options)
    cluster.add_node(num_cpus=1, object_store_memory=200_000_000)
    cluster.wait_for_nodes()
    yield cluster.address
    cluster.shutdown()


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


def kill_one(seen: list[int], folder: Path, over: threading.Event) -> None:
    """Kill the first actor that works, once there is something of it and before the run is over."""
    command = ""
    while not (seen or over.wait(0.05)):
        if len(list(folder.glob("*.parquet"))) >= 1:
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    command = " ".join(process.cmdline())
                if "MapWorker" in command:
                    seen.append(process.pid)
                    os.kill(process.pid, signal.SIGKILL)
                    break


def test_a_worker_that_dies_loses_nothing(address: str, photos: Path, weights: str, tmp_path: Path) -> None:
    """With a worker killed in the middle, every picture is in the table once, and the table is this machine's."""
    many = tmp_path / "many"
    many.mkdir()
    readable = [path for path in sorted(photos.glob("*.png")) if path.name not in ("04b.png", "cut.png")]
    for index in range(1200):
        (many / f"{index:04}.png").symlink_to(readable[index % len(readable)])
    words = [str(many), "--layers", "relu3_1", "--size", "64", "--precision", "float32", "--weights", weights]
    seen: list[int] = []
    over = threading.Event()
    killer = threading.Thread(target=kill_one, args=(seen, tmp_path / "ray.parquet.parts", over))
    killer.start()
    try:
        assert main([*words, "-o", str(tmp_path / "ray.parquet"), "--ray", address]) == 0
    finally:
        over.set()
        killer.join()
    assert len(seen) == 1
    assert main([*words, "-o", str(tmp_path / "alone.parquet")]) == 0
    assert_same_rows(tmp_path / "ray.parquet", tmp_path / "alone.parquet")


def test_goes_on_alone_where_the_cluster_was(address: str, photos: Path, weights: str, tmp_path: Path) -> None:
    """What one machine has begun, a cluster goes on with."""
    from myvgg.extraction import parts

    words = [str(photos), *SMALL, "--weights", weights]
    assert main([*words, "-o", str(tmp_path / "alone.parquet")]) == 0
    folder = tmp_path / "ray.parquet.parts"
    folder.mkdir()
    table = pq.read_table(tmp_path / "alone.parquet")
    (folder / parts.PLAN).write_bytes(table.schema.metadata[b"myvgg"])
    pq.write_table(table.slice(5, 9).replace_schema_metadata(None), folder / "0.parquet")
    (folder / "1.parquet").write_bytes(b"half of it")
    assert main([*words, "-o", str(tmp_path / "ray.parquet"), "--ray", address]) == 0
    assert_same_rows(tmp_path / "ray.parquet", tmp_path / "alone.parquet")


def test_no_cluster(photos: Path, weights: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An address where nothing is, and no Ray, are told in one line, and nothing is left but the folder of parts."""
    words = [str(photos), *SMALL, "--weights", weights, "-o", str(tmp_path / "f.parquet")]
    assert main([*words, "--ray", "127.0.0.1:1"]) == 1
    error = capfd.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("extract.py: no Ray cluster at '127.0.0.1:1'")
    assert error.endswith("start one with 'ray start --head'")


def test_without_ray(
    photos: Path, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is missing is named with how to get it."""
    monkeypatch.setitem(sys.modules, "ray", None)
    words = [str(photos), *SMALL, "--weights", weights, "-o", str(tmp_path / "f.parquet")]
    assert main([*words, "--ray", "auto"]) == 1
    assert "pip install 'myvgg[ray]'" in capfd.readouterr().err


def test_stylising_on_the_cluster(address: str, photos: Path, weights: str, tmp_path: Path) -> None:
    """`style.py batch --ray` makes the pictures, byte for byte but for their records, and the table of one machine."""
    from myvgg.nst import images
    from myvgg.nst.__main__ import main as style

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
    from myvgg.nst.__main__ import main as style

    assert style(["batch", "--contents", str(photos), "--styles", str(photos / "04.png"), *options]) == 2
    assert "--threads must be at least 1, and goes with --ray" in capsys.readouterr().err
