"""The losses of style transfer: tensors in, a float32 scalar out, no weights multiplied in.

Features are (1, height, width, channels).
All are means, so that they mean the same for every size of picture and width of layer.
"""

from __future__ import annotations

import tensorflow as tf
from jaxtyping import Float32

Features = Float32[tf.Tensor, "1 height width channels"]
Gram = Float32[tf.Tensor, "channels channels"]
Scalar = Float32[tf.Tensor, ""]


def content_loss(features: Features, target: Features) -> Scalar:
    """Compare what is where: the mean squared difference of features.

    Reference:
        Gatys, Ecker and Bethge (2016), "Image Style Transfer Using Convolutional Neural Networks", equation 1.
    """
    return tf.reduce_mean(tf.square(features - target))  # Differs from equation 1: a mean, not half a sum.


def gram_matrix(features: Features) -> Gram:
    """Correlate the channels over all positions: F'F / positions.

    Reference:
        Gatys, Ecker and Bethge (2016), equation 3.
    """
    rows = tf.reshape(features, [-1, features.shape[-1]])
    positions = tf.cast(tf.shape(rows)[0], tf.float32)
    return tf.matmul(rows, rows, transpose_a=True) / positions  # Differs from equation 3: a mean over positions.


def style_loss(gram: Gram, target: Gram) -> Scalar:
    """Compare textures: the mean squared difference of Gram matrices.

    Reference:
        Gatys, Ecker and Bethge (2016), equation 4.
    """
    return tf.reduce_mean(tf.square(gram - target))  # Differs from equation 4: four times it, for maps of one size.


def total_variation(image: Float32[tf.Tensor, "1 height width channels"]) -> Scalar:
    """Measure roughness: the squared differences of horizontal and vertical neighbours over the number of values.

    Reference:
        Mahendran and Vedaldi (2015), "Understanding Deep Image Representations by Inverting Them", the regulariser of
        total variation, with exponent beta = 2.
    """
    vertical = tf.square(image[:, 1:] - image[:, :-1])
    horizontal = tf.square(image[:, :, 1:] - image[:, :, :-1])
    count = tf.cast(tf.size(image), tf.float32)
    return (tf.reduce_sum(vertical) + tf.reduce_sum(horizontal)) / count  # Differs from the paper: not a sum.
