"""Losses and gradients of whole pictures and of tiles."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from myvgg import network as ops
from myvgg.architecture import CONFIGURATION_E, Conv
from myvgg.example_pictures import FOLDER
from myvgg.images import load, resize
from myvgg.nst import Settings, evaluation, maps, pyramid, tiles
from myvgg.nst.criterion import Criterion
from myvgg.nst.encoder import Encoder
from myvgg.nst.settings import Layers
from myvgg.nst.stages import Kept, Piece, Seen, Targets
from myvgg.nst.targets import make_targets
from myvgg.params import Params
from myvgg.runtime.process import uninterrupted
from tests.nst.reference import losses

DEEP = Layers("relu1_1=16,relu2_1=8,relu3_1=4,relu4_1=2,relu5_1=1")
BASE = Settings(precision="float32", style_layers=DEEP)
CASES: dict[str, Settings] = {
    "Wasserstein": replace(BASE, style_layers=Layers("relu4_1=2,relu5_1=1")),
    "gram": replace(BASE, style_loss="gram"),
    "gram and mean, sums, average pools that keep odd ends": replace(
        BASE, style_loss="gram+mean", tv_sum=True, pooling="avg", pool_padding="same", balance=False
    ),
    "neighbors": replace(BASE, style_loss="neighbors", match_layers=Layers("relu1_2=1,relu2_1=2,relu3_2=3,relu5_1=1")),
    "Wasserstein and neighbors, odd ends": replace(
        BASE, style_layers=Layers("relu4_1"), style_loss="wasserstein+neighbors", match_weight=3.0, pool_padding="same"
    ),
    "samples of both": replace(
        BASE,
        style_loss="remd",
        content_loss="self-similarity",
        match_layers=Layers("relu1_2=1,relu2_1=2,relu3_2=3,relu5_1=1"),
    ),
    "samples of the style, content by features": replace(
        BASE, style_loss="remd", match_layers=Layers("relu2_2,pool4"), pool_padding="same", content_weight=3.0
    ),
    "each layer by itself": replace(
        BASE, style_loss="split", match_layers=Layers("relu1_2,relu2_1,relu3_2,relu5_1"), pool_padding="same"
    ),
    "each layer by itself, content by samples": replace(
        BASE, style_loss="split", content_loss="self-similarity", match_layers=Layers("relu1_2,relu3_2,relu4_1")
    ),
    "zero padding, absolute differences": replace(BASE, style_loss="gram", padding="zero", tv="l1"),
    "content alone": replace(BASE, style_weight=0.0, content_layers=Layers("relu2_2,conv5_1,pool3")),
    "smoothness alone": replace(BASE, style_weight=0.0, content_weight=0.0),
}
SIZES = [(201, 260), (97, 450), (523, 83)]
TILE = 48
"""Small, but with pictures of these sizes still cut into no more than thirty."""


class Exact(Encoder):
    """The network in float64, written as a loop, without scaling."""

    def __init__(self, params: Params, settings: Settings) -> None:
        """Bind it."""
        self.params, self.precision, self._settings = params, "float32", settings

    def __call__(self, image: tf.Tensor, layers: Iterable[str]) -> dict[str, tf.Tensor]:
        """Compute all that is asked for."""
        found, settings = {}, self._settings
        layers = list(layers)
        x = (image - 120) / 60
        pool = {"max": ops.max_pool, "avg": ops.avg_pool}[settings.pooling]
        for layer in self.params.architecture.layers[:-3]:
            if isinstance(layer, Conv):
                kernel, bias = (tf.cast(tf.constant(part), tf.float64) for part in self.params.layers[layer.name])
                first = layer.name == "conv1_1"
                x = found[layer.name] = ops.conv2d(x, kernel, bias, settings.padding if first else "zero")
                x = found[layer.name.replace("conv", "relu")] = ops.relu(x)
            else:
                x = found[layer.name] = pool(x, settings.pool_padding)
            if {*layers} <= {*found}:
                break
        return {layer: found[layer] for layer in layers}


def pictures(height: int, width: int, dtype: Any) -> tuple[tf.Tensor, ...]:
    """Draw a content, two styles and pixels to evaluate."""
    rng = np.random.default_rng(height)
    sizes = ((height, width), (height + 40, width), (150, 230))
    return (
        *(tf.constant(rng.uniform(0, 255, (1, *size, 3)), dtype) for size in sizes),
        tf.constant(rng.uniform(0, 1, (1, height, width, 3)), dtype),
    )


def evaluation_of(
    network: Encoder,
    targets: Targets,
    settings: Settings,
    size: tuple[int, int],
    *,
    tile: int | None = None,
    kept: Kept | tuple[()] = (),
) -> evaluation.Evaluate:
    """Return the evaluation of pictures of a height and width."""
    return bound(evaluation.Evaluator(Criterion(network, settings)), targets, size, tile=tile, kept=kept)


def bound(
    evaluator: evaluation.Evaluator,
    targets: Targets,
    size: tuple[int, int],
    *,
    tile: int | None,
    kept: Kept | tuple[()] = (),
) -> evaluation.Evaluate:
    """Bind graphs to targets of a height and width."""
    cut = tiles.cut(*size, tile, CONFIGURATION_E, targets.layers)
    return evaluator.bind(targets, cut, height=size[0], width=size[1], kept=kept)


def evaluated(network: Encoder, settings: Settings, size: tuple[int, int], dtype: Any, tile: int | None) -> Any:
    """Return unit, losses and gradient, seen whole or in tiles."""
    content, style, _, pixels = pictures(*size, dtype)
    names = [*settings.content_layers, *settings.style_layers]
    assert len(tiles.cut(*size, tile, network.params.architecture, names)) > 1 or tile is None
    targets = make_targets(
        network,
        content if settings.content_weight else None,
        [style] if settings.style_weight else [],
        settings,
        tile=tile,
    )
    terms, gradient = evaluation_of(network, targets, settings, size, tile=tile)(pixels.numpy(), 0)
    return targets.unit, tuple(map(float, terms)), np.asarray(gradient)


def difference(actual: np.ndarray, expected: np.ndarray) -> float:
    """Return the relative length of the difference."""
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_gradient_is_that_of_the_losses(name: str, tiny_params: Params) -> None:
    """In float64, what goes down to the pixels is what TensorFlow makes of the losses as they are written."""
    settings, (content, style, _, pixels) = CASES[name], pictures(49, 66, tf.float64)
    network = Exact(tiny_params, settings)
    targets = make_targets(network, content if settings.content_weight else None, [style], settings)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        terms = losses(network, 255 * pixels, targets, settings)
    actual, gradient = evaluation_of(network, targets, settings, (49, 66))(pixels.numpy(), 0)
    assert tuple(map(float, actual)) == pytest.approx(tuple(map(float, terms)), rel=1e-12)
    assert difference(np.asarray(gradient), tape.gradient(terms.total, pixels).numpy()) < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "tolerance"), [("bfloat16", 0.1), ("float16", 0.05)])
@pytest.mark.parametrize("tile", [None, TILE])
def test_half_precision_has_a_gradient(precision: Any, tolerance: float, tile: int | None, params: Params) -> None:
    """Over many positions, the gradient is near that in float32, small as it is at each of them."""
    size, layers = (300, 400), Layers("relu2_1")
    content, style, _, pixels = pictures(*size, tf.float32)
    gradients = []
    for each in ("float32", precision):
        settings = replace(CASES["gram"], precision=each, content_layers=layers, style_layers=layers, tv_weight=0.0)
        network = Encoder(params, replace(settings))
        targets = make_targets(network, content, [style], settings)._replace(unit=1e6)
        evaluate = evaluation_of(network, targets, settings, size, tile=tile)
        gradients.append(np.asarray(evaluate(pixels.numpy(), 0)[1]))
        assert gradients[-1].dtype == np.float32
    assert 0 < difference(gradients[1], gradients[0]) < tolerance


@pytest.mark.parametrize(
    "weights",
    [{"style_weight": 1e9}, {"content_weight": 1e9}, {"style_weight": 1e-9, "content_weight": 1e-9, "tv_weight": 1e-9}],
    ids=["style", "content", "small"],
)
@pytest.mark.parametrize("tile", [None, TILE])
def test_float16_has_a_gradient_with_any_weights(weights: dict[str, float], tile: int | None, params: Params) -> None:
    """Weights of other programs, enormous ones and tiny ones, neither overflow nor vanish in half precision."""
    size, layers = (48, 64), Layers("relu2_1")
    content, style, _, pixels = pictures(*size, tf.float32)
    gradients = []
    for precision in ("float32", "float16"):
        settings = Settings(
            style_loss="gram", content_layers=layers, style_layers=layers, precision=precision, **weights
        )  # type: ignore[arg-type]
        network = Encoder(params, settings)
        evaluate = evaluation_of(network, make_targets(network, content, [style], settings), settings, size, tile=tile)
        gradients.append(np.asarray(evaluate(pixels.numpy(), 0)[1]))
    assert 0 < difference(gradients[1], gradients[0]) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "size"),
    [
        *(pytest.param(CASES[name], size, id=f"{name}, {size}") for name in CASES for size in SIZES[:1]),
        *(pytest.param(CASES["gram"], size, id=f"gram, {size}") for size in SIZES[1:]),
    ],
)
def test_tiles_are_exact(settings: Settings, size: tuple[int, int], tiny_params: Params) -> None:
    """In float64, the losses and the gradient of tiles are those of the whole picture to 1e-12, at any size."""
    network = Exact(tiny_params, settings)
    expected = evaluated(network, settings, size, tf.float64, None)
    actual = evaluated(network, settings, size, tf.float64, TILE)
    assert actual[0] == pytest.approx(expected[0], rel=1e-12)
    assert actual[1] == pytest.approx(expected[1], rel=1e-12)
    assert difference(actual[2], expected[2]) < 1e-12


@pytest.mark.slow
def test_less_of_the_surroundings_is_not_enough(tiny_params: Params) -> None:
    """With surroundings one step of the grid smaller, tiles are not exact: they need all of their surroundings."""
    (height, width), network = SIZES[0], Exact(tiny_params, BASE)
    content, style, _, pixels = pictures(height, width, tf.float64)
    targets = make_targets(network, content, [style], BASE)
    network_and_layers = tiny_params.architecture, targets.layers
    less = tiles.halo(*network_and_layers) - tiles.grid(*network_and_layers)
    whole, *cuts = (tiles.cut(height, width, tile, tiny_params.architecture, targets.layers) for tile in (None, TILE))
    cuts.append([tile._replace(outer=widened(tile.box, less, height, width)) for tile in cuts[0]])
    evaluator = evaluation.Evaluator(Criterion(network, BASE))
    expected, exact, inexact = (
        np.asarray(evaluator.bind(targets, cut, height=height, width=width)(pixels.numpy(), 0)[1])
        for cut in (whole, *cuts)
    )
    assert difference(exact, expected) < 1e-12
    assert difference(inexact, expected) > 1e-10


def widened(box: tiles.Box, around: int, height: int, width: int) -> tiles.Box:
    """Return a box with some pixels around it, within a picture."""
    top, bottom, left, right = box
    return max(0, top - around), min(height, bottom + around), max(0, left - around), min(width, right + around)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tiles_are_exact_with_masks(dtype: str, tiny_params: Params) -> None:
    """Regions with styles of their own, parts of styles, and what is kept go through tiles as well."""
    height, width = SIZES[0]
    rng = np.random.default_rng(5)
    content, *styles, pixels = pictures(height, width, dtype)
    masks = list(rng.uniform(0, 1, (2, height, width)).astype(np.float32))
    style_masks = [rng.uniform(0, 1, styles[0].shape[1:3]).astype(np.float32), None]
    kept = Kept(tf.constant(rng.uniform(0, 1, (1, height, width, 1)), dtype), content)
    network = Exact(tiny_params, BASE) if dtype == "float64" else Encoder(tiny_params, BASE)
    found = []
    for tile in (None, TILE):
        targets = make_targets(network, content, styles, BASE, masks=masks, style_masks=style_masks, tile=tile)
        found.append(evaluation_of(network, targets, BASE, SIZES[0], kept=kept, tile=tile)(pixels.numpy(), 0))
    tolerance = {"float32": 1e-3, "float64": 1e-10}[dtype]  # the roots of shallow layers amplify what rounding does
    (expected, expected_gradient), (actual, actual_gradient) = found
    assert tuple(map(float, actual)) == pytest.approx(tuple(map(float, expected)), rel=tolerance)
    assert difference(np.asarray(actual_gradient), np.asarray(expected_gradient)) < tolerance


@pytest.mark.slow
def test_tiles_are_exact_with_trained_weights(trained: Params) -> None:
    """In float32, with photographs and the network that counts, losses and gradient agree to 1e-6."""
    content, style = (resize(load(FOLDER / f"{name}.jpg"), (260, 200)) for name in ("chelsea", "strokes"))
    settings = replace(Settings(), precision="float32")
    pixels = pyramid.first_image(content, None, settings)[np.newaxis] / 255
    network = Encoder(trained, settings)
    found = []
    for tile in (None, 64):
        targets = make_targets(
            network, tf.constant(content[np.newaxis]), [tf.constant(style[np.newaxis])], settings, tile=tile
        )
        found.append(evaluation_of(network, targets, settings, (200, 260), tile=tile)(pixels, 0))
    (expected, expected_gradient), (actual, actual_gradient) = found
    assert tuple(map(float, actual)) == pytest.approx(tuple(map(float, expected)), rel=1e-6)
    assert difference(np.asarray(actual_gradient), np.asarray(expected_gradient)) < 1e-6


class Counted(Criterion):
    """A criterion that counts its traces."""

    traces = 0

    def see(self, piece: Piece) -> Seen:
        """Count, and see."""
        self.traces += 1
        return super().see(piece)


@pytest.mark.slow
@pytest.mark.parametrize("tile", [None, TILE])
def test_pictures_and_tiles_of_all_sizes_are_traced_once(tile: int | None, tiny_params: Params) -> None:
    """One graph serves pictures of all scales, and one for each pass serves all tiles, with the results of others."""
    layers = {"content_layers": Layers("relu2_2"), "style_layers": Layers("relu1_1,relu2_1")}
    settings = replace(BASE, **layers, match_layers=Layers("relu1_1,relu2_1"))
    network = Encoder(tiny_params, settings)
    criterion = Counted(network, settings)
    evaluator = evaluation.Evaluator(criterion)
    assert criterion.traces == 0
    for size in ((71, 90), (130, 67)):
        content, style, _, pixels = pictures(*size, tf.float32)
        targets = make_targets(network, content, [style], settings, tile=tile)
        assert len(tiles.cut(*size, tile, tiny_params.architecture, targets.layers)) > 1 or tile is None
        evaluate = bound(evaluator, targets, size, tile=tile)
        for _ in range(2):
            losses, gradient = evaluate(pixels.numpy(), 0)
        expected, expected_gradient = evaluation_of(network, targets, settings, size, tile=tile)(pixels.numpy(), 0)
        assert tuple(map(float, losses)) == tuple(map(float, expected))
        assert (np.asarray(gradient) == np.asarray(expected_gradient)).all()
    assert criterion.traces == (1 if tile is None else 2)


class Interrupting(Counted):
    """A criterion in whose traces Ctrl-C is pressed."""

    def see(self, piece: Piece) -> Seen:
        """See, and press Ctrl-C."""
        seen = super().see(piece)
        signal.raise_signal(signal.SIGINT)
        return seen


@pytest.mark.usefixtures("ctrl_c")
def test_an_interruption_leaves_the_graphs_whole(tiny_params: Params) -> None:
    """Ctrl-C waits for the end of TensorFlow's work, whose graph then serves the next picture."""
    settings = replace(BASE, content_layers=Layers("relu1_1"), style_layers=Layers("relu1_1"), style_loss="wasserstein")
    network = Encoder(tiny_params, settings)
    content, style, _, pixels = pictures(33, 40, tf.float32)
    targets = make_targets(network, content, [style], settings)
    criterion = Interrupting(network, settings)
    evaluate = bound(evaluation.Evaluator(criterion), targets, (33, 40), tile=None)
    with pytest.raises(KeyboardInterrupt):
        evaluate(pixels.numpy(), 0)
    losses, _ = evaluate(pixels.numpy(), 0)
    expected, _ = evaluation_of(network, targets, settings, (33, 40))(pixels.numpy(), 0)
    assert tuple(map(float, losses)) == tuple(map(float, expected))
    assert criterion.traces == 1


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize(("module", "name"), [(maps, "features_of"), (evaluation, "_piece_of")])
def test_an_interruption_comes_between_two_tiles(
    module: Any, name: str, tiny_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C waits for the end of the present tile, in targets as in a step, and no other tile begins."""
    settings = replace(BASE, content_layers=Layers("relu1_1"), style_layers=Layers("relu1_1"), style_loss="wasserstein")
    network, begun = Encoder(tiny_params, settings), list[object]()
    content, style, _, pixels = pictures(201, 260, tf.float32)
    was = getattr(module, name)

    def interrupted(*arguments: Any) -> Any:
        begun.append(arguments)
        signal.raise_signal(signal.SIGINT)
        begun.append("went on")
        return was(*arguments)

    def work() -> None:
        with uninterrupted():
            targets = make_targets(network, content, [style], settings, tile=TILE)
            evaluation_of(network, targets, settings, (201, 260), tile=TILE)(pixels.numpy(), 0)

    monkeypatch.setattr(module, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        work()
    assert len(begun) == 2
    assert begun[1] == "went on"
