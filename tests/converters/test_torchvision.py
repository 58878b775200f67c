"""torchvision's VGG from files of torchvision and timm, compared with PyTorch's own modules."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import converters
import myvgg
from converters import fingerprints
from myvgg.architecture import CONFIGURATION_D, CONFIGURATION_E, Architecture, Conv, Pool
from myvgg.params import CAFFE, TORCHVISION, Params, Preprocessing, WeightsError, random
from tests.keras_models import pictures

CLOSE = 2e-5
"""Tolerance over the largest value: two libraries add the products of sixteen convolutions in different orders."""


def stored(params: Params, *, timm: bool = False) -> dict[str, np.ndarray]:
    """Return parameters in the layout of torchvision, which counts modules, or with timm's names and convolutions."""
    tensors, index = {}, 0
    dense = (
        ("pre_logits.fc1", "pre_logits.fc2", "head.fc") if timm else ("classifier.0", "classifier.3", "classifier.6")
    )
    names = iter(dense)
    for layer in params.architecture.layers:
        if isinstance(layer, Pool):
            index += 1
            continue
        if layer.name not in params.layers:
            break
        kernel, bias = params.layers[layer.name]
        if isinstance(layer, Conv):
            name, kernel = f"features.{index}", np.moveaxis(kernel, (3, 2), (0, 1))
            index += 2
        else:
            name = next(names)
            if layer.name == "fc6":
                channels = params.architecture.convolutions[-1].outputs
                side = int((layer.inputs // channels) ** 0.5)
                kernel = np.moveaxis(kernel.reshape(side, side, channels, -1), (3, 2), (0, 1))
                kernel = kernel if timm else kernel.reshape(layer.outputs, -1)
            else:
                kernel = kernel.T[..., None, None] if timm and layer.name == "fc7" else kernel.T
        tensors |= {f"{name}.weight": np.ascontiguousarray(kernel), f"{name}.bias": bias}
    return tensors


def network(architecture: Architecture, tensors: dict[str, np.ndarray]) -> Any:
    """Build the network of PyTorch's modules as torchvision's documentation lists them, and load the tensors."""
    torch = pytest.importorskip("torch", reason="torch is an extra: pip install 'myvgg[torch]'")
    nn = torch.nn
    modules: list[Any] = []
    for layer in architecture.layers:
        if isinstance(layer, Conv):
            modules += [nn.Conv2d(layer.inputs, layer.outputs, 3, padding=1), nn.ReLU(inplace=False)]
        elif isinstance(layer, Pool):
            modules.append(nn.MaxPool2d(2, 2))
    fc6, fc7, fc8 = architecture.classifier
    classifier = [nn.Linear(fc6.inputs, fc6.outputs), nn.ReLU(), nn.Dropout(), nn.Linear(fc7.inputs, fc7.outputs)]
    classifier += [nn.ReLU(), nn.Dropout(), nn.Linear(fc8.inputs, fc8.outputs)]
    whole = nn.Module()
    whole.features, whole.classifier = nn.Sequential(*modules), nn.Sequential(*classifier)
    whole.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
    return whole.eval()


def normalised(images: np.ndarray) -> Any:
    """Prepare pictures as torchvision's documentation says: 0 to 1, minus a mean, over a deviation."""
    import torch

    x = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(n).view(1, 3, 1, 1) for n in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    return (x - mean) / std


@pytest.fixture
def tiny_rgb(tiny_params: Params) -> Params:
    """The tiny network's parameters with torchvision's preprocessing."""
    return replace(tiny_params, labels=(), preprocessing=TORCHVISION)


def write_pth(tensors: dict[str, np.ndarray], path: Path, *, old: bool) -> None:
    """Write a file of `torch.save`, in today's format or in that of torchvision's own files."""
    torch = pytest.importorskip("torch", reason="torch is an extra: pip install 'myvgg[torch]'")
    state = {name: torch.from_numpy(array) for name, array in tensors.items()}
    torch.save(state, path, _use_new_zipfile_serialization=not old)


WRITERS: dict[str, Callable[[Params, Path], None]] = {
    "torchvision.safetensors": lambda params, path: safetensors.numpy.save_file(stored(params), path),
    "timm.safetensors": lambda params, path: safetensors.numpy.save_file(stored(params, timm=True), path),
    "new.pth": lambda params, path: write_pth(stored(params), path, old=False),
    "old.pth": lambda params, path: write_pth(stored(params), path, old=True),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("include_top", [True, False], ids=["top", "notop"])
def test_reads_arrays(name: str, include_top: bool, tiny_rgb: Params, tmp_path: Path) -> None:
    """Every layout gives our arrays, bit for bit, with torchvision's preprocessing noted."""
    layers = {n: layer for n, layer in tiny_rgb.layers.items() if include_top or n.startswith("conv")}
    WRITERS[name](replace(tiny_rgb, layers=layers), tmp_path / name)
    actual = converters.load(tmp_path / name, architecture=tiny_rgb.architecture)
    assert list(actual.layers) == list(layers)
    for layer, expected in layers.items():
        assert all(np.array_equal(a, e) for a, e in zip(actual.layers[layer], expected, strict=True)), layer
    assert actual.preprocessing == TORCHVISION
    of_timm = name.startswith("timm") and include_top  # the convolutions have the same names
    assert actual.origin.generation.split()[0] == ("timm" if of_timm else "torchvision")


@pytest.mark.parametrize("size", [(64, 64), (65, 71)], ids=str)
def test_equals_pytorch(size: tuple[int, int], tiny_rgb: Params) -> None:
    """Maps and classes equal those of PyTorch's modules with the preprocessing of its documentation."""
    theirs = network(tiny_rgb.architecture, stored(tiny_rgb))
    images, vgg = pictures(2, *size), myvgg.VGG19(tiny_rgb)
    maps = theirs.features(normalised(images))
    actual, expected = vgg.features(images, ["pool5"])["pool5"].numpy(), maps.permute(0, 2, 3, 1).detach().numpy()
    assert np.abs(actual - expected).max() <= CLOSE * np.abs(expected).max()
    if size == (64, 64):
        scores = theirs.classifier(maps.flatten(1)).detach().numpy()
        assert np.abs(vgg.logits(images) - scores).max() <= CLOSE * np.abs(scores).max()


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [CONFIGURATION_E, CONFIGURATION_D], ids=lambda each: each.name)
def test_full_network_equals_pytorch(architecture: Architecture, tmp_path: Path) -> None:
    """VGG19 and VGG16 in full size, read from a file, give PyTorch's class scores."""
    params = replace(random(architecture, seed=4), preprocessing=TORCHVISION)
    tensors = stored(params)
    theirs = network(architecture, tensors)
    safetensors.numpy.save_file(tensors, tmp_path / "vgg.safetensors")
    images = pictures(1, 224, 224)
    expected = theirs.classifier(theirs.features(normalised(images)).flatten(1)).detach().numpy()
    network_class = {"vgg19": myvgg.VGG19, "vgg16": myvgg.VGG16}[architecture.name]
    actual = network_class.load(tmp_path / "vgg.safetensors").logits(images).numpy()
    assert np.abs(actual - expected).max() <= CLOSE * np.abs(expected).max()


def test_another_preprocessing_would_be_noticed(tiny_rgb: Params) -> None:
    """The comparison with PyTorch fails for the authors' preprocessing of the same arrays."""
    images = pictures(1, 64, 64)
    right, wrong = (
        myvgg.VGG19(replace(tiny_rgb, preprocessing=like)).features(images, ["pool3"])["pool3"].numpy()
        for like in (TORCHVISION, CAFFE)
    )
    assert np.abs(right - wrong).max() > 1000 * CLOSE * np.abs(right).max()


def test_without_torch(tiny_rgb: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without torch, a `.pth` is refused with the name of the package; safetensors needs no torch."""
    WRITERS["old.pth"](tiny_rgb, tmp_path / "a.pth")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(WeightsError, match=r"pip install 'myvgg\[torch\]'"):
        converters.load(tmp_path / "a.pth", architecture=tiny_rgb.architecture)


class Evil:
    """An object that runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("harm"),))


@pytest.mark.parametrize("old", [True, False])
def test_no_code_runs(old: bool, tiny: Architecture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `.pth` with code in it is refused, and the code does not run."""
    torch = pytest.importorskip("torch", reason="torch is an extra: pip install 'myvgg[torch]'")
    monkeypatch.chdir(tmp_path)
    torch.save({"features.0.weight": Evil()}, "evil.pth", _use_new_zipfile_serialization=not old)
    with pytest.raises(WeightsError):
        converters.load("evil.pth", architecture=tiny)
    assert not Path("harm").exists()


def broken(tensors: dict[str, np.ndarray], what: str) -> dict[str, np.ndarray]:
    """Change tensors so that they are refused."""
    kernel = tensors["features.0.weight"]
    return {
        "batch": lambda: tensors | {"features.1.running_mean": np.ones(4, np.float32)},
        "half": lambda: {name: array for name, array in tensors.items() if name != "features.2.bias"},
        "shape": lambda: tensors | {"features.0.weight": kernel[:, :2].copy()},
        "extra": lambda: tensors | {"head.extra.weight": kernel},
        "nan": lambda: tensors | {"features.0.weight": kernel * np.float32(np.nan)},
    }[what]()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("batch", "batch normalisation, which is another network"),
        ("half", r"conv1_2 bias has shape \(0,\)"),
        ("shape", r"conv1_1 kernel has shape \(3, 3, 2, 4\), expected \(3, 3, 3, 4\)"),
        ("extra", "does not have: head.extra.weight"),
        ("nan", "conv1_1 kernel holds NaN"),
    ],
)
def test_what_does_not_fit_is_named(what: str, message: str, tiny_rgb: Params, tmp_path: Path) -> None:
    """Other kinds of files are refused by their kind."""
    safetensors.numpy.save_file(broken(stored(tiny_rgb), what), tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match=message):
        converters.load(tmp_path / "a.safetensors", architecture=tiny_rgb.architecture)


def test_the_other_network_is_named(tmp_path: Path) -> None:
    """VGG16's file is refused by its name where VGG19 is wanted, and the other way round."""
    for architecture, other in ((CONFIGURATION_D, CONFIGURATION_E), (CONFIGURATION_E, CONFIGURATION_D)):
        safetensors.numpy.save_file(stored(random(architecture, include_top=False)), tmp_path / "a.safetensors")
        with pytest.raises(WeightsError, match=f"{architecture.name.upper()}'s file: choose the architecture"):
            converters.load(tmp_path / "a.safetensors", architecture=other)


def test_keras_files_cannot_say_it(tiny_rgb: Params, tmp_path: Path) -> None:
    """Weights with torchvision's preprocessing are not written in formats that cannot hold it."""
    for name in ("a.h5", "a.weights.h5"):
        with pytest.raises(ValueError, match=r"name it \.safetensors or \.npz"):
            converters.save(tiny_rgb, tmp_path / name)
    for name in ("a.safetensors", "a.npz"):
        converters.save(tiny_rgb, tmp_path / name)
        assert converters.load(tmp_path / name, architecture=tiny_rgb.architecture).preprocessing == TORCHVISION


def with_first_filter(params: Params, values: tuple[float, ...]) -> dict[str, np.ndarray]:
    """Return tensors whose first values of conv1_1 are published ones."""
    tensors = stored(params)
    tensors["features.0.weight"][0, :, 0, 0] = values
    return tensors


@pytest.mark.parametrize("known", [fingerprints.CONV1_1, fingerprints.CONV1_1_VGG16], ids=["vgg19", "vgg16"])
@pytest.mark.parametrize(("step", "expected"), [(1, CAFFE), (-1, fingerprints.FEATURES)], ids=["bgr", "rgb"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_values_tell_the_preprocessing(
    known: tuple[float, ...], step: int, expected: Preprocessing, dtype: type, tiny_rgb: Params, tmp_path: Path
) -> None:
    """Files with torchvision's names and the authors' numbers expect 0 to 255 in the order of conv1_1."""
    tensors = with_first_filter(tiny_rgb, known[::step])
    safetensors.numpy.save_file({n: a.astype(dtype) for n, a in tensors.items()}, tmp_path / "a.safetensors")
    actual = converters.load(tmp_path / "a.safetensors", architecture=tiny_rgb.architecture)
    assert actual.preprocessing == expected


@pytest.mark.parametrize("word", fingerprints.PREPROCESSINGS)
def test_preprocessing_can_be_said(word: str, tiny_rgb: Params, tmp_path: Path) -> None:
    """What the caller says of the preprocessing counts, and what was measured with another one goes."""
    path = tmp_path / "a.safetensors"
    replace(tiny_rgb, rms={"relu1_1": 2.0}).save(path)
    actual = converters.load(path, architecture=tiny_rgb.architecture, preprocessing=word)
    assert actual.preprocessing == fingerprints.PREPROCESSINGS[word]
    assert bool(actual.rms) == (word == "torchvision")
    with pytest.raises(ValueError, match="preprocessing must be one of caffe, torchvision, features, not 'bgr'"):
        converters.load(path, architecture=tiny_rgb.architecture, preprocessing="bgr")


@pytest.mark.parametrize("names", [("classifier.1", "classifier.4"), ("classifier.0", "classifier.3")], ids=str)
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "net.model."])
@pytest.mark.parametrize("wrapper", ["", "state_dict", "model_state_dict"])
def test_checkpoints_are_read(
    names: tuple[str, str], prefix: str, wrapper: str, tiny_rgb: Params, tmp_path: Path
) -> None:
    """Prefixes, tables within tables, and both numberings of the classifier give the same arrays."""
    torch = pytest.importorskip("torch", reason="torch is an extra: pip install 'myvgg[torch]'")
    tensors = {}
    for name, array in stored(tiny_rgb).items():
        for ours, theirs in zip(("classifier.0", "classifier.3"), names, strict=True):
            name = name.replace(ours, theirs)
        tensors[prefix + name] = torch.from_numpy(array)
    torch.save({wrapper: tensors, "epoch": 3} if wrapper else tensors, tmp_path / "a.pth")
    actual = converters.load(tmp_path / "a.pth", architecture=tiny_rgb.architecture)
    assert list(actual.layers) == list(tiny_rgb.layers)
    for name, expected in tiny_rgb.layers.items():
        assert all(np.array_equal(a, e) for a, e in zip(actual.layers[name], expected, strict=True)), name


LAYOUTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "any key": lambda state: {
        "epoch": 3,
        "net": state,
        "optimizer": {"state": {0: {"step": state["features.0.bias"]}}},
    },
    "deep": lambda state: {"trainer": {"weights": state}},
    "two names of one table": lambda state: {"model": state, "state_dict": state},
    "an average": lambda state: (
        {"n_averaged": state["features.0.bias"].long()[0]} | {f"module.{name}": each for name, each in state.items()}
    ),
    "bare numbers": lambda state: {name.removeprefix("features."): each for name, each in state.items()},
    "bare numbers below": lambda state: {"x": {name.removeprefix("features."): each for name, each in state.items()}},
    "parameters": lambda state: {name: sys.modules["torch"].nn.Parameter(each) for name, each in state.items()},
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_checkpoints_of_any_layout_are_read(layout: Callable[[Any], Any], tiny_rgb: Params, tmp_path: Path) -> None:
    """The one network in a checkpoint is found, whatever its key, with gradients or with numbers alone."""
    torch = pytest.importorskip("torch", reason="torch is an extra: pip install 'myvgg[torch]'")
    tensors = {name: torch.from_numpy(array) for name, array in stored(tiny_rgb).items() if "features" in name}
    torch.save(layout(tensors), tmp_path / "a.pth")
    actual = converters.load(tmp_path / "a.pth", architecture=tiny_rgb.architecture)
    assert [*actual.layers] == [layer.name for layer in tiny_rgb.architecture.convolutions]
    for name, layer in actual.layers.items():
        assert all(np.array_equal(a, e) for a, e in zip(layer, tiny_rgb.layers[name], strict=True)), name


def test_bare_numbers_in_safetensors(tiny_rgb: Params, tmp_path: Path) -> None:
    """The table of the convolutions alone is read from safetensors as well."""
    tensors = {name.removeprefix("features."): each for name, each in stored(tiny_rgb).items() if "features" in name}
    safetensors.numpy.save_file(tensors, tmp_path / "a.safetensors")
    actual = converters.load(tmp_path / "a.safetensors", architecture=tiny_rgb.architecture)
    assert np.array_equal(actual.layers["conv1_2"].kernel, tiny_rgb.layers["conv1_2"].kernel)


@pytest.mark.parametrize("form", ["tables", "prefixes"])
def test_several_networks_are_refused(form: str, tiny_rgb: Params, tmp_path: Path) -> None:
    """Where a checkpoint has two networks, neither is taken by chance: both are named."""
    torch = pytest.importorskip("torch", reason="torch is an extra: pip install 'myvgg[torch]'")
    state = {name: torch.from_numpy(array) for name, array in stored(tiny_rgb).items()}
    found: dict[str, Any] = {"model": state, "ema": {name: each + 1 for name, each in state.items()}}
    if form == "prefixes":
        found = {f"{key}.{name}": each for key, table in found.items() for name, each in table.items()}
    torch.save(found, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"several networks \(model, ema\): save the state_dict\(\) of one of them"):
        converters.load(tmp_path / "a.pth", architecture=tiny_rgb.architecture)


KINDS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "int64": (lambda tensor: tensor.long(), "is of torch.int64, expected torch.float32"),
    "bool": (lambda tensor: tensor > 0, "is of torch.bool, expected torch.float32"),
    "complex": (lambda tensor: tensor.cfloat(), "is of torch.complex64, expected torch.float32"),
    "sparse": (lambda tensor: tensor.to_sparse(), r"is a sparse tensor \(torch.sparse_coo\): save it after to_dense"),
    "meta": (lambda tensor: tensor.to("meta"), "is a meta tensor, which has no values"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_without_numbers_are_named(kind: str, tiny_rgb: Params, tmp_path: Path) -> None:
    """A kernel that has no values, or none of floating point, is refused as such, and not as a damaged file."""
    torch = pytest.importorskip("torch", reason="torch is an extra: pip install 'myvgg[torch]'")
    change, message = KINDS[kind]
    state = {name: torch.from_numpy(array) for name, array in stored(tiny_rgb).items()}
    torch.save(state | {"features.2.weight": change(state["features.2.weight"])}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=f"features.2.weight {message}") as caught:
        converters.load(tmp_path / "a.pth", architecture=tiny_rgb.architecture)
    assert "damaged" not in str(caught.value)


def test_a_classifier_of_nan_is_left_out(tiny_rgb: Params, tmp_path: Path) -> None:
    """Torchvision's `IMAGENET1K_FEATURES` has a classifier of NaN; its convolutions are read."""
    tensors = stored(tiny_rgb)
    tensors |= {name: np.full_like(array, np.nan) for name, array in tensors.items() if "classifier" in name}
    safetensors.numpy.save_file(tensors, tmp_path / "a.safetensors")
    actual = converters.load(tmp_path / "a.safetensors", architecture=tiny_rgb.architecture)
    assert not actual.include_top
    assert actual.origin.notes == ("a classifier of NaN left out",)


def test_old_torch_is_refused(tiny_rgb: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of torch that may run code in a file is refused by its number."""
    torch = pytest.importorskip("torch", reason="torch is an extra: pip install 'myvgg[torch]'")
    WRITERS["new.pth"](tiny_rgb, tmp_path / "a.pth")
    monkeypatch.setattr(torch, "__version__", "2.9.1+cpu")
    with pytest.raises(WeightsError, match=r"torch 2\.9\.1\+cpu cannot promise .*torch>=2\.10"):
        converters.load(tmp_path / "a.pth", architecture=tiny_rgb.architecture)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("kind", ["module", "script"])
def test_a_whole_module_gets_one_line(kind: str, tiny: Architecture, tmp_path: Path) -> None:
    """A pickled module and TorchScript are refused in one line, without advice to run code."""
    torch = pytest.importorskip("torch", reason="torch is an extra: pip install 'myvgg[torch]'")
    module = torch.nn.Linear(2, 2)
    if kind == "module":
        torch.save(module, tmp_path / "a.pth")
    else:
        torch.jit.save(torch.jit.trace(module, torch.zeros(1, 2)), tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"save its state_dict\(\)") as caught:
        converters.load(tmp_path / "a.pth", architecture=tiny)
    assert "weights_only" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_class_name_is_no_tensor(tiny_params: Params, tmp_path: Path) -> None:
    """A file of ours whose class names look like torchvision's tensors is still ours."""
    labels = ('"features.0.weight', *tiny_params.labels[1:])
    replace(tiny_params, labels=labels).save(tmp_path / "a.safetensors")
    actual = converters.load(tmp_path / "a.safetensors", architecture=tiny_params.architecture)
    assert actual.labels == labels
