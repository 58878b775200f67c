"""Parameters, the check of arrays from outside, and our own file format."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from converters.fingerprints import describe_values
from myvgg.architecture import Architecture
from myvgg.params import (
    CAFFE,
    TORCHVISION,
    LayerParams,
    Origin,
    Params,
    Preprocessing,
    WeightsError,
    checked,
    load,
    metadata_of,
    parse_metadata,
    random,
)


def equal(first: Params, second: Params) -> bool:
    """Compare all arrays, bit for bit."""
    assert list(first.layers) == list(second.layers)
    return all(
        np.array_equal(a, b) for n in first.layers for a, b in zip(first.layers[n], second.layers[n], strict=True)
    )


def test_round_trip_keeps_everything(tiny: Architecture, tiny_params: Params, tmp_path: Path) -> None:
    """Arrays, labels, origin with its notes, responses and the number of classes survive a round trip."""
    origin = Origin("a.mat", "00ff", "MatConvNet current (meta)", ("float64 values converted to float32",))
    params = replace(tiny_params, origin=origin, rms={"relu1_1": 1.5, "pool5": 0.1})
    params.save(tmp_path / "p.safetensors")
    actual = load(tmp_path / "p.safetensors", tiny)
    assert equal(actual, params)
    assert (actual.labels, actual.origin, actual.rms, actual.architecture) == (params.labels, origin, params.rms, tiny)


def test_round_trip_of_another_number_of_classes(tiny: Architecture, tmp_path: Path) -> None:
    """The width of the last layer is the number of classes."""
    params = random(tiny.with_classes(3))
    params.save(tmp_path / "p.safetensors")
    assert load(tmp_path / "p.safetensors", tiny).architecture == tiny.with_classes(3)


def test_arrays_of_any_memory_layout_are_stored_rightly(
    tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """Transposed and strided arrays are written by value, not as they lie in memory."""
    layers = {n: LayerParams(np.asfortranarray(k), b[::-1][::-1]) for n, (k, b) in tiny_params.layers.items()}
    replace(tiny_params, layers=layers).save(tmp_path / "p.safetensors")
    assert equal(load(tmp_path / "p.safetensors", tiny), tiny_params)


def test_loaded_arrays_do_not_write_through(tiny: Architecture, tiny_params: Params, tmp_path: Path) -> None:
    """Loaded arrays are views of the file, but a change stays in memory, and the file can be overwritten."""
    path = tmp_path / "p.safetensors"
    tiny_params.save(path)
    first = load(path, tiny)
    first.layers["conv1_1"].bias[:] = 7
    assert equal(load(path, tiny), tiny_params)
    first.save(path)
    assert (load(path, tiny).layers["conv1_1"].bias == 7).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_widths_are_converted_with_a_note(
    dtype: type, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """A file of half or double precision is read as float32, with a note."""
    tensors = {
        f"{name}.{part}": array.astype(dtype)
        for name, layer in tiny_params.layers.items()
        for part, array in layer._asdict().items()
    }
    safetensors.numpy.save_file(tensors, tmp_path / "p.safetensors", metadata=metadata_of(tiny_params))
    actual = load(tmp_path / "p.safetensors", tiny)
    assert actual.origin.notes == (f"{np.dtype(dtype).name} values converted to float32",)
    expected = tiny_params.layers["conv3_1"].kernel.astype(dtype).astype(np.float32)
    assert np.array_equal(actual.layers["conv3_1"].kernel, expected)


def test_everything_wrong_is_said_at_once(tiny: Architecture, tiny_params: Params) -> None:
    """One error lists missing and unknown layers, wrong shapes and types, NaN, and a wrong number of labels."""
    layers = dict(tiny_params.layers)
    del layers["conv4_3"]
    layers["conv9_9"] = layers["conv1_1"]
    layers["conv1_2"] = LayerParams(layers["conv1_2"].kernel[:2], layers["conv1_2"].bias)
    layers["conv2_1"] = LayerParams(layers["conv2_1"].kernel.astype(np.int64), layers["conv2_1"].bias)
    layers["conv2_2"] = LayerParams(layers["conv2_2"].kernel, np.full_like(layers["conv2_2"].bias, np.inf))
    with pytest.raises(WeightsError) as caught:
        checked(layers, path="some file", labels=["a"], architecture=tiny)
    assert caught.value.path == "some file"
    assert caught.value.problems == (
        "layers that tiny does not have: conv9_9",
        "missing layers: conv4_3",
        "conv1_2 kernel has shape (2, 3, 4, 5), expected (3, 3, 4, 5)",
        "conv2_1 kernel has int64 values, expected float32",
        "conv2_2 bias holds NaN or infinite values",
        "1 class names for 10 classes",
    )
    assert str(caught.value).startswith("some file: layers that tiny does not have: conv9_9; missing")


def test_large_finite_values_pass(tiny: Architecture, tiny_params: Params) -> None:
    """Values whose squares overflow are still finite."""
    kernel, bias = tiny_params.layers["conv1_1"]
    layers = {**tiny_params.layers, "conv1_1": LayerParams(kernel, np.full_like(bias, 3e38))}
    assert checked(layers, path="p", architecture=tiny).layers["conv1_1"].bias[0] == np.float32(3e38)


@pytest.mark.parametrize("last", ["conv1_2", "conv2_2", "conv3_4", "conv5_4", "fc8"])
def test_files_may_end_between_blocks(last: str, tiny: Architecture, tiny_params: Params) -> None:
    """A file may end after any block."""
    order = list(tiny_params.layers)
    head = {name: tiny_params.layers[name] for name in order[: order.index(last) + 1]}
    assert list(checked(head, path="p", architecture=tiny).layers) == list(head)


@pytest.mark.parametrize("last", ["conv1_1", "conv3_3", "fc6", "fc7"])
def test_files_may_not_end_within_a_block(last: str, tiny: Architecture, tiny_params: Params) -> None:
    """An incomplete block or classifier is an error."""
    order = list(tiny_params.layers)
    head = {name: tiny_params.layers[name] for name in order[: order.index(last) + 1]}
    with pytest.raises(WeightsError, match="missing layers: "):
        checked(head, path="p", architecture=tiny)


def test_unwritable_arrays_are_an_os_error(
    tiny_params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's error for a full disk becomes OSError, and no file is left."""

    def fail(*_: object, **__: object) -> None:
        raise safetensors.SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(safetensors.numpy, "save_file", fail)
    with pytest.raises(OSError, match="No space left"):
        tiny_params.save(tmp_path / "p.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_fingerprints_tell_strangers() -> None:
    """Random parameters are not the published ones; a published conv1_1 in R, G, B order is recognised."""
    from converters.fingerprints import CONV1_1

    params = random(include_top=False)
    assert describe_values(params).startswith("not the ImageNet weights")
    params.layers["conv1_1"].kernel[0, 0, :, 0] = CONV1_1[::-1]
    assert "conv1_1 takes R, G, B" in describe_values(params)


def test_older_files_know_no_responses(tiny: Architecture, tiny_params: Params, tmp_path: Path) -> None:
    """A file of an older version has no responses."""
    tensors = {f"{n}.{part}": a for n, layer in tiny_params.layers.items() for part, a in layer._asdict().items()}
    metadata = {key: value for key, value in metadata_of(tiny_params).items() if key != "rms"}
    safetensors.numpy.save_file(tensors, tmp_path / "p.safetensors", metadata=metadata)
    assert load(tmp_path / "p.safetensors", tiny).rms == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("origin", "{"),
        ("origin", "{}"),
        ("labels", "3"),
        ("labels", ""),
        ("rms", ""),
        ("rms", "[1]"),
        ("rms", "3"),
        ("rms", '{"relu1_1": "much"}'),
        ("rms", '{"relu1_1": null}'),
    ],
)
def test_damaged_metadata(key: str, value: str, tiny: Architecture, tiny_params: Params, tmp_path: Path) -> None:
    """Damaged metadata are an error of the file."""
    tensors = {f"{n}.{part}": a for n, layer in tiny_params.layers.items() for part, a in layer._asdict().items()}
    metadata = metadata_of(tiny_params) | {key: value}
    safetensors.numpy.save_file(tensors, tmp_path / "p.safetensors", metadata=metadata)
    with pytest.raises(WeightsError, match="metadata are damaged"):
        load(tmp_path / "p.safetensors", tiny)


def test_errors_travel_between_processes() -> None:
    """A WeightsError can be pickled, as process pools do."""
    error = pickle.loads(pickle.dumps(WeightsError("a.mat", ["one", "two"])))
    assert (str(error), error.path, error.problems) == ("a.mat: one; two", "a.mat", ("one", "two"))


def test_a_missing_file_is_not_called_damaged(tmp_path: Path) -> None:
    """A missing file is reported as such, not as damaged."""
    with pytest.raises(WeightsError, match="cannot be read: No such file"):
        load(tmp_path / "nothing.safetensors")


def test_values_too_large_for_float32(tiny: Architecture, tiny_params: Params) -> None:
    """A finite float64 that float32 cannot hold is refused, not turned into infinity."""
    kernel, bias = tiny_params.layers["conv1_1"]
    layers = {**tiny_params.layers, "conv1_1": LayerParams(kernel, np.full(bias.shape, 1e300))}
    with pytest.raises(WeightsError, match="conv1_1 bias holds NaN or infinite values as float32"):
        checked(layers, path="p", architecture=tiny)


@pytest.mark.parametrize(
    "like", [CAFFE, TORCHVISION, Preprocessing("rgb", (1.0, 2.0, 3.0), (4.0, 5.0, 6.5))], ids=["C", "T", "own"]
)
def test_preprocessing_is_stored(like: Preprocessing, tiny: Architecture, tiny_params: Params, tmp_path: Path) -> None:
    """The preprocessing is stored with the weights; a file of an older version has the authors' preprocessing."""
    replace(tiny_params, preprocessing=like).save(tmp_path / "p.safetensors")
    assert load(tmp_path / "p.safetensors", tiny).preprocessing == like
    metadata = metadata_of(tiny_params)
    del metadata["preprocessing"]
    assert parse_metadata(metadata, path="p", architecture=tiny).preprocessing == CAFFE


@pytest.mark.parametrize(
    "taken",
    [
        '{"channels": "bgr"}',
        '{"channels": "hsv", "mean": [0, 0, 0], "scale": [1, 1, 1]}',
        '{"channels": "rgb", "mean": [0, 0], "scale": [1, 1, 1]}',
        '{"channels": "rgb", "mean": [0, 0, 0], "scale": [1, 0, 1]}',
        "[]",
        "{",
        "3",
    ],
)
def test_damaged_preprocessing_is_refused(taken: str, tiny: Architecture, tiny_params: Params) -> None:
    """A damaged preprocessing is an error of the file."""
    with pytest.raises(WeightsError, match="metadata are damaged"):
        parse_metadata(metadata_of(tiny_params) | {"preprocessing": taken}, path="p", architecture=tiny)


def test_arrays_that_are_too_many_are_named(tiny: Architecture, tiny_params: Params, tmp_path: Path) -> None:
    """A third array of a layer and one without a layer are listed by their full names."""
    tensors = {f"{n}.{part}": a for n, layer in tiny_params.layers.items() for part, a in layer._asdict().items()}
    extra = {"conv1_1.scale": np.zeros(4, np.float32), "alone": np.zeros(1, np.float32)}
    safetensors.numpy.save_file(tensors | extra, tmp_path / "p.safetensors", metadata=metadata_of(tiny_params))
    with pytest.raises(WeightsError, match=r"does not have: alone, conv1_1\.scale"):
        load(tmp_path / "p.safetensors", tiny)
