"""The normalised network: filters have a mean response of one, and class scores do not change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import myvgg
from myvgg.cli import convert
from myvgg.normalization import mean_responses, normalized
from myvgg.params import LayerParams, Params, random
from tests.keras_models import pictures

IMAGES = [pictures(1, *size, seed=size[0])[0] for size in ((64, 64), (40, 71), (33, 32))]


def test_mean_responses_are_one(tiny_params: Params) -> None:
    """Each filter with a response has a mean of one after rectification, over all positions of all pictures."""
    params = normalized(tiny_params, IMAGES)
    names = [f"relu{c.name.removeprefix('conv')}" for c in params.architecture.convolutions]
    found = [myvgg.VGG19(params).features(image, names) for image in IMAGES]
    silent = 0
    for name in names:
        rows = np.concatenate([maps[name].numpy().reshape(-1, maps[name].shape[-1]) for maps in found]).astype(float)
        mean = rows.mean(axis=0)
        silent += int((mean == 0).sum())
        np.testing.assert_allclose(mean[mean > 0], 1, rtol=2e-5)
    assert silent < 0.5 * sum(c.outputs for c in params.architecture.convolutions)


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_classes_stay_the_same(pooling: str, tiny_params: Params) -> None:
    """Class scores differ by rounding only, with either kind of pools."""
    images = pictures(2, 64, 64, seed=9)
    before, after = (
        myvgg.VGG19(params, pooling=pooling).logits(images).numpy()
        for params in (tiny_params, normalized(tiny_params, IMAGES))
    )
    np.testing.assert_allclose(after, before, rtol=0, atol=2e-5 * np.abs(before).max())


def test_a_silent_filter_stays(tiny_params: Params) -> None:
    """A filter without response stays as it is."""
    kernel, bias = tiny_params.layers["conv1_1"]
    silent = LayerParams(kernel, np.where(np.arange(bias.size) == 2, -1e6, bias).astype(np.float32))
    params = Params({**tiny_params.layers, "conv1_1": silent}, architecture=tiny_params.architecture)
    assert mean_responses(params, IMAGES)["conv1_1"][2] == 1
    found = normalized(params, IMAGES)
    assert all(np.isfinite(part).all() for layer in found.layers.values() for part in layer)
    assert np.array_equal(found.layers["conv1_1"].kernel[..., 2], kernel[..., 2])


def test_no_pictures(tiny_params: Params) -> None:
    """Without pictures nothing can be measured."""
    with pytest.raises(ValueError, match="pictures must be one at least"):
        normalized(tiny_params, [])


@pytest.mark.slow
def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--normalize` writes the scaled network, and notes it."""
    random(include_top=False).save(tmp_path / "a.safetensors")
    examples = Path(__file__).parents[1] / "examples"
    words = [str(tmp_path / "a.safetensors"), "-o", str(tmp_path / "b.safetensors")]
    assert convert.main([*words, "--normalize", str(examples / "coffee.jpg"), str(examples / "waves.jpg")]) == 0
    assert "scaled   to a mean response of one to 2 pictures" in capsys.readouterr().out
    params = myvgg.converters.load(tmp_path / "b.safetensors")
    assert "mean response of one" in params.origin.notes[-1]
    found = mean_responses(params, [myvgg.images.load(examples / f"{name}.jpg") for name in ("coffee", "waves")])
    for mean in found.values():
        np.testing.assert_allclose(mean, 1, rtol=5e-3)  # of filters that hardly ever answer, rounding is left
