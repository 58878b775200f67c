"""A pen drawing of the cup of espresso: contours, and hatching that crosses more often where it is darker."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageOps
from scipy.ndimage import gaussian_filter, sobel
from scipy.stats import rankdata

from .canvas import HEIGHT, WIDTH, Array, fractal, mix, noise
from .strokes import at

PHOTOGRAPH = Path(__file__).parents[1] / "coffee.jpg"
EYE = (0.36, 0.5, 0.14)  # weights of R, G and B; more of red than in luma, or the saucer would be black
PAPER, SHADE, INK = (243, 234, 214), (226, 210, 178), (44, 36, 42)
STEP = 6  # pixels from point to point of a line


class Layer(NamedTuple):
    """Lines at an equal distance.

    Attributes:
        darker: They are drawn where the lightness, 0 to 1, is below.
        angle: Of the lines, in degrees; None where they follow the forms.
        apart: Distance of the lines, in pixels.
    """

    darker: float
    angle: float | None
    apart: int


LAYERS = [Layer(0.8, -42, 20), Layer(0.58, None, 19), Layer(0.4, 34, 17), Layer(0.24, 2, 15), Layer(0.1, -68, 14)]


def draw() -> Array:
    """Hatch layer by layer, then draw the contours, with ink that runs a little into the paper."""
    rng = np.random.default_rng(41)
    light = lights()
    ink = Image.new("L", (WIDTH, HEIGHT))
    for layer in LAYERS:
        hatch(rng, layer, light, ink)
    contours(rng, light, ink)
    paper = mix(PAPER, SHADE, 0.35 + 0.25 * fractal(rng, (60, 60), 4)) * (1 + 0.01 * noise(rng, 2))[..., None]
    return mix(paper, INK, gaussian_filter(np.asarray(ink, float) / 255, 1.2) * (0.92 + 0.08 * noise(rng, 3)))


def lights() -> Array:
    """Read the photograph's lightness on the large canvas, half of it brought to all tones alike, 0 to 1."""
    photograph = ImageOps.fit(Image.open(PHOTOGRAPH), (WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    light = gaussian_filter(np.asarray(photograph, float) @ EYE, 3)
    rank = rankdata(light).reshape(light.shape) / light.size
    return 0.5 * rank + 0.5 * (light - light.min()) / np.ptp(light)


def forms(light: Array, sigma: float) -> Array:
    """Return the direction of the lines of equal lightness, as an angle in radians, from the structure tensor."""
    right, down = sobel(light, 1), sobel(light, 0)
    xx, yy, xy = (gaussian_filter(product, sigma) for product in (right * right, down * down, right * down))
    return 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2


def hatch(rng: np.random.Generator, layer: Layer, light: Array, ink: Image.Image) -> None:
    """Draw the lines of a layer in strokes of a hand's length, where the paper is not to stay."""
    free = light < layer.darker + 0.02 * noise(rng, 12)
    angle = forms(light, 24) if layer.angle is None else np.full_like(light, np.radians(layer.angle))
    angle += 0.03 * noise(rng, 60)
    for start in rng.permutation(np.argwhere(free[::6, ::6]) * 6)[:, ::-1].astype(float):
        if free[at(start[None])][0]:
            back, ahead = (follow(start, angle + turn, free, int(rng.integers(9, 26))) for turn in (np.pi, 0))
            path = np.concatenate([back[:0:-1], ahead])
            if len(path) > 5:
                stroke(rng, path, ink, 3.3)
            reserve(free, path, layer.apart)


def contours(rng: np.random.Generator, light: Array, ink: Image.Image) -> None:
    """Follow the strongest edges with a heavier line."""
    strength = np.hypot(sobel(light, 0), sobel(light, 1))
    free = strength > np.percentile(strength, 87)
    angle = forms(light, 3)
    for start in rng.permutation(np.argwhere(free[::3, ::3]) * 3)[:, ::-1].astype(float):
        if free[at(start[None])][0]:
            back, ahead = (follow(start, angle + turn, free, 30) for turn in (np.pi, 0))
            path = np.concatenate([back[:0:-1], ahead])
            if len(path) > 10:
                stroke(rng, path, ink, 5)
            reserve(free, path, 20)


def follow(start: Array, angle: Array, free: Array, steps: int) -> Array:
    """Walk along a field of directions, which have no sign, for as long as the place is free."""
    path, course = [start], angle[at(start[None])][0]
    for _ in range(steps):
        turn = angle[at(path[-1][None])][0] - course
        course += (turn + np.pi / 2) % np.pi - np.pi / 2
        point = path[-1] + STEP * np.array([np.cos(course), np.sin(course)])
        if not ((point >= 0) & (point < (WIDTH, HEIGHT))).all() or not free[at(point[None])][0]:
            break
        path.append(point)
    return np.array(path)


def reserve(free: Array, path: Array, apart: int) -> None:
    """Keep other lines away from a line."""
    half = apart // 2
    for x, y in path.astype(int):
        free[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1] = False


def stroke(rng: np.random.Generator, path: Array, ink: Image.Image, width: float) -> None:
    """Draw one stroke, which swells and ends in a point."""
    along = np.gradient(path, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], -1) / STEP
    t = np.linspace(0, 1, len(path))[:, None]
    half = 0.5 * width * rng.uniform(0.8, 1.25) * np.minimum(1, 0.5 + 3 * t) * (1 - t**3) ** 0.5
    path = path + rng.normal(0, 1, 2) + t * rng.normal(0, 2, 2)
    corners = np.concatenate([path + half * across, (path - half * across)[::-1]])
    ImageDraw.Draw(ink).polygon([tuple(point) for point in corners], fill=255)
