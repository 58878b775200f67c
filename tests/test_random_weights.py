"""Random weights are orthogonal, standardised and reproducible, and are kept in the cache if there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myvgg import params as stored
from myvgg import random_weights
from myvgg.architecture import CONFIGURATION_E, Architecture
from myvgg.network import features
from myvgg.params import LayerParams, Params
from myvgg.preprocessing import preprocess
from myvgg.random_weights import calibrated, dead_leaves, load_random, orthogonal
from myvgg.vgg19 import VGG19

ORTHONORMAL = 1e-4
"""Tolerance of an eigendecomposition in float32; a nearly square matrix would need a larger one."""

STANDARDISED = 1e-3
"""Tolerance of mean and variance in float32, over some hundred to ten thousand positions."""

CACHED = "vgg19-random-1-{}.safetensors"


def same(first: Params, second: Params) -> bool:
    """Compare all arrays bit by bit."""
    pairs = zip(first.layers.values(), second.layers.values(), strict=True)
    return list(first.layers) == list(second.layers) and all(
        np.array_equal(a.kernel, b.kernel) and np.array_equal(a.bias, b.bias) for a, b in pairs
    )


@pytest.fixture(scope="module")
def made(tiny: Architecture) -> Params:
    """Calibrated parameters of the small network."""
    return calibrated(tiny)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the cache that does not exist yet."""
    monkeypatch.setenv("MYVGG_CACHE", str(tmp_path / "my" / "cache"))
    return tmp_path / "my" / "cache"


@pytest.fixture
def maker(cache: Path, tiny: Architecture, made: Params, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Make and read the small network in place of VGG19; the list gets the seed of each network that is made."""
    seeds: list[int] = []

    def make(_: Architecture, *, seed: int) -> Params:
        seeds.append(seed)
        return made if seed == 0 else calibrated(tiny, seed=seed)

    monkeypatch.setattr(random_weights, "calibrated", make)
    monkeypatch.setattr(random_weights, "load", lambda path, _: stored.load(path, tiny))
    return seeds


@pytest.mark.parametrize("shape", [(3, 3, 3, 4), (3, 3, 3, 64), (3, 3, 16, 32), (1, 1, 7, 7 * 3)], ids=str)
def test_kernels_are_orthogonal(shape: tuple[int, ...]) -> None:
    """Filters are orthonormal as vectors; where there are more filters than entries, the entries are."""
    kernel = orthogonal(np.random.default_rng(1), shape)
    assert kernel.dtype == np.float32
    assert kernel.shape == shape
    matrix = kernel.reshape(-1, shape[-1]).astype(np.float64)
    products = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    assert np.allclose(products, np.eye(len(products)), rtol=0, atol=ORTHONORMAL)


@pytest.mark.slow
def test_kernels_favour_no_direction() -> None:
    """Over many draws, every entry has zero mean and the variance of unit vectors."""
    rng = np.random.default_rng(2)
    draws = np.stack([orthogonal(rng, (1, 2, 3, 3)).reshape(6, 3) for _ in range(2000)])
    assert np.abs(draws.mean(0)).max() < 5 / np.sqrt(6 * 2000)  # standard deviations of a mean of 2000
    assert np.abs((draws**2).mean(0) - 1 / 6).max() < 0.03


def test_channels_are_standardised(tiny: Architecture, made: Params) -> None:
    """On the pictures of the calibration, values before rectification have mean 0 and variance 1 per channel."""
    pictures = dead_leaves(np.random.default_rng(0), count=4, size=96)
    names = [layer.name for layer in tiny.convolutions]
    maps = features(made, preprocess(pictures), names, pooling="avg", pool_padding="same")
    for name in names:
        values = maps[name].numpy().astype(np.float64)
        assert np.abs(values.mean((0, 1, 2))).max() <= STANDARDISED, name
        assert np.abs(values.var((0, 1, 2)) - 1).max() <= STANDARDISED, name


def test_filters_stay_orthogonal(tiny: Architecture, made: Params) -> None:
    """Calibration scales filters and does not rotate them."""
    for layer in tiny.convolutions:
        matrix = made.layers[layer.name].kernel.reshape(-1, layer.outputs).astype(np.float64)
        matrix /= np.linalg.norm(matrix, axis=0)
        assert np.allclose(matrix.T @ matrix, np.eye(layer.outputs), rtol=0, atol=ORTHONORMAL), layer.name


def test_parameters_are_complete(tiny: Architecture, made: Params) -> None:
    """All convolutions and no dense layers are there, float32, finite, and marked as random."""
    assert list(made.layers) == [layer.name for layer in tiny.convolutions]
    assert not made.include_top
    assert made.origin.generation == "random, orthogonal, seed 0"
    for name, (kernel, bias) in made.layers.items():
        assert kernel.shape == tiny.parametric[name].kernel_shape
        assert bias.shape == kernel.shape[-1:]
        assert kernel.dtype == bias.dtype == np.float32
        assert np.isfinite(kernel).all()
        assert np.isfinite(bias).all()


def test_a_seed_repeats_the_arrays(tiny: Architecture, made: Params) -> None:
    """The same seed gives the same arrays, another seed others."""
    assert same(calibrated(tiny, seed=0), made)
    assert not same(calibrated(tiny, seed=1), made)
    assert calibrated(tiny, seed=1).origin.generation == "random, orthogonal, seed 1"


def test_features_tell_textures_apart(made: Params) -> None:
    """Waves and noise differ more in their Gram matrices than two samples of noise do, at every depth."""
    rng = np.random.default_rng(3)
    noise = rng.uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    waves = np.broadcast_to(127.5 + 127 * np.sin(np.arange(64, dtype=np.float32))[:, None], (64, 64, 3))
    pictures = np.stack([*noise, waves]).astype(np.float32)
    for maps in VGG19(made, pooling="avg").features(pictures, ["relu1_1", "relu3_1", "relu4_1"]).values():
        rows = maps.numpy().reshape(3, -1, maps.shape[-1])
        first, second, other = rows.transpose(0, 2, 1) @ rows / rows.shape[1]
        assert ((first - second) ** 2).sum() < ((first - other) ** 2).sum() / 2


def test_dead_leaves_cover_the_picture() -> None:
    """Leaves have all colours from 0 to 255, lie everywhere, and differ from picture to picture."""
    pictures = dead_leaves(np.random.default_rng(5), count=3, size=48)
    assert pictures.shape == (3, 48, 48, 3)
    assert pictures.dtype == np.float32
    assert 0 <= pictures.min() < 20
    assert 235 < pictures.max() <= 255
    assert (pictures == 127.5).all(-1).mean() < 0.01
    assert not np.array_equal(pictures[0], pictures[1])
    for picture in pictures:
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


def test_leaves_come_in_all_sizes() -> None:
    """There are edges between pixels and flat parts between edges, as in photographs and unlike noise."""
    (picture,) = dead_leaves(np.random.default_rng(6), count=1, size=96)
    edges = (picture[:, 1:] != picture[:, :-1]).any(-1).mean()
    assert 0.02 < edges < 0.4


def test_the_cache_is_filled_and_used(maker: list[int], cache: Path, made: Params) -> None:
    """The first call makes the parameters and keeps them, the second one reads them, arrays and origin the same."""
    first, second = load_random(), load_random()
    assert maker == [0]
    assert [path.name for path in cache.iterdir()] == [CACHED.format(0)]
    assert same(first, made)
    assert same(second, made)
    assert second.origin == made.origin


def test_every_seed_has_its_own_file(maker: list[int], cache: Path) -> None:
    """Each seed has its own file."""
    first, second = load_random(seed=0), load_random(seed=1)
    assert maker == [0, 1]
    assert sorted(path.name for path in cache.iterdir()) == [CACHED.format(0), CACHED.format(1)]
    assert not same(first, second)
    assert same(load_random(seed=1), second)
    assert maker == [0, 1]


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "text": lambda content: b"hello",
    "half": lambda content: content[: len(content) // 2],
    "of another program": lambda content: content.replace(b'"myvgg 1"', b'"other 1"'),
    "another network": lambda content: content.replace(b'"tiny"', b'"huge"'),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_a_broken_cache_is_made_anew(
    damage: Callable[[bytes], bytes], maker: list[int], cache: Path, made: Params
) -> None:
    """A file that cannot be used is replaced by a good one."""
    load_random()
    path = cache / CACHED.format(0)
    content = path.read_bytes()
    assert damage(content) != content
    path.write_bytes(damage(content))
    assert same(load_random(), made)
    assert maker == [0, 0]
    assert same(load_random(), made)
    assert maker == [0, 0]


def test_an_unusable_cache_is_no_error(
    maker: list[int], made: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a usable cache, the parameters are made each time."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("MYVGG_CACHE", str(tmp_path / "file" / "cache"))
    assert same(load_random(), made)
    assert same(load_random(), made)
    assert maker == [0, 0]


def test_a_full_disk_is_no_error(maker: list[int], cache: Path, made: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk under the cache is no error."""

    def full(*arguments: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Params, "save", full)
    assert same(load_random(), made)
    assert not list(cache.iterdir())


def test_the_network_is_vgg19(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an architecture, kernels are drawn for all of VGG19's convolutions."""
    monkeypatch.setattr(random_weights, "orthogonal", lambda rng, shape: np.zeros(shape, np.float32))
    monkeypatch.setattr(random_weights, "_calibrate", _unchanged)
    made = calibrated()
    assert made.architecture == CONFIGURATION_E
    actual = {name: kernel.shape for name, (kernel, _) in made.layers.items()}
    assert actual == {layer.name: layer.kernel_shape for layer in CONFIGURATION_E.convolutions}


def _unchanged(kernel: np.ndarray, x: Any) -> tuple[LayerParams, Any]:
    return LayerParams(kernel, kernel[0, 0, 0]), x


def test_networks_can_be_random(made: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """`VGG19.load("random")` is a network with these parameters."""
    monkeypatch.setattr(random_weights, "load_random", lambda _: made)
    assert same(VGG19.load("random", pooling="avg").params, made)
