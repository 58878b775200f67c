"""The losses of a whole picture, written so that TensorFlow can differentiate them; evaluations are tested by them."""

from __future__ import annotations

import tensorflow as tf

from myvgg.nst.criterion import Criterion, counts_of, weigh
from myvgg.nst.encoder import Encoder
from myvgg.nst.places import Drawn
from myvgg.nst.settings import Settings
from myvgg.nst.stages import Losses, Piece, Targets


def losses(encoder: Encoder, image: tf.Tensor, targets: Targets, settings: Settings, step: int = 0) -> Losses:
    """Compute the losses of a picture, R, G, B, 0 to 255, with the samples of a step."""
    criterion = Criterion(encoder, settings)
    counts = counts_of(encoder.params.architecture, targets.layers, image.shape[1], image.shape[2], settings)
    sampling, styles = targets.sampling, targets.styles
    places = sampling.draw(step, (image.shape[1], image.shape[2])) if sampling else Drawn()
    if sampling:
        styles = styles._replace(sampled=sampling.at(places))
    piece = Piece(image / 255, (), targets.content, targets.guides, targets.matches, places, (), counts)
    return weigh(criterion.sums(piece, criterion.see(piece)), styles, settings, values=3 * counts.pixels)
