"""Kernels in 8 bits: each layer has a table of 256 values, and each entry of its kernel is an index into the table.

A file of such kernels has a quarter of the size. `weights/README.md` has the error of features.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

LEVELS = 256
"""Number of values in a table."""

ITERATIONS = 1000
"""Number of iterations of k-means, at most."""

SAMPLES = 65536
"""Number of entries, evenly spaced in ascending order, that the first table is computed from."""


class Quantized(NamedTuple):
    """A kernel in 8 bits.

    Attributes:
        indices: Indices into `values`, in the kernel's shape.
        values: The table, ascending. Where a kernel has fewer distinct entries, the last value is repeated.
    """

    indices: UInt8[np.ndarray, "*shape"]
    values: Float32[np.ndarray, 256]


def quantize(kernel: Float32[np.ndarray, "*shape"]) -> Quantized:
    """Replace each entry of a kernel by the nearest of 256 values, which k-means finds.

    `dequantize` restores a kernel of at most 256 distinct entries bit for bit.

    Args:
        kernel: The kernel.

    Example:
        >>> quantize(np.array([[0.5, -1.0], [0.5, 2.0]], np.float32)).indices.tolist()
        [[1, 0], [1, 2]]

    Reference:
        Lloyd (1982), "Least Squares Quantization in PCM", method I.
    """
    entries = np.sort(kernel, axis=None)
    values = np.unique(entries)
    if values.size > LEVELS:
        values = _k_means(entries)
    values = np.pad(values, (0, LEVELS - values.size), mode="edge")
    indices = np.searchsorted(_middles(values), kernel.reshape(-1)).astype(np.uint8)
    return Quantized(indices.reshape(kernel.shape), values)


def dequantize(quantized: Quantized) -> Float32[np.ndarray, "*shape"]:
    """Return the kernel of indices and values.

    Args:
        quantized: The kernel in 8 bits.

    Example:
        >>> dequantize(quantize(np.array([0.5, -1.0], np.float32))).tolist()
        [0.5, -1.0]
    """
    kernel: np.ndarray = quantized.values[quantized.indices]
    return kernel


def _k_means(entries: Float32[np.ndarray, " entries"]) -> Float32[np.ndarray, 256]:
    """Find a table with a small mean square error, by Lloyd's iteration over ascending entries.

    The mean of neighbouring entries is a difference of cumulative sums, so an iteration costs 256 look-ups.
    """
    sums = np.concatenate([[0.0], np.cumsum(entries, dtype=np.float64)])
    values = _first_table(entries)
    for _ in range(ITERATIONS):
        ends = np.concatenate([[0], np.searchsorted(entries, _middles(values)), [entries.size]])
        counts = np.diff(ends)
        means = np.where(counts > 0, np.diff(sums[ends]) / np.maximum(counts, 1), values).astype(np.float32)
        if np.array_equal(means, values):
            break
        values = means
    return values


def _first_table(entries: Float32[np.ndarray, " entries"]) -> Float32[np.ndarray, 256]:
    """Return the best table for many levels: their density is the cube root of the density of the entries.

    Reference:
        Panter and Dite (1951), "Quantization Distortion in Pulse-Count Modulation with Nonuniform Spacing of Levels".
    """
    places = np.linspace(0, entries.size - 1, min(SAMPLES, entries.size)).astype(np.int64)
    samples = entries[places].astype(np.float64)
    # Between two neighbours, the density is 1 / width, and the integral of its cube root width ** (2 / 3).
    integral = np.concatenate([[0.0], np.cumsum(np.diff(samples) ** (2 / 3))])
    table = np.interp((np.arange(LEVELS) + 0.5) / LEVELS * integral[-1], integral, samples)
    return np.asarray(table, np.float32)


def _middles(values: Float32[np.ndarray, " values"]) -> Float32[np.ndarray, " values-1"]:
    """Return the borders between neighbouring values; an entry on a border belongs to the lower value."""
    lower, upper = values[:-1], values[1:]
    middles = np.asarray(lower / 2 + upper / 2, np.float32)
    return np.where(middles < upper, middles, lower)  # two values may have no number between them
