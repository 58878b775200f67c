"""Weights files of other programs to `myvgg.Params` and back.

A file is recognised by its first bytes, never by its name. Files that could run code (pickles) are refused.
Each format is a module with `read(path, architecture) -> Params`, and `write(params, path)` for the formats that are
written. The module is imported for its first file.

The installed package is `myvgg.converters`. In a checkout, the folder lies at the top and is `converters` as well.
"""

from __future__ import annotations

import json
import os
import sys
import zipfile
from dataclasses import replace
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from myvgg.architecture import Architecture
    from myvgg.params import Params, Preprocessing

SUFFIXES = {
    ".weights.h5": "keras3",
    ".h5": "keras",
    ".npz": "npz",
    "-8bit.safetensors": "quantized",
    ".safetensors": "safetensors",
}
"""The module that writes a file, by the end of the file's name; the first one that fits counts."""

WITHOUT_PREPROCESSING = ("keras", "keras3")
"""Modules of formats that hold arrays only, not the preprocessing of pictures."""

MAGIC = (
    (b"MATLAB 5.0 MAT-file", "matconvnet"),
    (b"MATLAB 7.3 MAT-file", "matconvnet"),
    (b"\x89HDF\r\n\x1a\n", "keras"),
    (b"PK\x03\x04", "zip"),
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "torchvision"),
)
"""The module that reads a file, by the file's first bytes; for a zip archive, the names in it decide.

The last entry is the number at the beginning of a `.pth` from before torch 1.6; torchvision's own files are such.
"""

OTHER_FILES = (
    (b"<", "a web page, not weights: the download answered with a page, download the file again"),
    (b"version https://git-lfs", "a Git LFS pointer, not weights: fetch the file itself with 'git lfs pull'"),
    (b"\x80", "a pickle, which may run code when it is read: save it as safetensors or Keras' .h5 where it came from"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"MATLAB", "a MAT-file of another version than 5 and 7.3: save it again as one of them"),
)
"""Files that are mistaken for weights, by their first bytes, with a sentence that tells what helps."""

LARGEST_HEADER = 1 << 24
"""Number of bytes that are read of a header."""


def load(
    path: str | os.PathLike[str],
    *,
    architecture: Architecture | None = None,
    preprocessing: Literal["caffe", "torchvision", "features"] | Preprocessing | None = None,
) -> Params:
    """Read any supported weights file.

    Args:
        path: A MatConvNet `.mat`, a Keras `.h5`, `.weights.h5` or `.keras`, a Caffe `.caffemodel`, torchvision's
            `.safetensors` or `.pth`, or our own `.safetensors` or `.npz`.
        architecture: The network that the file must hold, by default VGG19.
        preprocessing: The preparation of pictures for these weights, where the file cannot tell: `caffe`, B, G, R from
            0 to 255 minus a mean; `torchvision`, R, G, B over a deviation; `features`, as torchvision's
            `IMAGENET1K_FEATURES`, R, G, B from 0 to 255 minus a mean. None takes what the file says or its values tell.

    Returns:
        The parameters. All formats give the same arrays, bit for bit. The parameters include the preprocessing of
        pictures.

    Raises:
        ValueError: Another word for the preprocessing.
        myvgg.WeightsError: No such file, no weights, a damaged file, or another network; the message tells what helps.

    Example:
        >>> import myvgg
        >>> myvgg.converters.load("weights/vgg19-8bit.safetensors").layers["conv1_1"].kernel.shape
        (3, 3, 3, 64)
    """
    from myvgg.architecture import CONFIGURATION_E
    from myvgg.params import WeightsError

    said = _preprocessing(preprocessing)
    path = Path(path)
    reader = import_module(f".{_recognise(path)}", __name__)
    try:
        params: Params = reader.read(path, architecture or CONFIGURATION_E)
    except (WeightsError, MemoryError, ImportError):
        raise
    except Exception as error:  # parsers raise almost anything for a damaged file
        raise WeightsError(path, f"damaged or cut off, get the file again ({error or type(error).__name__})") from error
    if said is None or said == params.preprocessing:
        return params
    return replace(params, preprocessing=said, rms={})  # measured with the other one


def save(params: Params, path: str | os.PathLike[str]) -> None:
    """Write parameters, whole or not at all, in the format of the file's suffix.

    Args:
        params: The parameters.
        path: The file. Its name ends in `.safetensors`, `-8bit.safetensors` (kernels rounded to 256 values a layer),
            `.npz`, `.h5` (the layout of Keras' public files) or `.weights.h5` (Keras 3).

    Raises:
        ValueError: Another suffix, or a format that cannot hold the preprocessing of these weights.
        OSError: The file cannot be written; an older file stays as it was.

    Example:
        >>> import myvgg
        >>> params = myvgg.params.random(include_top=False)
        >>> myvgg.converters.save(params, "vgg19.npz")  # doctest: +SKIP
    """
    from myvgg.params import CAFFE

    if (writer := writer_of(path)) in WITHOUT_PREPROCESSING and params.preprocessing != CAFFE:
        raise ValueError(
            f"cannot write {path}: Keras' files cannot hold the preprocessing of these weights, "
            "so readers would assume another one: name it .safetensors or .npz"
        )
    import_module(f".{writer}", __name__).write(params, Path(path))


def writer_of(path: str | os.PathLike[str]) -> str:
    """Return the name of the module that writes a file.

    Args:
        path: The file.

    Raises:
        ValueError: The suffix names no format that is written.

    Example:
        >>> import converters
        >>> converters.writer_of("vgg19.weights.h5")
        'keras3'
    """
    for suffix, module in SUFFIXES.items():
        if Path(path).name.lower().endswith(suffix):
            return module
    raise ValueError(f"cannot write {path}: name it with one of the suffixes {', '.join(SUFFIXES)}")


def _preprocessing(word: str | Preprocessing | None) -> Preprocessing | None:
    from .fingerprints import PREPROCESSINGS

    if not isinstance(word, str):
        return word
    if word not in PREPROCESSINGS:
        raise ValueError(f"preprocessing must be one of {', '.join(PREPROCESSINGS)}, not {word!r}")
    return PREPROCESSINGS[word]


def _recognise(path: Path) -> str:
    """Return the name of the module that reads a file."""
    from myvgg.params import WeightsError
    from myvgg.runtime.files import SPECIAL, is_special

    from . import caffe

    if is_special(path):
        raise WeightsError(path, SPECIAL)
    try:
        with path.open("rb") as file:
            head = file.read(128)
    except OSError as error:
        raise WeightsError(path, f"cannot be read: {error.strerror}") from error
    for magic, module in MAGIC:
        if head.startswith(magic):
            return _in_archive(path) if module == "zip" else module
    if head[8:9] == b"{":  # safetensors: eight bytes of length, then a JSON object
        return "torchvision" if _is_foreign(path) else "safetensors"
    if caffe.is_one(head):
        return "caffe"
    if not head:
        raise WeightsError(path, "the file is empty: download or convert it again")
    for start, problem in OTHER_FILES:
        if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(start):  # text may begin with this mark
            raise WeightsError(path, problem)
    kinds = ".mat, .h5, .keras, .caffemodel, .safetensors, .pth or .npz"
    raise WeightsError(path, f"not a weights file that is known here: {kinds}")


def _is_foreign(path: Path) -> bool:
    """Tell whether a safetensors file is torchvision's, by the names of its tensors."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = file.read(min(size, LARGEST_HEADER))
    try:
        names = json.loads(header)
    except (ValueError, RecursionError):
        return False  # the error of reading it tells more
    return isinstance(names, dict) and any(
        name == "0.weight" or f".{name}".endswith(".features.0.weight") for name in names
    )


def _in_archive(path: Path) -> str:
    from myvgg.params import WeightsError

    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise WeightsError(path, f"damaged or cut off, get the file again ({error})") from error
    if "model.weights.h5" in names:
        return "keras3"
    if any(name.endswith(".npy") for name in names):
        return "npz"
    if any(name.endswith("data.pkl") for name in names):
        return "torchvision"
    raise WeightsError(path, "a zip archive without weights that are known here: .keras and .npz are")


class _OtherName(MetaPathFinder, Loader):
    """Finds `converters.keras` as `myvgg.converters.keras`, so both names mean one module."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        return spec_from_loader(fullname, self) if fullname.startswith("converters.") else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(f"myvgg.{spec.name}")
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state  # the import system has put the other name's there


if __name__ == "converters":
    sys.meta_path.insert(0, _OtherName())
    sys.modules[__name__] = import_module("myvgg.converters")
