"""Keras' files of every generation, those of Keras 3 written by Keras itself, hold the same arrays."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import converters
from myvgg.architecture import Architecture, Conv, Pool
from myvgg.params import Params, WeightsError, random
from myvgg.params import load as load_stored

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"  # Keras with NumPy 2
)

Layers = Mapping[str, Sequence[np.ndarray]]
Writer = Callable[[Layers, Path], None]


def assert_same(actual: Params, expected: Params) -> None:
    """Assert that parameters are bit-equal, in order and float32."""
    assert list(actual.layers) == list(expected.layers)
    for name, layer in expected.layers.items():
        for part, array in layer._asdict().items():
            stored = getattr(actual.layers[name], part)
            assert stored.dtype == np.float32, f"{name} {part}"
            assert np.array_equal(stored, array), f"{name} {part}"


def keras_layers(params: Params) -> dict[str, list[np.ndarray]]:
    """Return the arrays by Keras' layer names."""
    names = params.architecture.keras_names
    return {names[name]: [*layer] for name, layer in params.layers.items()}


def keras_model(architecture: Architecture) -> keras.Model:
    """Build the network with VGG19's layer names."""
    size, names = architecture.input_size, architecture.keras_names
    picture = x = keras.Input((size, size, 3), name="input_1")
    for layer in architecture.layers:
        name = names[layer.name]
        if isinstance(layer, Pool):
            x = keras.layers.MaxPooling2D(name=name)(x)
        elif isinstance(layer, Conv):
            x = keras.layers.Conv2D(layer.outputs, 3, padding="same", activation="relu", name=name)(x)
        else:
            x = keras.layers.Flatten(name="flatten")(x) if name == "fc1" else x
            x = keras.layers.Dense(layer.outputs, name=name)(x)
    return keras.Model(picture, x, name=architecture.name)


def write_legacy(layers: Layers, root: h5py.Group, spelling: str, version: str = "") -> None:
    """Write a file of Keras before version 3."""
    root.attrs["layer_names"] = [name.encode() for name in ("input_1", *layers)]
    root.create_group("input_1").attrs["weight_names"] = []
    if version:
        root.attrs["keras_version"] = version.encode()
        root.attrs["backend"] = b"tensorflow"
    for name, arrays in layers.items():
        group = root.create_group(name)
        parts = [spelling.format(name, *part) for part in zip(("kernel", "bias"), "Wb", strict=True)][: len(arrays)]
        parts += [f"{name}/more_{index}" for index in range(len(arrays) - 2)]
        group.attrs["weight_names"] = [part.encode() for part in parts]
        for part, array in zip(parts, arrays, strict=True):
            group[part] = array


def write_public(layers: Layers, path: Path) -> None:
    """Write the layout of Keras' public files."""
    with h5py.File(path, "w") as file:
        write_legacy(layers, file, "{0}_{2}_1:0")


def write_keras2(layers: Layers, path: Path) -> None:
    """Write a file of Keras 2's `save_weights`."""
    with h5py.File(path, "w") as file:
        write_legacy(layers, file, "{0}/{1}:0", "2.4.0")


def write_keras2_model(layers: Layers, path: Path) -> None:
    """Write a file of Keras 2's `model.save("a.h5")`."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = b"{}"
        write_legacy(layers, file.create_group("model_weights"), "{0}/{1}:0", "2.4.0")
        file.create_group("optimizer_weights").attrs["weight_names"] = []


def write_keras3(layers: Layers, path: Path | io.BytesIO, root: str = "layers", named: bool = True) -> None:
    """Write Keras 3's `.weights.h5` by hand."""
    counts = {"conv2d": 0, "dense": 0}
    with h5py.File(path, "w") as file:
        file.create_group("vars")
        file.create_group("optimizer/vars")["0"] = np.int64(3)
        for name, arrays in layers.items():
            kind = "conv2d" if "conv" in name else "dense"
            group = file.create_group(f"{root}/{kind}_{counts[kind]}/vars".replace("_0/", "/"))
            counts[kind] += 1
            if named:
                group.attrs["name"] = name
            for index, array in enumerate(arrays):
                group[str(index)] = array


def write_keras3_unnamed(layers: Layers, path: Path) -> None:
    """Write a file of the versions that left out the names of layers."""
    write_keras3(layers, path, named=False)


def write_keras212(layers: Layers, path: Path) -> None:
    """Write a file of Keras 2.12."""
    write_keras3(layers, path, root="_layer_checkpoint_dependencies", named=False)


def write_by_name(layers: Layers, path: Path) -> None:
    """Write a file whose groups have the names of the layers."""
    with h5py.File(path, "w") as file:
        for name, arrays in layers.items():
            group = file.create_group(f"layers/{name}/vars")
            group["0"], group["1"] = arrays


def write_archive(layers: Layers, path: Path, compression: int = zipfile.ZIP_STORED) -> None:
    """Write a `.keras` archive without names of layers."""
    content = io.BytesIO()
    write_keras3(layers, content, named=False)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("metadata.json", '{"keras_version": "2.15.0", "date_saved": "2023-11-08@20:00:00"}')
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", content.getvalue())


def write_deflated(layers: Layers, path: Path) -> None:
    """Write the archive compressed."""
    write_archive(layers, path, zipfile.ZIP_DEFLATED)


GENERATIONS: dict[str, tuple[Writer, str]] = {
    "public": (write_public, "Keras, public layout"),
    "keras2": (write_keras2, "Keras 2 save_weights"),
    "keras2_model": (write_keras2_model, "Keras 2 saved model .h5"),
    "keras3": (write_keras3, "Keras 3 .weights.h5"),
    "keras3_unnamed": (write_keras3_unnamed, "Keras 3 .weights.h5"),
    "keras212": (write_keras212, "Keras 3 .weights.h5"),
    "by_name": (write_by_name, "Keras 3 .weights.h5"),
    "archive": (write_archive, "Keras 2 .keras"),
    "deflated": (write_deflated, "Keras 2 .keras"),
}

TWO = pytest.mark.parametrize("write", [write_public, write_keras3], ids=["public", "keras3"])


def refusal(path: Path, architecture: Architecture) -> str:
    """Return the error for a file, without the file's name; assert that it names the file once."""
    with pytest.raises(WeightsError) as caught:
        converters.load(path, architecture=architecture)
    message = str(caught.value)
    assert message.count(str(path)) == 1
    return message


@pytest.fixture(scope="module")
def model(tiny: Architecture, tiny_params: Params) -> keras.Model:
    """Keras' model with the tiny parameters."""
    network = keras_model(tiny)
    network.set_weights([array for layer in tiny_params.layers.values() for array in layer])
    return network


@pytest.mark.parametrize(("write", "generation"), GENERATIONS.values(), ids=GENERATIONS)
def test_reads_every_generation(
    write: Writer, generation: str, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """Every generation gives the same arrays, and the origin names the generation."""
    path = tmp_path / "file"
    write(keras_layers(tiny_params), path)
    actual = converters.load(path, architecture=tiny)
    assert_same(actual, tiny_params)
    assert (actual.origin.file, actual.origin.generation, actual.origin.notes) == ("file", generation, ())


@pytest.mark.parametrize(
    ("name", "generation"),
    [
        ("a.weights.h5", "Keras 3 .weights.h5"),
        ("a.h5", "Keras 3 saved model .h5"),
        ("a.keras", "Keras 3 .keras"),
    ],
)
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "with optimizer"])
def test_reads_what_keras_writes(
    name: str,
    generation: str,
    compiled: bool,
    model: keras.Model,
    tiny: Architecture,
    tiny_params: Params,
    tmp_path: Path,
) -> None:
    """Files that Keras writes hold the model's weights, with or without an optimizer's state."""
    path = tmp_path / name
    if compiled:
        model = keras.models.clone_model(model)
        model.set_weights([array for layer in tiny_params.layers.values() for array in layer])
        model.compile(keras.optimizers.SGD(momentum=0.9), "mse")
        model.optimizer.build(model.trainable_variables)
    model.save_weights(path) if name == "a.weights.h5" else model.save(path)
    actual = converters.load(path, architecture=tiny_params.architecture)
    assert_same(actual, tiny_params)
    assert actual.origin.generation == generation


@TWO
def test_reads_a_file_without_dense_layers(
    write: Writer, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """A file that ends before the dense layers gives the convolutions."""
    layers = {name: arrays for name, arrays in keras_layers(tiny_params).items() if "conv" in name}
    write(layers, tmp_path / "a.h5")
    actual = converters.load(tmp_path / "a.h5", architecture=tiny)
    assert not actual.include_top
    assert list(actual.layers) == [layer.name for layer in tiny.convolutions]


@pytest.mark.parametrize("write", [write_public, write_keras3_unnamed], ids=["public", "keras3"])
def test_reads_another_number_of_classes(write: Writer, tiny: Architecture, tmp_path: Path) -> None:
    """The width of the last layer is the number of classes."""
    expected = random(tiny.with_classes(3))
    write(keras_layers(expected), tmp_path / "a.h5")
    actual = converters.load(tmp_path / "a.h5", architecture=tiny)
    assert_same(actual, expected)
    assert actual.architecture == tiny.with_classes(3)


@TWO
def test_finds_kernel_and_bias_by_their_axes(
    write: Writer, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """A bias that is stored before its kernel is recognised."""
    write({name: arrays[::-1] for name, arrays in keras_layers(tiny_params).items()}, tmp_path / "a.h5")
    assert_same(converters.load(tmp_path / "a.h5", architecture=tiny), tiny_params)


@TWO
@pytest.mark.parametrize("dtype", ["float16", "float64", ">f4"])
def test_converts_other_floats(
    write: Writer, dtype: str, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """Floating point of another width becomes float32, and the origin notes it."""
    layers = {name: [array.astype(dtype) for array in arrays] for name, arrays in keras_layers(tiny_params).items()}
    write(layers, tmp_path / "a.h5")
    actual = converters.load(tmp_path / "a.h5", architecture=tiny)
    expected = [array.astype(np.float32) for arrays in layers.values() for array in arrays]
    assert all(map(np.array_equal, (array for layer in actual.layers.values() for array in layer), expected))
    notes = () if dtype == ">f4" else (f"{dtype} values converted to float32",)
    assert actual.origin.notes == notes


def broken(params: Params, **changes: Sequence[np.ndarray] | None) -> dict[str, Sequence[np.ndarray]]:
    """Return Keras' layers with some replaced, added or, with None, left out."""
    layers = {**keras_layers(params), **changes}
    return {name: arrays for name, arrays in layers.items() if arrays is not None}


@TWO
def test_names_all_missing_and_extra_layers_at_once(
    write: Writer, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """One message lists all missing layers and all unknown ones."""
    extra = np.ones(3, np.float32)
    layers = broken(tiny_params, block2_conv1=None, fc2=None, conv_new=[extra], bn=[extra] * 4, conv1_1=[extra])
    write(layers, tmp_path / "a.h5")
    message = refusal(tmp_path / "a.h5", tiny)
    for name in ("missing layers: conv2_1, fc7", "conv_new (arrays: 1)", "bn (arrays: 4)", "conv1_1 (arrays: 1)"):
        assert name in message


@TWO
def test_refuses_another_network(write: Writer, tiny: Architecture, tmp_path: Path) -> None:
    """Another network is refused by the names of its layers, also if it counts them like VGG19."""
    write({name: [np.ones((3, 3, 3, 4), np.float32)] for name in ("conv1_bn", "probs")}, tmp_path / "a.h5")
    message = refusal(tmp_path / "a.h5", tiny)
    assert "does not have: conv1_bn (arrays: 1), probs (arrays: 1); missing layers: conv1_1, conv1_2" in message


@pytest.mark.parametrize("with_top", [True, False], ids=["top", "notop"])
@pytest.mark.parametrize("write", [write for write, _ in GENERATIONS.values()], ids=GENERATIONS)
def test_recognises_vgg16(
    write: Writer, with_top: bool, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """VGG16's file is refused by its name, with names of layers in the file or without."""
    layers = broken(tiny_params, block3_conv4=None, block4_conv4=None, block5_conv4=None)
    write({name: arrays for name, arrays in layers.items() if with_top or "conv" in name}, tmp_path / "a.h5")
    assert "VGG16's file" in refusal(tmp_path / "a.h5", tiny)


@TWO
def test_refuses_wrong_arrays_all_at_once(
    write: Writer, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """Wrong shapes, types and values, and missing and unknown arrays are listed together."""
    layers = keras_layers(tiny_params)
    layers["block1_conv1"] = [layers["block1_conv1"][0].transpose(3, 2, 0, 1), layers["block1_conv1"][1]]
    layers["block1_conv2"] = [np.full_like(layers["block1_conv2"][0], np.nan), layers["block1_conv2"][1]]
    layers["block2_conv1"] = [layers["block2_conv1"][0], layers["block2_conv1"][1].astype(np.int8)]
    layers["block2_conv2"] = layers["block2_conv2"][:1]
    layers["fc1"] = [*layers["fc1"], np.ones(3, np.float32)]
    write(layers, tmp_path / "a.h5")
    message = refusal(tmp_path / "a.h5", tiny)
    for problem in (
        "conv1_1 kernel has shape (4, 3, 3, 3), expected (3, 3, 3, 4)",
        "conv1_2 kernel holds NaN",
        "conv2_1 bias has int8 values",
        "conv2_2 bias has shape (0,), expected (7,)",
        "fc1 (arrays: 3)",
        "missing layers: fc6",
    ):
        assert problem in message


@pytest.mark.parametrize("name", ["a.weights.h5", "a.h5", "a.keras"])
def test_refuses_a_network_inside_another(name: str, tiny: Architecture, tmp_path: Path) -> None:
    """A model with the network as a layer is refused with a sentence that tells what helps."""
    outer = keras.Sequential([keras.Input((64, 64, 3)), keras_model(tiny), keras.layers.Dense(2)])
    outer.save_weights(tmp_path / name) if name == "a.weights.h5" else outer.save(tmp_path / name)
    message = refusal(tmp_path / name, tiny)
    assert re.search(r"a network inside another one, as its layer '(tiny|functional)'", message)


def test_refuses_a_part_of_a_sharded_file(model: keras.Model, tiny: Architecture, tmp_path: Path) -> None:
    """One file of several parts is refused, also if it holds whole blocks."""
    model.save_weights(tmp_path / "a.weights.json", max_shard_size=1e-5)
    assert len(list(tmp_path.glob("a_*.weights.h5"))) > 1
    assert "one of the parts that a.weights.json lists" in refusal(tmp_path / "a_00000.weights.h5", tiny)


@pytest.mark.parametrize("group", ["data", "layers", "model_weights"])
def test_refuses_foreign_hdf5(group: str, tiny: Architecture, tmp_path: Path) -> None:
    """An HDF5 file of another program is refused as such."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file[f"{group}/values"] = np.ones(5)
    assert "an HDF5 file, but without the layers of a Keras network" in refusal(tmp_path / "a.h5", tiny)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("write", [write_public, write_keras3, write_archive, write_deflated])
def test_refuses_truncated_files(
    write: Writer, share: float, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """A file that is cut off anywhere is refused as damaged."""
    path = tmp_path / "a.h5"
    write(keras_layers(tiny_params), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "damaged or cut off" in refusal(path, tiny)


def test_refuses_an_archive_with_a_wrong_checksum(tiny: Architecture, tiny_params: Params, tmp_path: Path) -> None:
    """A flipped bit inside a `.keras` file is found."""
    path = tmp_path / "a.keras"
    write_archive(keras_layers(tiny_params), path)
    content = bytearray(path.read_bytes())
    at = content.index(tiny_params.layers["conv3_2"].kernel.tobytes())
    content[at] ^= 1
    path.write_bytes(content)
    assert "damaged or cut off" in refusal(path, tiny)


@pytest.mark.parametrize("name", ["a.weights.h5", "a.h5"])
def test_keras_loads_what_is_written(name: str, tiny: Architecture, tiny_params: Params, tmp_path: Path) -> None:
    """Keras' own model reads both layouts, bit for bit, and so do we."""
    converters.save(tiny_params, tmp_path / name)
    assert_same(converters.load(tmp_path / name, architecture=tiny), tiny_params)
    network = keras_model(tiny)
    network.load_weights(tmp_path / name)
    expected = [array for layer in tiny_params.layers.values() for array in layer]
    actual = network.get_weights()
    assert all(map(np.array_equal, actual, expected))
    assert len(actual) == len(expected)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "include_top"), [("a.h5", True), ("a.weights.h5", False), ("a.h5", False)])
def test_keras_applications_load_what_is_written(name: str, include_top: bool, tmp_path: Path) -> None:
    """`keras.applications.VGG19` in full size reads a file of ours."""
    params = random(include_top=include_top)
    converters.save(params, tmp_path / name)
    network = keras.applications.VGG19(include_top=include_top, weights=tmp_path / name)
    expected = [array for layer in params.layers.values() for array in layer]
    actual = network.get_weights()
    assert all(map(np.array_equal, actual, expected))
    assert len(actual) == len(expected)


def structure(path: Path) -> dict[str, object]:
    """List a file's groups, datasets and attributes."""
    found: dict[str, object] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: (getattr(item, "shape", ""), dict(item.attrs))}))
    return found


def test_writes_the_same_structure_as_keras(model: keras.Model, tiny_params: Params, tmp_path: Path) -> None:
    """Our `.weights.h5` has the groups, arrays and attributes of Keras' own file."""
    model.save_weights(tmp_path / "keras.weights.h5")
    converters.save(tiny_params, tmp_path / "ours.weights.h5")
    assert structure(tmp_path / "ours.weights.h5") == structure(tmp_path / "keras.weights.h5")


def test_writes_the_same_structure_as_the_public_file(tiny_params: Params, tmp_path: Path) -> None:
    """Our `.h5` lists the layers without parameters, too, and its arrays have the public names."""
    converters.save(tiny_params, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        names = [name.decode() for name in file.attrs["layer_names"]]
        arrays = {name: [part.decode() for part in file[name].attrs["weight_names"]] for name in names}
    assert names[:4] == ["input_1", "block1_conv1", "block1_conv2", "block1_pool"]
    assert names[-5:] == ["block5_pool", "flatten", "fc1", "fc2", "predictions"]
    assert len(names) == 26
    assert arrays["block4_conv2"] == ["block4_conv2_W_1:0", "block4_conv2_b_1:0"]
    assert arrays["fc1"] == ["fc1_W_1:0", "fc1_b_1:0"]
    assert arrays["input_1"] == arrays["block5_pool"] == arrays["flatten"] == []


@pytest.mark.weights
def test_reads_trained_weights(trained_weights: Path, tmp_path: Path) -> None:
    """The real file in the public layout has the published values, also after conversion to our format."""
    params = converters.load(trained_weights)
    kernel, bias = params.layers["conv1_1"]
    assert params.origin.generation == "Keras, public layout"
    assert not params.include_top
    assert np.allclose(bias[:5], [0.7301776, 0.06493629, 0.03428847, 0.8260386, 0.2578029], rtol=0, atol=5e-8)
    assert np.allclose(kernel[0, 0, ::-1, 0], [0.39416704, 0.46418372, 0.34119523], rtol=0, atol=5e-9)
    assert np.isclose(params.layers["conv3_4"].kernel[0, 0, 0, 0], -0.01455188, rtol=0, atol=5e-9)
    assert np.isclose(params.layers["conv5_4"].bias[0], 0.72227454, rtol=0, atol=5e-9)
    params.save(tmp_path / "a.safetensors")
    assert_same(load_stored(tmp_path / "a.safetensors"), params)
