"""Matching by meaning: cells, the places that are most alike, and the loss with its gradient, by NumPy's loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from myvgg.architecture import CONFIGURATION_E, PoolPadding
from myvgg.nst import Settings, cells, matching
from myvgg.nst.encoder import Encoder
from myvgg.nst.matching import Match
from myvgg.nst.settings import Layers
from myvgg.nst.targets import make_targets
from myvgg.params import Params

RNG = np.random.default_rng(0)
SHALLOW = Settings(style_loss="neighbors", match_layers=Layers("relu1_1=2,relu2_1=1"), precision="float32")


def cell_reference(maps: np.ndarray, stride: int, rows: int, columns: int) -> np.ndarray:
    """Return the means of the positions in each cell, by halves, or the nearest position that covers it."""
    while stride < 4:
        halves = range(rows * 2 if stride == 1 else rows), range(columns * 2 if stride == 1 else columns)
        blocks = [
            [maps[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] for column in halves[1]] for row in halves[0]
        ]
        maps = np.array([[block.mean((0, 1)) for block in line if block.size] for line in blocks if line[0].size])
        stride *= 2
    found = np.zeros((rows, columns, maps.shape[-1]))
    for row, column in np.ndindex(rows, columns):
        times = stride // 4
        found[row, column] = maps[min(row // times, len(maps) - 1), min(column // times, maps.shape[1] - 1)]
    return found


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 16])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (37, 54), (16, 27)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_maps_of_all_strides_come_to_the_same_cells(stride: int, height: int, width: int, padding: PoolPadding) -> None:
    """Finer maps are averaged in each cell, coarser ones repeated, at odd sizes too."""
    rounded = (lambda side: -(-side // stride)) if padding == "same" else (lambda side: side // stride)
    maps = RNG.standard_normal((rounded(height), rounded(width), 3))
    rows, columns = cells.shape_of_cells(height, width, padding)
    assert (rows, columns) == tuple(-(-side // 4) if padding == "same" else side // 4 for side in (height, width))
    found = matching.column_part(tf.constant(maps[None]), stride, rows, columns, padding)[0]
    assert_allclose(found, cell_reference(maps, stride, rows, columns), atol=1e-12)


def loss_reference(parts: dict[str, np.ndarray], match: Match) -> float:
    """Return the weighted sum of 1 - cos over the cells."""
    total = 0.0
    for row, column in np.ndindex(match.weights.shape):
        own = np.concatenate([parts[layer][0, row, column] for layer in parts])
        wanted = np.concatenate([match.tables[layer][match.nearest[row, column]] for layer in parts])
        cosine = own @ wanted / np.sqrt(own @ own) / np.sqrt(wanted @ wanted)
        total += match.weights[row, column] * (1 - cosine)
    return total


def test_the_loss_and_its_gradient_are_those_of_loops() -> None:
    """The value agrees with NumPy's loops in float64, the gradient with differences of that value."""
    parts = {"a": RNG.standard_normal((1, 2, 3, 4)), "b": RNG.standard_normal((1, 2, 3, 5))}
    columns = RNG.standard_normal((7, 9))
    columns /= np.linalg.norm(columns, axis=1, keepdims=True)
    match = Match(RNG.uniform(0, 1, (2, 3)), RNG.integers(0, 7, (2, 3)), {"a": columns[:, :4], "b": columns[:, 4:]})
    tensors = {layer: tf.constant(part) for layer, part in parts.items()}
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        loss = matching.matching_loss(tensors, match)
    assert float(loss) == pytest.approx(loss_reference(parts, match), rel=1e-10)
    gradient = tape.gradient(loss, tensors)
    for layer, part in parts.items():
        for place in np.ndindex(part.shape):
            values = []
            for step in (-1e-5, 1e-5):
                moved = part.copy()
                moved[place] += step
                values.append(loss_reference({**parts, layer: moved}, match))
            assert float(gradient[layer][place]) == pytest.approx((values[1] - values[0]) / 2e-5, abs=1e-8)


def test_a_column_without_features_has_a_gradient() -> None:
    """Cells in which all features are zero neither divide by zero nor make the gradient infinite."""
    match = Match(np.ones((1, 1), np.float32), np.zeros((1, 1), np.int32), {"a": tf.constant([[1.0, 0.0]])})
    part = tf.zeros([1, 1, 1, 2])
    with tf.GradientTape() as tape:
        tape.watch(part)
        loss = matching.matching_loss({"a": part}, match)
    assert float(loss) == 1
    assert np.isfinite(tape.gradient(loss, part)).all()


def test_the_nearest_place_has_the_largest_centred_cosine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each column finds the place that a loop finds, though they are searched a few at once."""
    monkeypatch.setattr(matching, "CELLS_AT_ONCE", 7)
    given, style = (RNG.standard_normal((count, 5)).astype(np.float32) + 3 for count in (30, 20))
    expected = []
    for each in given - given.mean(0):
        cosines = [each @ place / np.linalg.norm(each) / np.linalg.norm(place) for place in style - style.mean(0)]
        expected.append(int(np.argmax(cosines)))
    assert matching.nearest(given, style, given.mean(0)).tolist() == expected
    uncentred = (given / np.linalg.norm(given, axis=1, keepdims=True)) @ style.T / np.linalg.norm(style, axis=1)
    assert uncentred.argmax(1).tolist() != expected


def test_columns_weigh_layers_by_their_shares() -> None:
    """Features of a root mean square of one make columns whose layers have squared lengths as their shares say."""
    shares, channels = {"relu3_1": 0.75, "relu4_1": 0.25}, {"relu3_1": 256, "relu4_1": 512}
    maps = {
        layer: tf.constant(RNG.choice([-1.0, 1.0], (1, size, size, channels[layer])), tf.float32)
        for layer, size in (("relu3_1", 6), ("relu4_1", 3))
    }
    columns = matching.columns_of(matching.column_parts(maps, shares, CONFIGURATION_E, 6, 6, "valid"))
    assert_allclose(np.square(columns[:, :256]).sum(1), 0.75, rtol=1e-6)
    assert_allclose(np.square(columns[:, 256:]).sum(1), 0.25, rtol=1e-6)
    tables = matching.tables_of(columns, channels)
    assert_allclose(np.hstack([*tables.values()]), columns, rtol=1e-6)


def test_candidates_are_inside_of_the_mask_and_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only cells of the style's part count; of many, the same ones are taken each time."""
    mask, everywhere = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4), np.ones((3, 4), np.float32)
    assert matching.candidates(mask).tolist() == [6, 7, 8, 9, 10, 11]
    monkeypatch.setattr(matching, "MAX_CANDIDATES", 5)
    chosen = matching.candidates(everywhere).tolist()
    assert len({*chosen}) == 5
    assert chosen == sorted(chosen) == matching.candidates(everywhere).tolist()


@pytest.mark.parametrize("tile", [None, 16])
def test_matches_are_the_patches_that_were_moved(tile: int | None, params: Params) -> None:
    """Where the content is the style with two halves changed about, each cell finds the place that it came from."""
    style = RNG.uniform(0, 255, (1, 64, 96, 3)).astype(np.float32)
    content = np.concatenate([style[:, :, 48:], style[:, :, :48]], axis=2)
    encoder = Encoder(params, SHALLOW)
    targets = make_targets(encoder, tf.constant(content), [tf.constant(style)], SHALLOW, tile=tile)
    (match,) = targets.matches
    rows, columns = np.divmod(np.asarray(match.nearest), 24)
    inner = (slice(None), [*range(1, 11), *range(13, 23)])  # borders and the seam have other surroundings
    assert (rows[inner] == np.arange(16)[:, None]).all()
    assert (columns[inner] == ((np.arange(24) + 12) % 24)[None, inner[1]]).all()
    assert float(np.sum(match.weights)) == pytest.approx(1)
    assert targets.regions == ()


def test_regions_look_in_their_styles_only(params: Params) -> None:
    """Each mask's cells are matched in its style, and a style's mask keeps its other half out."""
    one, two, content = (tf.constant(RNG.uniform(0, 255, (1, 32, 48, 3)), tf.float32) for _ in range(3))
    left, half = np.zeros((32, 48), np.float32), np.zeros((32, 48), np.float32)
    left[:, :24], half[:16] = 1, 1
    encoder = Encoder(params, SHALLOW)
    first, second = make_targets(
        encoder, content, [one, two], SHALLOW, masks=[left, 1 - left], style_masks=[half, None]
    ).matches
    assert (np.asarray(first.weights)[:, 6:] == 0).all()
    assert (np.asarray(second.weights)[:, :6] == 0).all()
    assert float(np.sum(first.weights)) == pytest.approx(0.5)
    assert len(first.tables["relu1_1"]) == 48
    assert len(second.tables["relu1_1"]) == 96


def test_several_styles_are_matched_by_their_shares(params: Params) -> None:
    """Without masks, the loss is the mean of the losses of each style, by the shares of the blend."""
    content, one, two = (tf.constant(RNG.uniform(0, 255, (1, 32, 32, 3)), tf.float32) for _ in range(3))
    encoder, settings = Encoder(params, SHALLOW), replace(SHALLOW, style_blend=(3.0, 1.0))
    matches = make_targets(encoder, content, [one, two], settings).matches
    assert [float(np.sum(match.weights)) for match in matches] == pytest.approx([0.75, 0.25])


def test_without_content_the_source_is_matched(params: Params) -> None:
    """A texture looks for the places of its own picture so far; without any picture there is nothing to look for."""
    picture, style = (tf.constant(RNG.uniform(0, 255, (1, 32, 32, 3)), tf.float32) for _ in range(2))
    encoder = Encoder(params, SHALLOW)
    (match,) = make_targets(encoder, None, [style], SHALLOW, source=picture).matches
    (expected,) = make_targets(encoder, picture, [style], SHALLOW).matches
    assert np.array_equal(match.nearest, expected.nearest)
    assert make_targets(encoder, None, [style], SHALLOW).matches == ()


def test_layers_to_match_must_be_there() -> None:
    """Matching without layers is refused, and settings without matching have none."""
    with pytest.raises(ValueError, match="match_layers must not be empty where style_loss is neighbors"):
        Settings(style_loss="neighbors", match_layers=Layers())
    assert Settings(style_loss="gram").matched_layers == {}
    assert Settings(style_loss="wasserstein+neighbors").statistic == "wasserstein"
    assert Settings(style_loss="neighbors", content_layers=Layers("relu1_1")).layers == [
        "relu1_1",
        "relu3_1",
        "relu4_1",
    ]
