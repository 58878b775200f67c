"""A list of pictures worked off on a Ray cluster, by actors on all of its machines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from myvgg.extraction.actors import Files, Network
from myvgg.extraction.pipeline import Pipeline, batches_of
from myvgg.extraction.recipe import Recipe
from myvgg.params import Params
from myvgg.runtime.ray import Team, joined

NETWORK_CALLS = 2
"""Batches that a network has at a time: one is computed, and the next one comes from another machine meanwhile."""


class Stages(NamedTuple):
    """The actors of a run.

    Attributes:
        networks: Number of networks.
        resources: The resources that Ray reserves for a network.
        readers: For each actor that reads and writes files, the machine that it is started on. These actors need no
            reservation, since they share the processors with the networks.
    """

    networks: int
    resources: dict[str, int]
    readers: list[str]

    def for_batches(self, batches: int) -> Stages:
        """Leave out the actors that so few batches have no work for."""
        return Stages(min(self.networks, batches), self.resources, self.readers[:batches])


def compute_parts(
    paths: Sequence[str],
    recipe: Recipe,
    params: Params,
    folder: Path,
    tell: Callable[[int], object],
    *,
    address: str,
    workers: int | None = None,
) -> None:
    """Compute the pictures of a list on a cluster and write their rows as parts.

    Args:
        paths: Files, which all machines must be able to read by these names.
        recipe: The features to compute.
        params: The network's parameters.
        folder: The folder of the parts, which all machines must be able to write to.
        tell: Called with the number of pictures of each part that has been written.
        address: The address of the cluster, see `myvgg.runtime.ray.joined`.
        workers: Largest number of networks, see `stages_of`.

    Raises:
        ValueError: There is no cluster, or Ray gave up; the parts that are written are kept.
        OSError: A part cannot be written; the parts before it are there.
    """
    with joined(address) as ray:
        stages = stages_of(ray.nodes(), workers)
        batches = list(batches_of(paths, stages.networks))
        files, networks = _start_teams(ray, stages.for_batches(len(batches)), recipe, params, folder)
        most = 2 * (stages.networks + len(stages.readers))
        Pipeline(ray, batches, files, networks, max_batches=most, tell=tell).run()


def stages_of(nodes: Iterable[Mapping[str, Any]], workers: int | None = None) -> Stages:
    """Choose the actors for a cluster.

    There is a network for each GPU, or for each processor of a cluster without GPUs. Networks on GPUs are fed by all
    processors; a network on a processor is fed by one.

    Args:
        nodes: The machines, as `ray.nodes` describes them.
        workers: Largest number of networks.
    """
    alive = [(node["NodeID"], node["Resources"]) for node in nodes if node["Alive"]]
    processors = sorted((number, name) for name, has in alive for number in range(int(has.get("CPU", 0))))
    machines = [name for _, name in processors] or [name for name, _ in alive]  # each in turn
    gpus = sum(int(has.get("GPU", 0)) for _, has in alive)
    networks = min(gpus or len(machines), workers or len(machines) + gpus)
    if gpus:
        return Stages(networks, {"num_gpus": 1, "num_cpus": 0}, machines)
    return Stages(networks, {"num_cpus": 1}, machines[:networks])


def _start_teams(ray: Any, stages: Stages, recipe: Recipe, params: Params, folder: Path) -> tuple[Team, Team]:
    """Start the actors for files and the actors with networks."""
    from myvgg.extractor import columns_of

    columns = columns_of(params.architecture, recipe.layers, recipe.reduce)
    here, there = os.fspath(Path.cwd()), os.fspath(folder.resolve())
    stored = ray.put(params)
    files, network = ray.remote(num_cpus=0)(Files), ray.remote(**stages.resources)(Network)
    affinity = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy

    def start_files(number: int) -> Any:
        place = affinity(stages.readers[number], soft=True)
        return files.options(scheduling_strategy=place).remote(recipe, here, there, columns)

    def start_network(_: int) -> Any:
        return network.remote([stored], recipe, here)

    return (
        Team(ray, start_files, len(stages.readers), calls=1),
        Team(ray, start_network, stages.networks, calls=NETWORK_CALLS),
    )
