"""Exported networks, loaded by the programs that they are for, give what ours gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import myvgg
from myvgg import export
from myvgg.cli.export import main
from myvgg.images import Resizing
from myvgg.params import TORCHVISION, Params, random
from tests.keras_models import pictures

CLOSE = 2e-5
"""Of the largest value: the channels of the first layer are added in another order."""

NAMES = ["relu2_2", "block4_conv2", "pool5"]
DENSE = ["fc7", "prob"]


@pytest.fixture(params=["caffe", "torchvision"])
def params(request: pytest.FixtureRequest, tiny_params: Params) -> Params:
    """The tiny network, for either kind of preprocessing."""
    return replace(tiny_params, preprocessing=TORCHVISION) if request.param == "torchvision" else tiny_params


def assert_near(found: dict[str, np.ndarray], expected: dict[str, Any], tolerance: float = CLOSE) -> None:
    """Hold that arrays are the same names, shapes and, to a share of their largest value, numbers."""
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        values = np.asarray(tensor)
        assert found[name].shape == values.shape, name
        assert np.abs(found[name] - values).max() <= tolerance * np.abs(values).max(), name


@pytest.mark.parametrize("pool_padding", ["valid", "same"])
@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_onnx(pooling: Any, pool_padding: Any, params: Params, tmp_path: Path) -> None:
    """ONNX Runtime computes maps of any size and batch, and the classifier."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    vgg = myvgg.VGG19(params, pooling=pooling, pool_padding=pool_padding)
    options = {"pooling": pooling, "pool_padding": pool_padding}
    for names, sizes in ((NAMES, [(1, 33, 47), (3, 64, 64)]), (DENSE, [(2, 64, 64)])):
        export.to_onnx(params, names, tmp_path / "a.onnx", **options)
        session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
        for size in sizes:
            images = pictures(*size)
            found = dict(zip(names, session.run(names, {"images": images}), strict=True))
            assert_near(found, vgg.features(images, names))


def test_saved_model(params: Params, tmp_path: Path) -> None:
    """TensorFlow loads the folder without this package's code and computes maps of any size, and the classifier."""
    for names, sizes in ((NAMES, [(1, 33, 47), (3, 64, 64)]), (DENSE, [(2, 64, 64)])):
        folder = tmp_path / names[0]
        export.to_saved_model(params, names, folder)
        serve = tf.saved_model.load(folder).signatures["serving_default"]
        for size in sizes:
            images = pictures(*size)
            found = {name: tensor.numpy() for name, tensor in serve(images=tf.constant(images)).items()}
            assert_near(found, myvgg.VGG19(params).features(images, names))
    with pytest.raises(FileExistsError):
        export.to_saved_model(params, NAMES, tmp_path / NAMES[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([NAMES[0], DENSE[0]])


def run_tflite(path: Path, images: np.ndarray) -> np.ndarray:
    """Run a model of one output on pictures, one by one."""
    interpreter = tf.lite.Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for image in images:
        interpreter.set_tensor(taken["index"], image[np.newaxis])
        interpreter.invoke()
        found.append(interpreter.get_tensor(given["index"]))
    return np.concatenate(found)


TFLITE = {"float32": CLOSE, "float16": 3e-3, "int8": 0.15}
"""Of the largest value: half precision keeps 11 bits of kernels, int8 seven of kernels and maps."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")
@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning")
@pytest.mark.parametrize("quantize", TFLITE)
@pytest.mark.parametrize("name", ["relu3_1", "fc8"])
def test_tflite(name: str, quantize: Any, params: Params, tmp_path: Path) -> None:
    """TFLite's interpreter computes single pictures, near by what its numbers can hold, and smaller files."""
    images = pictures(12, 64, 64)
    export.to_tflite(
        params, [name], tmp_path / "a.tflite", size=64, quantize=quantize, pictures=images if quantize == "int8" else ()
    )
    found = run_tflite(tmp_path / "a.tflite", images[:3])
    assert_near({name: found}, myvgg.VGG19(params).features(images[:3], [name]), TFLITE[quantize])
    if quantize != "float32":
        assert not np.array_equal(found, myvgg.VGG19(params).features(images[:3], [name])[name])


@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning")
def test_sizes_of_tflite(tmp_path: Path) -> None:
    """Of kernels that weigh something, float16 takes half and int8 a quarter."""
    params, images = random(include_top=False), pictures(2, 16, 16)
    for quantize in TFLITE:
        export.to_tflite(params, ["relu3_1"], tmp_path / quantize, size=16, quantize=quantize, pictures=images)  # type: ignore[arg-type]
    sizes = {quantize: (tmp_path / quantize).stat().st_size for quantize in TFLITE}
    assert sizes["float16"] / sizes["float32"] == pytest.approx(0.5, abs=0.05)
    assert sizes["int8"] / sizes["float32"] == pytest.approx(0.25, abs=0.05)


def test_int8_needs_pictures(tiny_params: Params, tmp_path: Path) -> None:
    """Without pictures, or with others than the model takes, int8 is refused."""
    with pytest.raises(ValueError, match="int8 needs pictures"):
        export.to_tflite(tiny_params, ["relu1_1"], tmp_path / "a.tflite", quantize="int8")
    with pytest.raises(ValueError, match="pictures must be 64 x 64 x 3, not 32 x 32 x 3"):
        export.to_tflite(
            tiny_params, ["relu1_1"], tmp_path / "a.tflite", size=64, quantize="int8", pictures=pictures(1, 32, 32)
        )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")
@pytest.mark.parametrize("reduce", ["mean", "gram", "moments"])
def test_reductions_inside(reduce: Any, params: Params, tmp_path: Path) -> None:
    """Every format can hold the reductions of an extractor, under the same columns."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    names, images = ["relu2_2", "block3_pool"], pictures(1, 33, 33)
    expected = myvgg.Extractor(params, names, reduce=reduce)(images)
    export.to_saved_model(params, names, tmp_path / "model", reduce=reduce)
    serve = tf.saved_model.load(tmp_path / "model").signatures["serving_default"]
    assert_near({name: tensor.numpy() for name, tensor in serve(images=tf.constant(images)).items()}, expected)
    export.to_onnx(params, names, tmp_path / "a.onnx", reduce=reduce)
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
    columns = [output.name for output in session.get_outputs()]
    assert_near(dict(zip(columns, session.run(None, {"images": images}), strict=True)), expected)
    export.to_tflite(params, names, tmp_path / "a.tflite", size=33, reduce=reduce)
    runner = tf.lite.Interpreter(model_path=str(tmp_path / "a.tflite")).get_signature_runner()
    assert_near(runner(images=images), expected)


def test_unknown_reductions(tiny_params: Params, tmp_path: Path, unchecked: None) -> None:
    """Each format refuses another reduction by name."""
    for write in export.FORMATS.values():
        with pytest.raises(ValueError, match="reduce must be one of none, mean, gram, moments, not 'max'"):
            write(tiny_params, ["relu1_1"], tmp_path / "b", reduce="max")


def test_variables_of_a_saved_model_live(params: Params, tmp_path: Path) -> None:
    """All variables are used, conv1_1's too: what is assigned to them is computed with."""
    export.to_saved_model(params, ["relu1_1"], tmp_path / "model")
    model, images = tf.saved_model.load(tmp_path / "model"), tf.constant(pictures(1, 8, 8))
    kernel, bias = model.layers["conv1_1"]
    kernel.assign(tf.zeros_like(kernel))
    found = model.signatures["serving_default"](images=images)["relu1_1"].numpy()
    assert np.array_equal(found, np.broadcast_to(np.maximum(bias.numpy(), 0), found.shape))


# The command line


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of random weights."""
    path = tmp_path_factory.mktemp("weights") / "vgg19.safetensors"
    random(include_top=False).save(path)
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.onnx", "a.tflite", "folder"])
def test_command_line(name: str, weights: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each format is written to the name that it is asked for."""
    words = ["--layers", "relu1_2", "--weights", weights, *(["--size", "32"] if name == "a.tflite" else [])]
    assert main([str(tmp_path / name), *words]) == 0
    assert capfd.readouterr().err.strip().splitlines()[-1] == f"wrote {tmp_path / name}"
    assert (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.pb", "--layers", "relu1_1"], "name it .tflite or .onnx, or a folder"),
        (["a.onnx", "--layers", "relu6_1"], "vgg19 has no layer 'relu6_1': did you mean"),
        (["a.onnx", "--layers", "relu1_1", "--quantize", "int8"], "--quantize and --pictures go with .tflite"),
        (["a.tflite", "--layers", "pool5", "--size", "31"], "the smallest that works is 32 x 32"),
        (["missing/a.onnx", "--layers", "relu1_1"], "the folder missing does not exist"),
        (["a.onnx", "--layers", "prob"], "has no classifier"),
        (["a.tflite", "--quantize", "int8"], "--quantize int8 needs --pictures"),
    ],
    ids=["suffix", "layer", "quantize", "small", "folder", "classifier", "int8"],
)
def test_wrong_words(
    words: list[str], message: str, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """Words that cannot be followed are refused in one line."""
    monkeypatch.chdir(tmp_path)
    assert main([*words, "--weights", weights]) in (1, 2)
    error = capfd.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


# From Python


def test_a_network_in_place_of_parameters(tiny_params: Params, tmp_path: Path, unchecked: None) -> None:
    """Each format takes a `VGG19` as well, with the same result."""
    pytest.importorskip("onnx", reason="needs onnx")
    for write, suffix in ((export.to_onnx, "onnx"), (export.to_tflite, "tflite")):
        options: dict[str, Any] = {"size": 32} if suffix == "tflite" else {}
        write(tiny_params, ["relu2_1"], tmp_path / f"a.{suffix}", **options)
        write(myvgg.VGG19(tiny_params), ["relu2_1"], tmp_path / f"b.{suffix}", **options)
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    export.to_saved_model(myvgg.VGG19(tiny_params), ["relu2_1"], tmp_path / "folder")
    assert (tmp_path / "folder").is_dir()
    with pytest.raises(ValueError, match=r"params must be myvgg.Params or a network"):
        export.to_onnx("vgg19.h5", ["relu2_1"], tmp_path / "c.onnx")


@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning")
def test_int8_learns_from_files(tiny_params: Params, tmp_path: Path) -> None:
    """Files and pictures of Pillow's are squashed to the size by the record that everybody uses."""
    paths = []
    for index, picture in enumerate(pictures(3, 40, 90)):
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(picture.astype(np.uint8)).save(paths[-1])
    arrays = [Resizing(32, "squash")(path) for path in paths]
    with Image.open(paths[1]) as opened:
        for name, given in (("a", arrays), ("b", [paths[0], opened, str(paths[2])])):
            export.to_tflite(tiny_params, ["relu2_1"], tmp_path / name, size=32, quantize="int8", pictures=given)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with pytest.raises(ValueError, match=r"gone.png: cannot be read"):
        export.to_tflite(tiny_params, ["relu2_1"], tmp_path / "c", size=32, quantize="int8", pictures=["gone.png"])


def test_unknown_numbers(tiny_params: Params, tmp_path: Path, unchecked: None) -> None:
    """Other kinds of numbers are refused with those that there are."""
    with pytest.raises(ValueError, match="quantize must be one of float32, float16, int8, not 'int4'"):
        export.to_tflite(tiny_params, ["relu2_1"], tmp_path / "a", quantize="int4")  # type: ignore[arg-type]
