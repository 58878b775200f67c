"""A picture painted in visible strokes: large brushes first, then smaller ones where a detail is still missing.

Reference: Hertzmann (1998), "Painterly Rendering with Curved Brush Strokes of Multiple Sizes".
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageOps
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata

from .canvas import HEIGHT, WIDTH, Array, Colour, mix, ramp
from .strokes import Canvas, at

PHOTOGRAPH = Path(__file__).parents[1] / "astronaut.jpg"
FACE = (60, 0, 292, 174)  # left, upper, right, lower
LUMA = (0.299, 0.587, 0.114)


class Palette(NamedTuple):
    """Colours from the dark to the light: for reds, oranges and skin, and for all that is grey, green or blue."""

    warm: Sequence[Colour]
    cool: Sequence[Colour]


class Brush(NamedTuple):
    """One pass over the canvas.

    Attributes:
        radius: Of the brush, in pixels of the large canvas.
        tolerance: Mean error of lightness or warmth, 0 to 1, up to which a place is left as it is.
        steps: Length of the longest stroke, in radii.
    """

    radius: int
    tolerance: float
    steps: int


FIRES = Palette(
    warm=[(44, 14, 48), (122, 22, 52), (196, 44, 34), (232, 104, 34), (246, 172, 62), (252, 222, 142), (255, 244, 214)],
    cool=[
        (16, 22, 58),
        (18, 56, 96),
        (16, 104, 112),
        (62, 148, 122),
        (150, 188, 138),
        (222, 222, 172),
        (252, 246, 222),
    ],
)
BRUSHES = [Brush(40, -1, 7), Brush(22, 0.05, 8), Brush(13, 0.06, 9), Brush(8, 0.08, 9), Brush(5, 0.12, 8)]
SHORTEST = 3  # steps of the shortest stroke
EVENNESS = 0.6  # how evenly the palette is used: 0 as the picture has its lights, 1 all tones alike
INERTIA = 0.5  # part of a stroke's direction that goes on as before
BRISTLE = 3.2  # pixels from bristle to bristle


def draw() -> Array:
    """Paint the portrait of the astronaut, seen in a mirror."""
    return paint(ImageOps.mirror(Image.open(PHOTOGRAPH).crop(FACE)), seed=31)


def paint(picture: Image.Image, palette: Palette = FIRES, *, seed: int) -> Array:
    """Paint a picture of any size on the large canvas, and let light graze the ridges of the paint."""
    rng = np.random.default_rng(seed)
    tones = simplify(picture)
    canvas = Canvas(Image.new("RGB", (WIDTH, HEIGHT), palette.warm[1]), Image.new("L", (WIDTH, HEIGHT), 90))
    sketch = Image.new("RGB", (WIDTH, HEIGHT))
    for brush in BRUSHES:
        cover(rng, brush, tones, palette, canvas, sketch)
    down, right = np.gradient(gaussian_filter(np.asarray(canvas.ridges, float), 1.2))
    return np.asarray(canvas.paint) * (1 - 0.011 * np.clip(down + right, -20, 20))[..., None]


def simplify(picture: Image.Image) -> Array:
    """Reduce a picture to lightness and warmth, each 0 to 1, on the large canvas."""
    pixels = np.asarray(ImageOps.fit(picture.convert("RGB"), (WIDTH, HEIGHT), Image.Resampling.LANCZOS), float)
    luma = gaussian_filter(pixels @ LUMA, 2)
    low, high = luma.min(), luma.max()
    rank = rankdata(luma).reshape(luma.shape) / luma.size
    lightness = (1 - EVENNESS) * (luma - low) / (high - low) + EVENNESS * rank
    warmth = (pixels[..., 0] - pixels[..., 2]) / (pixels.max(-1) + 20)
    return np.stack([lightness, 1 / (1 + np.exp(-14 * (warmth - 0.2)))], -1)


def cover(
    rng: np.random.Generator, brush: Brush, tones: Array, palette: Palette, canvas: Canvas, sketch: Image.Image
) -> None:
    """Lay the strokes of one brush where the sketch, of the tones so far, differs from the blurred picture."""
    seen = gaussian_filter(tones, (0.5 * brush.radius, 0.5 * brush.radius, 0))
    painted = np.asarray(sketch, float)[..., :2] / 255
    starts = find(rng, brush, np.abs(seen - painted).max(-1))
    paths = trace(brush, starts, seen, painted)
    found = seen[at(starts)]
    played = found + rng.normal(0, (0.05, 0.2), found.shape)
    colours = mix(ramp(palette.cool, played[:, 0]), ramp(palette.warm, played[:, 0]), played[:, 1])
    pen = ImageDraw.Draw(sketch)
    for path, tone, colour in zip(paths, found, colours + rng.normal(0, 8, colours.shape), strict=True):
        stroke(rng, brush.radius, path, colour, canvas)
        lightness, warmth = (255 * tone).astype(int)
        pen.line([tuple(point) for point in path], (lightness, warmth, 0), 2 * brush.radius, joint="curve")


def find(rng: np.random.Generator, brush: Brush, error: Array) -> Array:
    """Return the place (x, y) of the largest error in each cell of a grid that is wrong enough, in random order."""
    side = brush.radius
    rows, columns = -(-HEIGHT // side), -(-WIDTH // side)
    error = np.pad(error, ((0, rows * side - HEIGHT), (0, columns * side - WIDTH)), mode="edge")
    cells = error.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(rows, columns, side * side)
    row, column = np.nonzero(cells.mean(-1) > brush.tolerance)
    place = cells[row, column] + 0.02 * rng.random((len(row), side * side))
    down, right = np.divmod(place.argmax(-1), side)
    return rng.permutation(np.stack([column * side + right, row * side + down], -1).astype(float))


def trace(brush: Brush, starts: Array, seen: Array, painted: Array) -> list[Array]:
    """Follow the lines of equal lightness from all starts, until the canvas fits better than the stroke's tone."""
    down, right = np.gradient(seen[..., 0])
    tone = seen[at(starts)]
    path, course = [starts], np.zeros_like(starts)
    length, alive = np.full(len(starts), SHORTEST), np.ones(len(starts), bool)
    for step in range(1, brush.steps + 1):
        here = at(path[-1])
        along = np.stack([-down[here], right[here]], -1)
        along *= np.where((along * course).sum(-1) < 0, -1, 1)[:, None]  # never back
        along /= np.hypot(*along.T)[:, None] + 1e-9
        course = INERTIA * course + (1 - INERTIA) * along
        course /= np.hypot(*course.T)[:, None] + 1e-9
        path.append(path[-1] + brush.radius * course)
        here = at(path[-1])
        alive &= np.abs(seen[here] - painted[here]).sum(-1) > np.abs(seen[here] - tone).sum(-1)
        length[alive] = np.maximum(length[alive], step)
    return [points[: count + 1] for points, count in zip(np.stack(path, 1), length, strict=True)]


def stroke(rng: np.random.Generator, radius: int, path: Array, colour: Array, canvas: Canvas) -> None:
    """Draw one stroke with a round start and a ragged end, bristle by bristle, each with its own shade and height."""
    fine = np.linspace(0, len(path) - 1, 3 * len(path))
    path = np.stack([np.interp(fine, np.arange(len(path)), axis) for axis in path.T], -1)
    path = gaussian_filter(path, (2.5, 0), mode="nearest")
    along = np.gradient(path, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], -1) / np.hypot(*along.T)[:, None].clip(1e-6)
    paint, ridges = ImageDraw.Draw(canvas.paint, "RGBA"), ImageDraw.Draw(canvas.ridges)
    for offset in rng.permutation(np.linspace(-1, 1, max(4, round(2 * radius / BRISTLE)))):
        first = round(1.5 * offset**2 * len(path) / 8)
        last = len(path) - rng.integers(0, len(path) // 4 + 1)
        points = [tuple(point) for point in (path + 0.9 * radius * offset * across)[first:last]]
        shade = np.clip(colour + rng.normal(0, 11), 0, 255).astype(int)
        paint.line(points, (*shade, 215), 5)
        ridges.line(points, int(rng.integers(60, 190)), 4)
