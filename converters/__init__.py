"""Weights files of the world to `myvgg.Params` and back.

A file is recognised by its first bytes, never by its name, and files that could run code (pickles) are refused.
Each format is a module with `read(path, architecture) -> Params`, and `write(params, path)` where that makes sense; it
is imported when a file needs it.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from myvgg.architecture import Architecture
    from myvgg.params import Origin, Params

SUFFIXES = {
    ".weights.h5": "keras3",
    ".h5": "keras",
    ".npz": "npz",
    "-8bit.safetensors": "quantized",
    ".safetensors": "safetensors",
}
"""The module that writes a suffix; the first that fits counts."""

UNAWARE = ("keras", "keras3")
"""Modules whose formats hold arrays and nothing about the pictures that go with them."""

MAGIC = (
    (b"MATLAB 5.0 MAT-file", "matconvnet"),
    (b"MATLAB 7.3 MAT-file", "matconvnet"),
    (b"\x89HDF\r\n\x1a\n", "keras"),
    (b"PK\x03\x04", "zip"),
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "torchvision"),
)
"""The module that reads a file with these first bytes; a zip archive is told by what is in it.

The last is the number that a `.pth` before torch 1.6 begins with, as torchvision's own are.
"""

STRANGERS = (
    (b"<", "a web page, not weights: the download answered with a page, download the file again"),
    (b"version https://git-lfs", "a Git LFS pointer, not weights: fetch the file itself with 'git lfs pull'"),
    (b"\x80", "a pickle, which may run code when it is read: save it as safetensors or Keras' .h5 where it came from"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"MATLAB", "a MAT-file of another version than 5 and 7.3: save it again as one of them"),
)
"""First bytes of what people take for a weights file, and what to do about it."""


def load(path: str | os.PathLike[str], *, architecture: Architecture | None = None) -> Params:
    """Read any supported weights file.

    Args:
        path: A MatConvNet `.mat`, a Keras `.h5`, `.weights.h5` or `.keras`, a Caffe `.caffemodel`, torchvision's
            `.safetensors` or `.pth`, or our own `.safetensors` or `.npz`.
        architecture: The network that it must hold, VGG19 unless told.

    Returns:
        The parameters; the same arrays, bit for bit, whatever the format. They say how pictures are to be prepared.

    Raises:
        myvgg.WeightsError: No such file, not weights, damaged, or not this network's; says what to do.
    """
    from myvgg.architecture import CONFIGURATION_E
    from myvgg.params import WeightsError

    path = Path(path)
    reader = import_module(f"converters.{_recognise(path)}")
    try:
        params: Params = reader.read(path, architecture or CONFIGURATION_E)
    except (WeightsError, MemoryError):
        raise
    except Exception as error:  # parsers throw almost anything at a damaged file
        raise WeightsError(path, f"damaged or cut off, get the file again ({error or type(error).__name__})") from error
    return params


def save(params: Params, path: str | os.PathLike[str]) -> None:
    """Write parameters in the format that the suffix names.

    Args:
        params: What to write.
        path: Ends in `.safetensors`, `-8bit.safetensors` (kernels rounded to 256 values a layer), `.npz`, `.h5` (the
            layout of Keras' public files) or `.weights.h5` (Keras 3).

    Raises:
        ValueError: Another suffix, or a format that cannot say how these weights want their pictures.
        OSError: The file cannot be written; an older one stays as it was.
    """
    from myvgg.params import CAFFE

    if (writer := writer_of(path)) in UNAWARE and params.preprocessing != CAFFE:
        raise ValueError(
            f"cannot write {path}: Keras' files do not say that pictures are prepared as torchvision does, "
            "and would be read as if they were not: name it .safetensors or .npz"
        )
    import_module(f"converters.{writer}").write(params, Path(path))


def writer_of(path: str | os.PathLike[str]) -> str:
    """Name the module that writes a path's suffix.

    Raises:
        ValueError: None does.
    """
    for suffix, module in SUFFIXES.items():
        if Path(path).name.lower().endswith(suffix):
            return module
    raise ValueError(f"cannot write {path}: name it with one of the suffixes {', '.join(SUFFIXES)}")


def origin_of(path: Path, generation: str) -> Origin:
    """Describe a file that is being converted: its name, its SHA-256 and the kind of file that it turned out to be."""
    from myvgg.params import Origin

    with path.open("rb") as file:
        return Origin(path.name, hashlib.file_digest(file, "sha256").hexdigest(), generation)


def _recognise(path: Path) -> str:
    from converters import caffe
    from myvgg.params import WeightsError

    try:
        with path.open("rb") as file:
            head = file.read(128)
    except OSError as error:
        raise WeightsError(path, f"cannot be read: {error.strerror}") from error
    for magic, module in MAGIC:
        if head.startswith(magic):
            return _in_archive(path) if module == "zip" else module
    if head[8:9] == b"{":  # after the eight bytes of its length, safetensors starts with a JSON object
        return "torchvision" if _is_foreign(path) else "safetensors"
    if caffe.is_one(head):
        return "caffe"
    if not head:
        raise WeightsError(path, "the file is empty: download or convert it again")
    for start, problem in STRANGERS:
        if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(start):  # the mark that text may begin with
            raise WeightsError(path, problem)
    kinds = ".mat, .h5, .keras, .caffemodel, .safetensors, .pth or .npz"
    raise WeightsError(path, f"not a weights file that is known here: {kinds}")


def _is_foreign(path: Path) -> bool:
    """Tell torchvision's safetensors from ours by the names in its header, without reading more."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        return b'"features.0.' in file.read(min(size, 1 << 20))


def _in_archive(path: Path) -> str:
    from myvgg.params import WeightsError

    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        raise WeightsError(path, f"damaged or cut off, get the file again ({error})") from error
    if "model.weights.h5" in names:
        return "keras3"
    if any(name.endswith(".npy") for name in names):
        return "npz"
    if any(name.endswith("data.pkl") for name in names):
        return "torchvision"
    raise WeightsError(path, "a zip archive without weights that are known here: .keras and .npz are")
