"""Features of many JPEG files, from the files to a table, beside the network alone and beside a Keras loop.

Held equal: the same random parameters, the same 192 pictures of 500 x 375 in JPEG files, 224 x 224 cut out of the
middle, the mean of relu5_1, batches of 32. The network alone computes one batch again and again, from bytes to means.
The Keras loop reads, scales and crops with `keras.utils.load_img`, and calls `model.predict` on each batch; of its maps
NumPy takes the mean. Importing, loading weights and the first batch are outside the clock, decoding is inside it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import rivals
from benchmarks.measure import Result, Task, compare
from myvgg.cli.program import muted
from myvgg.params import Params, random
from myvgg.runtime.process import keep_memory

NEEDS = ("keras", "pyarrow")
COUNT, BATCH, SIZE = 192, 32, 224
ROUNDS = 3
HIDDEN = 0.9
"""Of the network's own pictures a second, at least, from files."""
TIMES = {"float32": 1.1, "bfloat16": 1.9}


def run() -> Iterator[Result]:
    """Time them in turns."""
    keep_memory()
    with muted():
        from myvgg.example_pictures import FOLDER
        from myvgg.precision import fastest_precision

        params = random(include_top=False)
        precisions = dict.fromkeys(["float32", fastest_precision()])
    with tempfile.TemporaryDirectory() as folder:
        paths = draw(Path(folder), FOLDER, COUNT)
        model = rivals.keras_model(params, ["block5_conv1"])
        for precision in precisions:
            what = f"{COUNT} JPEG files to the mean of relu5_1, {precision}"
            ours = extraction(paths, params, precision, Path(folder))
            yield compare(what, "the network alone", ours, alone(params, precision), rounds=ROUNDS).at_least(HIDDEN)
            keras = keras_loop(model, paths)
            yield compare(what, "a loop with Keras' `predict`", ours, keras, rounds=ROUNDS).at_least(TIMES[precision])


def draw(folder: Path, photographs: Path, count: int) -> list[str]:
    """Write JPEG files of 500 x 375, parts of the bundled photographs, and return their names."""
    from PIL import Image

    rng = np.random.default_rng(0)
    sources = [Image.open(photographs / f"{name}.jpg").convert("RGB") for name in ("astronaut", "chelsea", "coffee")]
    for index in range(count):
        source = sources[index % len(sources)]
        left, top = rng.uniform(0, 0.3, 2) * source.size
        box = (left, top, left + 0.7 * source.width, top + 0.7 * source.height)
        source.resize((500, 375), Image.Resampling.BICUBIC, box).save(folder / f"{index:04}.jpg", quality=90)
    return [str(path) for path in sorted(folder.glob("*.jpg"))]


def extraction(paths: list[str], params: Params, precision: str, folder: Path) -> Task:
    """Return what works off all files and writes parts."""
    from myvgg.extraction import local, parts

    recipe = recipe_of(params, precision)

    def task() -> None:
        made = parts.open_folder(folder / "parts", recipe)
        local.compute_parts(paths, recipe, params, made, lambda _: None)
        parts.remove_folder(made)

    return task


def recipe_of(params: Params, precision: str) -> Any:
    """Return what is to be extracted."""
    from myvgg.extraction.recipe import Recipe, identify_weights
    from myvgg.images import Resizing

    weights = identify_weights(params)
    return Recipe(("relu5_1",), "mean", Resizing(SIZE), precision, "max", weights)  # type: ignore[arg-type]


def alone(params: Params, precision: str) -> Task:
    """Return what computes as many pictures without reading any."""
    extractor = recipe_of(params, precision).extractor(params)
    batch = np.random.default_rng(0).integers(0, 256, (BATCH, SIZE, SIZE, 3), np.uint8)

    def task() -> None:
        for _ in range(COUNT // BATCH):
            extractor(batch)["relu5_1"].numpy()

    return task


def keras_loop(model: Any, paths: list[str]) -> Task:
    """Return what reads, prepares and predicts, batch by batch."""
    import keras

    def read(path: str) -> np.ndarray:
        image = keras.utils.load_img(path, target_size=(SIZE, SIZE), keep_aspect_ratio=True, interpolation="lanczos")
        return np.asarray(keras.utils.img_to_array(image))

    def task() -> None:
        for start in range(0, len(paths), BATCH):
            batch = np.stack([read(path) for path in paths[start : start + BATCH]])
            maps = model.predict(keras.applications.vgg19.preprocess_input(batch), verbose=0)
            np.mean(maps, axis=(1, 2))

    return task
