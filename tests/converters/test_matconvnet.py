"""Networks of MatConvNet, of every release and in both kinds of MAT-file.

The writers know MatConvNet's layout on their own: a struct is a dictionary, a cell array an object array, a text a
`str`, all else a numeric array in MATLAB's indexing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import loadmat, savemat

import converters
from myvgg.architecture import Architecture, Pool, vgg
from myvgg.params import LayerParams, Params, WeightsError, random

Struct = dict[str, Any]

MEAN_RGB = (123.68, 116.779, 103.939)
HEADER = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Fri Sep 30 12:00:00 2016 HDF5 schema 1.00 ."
KERNEL, BIAS = 0, 1
CLASSES = {"float32": "single", "float64": "double", "bool": "logical"}

PRINT_ROUNDING = 5e-9
"""Half a unit of the last printed digit."""

GENERATIONS = {
    "beta10": "MatConvNet up to beta10",
    "beta16": "MatConvNet beta11 to beta16",
    "current": "MatConvNet current (meta)",
}


def cells(values: Iterable[Any], *, column: bool = False) -> np.ndarray:
    """Put values into a cell array of one row, or of one column."""
    values = list(values)
    array = np.empty(len(values), object)
    array[:] = values
    return array.reshape((-1, 1) if column else (1, -1))


def conv_up_to_beta10(kernel: np.ndarray, bias: np.ndarray, name: str) -> Struct:
    """Return a convolution in the layout of the first releases."""
    return {
        "type": "conv",
        "name": name,
        "filters": kernel,
        "biases": bias.reshape(1, -1),
        "stride": np.ones((1, 2)),
        "pad": np.ones((1, 4)),
    }


def conv_beta11_to_beta16(kernel: np.ndarray, bias: np.ndarray, name: str) -> Struct:
    """Return a convolution in the layout of the middle releases."""
    return {
        "weights": cells([kernel, bias.reshape(1, -1)]),
        "pad": np.ones((1, 4)),
        "type": "conv",
        "name": name,
        "stride": np.ones((1, 2)),
    }


def conv_current(kernel: np.ndarray, bias: np.ndarray, name: str) -> Struct:
    """Return a convolution in the layout of the last releases."""
    return {
        "name": name,
        "type": "conv",
        "weights": cells([kernel, bias.reshape(-1, 1)]),
        "size": np.array([kernel.shape], np.float64),
        "pad": np.ones((1, 4)),
        "stride": np.ones((1, 2)),
        "precious": np.zeros((1, 1), bool),
        "dilate": np.ones((1, 1)),
        "opts": np.empty((0, 0), object),
    }


CONV = {"beta10": conv_up_to_beta10, "beta16": conv_beta11_to_beta16, "current": conv_current}


def as_stored(kernel: np.ndarray, name: str, params: Params) -> np.ndarray:
    """Convert a kernel to MatConvNet's layout: inputs of conv1_1 are R, G, B, and dense layers are convolutions."""
    if name == "conv1_1":
        return kernel[:, :, ::-1]
    if name.startswith("conv"):
        return kernel
    pools = sum(isinstance(layer, Pool) for layer in params.architecture.layers)
    side = params.architecture.input_size >> pools if name == "fc6" else 1
    return kernel.reshape(side, side, -1, kernel.shape[-1])


def layers(params: Params, era: str) -> list[Struct]:
    """List the 43 layers of a network, or fewer without its top."""
    architecture = params.architecture
    records: list[Struct] = []
    for layer in architecture.layers:
        if isinstance(layer, Pool):
            pad = np.array([[0, 1, 0, 1]] if era == "current" else [[0, 0, 0, 0]], np.float64)
            pool = {"name": layer.name, "type": "pool", "method": "max", "pool": np.full((1, 2), 2.0), "pad": pad}
            records.append(pool)
        elif layer.name in params.layers:
            kernel, bias = params.layers[layer.name]
            records.append(CONV[era](as_stored(kernel, layer.name, params), bias, layer.name))
            records.append({"type": "relu", "name": "relu" + layer.name.lstrip("convf")})
    if params.include_top:
        records[-1] = {"type": "softmax", "name": "prob"}
    return records


def network(
    params: Params,
    era: str = "current",
    *,
    change: Callable[[list[Struct]], Any] = lambda records: None,
    mean: np.ndarray | None = None,
    classes: Struct | None = None,
) -> Struct:
    """Return the variables of a network in the layout of a release of MatConvNet.

    Args:
        params: What to store.
        era: `beta10`, `beta16` or `current`.
        change: Alters the list of layers before it becomes a cell array.
        mean: `averageImage`, the release's own unless told.
        classes: The struct of class names; the labels of `params` unless told.
    """
    records = layers(params, era)
    change(records)
    if mean is None:
        size = 1 if era == "current" else params.architecture.input_size
        mean = np.tile(np.array(MEAN_RGB, np.float32), (size, size, 1))
    if classes is None:
        wordnet = cells((f"n{number:08}" for number in range(len(params.labels))), column=era == "current")
        classes = {"name": wordnet, "description": cells(params.labels, column=era == "current")}
    side = np.full((1, 3), params.architecture.input_size, np.float64)
    normalization = {"imageSize": side, "keepAspect": np.ones((1, 1), bool), "averageImage": mean}
    beside: Struct = {"normalization": normalization, "classes": classes}
    return {"layers": cells(records)} | ({"meta": beside} if era == "current" else beside)


def put(group: h5py.Group, name: str, value: Any) -> None:
    """Store a value of any kind in the layout of version 7.3."""
    if isinstance(value, dict):
        struct = group.create_group(name)
        struct.attrs["MATLAB_class"] = np.bytes_("struct")
        for field, child in value.items():
            put(struct, field, child)
    elif isinstance(value, str):
        codes = np.frombuffer(value.encode("utf-16-le"), np.uint16)
        put_array(group, name, codes.reshape(1, -1), "char").attrs["MATLAB_int_decode"] = np.int32(2)
    elif value.dtype == object:
        put_array(group, name, references(group.file, value), "cell")
    else:
        numbers = value.astype(np.uint8) if value.dtype == bool else value
        put_array(group, name, numbers, CLASSES.get(value.dtype.name, value.dtype.name))


def put_array(group: h5py.Group, name: str, value: np.ndarray, matlab_class: str) -> h5py.Dataset:
    """Store an array with its axes reversed, or the shape of an empty one."""
    data = value.T if value.size else np.array(value.shape, np.uint64)
    stored = group.create_dataset(name, data=data)
    stored.attrs["MATLAB_class"] = np.bytes_(matlab_class)
    if not value.size:
        stored.attrs["MATLAB_empty"] = np.uint8(1)
    return stored


def references(file: h5py.File, array: np.ndarray) -> np.ndarray:
    """Store the cells of a cell array elsewhere in the file, and return references to them."""
    targets = file.require_group("#refs#")
    found = np.empty(array.shape, h5py.ref_dtype)
    for position, value in np.ndenumerate(array):
        name = f"item{len(targets)}"
        put(targets, name, value)
        found[position] = targets[name].ref
    return found


def write_hdf5(path: Path, variables: Struct) -> None:
    """Write a MAT-file of version 7.3 by hand: HDF5 after a block of 512 bytes."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            put(file, name, value)
    with Path(path).open("r+b") as file:
        file.write(HEADER.ljust(116) + bytes(8) + b"\x00\x02IM")


WRITERS: dict[str, Callable[[Path, Struct], None]] = {
    "v5": savemat,
    "v5-compressed": partial(savemat, do_compression=True),
    "v7.3": write_hdf5,
}


def convolution(records: list[Struct], name: str) -> Struct:
    """Find a layer by its name."""
    return next(record for record in records if record["name"] == name)


def altered(name: str, part: int, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[list[Struct]], None]:
    """Return a function that changes the kernel or the bias of one layer."""

    def apply(records: list[Struct]) -> None:
        weights = convolution(records, name)["weights"]
        weights[0, part] = change(weights[0, part])

    return apply


def without_names(records: list[Struct]) -> None:
    """Remove the names of all layers."""
    for record in records:
        del record["name"]


def assert_same(actual: Params, expected: Params) -> None:
    """Compare all arrays, bit for bit."""
    assert list(actual.layers) == list(expected.layers)
    for name, layer in expected.layers.items():
        for part, array in layer._asdict().items():
            found = getattr(actual.layers[name], part)
            assert found.dtype == np.float32
            assert found.flags.c_contiguous
            assert np.array_equal(found, array), f"{name} {part}"


@pytest.fixture
def load(tmp_path: Path, tiny: Architecture) -> Callable[..., Params]:
    """Write a network's variables and load the file."""

    def load(variables: Struct, kind: str = "v5") -> Params:
        path = tmp_path / "network.mat"
        WRITERS[kind](path, variables)
        return converters.load(path, architecture=tiny)

    return load


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("era", CONV)
def test_every_release_gives_the_same_arrays(
    era: str, kind: str, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """In every release and MAT version, arrays are equal bit for bit, and labels and origin are right."""
    path = tmp_path / "network.mat"
    variables = network(tiny_params, era)
    WRITERS[kind](path, variables)

    actual = converters.load(path, architecture=tiny)

    assert variables["layers"].shape == (1, 43)
    assert_same(actual, tiny_params)
    assert actual.labels == tiny_params.labels
    assert actual.origin.file == "network.mat"
    assert actual.origin.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert actual.origin.generation == GENERATIONS[era] + (", MAT 7.3" if kind == "v7.3" else "")
    assert actual.origin.notes == ()


def test_the_name_of_the_file_does_not_matter(tiny: Architecture, tiny_params: Params, tmp_path: Path) -> None:
    """A file without the suffix is read, too."""
    path = tmp_path / "network"
    savemat(path, network(tiny_params), appendmat=False)

    assert_same(converters.load(path, architecture=tiny), tiny_params)


def test_each_number_arrives_at_its_place(tiny_params: Params, load: Callable[..., Params]) -> None:
    """Height, width and outputs keep their places, conv1_1's inputs are reversed, fc6 is flattened in that order."""
    stored = {}

    def number(name: str) -> Callable[[np.ndarray], np.ndarray]:
        def replaced(kernel: np.ndarray) -> np.ndarray:
            stored[name] = np.arange(kernel.size, dtype=np.float32).reshape(kernel.shape, order="F")
            return stored[name]

        return replaced

    def change(records: list[Struct]) -> None:
        for name in ("conv1_1", "conv1_2", "fc6", "fc8"):
            altered(name, KERNEL, number(name))(records)

    actual = load(network(tiny_params, change=change)).layers

    for (h, w, c, n), value in np.ndenumerate(stored["conv1_1"]):
        assert actual["conv1_1"].kernel[h, w, 2 - c, n] == value
    for (h, w, c, n), value in np.ndenumerate(stored["conv1_2"]):
        assert actual["conv1_2"].kernel[h, w, c, n] == value
    for (h, w, c, n), value in np.ndenumerate(stored["fc6"]):
        assert actual["fc6"].kernel[(h * 2 + w) * 7 + c, n] == value
    for (_, _, c, n), value in np.ndenumerate(stored["fc8"]):
        assert actual["fc8"].kernel[c, n] == value


@pytest.mark.parametrize("kind", ["v5", "v7.3"])
@pytest.mark.parametrize("shape", [(1, -1), (-1, 1), (1, 1, -1)], ids=str)
def test_a_bias_may_lie_along_any_axis(
    shape: tuple[int, ...], kind: str, tiny_params: Params, load: Callable[..., Params]
) -> None:
    """Rows, columns and deeper vectors are the same bias."""

    def change(records: list[Struct]) -> None:
        for name in tiny_params.layers:
            altered(name, BIAS, lambda bias: bias.reshape(shape))(records)

    assert_same(load(network(tiny_params, change=change), kind), tiny_params)


def test_layers_without_names_are_read_in_order(tiny_params: Params, load: Callable[..., Params]) -> None:
    """Without names, the order of the layers decides."""
    assert_same(load(network(tiny_params, change=without_names)), tiny_params)


def test_layers_in_another_order_are_read_by_name(tiny_params: Params, load: Callable[..., Params]) -> None:
    """A known name counts more than the order."""
    assert_same(load(network(tiny_params, change=list.reverse)), tiny_params)


def test_a_layer_with_a_foreign_name_takes_the_free_place(tiny_params: Params, load: Callable[..., Params]) -> None:
    """A last layer of another name is fc8, since all other names are taken."""

    def change(records: list[Struct]) -> None:
        convolution(records, "fc8")["name"] = "classifier"

    assert_same(load(network(tiny_params, change=change)), tiny_params)


def test_a_network_without_dense_layers_is_read(
    tiny: Architecture, tiny_params: Params, load: Callable[..., Params]
) -> None:
    """A file may end before fc6."""
    expected = replace(tiny_params, layers={c.name: tiny_params.layers[c.name] for c in tiny.convolutions})

    actual = load(network(expected, change=without_names))

    assert not actual.include_top
    assert_same(actual, expected)


def test_another_number_of_classes_is_kept(load: Callable[..., Params], tiny: Architecture) -> None:
    """A network with six classes keeps them."""
    expected = replace(random(tiny.with_classes(6), seed=3), labels=tuple("abcdef"))

    actual = load(network(expected))

    assert actual.architecture.classifier[-1].outputs == 6
    assert_same(actual, expected)


@pytest.mark.parametrize("kind", ["v5", "v7.3"])
@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ({"name": cells(f"n{i}" for i in range(10))}, tuple(f"n{i}" for i in range(10))),
        (
            {"name": cells(f"n{i}" for i in range(10)), "description": np.empty((0, 0), object)},
            tuple(f"n{i}" for i in range(10)),
        ),
        ({"description": cells(["", "naïve", "雪", *"abcdefg"])}, ("", "naïve", "雪", *"abcdefg")),
        ({}, ()),
        (np.empty((0, 0)), ()),
    ],
    ids=["only-names", "empty-descriptions", "unicode", "empty-struct", "empty-array"],
)
def test_labels_are_the_best_that_there_is(
    classes: Any, expected: tuple[str, ...], kind: str, tiny_params: Params, load: Callable[..., Params]
) -> None:
    """Labels are the descriptions, or else WordNet ids, or else there are none."""
    assert load(network(tiny_params, classes=classes), kind).labels == expected


@pytest.mark.parametrize(
    "mean",
    [
        np.array(MEAN_RGB).reshape(1, 1, 3),
        np.array(MEAN_RGB).reshape(1, 3) + 0.09,
        np.tile(MEAN_RGB, (5, 6, 1)),
        np.empty((0, 0)),
    ],
    ids=["colour", "nearly", "picture", "empty"],
)
def test_the_mean_of_the_paper_is_accepted(mean: np.ndarray, tiny_params: Params, load: Callable[..., Params]) -> None:
    """The mean may be a colour, a picture of one colour, rounded, or missing."""
    assert_same(load(network(tiny_params, mean=mean)), tiny_params)


def test_a_file_without_anything_beside_the_layers_is_read(tiny_params: Params, load: Callable[..., Params]) -> None:
    """A file without mean and classes is read."""
    variables = network(tiny_params, "beta16")

    actual = load({"layers": variables["layers"]})

    assert_same(actual, tiny_params)
    assert actual.labels == ()


@pytest.mark.parametrize("era", CONV)
@pytest.mark.parametrize(
    "mean",
    [
        np.array(MEAN_RGB[::-1]).reshape(1, 1, 3),
        np.array(MEAN_RGB).reshape(1, 1, 3) + 0.2,
        np.tile(MEAN_RGB, (4, 4, 1)) + np.eye(4)[..., None],
        np.full((1, 1), 116.0),
        np.full((1, 1, 3), np.nan),
    ],
    ids=["bgr", "other", "picture", "grey", "nan"],
)
def test_another_mean_is_refused(mean: np.ndarray, era: str, tiny_params: Params, load: Callable[..., Params]) -> None:
    """A network that was trained with another mean is refused, since its features would be wrong."""
    with pytest.raises(WeightsError, match="trained with another mean"):
        load(network(tiny_params, era, mean=mean))


@pytest.mark.parametrize("change", [lambda records: None, without_names], ids=["named", "unnamed"])
def test_vgg16_is_recognised(change: Callable[[list[Struct]], None], load: Callable[..., Params]) -> None:
    """VGG16's file, which is often mistaken for VGG19's, is refused by its name."""
    vgg16 = vgg("vgg16", ((4, 5), (6, 7), (8, 7, 8), (9, 8, 9), (8, 9, 7)), dense=(12, 11, 10), input_size=64)

    with pytest.raises(WeightsError, match="VGG16's file"):
        load(network(random(vgg16), change=change))


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    "variables",
    [
        {"x": np.eye(3)},
        {"layers": np.eye(3)},
        {"layers": "conv1_1"},
        {"layers": cells([{"type": "relu", "name": "relu1"}])},
        {"layers": {"block": cells(["conv", "relu"]), "name": cells(["conv1_1", "relu1_1"])}},
        {"layers": cells(["conv1_1", np.eye(2), {"name": "conv1_1", "weights": np.empty((0, 0))}])},
    ],
    ids=["other", "numbers", "text", "no-convolution", "dag", "mixed"],
)
def test_another_mat_file_is_called_so(variables: Struct, kind: str, load: Callable[..., Params]) -> None:
    """A MAT-file of another program is refused, and not as damaged."""
    with pytest.raises(WeightsError, match="a MAT-file, but not a MatConvNet network"):
        load(variables, kind)


def test_a_struct_array_is_not_a_network(load: Callable[..., Params]) -> None:
    """MatConvNet's other kind of network, DagNN, keeps its layers in an array of structs."""
    layers = np.array([[("conv1_1", 1.0), ("relu1_1", 2.0)]], [("name", object), ("block", object)])

    with pytest.raises(WeightsError, match="a MAT-file, but not a MatConvNet network"):
        load({"layers": layers})


def drop(name: str) -> Callable[[list[Struct]], None]:
    """Return a function that removes a layer."""
    return lambda records: records.remove(convolution(records, name))


def repeat(name: str, new_name: str) -> Callable[[list[Struct]], None]:
    """Return a function that adds a copy of a layer at the end."""
    return lambda records: records.append(convolution(records, name) | {"name": new_name})


def without_bias(records: list[Struct]) -> None:
    """Store the second convolution without its bias."""
    record = convolution(records, "conv1_2")
    record["weights"] = record["weights"][:, :1]


@pytest.mark.parametrize("kind", ["v5", "v7.3"])
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (altered("conv3_2", KERNEL, lambda kernel: kernel * np.nan), "conv3_2 kernel holds NaN"),
        (altered("conv3_2", BIAS, lambda bias: bias / 0), "conv3_2 bias holds NaN or infinite"),
        (altered("conv3_2", KERNEL, lambda kernel: kernel[..., :-1]), r"conv3_2 kernel has shape \(3, 3, 8, 7\)"),
        (altered("conv3_2", KERNEL, lambda kernel: kernel.astype(np.int32)), "conv3_2 kernel has int32 values"),
        (altered("conv1_1", KERNEL, lambda kernel: kernel[0, :1, 0, :1]), r"conv1_1 kernel has shape \(1, 1\)"),
        (altered("fc6", KERNEL, lambda kernel: kernel.transpose(2, 0, 1, 3)), r"fc6 kernel has shape \(7, 2, 2, 12\)"),
        (altered("fc6", KERNEL, lambda kernel: kernel.reshape(1, 1, 28, 12)), r"fc6 kernel has shape \(1, 1, 28, 12\)"),
        (altered("fc6", BIAS, lambda bias: bias.reshape(3, 4)), r"fc6 bias has shape \(3, 4\), expected \(12,\)"),
        (altered("conv1_1", BIAS, lambda bias: bias[:0]), "conv1_1 bias has shape"),
        (without_bias, "conv1_2 bias has shape"),
        (drop("conv2_1"), "missing layers: conv2_1"),
        (drop("fc8"), "missing layers: fc8"),
        (lambda records: (drop("conv5_4")(records), without_names(records)), "missing layers: conv5_4"),
        (repeat("conv5_4", "conv9_1"), "layers that tiny does not have: conv9_1"),
        (repeat("fc8", "fc9"), "layers that tiny does not have: fc9"),
        (repeat("fc8", ""), "layers that tiny does not have: number 20"),
        (repeat("fc8", "fc8"), "two layers are called fc8"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_does_not_fit_is_named(
    change: Callable[[list[Struct]], None], problem: str, kind: str, tiny_params: Params, load: Callable[..., Params]
) -> None:
    """The error names the layer, the array and the problem."""
    with pytest.raises(WeightsError, match=problem):
        load(network(tiny_params, change=change), kind)


@pytest.mark.parametrize("kind", ["v5", "v7.3"])
def test_double_precision_is_converted_with_a_note(kind: str, tiny_params: Params, load: Callable[..., Params]) -> None:
    """A network of doubles gives the same arrays, and the origin notes it."""
    actual = load(
        network(tiny_params, change=altered("conv3_2", KERNEL, lambda kernel: kernel.astype(np.float64))), kind
    )

    assert_same(actual, tiny_params)
    assert actual.origin.notes == ("float64 values converted to float32",)


def test_whole_numbers_that_matlab_stores_in_bytes_are_read(
    tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """MATLAB packs an array of small whole numbers into bytes; it is read as singles."""
    path = tmp_path / "network.mat"
    savemat(path, network(tiny_params, change=altered("conv3_2", BIAS, lambda bias: (bias > 0).astype(np.uint8))))
    byte_array, single_array = (b"\x06\0\0\0\x08\0\0\0" + code for code in (b"\x09", b"\x07"))
    path.write_bytes(path.read_bytes().replace(byte_array, single_array))

    actual = converters.load(path, architecture=tiny)

    assert np.array_equal(actual.layers["conv3_2"].bias, tiny_params.layers["conv3_2"].bias > 0)
    assert actual.layers["conv3_2"].bias.dtype == np.float32


@pytest.mark.parametrize("kept", [4, 19, 60, 127, 130, 150, 300, 1000, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, -100], ids=str)
@pytest.mark.parametrize("filling", [b"", b"\0"], ids=["cut", "zeros"])
@pytest.mark.parametrize("kind", WRITERS)
def test_a_cut_file_is_called_damaged(
    kind: str, filling: bytes, kept: float, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """A file that is cut off, or ends in zeros after a broken download, is refused without traceback and warning."""
    path = tmp_path / "network.mat"
    WRITERS[kind](path, network(tiny_params, "beta16"))
    whole = path.read_bytes()
    size = int(kept * len(whole)) if isinstance(kept, float) else kept % len(whole)
    path.write_bytes(whole[:size] + filling * (len(whole) - size))

    with pytest.raises(WeightsError) as caught:
        converters.load(path, architecture=tiny)

    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", ["v5", "v5-compressed"])
def test_a_file_cut_between_variables_still_has_its_arrays(
    kind: str, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """A file that is cut off behind the layers loses only other variables."""
    path = tmp_path / "network.mat"
    WRITERS[kind](path, network(tiny_params))
    size = 128 + 8 + int.from_bytes(path.read_bytes()[132:136], "little")
    path.write_bytes(path.read_bytes()[:size])

    assert_same(converters.load(path, architecture=tiny), tiny_params)


@pytest.fixture
def published(facts: Path) -> dict[str, Any]:
    """Published values of conv1_1 in the file of beta16, with the file's own indices."""
    return json.loads((facts / "mat_conv1_1.json").read_text())


@pytest.fixture
def published_file(trained_weights: Path, tmp_path: Path) -> tuple[Path, Architecture]:
    """A file in MatConvNet's layout with the trained conv1_1, and its network."""
    with h5py.File(trained_weights) as file:
        kernel, bias = (file[f"block1_conv1/block1_conv1_{part}_1:0"][()] for part in "Wb")
    architecture = vgg("wide", ((64, 2), (2, 2), (2,) * 4, (2,) * 4, (2,) * 4), dense=(3, 3, 3), input_size=32)
    params = random(architecture)
    params = replace(params, layers={**params.layers, "conv1_1": LayerParams(kernel, bias)})
    savemat(tmp_path / "published.mat", network(params))
    return tmp_path / "published.mat", architecture


@pytest.mark.weights
def test_the_print_stands_in_the_file_at_its_own_index(
    published: dict[str, Any], published_file: tuple[Path, Architecture]
) -> None:
    """The layout of this test agrees with the published values."""
    layers = loadmat(published_file[0])["layers"]
    kernel, bias = layers[0, 0][0, 0]["weights"][0]

    np.testing.assert_allclose(kernel[..., published["filters_printed"]], published["kernel"], 0, PRINT_ROUNDING)
    np.testing.assert_allclose(bias[:, 0], published["bias64"], 0, PRINT_ROUNDING)


@pytest.mark.weights
@pytest.mark.parametrize("transposed", [False, True], ids=["as-it-is", "transposed"])
@pytest.mark.parametrize("reversed_inputs", [True, False], ids=["bgr", "rgb"])
def test_only_one_reading_explains_the_print(
    reversed_inputs: bool, transposed: bool, published: dict[str, Any], published_file: tuple[Path, Architecture]
) -> None:
    """Reversing conv1_1's inputs and leaving height and width alone explains every value; nothing else does."""
    path, architecture = published_file
    expected = np.array(published["kernel"])
    expected = expected[:, :, ::-1] if reversed_inputs else expected
    expected = expected.swapaxes(0, 1) if transposed else expected

    actual = converters.load(path, architecture=architecture).layers["conv1_1"]

    explained = np.abs(actual.kernel[..., published["filters_printed"]] - expected) <= PRINT_ROUNDING
    assert explained.all() == (reversed_inputs and not transposed)
    assert explained.mean() < 0.34 or explained.all()  # the centres and the middle channel stay in place
    np.testing.assert_allclose(actual.bias, published["bias64"], 0, PRINT_ROUNDING)


@pytest.mark.weights
def test_the_trained_layer_arrives_bit_for_bit(
    trained_weights: Path, published_file: tuple[Path, Architecture]
) -> None:
    """The values of Keras' file survive a round trip through MatConvNet's layout."""
    path, architecture = published_file
    with h5py.File(trained_weights) as file:
        expected = file["block1_conv1/block1_conv1_W_1:0"][()]

    assert np.array_equal(converters.load(path, architecture=architecture).layers["conv1_1"].kernel, expected)


@pytest.mark.parametrize("era", CONV)
def test_trained_weights_survive_the_way_through_all_formats(era: str, trained: Params, tmp_path: Path) -> None:
    """From Keras' .h5 to .safetensors to a .mat of any release and back, no bit changes."""
    converters.save(trained, tmp_path / "first.safetensors")
    savemat(tmp_path / "network.mat", network(converters.load(tmp_path / "first.safetensors"), era))

    assert_same(converters.load(tmp_path / "network.mat"), trained)


PRINTED = (
    (
        (0.39416704, 0.46418372, 0.34119523),
        (0.37740308, 0.41810837, 0.33999205),
        (-0.04594866, -0.04806903, -0.04484424),
    ),
    (
        (0.2671299, 0.30511212, 0.23215917),
        (0.09986369, 0.10385381, 0.08978214),
        (-0.34100872, -0.37314063, -0.30331427),
    ),
    (
        (-0.07573577, -0.07646758, -0.07260918),
        (-0.28034249, -0.31070709, -0.246675),
        (-0.41602272, -0.46453714, -0.33683276),
    ),
)
"""Published values of the first filter of conv1_1 in MatConvNet's file: rows, columns, and R, G, B."""

KERAS = (
    (
        (0.341195226, 0.464183718, 0.394167036),
        (0.339992046, 0.418108374, 0.37740308),
        (-0.04484424, -0.04806903, -0.0459486581),
    ),
    (
        (0.232159168, 0.305112123, 0.267129898),
        (0.0897821411, 0.103853814, 0.0998636857),
        (-0.303314269, -0.373140633, -0.341008723),
    ),
    (
        (-0.0726091787, -0.0764675811, -0.0757357702),
        (-0.246675, -0.310707092, -0.280342489),
        (-0.336832762, -0.464537144, -0.416022718),
    ),
)
"""The same filter in Keras' public file: rows, columns, and B, G, R."""


def test_the_published_filter_becomes_that_of_keras(tiny_params: Params, load: Callable[..., Params]) -> None:
    """A file with the published values at their indices is read as Keras' filter; no other order of axes gives it."""

    def put(kernel: np.ndarray) -> np.ndarray:
        return np.concatenate([np.array(PRINTED, np.float32)[..., None], kernel[..., 1:]], axis=-1)

    actual = load(network(tiny_params, change=altered("conv1_1", KERNEL, put))).layers["conv1_1"].kernel[..., 0]

    np.testing.assert_allclose(actual, KERAS, 0, 4 * PRINT_ROUNDING)  # the print is stored as float32 once more
    for other in (actual[:, :, ::-1], actual.swapaxes(0, 1), actual.swapaxes(0, 1)[:, :, ::-1]):
        assert np.abs(other - KERAS).max() > 0.05
