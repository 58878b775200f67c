"""Metrics are compared with their formulas: SciPy's matrix root, loops and plain convolutions."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tensorflow as tf
from scipy.linalg import LinAlgWarning, sqrtm

from myvgg.images import resize
from myvgg.runs import metrics
from myvgg.runs.metrics import Gaussian, report

if TYPE_CHECKING:
    from myvgg.params import Params

SIZE = 40
"""Size of the comparison: small, odd after the third pool, and other than the sizes of the pictures."""

RANK_1 = np.outer([1.0, 2.0, -1.0], [1.0, 2.0, -1.0])


@pytest.fixture
def result(content: np.ndarray) -> np.ndarray:
    """The content, paler and with noise, of another size."""
    noise = np.random.default_rng(5).uniform(0, 255, (38, 54, 3)).astype(np.float32)
    return (0.6 * resize(content, (54, 38)) + 0.4 * noise).astype(np.float32)


def gaussian(channels: int, positions: int, seed: int) -> Gaussian:
    """Take the moments of drawn features; fewer positions than channels make the covariance singular."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((positions, channels)) @ rng.standard_normal((channels, channels)) + rng.normal()
    return Gaussian(rows.mean(0), np.cov(rows.T, bias=True).reshape(channels, channels))


def distance_reference(first: Gaussian, second: Gaussian) -> float:
    """Compute the formula with SciPy's matrix root, which warns of the singular matrices of dead channels."""
    with warnings.catch_warnings(action="ignore", category=LinAlgWarning):
        root = sqrtm(second.covariance)
        inner = sqrtm(root @ first.covariance @ root)
    spread = np.trace(first.covariance + second.covariance - 2 * inner).real
    return float(np.sqrt(np.sum((first.mean - second.mean) ** 2) + spread))


def maps_reference(params: Params, image: np.ndarray) -> dict[str, np.ndarray]:
    """Compute features with TensorFlow's own operations, on B, G, R less the published mean."""
    x = tf.constant(image[None, ..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32))
    maps = {}
    for name, (kernel, bias) in list(params.layers.items())[:12]:
        if name.endswith("_1") and name != "conv1_1":
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        x = maps[name.replace("conv", "relu")] = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias)
    return {name: tensor.numpy()[0].astype(np.float64) for name, tensor in maps.items()}


def gaussian_reference(maps: np.ndarray) -> Gaussian:
    """Compute mean and covariance with NumPy."""
    rows = maps.reshape(-1, maps.shape[-1])
    return Gaussian(rows.mean(0), np.cov(rows, rowvar=False, bias=True))


def structure_reference(first: np.ndarray, second: np.ndarray) -> float:
    """Compute the cosine of normalised channels, channel by channel."""
    products, lengths = 0.0, np.zeros(2)
    for c in range(first.shape[-1]):
        a, b = ((maps[..., c] - maps[..., c].mean()) / (maps[..., c].std() + 1e-5) for maps in (first, second))
        products += (a * b).sum()
        lengths += (a**2).sum(), (b**2).sum()
    return products / np.sqrt(lengths.prod())


def grain_reference(image: np.ndarray) -> float:
    """Compute the details of the luma, blurred pixel by pixel with a kernel of nine and mirrored edges."""
    luma = 0.299 * image[..., 0] + 0.587 * image[..., 1] + 0.114 * image[..., 2]
    kernel = np.exp(-(np.arange(-4, 5) ** 2) / 2)
    kernel = np.outer(kernel, kernel) / kernel.sum() ** 2
    padded = np.pad(luma, 4, mode="symmetric")
    blurred = [[(padded[y : y + 9, x : x + 9] * kernel).sum() for x in range(luma.shape[1])] for y in range(len(luma))]
    return np.mean((luma - blurred) ** 2)


@pytest.mark.parametrize("channels", [1, 2, 7, 16])
def test_wasserstein_distance_is_the_formula(channels: int) -> None:
    """The distance by eigenvectors equals that by SciPy's roots, and it is symmetric."""
    first, second = gaussian(channels, 40, 1), gaussian(channels, 40, 2)
    actual = metrics.wasserstein_distance(first, second)
    assert actual == pytest.approx(distance_reference(first, second), rel=1e-9)
    assert actual == pytest.approx(metrics.wasserstein_distance(second, first), rel=1e-9)


def test_wasserstein_distance_is_a_distance() -> None:
    """It has units of features, and obeys the triangle inequality; its square does neither."""
    points = [Gaussian(np.array(mean), np.zeros((2, 2))) for mean in ([0.0, 0.0], [3.0, 4.0])]
    assert metrics.wasserstein_distance(*points) == pytest.approx(5)
    first, second, third = (gaussian(6, 40, seed) for seed in range(3))
    direct = metrics.wasserstein_distance(first, third)
    larger = (Gaussian(3 * each.mean, 9 * each.covariance) for each in (first, third))
    assert metrics.wasserstein_distance(*larger) == pytest.approx(3 * direct)
    between = Gaussian((first.mean + third.mean) / 2, (first.covariance + third.covariance) / 2)
    for middle in (second, between):
        ways = metrics.wasserstein_distance(first, middle), metrics.wasserstein_distance(middle, third)
        assert direct <= sum(ways)


def test_wasserstein_distance_of_commuting_covariances() -> None:
    """For diagonal covariances, the squared distance is the sum of squared differences of standard deviations."""
    wide, narrow = (
        Gaussian(np.ones(3), np.diag(np.square(deviation))) for deviation in ([3.0, 1.0, 0.0], [1.0, 1.5, 2.0])
    )
    assert metrics.wasserstein_distance(wide, narrow) == pytest.approx(math.sqrt(4 + 0.25 + 4))


def test_wasserstein_distance_of_singular_covariances() -> None:
    """For covariances u u' and v v', the squared distance is |u|^2 + |v|^2 - 2 |u.v|."""
    other = np.array([2.0, 0.0, 1.0])
    first, second = Gaussian(np.zeros(3), RANK_1), Gaussian(np.zeros(3), np.outer(other, other))
    assert metrics.wasserstein_distance(first, second) == pytest.approx(math.sqrt(6 + 5 - 2 * 1))


@pytest.mark.parametrize("positions", [1, 5, 60], ids=["one position", "singular", "regular"])
def test_wasserstein_distance_to_itself_is_zero(positions: int) -> None:
    """The distance of equal statistics is exactly zero."""
    same = gaussian(16, positions, 3)
    assert metrics.wasserstein_distance(same, same) == 0


def test_mixture_has_the_moments_of_all_positions() -> None:
    """Pictures blended by their numbers of positions are one picture with all of them."""
    rng = np.random.default_rng(6)
    parts = [rng.standard_normal((count, 1, 4)).astype(np.float32) + count for count in (10, 30)]
    blend = metrics.mixture([gaussian_reference(part.astype(np.float64)) for part in parts], [10.0, 30.0])
    whole = gaussian_reference(np.concatenate(parts).astype(np.float64))
    assert np.allclose(blend.mean, whole.mean, rtol=1e-12)
    assert np.allclose(blend.covariance, whole.covariance, rtol=1e-9, atol=1e-9)


def test_structure_is_the_formula() -> None:
    """Maps with a dead channel give the cosine of a loop over channels."""
    rng = np.random.default_rng(4)
    first, second = rng.standard_normal((2, 5, 7, 6)).astype(np.float32)
    first[..., 2] = 3
    assert metrics.structure(first, second) == pytest.approx(structure_reference(first, second), abs=1e-6)


def test_structure_ignores_brightness_and_contrast_of_channels() -> None:
    """Scaled and shifted channels have the same arrangement; negated channels have the opposite one."""
    rng = np.random.default_rng(4)
    maps, scale = rng.standard_normal((5, 7, 6)).astype(np.float32), rng.uniform(1, 9, 6).astype(np.float32)
    assert metrics.structure(scale * maps + scale, maps) == pytest.approx(1, abs=1e-4)  # EPSILON weighs a little
    assert metrics.structure(-maps, maps) == pytest.approx(-1)


def test_structure_of_flat_maps_cannot_be_told() -> None:
    """Without variation the cosine is NaN."""
    flat = np.ones((1, 1, 3), np.float32)
    assert math.isnan(metrics.structure(flat, flat))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9, 3), (11, 14, 3)], ids=["one pixel", "one row", "picture"])
def test_grain_is_the_formula(shape: tuple[int, int, int]) -> None:
    """A blur pixel by pixel leaves the same details; SciPy's kernel ends at four deviations, too."""
    image = np.random.default_rng(8).uniform(0, 255, shape).astype(np.float32)
    expected = grain_reference(np.asarray(image, np.float64))
    assert metrics.grain(image) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("style", "structure", "expected"),
    [(0.5, 0.5, 0.5), (0.6, 0.9, 0.72), (0.0, 0.9, 0), (-1.0, 0.9, 0), (0.6, -0.1, 0), (-1.0, -1.0, 0), (1.0, 1.0, 1)],
)
def test_score_is_the_harmonic_mean(style: float, structure: float, expected: float) -> None:
    """The score is 0 if either part is not positive."""
    assert metrics.score(style, structure) == pytest.approx(expected)
    assert metrics.score(structure, style) == pytest.approx(expected)


def test_report_is_the_formula(result: np.ndarray, content: np.ndarray, style: np.ndarray, tiny_params: Params) -> None:
    """The report equals that of an independent network and independent statistics at the same size."""
    actual = report(result, content, style, params=tiny_params, size=SIZE)
    pictures = {"result": resize(result, SIZE), "content": resize(content, (40, 28)), "style": resize(style, SIZE)}
    maps = {name: maps_reference(tiny_params, picture) for name, picture in pictures.items()}
    ratios = []
    for layer in ("relu1_2", "relu2_2", "relu3_3", "relu4_4"):
        a, b, c = (gaussian_reference(maps[name][layer]) for name in ("result", "content", "style"))
        ratios.append(distance_reference(a, c) / distance_reference(b, c))
    assert actual.style == pytest.approx(1 - np.mean(ratios), abs=1e-5)
    assert actual.structure == pytest.approx(
        structure_reference(maps["result"]["relu4_3"], maps["content"]["relu4_3"]), abs=1e-5
    )
    assert actual.score == metrics.score(actual.style, actual.structure)
    grains = [grain_reference(np.asarray(pictures[name], np.float64)) for name in ("result", "style")]
    assert actual.grain == pytest.approx(grains[0] / grains[1], rel=1e-5)


def test_the_content_itself_has_no_style(content: np.ndarray, style: np.ndarray, tiny_params: Params) -> None:
    """The content as a result has style 0, structure 1 and score 0."""
    actual = report(content, content, style, params=tiny_params, size=SIZE)
    assert actual.style == pytest.approx(0, abs=1e-9)
    assert actual.structure == pytest.approx(1)
    assert actual.score == pytest.approx(0, abs=1e-9)


def test_the_style_itself_has_all_style(content: np.ndarray, style: np.ndarray, tiny_params: Params) -> None:
    """The style as a result has style 1 and the style's grain."""
    actual = report(style, content, style, params=tiny_params, size=SIZE)
    assert actual.style == 1
    assert actual.grain == 1
    assert -1 <= actual.structure < 0.9


def test_content_and_style_alike_leave_no_way(result: np.ndarray, content: np.ndarray, tiny_params: Params) -> None:
    """The style is NaN where content and style have the same textures."""
    actual = report(result, content, content, params=tiny_params, size=SIZE)
    assert math.isnan(actual.style)
    assert math.isnan(actual.score)


@pytest.mark.parametrize("none", [None, [], ()], ids=["None", "list", "tuple"])
def test_reconstruction_has_a_structure_only(
    none: object, result: np.ndarray, content: np.ndarray, style: np.ndarray, tiny_params: Params
) -> None:
    """Without a style picture, only the structure is measured."""
    actual = report(result, content, none, params=tiny_params, size=SIZE)
    assert actual.structure == report(result, content, style, params=tiny_params, size=SIZE).structure
    assert np.isnan([actual.style, actual.score, actual.grain]).all()


def test_texture_has_a_grain_only(
    result: np.ndarray, content: np.ndarray, style: np.ndarray, tiny_params: Params
) -> None:
    """Without a content, only the grain is measured."""
    actual = report(result, None, style, params=tiny_params, size=SIZE)
    assert actual.grain == report(result, content, style, params=tiny_params, size=SIZE).grain
    assert np.isnan([actual.style, actual.structure, actual.score]).all()


def test_a_flat_style_has_no_grain(result: np.ndarray, tiny_params: Params) -> None:
    """The grain is NaN for a style without details."""
    assert math.isnan(report(result, None, np.zeros((9, 9)), params=tiny_params, size=SIZE).grain)


def test_several_styles_are_blended(
    result: np.ndarray, content: np.ndarray, style: np.ndarray, tiny_params: Params
) -> None:
    """The same style twice is one style, a share of 0 does not count, and shares count by their ratio."""
    other = np.asarray(255 - style[:, ::-1] / 2)

    def of(styles: object, *blend: float) -> tuple[float, ...]:
        return tuple(report(result, content, styles, params=tiny_params, blend=blend, size=SIZE))

    assert of([style, style]) == pytest.approx(of(style))
    assert of([style, other], 3.0, 0.0) == pytest.approx(of([style]))
    assert of([style, other], 1.0, 3.0) == pytest.approx(of([other, style], 6.0, 2.0))
    assert of([style, other]) == pytest.approx(of([style, other], 1.0, 1.0))
    assert abs(of([style, other], 1.0, 3.0)[0] - of([style, other], 3.0, 1.0)[0]) > 1e-3
    low, high = sorted((of(style)[3], of(other)[3]))
    assert low < of([style, other])[3] < high


@pytest.mark.parametrize("kind", [np.uint8, np.float64, "grey"], ids=["uint8", "float64", "grey"])
def test_pictures_of_any_kind(kind: object, content: np.ndarray, style: np.ndarray, tiny_params: Params) -> None:
    """Bytes, doubles and grey pictures give the same report as equal floats."""
    convert: Callable[[np.ndarray], np.ndarray]
    convert = (lambda image: image[..., 0]) if kind == "grey" else (lambda image: np.rint(image).astype(kind))
    pictures = [convert(image) for image in (content, content, style)]
    floats = [np.stack([image] * 3, -1) if image.ndim == 2 else image.astype(np.float32) for image in pictures]
    assert report(*pictures, params=tiny_params, size=SIZE) == pytest.approx(
        report(*floats, params=tiny_params, size=SIZE)
    )


def test_a_report_does_not_change_pictures(content: np.ndarray, style: np.ndarray, tiny_params: Params) -> None:
    """The arrays of the caller do not change."""
    before = content.copy(), style.copy()
    report(content, content, style, params=tiny_params, size=max(content.shape))
    assert np.array_equal(content, before[0])
    assert np.array_equal(style, before[1])


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ({"style": np.zeros((2, 60, 3))}, "the style picture is too narrow at 40 x 1"),
        ({"result": np.zeros((60, 2, 3))}, "the result picture is too narrow at 1 x 40"),
        ({"content": np.zeros((4, 4, 4))}, "must have shape"),
        ({"result": None}, "must be uint8 or floating point"),
        ({"blend": [1.0, 2.0]}, "blend must be 1 shares"),
        ({"blend": [0.0]}, "not all 0"),
        ({"blend": [-1.0]}, "from 0 on"),
        ({"blend": [math.nan]}, "from 0 on"),
    ],
    ids=lambda value: None if isinstance(value, str) else next(iter(value)),
)
def test_what_cannot_be_judged_is_named(
    which: dict[str, object], message: str, content: np.ndarray, style: np.ndarray, tiny_params: Params
) -> None:
    """A wrong argument is an error that names it."""
    arguments = {"result": content, "content": content, "style": style, **which}
    with pytest.raises(ValueError, match=message):
        report(**arguments, params=tiny_params, size=SIZE)


def test_trained_network_tells_style_from_structure(trained: Params) -> None:
    """On the way from a photograph to a painting, style grows and structure falls; a pale copy loses little."""
    from myvgg import images

    examples = Path(__file__).parents[2] / "examples"
    content, style = (images.load(examples / f"{name}.jpg") for name in ("chelsea", "strokes"))
    pictures = [(1 - share) * content + share * style for share in (0.1, 0.4, 0.7)]
    faded = [report(np.float32(picture), content, style, params=trained, size=128) for picture in pictures]
    assert faded[0].style < faded[1].style < faded[2].style < 1
    assert 1 > faded[0].structure > faded[1].structure > faded[2].structure
    assert report(60 + content / 2, content, style, params=trained, size=128).structure > 0.8
