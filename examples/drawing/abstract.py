"""An abstract painting: discs, triangles, grids and arcs in glowing colours, tied by black lines, on a light ground."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import map_coordinates

from .canvas import HEIGHT, WIDTH, Array, Colour, fractal, grid, mix, noise

Point = tuple[float, float]
Pen = ImageDraw.ImageDraw

CREAM, BLACK = (246, 236, 212), (22, 20, 26)
RED, ORANGE, YELLOW, ROSE = (214, 38, 40), (240, 122, 30), (250, 196, 28), (236, 142, 148)
BLUE, SKY, VIOLET, GREEN = (28, 66, 168), (98, 170, 214), (104, 48, 136), (36, 140, 98)
COLOURS = [RED, ORANGE, YELLOW, ROSE, BLUE, SKY, VIOLET, GREEN]


def draw() -> Array:
    """Paint the forms from the large to the small, then the lines, with wavering edges on a coarse canvas."""
    rng = np.random.default_rng(23)
    painting = Painting(rng)
    planes(painting)
    suns(painting)
    patterns(painting)
    crumbs(painting, rng)
    lines(painting)
    return weave(rng, waver(rng, painting.pixels))


class Painting:
    """Pixels to which forms are added, each with the streaks of a brush."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Prime the ground with cream and faint clouds of colour."""
        self.pixels = np.broadcast_to(np.array(CREAM, float), (HEIGHT, WIDTH, 3))
        for colour in (SKY, ROSE, YELLOW, GREEN):
            self.pixels = mix(self.pixels, colour, 0.3 * np.clip(fractal(rng, (110, 150), 5) - 0.5, 0, 1.2))
        self.streaks = [noise(rng, sigma) for sigma in ((1.5, 30), (30, 1.5), (5, 9))]
        self.count = 0

    def add(self, form: Callable[[Pen], object], colour: Colour, *, glaze: float = 0.0, soft: float = 0.0) -> None:
        """Paint a form: opaque (glaze 0) to as transparent as coloured glass (1), its edge blurred by `soft` pixels."""
        stencil = Image.new("L", (WIDTH, HEIGHT))
        form(ImageDraw.Draw(stencil))
        stencil = stencil.filter(ImageFilter.GaussianBlur(soft))
        left, top, right, bottom = stencil.getbbox() or (0, 0, 0, 0)
        area = (slice(top, bottom), slice(left, right))
        paint = np.array(colour) * (1 + 0.07 * self.streaks[self.count % 3][area])[..., None]
        glass = self.pixels[area] * (np.array(colour) / 255) ** 0.9
        amount = np.asarray(stencil, float)[area] / 255
        self.pixels[area] = mix(self.pixels[area], paint * (1 - glaze) + glass * glaze, amount)
        self.count += 1


def disc(x: float, y: float, radius: float) -> Callable[[Pen], None]:
    """Make a filled circle."""
    return lambda pen: pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)


def ring(x: float, y: float, radius: float, width: int, start: float = 0, end: float = 360) -> Callable[[Pen], None]:
    """Make a circle's line, or a part of it, between angles in degrees."""
    return lambda pen: pen.arc([x - radius, y - radius, x + radius, y + radius], start, end, fill=255, width=width)


def half(x: float, y: float, radius: float, angle: float) -> Callable[[Pen], None]:
    """Make a half disc that lies on a side of the given direction."""
    return lambda pen: pen.pieslice([x - radius, y - radius, x + radius, y + radius], angle, angle + 180, fill=255)


def polygon(*corners: Point) -> Callable[[Pen], None]:
    """Make a filled polygon."""
    return lambda pen: pen.polygon(corners, fill=255)


def line(points: Sequence[Point], width: int) -> Callable[[Pen], None]:
    """Make a line through points."""
    return lambda pen: pen.line([tuple(point) for point in points], fill=255, width=width, joint="curve")


def turned(x: float, y: float, angle: float) -> Callable[[float, float], Point]:
    """Return the map from a frame of its own, turned by an angle in degrees, to the canvas."""
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return lambda right, down: (x + cosine * right - sine * down, y + sine * right + cosine * down)


def planes(painting: Painting) -> None:
    """Lay large panes of coloured glass across each other."""
    painting.add(polygon((560, 30), (210, 800), (930, 760)), YELLOW, glaze=0.75)
    painting.add(polygon((1152, 60), (610, 330), (1040, 700)), SKY, glaze=0.7)
    painting.add(polygon((0, 470), (430, 560), (90, 864), (0, 864)), ROSE, glaze=0.7)
    painting.add(polygon((330, 864), (640, 420), (800, 864)), BLUE, glaze=0.6)
    painting.add(polygon((690, 0), (900, 0), (560, 380)), RED, glaze=0.5)
    painting.add(polygon((930, 560), (1152, 500), (1152, 864), (1010, 864)), VIOLET, glaze=0.6)
    painting.add(disc(640, 330, 150), GREEN, glaze=0.75)


def suns(painting: Painting) -> None:
    """Set concentric discs, the largest with a glowing edge."""
    painting.add(disc(270, 250, 215), ROSE, soft=16)
    painting.add(disc(270, 250, 182), BLACK)
    for radius, colour in [(166, VIOLET), (120, BLUE), (84, RED), (44, YELLOW), (18, BLACK)]:
        painting.add(disc(270 + 0.2 * (166 - radius), 250 - 0.15 * (166 - radius), radius), colour)
    painting.add(disc(905, 590, 128), YELLOW, soft=10)
    for radius, colour in [(104, RED), (78, CREAM), (60, BLUE), (26, ORANGE)]:
        painting.add(disc(905, 590, radius), colour)
    painting.add(disc(985, 175, 92), ORANGE, glaze=0.2)
    painting.add(disc(1030, 215, 62), BLUE, glaze=0.5)
    painting.add(disc(120, 690, 74), GREEN, glaze=0.2)
    painting.add(half(120, 690, 74, 60), YELLOW)


def patterns(painting: Painting) -> None:
    """Add a chessboard, a ladder of stripes, a fan of wedges and a row of half discs."""
    at = turned(470, 590, -24)
    for row, column in np.ndindex(5, 6):
        corners = [at(38 * (column + i), 38 * (row + j)) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
        painting.add(polygon(*corners), BLACK if (row + column) % 2 else COLOURS[(3 * row + column) % 8])
    at = turned(770, 110, 32)
    for k in range(9):
        corners = [
            at(*corner)
            for corner in ((0, 26 * k), (150 - 12 * k, 26 * k), (150 - 12 * k, 26 * k + 15), (0, 26 * k + 15))
        ]
        painting.add(polygon(*corners), COLOURS[(5 * k) % 8])
    for k in range(7):
        tips = [(90 + 330 * np.cos(a), 470 + 330 * np.sin(a)) for a in np.radians([9 * k - 26, 9 * k - 21])]
        painting.add(polygon((90, 470), *tips), COLOURS[(3 * k) % 8], glaze=0.15)
    for k in range(6):
        painting.add(half(700 + 74 * k, 815 - 9 * k, 36, 180 * (k % 2) - 7), COLOURS[(k + 4) % 8])


def crumbs(painting: Painting, rng: np.random.Generator) -> None:
    """Scatter small discs, rings and triangles."""
    for k in range(90):
        x, y = rng.uniform((0, 0), (WIDTH, HEIGHT))
        size, colour, angle = rng.uniform(7, 26), COLOURS[rng.integers(8)], rng.uniform(0, 360)
        if k % 3 == 0:
            painting.add(disc(x, y, size + 4), BLACK)
            painting.add(disc(x, y, size), colour)
        elif k % 3 == 1:
            painting.add(ring(x, y, 1.6 * size, 7, angle, angle + rng.uniform(150, 360)), colour)
        else:
            at = turned(x, y, angle)
            painting.add(polygon(at(-size, 0), at(size, -0.5 * size), at(0.6 * size, 1.6 * size)), colour)


def lines(painting: Painting) -> None:
    """Tie all together with black lines: beams, sheaves, arcs, and one long wave."""
    for start, end, width in [
        ((20, 830), (820, 20), 9),
        ((380, 20), (1120, 800), 6),
        ((30, 420), (1140, 330), 5),
        ((560, 850), (1130, 40), 4),
        ((160, 40), (420, 840), 4),
    ]:
        painting.add(line([start, end], width), BLACK)
    for k in range(7):
        painting.add(line([(500 + 15 * k, 400), (440 + 28 * k, 190 - 9 * k)], 4), BLACK)
        painting.add(line([(1020 + 13 * k, 400), (960 + 24 * k, 480 + 5 * k)], 4), BLACK)
    painting.add(crescent((520, 470), 330, 22), BLACK)
    for x, y, radius, width, start in [(850, 330, 190, 7, 150), (330, 640, 120, 6, 20), (1010, 700, 170, 9, 200)]:
        painting.add(ring(x, y, radius, width, start, start + 150), BLACK)
    x = np.linspace(40, 640, 160)
    wave = np.stack([x, 120 + 34 * np.sin(x / 31) * np.linspace(0.3, 1.3, len(x)) - 0.08 * x], -1)
    painting.add(line(wave, 6), BLACK)


def crescent(middle: Point, radius: float, width: float) -> Callable[[Pen], None]:
    """Make an arc that swells in its middle and ends in points."""
    angle = np.radians(np.linspace(15, 140, 80))
    swell = width / 2 * np.sin(np.linspace(0, np.pi, 80))
    rays = np.stack([np.cos(angle), np.sin(angle)], -1)
    edges = [middle + (radius + side * swell)[:, None] * rays for side in (1, -1)]
    return polygon(*map(tuple, [*edges[0], *edges[1][::-1]]))


def waver(rng: np.random.Generator, pixels: Array) -> Array:
    """Shift the pixels a little, as a hand trembles."""
    y, x = grid()
    where = [y + 1.1 * noise(rng, 11), x + 1.1 * noise(rng, 11)]
    return np.stack(
        [map_coordinates(plane, where, order=1, mode="nearest") for plane in np.moveaxis(pixels, -1, 0)], -1
    )


def weave(rng: np.random.Generator, pixels: Array) -> Array:
    """Let the threads of the canvas and uneven paint show."""
    y, x = grid()
    threads = np.sin(x * 2 * np.pi / 9 + noise(rng, 40)) * np.sin(y * 2 * np.pi / 9 + noise(rng, 40))
    return pixels * (1 + 0.035 * threads + 0.025 * noise(rng, 2) + 0.03 * noise(rng, 25))[..., None]
