"""Pictures as coefficients of waves in uncorrelated colours, in which gradient ascent makes pictures and not noise.

Each coefficient is scaled by one over its frequency, as in photographs, so that ascent moves all sizes alike.
A picture made of waves goes on at its opposite border: it can be tiled.

Reference:
    Olah, Mordvintsev and Schubert (2017), "Feature Visualization", Distill, section "Preconditioning and
    Parameterization".
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from jaxtyping import Float32, Float64

EIGENVALUES = (0.2175, 0.0188, 0.0045)
"""Variances of ImageNet's colours along their principal axes, for pixels from 0 to 1.

These and the axes are those that Facebook's fb.resnet.torch published (`datasets/imagenet.lua`)."""

EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))
"""Principal axes of ImageNet's colours, R, G, B; one axis a column."""

CONTRAST = 4.0
"""Divisor of the waves: with it, Adam's steps of one twentieth change a picture neither too fast nor too slowly."""

START = 0.01
"""Standard deviation of the coefficients at the start: a picture that is grey to the eye."""

DARKEST = 4.0
"""Values of a photograph are kept this far from 0 and 255, where the sigmoid has no inverse and no slope."""

Waves = Float32[np.ndarray, "2 height frequencies 3"]
"""Real and imaginary parts of the coefficients of `numpy.fft.rfft2`, scaled, in uncorrelated colours."""


def color_matrix() -> Float64[np.ndarray, "3 3"]:
    """Return the matrix that turns uncorrelated colours into R, G, B with the correlations of photographs.

    The product with its own transpose is the covariance of ImageNet's colours, up to a factor that gives the strongest
    axis the length one.

    Example:
        >>> from myvgg.microscope.fourier import color_matrix
        >>> color_matrix().round(2).tolist()
        [[-0.57, 0.21, 0.06], [-0.58, -0.0, -0.12], [-0.58, -0.2, 0.06]]
    """
    matrix = np.array(EIGENVECTORS) * np.sqrt(EIGENVALUES)
    return np.asarray(matrix / np.linalg.norm(matrix, axis=0).max())


def frequency_scale(height: int, width: int) -> Float64[np.ndarray, "height frequencies 1"]:
    """Return the factor of each wave: one over its frequency, and over the lowest one for the mean.

    Args:
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.

    Example:
        >>> from myvgg.microscope.fourier import frequency_scale
        >>> frequency_scale(4, 4)[..., 0].round(1).tolist()[0]
        [16.0, 16.0, 8.0]
    """
    frequencies = np.hypot(np.fft.fftfreq(height)[:, np.newaxis], np.fft.rfftfreq(width))
    scale = np.sqrt(height * width) / np.maximum(frequencies, 1 / max(height, width))
    return np.asarray(scale[..., np.newaxis])


def start_waves(height: int, width: int, *, seed: int) -> Waves:
    """Draw the coefficients of a picture that is grey to the eye.

    Args:
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
        seed: Of the random numbers.

    Example:
        >>> from myvgg.microscope.fourier import start_waves
        >>> start_waves(6, 8, seed=0).shape
        (2, 6, 5, 3)
    """
    drawn = np.random.default_rng(seed).standard_normal((2, height, width // 2 + 1, 3), np.float32)
    return np.asarray(drawn * np.float32(START))


def to_pixels(waves: Float32[tf.Tensor, "2 height frequencies 3"], width: int) -> Float32[tf.Tensor, "height width 3"]:
    """Turn coefficients into a picture, R, G, B, 0 to 255; a gradient goes through.

    Args:
        waves: See `Waves`.
        width: Of the picture in pixels, which the number of frequencies leaves open by one.

    Example:
        >>> import numpy as np, tensorflow as tf
        >>> from myvgg.microscope.fourier import to_pixels
        >>> to_pixels(tf.zeros([2, 4, 3, 3]), 5)[0, 0].numpy().tolist()
        [127.5, 127.5, 127.5]
    """
    height = int(waves.shape[1])
    scale = tf.constant(frequency_scale(height, width) / CONTRAST, tf.float32)
    coefficients = tf.transpose(tf.complex(waves[0] * scale, waves[1] * scale), [2, 0, 1])
    planes = tf.transpose(tf.signal.irfft2d(coefficients, [height, width]), [1, 2, 0])
    mixed = tf.tensordot(planes, tf.constant(color_matrix().T, tf.float32), 1)
    return 255 * tf.sigmoid(mixed)


def to_waves(picture: Float32[np.ndarray, "height width 3"]) -> Waves:
    """Turn a photograph into coefficients: the inverse of `to_pixels`, but for values next to black and white.

    Args:
        picture: R, G, B, 0 to 255.

    Example:
        >>> import numpy as np, tensorflow as tf
        >>> from myvgg.microscope.fourier import to_pixels, to_waves
        >>> picture = np.full((4, 5, 3), 64, np.float32)
        >>> to_pixels(tf.constant(to_waves(picture)), 5)[0, 0].numpy().round().tolist()
        [64.0, 64.0, 64.0]
    """
    height, width, _ = picture.shape
    share = np.clip(picture.astype(np.float64), DARKEST, 255 - DARKEST) / 255
    planes = np.log(share / (1 - share)) @ np.linalg.inv(color_matrix().T)
    coefficients = np.fft.rfft2(planes, axes=(0, 1)) * CONTRAST / frequency_scale(height, width)
    return np.stack([coefficients.real, coefficients.imag]).astype(np.float32)
