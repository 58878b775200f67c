"""The content's colours are kept: by statistics beforehand, by luminance afterwards, wholly or in part."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import linalg

from myvgg.nst.colors import keep_colors, match_colors, match_histogram, transfer_colors

FLOAT32 = 2e-5
"""Levels by which float32 rounds values of up to 255."""

STATISTICS = 0.5
"""Levels, or levels squared, by which the variance that stands for rounding changes covariances of some hundreds."""

BEFORE = {
    "symmetric": lambda style, content, **options: match_colors(style, content, root="symmetric", **options),
    "cholesky": lambda style, content, **options: match_colors(style, content, root="cholesky", **options),
    "histogram": match_histogram,
}
ALL = BEFORE | {"luminance": lambda style, content, **options: keep_colors(style, content[:12, :15], **options)}

matches = pytest.mark.parametrize("match", BEFORE.values(), ids=BEFORE)
functions = pytest.mark.parametrize("function", ALL.values(), ids=ALL)


def muted(height: int, width: int, seed: int) -> np.ndarray:
    """Draw correlated colours in the middle of the range, so that none is clipped."""
    rng = np.random.default_rng(seed)
    mixing, centre = 20 * np.eye(3) + rng.uniform(-9, 9, (3, 3)), rng.uniform(110, 140, 3)
    return (rng.uniform(-1.5, 1.5, (height, width, 3)) @ mixing + centre).astype(np.float32)


STYLE, CONTENT = muted(12, 15, 1), muted(20, 17, 2)
VIVID = np.random.default_rng(3).uniform(0, 255, (20, 17, 3)).astype(np.float32)


def moments(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of the colours, by NumPy."""
    pixels = picture.reshape(-1, 3).astype(np.float64)
    return pixels.mean(0), np.cov(pixels.T, bias=True)


@pytest.mark.parametrize("root", ["symmetric", "cholesky"])
def test_colours_get_the_contents_mean_and_covariance(root: str) -> None:
    """What was the style's mean and covariance is the content's afterwards."""
    actual = moments(match_colors(STYLE, CONTENT, root=root))
    for got, wanted, before in zip(actual, moments(CONTENT), moments(STYLE), strict=True):
        assert np.abs(got - wanted).max() <= STATISTICS
        assert np.abs(before - wanted).max() > 10 * STATISTICS


def test_roots_are_those_of_scipy() -> None:
    """Each root is the linear map that SciPy's square root, or its Cholesky factor, of the covariances makes."""
    (mean, covariance), (wanted_mean, wanted) = moments(STYLE), moments(CONTENT)
    noise = np.eye(3) / 12
    maps = {
        "symmetric": linalg.sqrtm(wanted + noise) @ linalg.inv(linalg.sqrtm(covariance + noise)),
        "cholesky": linalg.cholesky(wanted + noise, lower=True)
        @ linalg.inv(linalg.cholesky(covariance + noise, lower=True)),
    }
    results = {}
    for root, matrix in maps.items():
        expected = np.array([[matrix @ (colour - mean) + wanted_mean for colour in row] for row in STYLE])
        results[root] = match_colors(STYLE, CONTENT, root=root)
        np.testing.assert_allclose(results[root], expected, atol=10 * FLOAT32)
    assert np.abs(results["symmetric"] - results["cholesky"]).max() > 1


def test_colours_out_of_the_range_are_clipped() -> None:
    """A wide covariance in a picture with outliers leaves 0 to 255, and is cut off there."""
    style = np.full((8, 8, 3), 100, np.float32)
    style[0, 0] = [200, 210, 190]
    actual = match_colors(style, VIVID)
    assert actual.max() == 255
    assert actual.min() >= 0


GREY = np.repeat(STYLE[..., :1], 3, axis=-1)
HARD = {
    "grey style": (GREY, VIVID),
    "grey content": (STYLE, np.repeat(CONTENT[..., :1], 3, axis=-1)),
    "both grey": (GREY, np.repeat(CONTENT[..., :1], 3, axis=-1)),
    "one colour": (np.full((4, 5, 3), 7, np.float32), VIVID),
    "one pixel of style": (STYLE[:1, :1], VIVID),
    "one pixel of content": (STYLE, VIVID[:1, :1]),
    "one pixel each": (STYLE[:1, :1], VIVID[:1, :1]),
    "black and white": (np.zeros((3, 3, 3), np.float32), np.full((2, 2, 3), 255, np.float32)),
}


@matches
@pytest.mark.parametrize(("style", "content"), HARD.values(), ids=HARD)
def test_singular_covariances_give_pictures(
    match: Callable[..., np.ndarray], style: np.ndarray, content: np.ndarray
) -> None:
    """Grey pictures, one colour and one pixel come out finite, in the range, of their size, near the wanted mean."""
    actual = match(style, content)
    assert actual.dtype == np.float32
    assert actual.shape == style.shape
    assert np.isfinite(actual).all()
    assert actual.min() >= 0
    assert actual.max() <= 255
    assert np.abs(actual.mean((0, 1)) - content.mean((0, 1))).max() <= 20


@pytest.mark.parametrize("root", ["symmetric", "cholesky"])
def test_grey_content_makes_grey(root: str) -> None:
    """A colourful style picture loses its colours to a grey content."""
    grey = np.repeat(CONTENT[..., :1], 3, axis=-1)
    actual = match_colors(STYLE, grey, root=root)
    assert np.ptp(actual, axis=-1).std() < 0.3  # levels, the rounding that is taken for colour
    assert np.ptp(STYLE, axis=-1).std() > 3


def test_rounding_is_not_blown_up_to_colours() -> None:
    """Chroma of less than a level, as JPEG leaves it in grey pictures, does not become the content's."""
    noise = np.random.default_rng(4).uniform(-0.1, 0.1, GREY.shape)
    actual = match_colors((GREY + noise).astype(np.float32), VIVID)
    spread = [np.std(picture - picture.mean(-1, keepdims=True)) for picture in (actual, VIVID)]
    assert spread[0] < spread[1] / 3


def slow_match(given: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Match one channel by its definition: shares of pixels below, the equal ones counted half."""

    def share(value: float, values: np.ndarray) -> float:
        return float((values < value).mean() + (values == value).mean() / 2)

    levels = sorted(set(wanted.ravel().tolist()))
    places = [share(level, wanted) for level in levels]
    matched = np.empty(given.shape)
    for index, value in np.ndenumerate(given):
        place = share(value, given)
        above = next((i for i, other in enumerate(places) if other >= place), len(levels))
        if above in (0, len(levels)):
            matched[index] = levels[min(above, len(levels) - 1)]
            continue
        part = (place - places[above - 1]) / (places[above] - places[above - 1])
        matched[index] = levels[above - 1] + part * (levels[above] - levels[above - 1])
    return matched


@pytest.mark.parametrize(
    ("style", "content"),
    [(STYLE, CONTENT), (np.rint(STYLE / 9), np.rint(CONTENT / 30)), (STYLE[:1, :3], CONTENT), (STYLE, CONTENT[:1, :2])],
    ids=["fractions", "few levels", "few pixels", "little content"],
)
def test_histograms_match_as_defined(style: np.ndarray, content: np.ndarray) -> None:
    """Every channel is matched as loops over all values do it."""
    expected = np.stack([slow_match(style[..., i], content[..., i]) for i in range(3)], axis=-1)
    np.testing.assert_allclose(match_histogram(style, content), expected, atol=FLOAT32)


def test_as_many_pixels_get_exactly_the_contents_values() -> None:
    """Between pictures with as many different values, each channel's values are the content's, in the style's order."""
    style = np.random.default_rng(5).permuted(VIVID.reshape(-1, 3) / 2, axis=0).reshape(17, 20, 3)
    actual = match_histogram(style, VIVID)
    for i in range(3):
        assert np.array_equal(np.sort(actual[..., i], axis=None), np.sort(VIVID[..., i], axis=None))
        assert np.array_equal(np.argsort(actual[..., i], axis=None), np.argsort(style[..., i], axis=None))


def test_one_colour_gets_the_median() -> None:
    """A style picture of one colour gets the content's median, not its brightest value."""
    actual = match_histogram(np.full((3, 2, 3), 9, np.float32), VIVID)
    expected = np.median(VIVID, axis=(0, 1))
    assert np.abs(actual - expected).max() <= FLOAT32


@functions
def test_matching_itself_changes_nothing(function: Callable[..., np.ndarray]) -> None:
    """A picture that has the wanted colours already keeps its values."""
    assert np.abs(function(STYLE, STYLE) - STYLE).max() <= 2 * FLOAT32


@functions
def test_strength_blends_linearly(function: Callable[..., np.ndarray]) -> None:
    """Nothing changes with strength 0, exactly, everything with 1, and a part in proportion between."""
    whole = function(STYLE, CONTENT)
    assert np.array_equal(function(STYLE, CONTENT, strength=0.0), STYLE)
    assert np.array_equal(function(STYLE, CONTENT, strength=1.0), whole)
    assert np.abs(whole - STYLE).max() > 1
    for strength in (0.25, 0.7):
        expected = STYLE + strength * (whole.astype(np.float64) - STYLE)
        np.testing.assert_allclose(function(STYLE, CONTENT, strength=strength), expected, atol=FLOAT32)


@functions
def test_the_arguments_stay_as_they_are(function: Callable[..., np.ndarray]) -> None:
    """Pictures are not changed in place, and the result is of its own."""
    style, content = STYLE.copy(), CONTENT.copy()
    actual = function(style, content, strength=0.0)
    actual += 1
    assert np.array_equal(style, STYLE)
    assert np.array_equal(content, CONTENT)


YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
"""NTSC's matrix, to four digits."""


def test_muted_results_get_the_contents_chroma_in_yiq() -> None:
    """Where nothing is clipped, Y is the result's, and I and Q are the content's."""
    content = CONTENT[:12, :15]
    actual = keep_colors(STYLE, content) @ YIQ.T
    assert np.abs(actual[..., 0] - STYLE @ YIQ[0]).max() <= 1e-3
    assert np.abs(actual[..., 1:] - (content @ YIQ.T)[..., 1:]).max() <= 0.05  # YIQ's digits


def test_the_luminance_survives_every_colour() -> None:
    """Vivid colours under any luminance, black and white too, keep that luminance, stay in the range and in hue."""
    result = np.random.default_rng(6).uniform(0, 255, VIVID.shape).astype(np.float32)
    result[0], result[1] = 0, 255
    actual = keep_colors(result, VIVID)
    assert actual.min() >= 0
    assert actual.max() <= 255
    assert np.abs((actual - result) @ YIQ[0]).max() <= 1e-3
    assert (VIVID + ((result - VIVID) @ YIQ[0])[..., None]).max() > 300  # without making them paler
    chroma, wanted = (picture - (picture @ YIQ[0])[..., None] for picture in (actual, VIVID))
    lengths = np.linalg.norm(chroma, axis=-1) * np.linalg.norm(wanted, axis=-1)
    seen = np.linalg.norm(chroma, axis=-1) > 1
    np.testing.assert_allclose((chroma * wanted).sum(-1)[seen], lengths[seen], rtol=1e-4)


def test_colours_are_no_paler_than_they_must_be() -> None:
    """A colour that does not fit touches the border of the range; one that fits is not touched."""
    luminance = np.full((1, 2, 3), 200, np.float32)
    content = np.array([[[0, 0, 255], [90, 110, 100]]], np.float32)
    actual = keep_colors(luminance, content)
    assert abs(actual[0, 0].max() - 255) <= FLOAT32
    own = content[0, 1] @ YIQ[0]
    np.testing.assert_allclose(actual[0, 1], content[0, 1] - own + 200, atol=1e-3)


def test_a_grey_content_gives_a_grey_result() -> None:
    """Luminance alone is left where the content has no chroma; black and white stay exact."""
    grey = np.repeat(CONTENT[:12, :15, :1], 3, axis=-1)
    actual = keep_colors(STYLE, grey)
    assert np.ptp(actual, axis=-1).max() <= 1e-3
    extremes = np.array([[[0, 0, 0], [255, 255, 255]]], np.float32)
    np.testing.assert_allclose(keep_colors(extremes, VIVID[:1, :2]), extremes, atol=FLOAT32)


@functions
@pytest.mark.parametrize("strength", [-0.1, 1.01, np.nan, np.inf])
def test_refuses_a_strength_out_of_range(function: Callable[..., np.ndarray], strength: float) -> None:
    """A strength that is not from 0 to 1 is refused with its value."""
    with pytest.raises(ValueError, match=rf"^strength must be from 0 to 1, not {strength}"):
        function(STYLE, CONTENT, strength=strength)


def test_refuses_another_root(unchecked: None) -> None:
    """An unknown root is refused with those that there are."""
    with pytest.raises(ValueError, match=r"^root must be symmetric or cholesky, not 'square'"):
        match_colors(STYLE, CONTENT, root="square")  # type: ignore[arg-type]


def test_refuses_pictures_of_two_sizes(unchecked: None) -> None:
    """Luminance and colours of different size are refused, not spread over each other."""
    with pytest.raises(ValueError, match=r"must be of one size, not \(12, 15, 3\) and \(1, 1, 3\)"):
        keep_colors(STYLE, CONTENT[:1, :1])


def oklab(picture: np.ndarray) -> np.ndarray:
    """Return OkLab by the steps of its author, pixel by pixel."""
    found = np.empty(picture.shape)
    for place in np.ndindex(picture.shape[:2]):
        r, g, b = (
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in picture[place].astype(np.float64) / 255
        )
        long = np.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
        middle = np.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
        short = np.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
        found[place] = (
            0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
            1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
            0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
        )
    return found


def test_transferred_colours_have_the_styles_palette_and_the_results_lightness() -> None:
    """Lightness is the result's; green to red and blue to yellow have the style's mean and covariance."""
    result, content = muted(3, 4, 5), CONTENT[:3, :4]
    got, palette = oklab(transfer_colors(result, content, [STYLE], [1.0])), oklab(STYLE)[..., 1:].reshape(-1, 2)
    assert_allclose(got[..., 0], oklab(result)[..., 0], atol=1e-5)
    chroma = got[..., 1:].reshape(-1, 2)
    assert_allclose(chroma.mean(0), palette.mean(0), atol=1e-5)
    assert_allclose(np.cov(chroma.T, bias=True), np.cov(palette.T, bias=True), atol=1e-5)
    given = oklab(content)[..., 1:].reshape(-1, 2)
    assert (np.corrcoef(np.hstack([chroma, given]).T)[[0, 1], [2, 3]] > 0.5).all()


def test_a_mask_shares_transferred_colours_between_styles() -> None:
    """Where a style's mask is black, nothing comes of it; outside of all masks the result keeps its colours.

    A region has the palette of its style, whatever the content's colours are elsewhere.
    """
    result, content = muted(3, 4, 5), CONTENT[:3, :4]
    left, none = np.zeros((3, 4)), np.zeros((3, 4))
    left[:, :2] = 1
    got = transfer_colors(result, content, [STYLE, CONTENT], [left, none])
    assert_allclose(got[:, 2:], result[:, 2:], atol=0.01)
    assert_allclose(got[:, :2], transfer_colors(result[:, :2], content[:, :2], [STYLE], [1.0]), atol=1e-4)


def test_a_mask_of_everything_is_no_mask() -> None:
    """Colours of the content far from all others are moved as far with a white mask as without one."""
    result, content = muted(3, 4, 5), CONTENT[:3, :4].copy()
    content[0, 0] = (250, 20, 20)
    masked = transfer_colors(result, content, [STYLE], [np.ones((3, 4))])
    assert_allclose(masked, transfer_colors(result, content, [STYLE], [1.0]), atol=1e-3)


def test_a_soft_edge_brings_no_colours_that_the_style_has_not() -> None:
    """Colours that hardly belong to an even region are not carried beyond its palette."""
    rng = np.random.default_rng(0)
    content = np.full((40, 8, 3), (60, 90, 180), np.float32) + rng.normal(0, 2, (40, 8, 3)).astype(np.float32)
    content[20:] = (180, 120, 60)
    mask = np.clip((24 - np.arange(40)) / 8, 0, 1)[:, np.newaxis] * np.ones((1, 8))
    style = muted(12, 12, 3)
    result = np.full((40, 8, 3), 128, np.float32)
    got, palette = oklab(transfer_colors(result, content, [style], [mask]))[..., 1:], oklab(style)[..., 1:]
    low, high = (np.minimum(0, palette.min((0, 1))), np.maximum(0, palette.max((0, 1))))
    assert (got > low - 1e-4).all()
    assert (got < high + 1e-4).all()


def test_transferred_colours_are_smoothed_within_edges_only() -> None:
    """Noise of the content's colours is gone in flat areas, while an edge of lightness keeps two colours apart."""
    rng, side = np.random.default_rng(0), 192
    result = np.full((side, side, 3), 60, np.float32)
    result[:, side // 2 :] = 190
    content = np.full((side, side, 3), 128, np.float32)
    content[:, : side // 2] += (40, -10, -40)
    content[:, side // 2 :] += (-40, 10, 40)
    content += rng.normal(0, 8, content.shape).astype(np.float32)
    got = oklab(transfer_colors(result, content, [content], [1.0])[:4])[..., 2]
    halves = got[:, : side // 2], got[:, side // 2 :]
    noise = oklab(content[:4])[..., 2][:, : side // 2].std()
    assert halves[0].std() < noise / 3
    assert halves[0][:, -2].mean() > 0.03
    assert halves[1][:, 1].mean() < -0.03


def test_strong_colours_become_paler_and_keep_their_lightness() -> None:
    """A colour that no screen has is replaced by one of equal lightness and hue, not by a clipped one."""
    result = np.full((2, 2, 3), 250, np.float32)
    content = np.array([[[200, 60, 60], [60, 200, 60]], [[60, 60, 200], [128, 128, 128]]], np.float32)
    got = transfer_colors(result, content, [content], [1.0])
    assert 0 <= got.min() <= got.max() <= 255
    assert_allclose(oklab(got)[..., 0], oklab(result)[..., 0], atol=2e-3)
    with pytest.raises(ValueError, match="of one size"):
        transfer_colors(result, content[:1], [content], [1.0])
