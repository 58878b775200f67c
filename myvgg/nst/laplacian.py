"""A picture as a Laplacian pyramid: bands of details, from fine to coarse, that an optimiser moves in place of pixels.

A step of the coarsest band moves large parts of the picture at once, as single pixels never do.

Reference:
    Burt and Adelson (1983), "The Laplacian Pyramid as a Compact Image Code".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float32
from scipy.sparse import csr_array

from myvgg.nst.optimizers import OPTIMIZERS, Optimizer
from myvgg.nst.settings import Settings
from myvgg.nst.state import AdamState, LBFGSState, Pixels

Parameters = Float32[np.ndarray, "1 parameters 1 3"]
"""The bands of a picture one after another, laid out as a picture of one column, which optimisers take."""


class Laplacian:
    """The pyramid of pictures of one size.

    Example:
        >>> import numpy as np
        >>> pyramid = Laplacian(4, 6, levels=1)
        >>> pyramid.shape
        (1, 30, 1, 3)
        >>> picture = np.random.default_rng(0).uniform(0, 1, (1, 4, 6, 3)).astype(np.float32)
        >>> bool(np.allclose(pyramid.synthesize(pyramid.analyze(picture)), picture))
        True
    """

    def __init__(self, height: int, width: int, levels: int) -> None:
        """Prepare the filters.

        Args:
            height: Of the pictures, in pixels.
            width: Of the pictures, in pixels.
            levels: Number of bands besides the coarsest picture. A picture of a single row or column has no more.
        """
        sizes = [(height, width)]
        while len(sizes) <= levels and min(sizes[-1]) > 1:
            sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
        self._sizes = sizes
        steps = [*pairwise(sizes)]
        self._halvings = [[_bilinear(*sides) for sides in zip(fine, coarse, strict=True)] for fine, coarse in steps]
        self._doublings = [[_bilinear(*sides) for sides in zip(coarse, fine, strict=True)] for fine, coarse in steps]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape of parameters."""
        return 1, sum(height * width for height, width in self._sizes), 1, 3

    def analyze(self, picture: Pixels) -> Parameters:
        """Return the bands of a picture."""
        bands, rest = [], picture[0]
        for halving, doubling in zip(self._halvings, self._doublings, strict=True):
            smaller = _applied(halving, rest)
            bands.append(rest - _applied(doubling, smaller))
            rest = smaller
        return self._joined([*bands, rest])

    def synthesize(self, parameters: Parameters) -> Pixels:
        """Return the picture of bands."""
        *bands, picture = self._split(parameters)
        for band, doubling in zip(reversed(bands), reversed(self._doublings), strict=True):
            picture = band + _applied(doubling, picture)
        return np.array(picture[np.newaxis])

    def adjoint(self, gradient: Pixels) -> Parameters:
        """Return the gradient of a loss by the bands, from its gradient by the picture."""
        slopes = [gradient[0]]
        for doubling in self._doublings:
            slopes.append(_applied([matrix.T for matrix in doubling], slopes[-1]))
        return self._joined(slopes)

    def _joined(self, bands: Iterable[np.ndarray]) -> Parameters:
        return np.concatenate([band.reshape(-1, 3) for band in bands])[np.newaxis, :, np.newaxis]

    def _split(self, parameters: Parameters) -> list[np.ndarray]:
        ends = np.cumsum([height * width for height, width in self._sizes])[:-1]
        bands = np.split(parameters.reshape(-1, 3), ends)
        return [band.reshape(*size, 3) for band, size in zip(bands, self._sizes, strict=True)]


class PyramidOptimizer:
    """An optimiser of pictures that moves their pyramids."""

    def __init__(self, optimizer: Optimizer, pyramid: Laplacian) -> None:
        """Bind an optimiser, whose pictures are the pyramid's parameters."""
        self._optimizer, self._pyramid = optimizer, pyramid

    @property
    def steps(self) -> int:
        """Number of steps at this scale."""
        return self._optimizer.steps

    @property
    def picture(self) -> Pixels:
        """The result if the run ended now."""
        return self._pyramid.synthesize(self._optimizer.picture)

    def ask(self) -> Pixels | None:
        """Return the picture whose loss is wanted."""
        parameters = self._optimizer.ask()
        return None if parameters is None else self._pyramid.synthesize(parameters)

    def tell(self, loss: float, gradient: np.ndarray) -> str:
        """Move by the loss and the gradient of the picture that was asked for."""
        return self._optimizer.tell(loss, self._pyramid.adjoint(gradient))

    def state(self) -> Any:
        """Return the present state, of parameters in place of a picture."""
        return self._optimizer.state()


def optimizer_of(state: AdamState | LBFGSState, settings: Settings, size: tuple[int, int]) -> Optimizer:
    """Return the optimiser of a scale, of pixels or of a pyramid as the settings say.

    Args:
        state: Its state.
        settings: Of the run.
        size: Width and height of the pictures in pixels.
    """
    make = OPTIMIZERS[settings.optimizer][0]
    if settings.parameters == "pixels":
        return make(state, settings)  # type: ignore[no-any-return]
    # Bands may have any sign, and no pixel of its own belongs to one.
    return PyramidOptimizer(make(state, replace(settings, clip="end")), _pyramid_of(settings, size))


def parameters_of(picture: Pixels, settings: Settings) -> np.ndarray:
    """Return the array that an optimiser moves for a picture: the picture itself or its pyramid."""
    _, height, width, _ = picture.shape
    return picture if settings.parameters == "pixels" else _pyramid_of(settings, (width, height)).analyze(picture)


def shape_of(settings: Settings, size: tuple[int, int]) -> tuple[int, ...]:
    """Return the shape of the array that an optimiser moves.

    Args:
        settings: Of the run.
        size: Width and height of the pictures in pixels.
    """
    return (1, size[1], size[0], 3) if settings.parameters == "pixels" else _pyramid_of(settings, size).shape


def _pyramid_of(settings: Settings, size: tuple[int, int]) -> Laplacian:
    return Laplacian(size[1], size[0], settings.pyramid_levels)


def _applied(matrices: Iterable[Any], picture: np.ndarray) -> np.ndarray:
    """Apply a matrix to the columns of a picture, and one to its rows."""
    down, across = matrices
    rows = (down @ picture.reshape(picture.shape[0], -1)).reshape(-1, *picture.shape[1:])
    turned = rows.transpose(1, 0, 2)
    columns = (across @ turned.reshape(turned.shape[0], -1)).reshape(-1, *turned.shape[1:])
    return np.ascontiguousarray(columns.transpose(1, 0, 2))


def _bilinear(source: int, target: int) -> Any:
    """Make the sparse matrix (target, source) that resizes an axis bilinearly, by the centres of pixels."""
    centres = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    first = np.minimum(np.floor(centres).astype(int), max(0, source - 2))
    share = centres - first
    places = np.concatenate([first, np.minimum(first + 1, source - 1)])
    values = np.concatenate([1 - share, share]).astype(np.float32)
    return csr_array((values, (np.tile(np.arange(target), 2), places)), shape=(target, source))
