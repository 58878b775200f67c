"""Files are recognised by their content, hold the same arrays in every format, and are written whole."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import safetensors.numpy
import scipy.io

import converters
from converters.origins import origin_of
from myvgg.architecture import CONFIGURATION_E, Architecture, vgg
from myvgg.params import Origin, Params, WeightsError, WeightsWarning, random
from tests.full_disk import SURVIVED, outcomes

OURS = (".npz", ".safetensors")
SUFFIXES = (*OURS, ".h5", ".weights.h5")


def assert_same_arrays(actual: Params, expected: Params) -> None:
    """Assert that parameters are bit-equal, in order and float32."""
    assert list(actual.layers) == list(expected.layers)
    pairs = zip(actual.layers.values(), expected.layers.values(), strict=True)
    for stored, array in ((stored, array) for pair in pairs for stored, array in zip(*pair, strict=True)):
        assert stored.dtype == np.float32
        assert np.array_equal(stored, array)


def refusal(path: Path, architecture: Architecture) -> str:
    """Return the error for a file, without the file's name; assert that it is one line and begins with the name."""
    with pytest.raises(WeightsError) as caught:
        converters.load(path, architecture=architecture)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def write_saved_model(params: Params, path: Path) -> None:
    """Write the `.h5` of a whole model: the public layout below a group."""
    content = io.BytesIO(written(params, path.with_suffix(".h5")))
    with h5py.File(content) as source, h5py.File(path, "w") as file:
        source.copy("/", file, "model_weights")


def write_archive(params: Params, path: Path) -> None:
    """Write a `.keras` archive."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("model.weights.h5", written(params, path.with_suffix(".weights.h5")))


def write_matconvnet(params: Params, path: Path) -> None:
    """Write a `.mat` file of MatConvNet's later releases."""
    layers = []
    for name, (kernel, bias) in params.layers.items():
        if name == "fc6":
            kernel = kernel.reshape(2, 2, -1, kernel.shape[-1])
        kernel = kernel.reshape(1, 1, *kernel.shape) if kernel.ndim == 2 else kernel
        kernel = kernel[:, :, ::-1] if name == "conv1_1" else kernel
        weights = np.empty((1, 2), object)
        weights[0, :] = [kernel, bias[:, None]]
        layers.append({"name": name, "type": "conv", "weights": weights})
    cells = np.empty((1, len(layers)), object)
    cells[0, :] = layers
    average = np.array([123.68, 116.779, 103.939], np.float32).reshape(1, 1, 3)
    scipy.io.savemat(path, {"layers": cells, "meta": {"normalization": {"averageImage": average}}}, appendmat=False)


def written(params: Params, path: Path) -> bytes:
    """Save, and return the file's content."""
    converters.save(params, path)
    return path.read_bytes()


FORMATS: dict[str, Callable[[Params, Path], None]] = {
    **dict.fromkeys(SUFFIXES, converters.save),
    ".model.h5": write_saved_model,
    ".keras": write_archive,
    ".mat": write_matconvnet,
}
"""Writers of all formats that can be read, by suffix."""


def in_zip(name: str) -> bytes:
    """Return a zip archive with one member."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, b"\x80\x02}q\x00.")
    return content.getvalue()


OTHER_FILES = {
    "html": (b"<!DOCTYPE html><html><title>Google Drive", "a web page, not weights"),
    "html after a blank line": (b"\r\n\r\n  <html>", "a web page, not weights"),
    "html after a byte order mark": (b"\xef\xbb\xbf<!DOCTYPE html>", "a web page, not weights"),
    "empty": (b"", "the file is empty"),
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "a Git LFS pointer"),
    "pickle": (pickle.dumps({"conv1_1": np.ones(3)}), "a pickle, which may run code"),
    "gzip": (gzip.compress(b"weights"), "a gzip archive: unpack it first"),
    "zip": (in_zip("readme.txt"), "a zip archive without weights that are known here"),
    "half a zip": (in_zip("conv1_1.npy")[:30], "damaged or cut off"),
    "matlab 4": (b"MATLAB 4.2 MAT-file", "a MAT-file of another version"),
    "random": (np.random.default_rng(1).bytes(4096), "not a weights file that is known here"),
    "text": (b"hello", "not a weights file that is known here"),
    "json": (b'{"weight_map": {}}', "not a weights file that is known here"),
}


@pytest.mark.parametrize("suffix", FORMATS)
def test_all_formats_hold_the_same_arrays(suffix: str, tiny: Architecture, tiny_params: Params, tmp_path: Path) -> None:
    """A file of any format gives the arrays that were written, bit for bit."""
    path = tmp_path / f"a{suffix}"
    FORMATS[suffix](tiny_params, path)
    assert_same_arrays(converters.load(path, architecture=tiny), tiny_params)


@pytest.mark.parametrize("wrong", ["weights", "a.mat", "a.npz", "a.h5", "a.txt"])
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_name_does_not_matter(
    suffix: str, wrong: str, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """A file is read under any name."""
    path = tmp_path / "right" / f"a{suffix}"
    path.parent.mkdir()
    FORMATS[suffix](tiny_params, path)
    assert_same_arrays(converters.load(path.rename(tmp_path / wrong), architecture=tiny), tiny_params)


@pytest.mark.parametrize("suffix", OURS)
def test_our_formats_keep_labels_and_origin(
    suffix: str, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """Class names and origin, with letters of any language, survive a round trip."""
    labels = ("Käfer", "虎", 'a "quoted", name', *tiny_params.labels[3:])
    expected = replace(tiny_params, labels=labels, origin=Origin("é.mat", "ab" * 32, "MatConvNet", ("one", "two")))
    converters.save(expected, tmp_path / f"a{suffix}")
    actual = converters.load(tmp_path / f"a{suffix}", architecture=tiny)
    assert (actual.labels, actual.origin, actual.architecture) == (expected.labels, expected.origin, tiny)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_our_formats_keep_responses_to_photographs(
    suffix: str, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """Root mean squares survive a round trip exactly in our own formats; Keras' formats cannot hold them."""
    numbers = {"relu1_1": 1 / 3, "pool5": 1e-7}
    converters.save(replace(tiny_params, rms=numbers), tmp_path / f"a{suffix}")
    actual = converters.load(tmp_path / f"a{suffix}", architecture=tiny)
    assert actual.rms == (numbers if suffix in OURS else {})


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5", ".keras", ".mat"])
def test_the_origin_names_the_converted_file(
    suffix: str, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """The origin has the name and the hash of the converted file, and our own formats keep them."""
    path = tmp_path / f"a{suffix}"
    FORMATS[suffix](tiny_params, path)
    expected = origin_of(path, "any")
    converted = converters.load(path, architecture=tiny)
    converters.save(converted, tmp_path / "a.npz")
    stored = converters.load(tmp_path / "a.npz", architecture=tiny)
    assert (converted.origin.file, converted.origin.sha256) == (path.name, expected.sha256)
    assert stored.origin == converted.origin


@pytest.mark.parametrize("include_top", [True, False], ids=["top", "notop"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read(suffix: str, include_top: bool, tiny: Architecture, tmp_path: Path) -> None:
    """Every format holds networks with other classes, and networks without dense layers."""
    expected = random(tiny.with_classes(3), include_top=include_top, seed=4)
    converters.save(expected, tmp_path / f"a{suffix}")
    actual = converters.load(tmp_path / f"a{suffix}", architecture=tiny)
    assert_same_arrays(actual, expected)
    assert actual.include_top == include_top


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
def test_a_file_that_cannot_be_locked_is_read(
    suffix: str, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """Where HDF5's own lock is refused, as on many shared file systems, a file is read, and not taken for damaged."""
    import fcntl

    converters.save(tiny_params, path := tmp_path / f"a{suffix}")
    with path.open("rb") as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            h5py.File(path, "r")
        assert_same_arrays(converters.load(path, architecture=tiny), tiny_params)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_suffixes_may_be_in_capitals(suffix: str, tiny: Architecture, tiny_params: Params, tmp_path: Path) -> None:
    """A suffix in capitals names the same format; one file of exactly that name is written."""
    path = tmp_path / f"A{suffix.upper()}"
    converters.save(tiny_params, path)
    assert list(tmp_path.iterdir()) == [path]
    assert_same_arrays(converters.load(path, architecture=tiny), tiny_params)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_arrays_of_any_memory_layout_are_written(suffix: str, tiny: Architecture, tmp_path: Path) -> None:
    """Reversed and transposed views are stored by value."""
    params = random(tiny, seed=2)
    kernel, bias = params.layers["conv1_1"]
    fortran = params.layers["fc7"]._replace(kernel=np.asfortranarray(params.layers["fc7"].kernel))
    reversed_ = params.layers["conv1_1"]._replace(kernel=kernel[:, :, ::-1], bias=bias[::-1])
    expected = replace(params, layers={**params.layers, "conv1_1": reversed_, "fc7": fortran})
    converters.save(expected, tmp_path / f"a{suffix}")
    assert_same_arrays(converters.load(tmp_path / f"a{suffix}", architecture=tiny), expected)


@pytest.mark.parametrize(("content", "problem"), OTHER_FILES.values(), ids=OTHER_FILES)
def test_refuses_other_files(content: bytes, problem: str, tiny: Architecture, tmp_path: Path) -> None:
    """Another kind of file is refused with one line that names the kind."""
    path = tmp_path / "a.h5"
    path.write_bytes(content)
    assert problem in refusal(path, tiny)


@pytest.mark.parametrize(("name", "problem"), [("", "Is a directory"), ("missing.h5", "No such file")])
def test_refuses_what_cannot_be_opened(name: str, problem: str, tiny: Architecture, tmp_path: Path) -> None:
    """A folder and a missing file are refused as such."""
    assert problem in refusal(tmp_path / name, tiny)


def test_kernels_of_zeros_are_told(tiny: Architecture, tiny_params: Params, tmp_path: Path) -> None:
    """A layer whose kernel is zero everywhere is read with a warning that names it."""
    layers = dict(tiny_params.layers)
    layers["conv2_1"] = layers["conv2_1"]._replace(kernel=np.zeros_like(layers["conv2_1"].kernel))
    replace(tiny_params, layers=layers).save(tmp_path / "a.safetensors")
    with pytest.warns(WeightsWarning, match=r"a\.safetensors: the kernels of conv2_1 are zero everywhere"):
        assert not converters.load(tmp_path / "a.safetensors", architecture=tiny).layers["conv2_1"].kernel.any()


def test_refuses_a_pipe(tiny: Architecture, tmp_path: Path) -> None:
    """A pipe is refused before it is opened, which could wait for ever."""
    os.mkfifo(tmp_path / "a.h5")
    assert "not a regular file" in refusal(tmp_path / "a.h5", tiny)


def test_a_missing_library_is_not_a_damaged_file(
    tiny: Architecture, tiny_params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ImportError of a parser stays an ImportError."""
    write_matconvnet(tiny_params, tmp_path / "a.mat")
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(ImportError, match=r"scipy\.io"):
        converters.load(tmp_path / "a.mat", architecture=tiny)


def test_never_runs_a_pickle(tiny: Architecture, tmp_path: Path) -> None:
    """An array of objects inside an archive that looks like ours is refused, not unpickled."""
    np.savez(tmp_path / "a.npz", metadata=np.array([{"format": "myvgg 1"}], object))
    assert "allow_pickle=False" in refusal(tmp_path / "a.npz", tiny)


@pytest.mark.parametrize("suffix", OURS)
def test_refuses_our_formats_from_elsewhere(suffix: str, tiny: Architecture, tmp_path: Path) -> None:
    """A file of another program in one of our formats is refused as such."""
    tensors = {"conv1_1.kernel": np.ones((3, 3, 3, 4), np.float32)}
    path = tmp_path / f"a{suffix}"
    np.savez(path, **tensors) if suffix == ".npz" else safetensors.numpy.save_file(tensors, path)
    assert "but not one that myvgg wrote" in refusal(path, tiny)


@pytest.mark.parametrize("share", [0.0005, 0.01, 0.1, 0.5, 0.9, 0.9999])
@pytest.mark.parametrize("suffix", FORMATS)
def test_refuses_truncated_files(
    suffix: str, share: float, tiny: Architecture, tiny_params: Params, tmp_path: Path
) -> None:
    """A file that is cut off anywhere is refused."""
    path = tmp_path / f"a{suffix}"
    FORMATS[suffix](tiny_params, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refusal(path, tiny)


@pytest.mark.parametrize("suffix", FORMATS)
def test_refuses_another_architecture(suffix: str, tiny_params: Params, tmp_path: Path) -> None:
    """A small network's file is not taken for VGG19's."""
    path = tmp_path / f"a{suffix}"
    FORMATS[suffix](tiny_params, path)
    problem = "holds tiny, not vgg19" if suffix in OURS else "conv1_1 kernel has shape (3, 3, 3, 4), expected"
    assert problem in refusal(path, CONFIGURATION_E)


@pytest.mark.parametrize("suffix", FORMATS)
def test_refuses_a_network_with_more_layers(suffix: str, tiny_params: Params, tmp_path: Path) -> None:
    """Layers that the network does not have are an error."""
    path = tmp_path / f"a{suffix}"
    FORMATS[suffix](tiny_params, path)
    refusal(path, vgg("tiny", ((4, 5), (6, 7)), dense=(12, 11, 10), input_size=64))


@pytest.mark.parametrize("name", ["a.pt", "a", "a.hdf5", "a.keras", "a.mat", "h5"])
def test_refuses_to_write_an_unknown_suffix(name: str, tiny_params: Params, tmp_path: Path) -> None:
    """An output with an unknown suffix is refused, and the error lists the suffixes."""
    with pytest.raises(ValueError, match=r"name it with one of the suffixes \.weights\.h5, \.h5, "):
        converters.save(tiny_params, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_is_not_overwritten(suffix: str, tiny_params: Params, tmp_path: Path) -> None:
    """A folder in the place of the file, and a missing folder, raise OSError; no temporary file is left."""
    path = tmp_path / f"a{suffix}"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        converters.save(tiny_params, path)
    with pytest.raises(FileNotFoundError):
        converters.save(tiny_params, tmp_path / "missing" / f"a{suffix}")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into a read-only folder")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_read_only_folder_stays_as_it_is(suffix: str, tiny_params: Params, tmp_path: Path) -> None:
    """A read-only folder raises OSError and stays as it was."""
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        converters.save(tiny_params, tmp_path / f"a{suffix}")
    tmp_path.chmod(0o700)
    assert not list(tmp_path.iterdir())


SAVE_PARAMS = """
import converters
from myvgg.architecture import vgg
from myvgg.params import random

params = random(vgg("small", ((16, 16), (16, 16)), dense=(64, 64, 10), input_size=16))
save = lambda path: converters.save(params, path)
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_leaves_the_old_file(suffix: str, tmp_path: Path) -> None:
    """A disk that is full at any point raises OSError; the old file stays, and no temporary file is left."""
    assert outcomes(SAVE_PARAMS, tmp_path / f"a{suffix}") == SURVIVED
