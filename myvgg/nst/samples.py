"""Samples: the colours and features of a picture at single positions, which are drawn anew at each step.

Some losses compare sets of positions, and no sums over all of them. A tile gathers at the positions that lie in it, and
leaves zeros elsewhere. So samples of tiles add up to the sample of the picture, and tiles are exact. Positions come of
the seed, the picture's size and the number of the step, so a run that goes on draws the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from jaxtyping import Float, Float32, Int32

from myvgg.nst import transport
from myvgg.nst.cells import COUNT
from myvgg.nst.losses import Scalar, full
from myvgg.nst.tiles import Box
from myvgg.nst.transport import Spread

COLORS = "colors"
"""Name of the picture's own colours, from 0 to 1, among the layers of a sample."""

Sample = dict[str, tf.Tensor]
"""Colours and features at some positions by layer, (positions, channels)."""

Mask = Float32[np.ndarray, "height width"]


class Places(NamedTuple):
    """Positions of a picture, or of a tile that leaves some of them out.

    Attributes:
        rows: In pixels, from the corner of the pixels that count.
        columns: Likewise.
        inside: 1 for positions of this tile, 0 for the others.
    """

    rows: Int32[Any, " places"]
    columns: Int32[Any, " places"]
    inside: Float32[Any, " places"]


class SampledStyle(NamedTuple):
    """The sample of a style that pictures are compared with.

    Attributes:
        share: Weight of its loss.
        colors: Of its positions, from 0 to 1.
        directions: Of its columns, whose length is one.
        spread: Mean and covariance of the whole columns.
    """

    share: tf.Tensor
    colors: tf.Tensor
    directions: tf.Tensor
    spread: Spread


class Sampling(NamedTuple):
    """How a picture is sampled, and with what its samples are compared.

    Attributes:
        layers: Shares of the layers that are sampled.
        strides: Of the layers, in pixels.
        seed: Of the positions.
        regions: Numbers of the pixels that each region's positions are drawn from; None for the whole picture.
        shares: Weights of the regions in the content loss.
        content: Colours and features of the content picture by layer; empty where they are not compared.
        styles: One for each region, or all for the only one.
    """

    layers: Mapping[str, float]
    strides: Mapping[str, int]
    seed: int
    regions: tuple[np.ndarray | None, ...]
    shares: tuple[float, ...]
    content: Mapping[str, Any]
    styles: tuple[SampledStyle, ...]

    def draw(self, step: int, size: tuple[int, int]) -> list[Places]:
        """Draw the positions of a step in a picture of a height and width, for each region."""
        return [draw((self.seed, *size, step, index), size, region, COUNT) for index, region in enumerate(self.regions)]

    def at(self, drawn: Sequence[Places]) -> Sampled:
        """Return what samples at some places are compared with."""
        content = [columns_of(sample(self.content, each, self.strides), self.layers) for each in drawn if self.content]
        shares = [tf.constant(share, tf.float64) for share in self.shares]
        return Sampled(tuple(shares), tuple(content), self.styles)


class Sampled(NamedTuple):
    """The tensors that the samples of a step are compared with.

    Attributes:
        shares: Weights of the regions in the content loss.
        content: Columns of the content at the step's positions, for each region; empty where they are not compared.
        styles: One for each region, or all for the only one.
    """

    shares: tuple[tf.Tensor, ...]
    content: tuple[tf.Tensor, ...]
    styles: tuple[SampledStyle, ...]


NO_SAMPLES = Sampled((), (), ())
"""What samples are compared with where there are none."""


def draw(key: Sequence[int], size: tuple[int, int], region: np.ndarray | None, count: int) -> Places:
    """Draw different positions of a picture, or all of them where there are no more.

    Args:
        key: Whole numbers from 0 on, which say what is drawn.
        size: Height and width of the picture in pixels.
        region: Numbers of the pixels to draw from; None for all.
        count: Number of positions, at most.

    Example:
        >>> draw((0, 1), (2, 1), None, 4).columns.tolist()
        [0, 0]
    """
    pixels = size[0] * size[1] if region is None else len(region)
    chosen = np.random.default_rng(key).choice(pixels, min(count, pixels), replace=False)
    rows, columns = np.divmod(chosen if region is None else region[chosen], size[1])
    return Places(rows.astype(np.int32), columns.astype(np.int32), np.ones(len(chosen), np.float32))


def region_of(mask: Mask) -> np.ndarray:
    """Return the numbers of the pixels that lie in a mask: those with half of its largest value or more."""
    return np.flatnonzero(mask >= mask.max() / 2)


def within(places: Places, box: Box) -> Places:
    """Return the positions as a tile sees them.

    Args:
        places: Of the picture.
        box: Pixels of the tile that count: first row, end of rows, first column, end of columns.
    """
    top, bottom, left, right = box
    rows, columns, _ = places
    inside = (top <= rows) & (rows < bottom) & (left <= columns) & (columns < right)
    corner = np.array([top, left], np.int32)
    return Places(rows - corner[0], columns - corner[1], inside.astype(np.float32))


def gather(
    maps: Float[tf.Tensor, "1 height width channels"], places: Places, stride: int
) -> Float[tf.Tensor, "places channels"]:
    """Return the features at positions, and zeros for positions of other tiles.

    Args:
        maps: Of one layer, or the picture's colours.
        places: The positions.
        stride: Of the layer, in pixels.
    """
    # Differs from Kolkin et al. (2019), who interpolate between positions of a layer: here the nearest one is taken.
    shape = tf.shape(maps)
    ends = zip(places[:2], (shape[1], shape[2]), strict=True)
    indices = [tf.clip_by_value(tf.convert_to_tensor(each) // stride, 0, end - 1) for each, end in ends]
    found = full(tf.gather_nd(maps[0], tf.stack(indices, -1)))
    # Zeros by choice, since zero times what overflows is no number.
    return tf.where(tf.convert_to_tensor(places.inside)[:, tf.newaxis] > 0, found, tf.zeros_like(found))


def sample(maps: Mapping[str, Any], places: Places, strides: Mapping[str, int]) -> Sample:
    """Gather all layers and the colours.

    Args:
        maps: By layer, and under `COLORS` the picture from 0 to 1.
        places: The positions.
        strides: Of the layers.
    """
    return {layer: gather(tf.convert_to_tensor(each), places, strides.get(layer, 1)) for layer, each in maps.items()}


def columns_of(sampled: Sample, shares: Mapping[str, float]) -> Float[tf.Tensor, "places channels"]:
    """Join a sample to columns: colours from -0.5 to 0.5, then the features of the layers.

    Layers weigh in the squared length of a column by their shares. Features of a root mean square of one keep it where
    the shares are as the numbers of channels.

    Args:
        sampled: By layer, with the colours.
        shares: Of the layers.
    """
    channels = sum(sampled[layer].shape[-1] for layer in shares)
    factors = {layer: math.sqrt(share * channels / sampled[layer].shape[-1]) for layer, share in shares.items()}
    return tf.concat([sampled[COLORS] - 0.5, *(factors[layer] * sampled[layer] for layer in shares)], -1)


def sampled_style(share: float, sampled: Sample, shares: Mapping[str, float]) -> SampledStyle:
    """Prepare the sample of a style.

    Args:
        share: Weight of its loss.
        sampled: Its colours and features.
        shares: Of the layers.
    """
    columns = columns_of(sampled, shares)
    return SampledStyle(
        tf.constant(share, tf.float64), sampled[COLORS], transport.directions(columns), transport.spread_of(columns)
    )


def style_loss(found: Sequence[Sample], wanted: Sampled, shares: Mapping[str, float], palette: Scalar) -> list[Scalar]:
    """Compare samples with those of the styles: a term for each style, times its share.

    Args:
        found: Samples of each region.
        wanted: The styles.
        shares: Of the layers.
        palette: Weight of the colours.

    Reference:
        Kolkin, Salavon and Shakhnarovich (2019), equation 8, and section 2.3 on color matching.
    """
    columns = [columns_of(each, shares) for each in found]
    directions = [transport.directions(each) for each in columns]
    terms = []
    for index, style in enumerate(wanted.styles):
        region = index if len(found) > 1 else 0
        loss = transport.relaxed_earth_mover(directions[region], style.directions, transport.COSINE)
        loss += transport.spread_loss(columns[region], style.spread)
        loss += palette * transport.palette_loss(found[region][COLORS], style.colors)
        terms.append(tf.cast(style.share, loss.dtype) * loss)
    return terms


def content_loss(found: Sequence[Sample], wanted: Sampled, shares: Mapping[str, float]) -> list[Scalar]:
    """Compare the self-similarity of samples with that of the content: a term for each region, times its share.

    Args:
        found: Samples of each region.
        wanted: The content.
        shares: Of the layers.
    """
    return [
        tf.cast(share, content.dtype) * transport.self_similarity_loss(columns_of(each, shares), content)
        for each, share, content in zip(found, wanted.shares, wanted.content, strict=False)
    ]
