"""The time of a step on this machine, measured on small tiles with the kernels that the run will use."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from myvgg import kernels
from myvgg.nst.criterion import features_of, statistics
from myvgg.nst.encoder import Encoder
from myvgg.nst.losses import moments_gradient
from myvgg.nst.settings import Settings
from myvgg.params import Params
from myvgg.runtime.process import arrive, uninterrupted

SMALL, LARGE = 64, (256, 384)
"""Sides of the tiles, in pixels. The second large one is used where a step of the first takes less than `SHORT`."""

SHORT = 0.4
"""Seconds of a step below which a larger tile is measured: caches hold more of a small tile than of a picture."""

TURNS = 2
"""Number of steps that are measured; the shortest counts, since now and then a core is busy with something else."""

SHORTEST = 1e-9
"""Smallest time of a pixel, in seconds."""


class Speed(NamedTuple):
    """The time of a step, without the optimiser: `fixed + pixels * pixel`, in seconds."""

    fixed: float
    pixel: float


_known: dict[Any, Speed] = {}


def speed(params: Params, settings: Settings, *, content: Sequence[str], style: Sequence[str]) -> Speed:
    """Measure the network with the moments of the style layers, and the gradient of both; once for equal arguments.

    Args:
        params: The weights; only their shapes count.
        settings: Pools, padding, and a precision that is not `auto`.
        content: Layers whose features are compared.
        style: Layers whose moments are compared.
    """
    options = (settings.precision, settings.pooling, settings.pool_padding, settings.padding)
    key = (params.architecture, options, tuple(content), tuple(style))
    if key not in _known:
        with uninterrupted():
            _known[key] = _measured(Encoder(params, settings), [*content, *style], style)
    return _known[key]


def _measured(encoder: Encoder, layers: Sequence[str], style: Sequence[str]) -> Speed:
    """Time a step of a small tile and of a larger one."""

    def step(image: tf.Tensor) -> tf.Tensor:
        seen = features_of(encoder, image, layers)
        (found,) = statistics(seen, style, [{}], {})
        slopes = {layer: moments_gradient(seen[layer], moments) for layer, moments in found.items()}
        return tf.gradients([*seen.values()], [image], [slopes.get(layer, maps) for layer, maps in seen.items()])[0]

    signature = [tf.TensorSpec([1, None, None, 3], tf.float32)]
    compiled = kernels.uninterrupted_graph(step, input_signature=signature)
    first, last = LARGE
    small = _shortest(compiled, SMALL, TURNS)
    try:
        side = last if _shortest(compiled, first, 1) < SHORT else first
        pixel = max(SHORTEST, (_shortest(compiled, side, TURNS) - small) / (side**2 - SMALL**2))
    except (tf.errors.ResourceExhaustedError, MemoryError):  # the run will go on in small tiles as well
        return Speed(0.0, small / SMALL**2)
    return Speed(max(0.0, small - pixel * SMALL**2), pixel)


def _shortest(compiled: Any, side: int, turns: int) -> float:
    """Return the seconds of the shortest of some steps, after one that prepares."""
    image = tf.fill([1, side, side, 3], 128.0)
    times = []
    for _ in range(1 + turns):
        arrive()
        start = time.perf_counter()
        compiled(image)[0, 0, 0, 0].numpy()  # waits for the result without a copy of it
        times.append(time.perf_counter() - start)
    return min(times[1:])
