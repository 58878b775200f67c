"""A lake below mountains in evening light, with a wood and a house on the far shore."""

import numpy as np
from PIL import ImageDraw
from scipy.ndimage import gaussian_filter, map_coordinates

from .canvas import HEIGHT, WIDTH, Array, Colour, fractal, grid, mix, noise, to_image

Point = tuple[float, float]

SHORE = 530  # row of the far shore
SUN = (0.77 * WIDTH, 0.25 * HEIGHT)
HAZE = (236, 206, 182)
MAP = (600, 1400)  # rows and columns of the terrain's height map
ROCK, SNOW, SHADE, WOOD, MEADOW = (128, 112, 108), (255, 242, 226), (112, 130, 182), (48, 74, 60), (108, 120, 70)


def draw() -> Array:
    """Build the picture from the far to the near."""
    rng = np.random.default_rng(4)
    scene = mountains(rng, sky(rng))
    scene = far_shore(rng, scene)
    scene = lake(rng, scene)
    scene = near_shore(rng, scene)
    return scene + rng.normal(0, 3, (HEIGHT, WIDTH, 1))


def sky(rng: np.random.Generator) -> Array:
    """Fade from blue to the glow at the horizon, with clouds and a low sun."""
    y, x = grid()
    height = 1 - y / SHORE
    sky = mix((250, 212, 166), (74, 122, 184), np.clip(height, 0, 1) ** 0.8)
    cloud = 0.5 * fractal(rng, (24, 120), 6) + 0.2 * np.sin(5 * height)
    sky = mix(sky, (255, 230, 212), np.clip(cloud, 0, 0.85) * np.clip(height + 0.15, 0, 1))
    distance = np.hypot(x - SUN[0], y - SUN[1]) / HEIGHT
    sky += np.exp(-distance / 0.2)[..., None] * np.array([90, 52, -6])
    return mix(sky, (255, 248, 222), (0.032 - distance) / 0.004)


def terrain(rng: np.random.Generator) -> Array:
    """Make a height map, flat at the shore (first row) and steep behind, with sharp ridges."""
    ridged = sum((1 - np.abs(noise(rng, 110 / 2**k, MAP))) / 2.3**k for k in range(7))
    depth = np.linspace(0, 1, MAP[0])[:, None]
    return (ridged + 0.9) * np.clip(1.25 * depth, 0, 1) ** 1.1 + 0.02 * ridged


def surface(rng: np.random.Generator, height: Array) -> Array:
    """Colour the terrain: meadow, wood, rock and snow, lit from the right."""
    down, right = np.gradient(gaussian_filter(height, 0.7))
    light = np.clip(0.55 - 22 * right + 6 * down, 0, 1)
    rough = 0.10 * noise(rng, 3, MAP) + 0.12 * noise(rng, 14, MAP)
    colour = mix(MEADOW, WOOD, (height + rough - 0.10) / 0.08)
    colour = mix(colour, ROCK, (height + 1.3 * rough - 0.75) / 0.2)
    colour = colour * (0.45 + 0.8 * light[..., None])
    steep = np.hypot(down, right)
    return mix(colour, mix(SHADE, SNOW, light), (height + rough - 5 * steep - 1.05) / 0.12)


def mountains(rng: np.random.Generator, scene: Array) -> Array:
    """Paint the terrain in slices from the back, each fainter in the haze the farther it is."""
    height = terrain(rng)
    colour = surface(rng, height)
    rows = np.arange(HEIGHT)[:, None]
    for k in range(MAP[0] - 1, -1, -1):
        far = k / MAP[0]
        columns = MAP[1] / 2 + np.linspace(-0.5, 0.5, WIDTH) * MAP[1] * (0.55 + 0.45 * far)
        where = [np.full(WIDTH, k), columns]
        line = SHORE - 118 * map_coordinates(height, where, order=1, mode="nearest") / (0.55 + 0.45 * far)
        slice_ = np.stack([map_coordinates(colour[..., c], where, order=1, mode="nearest") for c in range(3)], -1)
        slice_ = mix(slice_, HAZE, np.full(WIDTH, 0.6 * far**1.3))
        top = int(line.min())
        scene[top:SHORE] = np.where((rows[top:SHORE] >= line)[..., None], slice_, scene[top:SHORE])
    return scene


def far_shore(rng: np.random.Generator, scene: Array) -> Array:
    """Plant a row of pines along the far shore and build a house between them."""
    image = to_image(scene)
    pen = ImageDraw.Draw(image)
    bank = SHORE - 5 - 8 * np.abs(fractal(rng, (0.01, 150), 4, (1, WIDTH))[0])
    pen.polygon([(0, SHORE), *enumerate(bank), (WIDTH, SHORE)], fill=(84, 96, 58))
    for x in rng.uniform(0, WIDTH, 190):
        if not 0.33 < x / WIDTH < 0.53:
            pine(pen, rng, (x, bank[int(x)] + 5), rng.uniform(18, 52), (46, 72, 56))
    house(pen, 0.41 * WIDTH, SHORE - 5)
    return np.asarray(image, float)


def house(pen: ImageDraw.ImageDraw, x: float, y: float) -> None:
    """Draw a house whose side wall starts at x and whose gable faces the sun."""

    def shape(points: list[Point], colour: Colour) -> None:
        pen.polygon([(x + right, y - up) for right, up in points], fill=colour)

    shape([(-36, 0), (-36, 34), (34, 34), (34, 0)], (206, 166, 134))
    shape([(34, 0), (34, 34), (55, 58), (76, 34), (76, 0)], (248, 224, 186))
    shape([(0, 60), (0, 80), (12, 80), (12, 60)], (120, 72, 56))
    shape([(-46, 31), (-22, 64), (55, 64), (33, 31)], (158, 68, 46))
    shape([(55, 64), (86, 30), (79, 30), (55, 55), (36, 31), (29, 31)], (112, 46, 36))
    for left in (-24, 4):
        shape([(left, 9), (left, 24), (left + 15, 24), (left + 15, 9)], (255, 224, 128))
    shape([(48, 0), (48, 26), (62, 26), (62, 0)], (98, 60, 42))


def pine(pen: ImageDraw.ImageDraw, rng: np.random.Generator, foot: Point, size: float, colour: Colour) -> None:
    """Draw a pine, bough by bough from the bottom, brighter on the side of the sun."""
    x, y = foot
    for t in np.linspace(1, 0.02, int(60 + 3 * size)):
        side = rng.uniform(-1, 1)
        tier = 0.6 + 0.55 * (9 * t % 1)  # boughs grow in tiers
        reach = side * size * 0.25 * t**0.9 * tier * rng.uniform(0.8, 1.1)
        top = y - size * (1 - 0.9 * t)
        root = x + rng.normal(0, 0.05 * size * t)
        tip = (x + reach, top + abs(reach) * rng.uniform(0.2, 0.7))
        shade = (0.9 + 0.5 * side) * rng.uniform(0.6, 1.3)
        pen.line([(root, top), tip], fill=tuple(int(c * shade) for c in colour), width=max(2, int(size / 60)))


def lake(rng: np.random.Generator, scene: Array) -> Array:
    """Mirror the scene at the far shore in rippled water, which gets deeper and darker to the front."""
    y, x = (axis[SHORE:] for axis in grid())
    near = (y - SHORE) / (HEIGHT - SHORE)
    ripple = noise(rng, (1.6, 26), y.shape) * (1 + 7 * near) + noise(rng, (4, 60), y.shape) * 9 * near
    row = np.clip(2 * SHORE - y + 1.4 * ripple - 1, 0, SHORE - 1).astype(int)
    column = np.clip(x + 0.6 * ripple, 0, WIDTH - 1).astype(int)
    mirror = gaussian_filter(scene, (2, 1, 0))[row, column] * (0.84, 0.88, 0.92)
    glint = np.clip(noise(rng, (1.5, 14), y.shape) - 1, 0, 1) * np.exp(-(((x - SUN[0]) / (50 + 120 * near)) ** 2))
    water = mix(mirror, (28, 64, 92), 0.12 + 0.45 * near) + glint[..., None] * (150, 118, 66)
    return np.concatenate([scene[:SHORE], water])


def near_shore(rng: np.random.Generator, scene: Array) -> Array:
    """Frame the picture with a bank of grass and tall pines on both sides."""
    image = to_image(scene)
    pen = ImageDraw.Draw(image)
    x = np.linspace(0, 1, WIDTH)
    rise = 30 + 80 * np.clip(1 - x / 0.55, 0, 1) ** 1.4 + 45 * np.clip((x - 0.75) / 0.25, 0, 1) ** 1.5
    bank = HEIGHT - rise + 5 * fractal(rng, (0.01, 60), 5, (1, WIDTH))[0]
    pen.polygon([(0, HEIGHT), *enumerate(bank), (WIDTH, HEIGHT)], fill=(40, 50, 30))
    for place, size in [(0.14, 330), (0.05, 470), (0.215, 220), (0.90, 210), (0.965, 330)]:
        pine(pen, rng, (place * WIDTH, bank[int(place * WIDTH)] + 10), size, (36, 60, 46))
    grass(pen, rng, bank)
    return np.asarray(image, float)


def grass(pen: ImageDraw.ImageDraw, rng: np.random.Generator, bank: Array) -> None:
    """Cover the bank with blades of grass, from the far ones to the near."""
    x = rng.uniform(0, WIDTH, 6000)
    y = bank[x.astype(int)] + np.sort(rng.uniform(-2, 120, len(x)))
    for left, foot in zip(x, y, strict=True):
        tip = (left + rng.normal(2, 5), foot - rng.uniform(10, 24))
        shade = rng.uniform(0.6, 1.6)
        pen.line([(left, foot), tip], fill=(int(68 * shade), int(74 * shade), int(34 * shade)), width=2)
