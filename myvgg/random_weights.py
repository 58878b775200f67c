"""Seeded random weights for style transfer, teaching and tests, where there are no trained ones.

Kernels are orthogonal. Layer by layer, every channel is shifted and scaled: on drawn pictures, its values before the
rectification have zero mean and unit variance. Such features distinguish textures, and a Gram loss needs no more.

Reference:
    Mishkin and Matas (2016), "All You Need Is a Good Init", who scale layers as a whole and do not shift them; He, Wang
    and Hopcroft (2016), "A Powerful Generative Model Using Random Weights for the Deep Image Representation".
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
from jaxtyping import Float32
from threadpoolctl import threadpool_limits

from myvgg import network as ops
from myvgg.architecture import CONFIGURATION_E, Architecture, Conv, Pool
from myvgg.params import LayerParams, Origin, Params, WeightsError, load
from myvgg.preprocessing import preprocess
from myvgg.store import cache_folder


def load_random(architecture: Architecture = CONFIGURATION_E, *, seed: int = 0) -> Params:
    """Return the parameters of `calibrated`, from the cache if they are there.

    Without a usable cache they are computed each time, in seconds.

    Args:
        architecture: The network.
        seed: The same seed gives the same arrays on the same machine.

    Raises:
        WeightsError: `MYVGG_CACHE` begins with the home folder of an unknown user.
    """
    try:
        path = cache_folder() / f"{architecture.name}-random-1-{seed}.safetensors"  # 1: version of `calibrated`
    except OSError:  # this user has no folder for caches
        return calibrated(architecture, seed=seed)
    try:
        return load(path, architecture)
    except WeightsError:
        params = calibrated(architecture, seed=seed)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        params.save(path)
    except OSError:
        pass
    return params


def calibrated(architecture: Architecture = CONFIGURATION_E, *, seed: int = 0) -> Params:
    """Compute random parameters of the convolutions that suit natural pictures.

    Args:
        architecture: The network.
        seed: The same seed gives the same arrays on the same machine.
    """
    rng = np.random.default_rng(seed)
    x = preprocess(dead_leaves(rng, count=4, size=96))
    layers = {}
    for layer in architecture.layers:
        if isinstance(layer, Conv):
            layers[layer.name], x = _calibrate(orthogonal(rng, layer.kernel_shape), x)
        elif isinstance(layer, Pool):
            x = ops.avg_pool(x, "same")
    return Params(
        layers, origin=Origin(generation=f"random, orthogonal, seed {seed}", trained=False), architecture=architecture
    )


def orthogonal(rng: np.random.Generator, shape: tuple[int, ...]) -> Float32[np.ndarray, "height width inputs outputs"]:
    """Draw a kernel whose filters are orthonormal vectors. Where there are more filters than entries, entries are.

    Args:
        rng: The generator of random numbers.
        shape: Shape of the kernel.

    Example:
        >>> kernel = orthogonal(np.random.default_rng(0), (1, 1, 8, 2)).reshape(8, 2)
        >>> np.allclose(kernel.T @ kernel, np.eye(2), atol=1e-4)
        True
    """
    matrix = rng.standard_normal((math.prod(shape[:-1]), shape[-1]), np.float32)
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    with threadpool_limits(limits=1, user_api="blas"):  # several threads would wait for busy cores
        values, vectors = np.linalg.eigh(tall.T @ tall)
    orthonormal = tall @ (vectors / np.sqrt(values)) @ vectors.T  # the nearest orthonormal matrix; faster than QR
    return np.ascontiguousarray((orthonormal if tall is matrix else orthonormal.T).reshape(shape))


def dead_leaves(rng: np.random.Generator, count: int, size: int) -> Float32[np.ndarray, "count size size 3"]:
    """Draw pictures of overlapping discs, with edges of all scales as in photographs: radii follow a cubic power law.

    Args:
        rng: The generator of random numbers.
        count: Number of pictures.
        size: Height and width in pixels.

    Reference:
        Lee, Mumford and Huang (2001), "Occlusion Models for Natural Images: A Statistical Study of a Scale-Invariant
        Dead Leaves Model".
    """
    pictures = np.full((count, size, size, 3), 127.5, np.float32)
    rows, columns = np.mgrid[:size, :size]
    smallest, largest = 1.5, size / 2
    for picture in pictures:
        for share in rng.uniform((smallest / largest) ** 2, 1, 600):
            y, x = rng.uniform(0, size, 2)
            picture[(rows - y) ** 2 + (columns - x) ** 2 <= smallest**2 / share] = rng.uniform(0, 255, 3)
    return pictures


def _calibrate(kernel: np.ndarray, x: tf.Tensor) -> tuple[LayerParams, tf.Tensor]:
    """Scale and shift a convolution, so that its output on `x` is standardised; return it and the rectified output."""
    response = ops.conv2d(x, kernel, np.zeros(kernel.shape[-1], np.float32))
    mean, variance = (moment.numpy() for moment in tf.nn.moments(response, [0, 1, 2]))
    scale = 1 / np.sqrt(variance + 1e-12)
    layer = LayerParams(kernel * scale, -mean * scale)
    return layer, ops.relu(ops.conv2d(x, *layer))
