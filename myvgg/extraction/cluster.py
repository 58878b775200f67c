"""A list of pictures worked off on a Ray cluster: one network an actor, parts written by Ray.

Ray gives a worker's pictures to another one when it dies, and `parts` forgets what it had half written. The weights go
to the cluster once, where actors of one machine share them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myvgg.cluster import joined, prepare
from myvgg.extraction.plan import BATCH, Plan
from myvgg.params import Params

if TYPE_CHECKING:
    import pyarrow as pa

SHARES = 8
"""Blocks of pictures for each worker, at least, so that none waits long for the last."""

LARGEST = 1024
"""Pictures in a block."""


def extract(
    paths: Sequence[str],
    plan: Plan,
    params: Params,
    folder: Path,
    done: Callable[[int], object],
    *,
    address: str,
    workers: int | None = None,
) -> None:
    """Do what `local.extract` does on a cluster.

    Args:
        paths: Files, which all machines must be able to read by these names.
        plan: What to compute.
        params: The weights.
        folder: For the parts, which all machines must be able to write.
        done: Told how many pictures have been computed, at the end.
        address: Of the cluster.
        workers: How many, of one processor each; as many as there are unless told.

    Raises:
        ValueError: There is no cluster, or Ray gave up; what is done is kept.
    """
    with joined(address) as ray:
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        rows = max(BATCH, min(LARGEST, math.ceil(len(paths) / (SHARES * count))))
        blocks = math.ceil(len(paths) / rows)
        data = ray.data.from_items([{"path": path} for path in paths], override_num_blocks=blocks)
        data.map_batches(
            Worker,
            batch_format="pyarrow",
            batch_size=BATCH,
            concurrency=min(count, blocks),
            num_cpus=1,
            fn_constructor_args=(ray.put(params), plan, os.fspath(Path.cwd())),
        ).write_parquet(os.fspath(folder.resolve()))
    done(len(paths))


class Worker:
    """An actor: a network, and batches of names to batches of features."""

    def __init__(self, params: Any, plan: Plan, folder: str) -> None:
        prepare(folder, threads=1)
        import ray

        self._plan = plan
        self._extractor = plan.extractor(ray.get(params) if isinstance(params, ray.ObjectRef) else params)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Compute the rows of some pictures."""
        from myvgg.extraction.decoding import decoded
        from myvgg.extraction.local import rows_of
        from myvgg.extraction.parts import table_of

        pictures = decoded(batch["path"].to_pylist(), self._plan.size, self._plan.fit)
        rows = [row for some in rows_of(pictures, self._extractor) for row in some]
        return table_of(rows, self._extractor.columns)
