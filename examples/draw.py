"""Make the example pictures again: `python examples/draw.py`."""

from importlib.util import find_spec
from pathlib import Path

from drawing import abstract, hatching, landscape, painting, strokes, tiles, waves
from drawing.canvas import SIZE, to_image
from PIL import Image

FOLDER = Path(__file__).parent
DRAWINGS = {
    "strokes": strokes,
    "waves": waves,
    "tiles": tiles,
    "abstract": abstract,
    "landscape": landscape,
    "portrait": painting,  # of the astronaut
    "hatching": hatching,  # of the coffee
}
CROPS = {  # name in skimage.data: left, upper, right, lower
    "chelsea": (0, 0, 400, 300),
    "coffee": (40, 0, 573, 400),
    "astronaut": (0, 0, 512, 512),
    "rocket": (36, 0, 604, 426),
}


def main() -> None:
    """Write the pictures next to this script, the photographs only where scikit-image is installed."""
    for name in CROPS if find_spec("skimage") else ():
        save(name, photograph(name))
    for name, module in DRAWINGS.items():  # some are drawn after a photograph
        save(name, to_image(module.draw()))


def photograph(name: str) -> Image.Image:
    """Crop a photograph that scikit-image ships."""
    from skimage import data

    return Image.fromarray(getattr(data, name)()).crop(CROPS[name])


def save(name: str, image: Image.Image) -> None:
    """Shrink an image to the examples' size and write it as JPEG."""
    image.thumbnail((SIZE[0], SIZE[0]), Image.Resampling.LANCZOS)
    image.save(FOLDER / f"{name}.jpg", quality=88, optimize=True)


if __name__ == "__main__":
    main()
