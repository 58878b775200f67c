"""Exported networks: the size of their files, and a picture through their own programs, beside ours in float32.

Held equal: the same random parameters, one picture of 224 x 224, features of relu5_1, two threads. Ours is the compiled
extractor.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Result, Task, compare
from myvgg.cli.program import muted
from myvgg.params import random
from myvgg.runtime.process import keep_memory

NEEDS = ("onnx", "onnxruntime")
SIZE, ROUNDS, THREADS = 224, 15, 2
LAYER = "relu5_1"


def run() -> Iterator[Result]:
    """Write each format, compare its size with the parameters', and its time with ours."""
    keep_memory()
    with muted():
        from myvgg import Extractor, export

    params = random(include_top=False)
    needed = sum(part.nbytes for name, layer in params.layers.items() if name <= "conv5_1" for part in layer)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, SIZE, SIZE, 3)).astype(np.float32)
    extractor = Extractor(params, [LAYER])

    def ours() -> Any:
        return extractor(images[:1])[LAYER].numpy()

    with tempfile.TemporaryDirectory() as folder:
        for name in ("ONNX", "TFLite float32", "TFLite float16", "TFLite int8"):
            path = Path(folder) / name
            with muted():
                if name == "ONNX":
                    export.to_onnx(params, [LAYER], path)
                    theirs = onnx(path, images[:1])
                else:
                    kind: Any = name.split()[1]
                    export.to_tflite(params, [LAYER], path, size=SIZE, quantize=kind, pictures=images)
                    theirs = tflite(path, images[:1])
                theirs()
            size = path.stat().st_size
            yield Result(
                f"{name} of {LAYER}, the file", "its parameters in float32", size, needed, "bytes", size / needed
            )
            yield compare(
                f"features to {LAYER} of one picture by ours", f"{name} by its own", ours, theirs, rounds=ROUNDS
            )


def onnx(path: Path, images: np.ndarray) -> Task:
    """Return what ONNX Runtime does."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options)
    return lambda: session.run([LAYER], {"images": images})


def tflite(path: Path, images: np.ndarray) -> Task:
    """Return what TFLite's interpreter does."""
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_path=str(path), num_threads=THREADS)
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def task() -> Any:
        interpreter.set_tensor(taken, images)
        interpreter.invoke()
        return interpreter.get_tensor(given)

    return task
