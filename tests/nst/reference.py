"""The losses of a whole picture, written so that TensorFlow can differentiate them: what evaluations are tested by."""

from __future__ import annotations

import tensorflow as tf

from myvgg.nst.network import Network
from myvgg.nst.objective import Targets, look, measure, weigh
from myvgg.nst.settings import Settings


def losses(network: Network, image: tf.Tensor, targets: Targets, settings: Settings) -> dict[str, tf.Tensor]:
    """Compute the losses of a picture, R, G, B, 0 to 255."""
    seen = look(network, image, targets.layers, settings)
    return weigh(measure(seen, targets, settings), targets, settings, values=tf.size(image))
