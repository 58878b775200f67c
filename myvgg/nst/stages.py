"""The records that the stages of `Criterion` hand on: targets, the pieces of a picture, their values, sums and losses.

Records of tensors are structures of TensorFlow: a graph takes them, and `tf.nest` adds the sums of tiles.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import tensorflow as tf

from myvgg.nst.losses import Count, Gaussian, Moments, Scalar
from myvgg.nst.matching import Match
from myvgg.nst.places import Drawn
from myvgg.nst.samples import Sampled, Samples, Sampling

Guides = dict[str, tf.Tensor]
"""Weights of the positions of layers, each summing to one; empty where the whole picture counts."""


class Losses(NamedTuple):
    """The losses of a picture; `total` is their weighted sum, which is minimised."""

    content: Any
    style: Any
    tv: Any
    total: Any


class Region(NamedTuple):
    """A part of the picture and its style.

    Attributes:
        share: Its part of the picture's area.
        guides: Its positions.
        style: The statistics of the style, by layer.
    """

    share: float
    guides: Guides
    style: dict[str, Moments | Gaussian]


class Targets(NamedTuple):
    """The features and statistics that a picture is compared with.

    Attributes:
        content: Features of the content picture by layer.
        regions: The styles and their regions.
        matches: The places of the styles that the picture's places are most like.
        unit: Style loss of the content picture, the unit of style losses.
        sampling: How the picture is sampled, and with what its samples are compared; None where nothing is.
        content_weight: Weight of the content loss at this scale.
    """

    content: dict[str, tf.Tensor]
    regions: tuple[Region, ...]
    matches: tuple[Match, ...] = ()
    unit: float = 1.0
    sampling: Sampling | None = None
    content_weight: float = 0.0

    @property
    def layers(self) -> list[str]:
        """All layers that are compared."""
        compared: list[Iterable[str]] = [region.style for region in self.regions]
        compared += [match.tables for match in self.matches]
        compared += [self.sampling.layers] if self.sampling else []
        return list(dict.fromkeys([*self.content, *(layer for layers in compared for layer in layers)]))

    @property
    def guides(self) -> tuple[Guides, ...]:
        """The guides of each region."""
        return tuple(region.guides for region in self.regions)

    @property
    def styles(self) -> Styles:
        """The targets without those that belong to positions."""
        numbers = (*(region.share for region in self.regions), self.unit, self.content_weight)
        *shares, unit, weight = (tf.constant(number, tf.float64) for number in numbers)
        return Styles(tuple(shares), tuple(region.style for region in self.regions), unit, weight)


class Styles(NamedTuple):
    """The part of targets that sums over a whole picture are compared with, as tensors.

    Attributes:
        shares: Parts of the picture's area, one for each region.
        statistics: Of the style of each region, by layer.
        unit: Style loss of the content picture.
        content_weight: Weight of the content loss.
        sampled: For the samples of a step.
    """

    shares: tuple[tf.Tensor, ...]
    statistics: tuple[dict[str, Moments | Gaussian], ...]
    unit: tf.Tensor
    content_weight: tf.Tensor
    sampled: Sampled = Sampled()


class Counts(NamedTuple):
    """Counts over a whole picture.

    Attributes:
        pixels: Of the picture.
        positions: Of its layers.
    """

    pixels: Count
    positions: dict[str, Count]


class Kept(NamedTuple):
    """The part of the content picture that stays as it is.

    Attributes:
        mask: (1, height, width, 1), 0 to 1.
        content: The picture that shows there, (1, height, width, 3), 0 to 255.
    """

    mask: Any
    content: Any


class Piece(NamedTuple):
    """A picture, or one of its tiles, with all that its losses need.

    Attributes:
        pixels: With their surroundings, 0 to 1.
        kept: Of the same pixels, or empty.
        content: Features of the content picture, without surroundings.
        guides: Of each region, without surroundings.
        matches: Of the cells, without surroundings.
        places: Positions of the samples, from the corner of the pixels that count.
        inside: The box of pixels that count; empty for a whole picture.
        counts: Of the whole picture.
    """

    pixels: tf.Tensor
    kept: Kept | tuple[()]
    content: dict[str, tf.Tensor]
    guides: tuple[Guides, ...]
    matches: tuple[Match, ...]
    places: Drawn
    inside: tuple[Any, ...]
    counts: Counts


class Seen(NamedTuple):
    """The values of a piece that losses are made of; the gradient goes back through them.

    Attributes:
        features: Maps by layer, in the network's precision, without surroundings.
        roughness: The total variation.
        samples: Colours and features at the places.
    """

    features: dict[str, tf.Tensor]
    roughness: Scalar
    samples: Samples


class Sums(NamedTuple):
    """Sums over the positions of a piece.

    Attributes:
        content: The content loss, a weighted mean over layers.
        moments: Of each region and layer.
        matching: The distance from the matched places.
        roughness: The total variation.
        samples: Colours and features at the places, zeros at those of other pieces.
    """

    content: Scalar
    moments: tuple[dict[str, Moments], ...]
    matching: Scalar
    roughness: Scalar
    samples: Samples = Samples()
