"""The targets of a scale, computed before its first step: content features, style statistics, matches, samples."""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from myvgg.nst import guides, samples
from myvgg.nst.cells import STYLE_COUNT
from myvgg.nst.criterion import added, weigh
from myvgg.nst.encoder import Encoder
from myvgg.nst.guides import Mask
from myvgg.nst.hypercolumns import Columns, StyleColumns, find_matches
from myvgg.nst.losses import Gaussian, Moments, gaussian
from myvgg.nst.maps import maps_and_moments, maps_by_tile, moments_of_tile
from myvgg.nst.matching import Maps
from myvgg.nst.places import Drawn, draw, draw_split
from myvgg.nst.samples import JointStyle, Sampling, SplitStyle
from myvgg.nst.settings import Settings
from myvgg.nst.stages import Guides, Region, Sums, Targets
from myvgg.nst.tiles import Box


def make_targets(
    encoder: Encoder,
    content: Any,
    styles: Sequence[Any],
    settings: Settings,
    *,
    source: Any = None,
    masks: Sequence[Mask] | None = None,
    style_masks: Sequence[Any] | None = None,
    cache: MutableMapping[Any, Any] | None = None,
    tile: int | None = None,
) -> Targets:
    """Compute the targets of a result.

    Args:
        encoder: With the settings' options.
        content: A picture (1, height, width, 3), 0 to 255; None where there is none.
        styles: Pictures likewise, of any sizes; none is possible.
        settings: Layers, their weights, the kind of style loss.
        source: The picture whose places are matched, of the content's shape; the content by default.
        masks: The region of the content's shape that each style is for; by default all are blended everywhere. Masks
            may overlap.
        style_masks: The part of each style picture that counts, of its shape, or None.
        cache: Statistics of style pictures from earlier calls; new ones are added.
        tile: Side in pixels of the tiles that pictures are seen in; None for whole pictures.
    """
    seen = [
        _style(encoder, style, mask, settings, {} if cache is None else cache, tile)
        for style, mask in zip(styles, style_masks or [None] * len(styles), strict=True)
        if settings.statistic or settings.matched_layers
    ]
    columns = [each.columns for each in seen] if settings.matched_layers else []
    picture = content if source is None else source
    parts = guides.divided(masks) if masks else None
    matches = () if picture is None or not columns else find_matches(encoder, picture, columns, settings, parts, tile)
    sampling = (
        _sampling(encoder, content, styles, settings, masks, style_masks, tile) if settings.sampled_layers else None
    )
    found = [each.moments for each in seen] if settings.statistic else []
    regions = _regions(encoder, found, parts, settings)
    balance = regions if settings.balance and settings.moment_layers else ()
    layers = list(settings.compared_layers) if settings.content_weight else []
    weight = 0.0 if content is None else settings.content_weight
    targets = Targets({}, regions, matches, sampling=sampling, content_weight=weight)
    if content is None or not (layers or balance):
        return targets
    where = [region.guides for region in balance]
    features, moments = maps_and_moments(encoder, content, layers, where, settings, tile)
    targets = targets._replace(content=features)
    return targets._replace(unit=_unit(moments, targets, settings)) if balance else targets


SMALLEST_UNIT = 0.05
"""The smallest unit, as a part of the style loss of no features at all. A content that has nearly the style has a
smaller style loss, and in this unit every loss would be enormous."""


def _regions(
    encoder: Encoder, found: Sequence[dict[str, Moments]], masks: Sequence[Mask] | None, settings: Settings
) -> tuple[Region, ...]:
    """Give each style its region, or blend all styles for the whole picture."""
    if not found:
        return ()
    if not masks:
        return (Region(1.0, {}, _prepare(blend(found, settings), settings)),)
    return tuple(
        Region(guides.share(mask), _guides(encoder, mask, settings), _prepare(moments, settings))
        for mask, moments in zip(masks, found, strict=True)
    )


def _unit(found: tuple[dict[str, Moments], ...], targets: Targets, settings: Settings) -> float:
    """Compute the style loss of the content picture, from its moments in each region."""
    zero = tf.zeros([], tf.nest.flatten(found)[0].dtype)
    own, largest = (
        float(weigh(Sums(zero, moments, zero, zero), targets.styles, settings, values=1).style)
        for moments in (found, tf.nest.map_structure(tf.zeros_like, found))
    )
    unit = max(own, SMALLEST_UNIT * largest)
    return unit + 1e-12 if unit > 0 else 1.0


def blend(found: Sequence[dict[str, Moments]], settings: Settings) -> dict[str, Moments]:
    """Mix the raw moments of several styles, as if their pictures lay side by side."""
    shares = settings.blend_shares(len(found))
    return {
        layer: Moments(
            *(tf.add_n([share * m[layer][i] for share, m in zip(shares, found, strict=True)]) for i in (0, 1))
        )
        for layer in found[0]
    }


def _sampling(
    encoder: Encoder,
    content: Any,
    styles: Sequence[Any],
    settings: Settings,
    masks: Sequence[Mask] | None,
    style_masks: Sequence[Any] | None,
    tile: int | None,
) -> Sampling | None:
    """Prepare the samples of a picture; None where nothing is compared with them."""
    if not settings.samples_styles:
        styles, style_masks = [], []
    is_content = content is not None and settings.content_loss == "self-similarity" and settings.content_weight
    if not (styles or is_content):
        return None
    regions: list[Any] = [None]
    shares, blended = [1.0], settings.blend_shares(len(styles)) if styles else []
    if masks and styles:
        rest = guides.outside(masks) if is_content else None  # it has no style
        regions = [*masks] if rest is None else [*masks, rest]
        areas = guides.divided([guides.members(region).astype(np.float32) for region in regions])
        shares = [guides.share(area) for area in areas]  # the content counts fully under grey masks too
        blended = [guides.share(part) for part in guides.divided(masks)]
    activations = encoder.params.architecture.activations
    joint, split = _styles_of_samples(encoder, styles, style_masks, blended, settings, tile)
    return Sampling(
        settings.sampled_layers,
        {layer: activations[layer].stride for layer in settings.sampled_layers},
        settings.seed,
        regions=tuple(regions),
        shares=tuple(shares) if is_content else (),
        content=_maps(encoder, content, settings, tile) if is_content else {},
        styles=joint,
        split=split,
        pool_padding=settings.pool_padding,
    )


def _styles_of_samples(
    encoder: Encoder,
    styles: Sequence[Any],
    style_masks: Sequence[Any] | None,
    shares: Sequence[float],
    settings: Settings,
    tile: int | None,
) -> tuple[tuple[JointStyle, ...], tuple[SplitStyle, ...]]:
    """Draw and prepare the samples of the styles, joined or layer by layer as `style_loss` says."""
    layers, activations = settings.sampled_layers, encoder.params.architecture.activations
    strides = {layer: activations[layer].stride for layer in layers}
    joint, split = list[JointStyle](), list[SplitStyle]()
    for index, (style, mask, share) in enumerate(zip(styles, style_masks or [None] * len(styles), shares, strict=True)):
        key, shape = (settings.seed, index), (int(style.shape[1]), int(style.shape[2]))
        maps = _maps(encoder, style, settings, tile)
        if settings.style_loss == "remd":
            drawn = Drawn((draw(key, shape, mask, STYLE_COUNT),))
            joint.append(samples.joint_style(share, samples.samples_of(maps, drawn, strides).joint[0], layers))
        else:
            # Differs from Kolkin et al. (2022), who draw the style's positions anew at each step too.
            drawn = Drawn(split=(draw_split(key, shape, mask, strides, settings.pool_padding),))
            found = samples.samples_of(maps, drawn, strides).split[0]
            split.append(SplitStyle(tf.constant(share, tf.float64), found))
    return tuple(joint), tuple(split)


def _maps(encoder: Encoder, picture: Any, settings: Settings, tile: int | None) -> dict[str, tf.Tensor]:
    """Compute the features that are sampled, and give the colours beside them."""
    features, _ = maps_and_moments(encoder, picture, list(settings.sampled_layers), [], settings, tile)
    return {
        samples.COLORS: tf.constant(picture) / 255,
        **{layer: tf.constant(features.pop(layer)) for layer in [*features]},  # so that one layer alone is there twice
    }


def _prepare(found: dict[str, Moments], settings: Settings) -> dict[str, Moments | Gaussian]:
    if settings.statistic == "wasserstein":
        return {layer: gaussian(each) for layer, each in found.items()}
    return dict(found)


class _Style(NamedTuple):
    """The features of a style picture: the moments of each layer, and the columns of places that are looked through."""

    moments: dict[str, Moments]
    columns: Columns


def _style(
    encoder: Encoder,
    style: Any,
    mask: Any,
    settings: Settings,
    cache: MutableMapping[Any, Any],
    tile: int | None,
) -> _Style:
    """Compute the features of a style picture, but for moments that the cache has."""
    settled = (settings.pooling, settings.pool_padding, settings.padding, settings.preprocessing)
    scaled = (settings.layer_scaling, *settings.moment_layers)
    key = (_hash(style), None if mask is None else _hash(mask), encoder.params, encoder.precision, settled, scaled)
    where = {} if mask is None else _guides(encoder, mask, settings)
    height, width = map(int, style.shape[1:3])
    columns = StyleColumns(encoder, (height, width), mask, settings)
    regions = [] if key in cache else [where]
    layers = [*(settings.moment_layers if regions else ()), *settings.matched_layers]

    def look(box: Box, maps: Maps) -> tuple[dict[str, Moments], ...]:
        columns.take(maps, box)
        return moments_of_tile(encoder, maps, box, (height, width), regions, settings)

    if regions or layers:
        found = added(look(*each) for each in maps_by_tile(encoder, style, layers, tile))
        if regions:
            (cache[key],) = found
    if overflowing := [layer for layer, each in cache[key].items() if not np.isfinite(each.second).all()]:
        raise FloatingPointError(f"the loss is no number: {', '.join(overflowing)} overflow with these weights")
    return _Style(cache[key], columns.table)


def _guides(encoder: Encoder, mask: Mask, settings: Settings) -> Guides:
    activations = encoder.params.architecture.activations
    return {
        layer: tf.constant(guides.guide(mask, activations[layer], pool_padding=settings.pool_padding))
        for layer in settings.moment_layers
    }


def _hash(array: Any) -> tuple[Any, str]:
    values = np.ascontiguousarray(array)
    return values.shape, hashlib.sha256(values.tobytes()).hexdigest()
