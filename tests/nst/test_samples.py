"""Samples: the values at the places of a picture, and their losses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from myvgg.nst import Settings, samples
from myvgg.nst.encoder import Encoder
from myvgg.nst.places import Drawn, Places, draw, within
from myvgg.nst.settings import Layers
from myvgg.nst.targets import make_targets
from myvgg.nst.tiles import Box
from myvgg.params import Params
from tests.drawn import blobs
from tests.nst.reference import losses
from tests.nst.test_evaluation import TILE, difference, evaluation_of

RNG = np.random.default_rng(0)
SETTINGS = Settings(
    style_loss="remd",
    content_loss="self-similarity",
    match_layers=Layers("relu1_1=2,relu2_1=1,relu3_1=1"),
    precision="float32",
)
SIZE = (95, 122)


def picture(height: int, width: int) -> tf.Tensor:
    """Draw noise."""
    return tf.constant(RNG.uniform(0, 255, (1, height, width, 3)), tf.float32)


def placed(places: Places, box: Box) -> Places:
    """Return positions as a tile sees them."""
    return within(Drawn((places,)), box).joint[0]


@pytest.mark.parametrize("stride", [1, 2, 16])
def test_the_nearest_position_is_gathered(stride: int) -> None:
    """A pixel has the position of the layer that it lies in, or the last one where there is none of its own."""
    maps = RNG.standard_normal((1, 41 // stride, 54 // stride, 3))
    places = draw((1,), (41, 54), None, 500)
    found = samples.gather(tf.constant(maps), places, stride).numpy()
    for row, column, each in zip(places.rows, places.columns, found, strict=True):
        nearest = min(row // stride, maps.shape[1] - 1), min(column // stride, maps.shape[2] - 1)
        assert_allclose(each, maps[0, *nearest])


def test_other_tiles_leave_zeros() -> None:
    """A tile gathers at its own positions; with those of the other tile, the sample is whole, even beside overflow."""
    maps = RNG.standard_normal((1, 8, 12, 3))
    places = draw((1,), (8, 12), None, 50)
    parts = [
        samples.gather(tf.constant(maps[:, :, left:right]), placed(places, (0, 8, left, right)), 1).numpy()
        for left, right in ((0, 4), (4, 12))
    ]
    assert_allclose(parts[0] + parts[1], samples.gather(tf.constant(maps), places, 1))
    assert (parts[0][places.columns >= 4] == 0).all()
    lost = samples.gather(tf.fill([1, 8, 4, 3], np.inf), placed(places, (0, 8, 12, 16)), 1)
    assert (lost.numpy() == 0).all()


def test_columns_weigh_layers_by_their_shares() -> None:
    """With shares as the numbers of channels, features stay as they are; else squared lengths are as the shares."""
    sampled = {
        samples.COLORS: tf.constant(RNG.uniform(0, 1, (5, 3))),
        "a": tf.constant(RNG.choice([-1.0, 1.0], (5, 4))),
        "b": tf.constant(RNG.choice([-1.0, 1.0], (5, 16))),
    }
    plain = samples.joint_columns(sampled, {"a": 0.2, "b": 0.8}).numpy()
    assert_allclose(plain, np.hstack([sampled[samples.COLORS] - 0.5, sampled["a"], sampled["b"]]))
    equal = samples.joint_columns(sampled, {"a": 0.5, "b": 0.5}).numpy()
    assert_allclose(np.square(equal[:, 3:7]).sum(1), np.square(equal[:, 7:]).sum(1))


def test_steps_have_their_own_samples(params: Params) -> None:
    """A step draws the same positions each time, another step others, so that the loss of one picture differs."""
    content, style, image = picture(*SIZE), picture(60, 70), picture(*SIZE)
    encoder = Encoder(params, SETTINGS)
    targets = make_targets(encoder, content, [style], SETTINGS)
    evaluate = evaluation_of(encoder, targets, SETTINGS, SIZE)
    found = [float(evaluate(image.numpy() / 255, step)[0].total) for step in (0, 1, 0)]
    assert found[0] == found[2] != found[1]
    assert found[1] == pytest.approx(found[0], rel=0.1)


def test_a_picture_is_like_itself(params: Params) -> None:
    """The content has no self-similarity loss at any step, and no style loss to speak of against its own style."""
    content = picture(*SIZE)
    encoder = Encoder(params, SETTINGS)
    targets = make_targets(encoder, content, [content], SETTINGS)
    same, other = (losses(encoder, each, targets, SETTINGS, step=3) for each in (content, picture(*SIZE) / 4))
    assert float(same.content) == pytest.approx(0, abs=1e-6)
    assert float(other.content) > 0.01
    assert float(same.style) < float(other.style) / 2


def test_several_styles_are_compared_by_their_shares(params: Params) -> None:
    """Without masks, the loss is the mean of the losses of each style alone, by the shares of the blend."""
    content, one, image = picture(*SIZE), picture(60, 70), picture(*SIZE)
    two = one / 3
    settings = replace(SETTINGS, style_blend=(3.0, 1.0))
    encoder = Encoder(params, settings)
    blended = losses(encoder, image, make_targets(encoder, content, [one, two], settings), settings).style
    alone = [
        float(losses(encoder, image, make_targets(encoder, content, [each], SETTINGS), SETTINGS).style)
        for each in (one, two)
    ]
    assert float(blended) == pytest.approx(0.75 * alone[0] + 0.25 * alone[1], rel=0.01)  # other positions of the style


def test_regions_are_compared_with_their_styles_only(params: Params) -> None:
    """Where a region's style has another mask or a picture another side, only that region's loss and pixels change."""
    content, one, image = picture(*SIZE), picture(60, 70), picture(*SIZE)
    two = one / 3
    left, half = np.zeros(SIZE, np.float32), np.zeros((60, 70), np.float32)
    left[:, :61], half[:30] = 1, 1
    encoder, found = Encoder(params, SETTINGS), []
    for styles in ([one, two], [one / 4, two]):
        targets = make_targets(encoder, content, styles, SETTINGS, masks=[left, 1 - left], style_masks=[half, None])
        assert targets.sampling is not None
        assert len(targets.sampling.regions) == 2
        found.append(np.asarray(evaluation_of(encoder, targets, SETTINGS, SIZE)(image.numpy() / 255, 0)[1]))
    changed = np.abs(found[0] - found[1]).sum((0, 1, 3))
    assert (changed[:50] > 0).mean() > 0.9
    assert changed[80:].max() == 0


@pytest.mark.parametrize("style_loss", ["remd", "split"])
@pytest.mark.parametrize("tile", [None, TILE])
def test_the_content_counts_outside_of_the_masks(style_loss: str, tile: int | None, params: Params) -> None:
    """Where no style is wanted, the arrangement still is; that part has no style's gradient."""
    content, image, left = picture(*SIZE), picture(*SIZE), np.zeros(SIZE, np.float32)
    left[:, :40] = 1
    found = []
    for weight in (1.0, 0.0):
        settings = replace(SETTINGS, style_loss=style_loss, tv_weight=0.0, content_weight=weight)
        encoder = Encoder(params, settings)
        targets = make_targets(encoder, content, [picture(60, 70)], settings, masks=[left], tile=tile)
        evaluate = evaluation_of(encoder, targets, settings, SIZE, tile=tile)
        found.append(np.abs(np.asarray(evaluate(image.numpy() / 255, 0)[1])).sum((0, 1, 3)))
    assert (found[0] > 0).mean() > 0.9
    assert found[1][:40].max() > 0
    assert found[1][80:].max() == 0


def test_overlapping_regions_are_all_sampled_where_they_overlap(params: Params) -> None:
    """Each of three styles has a strip of its own, and all of them the rest of the picture."""
    content, masks = picture(*SIZE), [np.ones(SIZE, np.float32) for _ in range(3)]
    for index, mask in enumerate(masks):
        mask[:, :60] = 0
        mask[:, 20 * index : 20 * index + 20] = 1
    targets = make_targets(Encoder(params, SETTINGS), content, [picture(60, 70)] * 3, SETTINGS, masks=masks)
    assert targets.sampling is not None
    drawn = targets.sampling.draw(0, SIZE)
    assert [(each.columns >= 60).mean() > 0.5 for each in drawn.joint] == [True] * 3
    assert sum(float(style.share) for style in targets.sampling.styles) == pytest.approx(1)


def test_a_grey_mask_leaves_the_contents_weight(params: Params) -> None:
    """The style's weight goes by the mask's values, and the content's by areas, those without a style too."""
    grey, encoder = np.full(SIZE, 0.5, np.float32), Encoder(params, SETTINGS)
    half = grey.copy()
    half[:, :61] = 0
    for mask, areas in ((grey, (1.0,)), (half, (0.5, 0.5))):
        targets = make_targets(encoder, picture(*SIZE), [picture(60, 70)], SETTINGS, masks=[mask])
        assert targets.sampling is not None
        assert targets.sampling.shares == pytest.approx(areas)
        assert float(targets.sampling.styles[0].share) == pytest.approx(0.5 * areas[0])


def test_the_palette_counts_fully_in_a_texture(params: Params) -> None:
    """Without a content, the content's weight takes nothing from the colours."""
    image, style, found = picture(*SIZE), picture(60, 70) / 2, []
    for weight in (16.0, 0.0):
        settings = replace(SETTINGS, content_weight=weight)
        encoder = Encoder(params, settings)
        found.append(float(losses(encoder, image, make_targets(encoder, None, [style], settings), settings).style))
    assert found[0] == found[1]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32"])
def test_tiles_are_exact_with_regions(dtype: str, params: Params) -> None:
    """Positions of all regions are gathered by tiles as by the whole picture."""
    size = (201, 260)
    content, one, two, image = picture(*size), picture(60, 70), picture(80, 70), picture(*size)
    masks = list(RNG.uniform(0, 1, (2, *size)).astype(np.float32))
    encoder, found = Encoder(params, SETTINGS), []
    for tile in (None, TILE):
        targets = make_targets(encoder, content, [one, two], SETTINGS, masks=masks, tile=tile)
        found.append(evaluation_of(encoder, targets, SETTINGS, size, tile=tile)(image.numpy() / 255, 5))
    (expected, slopes), (actual, other_slopes) = found
    assert tuple(map(float, actual)) == pytest.approx(tuple(map(float, expected)), rel=1e-5)
    assert difference(np.asarray(other_slopes), np.asarray(slopes)) < 1e-3


@pytest.mark.parametrize(("precision", "tolerance"), [("bfloat16", 0.2), ("float16", 0.05)])
@pytest.mark.parametrize("tile", [None, TILE])
def test_half_precision_has_a_gradient(precision: str, tolerance: float, tile: int | None, params: Params) -> None:
    """The gradient is near that in float32, which begins with the same positions.

    The style has other means than the picture: between equal ones, rounding decides the sign of a difference, which is
    the whole gradient of a mean.
    """
    content, image = picture(*SIZE), picture(*SIZE)
    style = tf.constant(blobs(60, 70, seed=1)[np.newaxis])
    gradients = []
    for each in ("float32", precision):
        settings = replace(SETTINGS, precision=each, tv_weight=0.0)  # type: ignore[arg-type]
        encoder = Encoder(params, settings)
        evaluate = evaluation_of(encoder, make_targets(encoder, content, [style], settings), settings, SIZE, tile=tile)
        gradients.append(np.asarray(evaluate(image.numpy() / 255, 0)[1]))
    assert 0 < difference(gradients[1], gradients[0]) < tolerance


def test_without_content_only_the_style_is_sampled(params: Params) -> None:
    """A texture has no self-similarity to keep, and a run without style has that alone."""
    image = picture(*SIZE)
    encoder = Encoder(params, SETTINGS)
    texture = losses(encoder, image, make_targets(encoder, None, [image], SETTINGS), SETTINGS)
    assert float(texture.content) == 0
    alone = losses(encoder, image / 2, make_targets(encoder, image, [], SETTINGS), SETTINGS)
    assert float(alone.style) == 0
    assert float(alone.content) > 0
    assert make_targets(encoder, None, [], SETTINGS).sampling is None


NOT_SAMPLED: tuple[dict[str, Any], ...] = (
    {"style_loss": "remd", "content_loss": "difference", "style_weight": 0.0},
    {"style_loss": "gram", "content_weight": 0.0, "match_layers": Layers("relu2_2")},
)


@pytest.mark.parametrize("changes", NOT_SAMPLED, ids=str)
@pytest.mark.parametrize("tile", [None, TILE])
def test_nothing_is_sampled_where_no_loss_has_samples(
    changes: dict[str, Any], tile: int | None, params: Params
) -> None:
    """The settings name samples for the style of a run without style, or for a content that does not count."""
    settings = replace(SETTINGS, **changes)
    encoder, content, styles = Encoder(params, settings), picture(*SIZE), [picture(60, 70)]
    targets = make_targets(encoder, content, styles if settings.style_weight else [], settings)
    assert targets.sampling is None
    _, gradient = evaluation_of(encoder, targets, settings, SIZE, tile=tile)(picture(*SIZE).numpy() / 255, 0)
    assert np.abs(gradient).max() > 0


def test_palette_counts_less_where_content_counts_more(params: Params) -> None:
    """The weight of the colours is one over the content's weight by the style's, and one at most."""
    content, style, image = picture(*SIZE), picture(60, 70) / 2, picture(*SIZE)
    encoder, found = Encoder(params, SETTINGS), []
    for weight in (0.5, 1.0, 4.0, 16.0):
        settings = replace(SETTINGS, content_weight=weight)
        found.append(float(losses(encoder, image, make_targets(encoder, content, [style], settings), settings).style))
    assert found[0] == pytest.approx(found[1])
    assert found[1] - found[2] == pytest.approx((1 - 1 / 4) / (1 / 4 - 1 / 16) * (found[2] - found[3]), rel=1e-3)


CHANGES: tuple[dict[str, Any], ...] = (
    {"style_loss": "remd"},
    {"style_loss": "split"},
    {"content_loss": "self-similarity"},
    {"last_pass": 1},
)


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_samples_and_their_settings(changes: dict[str, Any]) -> None:
    """Samples need layers and Adam, since the line search of L-BFGS needs one and the same loss for all its trials."""
    with pytest.raises(ValueError, match="match_layers must not be empty where "):
        Settings(match_layers=Layers(), **changes)
    with pytest.raises(ValueError, match="optimizer must be adam where style_loss is remd or split, "):
        Settings(optimizer="lbfgs", **changes)
    assert {"relu3_1", "relu4_1"} <= {*Settings(**changes).layers}


def test_layers_of_samples_are_needed() -> None:
    """Layers are those that are compared: no content layers beside self-similarity, no statistics beside samples."""
    assert SETTINGS.layers == ["relu1_1", "relu2_1", "relu3_1"]
    assert Settings().sampled_layers == {}


def test_split_layers_sum_over_layers_and_styles(params: Params) -> None:
    """Each layer's distance counts alike, and so do styles by their shares; a picture has none from itself."""
    settings = replace(SETTINGS, style_loss="split", content_loss="difference")
    content, one = picture(40, 50), picture(30, 60)
    encoder = Encoder(params, settings)

    def style_loss(styles: list[tf.Tensor], **changes: Any) -> float:
        changed = replace(settings, **changes)
        return float(losses(encoder, content, make_targets(encoder, content, styles, changed), changed).style)

    alone = [style_loss([one], match_layers=Layers(layer)) for layer in settings.match_layers]
    assert style_loss([one]) == pytest.approx(sum(alone), rel=1e-5)
    halves = [style_loss([each]) for each in (one, content / 2)]
    assert style_loss([one, content / 2]) == pytest.approx(sum(halves) / 2, rel=0.02)
    assert style_loss([content]) == pytest.approx(0, abs=1e-5)
