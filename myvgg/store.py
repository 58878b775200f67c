"""The store of weights: files on this machine, the bundled file, and downloads that are kept in a cache.

The search order is: the argument; the environment variable `MYVGG_WEIGHTS`; the folder `weights` of the repository; the
user's cache, whose folder `MYVGG_CACHE` names. An argument or a variable that names no usable file is an error: the
search does not go on.

Where there is no file, two sources are left: a public file, which is downloaded once, verified and converted into the
cache; and the bundled file, VGG19's convolutions in 8 bits. The caller decides which of the two comes first.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import safetensors

from myvgg import bundled
from myvgg.architecture import CONFIGURATION_E, Architecture
from myvgg.bundled import DISTANCE as DISTANCE
from myvgg.downloads import FOLDER as FOLDER
from myvgg.downloads import DownloadError as DownloadError
from myvgg.downloads import PublicFile as PublicFile
from myvgg.downloads import advice, fetch, is_offline, options
from myvgg.downloads import manifest as manifest
from myvgg.params import Params, WeightsError, WeightsWarning
from myvgg.runtime.errors import warn_once

AUTO, BUNDLED = "auto", "bundled"
"""Names of sources in place of a path: the first file that is found, and the file that comes with the package."""


PREFIX = ".download-"
"""Beginning of the names of folders for files that are being downloaded."""

ABANDONED = 3600.0
"""Seconds without a write after which a download is taken for killed."""


class _NoCacheError(OSError):
    """This user has no folder for caches."""


def cache_folder() -> Path:
    """Return the folder of converted downloads: `MYVGG_CACHE`, or the system's folder for a user's caches.

    Raises:
        OSError: The user has no home folder, and `MYVGG_CACHE` is not set.
        WeightsError: `MYVGG_CACHE` begins with the home folder of an unknown user.
    """
    import pooch

    if named := os.environ.get("MYVGG_CACHE"):
        return _expanded(named)
    try:
        folder = Path(pooch.os_cache("myvgg"))
    except RuntimeError as error:  # a user without a home folder, as in some containers
        raise _NoCacheError(str(error)) from error
    if not folder.is_absolute():
        raise _NoCacheError("this user has no home folder")
    return folder


def stored_name(architecture: Architecture, *, include_top: bool) -> str:
    """Return the name of a network's file in the two folders.

    Args:
        architecture: The network.
        include_top: Whether the classifier is wanted.
    """
    return f"{architecture.name}{'-with-top' * include_top}.safetensors"


def bundled_path(architecture: Architecture = CONFIGURATION_E) -> Path:
    """Return the path of the file in 8 bits that comes with the package.

    Args:
        architecture: The network; only VGG19 has such a file.
    """
    return FOLDER / f"{architecture.name}-8bit.safetensors"


def find(
    source: str | os.PathLike[str] | None = None,
    *,
    include_top: bool = False,
    architecture: Architecture = CONFIGURATION_E,
) -> Path | None:
    """Return the file that `load` would read, or None where only a download and the bundled file are left.

    Args:
        source: A file, which is returned as it is; `bundled`; or None or `auto` to search.
        include_top: Pass over files without a classifier in the two folders.
        architecture: The network, whose name is in the names of the files in the two folders.

    Raises:
        WeightsError: `MYVGG_WEIGHTS` names no file.
    """
    if source not in (None, AUTO):
        return bundled_path(architecture) if source == BUNDLED else Path(source)
    if (variable := os.environ.get("MYVGG_WEIGHTS", AUTO)) not in (AUTO, ""):
        if variable == BUNDLED:
            return bundled_path(architecture)
        path = _expanded(variable)
        if not path.exists():
            raise WeightsError(path, "no such file, though the environment variable MYVGG_WEIGHTS names it")
        return path
    return next(_stored(include_top, architecture), None)


def load(
    source: str | os.PathLike[str] | None = None,
    *,
    include_top: bool | None = None,
    architecture: Architecture = CONFIGURATION_E,
    bundled_first: bool = False,
) -> Params:
    """Load trained parameters from this machine, from the package, or from the network into the cache.

    Args:
        source: A file of any format that `converters` reads; `bundled` for the file that comes with the package; or
            None or `auto` to search. Names come before files of that name, which `./auto` or a `Path` tells.
        include_top: True requires the dense layers, False leaves them out. None takes the layers of the file, and
            downloads a file without them.
        architecture: The network that the file must hold.
        bundled_first: The source where no file is found. True takes the bundled weights, and downloads where they are
            damaged. False downloads the exact weights, and takes the bundled ones with a warning where that fails.

    Raises:
        DownloadError: There is no file, and none could be downloaded or kept; the message tells what helps.
        WeightsError: The file is missing, damaged or without the classifier.

    Warns:
        WeightsWarning: The bundled file takes the place of a download or is damaged, or a file of the cache is damaged.
    """
    from myvgg import converters

    path = find(source, include_top=bool(include_top), architecture=architecture)
    if path is None:
        return _load_elsewhere(bool(include_top), architecture, bundled_first)
    is_searched = source in (None, AUTO)
    named = os.environ.get("MYVGG_WEIGHTS", AUTO) if is_searched else source
    if named == BUNDLED:
        _check_bundled(architecture)
    try:
        params = converters.load(path, architecture=architecture)
    except WeightsError as damaged:
        if not (is_searched and named in (AUTO, "") and path.parent != FOLDER):
            raise
        message = f"{damaged}; this file of the cache is left out, and replaced where a download is possible"
        warn_once(message, WeightsWarning)
        return _load_elsewhere(bool(include_top), architecture, bundled_first)
    if include_top and not params.include_top:
        raise WeightsError(
            path,
            "has no classifier (fc6, fc7, fc8), which is needed here: 'myvgg convert "
            f"--download{options(with_top=True, architecture=architecture)}' gets a file that has one",
        )
    return _without_top(params) if include_top is False else params


def download(
    folder: str | os.PathLike[str], *, with_top: bool = False, architecture: Architecture = CONFIGURATION_E
) -> Params:
    """Download the public Keras file, verify it and read it.

    Args:
        folder: Folder of the file while it is read; nothing of the file stays.
        with_top: Take the file with the classifier, 575 MB in place of 80 MB.
        architecture: The network that the file must hold.

    Raises:
        DownloadError: The file could not be downloaded.
        OSError: The folder cannot be written to.
    """
    from myvgg import converters

    _remove_leftovers(Path(folder))
    file = manifest()[f"{architecture.name}-keras{'' if with_top else '-notop'}"]
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=folder) as temporary:
        return converters.load(fetch(file, temporary), architecture=architecture)


def _remove_leftovers(folder: Path) -> None:
    """Remove what downloads left that were killed; a download that goes on has written lately."""
    for left in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - max(each.stat().st_mtime for each in (left, *left.iterdir())) > ABANDONED:
                shutil.rmtree(left)


def _expanded(path: str | os.PathLike[str]) -> Path:
    """Replace a leading ~ or ~user by a home folder."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise WeightsError(path, "there is no such home folder; write the path out") from error


def _stored(include_top: bool, architecture: Architecture) -> Iterator[Path]:
    """Yield the usable files of the two folders, the best first."""
    folders: tuple[Callable[[], Path], ...] = (lambda: FOLDER, cache_folder)
    for folder in folders:
        for with_top in (include_top, not include_top):
            with suppress(PermissionError, _NoCacheError):  # a place that this user does not have holds nothing
                path = folder() / stored_name(architecture, include_top=with_top)
                if path.is_file() and not (include_top and _lacks_top(path)):
                    yield path


def _lacks_top(path: Path) -> bool:
    try:
        with safetensors.safe_open(path, framework="np") as file:
            return "fc6.kernel" not in file.keys()  # noqa: SIM118, a file is not a mapping
    except (safetensors.SafetensorError, OSError):
        return False  # the error of reading it tells more


def _without_top(params: Params) -> Params:
    dense = {layer.name for layer in params.architecture.classifier}
    return replace(params, layers={name: layer for name, layer in params.layers.items() if name not in dense})


def _load_elsewhere(with_top: bool, architecture: Architecture, bundled_first: bool) -> Params:
    """Load from the network or from the package; only downloads have a classifier."""
    from myvgg import converters

    if with_top or f"{architecture.name}-8bit" not in manifest():
        return _download_to_cache(with_top, architecture)
    try:
        _check_bundled(architecture)
    except WeightsError as damaged:
        return _download_in_place(damaged, architecture, warn=bundled_first)
    if not bundled_first:
        try:
            return _download_to_cache(with_top, architecture)
        except DownloadError as error:
            problem = error.problems[-1].splitlines()[0]
        message = bundled.STAND_IN.format(problem=problem, distance=DISTANCE)
        warn_once(message, WeightsWarning)
    return converters.load(bundled_path(architecture), architecture=architecture)


def _check_bundled(architecture: Architecture) -> None:
    known = manifest().get(f"{architecture.name}-8bit")
    if known is None:
        raise WeightsError(BUNDLED, f"no weights of {architecture.name} come with myvgg")
    bundled.check_file(bundled_path(architecture), known)


def _download_in_place(damaged: WeightsError, architecture: Architecture, *, warn: bool) -> Params:
    """Download in place of a damaged bundled file; the error of the download tells the damage, too."""
    if warn and not is_offline():
        warn_once(f"{damaged}; downloading the exact weights in its place", WeightsWarning)
    try:
        return _download_to_cache(False, architecture)
    except DownloadError as error:
        first, *others = error.problems[-1].split("\n", 1)
        raise DownloadError(error.path, "\n".join([f"{first}; {damaged}", *others])) from error


def _download_to_cache(with_top: bool, architecture: Architecture) -> Params:
    """Download a file and keep it, converted, in the cache."""
    from myvgg import converters

    name = stored_name(architecture, include_top=with_top)
    path = Path("~/.cache/myvgg", name)
    try:
        path = cache_folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        params = download(path.parent, with_top=with_top, architecture=architecture)
        converters.save(params, path)
    except OSError as error:
        reason = error.strerror or error
        problem = f"the cache {path.parent} cannot be written to ({reason}); set MYVGG_CACHE to another folder"
        raise DownloadError(path.parent, problem) from error
    except DownloadError as error:
        problem = error.problems[-1] + advice(path, with_top=with_top, architecture=architecture)
        raise DownloadError(error.path, [*error.problems[:-1], problem]) from error
    return params
