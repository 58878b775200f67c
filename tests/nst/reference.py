"""The losses of a whole picture, written so that TensorFlow can differentiate them; evaluations are tested by them."""

from __future__ import annotations

import tensorflow as tf

from myvgg.nst.criterion import Criterion, Losses, Piece, Targets, weigh
from myvgg.nst.encoder import Encoder
from myvgg.nst.settings import Settings


def losses(encoder: Encoder, image: tf.Tensor, targets: Targets, settings: Settings) -> Losses:
    """Compute the losses of a picture, R, G, B, 0 to 255."""
    criterion = Criterion(encoder, targets, settings, height=image.shape[1], width=image.shape[2])
    piece = Piece(image / 255, (), targets.content, tuple(region.guides for region in targets.regions), None)
    return weigh(criterion.sums(piece, criterion.see(piece)), targets, settings, values=tf.size(image))
