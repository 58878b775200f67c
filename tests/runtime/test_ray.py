"""What a worker of a cluster is given and gives back, without a cluster."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from myvgg.nst import Settings, memory
from myvgg.params import WeightsWarning
from myvgg.runs.job import Job
from myvgg.runs.ray_jobs import resources, within
from myvgg.runtime.ray import noted, shares

NODES: list[dict[str, Any]] = [
    {"NodeID": "small", "Alive": True, "Resources": {"CPU": 4.0}},
    {"NodeID": "large", "Alive": True, "Resources": {"CPU": 16.0, "GPU": 2.0}},
    {"NodeID": "gone", "Alive": False, "Resources": {"CPU": 16.0, "GPU": 2.0}},
]


@pytest.mark.parametrize(
    ("needed", "expected"),
    [
        ({"CPU": 1, "GPU": 0}, {"small": 1 / 4, "large": 1 / 16}),
        ({"CPU": 3, "GPU": 0}, {"small": 1, "large": 1 / 5}),
        ({"CPU": 1, "GPU": 1}, {"large": 1 / 2}),
        ({"CPU": 8, "GPU": 0}, {"large": 1 / 2}),
    ],
    ids=str,
)
def test_workers_share_the_memory_of_their_machine(needed: dict[str, int], expected: dict[str, float]) -> None:
    """Each gets the part that is left for it where as many work beside it as the machine has room for."""
    assert shares(NODES, needed) == expected


def test_a_job_stays_within_its_share() -> None:
    """A job plans for its share of the machine, unless the user has set a limit."""
    job = Job(content=Path("a.png"), styles=(), output=Path("b.png"))
    limit = memory.limit(within(job, 0.25).settings)
    assert limit == pytest.approx(memory.SHARE * memory.machine_memory() / 4)
    limited = Job(content=Path("a.png"), styles=(), output=Path("b.png"), settings=Settings(max_memory=3.0))
    assert within(limited, 0.25) == limited


@pytest.mark.parametrize(("nodes", "gpus"), [(NODES, 1), (NODES[:1], 0), (NODES[::2], 0)])
def test_a_job_asks_for_a_gpu_where_there_is_one(nodes: list[dict[str, Any]], gpus: int) -> None:
    """Ray shows each worker its own GPU, if it is asked for one."""
    assert resources(nodes, 2) == {"CPU": 2, "GPU": gpus}


def test_warnings_of_workers_are_collected() -> None:
    """Warnings of this package become notes, each time; those of others stay away."""
    for _ in range(2):
        with noted() as notes:
            notes.append("little memory left")
            warnings.warn("bundled weights", WeightsWarning, stacklevel=1)
            warnings.warn("something else", UserWarning, stacklevel=1)
        assert notes == ["little memory left", "bundled weights"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray leaves sockets and files to the end of the process
def test_workers_tell_their_notes(tmp_path: Path, tiny_params: Any) -> None:
    """On a cluster with two logical GPUs, two jobs run on one each, and what they say comes back."""
    ray = pytest.importorskip("ray", reason="Ray is an extra: pip install 'myvgg[ray]'")
    from ray.cluster_utils import Cluster

    from myvgg.runs import ray_jobs
    from myvgg.runs.rows import Row

    options = {"num_cpus": 2, "num_gpus": 2, "object_store_memory": 200_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=options)
    try:
        jobs = {
            number: (
                Job(content=tmp_path / f"none{number}.png", styles=(), output=tmp_path / f"{number}.png"),
                Row("a", "b", f"{number}.png"),
            )
            for number in range(2)
        }
        found = dict(ray_jobs.make_all(jobs, tiny_params, ray_jobs.Cluster(cluster.address)))
    finally:
        cluster.shutdown()
        assert not ray.is_initialized()
    for number, made in found.items():
        assert made.row.status == "failed"
        assert made.notes == [f"{number}.png failed: {made.row.error}"]
