"""The targets of a scale, computed before its first step: content features, style statistics, matches, samples."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from myvgg.architecture import PoolPadding
from myvgg.nst import guides, matching, samples, tiles
from myvgg.nst.cells import STYLE_COUNT, shape_of_cells
from myvgg.nst.criterion import added, counts_of, features_of, statistics, weigh
from myvgg.nst.encoder import Encoder
from myvgg.nst.guides import Mask
from myvgg.nst.losses import Gaussian, Moments, gaussian
from myvgg.nst.matching import Match
from myvgg.nst.places import Drawn, draw, draw_split
from myvgg.nst.samples import JointStyle, Sampling, SplitStyle
from myvgg.nst.settings import Settings
from myvgg.nst.stages import Guides, Region, Sums, Targets


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
        source: The picture whose places look for their matches, of the content's shape; the content by default.
        masks: The region of the content's shape that each style is for; by default all are blended everywhere.
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
    matches = _matches(encoder, content if source is None else source, columns, settings, masks, tile)
    sampling = (
        _sampling(encoder, content, styles, settings, masks, style_masks, tile) if settings.sampled_layers else None
    )
    found = [each.moments for each in seen] if settings.statistic else []
    regions = _regions(encoder, found, masks, settings)
    balance = regions if settings.balance and settings.moment_layers else ()
    layers = list(settings.compared_layers) if settings.content_weight else []
    targets = Targets({}, regions, matches, sampling=sampling, content_weight=settings.content_weight)
    if content is None or not (layers or balance):
        return targets
    features, moments = _features(encoder, content, settings, layers, [region.guides for region in balance], tile)
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


def _matches(
    encoder: Encoder,
    source: Any,
    places: Sequence[np.ndarray],
    settings: Settings,
    masks: Sequence[Mask] | None,
    tile: int | None,
) -> tuple[Match, ...]:
    """Find the place of each style that each cell of a picture is most like.

    Without a picture to look from, and without styles, there are none. Several styles without masks are all matched
    everywhere, by their shares.
    """
    if source is None or not places:
        return ()
    padding, (height, width) = settings.pool_padding, source.shape[1:3]
    rows, columns = shape_of_cells(height, width, padding)
    if masks:
        parts = [guides.share(mask) * _normalised(_of_cells(mask, padding)) for mask in masks]
    else:
        shares = settings.blend_shares(len(places))
        parts = [np.full([rows, columns], share / (rows * columns)) for share in shares]
    features, _ = _features(encoder, source, settings, list(settings.matched_layers), [], tile)
    given, channels = _columns(encoder, features, settings, height, width), _channels(encoder, settings)
    found = []
    for weights, style in zip(parts, places, strict=True):
        nearest = matching.nearest(given, style).reshape(rows, columns)
        found.append(Match(np.asarray(weights, np.float32), nearest, matching.tables_of(style, channels)))
    return tuple(found)


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
    if settings.style_loss not in ("remd", "split"):
        styles, style_masks = [], []
    is_content = content is not None and settings.content_loss == "self-similarity" and settings.content_weight
    if not (styles or is_content):
        return None
    regions = list[Mask | None](masks if masks and styles else [None])
    shares = [1.0 if region is None else guides.share(region) for region in regions]
    blended = [] if not styles else shares if masks else settings.blend_shares(len(styles))
    layers, activations = settings.sampled_layers, encoder.params.architecture.activations
    strides = {layer: activations[layer].stride for layer in layers}
    joint, split = list[JointStyle](), list[SplitStyle]()
    for index, (style, mask, share) in enumerate(
        zip(styles, style_masks or [None] * len(styles), blended, strict=True)
    ):
        key, size = (settings.seed, index), (int(style.shape[1]), int(style.shape[2]))
        maps = _maps(encoder, style, settings, tile)
        if settings.style_loss == "remd":
            drawn = Drawn((draw(key, size, mask, STYLE_COUNT),))
            joint.append(samples.joint_style(share, samples.samples_of(maps, drawn, strides).joint[0], layers))
        else:
            # Differs from Kolkin et al. (2022), who draw the style's positions anew at each step too.
            drawn = Drawn(split=(draw_split(key, size, mask, strides, settings.pool_padding),))
            found = samples.samples_of(maps, drawn, strides).split[0]
            split.append(SplitStyle(tf.constant(share, tf.float64), found))
    content_maps = _maps(encoder, content, settings, tile) if is_content else {}
    weights = tuple(shares) if is_content else ()
    return Sampling(
        layers,
        strides,
        settings.seed,
        regions=tuple(regions),
        shares=weights,
        content=content_maps,
        styles=tuple(joint),
        split=tuple(split),
        pool_padding=settings.pool_padding,
    )


def _maps(encoder: Encoder, picture: Any, settings: Settings, tile: int | None) -> dict[str, tf.Tensor]:
    """Compute the features that are sampled, and give the colours beside them."""
    features, _ = _features(encoder, picture, settings, list(settings.sampled_layers), [], tile)
    return {
        samples.COLORS: tf.constant(picture) / 255,
        **{layer: tf.constant(maps) for layer, maps in features.items()},
    }


def _columns(encoder: Encoder, features: Mapping[str, Any], settings: Settings, height: int, width: int) -> np.ndarray:
    """Return the columns of all cells of a picture, as rows."""
    padding, activations = settings.pool_padding, encoder.params.architecture.activations
    shape = shape_of_cells(height, width, padding)
    parts = {
        layer: matching.column_part(tf.constant(features[layer]), activations[layer].stride, *shape, padding)
        for layer in settings.matched_layers
    }
    return matching.columns_of(parts, matching.factors_of(settings.matched_layers, _channels(encoder, settings)))


def _channels(encoder: Encoder, settings: Settings) -> dict[str, int]:
    return {layer: encoder.params.architecture.activations[layer].channels for layer in settings.matched_layers}


def _normalised(weights: np.ndarray) -> np.ndarray:
    return np.asarray(weights / max(weights.sum(), np.finfo(np.float32).tiny))


def _of_cells(mask: Mask, padding: PoolPadding) -> np.ndarray:
    """Return the mean of a mask in each cell."""
    maps, (height, width) = tf.constant(mask[np.newaxis, :, :, np.newaxis]), mask.shape
    shape = shape_of_cells(height, width, padding)
    return np.asarray(matching.column_part(maps, 1, *shape, padding)[0, :, :, 0])


def _prepare(found: dict[str, Moments], settings: Settings) -> dict[str, Moments | Gaussian]:
    if settings.statistic == "wasserstein":
        return {layer: gaussian(each) for layer, each in found.items()}
    return dict(found)


class _Style(NamedTuple):
    """The features of a style picture: the moments of each layer, and the columns of places that are looked through."""

    moments: dict[str, Moments]
    columns: np.ndarray


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
    layers, where = list(settings.matched_layers), {} if mask is None else _guides(encoder, mask, settings)
    if key not in cache or layers:
        features, moments = _features(encoder, style, settings, layers, [] if key in cache else [where], tile)
        if moments:
            cache[key] = moments[0]
    if overflowing := [layer for layer, each in cache[key].items() if not np.isfinite(each.second).all()]:
        raise FloatingPointError(f"the loss is no number: {', '.join(overflowing)} overflow with these weights")
    if not layers:
        return _Style(cache[key], np.empty([0, 0]))
    columns = _columns(encoder, features, settings, *style.shape[1:3])
    return _Style(
        cache[key], matching.candidates(columns, None if mask is None else _of_cells(mask, settings.pool_padding))
    )


def _features(
    encoder: Encoder,
    picture: Any,
    settings: Settings,
    layers: Sequence[str],
    regions: Sequence[Guides],
    tile: int | None,
) -> tuple[dict[str, Any], tuple[dict[str, Moments], ...]]:
    """Compute features of some layers of a picture, and the moments of the style layers in each region.

    Features of tiles are put together as NumPy's.
    """
    architecture, (height, width) = encoder.params.architecture, picture.shape[1:3]
    style = settings.moment_layers if regions else {}
    positions = counts_of(architecture, [*layers, *style], height, width, settings).positions
    strides = {layer: architecture.activations[layer].stride for layer in positions}
    shape = functools.partial(architecture.shape, height=height, width=width, pool_padding=settings.pool_padding)
    whole: dict[str, np.ndarray] = {}
    sums: Any = None
    cut = tiles.cut(height, width, tile, architecture, positions)
    for each in cut:
        inside = None if len(cut) == 1 else each.inside
        features = features_of(encoder, tf.constant(picture[:, *tiles.window(each.outer)]), positions, inside)
        inner = {layer: tiles.window(each.box, stride) for layer, stride in strides.items()}
        where = [{layer: guide[inner[layer]] for layer, guide in guides.items()} for guides in regions]
        found = statistics(features, style, where, positions)
        if len(cut) == 1:
            return {layer: features[layer] for layer in layers}, found
        sums = found if sums is None else added([sums, found])
        for layer in layers:
            if layer not in whole:
                whole[layer] = np.empty([1, *shape(layer)], features[layer].dtype.as_numpy_dtype)
            whole[layer][:, *inner[layer]] = features[layer]
    return whole, sums


def _guides(encoder: Encoder, mask: Mask, settings: Settings) -> Guides:
    activations = encoder.params.architecture.activations
    return {
        layer: tf.constant(guides.guide(mask, activations[layer], pool_padding=settings.pool_padding))
        for layer in settings.moment_layers
    }


def _hash(array: Any) -> tuple[Any, str]:
    values = np.ascontiguousarray(array)
    return values.shape, hashlib.sha256(values.tobytes()).hexdigest()
