"""Losses of samples: values by NumPy's loops in float64, gradients by differences of those values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from myvgg.nst import transport

RNG = np.random.default_rng(0)
Measure = Callable[[np.ndarray, np.ndarray], float]


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Return one less the cosine."""
    return float(1 - one @ other / np.sqrt(one @ one) / np.sqrt(other @ other))


def color_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the cosine distance plus the root of the mean square of a difference."""
    return cosine(one, other) + float(np.sqrt(np.mean((one - other) ** 2)))


def earth_mover(columns: np.ndarray, style: np.ndarray, measure: Measure = cosine) -> float:
    """Return the larger mean of the distances to the nearest."""
    there = np.mean([min(measure(one, other) for other in style) for one in columns])
    back = np.mean([min(measure(one, other) for one in columns) for other in style])
    return float(max(there, back))


def nearest(columns: np.ndarray, style: np.ndarray) -> float:
    """Return the mean distance to the nearest, from the means."""
    columns, style = columns - columns.mean(0), style - style.mean(0)
    return float(np.mean([min(cosine(one, other) for other in style) for one in columns]))


def spread(columns: np.ndarray, style: np.ndarray) -> float:
    """Return the mean absolute differences of means and of covariances."""
    means, covariances = ([f(each) for each in (columns, style)] for f in (lambda x: x.mean(0), covariance))
    return float(np.abs(means[0] - means[1]).mean() + np.abs(covariances[0] - covariances[1]).mean())


def covariance(columns: np.ndarray) -> np.ndarray:
    """Return the mean products of differences from the mean."""
    return np.mean([np.outer(each, each) for each in columns - columns.mean(0)], axis=0)


def palette(colors: np.ndarray, style: np.ndarray) -> float:
    """Compare colours around grey, by a sum and two differences."""
    axes = np.array(
        [[0.577350, 0.577350, 0.577350], [-0.577350, 0.788675, -0.211325], [-0.577350, -0.211325, 0.788675]]
    )
    turned = [[axes @ (each - 0.5) for each in group] for group in (colors, style)]
    return earth_mover(*map(np.array, turned), measure=color_distance)


def similarity(columns: np.ndarray, content: np.ndarray) -> float:
    """Compare tables of distances, each column of a table divided by its sum."""
    tables = []
    for group in (columns, content):
        table = np.array([[cosine(one, other) for other in group] for one in group])
        tables.append(table / table.sum(0))
    return float(np.abs(tables[0] - tables[1]).mean() * len(columns))


def spread_of_both(columns: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
    """Compare the spreads of two sets."""
    return transport.spread_loss(columns, transport.spread_of(style))


def mover(columns: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
    """Compare the directions of two sets."""
    return transport.relaxed_earth_mover(*map(transport.directions, (columns, style)), transport.COSINE)


LOSSES: dict[str, tuple[Callable[..., tf.Tensor], Measure, int, int]] = {
    "earth mover": (mover, earth_mover, 7, 5),
    "earth mover, few": (mover, earth_mover, 3, 9),
    "nearest": (transport.nearest_loss, nearest, 7, 5),
    "spread": (spread_of_both, spread, 7, 5),
    "self-similarity": (transport.self_similarity_loss, similarity, 6, 6),
    "palette": (transport.palette_loss, palette, 7, 5),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_losses_and_gradients_are_those_of_loops(name: str, seed: int) -> None:
    """The value is that of loops, and the gradient that of the value's differences."""
    loss, reference, count, others = LOSSES[name]
    rng = np.random.default_rng(seed)
    channels, tolerance = (3, 1e-5) if name == "palette" else (4, 1e-8)  # the reference has six digits of its axes
    columns, style = (rng.uniform(0, 1, (each, channels)) for each in (count, others))
    given = tf.constant(columns)
    with tf.GradientTape() as tape:
        tape.watch(given)
        value = loss(given, tf.constant(style))
    assert float(value) == pytest.approx(reference(columns, style), rel=tolerance)
    gradient = tape.gradient(value, given).numpy()
    for place in np.ndindex(columns.shape):
        values = []
        for step in (-1e-6, 1e-6):
            moved = columns.copy()
            moved[place] += step
            values.append(reference(moved, style))
        assert gradient[place] == pytest.approx((values[1] - values[0]) / 2e-6, rel=1e-4, abs=1e-5)


def test_equal_sets_are_at_no_distance() -> None:
    """A set has no distance from itself in another order, and the gradient there is finite."""
    columns = RNG.uniform(0.1, 1, (6, 3))
    for name, (loss, *_) in LOSSES.items():
        given = tf.constant(columns)
        other = columns if name == "self-similarity" else columns[::-1].copy()
        with tf.GradientTape() as tape:
            tape.watch(given)
            value = loss(given, tf.constant(other))
        smallest = np.sqrt(transport.NEAR / 3) if name == "palette" else 0
        assert float(value) == pytest.approx(smallest, abs=1e-9)
        assert np.isfinite(tape.gradient(value, given)).all()


@pytest.mark.parametrize("places", [1, 2, 30])
def test_places_that_are_alike_have_no_arrangement(places: int) -> None:
    """Rounding errors of float32 are not taken for distances, neither of a single place nor of a flat picture."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        flat, content = (tf.constant(np.repeat(rng.uniform(-1, 1, (1, 40)), places, 0), tf.float32) for _ in range(2))
        with tf.GradientTape() as tape:
            tape.watch(flat)
            value = transport.self_similarity_loss(flat, content)
        assert float(value) < 0.01
        assert np.abs(tape.gradient(value, flat)).max() < 0.01
        varied = tf.constant(rng.uniform(-1, 1, (places, 40)), tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(flat)
            value = transport.self_similarity_loss(flat, varied)
        assert float(value) == pytest.approx(float(places > 1), abs=0.01)
        assert np.abs(tape.gradient(value, flat)).max() < 0.01


def test_columns_without_features_have_a_gradient() -> None:
    """Zeros neither divide by zero nor make the gradient infinite."""
    for loss, *_ in LOSSES.values():
        given = tf.zeros([4, 3], tf.float64)
        with tf.GradientTape() as tape:
            tape.watch(given)
            value = loss(given, tf.constant(RNG.uniform(0, 1, (4, 3))))
        assert np.isfinite(value)
        assert np.isfinite(tape.gradient(value, given)).all()


def test_colours_are_turned() -> None:
    """The axes of colours are a rotation whose first axis is grey."""
    assert_allclose(transport.OPPONENT @ transport.OPPONENT.T, np.eye(3), atol=1e-12)
    assert_allclose(transport.OPPONENT @ np.ones(3), [3**0.5, 0, 0], atol=1e-12)
