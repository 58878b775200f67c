"""Where the time of a step goes: `python -m benchmarks.profile [float32|bfloat16]` prints a table.

A step of the default settings at 512 x 384 with random weights, its operations one after the other, recorded by
TensorFlow's profiler and added up by kind.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.step import HEIGHT, WIDTH
from myvgg.cli.program import muted
from myvgg.runtime.process import keep_memory, run_in_order

STEPS = 4
KINDS = {
    "Conv2DBackpropInput": "convolutions, back",
    "FusedConv2D": "convolutions with bias and rectification",
    "Conv2D": "convolutions",
    "MatMul": "products of matrices: statistics, their gradient, roots",
    "ReluGrad": "rectification, back",
    "MaxPool": "pools",
    "Cast": "changes of precision",
    "Sum": "means",
    "AddN": "gradients that meet",
}
"""What the name of an operation contains, the first that fits, and what it does."""


def main() -> None:
    """Record some steps and print what they are made of."""
    keep_memory()
    run_in_order()
    with muted():
        import numpy as np
        import tensorflow as tf  # it greets when it is imported

        from myvgg.nst import Settings, steps
        from myvgg.params import random
        from myvgg.photographs import measured

        precision: Any = sys.argv[1] if len(sys.argv) > 1 else "auto"
        content, style = np.random.default_rng(0).uniform(0, 255, (2, HEIGHT, WIDTH, 3)).astype(np.float32)
        settings = Settings(size=WIDTH, scales=1, iterations=10**6, precision=precision)
        run = steps(content, style, settings, params=measured(random(include_top=False)))
        for _ in range(3):
            next(run)
        with TemporaryDirectory() as folder:
            tf.profiler.experimental.start(folder)
            for _ in range(STEPS):
                next(run)
            tf.profiler.experimental.stop()
            times = _times(next(Path(folder).rglob("*.xplane.pb")))
    total = sum(times.values())
    print("| what | ms a step | share |\n|---|---|---|")
    for kind, seconds in times.most_common():
        print(f"| {kind} | {1e3 * seconds:.1f} | {seconds / total:.1%} |")
    print(f"| all | {1e3 * total:.1f} | |")


def _times(path: Path) -> Counter[str]:
    """Add up the seconds of a step's operations, which the profiler calls `name:Kind`."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space, times = xplane_pb2.XSpace(), Counter[str]()
    space.ParseFromString(path.read_bytes())
    for plane in space.planes:
        names = {number: event.name for number, event in plane.event_metadata.items()}
        for event in (event for line in plane.lines for event in line.events):
            _, is_operation, kind = names[event.metadata_id].rpartition(":")
            if is_operation and not names[event.metadata_id].startswith(("Eager", "Executor", "Kernel")):
                found = next((what for part, what in KINDS.items() if part in kind), "all the rest")
                times[found] += event.duration_ps / 1e12 / STEPS
    return times


if __name__ == "__main__":
    main()
