"""Samples: the colours and features of a picture at places of a step, and the losses that compare them.

Some losses compare sets of positions, and no sums over all of them. A tile gathers at the positions that lie in it, and
leaves zeros elsewhere. So samples of tiles add up to the sample of the picture, and tiles are exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from jaxtyping import Float

from myvgg.architecture import PoolPadding
from myvgg.nst import matching, transport
from myvgg.nst.cells import SAMPLE_COUNT
from myvgg.nst.guides import Mask
from myvgg.nst.losses import Scalar, full
from myvgg.nst.places import Drawn, Places, draw, draw_split
from myvgg.nst.transport import Spread

COLORS = "colors"
"""Name of the picture's own colours, from 0 to 1, among the layers of a sample."""

Sample = dict[str, tf.Tensor]
"""Colours and features at some positions by layer, (positions, channels)."""


class Samples(NamedTuple):
    """The samples of a step.

    Attributes:
        joint: Of each region.
        split: Of each region, without colours; layers have different numbers of positions.
    """

    joint: tuple[Sample, ...] = ()
    split: tuple[Sample, ...] = ()


class SplitStyle(NamedTuple):
    """The samples of a style of which each layer is compared by itself.

    Attributes:
        share: Weight of its loss.
        sample: By layer.
    """

    share: tf.Tensor
    sample: Sample


class JointStyle(NamedTuple):
    """The sample of a style whose layers are joined to one column at each position.

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
    """The places where a picture is sampled, and the values that its samples are compared with.

    Attributes:
        layers: Shares of the layers that are sampled.
        strides: Of the layers, in pixels.
        seed: Of the positions.
        regions: The mask of each region; None for the whole picture.
        shares: Weights of the regions in the content loss.
        content: Colours and features of the content picture by layer; empty where they are not compared.
        styles: One for each region, or all for the only one. A last region without a style has the content's alone.
        split: Likewise, where each layer is compared by itself.
        pool_padding: That of the network.
    """

    layers: Mapping[str, float]
    strides: Mapping[str, int]
    seed: int
    regions: tuple[Mask | None, ...]
    shares: tuple[float, ...]
    content: Mapping[str, Any]
    styles: tuple[JointStyle, ...]
    split: tuple[SplitStyle, ...]
    pool_padding: PoolPadding

    def draw(self, step: int, shape: tuple[int, int]) -> Drawn:
        """Draw the positions of a step in a picture of a height and width, for each region."""
        joint, split = [], []
        for index, region in enumerate(self.regions):
            key = self.seed, *shape, step, index
            if self.styles or self.content:
                joint.append(draw(key, shape, region, SAMPLE_COUNT))
            if index < len(self.split):
                split.append(draw_split(key, shape, region, self.strides, self.pool_padding))
        return Drawn(tuple(joint), tuple(split))

    def at(self, drawn: Drawn) -> Sampled:
        """Return what samples at some places are compared with."""
        content = [
            joint_columns(sample(self.content, each, self.strides), self.layers) for each in drawn.joint if self.content
        ]
        shares = [tf.constant(share, tf.float64) for share in self.shares]
        return Sampled(tuple(shares), tuple(content), self.styles, self.split)


class Sampled(NamedTuple):
    """The tensors that the samples of a step are compared with.

    Attributes:
        shares: Weights of the regions in the content loss.
        content: Columns of the content at the step's positions, for each region; empty where they are not compared.
        styles: One for each region, or all for the only one.
        split: Likewise, where each layer is compared by itself.
    """

    shares: tuple[tf.Tensor, ...] = ()
    content: tuple[tf.Tensor, ...] = ()
    styles: tuple[JointStyle, ...] = ()
    split: tuple[SplitStyle, ...] = ()


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


def samples_of(maps: Mapping[str, Any], drawn: Drawn, strides: Mapping[str, int]) -> Samples:
    """Gather the samples of all regions.

    Args:
        maps: By layer, and under `COLORS` the picture from 0 to 1.
        drawn: The positions.
        strides: Of the layers.
    """
    joint = [sample(maps, places, strides) for places in drawn.joint]
    split = [
        {layer: gather(tf.convert_to_tensor(maps[layer]), each, strides[layer]) for layer, each in places.items()}
        for places in drawn.split
    ]
    return Samples(tuple(joint), tuple(split))


def joint_columns(sampled: Sample, shares: Mapping[str, float]) -> Float[tf.Tensor, "places channels"]:
    """Join a sample to columns: colours from -0.5 to 0.5, then the features of the layers.

    Layers weigh in the squared length of a column by their shares. Features of a root mean square of one keep it where
    the shares are as the numbers of channels.

    Args:
        sampled: By layer, with the colours.
        shares: Of the layers.
    """
    channels = {layer: sampled[layer].shape[-1] for layer in shares}
    factors, length = matching.factors_of(shares, channels), math.sqrt(sum(channels.values()))
    return tf.concat([sampled[COLORS] - 0.5, *(length * factors[layer] * sampled[layer] for layer in shares)], -1)


def joint_style(share: float, sampled: Sample, shares: Mapping[str, float]) -> JointStyle:
    """Prepare the sample of a style.

    Args:
        share: Weight of its loss.
        sampled: Its colours and features.
        shares: Of the layers.
    """
    columns = joint_columns(sampled, shares)
    return JointStyle(
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
    columns = [joint_columns(each, shares) for each in found]
    directions = [transport.directions(each) for each in columns]
    terms = []
    for index, style in enumerate(wanted.styles):
        region = index if len(found) > 1 else 0
        loss = transport.relaxed_earth_mover(directions[region], style.directions, transport.COSINE)
        loss += transport.spread_loss(columns[region], style.spread)
        loss += palette * transport.palette_loss(found[region][COLORS], style.colors)
        terms.append(tf.cast(style.share, loss.dtype) * loss)
    return terms


def split_loss(found: Sequence[Sample], wanted: Sampled) -> list[Scalar]:
    """Compare each layer's samples with the nearest of the styles: a term for each style and layer, times its share.

    Args:
        found: Samples of each region.
        wanted: The styles.

    Reference:
        Kolkin et al. (2022), "Neural Neighbor Style Transfer", section 3.4, on feature splitting.
    """
    terms = []
    for index, style in enumerate(wanted.split):
        for layer, columns in found[index if len(found) > 1 else 0].items():
            loss = transport.nearest_loss(columns, style.sample[layer])
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
        tf.cast(share, content.dtype) * transport.self_similarity_loss(joint_columns(each, shares), content)
        for each, share, content in zip(found, wanted.shares, wanted.content, strict=False)
    ]
