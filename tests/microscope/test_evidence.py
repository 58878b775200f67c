"""Maps of the places that a response depends on, against loops and finite differences."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import myvgg
from myvgg import images
from myvgg.microscope import Evidence, gradient_map, occlusion_map
from myvgg.params import Params
from myvgg.visualization import coloured
from tests.drawn import blobs

PICTURE = np.rint(blobs(17, 23, seed=4)).astype(np.uint8)
MEAN = np.array([123.68, 116.779, 103.939], np.float32)
"""The mean colour of the training pictures, R, G, B, as the paper's weights have it."""


def response(params: Params, picture: np.ndarray, layer: str, channel: int) -> float:
    """Return the mean of a channel, from the module."""
    return float(myvgg.VGG19(params).features(picture, [layer])[layer].numpy()[..., channel].mean())


def test_occlusion_is_a_loop_over_patches(tiny_params: Params) -> None:
    """Each pixel must have the mean drop of all patches over it, and the patches must reach all borders."""
    evidence = occlusion_map(PICTURE, tiny_params, layer="relu2_1", channel=2, size=23, patch=6, stride=4)
    total, count = np.zeros((17, 23)), np.zeros((17, 23))
    whole = response(tiny_params, PICTURE, "relu2_1", 2)
    for top in (0, 4, 8, 11):
        for left in (0, 4, 8, 12, 16, 17):
            covered = PICTURE.astype(np.float32)
            covered[top : top + 6, left : left + 6] = MEAN
            total[top : top + 6, left : left + 6] += whole - response(tiny_params, covered, "relu2_1", 2)
            count[top : top + 6, left : left + 6] += 1
    np.testing.assert_allclose(evidence.map, total / count, rtol=1e-4, atol=abs(whole) * 1e-5)
    assert evidence.response == pytest.approx(whole, rel=1e-5)
    assert np.array_equal(evidence.picture, PICTURE)


def test_a_patch_may_be_larger_than_the_picture(tiny_params: Params) -> None:
    """It then covers the whole picture once, and every pixel has the same drop."""
    evidence = occlusion_map(PICTURE, tiny_params, layer="conv2_1", channel=1, size=23, patch=99)
    grey = np.broadcast_to(MEAN, PICTURE.shape).copy()
    drop = response(tiny_params, PICTURE, "conv2_1", 1) - response(tiny_params, grey, "conv2_1", 1)
    np.testing.assert_allclose(evidence.map, drop, rtol=1e-3)


def test_a_stopped_map_has_zeros_where_no_patch_was(tiny_params: Params) -> None:
    """Where the watcher stops after one patch, the rest of the map must be zero."""
    watch = lambda steps, _: islice(steps, 1)  # noqa: E731
    evidence = occlusion_map(PICTURE, tiny_params, layer="conv2_1", channel=1, size=23, patch=6, watch=watch)
    assert (evidence.map[:6, :6] != 0).all()
    assert np.count_nonzero(evidence.map) == 36


def test_gradient_is_a_finite_difference(tiny_params: Params) -> None:
    """At each pixel, the map must be the largest absolute central difference of the three colours."""
    evidence = gradient_map(PICTURE, tiny_params, layer="conv1_2", channel=3, size=23)
    assert evidence.map.shape == (17, 23)
    for y, x in ((0, 0), (5, 9), (8, 22), (16, 11), (12, 3)):
        slopes = []
        for color in range(3):
            up, down = PICTURE.astype(np.float64), PICTURE.astype(np.float64)
            up[y, x, color], down[y, x, color] = up[y, x, color] + 0.25, down[y, x, color] - 0.25
            higher, lower = (myvgg.VGG19(tiny_params).features(each, ["conv1_2"])["conv1_2"] for each in (up, down))
            change = higher.numpy().astype(np.float64)[..., 3] - lower.numpy().astype(np.float64)[..., 3]
            slopes.append(abs(change.mean() / 0.5))
        assert evidence.map[y, x] == pytest.approx(max(slopes), rel=0.02)


@pytest.mark.parametrize("function", [gradient_map, occlusion_map])
def test_the_most_probable_class_is_explained(function: Any, tiny_params: Params) -> None:
    """With a classifier, the class with the greatest score must be explained, with its name, in the middle square."""
    picture = blobs(80, 96, seed=1)
    evidence: Evidence = function(picture, tiny_params, **({"patch": 40} if function is occlusion_map else {}))
    seen = images.Resizing(64)(picture)
    scores = myvgg.VGG19(tiny_params).logits(seen[None]).numpy()[0]
    assert evidence.channel == scores.argmax()
    assert evidence.label == f"class {evidence.channel}"
    assert evidence.unit == f"fc8, class {evidence.channel} (class {evidence.channel})"
    assert evidence.response == pytest.approx(scores.max(), rel=1e-4)
    assert np.array_equal(evidence.picture, seen)


def test_without_a_classifier_the_strongest_channel_is_explained(trained: Params) -> None:
    """The bundled weights know no classes: of the last convolution, the channel of the greatest mean is explained."""
    evidence = gradient_map(blobs(40, 48, seed=1), trained, size=48)
    means = myvgg.Extractor(trained, ["relu5_4"], reduce="mean")(evidence.picture)["relu5_4"].numpy()[0]
    assert evidence.unit == f"relu5_4, channel {means.argmax()}"


@pytest.mark.parametrize("function", [gradient_map, occlusion_map])
def test_a_grey_picture_is_a_picture(function: Any, tiny_params: Params) -> None:
    """A picture of one channel must give the map of three equal ones."""
    options = {"layer": "relu2_1", "channel": 0, "size": 23}
    grey = function(PICTURE[..., 0], tiny_params, **options)
    assert np.array_equal(grey.map, function(np.repeat(PICTURE[..., :1], 3, -1), tiny_params, **options).map)


def test_evidence_is_drawn_beside_the_photograph(tiny_params: Params) -> None:
    """The drawing must hold the photograph and, beside it, the map with zero dark."""
    evidence = gradient_map(PICTURE, tiny_params, layer="relu2_1", channel=0, size=23)
    drawn = evidence.draw()
    assert np.array_equal(drawn[:, :23], PICTURE)
    expected = coloured(evidence.map, 0.0, float(np.percentile(evidence.map, 99.5)))
    assert np.array_equal(drawn[:, -23:], expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel": 9, "layer": "relu3_1"}, "channel must be from 0 to 7, since relu3_1 has 8 channels, not 9"),
        ({"layer": "pool5", "size": 20}, "a picture of 15 x 20 pixels leaves nothing at pool5"),
        ({"layer": "relu8_1"}, "no layer 'relu8_1'"),
        ({"size": 0}, "size must be at least 1, not 0"),
        ({"size": 32}, "fc8 needs pictures of 64 x 64 pixels"),
    ],
)
def test_wrong_arguments(options: Any, message: str, tiny_params: Params) -> None:
    """They are refused at the call, with what is allowed."""
    for function in (gradient_map, occlusion_map):
        with pytest.raises(ValueError, match=message):
            function(PICTURE, tiny_params, **options)


def test_few_places_are_seen(tiny_params: Params) -> None:
    """Where less than half a per cent of a map is above zero, its largest value must be the bright end."""
    evidence = gradient_map(PICTURE, tiny_params, layer="relu2_1", channel=0, size=23)
    single = np.zeros((17, 23), np.float32)
    single[3, 4] = 1e-3
    drawn = replace(evidence, map=single).draw()[:, -23:]
    assert np.array_equal(drawn[3, 4], coloured(np.ones((1, 1)), 0.0, 1.0)[0, 0])
    assert np.array_equal(drawn[0, 0], coloured(np.zeros((1, 1)), 0.0, 1.0)[0, 0])


def test_a_stride_leaves_no_pixel_out(tiny_params: Params) -> None:
    """A stride above the patch is refused; one of the patch is allowed."""
    options: dict[str, Any] = {"layer": "relu1_1", "channel": 0, "size": 23, "patch": 8}
    with pytest.raises(ValueError, match="stride must be at most 8, the patch, so that no pixel is left out, not 9"):
        occlusion_map(PICTURE, tiny_params, **options, stride=9)
    assert occlusion_map(PICTURE, tiny_params, **options, stride=8).map.shape == (17, 23)


def test_the_class_scores_are_the_default(tiny_params: Params, tmp_path: Path, monkeypatch: Any) -> None:
    """Without a layer, the classifier of the file must be taken, as the command takes it; with a layer, no more."""
    asked: list[bool | None] = []

    def load(*_: Any, include_top: bool | None, **__: Any) -> Params:
        asked.append(include_top)
        return tiny_params

    monkeypatch.setattr("myvgg.loading.load_params", load)
    assert gradient_map(blobs(64, 64, seed=1)).layer == "fc8"
    assert gradient_map(PICTURE, layer="relu1_1", channel=0, size=23).layer == "relu1_1"
    assert asked == [None, False]


def test_patches_have_pixels(tiny_params: Params) -> None:
    """A patch or a stride of nothing is refused."""
    for options in ({"patch": 0}, {"stride": 0}):
        with pytest.raises(ValueError, match="patch and stride must be at least 1"):
            occlusion_map(PICTURE, tiny_params, layer="relu1_1", **options)  # type: ignore[arg-type]
