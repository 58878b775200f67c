"""A mosaic: medallions of hand-cut tiles laid in rings, with dark grout between them."""

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from .canvas import HEIGHT, WIDTH, Array, grid, mix, noise

TERRACOTTA, CLAY, OCHRE, IVORY = (172, 70, 42), (206, 112, 58), (226, 166, 62), (242, 228, 192)
TEAL, PETROL, CELADON, WINE = (38, 124, 126), (20, 78, 96), (130, 182, 166), (112, 40, 36)
GLAZES = np.array([TERRACOTTA, CLAY, OCHRE, IVORY, TEAL, PETROL, CELADON, WINE])
GROUT = (54, 42, 40)
RINGS = np.array(  # the glaze of each ring, from the middle outwards
    [
        [WINE, OCHRE, IVORY, TEAL, PETROL, TEAL, CELADON, PETROL],
        [IVORY, TEAL, PETROL, CELADON, IVORY, TERRACOTTA, CLAY, WINE],
        [OCHRE, CLAY, TERRACOTTA, WINE, OCHRE, IVORY, TEAL, PETROL],
        [PETROL, IVORY, OCHRE, CLAY, TERRACOTTA, WINE, CLAY, OCHRE],
    ]
)
MEDALLIONS = 9


def draw() -> Array:
    """Lay the tiles, glaze them and light them from the upper left."""
    rng = np.random.default_rng(7)
    sites, glaze = lay(rng)
    y, x = grid()
    pixels = np.stack([x + 3 * noise(rng, 14), y + 3 * noise(rng, 14)], -1)  # wavering cuts
    nearest, edge = cells(sites, pixels)
    light = relief(rng, edge, rng.normal(0, 0.16, (len(sites), 2))[nearest])
    tiles = glaze[nearest] * light[..., None] + 40 * np.clip(light - 1.2, 0, 1)[..., None]
    grout = np.array(GROUT) * (1 + 0.15 * noise(rng, 1.2))[..., None]
    return mix(grout, tiles, (edge - 1.4) / 2)


def lay(rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the middle and the colour of every tile, medallion by medallion."""
    centres = spread(rng)
    tree = cKDTree(centres)
    sites, glazes = [], []
    for k, centre in enumerate(centres):
        points, ring = rings(rng, centre, size=rng.uniform(30, 38))
        distance, owner = tree.query(points, 2)
        mine = (owner[:, 0] == k) & (distance[:, 1] - distance[:, 0] > 14)
        sites.append(points[mine])
        glazes.append(RINGS[k % len(RINGS), ring[mine] % RINGS.shape[1]])
    return np.concatenate(sites), fire(rng, np.concatenate(glazes))


def spread(rng: np.random.Generator) -> Array:
    """Choose the middles of the medallions: random, evened out, and a little disturbed."""
    probes = rng.uniform((0, 0), (WIDTH, HEIGHT), (6000, 2))
    centres = probes[:MEDALLIONS]
    for _ in range(6):
        owner = cKDTree(centres).query(probes)[1]
        centres = np.array([probes[owner == k].mean(0) for k in range(MEDALLIONS)])
    return centres + rng.normal(0, 30, centres.shape)


def rings(rng: np.random.Generator, centre: Array, size: float) -> tuple[Array, np.ndarray]:
    """Place tiles of about `size` pixels on rings round a centre; also return the ring of each."""
    points, ring = [centre[None]], [0]
    for k in range(1, int(WIDTH / size)):
        count = max(5, round(2 * np.pi * k / rng.uniform(0.9, 1.4)))
        angle = 2 * np.pi * (np.arange(count) + rng.normal(0, 0.12, count) + rng.random()) / count
        radius = size * (k + rng.normal(0, 0.05, count))
        points.append(centre + (radius * np.array([np.cos(angle), np.sin(angle)])).T)
        ring += [k] * count
    return np.concatenate(points), np.array(ring)


def fire(rng: np.random.Generator, glazes: Array) -> Array:
    """Vary the colours as a kiln does, and swap a few tiles for odd ones."""
    count = len(glazes)
    odd = rng.random((count, 1)) < 0.05
    glazes = np.where(odd, GLAZES[rng.integers(0, len(GLAZES), count)], glazes)
    return glazes * rng.uniform(0.78, 1.14, (count, 1)) + rng.normal(0, 7, glazes.shape)


def cells(sites: Array, pixels: Array) -> tuple[np.ndarray, Array]:
    """Return each pixel's tile and its distance to the tile's edge, with rounded corners."""
    distance, index = cKDTree(sites).query(pixels, 5)
    apart = np.linalg.norm(sites[index[..., 1:]] - sites[index[..., :1]], axis=-1)
    edges = (distance[..., 1:] ** 2 - distance[..., :1] ** 2) / (2 * apart)
    return index[..., 0], -2 * np.log(np.exp(-edges / 2).sum(-1))  # a smooth minimum


def relief(rng: np.random.Generator, edge: Array, tilt: Array) -> Array:
    """Compute the light on bevelled, rough tiles which each lean a little."""
    height = 6 * np.clip((edge - 1) / 8, 0, 1) ** 0.6 + 0.5 * noise(rng, 1.8)
    down, right = np.gradient(gaussian_filter(height, 0.8))
    return 1 - 0.16 * (right + tilt[..., 0] + 1.2 * (down + tilt[..., 1])) + 0.06 * noise(rng, 6)
