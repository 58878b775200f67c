"""Masks on their way to the layers of the network: which positions of a map belong to a region, and how much.

A mask is a region of a picture, 0 to 1.
The weight of a position of a layer is the part of its receptive field that lies in the region.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from myvgg.architecture import Activation, PoolPadding
from myvgg.images import resize_mask

Mask = Float32[np.ndarray, "height width"]


def regions(
    masks: Sequence[Float32[np.ndarray, "_ _"]], height: int, width: int
) -> list[Float32[np.ndarray, "new_height new_width"]]:
    """Scale masks to one size, antialiased.

    Args:
        masks: Of any sizes, 0 to 1.
        height: Of the regions, in pixels.
        width: Of the regions, in pixels.

    Raises:
        ValueError: A mask without a pixel above 0, of wrong shape, or with values that are not from 0 to 1; the
            message counts the masks from 1.
    """
    return [_scaled(mask, f"mask {number}", height, width) for number, mask in enumerate(masks, 1)]


def divided(masks: Sequence[Mask]) -> list[Mask]:
    """Divide the parts that masks share by the sum of the masks, so that no pixel has more than 1 in all.

    Example:
        >>> [mask.tolist() for mask in divided([np.float32([[1, 1, 0]]), np.float32([[0, 1, 0.5]])])]
        [[[1.0, 0.5, 0.0]], [[0.0, 0.5, 0.5]]]
    """
    total = np.maximum(sum(masks), 1)
    return [mask / total for mask in masks]


def guide(
    mask: Mask, activation: Activation, *, pool_padding: PoolPadding = "valid"
) -> Float32[np.ndarray, "map_height map_width"]:
    """Weigh the positions of a layer by the share of a region in their receptive field: T^2 / sum(T^2).

    T is the mean of the mask over the position's receptive field, under a triangle as wide as the field, since a
    position sees its middle along more paths than its edge; pixels beyond the picture do not count.

    Args:
        mask: The region, as large as the picture that the network gets.
        activation: The layer: a convolution, its rectification, or a pool.
        pool_padding: That of the network.

    Returns:
        The weights of the positions in a guided Gram matrix or mean: at least 0, with a sum of 1.

    Raises:
        ValueError: A mask that is empty or not finite, a dense layer, or a picture that leaves nothing at the layer.

    Reference:
        Gatys, Ecker, Bethge, Hertzmann and Shechtman (2017), "Controlling Perceptual Factors in Neural Style
        Transfer", guided Gram matrices with guidance channels T normalised to sum(T^2) = 1.
    """
    height, width = mask.shape
    rows = _windows("height", height, activation, pool_padding)
    columns = _windows("width", width, activation, pool_padding)
    squares = np.square((columns @ (rows @ mask).T).T)
    total = squares.sum()
    if not 0 < total < np.inf:  # false for NaN too
        raise ValueError("the mask must have a pixel above 0, and only finite values")
    return np.asarray(squares / total, np.float32)


def share(mask: Mask) -> float:
    """Return the region's part of the picture's area, 0 to 1."""
    return float(mask.mean(dtype=np.float64))


def members(mask: Mask) -> Bool[np.ndarray, "height width"]:
    """Choose the positions that belong to a region: those with half of the mask's largest value or more.

    Losses that compare single positions use a position fully or not at all. Where masks overlap, a position belongs to
    all of their regions, so the masks are those before `divided`.

    Example:
        >>> members(np.float32([[0.1, 0.2, 0.4]])).tolist()
        [[False, True, True]]
    """
    return np.asarray(mask >= mask.max() / 2)


def outside(masks: Sequence[Mask]) -> Mask | None:
    """Return the mask of the positions that are members of no region; None where there are none.

    Example:
        >>> outside([np.float32([[1, 1, 0]]), np.float32([[0, 1, 0]])]).tolist()
        [[0.0, 0.0, 1.0]]
    """
    rest = ~np.any([members(mask) for mask in masks], axis=0)
    return rest.astype(np.float32) if rest.any() else None


def touched(mask: Mask, stride: int, shape: tuple[int, int]) -> Float32[np.ndarray, "rows columns"]:
    """Return 1 at the positions of a layer that hold a member of a region, and 0 elsewhere.

    The last positions stand for pixels beyond them.

    Args:
        mask: Of the pixels.
        stride: Of the layer, in pixels.
        shape: Height and width of the layer, in positions.

    Example:
        >>> touched(np.float32([[0, 0, 0, 0, 1]]), 2, (1, 2)).tolist()
        [[0.0, 1.0]]
    """
    found = np.zeros(shape, np.float32)
    found[
        tuple(np.minimum(at // stride, end - 1) for at, end in zip(np.nonzero(members(mask)), shape, strict=True))
    ] = 1
    return found


def feather(mask: Mask, radius: float) -> Mask:
    """Soften a mask's edges with a Gaussian.

    Args:
        mask: 0 to 1; beyond its borders it goes on as it ends there.
        radius: Standard deviation in pixels; 0 changes nothing.

    Raises:
        ValueError: A radius that is negative or not finite.
    """
    if not 0 <= radius < np.inf:
        raise ValueError(f"radius must be at least 0 pixels, not {radius}")
    if radius == 0:
        return mask
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(mask, radius, mode="nearest")).clip(0, 1)


def _scaled(mask: np.ndarray, name: str, height: int, width: int) -> np.ndarray:
    if mask.ndim != 2 or mask.size == 0:
        raise ValueError(f"{name} must have shape (height, width), not {mask.shape}")
    if not (mask.min() >= 0 and mask.max() <= 1):  # false for NaN too
        raise ValueError(f"{name} must have values from 0 to 1, not {mask.min()} to {mask.max()}")
    scaled = resize_mask(mask, (width, height))
    if not scaled.any():
        raise ValueError(f"{name} is empty: no pixel is above 0")
    return scaled


def _windows(side: str, size: int, activation: Activation, pool_padding: PoolPadding) -> Any:
    """Make the sparse matrix (positions, pixels) that averages each receptive field along one axis.

    Position i, made of 3-wide convolutions and of pools that join pairs, is centred on pixel
    (i + 1/2) * stride - 1/2; stride and receptive field are odd or even together, so the field starts at a pixel.
    """
    from scipy.sparse import csr_array

    _, kind, _, stride, field = activation
    positions = -(-size // stride) if pool_padding == "same" else size // stride
    if kind in ("dense", "softmax"):
        raise ValueError(f"{activation.name} has no positions to guide: choose a convolution or a pool")
    if positions == 0:
        raise ValueError(f"{side} must be at least {stride} pixels for {activation.name}, not {size}")
    window = np.convolve(np.ones((field + 1) // 2), np.ones(field // 2 + 1))  # a triangle, above 0 in all the field
    position, offset = np.divmod(np.arange(positions * field), field)
    pixel = position * stride + (stride - field) // 2 + offset
    inside = (pixel >= 0) & (pixel < size)
    position, pixel, weight = position[inside], pixel[inside], window[offset[inside]]
    weight /= np.bincount(position, weight, positions)[position]
    return csr_array((weight, (position, pixel)), shape=(positions, size))
