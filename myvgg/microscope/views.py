"""Views of a picture: slightly turned, scaled and shifted, with which ascent finds shapes and not noise.

A view goes on at the opposite border, as a picture made of waves does, so that it has no border of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from jaxtyping import Float32

JITTER = 16.0
"""Largest shift along each axis, in pixels."""

ROTATION = 10.0
"""Largest rotation, in degrees."""

ZOOM = 0.1
"""Largest logarithm of the scale."""


class View(NamedTuple):
    """A place from which a picture is seen.

    Attributes:
        matrix: From offsets in the view to offsets in the picture, rows first, both from the centre.
        shift: Of the centre, rows first, in pixels.
    """

    matrix: Float32[np.ndarray, "2 2"]
    shift: Float32[np.ndarray, " rows_columns"]


def random_view(rng: np.random.Generator) -> View:
    """Draw a view: uniform shift, rotation and logarithm of the scale.

    Example:
        >>> import numpy as np
        >>> from myvgg.microscope.views import random_view
        >>> random_view(np.random.default_rng(0)).matrix.shape
        (2, 2)
    """
    angle, zoom = np.deg2rad(rng.uniform(-ROTATION, ROTATION)), np.exp(rng.uniform(-ZOOM, ZOOM))
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]], np.float32)
    return View(matrix, rng.uniform(-JITTER, JITTER, 2).astype(np.float32))


def seen_from(
    picture: Float32[tf.Tensor, "height width channels"], matrix: tf.Tensor, shift: tf.Tensor
) -> Float32[tf.Tensor, "height width channels"]:
    """Return a picture as it is seen from a view, bilinear; a gradient goes through.

    Args:
        picture: Numbers of any range.
        matrix: See `View`.
        shift: See `View`.

    Example:
        >>> import tensorflow as tf
        >>> from myvgg.microscope.views import seen_from
        >>> row = tf.constant([[[1.0], [2.0], [3.0]]])
        >>> seen_from(row, tf.eye(2), tf.constant([0.0, 1.0]))[0, :, 0].numpy().tolist()
        [2.0, 3.0, 1.0]
    """
    height, width, channels = picture.shape
    centre = np.array([height - 1, width - 1], np.float32) / 2
    offsets = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), axis=-1) - centre
    places = tf.linalg.matvec(matrix, tf.constant(offsets, tf.float32)) + shift + centre
    corner = tf.floor(places)
    (down, right), rows = tf.unstack((places - corner)[..., tf.newaxis], axis=2), tf.reshape(picture, [-1, channels])

    def at(row: int, column: int) -> tf.Tensor:
        y, x = tf.unstack(tf.cast(corner, tf.int32) + tf.constant([row, column]), axis=-1)
        return tf.gather(rows, tf.math.floormod(y, height) * width + tf.math.floormod(x, width))

    above = (1 - right) * at(0, 0) + right * at(0, 1)
    below = (1 - right) * at(1, 0) + right * at(1, 1)
    return (1 - down) * above + down * below
