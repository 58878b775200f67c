"""Bytes that a picture takes by itself, whatever it is computed in.

A run of two shallow style layers, in the smallest tiles, so that hardly anything but the picture counts: Adam's state,
the gradient, and the content as it was given and in float32. In a process of its own, which has made the same run of a
small picture before, its peak beyond what it had then.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from benchmarks.measure import Result, peak, run_command

NEEDS = ("tensorflow",)
SIDE, SMALL = 3000, 400
ADAM, CONTENT = 60, 15
"""Bytes a pixel that were the aim, and what the content is: three numbers of 8 bits and three of float32."""


def run() -> Iterator[Result]:
    """Run both pictures."""
    held = json.loads(run_command([sys.executable, "-m", "benchmarks.held"]).splitlines()[-1])
    pixels = SIDE**2
    rival = f"{ADAM} bytes a pixel, and {CONTENT} of the content"
    what = f"a picture of {SIDE} x {SIDE}, {held / pixels:.0f} bytes a pixel"
    aim = (ADAM + CONTENT) * pixels
    yield Result(what, rival, held, aim, "bytes", held / aim).below(1.25)


def measure() -> int:
    """Return the bytes that the large picture has added in this process."""
    from myvgg.cli.program import muted
    from myvgg.runtime.process import keep_memory, run_in_order

    keep_memory()
    run_in_order()
    with muted():
        import numpy as np

        from myvgg.nst import Settings, steps
        from myvgg.nst.settings import Layers
        from myvgg.params import random
        from myvgg.photographs import measured

    params, rng = measured(random(include_top=False)), np.random.default_rng(0)
    style = rng.integers(0, 256, (200, 200, 3), np.uint8)
    peaks = []
    for side in (SMALL, SIDE):
        settings = Settings(
            size=f"{side}x{side}",
            scales=1,
            iterations=3,
            content_weight=0.0,
            style_layers=Layers("relu1_1=1,relu2_1=1"),
            max_memory=0.1,
        )
        for _ in steps(rng.integers(0, 256, (side, side, 3), np.uint8), style, settings, params=params):
            pass
        peaks.append(peak())
    return peaks[1] - peaks[0]


if __name__ == "__main__":
    print(json.dumps(measure()))
