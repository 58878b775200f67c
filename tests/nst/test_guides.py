"""Masks become regions that share the pixels, and weights of exactly those positions that see them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from myvgg import features
from myvgg.architecture import CONFIGURATION_E, Activation, Architecture
from myvgg.nst.guides import divided, feather, guide, members, outside, regions, share, touched
from myvgg.params import LayerParams, Params

ROUNDING = 1.2e-7
"""Of one float32, relative; everything before the last step is float64."""

ACTIVATIONS = CONFIGURATION_E.activations


def draw(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return a soft mask with holes."""
    return np.random.default_rng(seed).uniform(-0.5, 1, (height, width)).clip(0).astype(np.float32)


def pixel(height: int, width: int, y: int, x: int) -> np.ndarray:
    """Return the mask of one pixel."""
    mask = np.zeros((height, width), np.float32)
    mask[y, x] = 1
    return mask


def ones(height: int, width: int) -> np.ndarray:
    """Return the mask of everything."""
    return np.ones((height, width), np.float32)


def guide_reference(mask: np.ndarray, activation: Activation, pool_padding: str) -> np.ndarray:
    """Average a triangle around each position's centre, position by position and pixel by pixel."""
    stride, reach = activation.stride, (activation.receptive_field + 1) / 2
    rounded = math.ceil if pool_padding == "same" else math.floor
    shares = np.zeros([rounded(size / stride) for size in mask.shape])
    for i, j in np.ndindex(shares.shape):
        above = below = 0.0
        for y, x in np.ndindex(mask.shape):
            tall = max(0, 1 - abs(y - (i + 0.5) * stride + 0.5) / reach)
            wide = max(0, 1 - abs(x - (j + 0.5) * stride + 0.5) / reach)
            above += tall * wide * float(mask[y, x])
            below += tall * wide
        shares[i, j] = above / below
    return shares**2 / sum(share**2 for share in shares.flat)


@pytest.mark.slow
@pytest.mark.parametrize("pool_padding", ["valid", "same"])
@pytest.mark.parametrize("layer", ["conv1_1", "relu1_2", "pool1", "relu2_1", "pool2", "relu3_1", "relu4_1", "relu5_1"])
@pytest.mark.parametrize("shape", [(16, 16), (17, 31), (35, 18)], ids=["even", "odd", "high"])
def test_weights_are_squared_shares_of_the_receptive_field(
    shape: tuple[int, int], layer: str, pool_padding: str
) -> None:
    """Weights are those of the definition, also where the field is larger than the picture."""
    mask = draw(*shape)
    expected = guide_reference(mask, ACTIVATIONS[layer], pool_padding)
    actual = guide(mask, ACTIVATIONS[layer], pool_padding=pool_padding)
    assert actual.dtype == np.float32
    assert actual.shape == expected.shape
    assert np.allclose(actual, expected, rtol=ROUNDING, atol=0)


@pytest.mark.parametrize("layer", ["relu1_1", "pool1", "relu3_1", "pool5"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (7, 1), (2, 3)])
def test_the_smallest_pictures_have_weights(shape: tuple[int, int], layer: str) -> None:
    """With padded pools there is no smallest size."""
    mask = draw(*shape) + np.float32(0.1)
    expected = guide_reference(mask, ACTIVATIONS[layer], "same")
    assert np.allclose(guide(mask, ACTIVATIONS[layer], pool_padding="same"), expected, rtol=ROUNDING, atol=0)


@pytest.mark.parametrize("pool_padding", ["valid", "same"])
@pytest.mark.parametrize("layer", ["relu1_1", "relu2_1", "pool3", "relu4_2", "relu5_1"])
def test_a_mask_of_everything_weighs_all_positions_alike(layer: str, pool_padding: str) -> None:
    """Guided statistics of the whole picture are those without a guide."""
    weights = guide(ones(53, 38), ACTIVATIONS[layer], pool_padding=pool_padding)
    expected = CONFIGURATION_E.shape(layer, 53, 38, pool_padding=pool_padding)[:2]
    assert weights.shape == expected
    assert np.allclose(weights, 1 / weights.size, rtol=ROUNDING, atol=0)


@pytest.mark.parametrize("layer", ["relu1_1", "pool1", "relu2_2", "pool2", "relu3_1", "relu4_1"])
@pytest.mark.parametrize("pool_padding", ["valid", "same"])
def test_a_position_counts_the_pixels_that_the_network_lets_it_see(
    tiny: Architecture, tiny_params: Params, layer: str, pool_padding: str
) -> None:
    """The pixels that move a position of the network, by its gradient, are those whose masks give it weight."""
    height, width = 93, 119
    activation = tiny.activations[layer]
    stride, field = activation.stride, activation.receptive_field
    i, j = 44 // stride, 61 // stride
    moved = np.any(gradient(tiny_params, layer, i, j, height, width, pool_padding) != 0, axis=-1)
    rows, columns = moved.any(axis=1), moved.any(axis=0)
    y, x = round((i + 0.5) * stride - 0.5), round((j + 0.5) * stride - 0.5)

    def weight(mask: np.ndarray) -> float:
        return guide(mask, activation, pool_padding=pool_padding)[i, j]

    assert np.array_equal(moved, np.outer(rows, columns))
    assert [weight(pixel(height, width, p, x)) > 0 for p in range(height)] == rows.tolist()
    assert [weight(pixel(height, width, y, p)) > 0 for p in range(width)] == columns.tolist()
    assert rows.sum() == columns.sum() == field
    assert np.flatnonzero(rows).mean() == (i + 0.5) * stride - 0.5
    assert np.flatnonzero(columns).mean() == (j + 0.5) * stride - 0.5


def gradient(params: Params, layer: str, i: int, j: int, height: int, width: int, pool_padding: str) -> np.ndarray:
    """Differentiate one position of a layer; no kernel is negative, so that no rectification hides a pixel."""
    layers = {name: LayerParams(np.abs(kernel), np.abs(bias)) for name, (kernel, bias) in params.layers.items()}
    params = replace(params, layers=layers)
    x = tf.ones([1, height, width, 3])
    with tf.GradientTape() as tape:
        tape.watch(x)
        maps = features(params, x, [layer], pooling="avg", pool_padding=pool_padding)[layer]
        seen = tf.reduce_sum(maps[0, i, j])
    return tape.gradient(seen, x).numpy()[0]


@pytest.mark.parametrize("pool_padding", ["valid", "same"])
@pytest.mark.parametrize("layer", ["relu1_1", "relu2_1", "relu3_1", "relu4_1"])
def test_complementary_halves_have_mirrored_weights(layer: str, pool_padding: str) -> None:
    """Neither side is preferred."""
    left = np.zeros((24, 48), np.float32)
    left[:, :24] = 1
    of_left = guide(left, ACTIVATIONS[layer], pool_padding=pool_padding)
    of_right = guide(1 - left, ACTIVATIONS[layer], pool_padding=pool_padding)
    assert np.allclose(of_left[:, ::-1], of_right, rtol=ROUNDING, atol=0)
    assert of_left[0, 0] > of_left[0, -1]


def test_height_and_width_are_treated_alike() -> None:
    """A turned mask has turned weights."""
    mask = draw(29, 43)
    expected = guide(mask, ACTIVATIONS["relu3_1"]).T
    assert np.allclose(guide(mask.T, ACTIVATIONS["relu3_1"]), expected, rtol=ROUNDING, atol=0)


def test_a_half_mask_weighs_a_quarter() -> None:
    """Weights are squared shares: far from the edge, half a mask counts 1/4, a quarter 1/16."""
    mask = np.repeat(np.float32([1, 0.5, 0.25]), 60)[None].repeat(8, axis=0)
    weights = guide(mask, ACTIVATIONS["relu3_1"])
    inside = weights[:, [7, 22, 37]]  # the middles of the thirds, which see 24 pixels
    assert np.allclose(inside / inside[:, :1], [1, 1 / 4, 1 / 16], rtol=2 * ROUNDING, atol=0)


@pytest.mark.parametrize("layer", ["relu1_1", "pool1", "relu2_1", "relu3_1", "relu4_1"])
def test_every_single_pixel_has_weights(layer: str) -> None:
    """The smallest region is seen at every place, also in rows and columns that a pool drops."""
    for y, x in [*np.ndindex(31, 2), *np.ndindex(2, 23), (30, 22)]:
        weights = guide(pixel(31, 23, y, x), ACTIVATIONS[layer])
        assert weights.min() >= 0
        assert weights.sum(dtype=np.float64) == pytest.approx(1, rel=ROUNDING)


@pytest.mark.parametrize("layer", ["relu1_1", "pool1", "relu2_1", "relu3_1", "relu4_1"])
def test_the_weights_of_a_pixel_are_around_it(layer: str) -> None:
    """The position in whose cell a pixel lies has most weight, and those that do not see the pixel have none."""
    activation = ACTIVATIONS[layer]
    weights = guide(pixel(161, 243, 77, 130), activation)
    assert np.unravel_index(weights.argmax(), weights.shape) == (77 // activation.stride, 130 // activation.stride)
    rows, columns = (np.flatnonzero(weights.any(axis=axis)) for axis in (1, 0))
    assert np.abs((rows + 0.5) * activation.stride - 0.5 - 77).max() <= activation.receptive_field / 2
    assert np.abs((columns + 0.5) * activation.stride - 0.5 - 130).max() <= activation.receptive_field / 2


@pytest.mark.parametrize("layer", ["relu1_1", "relu5_1"])
def test_only_the_ratios_within_a_mask_matter(layer: str) -> None:
    """A faint mask has the weights of a full one, down to the smallest numbers of float32."""
    mask = np.rint(draw(33, 40))
    smallest = np.finfo(np.float32).smallest_subnormal
    assert np.array_equal(guide(mask * smallest, ACTIVATIONS[layer]), guide(mask, ACTIVATIONS[layer]))


@pytest.mark.parametrize(
    ("mask", "layer", "message"),
    [
        (np.zeros((20, 20), np.float32), "relu1_1", "the mask must have a pixel above 0"),
        (np.full((20, 20), np.nan, np.float32), "relu1_1", "the mask must have a pixel above 0"),
        (np.full((20, 20), np.inf, np.float32), "relu1_1", "and only finite values"),
        (ones(7, 20), "relu4_1", "height must be at least 8 pixels for relu4_1, not 7"),
        (ones(20, 7), "relu4_1", "width must be at least 8 pixels for relu4_1, not 7"),
        (ones(224, 224), "fc6", "fc6 has no positions"),
        (ones(224, 224), "prob", "prob has no positions"),
    ],
    ids=["empty", "nan", "infinite", "low", "narrow", "dense", "softmax"],
)
def test_guides_that_cannot_be_are_refused(mask: np.ndarray, layer: str, message: str) -> None:
    """An empty region, a picture that vanishes and a layer without positions are named."""
    with pytest.raises(ValueError, match=message):
        guide(mask, ACTIVATIONS[layer])


def test_overlapping_masks_share_their_pixels() -> None:
    """Where masks sum to more than 1 they are divided by their sum; elsewhere they stay."""
    first = np.float32([[1, 1, 0.5, 0, 0.25]])
    second = np.float32([[0, 1, 1, 0, 0.25]])
    actual = divided(regions([first, second], 1, 5))
    expected = np.float32([[[1, 1 / 2, 1 / 3, 0, 0.25]], [[0, 1 / 2, 2 / 3, 0, 0.25]]])
    assert np.allclose(actual, expected, rtol=ROUNDING, atol=0)


def test_regions_have_the_size_asked_for() -> None:
    """Masks of several sizes come out at one, in order, and none from none."""
    masks = [ones(4, 9), draw(31, 17), ones(1, 1)]
    actual = divided(regions(masks, 12, 7))
    assert [region.shape for region in actual] == [(12, 7)] * 3
    assert all(region.dtype == np.float32 for region in actual)
    assert np.all(sum(region.astype(np.float64) for region in actual) <= 1 + 3 * ROUNDING)
    assert np.array_equal(actual[0], actual[2])
    assert divided(regions([], 12, 7)) == []


def test_scaled_masks_are_antialiased_and_still_divide_the_picture() -> None:
    """Stripes of one pixel become grey instead of disappearing, and complements stay complements."""
    stripes = np.tile(np.float32([0, 1]), (64, 32))
    for mask in (stripes, np.rint(draw(64, 64))):
        actual, rest = regions([mask, 1 - mask], 8, 8)
        assert np.allclose(actual + rest, 1, atol=1e-5)
    (actual,) = regions([stripes], 8, 8)
    assert np.all(np.abs(actual - 0.5) < 0.05)


def test_regions_leave_the_masks_alone() -> None:
    """The caller's arrays are not written to."""
    masks = [ones(5, 6), draw(5, 6)]
    before = [mask.copy() for mask in masks]
    divided(regions(masks, 5, 6))
    assert np.array_equal(masks, before)


def test_one_pixel_of_a_large_mask_survives_scaling() -> None:
    """A tiny region gets a faint one, wherever it is."""
    for place in [(0, 0), (31, 32), (63, 99), (40, 7)]:
        (region,) = regions([pixel(64, 100, *place)], 5, 9)
        assert region.max() > 0
        assert guide(region, ACTIVATIONS["relu1_1"]).sum() == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((4, 4), np.float32), "mask 2 is empty: no pixel is above 0"),
        (np.full((4, 4), 1.5, np.float32), "mask 2 must have values from 0 to 1, not 1.5 to 1.5"),
        (np.float32([[0.5, -0.25]]), "mask 2 must have values from 0 to 1, not -0.25 to 0.5"),
        (np.float32([[0.5, np.nan]]), "mask 2 must have values from 0 to 1, not nan to nan"),
        (np.float32([[0.5, np.inf]]), "mask 2 must have values from 0 to 1, not 0.5 to inf"),
        (np.ones((4, 4, 1), np.float32), r"mask 2 must have shape \(height, width\), not \(4, 4, 1\)"),
        (np.ones((0, 4), np.float32), r"mask 2 must have shape \(height, width\), not \(0, 4\)"),
    ],
    ids=["empty", "too large", "negative", "nan", "infinite", "three axes", "no pixels"],
)
def test_wrong_masks_are_named(unchecked: None, wrong: np.ndarray, message: str) -> None:
    """The message says which mask it is, counted from 1, and what is wrong."""
    with pytest.raises(ValueError, match=message):
        regions([ones(4, 4), wrong], 4, 4)


@pytest.mark.parametrize("largest", [1.0, 0.3])
def test_members_have_half_of_the_largest_value(largest: float) -> None:
    """A faint region has members too, and the half itself belongs to them."""
    mask = np.float32([[0, 0.49, 0.5], [0.51, 1, 0.2]]) * np.float32(largest)
    assert members(mask).tolist() == [[False, False, True], [True, True, False]]


@pytest.mark.parametrize("stride", [1, 4, 16])
def test_a_touched_position_holds_a_member(stride: int) -> None:
    """A loop over the pixels finds the same positions; pixels beyond the last position count for it."""
    mask = (np.random.default_rng(0).uniform(0, 1, (37, 54)) > 0.98).astype(np.float32)
    shape = (37 // stride, 54 // stride)
    expected = np.zeros(shape)
    for row, column in np.argwhere(mask):
        expected[min(row // stride, shape[0] - 1), min(column // stride, shape[1] - 1)] = 1
    assert touched(mask, stride, shape).tolist() == expected.tolist()


def test_outside_is_what_no_region_has() -> None:
    """Positions below half of a mask belong to no region; masks that cover the picture leave nothing."""
    left, faint = np.float32([[1, 0, 0, 0]]), np.float32([[0, 0.5, 0.2, 0]])
    rest = outside([left, faint])
    assert rest is not None
    assert rest.tolist() == [[0, 0, 1, 1]]
    assert outside([left, 1 - left]) is None


def test_the_share_is_the_mean() -> None:
    """Half of a picture at half strength is a quarter of it, and sums lose nothing."""
    half = np.zeros((20, 50), np.float32)
    half[:, :25] = 0.5
    assert share(half) == 0.25
    mask = draw(300, 401)
    assert share(mask) == pytest.approx(math.fsum(map(float, mask.flat)) / mask.size, rel=1e-12)


def test_a_feathered_edge_is_the_integral_of_a_gaussian() -> None:
    """A step becomes the normal distribution of the given radius."""
    mask = np.zeros((3, 80), np.float32)
    mask[:, 40:] = 1
    expected = [0.5 * (1 + math.erf((x - 39.5) / (5 * math.sqrt(2)))) for x in range(80)]
    assert np.allclose(feather(mask, 5.0), [expected] * 3, atol=5e-4)  # 4e-4 lie between its integral and sum


def test_feathered_masks_stay_masks() -> None:
    """Values stay from 0 to 1, what is even stays so up to the border, and complements stay complements."""
    mask = np.rint(draw(13, 21) + 0.2).clip(0, 1)
    soft = feather(mask, 2.5)
    assert soft.dtype == np.float32
    assert 0 <= soft.min() < soft.max() <= 1
    assert np.allclose(soft + feather(1 - mask, 2.5), 1, atol=1e-6)
    assert np.allclose(feather(ones(4, 5), 9.0), 1, atol=1e-6)
    assert np.array_equal(feather(mask, 0.0), mask)


@pytest.mark.parametrize("radius", [-1.0, math.nan, math.inf])
def test_a_radius_that_cannot_be_is_refused(radius: float) -> None:
    """A radius is a number of pixels, at least 0."""
    with pytest.raises(ValueError, match="radius must be at least 0 pixels, not"):
        feather(ones(4, 4), radius)
