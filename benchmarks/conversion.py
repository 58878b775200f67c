"""How much memory converting MatConvNet's file takes, beside the arrays in it.

Held equal: the network with its classifier in the layout of the current release (43 cells, `meta`), random values, as
the same 143,667,240 numbers once uncompressed and once compressed.
The peak is the largest resident set of `myvgg convert`, interpreter and libraries included, and its output is
written to the same disk.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Result, run_command
from myvgg.architecture import CONFIGURATION_E, MEAN, Conv, Dense, Pool
from myvgg.params import LayerParams, Params, random

NEEDS = ("scipy",)
TIMES = 2.2
"""How many times the bytes of the arrays we mean to stay below."""

PEAK_OF_CHILD = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(peak if sys.platform == "darwin" else 1024 * peak)
"""
"""Run by a small process of its own, because a child inherits the peak of whoever starts it."""

Struct = dict[str, Any]


def run() -> Iterator[Result]:
    """Write the file in both ways and convert it."""
    params = random()
    contents = matlab_contents(params)
    for compressed in (False, True):
        what = f"convert a {'compressed' if compressed else 'plain'} `.mat`, peak memory"
        peak = _peak(contents, compressed=compressed)
        yield Result(what, "its arrays", peak, params.nbytes, "bytes", peak / params.nbytes).below(TIMES)


def matlab_contents(params: Params) -> Struct:
    """Lay a network out as MatConvNet's current release does: cells of structs, conv1_1 in R, G, B."""
    layers: list[Struct] = []
    for layer in CONFIGURATION_E.layers:
        if isinstance(layer, Pool):
            layers.append({"name": layer.name, "type": "pool", "pad": np.array([[0.0, 1, 0, 1]])})
        else:
            layers.append(_convolution(layer, params.layers))
            layers.append({"name": f"after {layer.name}", "type": "relu"})
    layers[-1] = {"name": "prob", "type": "softmax"}
    mean = np.array(MEAN[::-1], np.float32).reshape(1, 1, 3)
    return {"layers": _cells(layers), "meta": {"normalization": {"averageImage": mean}}}


def _convolution(layer: Conv | Dense, params: Mapping[str, LayerParams]) -> Struct:
    kernel, bias = params[layer.name]
    if layer == CONFIGURATION_E.convolutions[0]:
        kernel = kernel[:, :, ::-1]
    if isinstance(layer, Dense):
        side = 7 if layer == CONFIGURATION_E.classifier[0] else 1
        kernel = kernel.reshape(side, side, -1, layer.outputs)
    return {"name": layer.name, "type": "conv", "weights": _cells([kernel, bias.reshape(-1, 1)])}


def _cells(values: list[Any]) -> np.ndarray:
    row = np.empty((1, len(values)), object)
    row[0] = values
    return row


def _peak(contents: Struct, *, compressed: bool) -> int:
    from scipy.io import savemat

    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "vgg19.mat"), Path(folder, "vgg19.safetensors")
        savemat(source, contents, do_compression=compressed)
        command = (sys.executable, "-m", "myvgg", "convert", str(source), "-o", str(output))
        return int(run_command((sys.executable, "-c", PEAK_OF_CHILD, *command)))
