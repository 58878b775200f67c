"""Where weights are: on this machine, in the package itself, or on the network.

Files are searched for in this order: the argument; the environment variable `MYVGG_WEIGHTS`; the folder `weights` of
the repository; the user's cache, which `MYVGG_CACHE` moves. An argument or a variable that names no usable file is an
error, never a reason to look further.

Where there is no file, two sources are left: a public file, which is downloaded once, verified and converted into the
cache, and the bundled file, VGG19's convolutions in 8 bits. The caller says which of them comes first.
Nothing else in this project downloads, and with `MYVGG_OFFLINE=1` nothing does.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import tomllib
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import safetensors

from myvgg.architecture import CONFIGURATION_E, Architecture
from myvgg.params import Params, WeightsError, WeightsWarning

TIMEOUT = (5.0, 30.0)
"""Seconds to wait for a connection, and for the next bytes."""

_PACKAGE = Path(__file__).parent
FOLDER = (_PACKAGE if (_PACKAGE / "weights").is_dir() else _PACKAGE.parent) / "weights"
"""The repository's `weights`, or what an installed package carries of it: the manifest and the bundled file."""

AUTO, BUNDLED = "auto", "bundled"
"""Names of sources in place of a path: the first file that is found, and the one that comes with the package."""

WAYS_OUT = """
No file that would do is on this machine either. One of these helps:{first}
  - run 'python scripts/convert_weights.py --download{option}' where there is a connection, \
and copy the file that it writes to {path}
  - name a file: --weights FILE, or VGG19.load(path)
  - name a file by the environment variable MYVGG_WEIGHTS"""

WAY_ONLINE = """
  - unset the environment variable MYVGG_OFFLINE, which forbids downloads"""

WAY_WITHOUT_TRAINING = """
  - do without training: --weights random"""

BUNDLED_USED = (
    "{problem}: using the weights that come with myvgg, whose kernels have 8 bits. Features are off by {distance} "
    "(weights/README.md). 'python scripts/convert_weights.py --download' gets the exact weights, and the name "
    "'bundled' takes these without a warning"
)

DISTANCE = "0.2 to 0.8 % in blocks 1 to 3 and about 1 % in blocks 4 and 5"
"""Relative L2 distance of the bundled weights' rectified features, by `python -m benchmarks rounding`.

The file beside them has exact values in blocks 1 to 3 only: see `weights/README.md`.
"""


class DownloadError(WeightsError):
    """A public file that could not be fetched: its address, why, and what else can be done."""


@dataclass(frozen=True)
class PublicFile:
    """A file that its makers publish.

    Attributes:
        md5: In hexadecimal.
        format: In words.
        generation: Which of several releases, in words.
        url: Empty where no address is known.
        bytes: 0 where the size is not known.
    """

    md5: str
    format: str
    generation: str
    url: str = ""
    bytes: int = 0


class _NoCacheError(OSError):
    """This user has no folder for caches."""


@cache
def manifest() -> dict[str, PublicFile]:
    """Return the public files by the names that `weights/manifest.toml` gives them."""
    with (FOLDER / "manifest.toml").open("rb") as file:
        return {name: PublicFile(**entry) for name, entry in tomllib.load(file).items()}


def cache_folder() -> Path:
    """Return the folder for converted downloads: `MYVGG_CACHE`, or where this system keeps a user's caches.

    Raises:
        OSError: The user has no home folder, and `MYVGG_CACHE` is not set.
        WeightsError: `MYVGG_CACHE` begins with a home folder that there is not.
    """
    import pooch

    if named := os.environ.get("MYVGG_CACHE"):
        return _expanded(named)
    try:
        return Path(pooch.os_cache("myvgg"))
    except RuntimeError as error:  # a user without a home folder, as in some containers
        raise _NoCacheError(str(error)) from error


def stored_name(architecture: Architecture, *, include_top: bool) -> str:
    """Return what a stored file is called, by whether the classifier was wanted."""
    return f"{architecture.name}{'-with-top' * include_top}.safetensors"


def bundled_path(architecture: Architecture = CONFIGURATION_E) -> Path:
    """Return where the file in 8 bits that comes with the package is."""
    return FOLDER / f"{architecture.name}-8bit.safetensors"


def is_offline() -> bool:
    """Return whether `MYVGG_OFFLINE` forbids connections; 0 and an empty value do not."""
    return os.environ.get("MYVGG_OFFLINE", "0") not in ("", "0")


def find(
    source: str | os.PathLike[str] | None = None,
    *,
    include_top: bool = False,
    architecture: Architecture = CONFIGURATION_E,
) -> Path | None:
    """Return the file that `load` would read, or None where a download and the bundled file are left.

    Args:
        source: A file, returned as it is; `bundled`; searched for where it is None.
        include_top: Pass over files without a classifier in the two folders.
        architecture: The network that the files of the two folders are named after.

    Raises:
        WeightsError: `MYVGG_WEIGHTS` names no file.
    """
    if source is not None:
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
        source: A file of any format that `converters` reads; `bundled` for the file that comes with the package;
            searched for where it is None.
        include_top: True, with the dense layers; False, without; None, as the file has it, and a download has none.
        architecture: The network that the file must hold.
        bundled_first: Where no file is found, True takes the bundled weights at once, and downloads where they are
            damaged. False downloads the exact weights, and takes the bundled ones with a warning where that fails.

    Raises:
        DownloadError: There is no file, none could be fetched or kept, and the bundled file will not do; lists what
            else can be done.
        WeightsError: The file is missing, damaged or without the classifier.

    Warns:
        WeightsWarning: The bundled file is used in place of a download, or is damaged.
    """
    import converters

    path = find(source, include_top=bool(include_top), architecture=architecture)
    if path is None:
        return _load_elsewhere(bool(include_top), architecture, bundled_first)
    named = os.environ.get("MYVGG_WEIGHTS") if source is None else source
    if named == BUNDLED:
        _check_bundled(architecture)
    params = converters.load(path, architecture=architecture)
    if include_top and not params.include_top:
        options = _options(True, architecture)
        raise WeightsError(
            path,
            "has no classifier (fc6, fc7, fc8), which is needed here: "
            f"'python scripts/convert_weights.py --download{options}' gets a file that has one",
        )
    return _without_top(params) if include_top is False else params


def download(
    folder: str | os.PathLike[str], *, with_top: bool = False, architecture: Architecture = CONFIGURATION_E
) -> Params:
    """Fetch the public Keras file, verify it and read it.

    Args:
        folder: Where the file may lie meanwhile; nothing of it stays.
        with_top: The file with the classifier, 575 MB in place of 80 MB.
        architecture: The network that it must hold.

    Raises:
        DownloadError: It could not be fetched.
        OSError: `folder` cannot be written to.
    """
    import converters

    file = manifest()[f"{architecture.name}-keras{'' if with_top else '-notop'}"]
    if is_offline():
        raise DownloadError(file.url, "nothing is downloaded, since the environment variable MYVGG_OFFLINE is set")
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as temporary:
        return converters.load(_fetch(file, temporary), architecture=architecture)


def _expanded(path: str | os.PathLike[str]) -> Path:
    """Replace a leading ~ or ~user by the home folder that it stands for."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise WeightsError(path, "there is no such home folder; write the path out") from error


def _stored(include_top: bool, architecture: Architecture) -> Iterator[Path]:
    """List the usable files of the two folders, the best first."""
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
        return False  # whoever reads it will say what is wrong with it


def _without_top(params: Params) -> Params:
    dense = {layer.name for layer in params.architecture.classifier}
    return replace(params, layers={name: layer for name, layer in params.layers.items() if name not in dense})


def _load_elsewhere(with_top: bool, architecture: Architecture, bundled_first: bool) -> Params:
    """Load from the network or the package; only downloads have a classifier."""
    import converters

    if with_top or f"{architecture.name}-8bit" not in manifest():
        return _download_to_cache(with_top, architecture)
    try:
        _check_bundled(architecture)
    except WeightsError as damaged:
        return _download_in_place(damaged, architecture, told=bundled_first)
    if not bundled_first:
        try:
            return _download_to_cache(with_top, architecture)
        except DownloadError as error:
            problem = error.problems[-1].splitlines()[0]
        warnings.warn(BUNDLED_USED.format(problem=problem, distance=DISTANCE), WeightsWarning, stacklevel=1)
    return converters.load(bundled_path(architecture), architecture=architecture)


def _download_in_place(damaged: WeightsError, architecture: Architecture, *, told: bool) -> Params:
    """Download where the bundled file is damaged, which is told with a warning if it was to be used.

    Raises:
        DownloadError: With what is wrong with the file as well.
    """
    if told and not is_offline():
        warnings.warn(f"{damaged}; downloading the exact weights in its place", WeightsWarning, stacklevel=1)
    try:
        return _download_to_cache(False, architecture)
    except DownloadError as error:
        first, *ways = error.problems[-1].split("\n", 1)
        raise DownloadError(error.path, "\n".join([f"{first}; {damaged}", *ways])) from error


def _check_bundled(architecture: Architecture) -> None:
    """Raise unless the bundled file is there, and as it was made.

    Raises:
        WeightsError: It is missing, cut off, changed, or the pointer that Git LFS leaves in its place.
    """
    path, known = bundled_path(architecture), manifest().get(f"{architecture.name}-8bit")
    if known is None:
        raise WeightsError(BUNDLED, f"no weights of {architecture.name} come with myvgg")
    try:
        content = path.read_bytes()
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    else:
        if content.startswith(b"version https://git-lfs"):
            problem = "is a Git LFS pointer"
        elif len(content) != known.bytes:
            problem = f"has {len(content):,} of {known.bytes:,} bytes"
        elif hashlib.md5(content, usedforsecurity=False).hexdigest() != known.md5:
            problem = "has been changed"
        else:
            return
    way = f"install myvgg again, or run 'git checkout -- weights/{path.name}' in a clone"
    raise WeightsError(path, f"the file that comes with myvgg {problem}: {way}")


def _download_to_cache(with_top: bool, architecture: Architecture) -> Params:
    import converters

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
        first = WAY_ONLINE * is_offline()
        ways_out = WAYS_OUT.format(first=first, option=_options(with_top, architecture), path=path)
        ways_out += WAY_WITHOUT_TRAINING * (not with_top)
        raise DownloadError(error.path, [*error.problems[:-1], error.problems[-1] + ways_out]) from error
    return params


def _options(with_top: bool, architecture: Architecture) -> str:
    """Return the options of `convert_weights.py --download` that bring a file."""
    return " --with-top" * with_top + f" --architecture {architecture.name}" * (architecture != CONFIGURATION_E)


def _fetch(file: PublicFile, folder: str) -> Path:
    """Download a file into a folder, if its hash is right."""
    import pooch
    import requests
    from tqdm import tqdm

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # the progress bar says enough
    name = Path(urlsplit(file.url).path).name
    responses: list[requests.Response] = []
    options = {"timeout": TIMEOUT, "hooks": {"response": lambda response, **_: responses.append(response)}}
    try:
        with tqdm(total=file.bytes, desc=name, unit="B", unit_scale=True, delay=0.5, disable=None) as bar:
            downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, **options)
            return Path(pooch.retrieve(file.url, f"md5:{file.md5}", name, folder, downloader=downloader))
    except (requests.RequestException, ValueError) as error:
        raise DownloadError(file.url, _cause(error, urlsplit(file.url).hostname)) from error
    finally:
        logger.setLevel(level)
        for response in responses:  # pooch leaves the connection of a broken download open
            response.close()


def _cause(error: Exception, host: str | None) -> str:
    """Say in a few words why a download failed."""
    from requests import exceptions
    from urllib3.exceptions import ReadTimeoutError

    match error:
        case exceptions.HTTPError(response=response) if response is not None:
            return f"{host} answered {response.status_code} {response.reason}"
        case exceptions.Timeout() | exceptions.ConnectionError(args=(ReadTimeoutError(), *_)):
            return f"{host} did not answer in time"
        case exceptions.ChunkedEncodingError():
            return "the download broke off, try again"
        case exceptions.SSLError():
            return f"no connection to {host} that can be trusted (its certificate was refused)"
        case exceptions.ConnectionError():
            return f"no connection to {host}"
        case exceptions.RequestException():
            return f"no download from {host} ({type(error).__name__})"
    return "what arrived has another MD5, it may be the page of a proxy or of a login; try again"
