"""A scale: its picture and gradient above a draft."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from myvgg.nst import Settings
from myvgg.nst.criterion import Criterion
from myvgg.nst.encoder import Encoder
from myvgg.nst.evaluation import Evaluate, Evaluator
from myvgg.nst.inputs import read_inputs
from myvgg.nst.pyramid import Size
from myvgg.nst.scale import Scale
from myvgg.nst.settings import Layers
from myvgg.params import Params

SETTINGS = Settings(
    size=27,
    content_layers=Layers("relu2_1"),
    style_layers=Layers("relu1_1,relu2_2"),
    style_loss="wasserstein",
    precision="float32",
)
DRAFT = (14, 10)
BEGIN = np.asarray(0.3 + 0.4 * np.random.default_rng(0).random((1, 19, 27, 3)), np.float32)

Make = Callable[[Size | None], tuple[Scale, Evaluate]]


@pytest.fixture
def make(params: Params, content: np.ndarray, style: np.ndarray) -> Make:
    """Make a scale of 27 x 19 pixels with its evaluation, above a draft or without one."""
    encoder = Encoder(params, SETTINGS)
    inputs = read_inputs(content, style, SETTINGS, masks=(), style_masks=(), keep=None, first=None)

    def made(draft: Size | None) -> tuple[Scale, Evaluate]:
        scale = Scale(inputs, (27, 19), encoder, SETTINGS, draft=draft, begin=BEGIN)
        return scale, scale.bind(None, evaluator=Evaluator(Criterion(encoder, SETTINGS)), cache={})

    return made


def test_the_gradient_above_a_draft_is_that_of_the_loss(make: Make) -> None:
    """The loss is that of the picture that the scale shows, and changes along a direction as its gradient says."""
    scale, evaluate = make(DRAFT)
    rng = np.random.default_rng(1)
    pixels = np.asarray(0.3 + 0.4 * rng.random(BEGIN.shape), np.float32)
    losses, gradient = evaluate(pixels, 0)
    _, plain = make(None)
    assert float(losses.total) == pytest.approx(float(plain(scale.picture(pixels)[np.newaxis] / 255, 0)[0].total))
    way = np.asarray(rng.uniform(0, 0.004, BEGIN.shape) * np.sign(gradient), np.float32)
    rise = float(evaluate(pixels + way, 0)[0].total) - float(evaluate(pixels - way, 0)[0].total)
    assert rise / 2 == pytest.approx(float((np.asarray(gradient) * way).sum()), rel=0.02)


@pytest.mark.parametrize("change", [0.0, 0.1])
def test_above_a_draft_the_beginning_stays(change: float, make: Make) -> None:
    """The beginning is kept as it is, and a change of all pixels alike is no detail."""
    scale, _ = make(DRAFT)
    assert np.allclose(scale.picture(BEGIN + np.float32(change)), 255 * BEGIN[0], atol=1e-3)
