"""The plan of a run: its memory, its tiles, its time, and what happens where the plan is wrong."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from myvgg import kernels
from myvgg import network as ops
from myvgg.architecture import CONFIGURATION_E
from myvgg.nst import Settings, colors, memory, plan, probe, tiles
from myvgg.nst.settings import Layers
from myvgg.params import Params, random
from myvgg.runs.plan_text import describe

PRECISE = Settings(precision="float32")
SIZES = plan.Sizes((512, 384), [(640, 480)])


@pytest.fixture(scope="module")
def vgg19() -> Params:
    """Parameters of VGG19's size."""
    return random(CONFIGURATION_E, include_top=False)


SPEED = probe.Speed(0.0, 1e-6)
"""A machine that takes a second a megapixel, and nothing besides."""


# Memory.


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_memory_grows_with_the_pixels_and_tiles_hold_it(precision: Any, vgg19: Params) -> None:
    """A picture of twelve megapixels needs more than ten gigabytes whole, and less than four in tiles."""
    settings = replace(Settings(precision=precision), size="4096x3072", max_memory=3.6)
    sizes = plan.Sizes((4096, 3072), [(640, 480)])
    whole = plan.memory_of(settings, sizes, vgg19, (4096, 3072), None)
    side = plan.tile(settings, sizes, vgg19)
    assert whole > 10e9
    assert side is not None
    assert plan.memory_of(settings, sizes, vgg19, (4096, 3072), side) <= 3.6e9 < whole
    assert plan.tile(replace(settings, max_memory=100.0), sizes, vgg19) is None


def test_less_memory_means_smaller_tiles(vgg19: Params) -> None:
    """The tile shrinks with the limit, down to the smallest."""
    settings = replace(PRECISE, size="2048x1536")
    sizes = plan.Sizes((2048, 1536), [(640, 480)])
    sides = [plan.tile(settings, sizes, vgg19, limit=limit) for limit in (4e9, 3e9, 2e9, 1e6)]
    assert sides == sorted(sides, key=lambda side: -(side or 0))
    assert len(set(sides)) == 4
    assert sides[-1] == 64


def test_the_limit_is_the_users_or_two_thirds_of_the_machine() -> None:
    """Gigabytes of `max_memory` count, and else the machine's memory."""
    assert memory.limit(Settings(max_memory=1.5), machine=12e9) == 1.5e9
    assert memory.limit(Settings(), machine=12e9) == pytest.approx(8e9)
    assert memory.limit(Settings()) == pytest.approx(memory.machine_memory() * 2 / 3)


def test_this_machine_has_memory() -> None:
    """The machine has more than this process holds, which is more than nothing."""
    assert 50e6 < memory.resident() < memory.machine_memory()


def watch(limit: float, *held: float, peaks: Sequence[float] = (0,)) -> memory.Watch:
    """Return a watch over a process that seems to hold these bytes: the next at each look, the last for ever."""
    values, highest = [*held], [*peaks]

    def next_of(numbers: list[float]) -> int:
        return int(numbers.pop(0) if len(numbers) > 1 else numbers[0])

    settings = Settings(max_memory=limit)
    return memory.Watch(settings, resident=lambda: next_of(values), peak=lambda: next_of(highest))


def test_only_growth_beyond_the_limit_is_told() -> None:
    """A process is short of memory when it passes a quarter more than the limit, and again when it grows on."""
    short = watch(2.0, 1e9, 2.4e9, 2.6e9, 2.6e9, 2.7e9, 2.8e9)
    assert [short.is_short() for _ in range(5)] == [False, True, False, False, True]


def test_what_was_held_before_is_not_the_runs() -> None:
    """A process that is large for other reasons is not short of memory by itself."""
    large = watch(2.0, 6e9, 6.1e9, 6.2e9, 6.5e9)
    assert [large.is_short() for _ in range(3)] == [False, False, True]


def test_memory_that_was_given_back_counts() -> None:
    """The peak of a step tells, also when the process holds less again, but not a peak from before the run."""
    before = watch(2.0, 1e9, peaks=(5e9, 5e9, 6e9, 6e9))
    assert [before.is_short() for _ in range(3)] == [False, True, False]


def test_the_peak_of_this_process_is_known() -> None:
    """It is no less than what the process holds."""
    assert memory.peak() >= 0.9 * memory.resident()


def test_an_excess_is_told_from_noise() -> None:
    """A run that took twice what was planned says so; small plans and small differences say nothing."""
    taken = watch(9.0, 1e9, 3e9, 2.1e9, 3e9)
    assert taken.excess(1e9) == 2.0
    assert taken.excess(1e9) == 1.0
    assert taken.excess(1e6) == 1.0


def test_a_scale_that_took_too_much_makes_the_next_smaller(vgg19: Params) -> None:
    """Where a scale takes three times its plan, the next one is cut as if there was a third of the memory."""
    settings, sizes = replace(PRECISE, size="2048x1536", max_memory=9.0), plan.Sizes((2048, 1536), [(640, 480)])
    base = plan.base_memory(settings, vgg19)
    third = plan.tile(settings, sizes, vgg19, limit=base + (9e9 - base) / 3)
    assert plan.tile_after(settings, sizes, vgg19, None, excess=1.0) is None
    assert plan.tile_after(settings, sizes, vgg19, None, excess=3.0) == third
    assert plan.tile_after(settings, sizes, vgg19, 128, excess=3.0) == 128


# The gradient that takes less memory.


@pytest.fixture
def without_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose kernels unfold maps."""
    monkeypatch.setattr(kernels, "has_onednn", lambda: False)
    monkeypatch.setattr(kernels, "has_gpu", lambda: False)


@pytest.mark.parametrize("inputs", [3, 20])
@pytest.mark.parametrize("padding", ["zero", "replicate"])
@pytest.mark.parametrize("size", [(1, 1), (2, 5), (9, 8)])
def test_the_lean_gradient_is_the_gradient(
    inputs: int, padding: Any, size: tuple[int, int], without_onednn: None
) -> None:
    """It is what TensorFlow computes otherwise, whatever the size, the padding and the number of inputs."""
    rng = np.random.default_rng(0)
    x, pull, kernel = (
        tf.constant(rng.standard_normal(shape)) for shape in ((2, *size, inputs), (2, *size, 4), (3, 3, inputs, 4))
    )

    def gradient(lean: bool) -> tuple[tf.Tensor, set[str]]:
        @tf.function(autograph=False)
        def computed(x: tf.Tensor) -> tf.Tensor:
            with ops.lean_gradients() if lean else tf.name_scope("plain"):
                y = ops.conv2d(x, kernel, tf.zeros(4, tf.float64), padding=padding)
            return tf.gradients(y, [x], [pull])[0]

        graph = computed.get_concrete_function(x).graph
        return computed(x), {operation.type for operation in graph.get_operations()}

    (actual, operations), (expected, _) = gradient(True), gradient(False)
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)
    unfolds = "Conv2DBackpropInput" in operations
    assert unfolds == (inputs == 3 or padding == "replicate")


def test_the_lean_gradient_is_for_graphs_without_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere nothing is changed, so that bits stay Keras'."""
    cases = ((True, False, False, True), (False, True, False, True), (False, False, True, True))
    for onednn, gpu, eager, expected in (*cases, (False, False, False, False)):
        monkeypatch.setattr(kernels, "has_onednn", lambda answer=onednn: answer)
        monkeypatch.setattr(kernels, "has_gpu", lambda answer=gpu: answer)
        with tf.Graph().as_default() if not eager else tf.init_scope():
            assert ("nullcontext" in repr(ops.lean_gradients())) == expected


# Time.


def test_time_is_counted_in_measured_pixels(vgg19: Params) -> None:
    """Steps of a size take its pixels times what a pixel was measured to take, and something to begin with."""
    settings = replace(PRECISE, size=512, scales=1, style_loss="wasserstein")
    few, many = (plan.plan(replace(settings, iterations=steps), SIZES, vgg19, speed=SPEED) for steps in (1, 101))
    pixels = 512 * 384
    assert many.seconds - few.seconds == pytest.approx(100 * pixels * (1e-6 + plan.PIXEL_SECONDS))
    before = plan.TRACE_SECONDS + plan.SETUP_SECONDS["wasserstein"]
    assert few.seconds == pytest.approx(before + pixels * (1e-6 + plan.PIXEL_SECONDS), rel=0.5)


def test_the_graph_is_traced_once(vgg19: Params) -> None:
    """The graph of the first scale serves the others, so that only the first one pays for it."""
    settings = replace(PRECISE, size=512, iterations=1)
    (alone,) = plan.plan(replace(settings, scales=1), SIZES, vgg19, speed=SPEED).scales
    *_, last = plan.plan(settings, SIZES, vgg19, speed=SPEED).scales
    assert alone.seconds - last.seconds == pytest.approx(plan.TRACE_SECONDS)


def test_tiles_cost_a_second_look_and_their_surroundings(vgg19: Params) -> None:
    """A picture in tiles takes more than twice the time."""
    settings = replace(PRECISE, size="2048x1536", scales=1, iterations=100)
    sizes = plan.Sizes((2048, 1536), [(640, 480)])
    whole, tiled = (plan.plan(replace(settings, max_memory=limit), sizes, vgg19, speed=SPEED) for limit in (50.0, 2.0))
    assert whole.scales[0].tile is None
    assert tiled.scales[0].tile is not None
    assert 1.67 < tiled.seconds / whole.seconds < 4


def test_a_measurement_is_made_once(tiny_params: Params) -> None:
    """Equal layers and options are measured once, others again."""
    first, same, other = (
        probe.speed(tiny_params, settings, content=["relu4_1"], style=["relu1_1"])
        for settings in (PRECISE, replace(PRECISE, size=100, seed=3), replace(PRECISE, pooling="avg"))
    )
    assert first is same
    assert first is not other


def test_a_real_measurement(tiny_params: Params) -> None:
    """On this machine, a step takes some time a pixel, whatever the layers are."""
    for content, style in ((["relu4_2"], ["relu1_1", "relu2_1"]), ([], ["relu2_1"]), (["relu4_2"], [])):
        found = probe.speed(tiny_params, PRECISE, content=content, style=style)
        assert probe.SHORTEST <= found.pixel < 1e-3
        assert probe.speed(tiny_params, PRECISE, content=content, style=style) is found


@pytest.mark.parametrize(("max_memory", "is_told"), [(0.5, True), (8.0, False), (None, False)])
def test_a_limit_that_cannot_be_kept_is_told(max_memory: float | None, is_told: bool, vgg19: Params) -> None:
    """The text of a plan says so where the smallest tiles take more memory than the user allows."""
    settings = Settings(size=256, max_memory=max_memory, precision="float32")
    found = plan.plan(settings, plan.Sizes((256, 256), [(256, 256)]), vgg19, speed=SPEED)
    assert found.is_over_limit == is_told
    lines = [line for line in describe(found).splitlines() if line.startswith("max_memory 0.5 GB cannot be kept")]
    assert len(lines) == is_told


def test_memory_is_planned_for_the_device_that_computes(vgg19: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles are those of the GPU's memory where there is a GPU, unless the user has set a limit."""
    sizes = plan.Sizes((2048, 2048), [(640, 480)])
    settings = replace(PRECISE, size=2048)
    monkeypatch.setattr(kernels, "gpu_memory", lambda: 3e9)
    assert plan.tile(settings, sizes, vgg19) == plan.tile(settings, sizes, vgg19, limit=memory.SHARE * 3e9)
    limited = replace(settings, max_memory=3.0)
    assert plan.tile(limited, sizes, vgg19) == plan.tile(limited, sizes, vgg19, limit=3e9)


@pytest.mark.parametrize("content", [(1024, 768), None])
def test_matches_are_planned(content: tuple[int, int] | None, vgg19: Params) -> None:
    """Matching costs another look at the picture, and products of all cells of both, up to a number of the style's.

    A step holds the columns of its cells, and those that they are matched with. A texture is matched as well.
    """
    settings = replace(PRECISE, size=1024, scales=1, iterations=1)
    sizes = plan.Sizes(content, [(1024, 768)])
    plain, matched = (
        plan.plan(replace(settings, style_loss=loss), sizes, vgg19, speed=SPEED)
        for loss in ("wasserstein", "wasserstein+neighbors")
    )
    pixels = 1024 * 768
    products = plan.MATCH_SECONDS * 768 * 2**12 * pixels / 16
    look = plan.FEATURES_TIME * pixels * SPEED.pixel
    assert matched.seconds - plain.seconds == pytest.approx(products + look)
    assert matched.memory - plain.memory == pytest.approx(2 * 4 * 768 * pixels / 16)


def test_nothing_is_matched_without_styles(vgg19: Params) -> None:
    """The plan of a content alone is that of settings that match nothing."""
    alone = plan.Sizes((1024, 768), [])
    matched, plain = (
        plan.plan(replace(PRECISE, size=1024, scales=1, style_loss=loss), alone, vgg19, speed=SPEED)
        for loss in ("wasserstein+neighbors", "wasserstein")
    )
    assert matched.seconds == plain.seconds


def test_matches_in_tiles_take_a_further_look(vgg19: Params) -> None:
    """The mean of all columns is taken before the matches, and each look sees the surroundings of the tiles too."""
    settings = replace(PRECISE, size=1024, scales=1, iterations=1, max_memory=1.6)
    sizes = plan.Sizes((1024, 768), [(256, 256)])
    plain, matched = (
        plan.plan(replace(settings, style_loss=loss), sizes, vgg19, speed=SPEED)
        for loss in ("wasserstein", "wasserstein+neighbors")
    )
    side = matched.scales[0].tile
    assert side == plain.scales[0].tile is not None
    seen = sum(tile.pixels for tile in tiles.cut(768, 1024, side, vgg19.architecture, settings.layers))
    assert seen > 1.1 * 1024 * 768
    products = plan.MATCH_SECONDS * 768 * 2**12 * 1024 * 768 / 16
    looks = 2 * plan.FEATURES_TIME * seen * SPEED.pixel
    assert matched.seconds - plain.seconds == pytest.approx(products + looks)


def test_samples_take_time_and_memory(vgg19: Params) -> None:
    """Samples count at each step, by the styles, and their layers are needed though no other loss names them."""
    sampled = Settings(
        style_loss="remd", content_loss="self-similarity", match_layers=Layers("relu3_1"), precision="float32"
    )
    plain = replace(sampled, style_loss="gram", content_loss="difference", style_layers=Layers("relu3_1"))
    sizes = plan.Sizes((300, 200), [(300, 200)])
    found, other = (plan.plan(each, sizes, vgg19, speed=SPEED) for each in (sampled, plain))
    assert found.steps == other.steps
    assert found.seconds > other.seconds
    assert found.memory > other.memory
    twice = plan.plan(sampled, sizes._replace(styles=sizes.styles * 2), vgg19, speed=SPEED)
    assert twice.seconds > found.seconds


def test_samples_are_planned_where_they_are_taken(vgg19: Params) -> None:
    """Self-similarity compares no styles, a content alone has no samples, and a last pass keeps the similarity."""
    similar = Settings(content_loss="self-similarity", match_layers=Layers("relu3_1"), precision="float32", scales=1)
    one, two = (plan.Sizes((300, 200), [(300, 200)] * count) for count in (1, 2))
    masked = two._replace(regions=2)
    remd = replace(similar, style_loss="remd")
    counted = [plan.costs(vgg19.architecture, each, masked) for each in (similar, remd)]
    assert [(each.styles, each.regions) for each in counted] == [(0, 1), (2, 2)]
    alone = replace(remd, content_loss="difference")
    assert plan.costs(vgg19.architecture, alone, one._replace(styles=[])).sampled == 0
    passes = [replace(each, last_pass=5) for each in (similar, replace(similar, content_loss="difference"))]
    found, other = (plan.plan(each, one, vgg19, speed=SPEED).scales[-1] for each in passes)
    assert found.seconds > other.seconds


def test_a_last_pass_is_planned(vgg19: Params) -> None:
    """The last pass is a further scale of the same size, with its own steps, and takes time by the positions."""
    settings = replace(PRECISE, size=512, scales=1, iterations=1000, match_layers=Layers("relu3_1,relu4_1"))
    (without,) = plan.plan(settings, SIZES, vgg19, speed=SPEED).scales
    first, last = plan.plan(replace(settings, last_pass=700), SIZES, vgg19, speed=SPEED).scales
    assert (first.size, first.steps) == (last.size, without.steps) == (without.size, 1000)
    assert last.steps == 700
    assert last.seconds / 700 > first.seconds / 1000


def test_scales_above_a_draft_are_planned_by_their_own_layers(vgg19: Params) -> None:
    """They take time and memory by the layers of details, and the draft by those of the settings."""
    deep = replace(PRECISE, size=1024, scales=2, scale_ratio=2.0, draft=512)
    settings = replace(deep, detail_layers=Layers("relu1_1,relu2_1"))
    sizes = plan.Sizes((1024, 768), [(640, 480)])
    found, all_deep, all_shallow = (
        plan.plan(each, sizes, vgg19, speed=SPEED).scales for each in (settings, deep, settings.above_draft)
    )
    assert found == [all_deep[0], all_shallow[1]]
    assert found[1].memory < all_deep[1].memory
    assert found[1].seconds < all_deep[1].seconds


def test_a_graph_of_its_own_is_traced_above_a_draft(vgg19: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """All scales with equal settings share a graph, whose trace is planned once; those of details have another."""
    monkeypatch.setattr(plan, "TRACE_SECONDS", 1e6)
    plain = replace(PRECISE, size=2048, scales=5, scale_ratio=2.0, draft=512)
    for settings, traced in (
        (plain, [1, 0, 0, 0, 0]),
        (replace(plain, detail_layers=Layers("relu1_1")), [1, 0, 0, 1, 0]),
    ):
        scales = plan.plan(settings, SIZES, vgg19, speed=SPEED).scales
        assert [int(scale.seconds // 1e6) for scale in scales] == traced


def test_each_scale_is_timed_by_its_own_layers(vgg19: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step that is measured sees the layers of details above a draft, and all layers below."""
    layers = {"content_layers": Layers("relu4_1"), "style_layers": Layers("relu1_1,relu3_1")}
    settings = replace(PRECISE, size=1024, scales=2, scale_ratio=2.0, draft=512, **layers)
    settings = replace(settings, detail_layers=Layers("relu1_1"))
    seconds = {"relu4_1": 1e-5, "relu1_1": 1e-7}

    def speed(_: Params, settings: Settings, *, content: Sequence[str], style: Sequence[str]) -> probe.Speed:
        return probe.Speed(0.0, seconds[content[0]])

    monkeypatch.setattr(probe, "speed", speed)
    sizes = plan.Sizes((1024, 768), [(640, 480)])
    draft, above = plan.plan(settings, sizes, vgg19).scales
    draft_only, above_only = (
        plan.plan(settings, sizes, vgg19, speed=probe.Speed(0.0, pixel)).scales[index]
        for index, pixel in enumerate(seconds.values())
    )
    assert (draft, above) == (draft_only, above_only)
    assert draft.seconds / math.prod(draft.size) > 20 * above.seconds / math.prod(above.size)


@pytest.mark.parametrize("kept", ["transfer", "luminance"])
def test_the_colours_of_a_result_are_planned(kept: Any, vgg19: Params) -> None:
    """The bytes are those that the functions take, measured with the style in the result's size."""
    size, rng = (600, 400), np.random.default_rng(0)
    made, content, style = (rng.uniform(0, 255, (400, 600, 3)).astype(np.float32) for _ in range(3))
    tracemalloc.start()
    colors.transfer_colors(made, content, [style], [1.0]) if kept == "transfer" else colors.keep_colors(made, content)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    without, planned = (
        plan.memory_of(replace(PRECISE, preserve_colors=each), plan.Sizes(size, [size]), vgg19, size, None)
        for each in ("none", kept)
    )
    assert planned - without == pytest.approx(taken, rel=0.1)


def test_regions_and_given_pictures_are_planned(vgg19: Params) -> None:
    """Each further region has the style layers' maps once more, and a large photograph stays in memory."""
    settings, size = replace(PRECISE, style_layers=Layers("relu1_1,relu2_1")), (640, 480)
    one, six = (plan.memory_of(settings, plan.Sizes(size, [size], n), vgg19, size, None) for n in (1, 6))
    assert six - one == pytest.approx(5 * 4 * (64 + 128 / 4) * 640 * 480)
    large = plan.memory_of(settings, plan.Sizes((12000, 9000), [size]), vgg19, size, None)
    assert large - one == pytest.approx(12 * (12000 * 9000 - 640 * 480))


def test_a_draft_is_held_beside_the_picture(vgg19: Params) -> None:
    """Its pictures and the blur take three pictures more, in tiles as well."""
    sizes, size, deep = plan.Sizes((2048, 1536), [(640, 480)]), (2048, 1536), replace(PRECISE, draft=512)
    for side in (None, 400):
        without, held = (plan.memory_of(each, sizes, vgg19, size, side) for each in (replace(deep, draft=None), deep))
        assert held - without == 3 * 12 * 2048 * 1536


def test_tiles_hold_the_draft_too(vgg19: Params) -> None:
    """A draft that is nearly as large as the result needs more memory than the details above it."""
    settings = replace(PRECISE, size=1100, scales=2, scale_ratio=1.1, draft=1000, detail_layers=Layers("relu1_1"))
    sizes = plan.Sizes((1100, 1100), [(640, 480)])
    draft = plan.memory_of(settings, sizes, vgg19, (1000, 1000), None)
    assert draft > plan.memory_of(settings.above_draft, sizes, vgg19, (1100, 1100), None)
    assert plan.tile(settings, sizes, vgg19, limit=draft) is None
    assert plan.tile(settings, sizes, vgg19, limit=draft - 1) is not None
