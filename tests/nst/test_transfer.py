"""The loop: what its steps hold, that it repeats itself, what it costs, and how it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from myvgg.nst import Settings, Step, stylize, transfer
from myvgg.nst.objective import losses, make_targets
from myvgg.nst.transfer import first_image
from myvgg.params import LayerParams, Params
from myvgg.vgg19 import VGG19

DEEP = Settings(size=27, iterations=6, noise=0.3)
SETTINGS = replace(DEEP, content_layers=("relu2_1",), style_layers=("relu1_1", "relu2_2"))
"""Shallow layers, since what takes time here is to trace the network."""

REPEATED = 1e-5
"""Relative: the same operations, in a graph and one by one, may be fused in another way."""


class Counter:
    """Stands in for `losses` and counts traces in Python, and evaluations wherever they happen."""

    def __init__(self) -> None:
        self.traces = 0
        self.evaluations = 0

    def __call__(self, vgg: VGG19, image: tf.Tensor, *arguments: Any) -> dict[str, tf.Tensor]:
        """Count, and compute the losses."""
        self.traces += 1
        with tf.control_dependencies([tf.py_function(self._evaluated, [], [])]):
            image = tf.identity(image)
        return losses(vgg, image, *arguments)

    def _evaluated(self) -> None:
        self.evaluations += 1


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """A counter of everything that the loop evaluates."""
    counter = Counter()
    monkeypatch.setattr(transfer, "losses", counter)
    return counter


def test_steps_are_numbered_from_one(network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """There are as many steps as iterations, each with a picture of the content's shape within 0 to 255."""
    steps = list(stylize(content, style, DEEP, vgg=network))
    assert [step.iteration for step in steps] == [1, 2, 3, 4, 5, 6]
    for step in steps:
        assert isinstance(step, Step)
        assert list(step.losses) == ["content", "style", "tv", "total"]
        assert all(type(loss) is float for loss in step.losses.values())
        assert step.image.dtype == np.float32
        assert step.image.shape == content.shape
        assert step.image.min() >= 0
        assert step.image.max() <= 255


def test_the_loss_goes_down(network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """Forty steps leave less than half of the first step's loss."""
    totals = [step.losses["total"] for step in stylize(content, style, replace(DEEP, iterations=40), vgg=network)]
    assert totals[-1] == pytest.approx(min(totals), rel=0.2)
    assert totals[-1] < totals[0] / 2


def test_content_alone_is_found_again(network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """With shallow content and nothing else to optimise, the noise goes and the content appears."""
    settings = replace(
        SETTINGS, iterations=80, style_layers=(), content_layers=("conv1_1",), tv_weight=0.0, learning_rate=3.0
    )
    before = np.abs(first_image(content, settings) - content).mean()
    *_, last = stylize(content, style, settings, vgg=network)
    assert np.abs(last.image - content).mean() < before / 3


def test_losses_are_those_of_the_picture(network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """A step's losses belong to its own picture, not to the one before or after it."""
    settings = replace(SETTINGS, size=29)  # leaves the style as it is
    enlarged = transfer.resize(content, 29)
    targets = make_targets(network, tf.constant(enlarged[None]), tf.constant(style[None]), settings)
    for step in stylize(content, style, settings, vgg=network):
        expected = {
            name: float(term)
            for name, term in losses(network, tf.constant(step.image[None]), targets, settings).items()
        }
        assert step.losses == pytest.approx(expected, rel=REPEATED)


def test_the_first_step_goes_down_the_gradient(network: VGG19, content: np.ndarray) -> None:
    """From the first image, every pixel moves by the learning rate against the sign of its gradient, up to the ends."""
    targets = make_targets(network, tf.constant(content[None]), tf.constant(content[None]), SETTINGS)
    start = tf.constant(first_image(content, SETTINGS)[None])
    with tf.GradientTape() as tape:
        tape.watch(start)
        total = losses(network, start, targets, SETTINGS)["total"]
    gradient = tape.gradient(total, start).numpy()[0]
    first = next(stylize(content, content, SETTINGS, vgg=network))
    expected = np.clip(start.numpy()[0] - SETTINGS.learning_rate * np.sign(gradient), 0, 255)
    clear = np.abs(gradient) > 1e-4 * np.abs(gradient).max()  # where rounding does not decide the sign
    assert clear.mean() > 0.9
    assert np.abs(first.image - expected)[clear].max() < 1e-2  # levels, of a step of 5


def test_the_first_image_is_noise_and_content(content: np.ndarray) -> None:
    """The noise has the share that is set and spans the whole range."""
    assert np.array_equal(first_image(content, replace(SETTINGS, noise=0.0)), content)
    noise = first_image(content, replace(SETTINGS, noise=1.0))
    assert noise.min() >= 0
    assert noise.max() <= 255
    assert abs(noise.mean() - 127.5) < 10  # of uniform values: a standard deviation of 74 / sqrt(1539) = 2
    assert abs(noise.std() - 255 / np.sqrt(12)) < 5
    expected = 0.25 * noise + 0.75 * content
    assert np.allclose(first_image(content, replace(SETTINGS, noise=0.25)), expected, rtol=1e-5)


def test_a_seed_repeats_the_pictures(network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """The same seed gives the same pictures bit for bit, another seed others."""
    first, second, other = (
        list(stylize(content, style, replace(SETTINGS, seed=seed), vgg=network)) for seed in (3, 3, 4)
    )
    assert all(np.array_equal(a.image, b.image) and a.losses == b.losses for a, b in zip(first, second, strict=True))
    assert np.abs(first[-1].image - other[-1].image).mean() > 5


def test_earlier_pictures_are_not_changed(network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """What a step holds stays as it was handed out, whatever the loop does with its memory afterwards."""
    kept, copies = [], []
    for step in stylize(content, style, SETTINGS, vgg=network):
        kept.append(step.image)
        copies.append(step.image.copy())
    assert all(np.array_equal(image, copy) for image, copy in zip(kept, copies, strict=True))
    assert all(not np.array_equal(a, b) for a, b in pairwise(copies))


def test_the_given_pictures_are_not_changed(network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """The caller's arrays are read only."""
    given = content.copy(), style.copy()
    list(stylize(*given, SETTINGS, vgg=network))
    assert np.array_equal(given[0], content)
    assert np.array_equal(given[1], style)


def test_a_step_costs_one_evaluation(counter: Counter, network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """The network is traced once, and run once per step and once more for the last picture's losses."""
    steps = stylize(content, style, SETTINGS, vgg=network)
    assert counter.evaluations == 0
    for step in steps:
        assert counter.evaluations == step.iteration + 1
    assert counter.traces == 1


def test_nothing_runs_ahead(counter: Counter, network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """A caller that closes the iterator early has paid for what it has seen, and no more is computed."""
    steps = stylize(content, style, replace(SETTINGS, iterations=1000), vgg=network)
    next(steps)
    next(steps)
    steps.close()
    assert counter.evaluations == 3
    assert list(steps) == []


def test_one_iteration_is_enough(network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """A single iteration gives a single step."""
    (step,) = stylize(content, style, replace(SETTINGS, iterations=1), vgg=network)
    assert step.iteration == 1
    assert not np.array_equal(step.image, first_image(content, SETTINGS))


def test_runs_do_not_share_anything(network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """Two runs in turns give what each of them gives alone."""
    expected = [step.image for step in stylize(content, style, SETTINGS, vgg=network)]
    pair = zip(
        stylize(content, style, SETTINGS, vgg=network), stylize(style, content, SETTINGS, vgg=network), strict=True
    )
    actual = [step.image for step, _ in pair]
    assert all(np.array_equal(a, b) for a, b in zip(actual, expected, strict=True))


KINDS = {
    "bytes": lambda picture: np.rint(picture).astype(np.uint8),
    "float64": lambda picture: np.rint(picture).astype(np.float64),
    "lists": lambda picture: np.rint(picture).astype(float).tolist(),
    "tensor": lambda picture: tf.constant(np.rint(picture)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_takes_arrays_of_every_kind(kind: str, network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """The same values give the same pictures, however they are held."""
    expected = next(stylize(np.rint(content), np.rint(style), SETTINGS, vgg=network))
    actual = next(stylize(KINDS[kind](content), KINDS[kind](style), SETTINGS, vgg=network))
    assert np.array_equal(actual.image, expected.image)


def test_takes_grey_pictures(network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """A grey picture is one with three equal channels."""
    planes = content[..., 0], style[..., 1]
    expected = next(stylize(*(np.dstack([p, p, p]) for p in planes), SETTINGS, vgg=network))
    actual = next(stylize(*planes, SETTINGS, vgg=network))
    assert np.array_equal(actual.image, expected.image)


@pytest.mark.parametrize(("size", "expected"), [(25, (17, 25)), (36, (24, 36)), (61, (41, 61))])
def test_the_size_is_that_of_the_longest_side(
    size: int, expected: tuple[int, int], network: VGG19, style: np.ndarray
) -> None:
    """The result has the content's form and the longest side that is set, whatever the style's."""
    wide = np.tile(np.float32(99), (24, 36, 3))
    assert next(stylize(wide, style, replace(SETTINGS, size=size), vgg=network)).image.shape == (*expected, 3)


@pytest.mark.parametrize("which", ["content", "style"])
def test_too_small_a_picture_names_the_smallest(which: str, network: VGG19, content: np.ndarray) -> None:
    """A picture that vanishes before the deepest layer is refused at the call, with the size that works."""
    thin = np.tile(np.float32(99), (9, 27, 3))
    layers = {"content_layers": ("relu4_2",), "style_layers": ("relu4_1",)}
    pictures = (thin, content) if which == "content" else (content, thin)
    with pytest.raises(ValueError, match=r"9 x 27 .* at relu5_1: the smallest that works is 16 x 16"):
        stylize(*pictures, replace(SETTINGS, **{**layers, f"{which}_layers": ("relu5_1",)}), vgg=network)


@pytest.mark.parametrize("which", [0, 1], ids=["content", "style"])
@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 5)) - 1, np.zeros((4, 5, 4)), np.zeros((0, 3, 3)), np.full((4, 4), np.nan), "a.png", None]
)
def test_wrong_arrays_are_refused_at_the_call(wrong: Any, which: int, network: VGG19, content: np.ndarray) -> None:
    """What is no picture raises before an iterator is returned."""
    pictures = [content, content]
    pictures[which] = wrong
    with pytest.raises(ValueError, match="a picture"):
        stylize(*pictures, SETTINGS, vgg=network)


def test_no_layers_are_refused_at_the_call(network: VGG19, content: np.ndarray) -> None:
    """Without any layer there is neither content nor style to go after, and this is said before anything runs."""
    with pytest.raises(ValueError, match="layer"):
        stylize(content, content, replace(SETTINGS, content_layers=(), style_layers=()), vgg=network)


def test_a_loss_that_is_no_number_ends_the_run(
    tiny_params: Params, content: np.ndarray, style: np.ndarray, network: VGG19
) -> None:
    """Weights that overflow give FloatingPointError, never a picture of NaN."""
    layer = tiny_params.layers["conv1_2"]
    huge = {**tiny_params.layers, "conv1_2": LayerParams(layer.kernel * np.float32(1e30), layer.bias)}
    with pytest.raises(FloatingPointError, match="the loss is nan after 0 steps"):
        next(stylize(content, style, SETTINGS, vgg=VGG19(replace(tiny_params, layers=huge))))


def test_a_loss_that_breaks_later_ends_the_run_there(
    network: VGG19, content: np.ndarray, style: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps before a broken one are handed out, the broken one is not."""
    evaluations = tf.Variable(0, trainable=False)

    def breaking(*arguments: Any) -> dict[str, tf.Tensor]:
        terms = losses(*arguments)
        broken = tf.where(evaluations.assign_add(1) > 3, np.nan, 1.0)
        return {name: term * tf.cast(broken, tf.float32) for name, term in terms.items()}

    monkeypatch.setattr(transfer, "losses", breaking)
    steps = stylize(content, style, SETTINGS, vgg=network)
    assert [next(steps).iteration, next(steps).iteration] == [1, 2]
    with pytest.raises(FloatingPointError, match="the loss is nan after 3 steps: lower the learning rate"):
        next(steps)


@pytest.mark.parametrize("rate", [0.0, 1e6, 1e38], ids=str)
def test_no_learning_rate_leaves_the_range(rate: float, network: VGG19, content: np.ndarray, style: np.ndarray) -> None:
    """Steps of any length end within 0 to 255; those of length zero end where they started."""
    settings = replace(SETTINGS, learning_rate=rate)
    for step in stylize(content, style, settings, vgg=network):
        assert step.image.min() >= 0
        assert step.image.max() <= 255
        if rate == 0:
            assert np.array_equal(step.image, first_image(content, settings))


def test_loads_the_network_with_the_settings_pooling(
    network: VGG19, content: np.ndarray, style: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a network, the stored one is loaded; without settings, the default ones are used."""
    asked = []

    def load(**options: Any) -> VGG19:
        asked.append(options)
        return network

    monkeypatch.setattr(VGG19, "load", load)
    monkeypatch.setattr(transfer, "_optimize", _first_sizes)
    stylize(content, style, Settings(size=27, pooling="avg"))
    assert asked == [{"include_top": False, "pooling": "avg"}]
    assert list(stylize(content, style)) == [Settings()]


def _first_sizes(vgg: VGG19, start: np.ndarray, targets: Any, settings: Settings) -> Iterator[Any]:
    assert max(start.shape) == settings.size
    return iter([settings])


def test_too_little_memory_names_the_size(
    network: VGG19, content: np.ndarray, style: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What TensorFlow says of exhausted memory becomes MemoryError with what to do."""

    def exhausted() -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(transfer, "_make_step", lambda *_: exhausted)
    with pytest.raises(MemoryError, match=r"not enough memory for \d+ x \d+ pixels: lower the size"):
        next(stylize(content, style, SETTINGS, vgg=network))


def test_too_narrow_a_picture_is_named(network: VGG19, content: np.ndarray) -> None:
    """Of two pictures, the error says which one is too narrow, and at which size."""
    narrow = np.zeros((1000, 10, 3), np.uint8)
    with pytest.raises(ValueError, match=f"the style picture is too narrow at size {SETTINGS.size}: a picture of"):
        stylize(content, narrow, SETTINGS, vgg=network)
    with pytest.raises(ValueError, match=f"the content picture is too narrow at size {SETTINGS.size}: a picture of"):
        stylize(narrow, content, SETTINGS, vgg=network)
