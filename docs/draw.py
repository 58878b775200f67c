"""Draw the pictures of the documents and write `docs/gallery.md`: `python docs/draw.py`.

The weights are those that come with myvgg, whatever others there are, so that anyone who runs this gets these pictures.
A picture that is there is kept; `python docs/draw.py cat-waves` draws only what is named, again.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from myvgg import images, microscope
from myvgg.cli.features import main as features
from myvgg.cli.style import main as style
from myvgg.runtime.files import replacing

DOCS = Path(__file__).parent
ROOT = DOCS.parent


class Figure(NamedTuple):
    """A picture of the gallery.

    Attributes:
        title: What it shows.
        words: Of the command line, with examples and outputs as names of files.
        said: What there is to see.
    """

    title: str
    words: str
    said: str


FACE = 77, 170, 68, 60
"""The ellipse of the astronaut's face: row and column of the centre, half of height and width, in pixels."""

FIRST = "-o docs/first.png"
"""Words of the README's first picture: those of its first command, but for the name of the result."""

LAYERS = {
    "maps": "examples/chelsea.jpg --layer relu3_1 --maps 16 --size 256 -o docs/features/maps.png",
    "gram": "examples/chelsea.jpg --layer relu3_1 --show gram -o docs/features/gram.png",
    "relu2_1": "examples/chelsea.jpg --layer relu2_1 --show reconstruction --size 256 -o docs/features/relu2_1.png",
    "relu4_1": "examples/chelsea.jpg --layer relu4_1 --show reconstruction --size 256 -o docs/features/relu4_1.png",
    "relu5_1": "examples/chelsea.jpg --layer relu5_1 --show reconstruction --size 256 -o docs/features/relu5_1.png",
}
"""Words of `myvgg features` for the pictures of layers."""

MICROSCOPE = {
    "shallow": "--show neuron --layer relu2_2 --channel 20 -o docs/microscope/shallow.jpg",
    "middle": "--show neuron --layer relu4_3 --channel 300 -o docs/microscope/middle.jpg",
    "deep": "--show neuron --layer relu5_1 --channel 400 -o docs/microscope/deep.jpg",
    "deepest": "--show neuron --layer pool5 --channel 11 -o docs/microscope/deepest.jpg",
    "spectrum": "--show spectrum --layer relu4_1 --channel 37 --size 128 -o docs/microscope/spectrum.jpg",
    "dream": "examples/landscape.jpg --show dream --layer relu4_3 --size 320 -o docs/microscope/dream.jpg",
    "gradient": "examples/chelsea.jpg --show gradient -o docs/microscope/gradient.jpg",
    "occlusion": "examples/chelsea.jpg --show occlusion -o docs/microscope/occlusion.jpg",
}
"""Words of `features.py` for the page about the microscope."""

FIVE_LAYERS = {"inversions": "examples/chelsea.jpg", "styles": "examples/waves.jpg"}
"""The picture of each figure of five layers, by the function of `myvgg.microscope` that draws it."""

QUALITY = 85
"""JPEG's quality of the microscope's pictures."""

FIGURES = {
    "landscape-strokes": Figure(
        "A painted night sky",
        "examples/landscape.jpg examples/strokes.jpg -o docs/gallery/landscape-strokes.jpg",
        "The default settings, as in all pictures where nothing else is said.",
    ),
    "cat-waves": Figure(
        "A woodblock print",
        "examples/chelsea.jpg examples/waves.jpg -o docs/gallery/cat-waves.jpg",
        "",
    ),
    "cup-tiles": Figure("A mosaic", "examples/coffee.jpg examples/tiles.jpg -o docs/gallery/cup-tiles.jpg", ""),
    "portrait-abstract": Figure(
        "An abstract painting",
        "examples/astronaut.jpg examples/abstract.jpg -o docs/gallery/portrait-abstract.jpg",
        "A style of strong contrasts: the balance of the terms keeps the face.",
    ),
    "strength": Figure(
        "How strong the style is",
        "sweep examples/chelsea.jpg examples/abstract.jpg --over style-strength=0.25,0.5,1,2,4 --size 256 --report "
        "-o docs/gallery/strength.jpg",
        "One number moves from the content to the style.",
    ),
    "scale": Figure(
        "How large the strokes are",
        "sweep examples/coffee.jpg examples/strokes.jpg --over style-scale=0.5,1,1.5 --size 256 "
        "-o docs/gallery/scale.jpg",
        "The style picture is looked at in another size beside the content's.",
    ),
    "colors": Figure(
        "The content's colours",
        "sweep examples/coffee.jpg examples/waves.jpg --over preserve-colors=none,luminance,match,histogram,transfer "
        "--size 256 -o docs/gallery/colors.jpg",
        "Only the result's luminance; a style whose colours were matched before; or the content's colours, moved to "
        "the style's palette.",
    ),
    "regions": Figure(
        "A style for each region",
        "examples/landscape.jpg examples/strokes.jpg examples/tiles.jpg --mask docs/gallery/sky.png "
        "--mask docs/gallery/ground.png -o docs/gallery/regions.jpg",
        "The masks are white where their style goes and may have soft edges.",
    ),
    "keep": Figure(
        "A part that stays as it is",
        "examples/astronaut.jpg examples/strokes.jpg --keep docs/gallery/face.png -o docs/gallery/keep.jpg",
        "The mask is white where the photograph stays.",
    ),
    "blend": Figure(
        "Two styles in one",
        "examples/astronaut.jpg examples/strokes.jpg examples/waves.jpg --style-blend 1 1 -o docs/gallery/blend.jpg",
        "Half of each, everywhere.",
    ),
    "sizes": Figure(
        "Small and large",
        "sweep examples/landscape.jpg examples/strokes.jpg --over size=192,320,512 -o docs/gallery/sizes.jpg",
        "Up to the style's size, here 384 pixels, the look is nearly the same. At 512 pixels, the strokes are smaller.",
    ),
    "texture": Figure(
        "A texture without a content",
        "--style examples/waves.jpg --size 384 -o docs/gallery/texture.jpg",
        "Style alone, from noise.",
    ),
    "random": Figure(
        "Without training",
        "examples/landscape.jpg examples/strokes.jpg --weights random --size 384 -o docs/gallery/random.jpg",
        "Seeded random weights know strokes and colours, and little more.",
    ),
}


def main() -> int:
    """Draw what is missing, or what is named."""
    os.environ["MYVGG_WEIGHTS"] = "bundled"
    for folder in ("gallery", "features", "microscope"):
        (DOCS / folder).mkdir(exist_ok=True)
    draw_masks()
    named = sys.argv[1:] or [name for name in drawings() if not file_of(name).exists()]
    failed = [name for name in named if drawings()[name]() != 0]
    with replacing(DOCS / "gallery.md") as temporary:
        temporary.write_text(document(), encoding="utf-8")
    return len(failed)


def drawings() -> dict[str, Callable[[], int]]:
    """Return what draws each picture, by its name."""
    return {
        "first": lambda: style(shlex.split(FIRST)),
        **{name: partial(features, shlex.split(words)) for name, words in LAYERS.items()},
        **{name: partial(draw_seen, name) for name in (*MICROSCOPE, *FIVE_LAYERS)},
        **{name: partial(style, shlex.split(figure.words)) for name, figure in FIGURES.items()},
    }


def file_of(name: str) -> Path:
    """Return where a picture goes."""
    if name in FIVE_LAYERS:
        return DOCS / "microscope" / f"{name}.jpg"
    commands = {"first": FIRST} | LAYERS | MICROSCOPE | {each: figure.words for each, figure in FIGURES.items()}
    return ROOT / commands[name].rpartition("-o ")[2]


def draw_seen(name: str) -> int:
    """Draw a picture of the microscope, write it again with a third of the bytes, and return an exit code."""
    file = file_of(name)
    if name in MICROSCOPE:
        if code := features(shlex.split(MICROSCOPE[name])):
            return code
    else:
        images.save(getattr(microscope, name)(ROOT / FIVE_LAYERS[name], size=112, iterations=60), file)
    with Image.open(file) as drawn:
        drawn.save(file, quality=QUALITY)
    return 0


def draw_masks() -> None:
    """Draw a mask of the sky above a soft horizon, its complement, and a mask of the astronaut's face."""
    sky = np.zeros((288, 384))
    sky[:150] = 1
    sky = gaussian_filter(sky, 8, mode="nearest")
    rows, columns = np.mgrid[:384, :384]
    row, column, height, width = FACE
    face = gaussian_filter((np.hypot((rows - row) / height, (columns - column) / width) < 1).astype(float), 4)
    for name, mask in {"sky": sky, "ground": 1 - sky, "face": face}.items():
        Image.fromarray(np.rint(255 * mask).astype(np.uint8)).save(DOCS / "gallery" / f"{name}.png")


def document() -> str:
    """Write the page."""
    lines = [
        "# Gallery",
        "",
        "Each picture was made by the command above it; `python docs/draw.py` runs them all.",
        "The pictures that go in are the [examples](../examples/README.md), and the masks in the folder `gallery`.",
        "[`docs/README.md`](README.md) says which weights were used.",
    ]
    for name, figure in FIGURES.items():
        lines += ["", f"## {figure.title}", "", "```sh", f"myvgg style {figure.words}", "```", ""]
        lines += [figure.said, ""] * bool(figure.said)
        lines.append(f"![{figure.title}](gallery/{name}.jpg)")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
