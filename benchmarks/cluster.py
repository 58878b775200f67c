"""Two Ray workers of one processor each, beside one process with two, and beside one worker.

A worker is a network that reserves a processor; a process beside it reads the files on whichever processor is free.
Held equal: the files, parameters and features of `files`, on the same machine. Both are started by their command line
with 192 and with 960 files; the difference of the two times is what the pictures in between took, without starting
Ray, Python or TensorFlow.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.files import draw
from benchmarks.measure import ROOT, Result
from myvgg.cli.program import muted
from myvgg.params import random

NEEDS = ("ray", "pyarrow")
FEW, MANY = 192, 960
SHARE = 0.85


def run() -> Iterator[Result]:
    """Time four runs."""
    import ray
    from ray.cluster_utils import Cluster

    with muted():
        from myvgg.example_pictures import FOLDER
        from myvgg.precision import fastest_precision

        precision = fastest_precision()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.safetensors"
        random(include_top=False).save(weights)
        pictures = Path(folder) / "pictures"
        pictures.mkdir()
        paths = draw(pictures, FOLDER, MANY)
        alone = _seconds(paths, weights, precision, [])
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        cluster.add_node(num_cpus=1)
        try:
            together = _seconds(paths, weights, precision, ["--ray", cluster.address])
            single = _seconds(paths, weights, precision, ["--ray", cluster.address, "--workers", "1"])
        finally:
            cluster.shutdown()  # type: ignore[no-untyped-call]
            ray.shutdown()
    what = f"{MANY - FEW} JPEG files to the mean of relu5_1 by two Ray workers of one processor, {precision}"
    yield Result(what, "one process with two", together, alone, "s", alone / together).at_least(SHARE)
    yield Result(what, "one such worker", together, single, "s", single / together)


def _seconds(paths: list[str], weights: Path, precision: str, words: list[str]) -> float:
    """Return what the pictures take that the larger run has more than the smaller one."""
    times = []
    for count in (FEW, MANY):
        command = [sys.executable, "-m", "myvgg", "extract", "-", "--layers", "relu5_1", "--precision", precision]
        command += ["--weights", str(weights), "-o", str(weights.with_name("f.parquet")), "--overwrite", *words]
        start = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, input="\n".join(paths[:count]), text=True, capture_output=True)  # noqa: S603
        times.append(time.perf_counter() - start)
        weights.with_name("f.parquet").unlink()
    return times[1] - times[0]
