"""A night sky of thick brush strokes which follow a swirling flow."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from .canvas import HEIGHT, WIDTH, Array, grid, mix, noise, ramp, to_image

NIGHT = [(12, 18, 52), (22, 40, 98), (34, 74, 146), (74, 126, 178), (150, 186, 200), (214, 214, 176)]
GOLD = [(186, 112, 34), (222, 152, 40), (246, 204, 74), (255, 240, 170)]


class Star(NamedTuple):
    """A whorl in the sky: place and radius in canvas widths, and which way it turns."""

    x: float
    y: float
    radius: float
    spin: int


class Canvas(NamedTuple):
    """What a bristle leaves behind: its colour, and how thick the paint lies (0 to 255)."""

    paint: Image.Image
    ridges: Image.Image


class Brush(NamedTuple):
    """One pass over the canvas: how many strokes, how wide and how long in pixels."""

    strokes: int
    width: int
    length: int


STARS = [
    Star(0.30, 0.36, 0.17, 1),
    Star(0.67, 0.43, 0.13, -1),
    Star(0.87, 0.14, 0.10, 1),
    Star(0.09, 0.12, 0.065, -1),
    Star(0.54, 0.11, 0.06, 1),
    Star(0.07, 0.60, 0.06, 1),
    Star(0.92, 0.62, 0.07, -1),
    Star(0.47, 0.67, 0.06, -1),
]
BRUSHES = [Brush(700, 52, 230), Brush(1200, 34, 170), Brush(1700, 22, 110), Brush(1500, 13, 70)]
STEPS = 14  # points of a stroke


def draw() -> Array:
    """Paint the picture, large strokes first, and let light graze the ridges of the paint."""
    rng = np.random.default_rng(19)
    angle, colour = flow(), sky(rng)
    canvas = Canvas(to_image(colour), Image.new("L", (WIDTH, HEIGHT), 90))
    for brush in BRUSHES:
        sweep(rng, brush, angle, colour, canvas)
    down, right = np.gradient(gaussian_filter(np.asarray(canvas.ridges, float), 1.2))
    return np.asarray(canvas.paint) * (1 - 0.012 * np.clip(down + right, -18, 18))[..., None]


def flow() -> Array:
    """Compute the direction of the paint at every pixel: a wavy wind, and round each star a whirl."""
    y, x = grid() / np.array(WIDTH)
    wind = np.array([np.full_like(x, 0.5), 0.45 * np.cos(9 * x + 3 * y)])
    for star in STARS:
        offset = np.array([x - star.x, y - star.y])
        distance = np.hypot(*offset) + 1e-3
        around = np.array([-offset[1], offset[0]]) * star.spin - 0.33 * offset
        wind += 4 * around / distance * np.exp(-((distance / star.radius) ** 2) / 1.6)
    return np.arctan2(wind[1], wind[0])


def sky(rng: np.random.Generator) -> Array:
    """Colour the night in streaks of blue, and the stars in gold with a pale ring."""
    y, x = grid() / np.array(WIDTH)
    blue = 0.30 + 0.15 * noise(rng, WIDTH / 24) + 0.10 * np.sin(60 * (y + 0.05 * np.sin(8 * x)))
    blue += 0.45 * np.exp(-(((y - 0.27 - 0.07 * np.sin(7 * x + 0.6)) / 0.035) ** 2))
    gold = np.zeros_like(x)
    for star in STARS:
        r = np.hypot(x - star.x, y - star.y) / star.radius
        gold = np.maximum(gold, 1.05 * np.exp(-((r / 0.5) ** 2)) + 0.6 * np.exp(-(((r - 0.78) / 0.14) ** 2)))
        blue += 0.42 * np.exp(-(r**2)) * np.cos(10 * r)
    return mix(ramp(NIGHT, blue), ramp(GOLD, 0.9 * gold + 0.1 * noise(rng, WIDTH / 90)), 2.4 * gold - 0.55)


def sweep(rng: np.random.Generator, brush: Brush, angle: Array, colour: Array, canvas: Canvas) -> None:
    """Lay the strokes of one brush over the canvas."""
    start = rng.uniform((-30, -30), (WIDTH + 30, HEIGHT + 30), (brush.strokes, 2))
    paths = trace(start, angle, brush.length)
    colours = (
        colour[at(paths[:, STEPS // 2])] + rng.normal(0, 14, (brush.strokes, 1)) + rng.normal(0, 6, (brush.strokes, 3))
    )
    for path, mean in zip(paths, colours, strict=True):
        stroke(rng, brush.width, path, mean, canvas)


def stroke(rng: np.random.Generator, width: int, path: Array, mean: Array, canvas: Canvas) -> None:
    """Draw one tapered stroke, bristle by bristle, each with its own shade, height and ends."""
    paint, ridges = ImageDraw.Draw(canvas.paint, "RGBA"), ImageDraw.Draw(canvas.ridges)
    along = np.gradient(path, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], -1) / np.hypot(*along.T)[:, None].clip(1e-6)
    half = width / 2 * np.sin(np.pi * np.linspace(0.06, 0.96, STEPS))[:, None] ** 0.6
    for offset in rng.permutation(np.linspace(-1, 1, max(5, width // 3))):
        first, last = rng.integers(0, 3), STEPS - rng.integers(0, 4)
        points = [tuple(point) for point in (path + half * offset * across)[first:last]]
        shade = np.clip(mean + rng.normal(0, 14), 0, 255).astype(int)
        paint.line(points, (*shade, 205), 4, joint="curve")
        ridges.line(points, int(rng.integers(60, 190)), 4)


def trace(start: Array, angle: Array, length: float) -> Array:
    """Follow the flow from many starts at once; the result is (strokes, STEPS, 2)."""
    path = [start]
    for _ in range(STEPS - 1):
        direction = angle[at(path[-1])]
        path.append(path[-1] + length / STEPS * np.stack([np.cos(direction), np.sin(direction)], -1))
    return np.stack(path, 1)


def at(points: Array) -> tuple[np.ndarray, np.ndarray]:
    """Turn (x, y) points into the row and column of the nearest pixel inside the canvas."""
    x, y = points.T.astype(int)
    return y.clip(0, HEIGHT - 1), x.clip(0, WIDTH - 1)
