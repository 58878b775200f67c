"""What the drawings share: the large canvas, noise, colours, and the step down to a small picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

Array = NDArray[np.float64]
Colour = tuple[int, int, int]

SIZE = (384, 288)  # width, height of a finished picture
WIDTH, HEIGHT = 3 * SIZE[0], 3 * SIZE[1]  # drawn three times as large, so that shrinking smooths the edges


def grid() -> tuple[Array, Array]:
    """Return the row and the column of every pixel of the canvas."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    return y, x


def noise(rng: np.random.Generator, sigma: float | Sequence[float], shape: tuple[int, int] = (HEIGHT, WIDTH)) -> Array:
    """Make smooth noise of mean 0 and standard deviation 1 whose blobs are `sigma` pixels large."""
    field = gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap")
    return (field - field.mean()) / field.std()


def fractal(
    rng: np.random.Generator, sigma: tuple[float, float], octaves: int, shape: tuple[int, int] = (HEIGHT, WIDTH)
) -> Array:
    """Add noise of ever smaller blobs and strength."""
    return sum(noise(rng, np.array(sigma) / 2**k, shape) / 2**k for k in range(octaves))


def mix(first: ArrayLike, second: ArrayLike, amount: Array) -> Array:
    """Blend from the first colours (0) to the second (1)."""
    amount = np.clip(amount, 0, 1)[..., None]
    return np.asarray(first) * (1 - amount) + np.asarray(second) * amount


def ramp(palette: Sequence[Colour], position: Array) -> Array:
    """Look up a position from 0 to 1 along a palette, with the colours in between."""
    stops = np.linspace(0, 1, len(palette))
    return np.stack([np.interp(position, stops, channel) for channel in zip(*palette, strict=True)], -1)


def to_image(pixels: Array) -> Image.Image:
    """Round float pixels to an image of the same size."""
    return Image.fromarray(np.clip(pixels, 0, 255).round().astype(np.uint8))
