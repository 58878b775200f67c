"""Kernels in 8 bits: near in general, exact where 256 values suffice, and checked when a file is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from scipy.cluster.vq import kmeans

import converters
from myvgg import VGG16
from myvgg.architecture import CONFIGURATION_D, Architecture
from myvgg.params import Params, WeightsError, random
from myvgg.quantization import LEVELS, dequantize, quantize


@pytest.mark.parametrize("distinct", [1, 2, 255, 256])
def test_few_values_come_back_bit_for_bit(distinct: int) -> None:
    """A kernel of 256 distinct entries or fewer is stored exactly."""
    rng = np.random.default_rng(distinct)
    kernel = rng.choice(rng.standard_normal(distinct).astype(np.float32), (3, 3, 8, 9))
    found = quantize(kernel)
    assert found.values.shape == (LEVELS,)
    assert np.all(np.diff(found.values) >= 0)
    assert np.array_equal(dequantize(found), kernel)


@pytest.mark.parametrize("first", [1.0, 0.1, -3.0, 1e-40, 3e38])
def test_neighbouring_numbers_are_told_apart(first: float) -> None:
    """Numbers without another float32 between them stay distinct."""
    numbers = [np.float32(first)]
    for _ in range(7):
        numbers.append(np.nextafter(numbers[-1], np.float32(np.inf)))
    kernel = np.array(numbers, np.float32)
    assert np.array_equal(dequantize(quantize(kernel)), kernel)


@pytest.mark.parametrize("tails", [2, 8, 1e9], ids=["heavy tails", "as in kernels", "normal"])
def test_each_entry_gets_the_nearest_value(tails: float) -> None:
    """Every entry gets the nearest value of the table, and all values are within the range of the entries."""
    kernel = np.random.default_rng(0).standard_t(tails, (3, 3, 40, 30)).astype(np.float32)
    found = quantize(kernel)
    distances = np.abs(kernel.reshape(-1, 1) - found.values)
    own = np.take_along_axis(distances, found.indices.reshape(-1, 1).astype(int), 1)
    np.testing.assert_allclose(own[:, 0], distances.min(1), rtol=0, atol=1e-6 * float(np.abs(kernel).max()))
    assert kernel.min() <= found.values[0]
    assert found.values[-1] <= kernel.max()


def test_the_table_is_as_good_as_that_of_scipy() -> None:
    """The mean error is no larger than that of SciPy's k-means from its own first tables."""
    kernel = np.random.default_rng(1).standard_t(5, (3, 3, 16, 24)).astype(np.float32)
    theirs, _ = kmeans(kernel.reshape(-1, 1).astype(np.float64), LEVELS, iter=3, seed=0)
    nearest = np.abs(kernel.reshape(-1, 1) - theirs.reshape(1, -1)).min(1)
    ours = np.abs(dequantize(quantize(kernel)) - kernel)
    assert np.mean(ours.astype(np.float64) ** 2) <= np.mean(nearest**2)
    assert np.mean(ours.astype(np.float64) ** 2) > 0


def test_a_file_of_8_bits_is_read_like_any_other(tiny: Architecture, tiny_params: Params, tmp_path: Path) -> None:
    """Kernels come back nearly, everything else exactly; a second conversion changes no bit."""
    first, second = tmp_path / "one-8bit.safetensors", tmp_path / "two-8bit.safetensors"
    converters.save(tiny_params, first)
    params = converters.load(first, architecture=tiny)
    for name, (kernel, bias) in tiny_params.layers.items():
        found = params.layers[name]
        assert found.kernel.dtype == np.float32
        assert np.abs(found.kernel - kernel).max() < 0.05 * kernel.std()
        assert np.array_equal(found.bias, bias)
    assert params.labels == tiny_params.labels
    assert params.preprocessing == tiny_params.preprocessing
    assert params.origin.generation == f"{tiny_params.origin.generation}, in 8 bits"
    assert params.origin.notes == (*tiny_params.origin.notes, "kernels rounded to 256 values a layer")
    converters.save(params, second)
    again = converters.load(second, architecture=tiny)
    for name, layer in params.layers.items():
        assert np.array_equal(again.layers[name].kernel, layer.kernel)
    assert again.origin == params.origin


@pytest.mark.parametrize("bits", [8, 32])
def test_the_same_parameters_give_the_same_bytes(bits: Any, tiny_params: Params, tmp_path: Path) -> None:
    """Nothing in a file is random, not even the order of its metadata."""
    contents = set()
    for index in range(8):
        tiny_params.save(tmp_path / f"{index}.safetensors", bits=bits)
        contents.add((tmp_path / f"{index}.safetensors").read_bytes())
    assert len(contents) == 1


def test_vgg16_too(tmp_path: Path) -> None:
    """VGG16's file of 8 bits has a quarter of the size, and is recognised as VGG16's."""
    params = random(CONFIGURATION_D, include_top=False)
    path = tmp_path / "vgg16-8bit.safetensors"
    converters.save(params, path)
    assert path.stat().st_size < 0.26 * params.nbytes
    assert VGG16.load(path).architecture.name == "vgg16"
    with pytest.raises(WeightsError, match="holds vgg16, not vgg19"):
        converters.load(path)


def _short_indices(tensors: dict[str, np.ndarray]) -> None:
    tensors["conv2_1.indices"] = tensors["conv2_1.indices"][:2]


def _float_indices(tensors: dict[str, np.ndarray]) -> None:
    tensors["conv2_1.indices"] = tensors["conv2_1.indices"].astype(np.float32)


def _no_indices(tensors: dict[str, np.ndarray]) -> None:
    del tensors["conv2_1.indices"]


def _short_table(tensors: dict[str, np.ndarray]) -> None:
    tensors["conv2_1.values"] = tensors["conv2_1.values"][:255]


def _no_table(tensors: dict[str, np.ndarray]) -> None:
    del tensors["conv2_1.values"]


def _wide_table(tensors: dict[str, np.ndarray]) -> None:
    tensors["conv2_1.values"] = tensors["conv2_1.values"].astype(np.float64)


def _nan(tensors: dict[str, np.ndarray]) -> None:
    tensors["conv2_1.values"][7] = np.nan


def _no_bias(tensors: dict[str, np.ndarray]) -> None:
    del tensors["conv2_1.bias"]


def _stranger(tensors: dict[str, np.ndarray]) -> None:
    tensors["conv9_9.indices"] = np.zeros((3, 3, 4, 5), np.uint8)
    tensors["conv9_9.values"] = np.zeros(256, np.float32)


def _two_faults(tensors: dict[str, np.ndarray]) -> None:
    _nan(tensors)
    tensors["conv3_1.indices"] = tensors["conv3_1.indices"][..., :1]


def _kernel_too(tensors: dict[str, np.ndarray]) -> None:
    tensors["conv2_1.kernel"] = np.zeros((3, 3, 5, 6), np.float32)


def _three_faults(tensors: dict[str, np.ndarray]) -> None:
    _nan(tensors)
    tensors["conv3_1.bias"][0] = np.inf
    for part in ("indices", "values", "bias"):
        del tensors[f"conv5_4.{part}"]


DAMAGE: dict[Callable[[dict[str, np.ndarray]], None], str] = {
    _short_indices: r"conv2_1 indices are uint8 \(2, 3, 5, 6\), expected uint8 \(3, 3, 5, 6\)",
    _float_indices: r"conv2_1 indices are float32 \(3, 3, 5, 6\)",
    _no_indices: "conv2_1 has no indices",
    _short_table: r"conv2_1 values are float32 \(255,\), expected float32 \(256,\)",
    _no_table: "conv2_1 has no values",
    _wide_table: r"conv2_1 values are float64 \(256,\)",
    _nan: "conv2_1 values hold NaN",
    _no_bias: r"conv2_1 bias has shape \(0,\), expected \(6,\)",
    _stranger: "layers that tiny does not have: conv9_9",
    _kernel_too: "conv2_1 has both a kernel and indices",
    _two_faults: "conv2_1 values hold NaN.*; conv3_1 indices are",
    _three_faults: "conv2_1 values hold NaN.*; missing layers: conv5_4; conv3_1 bias holds NaN",
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_damaged_files_are_refused(
    damage: Callable[[dict[str, np.ndarray]], None], tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """One error names all indices and tables of a wrong size or type, and all NaN."""
    path = tmp_path / "x-8bit.safetensors"
    replace(tiny_params, layers={n: v for n, v in tiny_params.layers.items() if n[:2] != "fc"}).save(path, bits=8)
    with safetensors.safe_open(path, framework="np") as file:
        metadata, tensors = file.metadata(), dict(file.get_tensors())
    damage(tensors)
    safetensors.numpy.save_file({n: np.ascontiguousarray(t) for n, t in tensors.items()}, path, metadata)
    with pytest.raises(WeightsError, match=DAMAGE[damage]) as caught:
        converters.load(path, architecture=tiny)
    assert str(caught.value).startswith(f"{path}: ")
