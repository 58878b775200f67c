"""Breaking waves in the manner of a woodblock print: bands of indigo, claws of foam, paper grain."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from .canvas import HEIGHT, WIDTH, Array, Colour, noise

INDIGO, DEEP, MID, PALE, CREAM, SAND = (
    (22, 36, 78),
    (38, 68, 122),
    (76, 122, 166),
    (160, 196, 206),
    (244, 234, 208),
    (230, 204, 152),
)
CREST = [DEEP, PALE, INDIGO, MID, CREAM, DEEP, MID, PALE, INDIGO, CREAM, DEEP, MID, PALE]
CLOUD = [MID, PALE, SAND, CREAM, SAND, PALE, CREAM, SAND]
TROUGH = [DEEP, PALE, MID, INDIGO, CREAM, MID]


class Row(NamedTuple):
    """Waves side by side: the line they stand on, their height and distance in pixels."""

    base: int
    height: int
    step: int


ROWS = [Row(330, 120, 230), Row(470, 190, 350), Row(660, 290, 520), Row(900, 400, 700)]


def bezier(*points: tuple[float, float]) -> Array:
    """Sample a Bezier curve of any degree at 60 places by repeated interpolation."""
    t = np.linspace(0, 1, 60)[:, None]
    curves = [np.array(point) for point in points]
    while len(curves) > 1:
        curves = [a * (1 - t) + b * t for a, b in pairwise(curves)]
    return curves[0]


# The two outlines of a wave of height 1, from the water up to the tip of the crest.
BACK = bezier((-1.7, -0.1), (-0.7, -0.05), (-0.45, 0.55), (-0.3, 1.4), (0.8, 1.35), (0.85, 0.58))
FACE = bezier((1.5, -0.1), (0.6, -0.1), (-0.3, 0.15), (-0.1, 1.05), (0.55, 1.1), (0.85, 0.58))


def draw() -> Array:
    """Print sky and waves from the far to the near, then the grain of paper and block."""
    rng = np.random.default_rng(3)
    image = Image.new("RGB", (WIDTH, HEIGHT), SAND)
    pen = ImageDraw.Draw(image)
    swell(pen, rng, -40, 40, CLOUD)
    for row in ROWS:
        swell(pen, rng, row.base - 0.35 * row.height, 0.12 * row.height, TROUGH)
        for x in np.arange(rng.uniform(-0.5, 0) * row.step, WIDTH + row.step, row.step):
            place = np.array([x, row.base]) + rng.normal(0, 0.04 * row.step, 2)
            wave(pen, rng, place, row.height * rng.uniform(0.85, 1.15))
    grain = 0.03 * noise(rng, (1.2, 40)) + 0.035 * noise(rng, 1.2) + 0.03 * noise(rng, 30)
    return np.asarray(image) * (1 + grain)[..., None] + 4 * noise(rng, (2, 70))[..., None]


def swell(pen: ImageDraw.ImageDraw, rng: np.random.Generator, top: float, height: float, tones: list[Colour]) -> None:
    """Fill everything below a line with rolling bands."""
    x = np.arange(-20.0, WIDTH + 20, 8)
    phase = rng.uniform(0, 9, 2)
    for k in range(30):
        roll = np.sin(x / 170 + phase[0] + 0.22 * k) + 0.5 * np.sin(x / 71 + phase[1] - 0.17 * k)
        edge = list(zip(x, top + height * (0.55 * k + roll), strict=True))
        pen.polygon([(-20, 2 * HEIGHT), *edge, (WIDTH + 20, 2 * HEIGHT)], fill=tones[k % len(tones)])
        pen.line(edge, fill=INDIGO, width=3)


def wave(pen: ImageDraw.ImageDraw, rng: np.random.Generator, place: Array, height: float) -> None:
    """Draw one breaking wave: bands from its back to its face, foam along both, spray before it."""
    scale = np.array([height, -height])
    curves = [place + scale * (BACK * (1 - u) + FACE * u) for u in np.linspace(0, 1, len(CREST) + 1)]
    for colour, back, face in zip(CREST, curves[:-1], curves[1:], strict=True):
        outlined(pen, [*back, *face[::-1]], colour)
    foam(pen, rng, curves[0][28::2], 0.11 * height)
    foam(pen, rng, curves[-1][36:], 0.15 * height)
    drops = place + scale * rng.normal((0.9, 0.8), (0.35, 0.25), (24, 2))
    dots(pen, drops, rng.uniform(1.5, 0.018 * height + 1.5, 24), [CREAM])


def foam(pen: ImageDraw.ImageDraw, rng: np.random.Generator, curve: Array, size: float) -> None:
    """Set claws along a curve, and bubbles over their roots."""
    right, down = np.gradient(curve, axis=0).T
    count = len(curve)
    dots(pen, curve + rng.normal(0, 0.4 * size, curve.shape), size * rng.uniform(0.2, 0.4, count), [CREAM])
    for point, angle in zip(curve, np.arctan2(down, right), strict=True):
        claw(pen, point + rng.normal(0, 0.2 * size, 2), angle - rng.uniform(0.4, 1.5), size * rng.uniform(0.6, 1.3))
    dots(pen, curve + rng.normal(0, 0.5 * size, curve.shape), size * rng.uniform(0.04, 0.1, count), [PALE, MID, CREAM])


def claw(pen: ImageDraw.ImageDraw, root: Array, angle: float, size: float) -> None:
    """Draw a hook of foam which starts at an angle and curls in to a point."""
    t = np.linspace(0, 1, 16)
    turn = angle + 2.9 * t**1.2
    middle = root + 0.13 * size * np.cumsum(np.stack([np.cos(turn), np.sin(turn)], -1), 0)
    across = np.stack([-np.sin(turn), np.cos(turn)], -1)
    width = ((1 - t) * (0.45 + 1.4 * t)) ** 0.8 * np.minimum(1, 0.3 + 5 * t)
    half = 0.3 * size * across * width[:, None]
    outlined(pen, [*(middle + half), *(middle - half)[::-1]], CREAM, ink=min(3, 1 + int(size / 16)))


def outlined(pen: ImageDraw.ImageDraw, points: Sequence[Array], colour: Colour, ink: int = 3) -> None:
    """Fill a polygon and ink its edge."""
    corners = [tuple(point) for point in points]
    pen.polygon(corners, fill=colour)
    pen.line([*corners, corners[0]], fill=INDIGO, width=ink, joint="curve")


def dots(pen: ImageDraw.ImageDraw, centres: Array, radii: Array, colours: Sequence[Colour]) -> None:
    """Draw filled circles, taking the colours in turn."""
    for k, ((x, y), radius) in enumerate(zip(centres, radii, strict=True)):
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colours[k % len(colours)])
