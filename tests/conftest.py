"""Fixtures: a small network of VGG19's form, small pictures, and files outside the repository."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import jaxtyping
import numpy as np
import pytest

from tests.drawn import blobs

if TYPE_CHECKING:
    from myvgg.architecture import Architecture
    from myvgg.params import Params


WORKERS = 4
"""Processes at most: each takes about two gigabytes, and TensorFlow uses the other cores."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Use all cores, up to `WORKERS`; with more processes than cores, TensorFlow's threads wait for each other."""
    return min(os.cpu_count() or 1, WORKERS)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say where slow tests are left out."""
    return ["slow tests are left out; all tests: pytest -m ''"] if config.getoption("-m") == "not slow" else []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take no coverage of the slow tests of style transfer: fast ones reach its lines, and it costs a quarter more."""
    for item in items:
        if item.get_closest_marker("slow") and item.path.is_relative_to(Path(__file__).parent / "nst"):
            item.add_marker("no_cover")


@pytest.fixture(scope="session", autouse=True)
def process() -> None:
    """Keep freed memory and run in order, as the command lines do, for speed and for bytes that are compared."""
    from myvgg import configure

    configure()


@pytest.fixture(autouse=True)
def warned() -> None:
    """Forget which warnings were shown, so that each test sees its own."""
    from myvgg.runtime.errors import warn_once

    warn_once.cache_clear()


@pytest.fixture(autouse=True)
def same_numbers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin a module's random numbers anew, so that a test does not depend on the tests before it."""
    if hasattr(request.module, "RNG"):
        monkeypatch.setattr(request.module, "RNG", np.random.default_rng(0))


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Handle Ctrl-C also where the tests were started in the background, where it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def tiny() -> Architecture:
    """VGG19's layers with few channels, for pictures of 64 x 64, so that fc6 still flattens 2 x 2 positions."""
    from myvgg.architecture import vgg

    blocks = ((4, 5), (6, 7), (8, 8, 8, 8), (9, 8, 7, 9), (8, 9, 10, 7))
    return vgg("tiny", blocks, dense=(12, 11, 10), input_size=64)


@pytest.fixture(scope="session")
def tiny_params(tiny: Architecture) -> Params:
    """Random parameters of the tiny network, biases too, and class names."""
    from dataclasses import replace

    from myvgg.params import LayerParams, random

    rng = np.random.default_rng(7)
    params = random(tiny, seed=1)
    layers = {
        name: LayerParams(kernel, rng.standard_normal(bias.shape, np.float32))
        for name, (kernel, bias) in params.layers.items()
    }
    return replace(params, layers=layers, labels=tuple(f"class {i}" for i in range(10)))


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Leave it to our own checks to find wrong arguments, as they must where annotations are not checked."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def trained() -> Params:
    """VGG19's trained convolutions, as they come with the package."""
    from myvgg import store

    return store.load("bundled")


@pytest.fixture(scope="session")
def trained_weights() -> Path:
    """A file of trained weights in Keras' layout, exact where values are compared."""
    return _from_environment("MYVGG_TEST_WEIGHTS")


@pytest.fixture(scope="session")
def facts() -> Path:
    """The folder with published values."""
    return _from_environment("MYVGG_TEST_FACTS")


@pytest.fixture(scope="session")
def params(tiny_params: Params) -> Params:
    """The small network's parameters, with how its layers respond to photographs."""
    from myvgg.photographs import measured

    return measured(tiny_params)


@pytest.fixture(scope="session")
def content() -> np.ndarray:
    """A picture of soft blobs, wider than high, with sides that pooling does not divide."""
    return blobs(19, 27, seed=1)


@pytest.fixture(scope="session")
def style() -> np.ndarray:
    """A picture of noise, higher than wide."""
    return np.random.default_rng(2).uniform(0, 255, (29, 18, 3)).astype(np.float32)


def _from_environment(variable: str) -> Path:
    if not os.environ.get(variable):
        pytest.skip(f"{variable} is not set")
    path = Path(os.environ[variable])
    if not path.exists():
        pytest.fail(f"{variable} names {path}, which does not exist")
    return path
