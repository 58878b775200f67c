"""Columns of pictures in tiles: the same matches as of whole pictures, without all columns in memory."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from myvgg.architecture import PoolPadding
from myvgg.nst import Settings, matching, stylize
from myvgg.nst.encoder import Encoder
from myvgg.nst.hypercolumns import StyleColumns, find_matches
from myvgg.nst.maps import maps_by_tile
from myvgg.nst.settings import Layers
from myvgg.nst.targets import make_targets
from myvgg.params import Params, random

DEEP = Settings(style_loss="neighbors", match_layers=Layers("relu1_1=2,relu3_1=1"), precision="float32")


def picture(height: int, width: int, seed: int) -> tf.Tensor:
    """Draw noise in blocks of 3 x 3 pixels, 0 to 255."""
    coarse = np.random.default_rng(seed).uniform(0, 255, (1, -(-height // 3), -(-width // 3), 3))
    return tf.constant(coarse.repeat(3, 1).repeat(3, 2)[:, :height, :width], tf.float32)


def channels(params: Params) -> int:
    """Count the numbers of a column."""
    return sum(params.architecture.activations[layer].channels for layer in DEEP.matched_layers)


def columns_of(encoder: Encoder, style: tf.Tensor, settings: Settings, tile: int | None) -> np.ndarray:
    """Collect the columns of a style."""
    height, width = map(int, style.shape[1:3])
    found = StyleColumns(encoder, (height, width), None, settings)
    for box, maps in maps_by_tile(encoder, style, settings.matched_layers, tile):
        found.take(maps, box)
    return found.table


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("most", [50, 10**6])
def test_tiles_have_the_columns_and_matches_of_the_whole(
    padding: PoolPadding, most: int, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At odd sizes too, cells of tiles have the columns of the whole picture, and find the same places."""
    monkeypatch.setattr(matching, "MAX_CANDIDATES", most)
    settings = replace(DEEP, pool_padding=padding)
    encoder, given, style = Encoder(params, settings), picture(93, 70, 1), picture(75, 90, 2)
    styles = [columns_of(encoder, style, settings, tile) for tile in (None, 16)]
    cells = (-(-75 // 4) * -(-90 // 4)) if padding == "same" else 75 // 4 * (90 // 4)
    assert styles[0].shape == (min(most, cells), channels(params))
    assert_allclose(styles[1], styles[0], rtol=1e-4, atol=1e-5)
    whole, tiled = (find_matches(encoder, given, styles[:1], settings, None, tile)[0] for tile in (None, 16))
    assert len(np.unique(whole.nearest)) > 10
    assert (tiled.nearest == whole.nearest).all()
    assert (tiled.weights == whole.weights).all()


def test_tiles_have_the_targets_of_the_whole_with_masks(params: Params) -> None:
    """Regions, parts of styles and statistics that are known already make no difference to tiles."""
    settings = replace(DEEP, style_loss="wasserstein+neighbors", style_layers=Layers("relu2_1"))
    encoder, given, styles = Encoder(params, settings), picture(64, 70, 1), [picture(75, 90, 2), picture(48, 64, 3)]
    left, part = np.zeros((64, 70), np.float32), np.zeros((75, 90), np.float32)
    left[:, :30], part[:40, 8:] = 1, 1
    found, cache = [], dict[Any, Any]()
    for tile in (None, 16, 16):
        masks, style_masks = [left, 1 - left], [part, None]
        targets = make_targets(
            encoder, given, styles, settings, masks=masks, style_masks=style_masks, tile=tile, cache=cache
        )
        found.append(targets)
        if len(found) == 1:
            cache.clear()
    assert [len(match.tables["relu1_1"]) for match in found[0].matches] == [10 * 20, 12 * 16]
    for other in found[1:]:
        for one, two in zip(found[0].matches, other.matches, strict=True):
            assert (one.nearest == two.nearest).all()
            assert (one.weights == two.weights).all()
        for own, its in zip(found[0].regions, other.regions, strict=True):
            assert_allclose(own.style["relu2_1"].mean, its.style["relu2_1"].mean, rtol=1e-5)


def test_a_part_of_the_style_beyond_the_cells_takes_the_last_ones(params: Params) -> None:
    """A mask of the rows that are left over below the cells of four pixels chooses the cells above them."""
    mask = np.zeros((67, 80), np.float32)
    mask[64:, 40:] = 1
    assert len(StyleColumns(Encoder(params, DEEP), mask.shape, mask, DEEP).table) == 10


def test_pictures_without_a_cell_are_refused(params: Params) -> None:
    """Where layers are matched, a picture has four pixels a side at least, unless pools keep odd rows."""
    shallow = replace(DEEP, match_layers=Layers("relu1_1"), content_layers=Layers("relu1_1"), size=27, iterations=1)
    narrow = r"the content picture is too narrow: 3 x 27 pixels .* the layers need 4 .*size$"
    with pytest.raises(ValueError, match=narrow):
        stylize(np.zeros((27, 3, 3), np.uint8), np.zeros((9, 9, 3), np.uint8), shallow, params=params)
    kept = replace(shallow, pool_padding="same")
    found = stylize(np.zeros((27, 3, 3), np.uint8), np.zeros((3, 2, 3), np.uint8), kept, params=params).image
    assert found.shape == (27, 3, 3)


def test_columns_of_a_large_picture_are_never_held_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """In tiles, the memory for columns is that of a tile."""
    monkeypatch.setattr(matching, "MAX_CANDIDATES", 100)
    params, settings = random(include_top=False), replace(DEEP, layer_scaling="none")
    encoder, given = Encoder(params, settings), picture(256, 256, 1).numpy()
    style = columns_of(encoder, picture(64, 64, 2), settings, None)
    peaks = []
    for tile in (None, 32):
        tracemalloc.start()
        find_matches(encoder, given, [style], settings, None, tile)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    whole = 64 * 64 * channels(params) * 4
    assert peaks[0] > whole
    assert peaks[1] < whole / 4
