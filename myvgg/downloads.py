"""The public weights files: a table of them, and their verified download.

Nothing else in this project downloads, and with `MYVGG_OFFLINE=1` nothing does.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from myvgg.architecture import CONFIGURATION_E, Architecture
from myvgg.parameter_records import WeightsError

_PACKAGE = Path(__file__).parent
FOLDER = (_PACKAGE if (_PACKAGE / "weights").is_dir() else _PACKAGE.parent) / "weights"
"""The folder `weights` of the repository or of the installed package: the manifest and the bundled file."""

TIMEOUT = (5.0, 30.0)
"""Seconds to wait for a connection, and for the next bytes."""

ADVICE = """
This machine has no suitable weights file either. One of these helps:{first}
  - run 'myvgg convert --download{options}' where there is a connection, \
and copy the file that it writes to {path}
  - name a file: --weights FILE, or VGG19.load(path)
  - name a file by the environment variable MYVGG_WEIGHTS"""

ADVICE_ONLINE = """
  - unset the environment variable MYVGG_OFFLINE, which forbids downloads"""

ADVICE_WITHOUT_TRAINING = """
  - do without training: --weights random"""


class DownloadError(WeightsError):
    """A public file that could not be downloaded; the message names its address, the reason, and what helps."""


@dataclass(frozen=True)
class PublicFile:
    """A weights file that its makers publish.

    Attributes:
        md5: MD5 in hexadecimal.
        format: Format in words.
        generation: Release in words.
        url: Address; empty if unknown.
        bytes: Size in bytes; 0 if unknown.
    """

    md5: str
    format: str
    generation: str
    url: str = ""
    bytes: int = 0


@cache
def manifest() -> dict[str, PublicFile]:
    """Read the table of public files, `weights/manifest.toml`, by their names in it."""
    with (FOLDER / "manifest.toml").open("rb") as file:
        return {name: PublicFile(**entry) for name, entry in tomllib.load(file).items()}


def is_offline() -> bool:
    """Tell whether `MYVGG_OFFLINE` forbids connections; 0 and an empty value do not."""
    return os.environ.get("MYVGG_OFFLINE", "0") not in ("", "0")


def fetch(file: PublicFile, folder: str | os.PathLike[str]) -> Path:
    """Download a public file into a folder and verify its MD5.

    Args:
        file: The file, which has an address.
        folder: The folder.

    Returns:
        The path of the file.

    Raises:
        DownloadError: There is no connection, no answer, another content, or `MYVGG_OFFLINE` is set.
        OSError: The folder cannot be written to.
    """
    if is_offline():
        raise DownloadError(file.url, "nothing is downloaded, since the environment variable MYVGG_OFFLINE is set")
    import pooch
    import requests
    from tqdm import tqdm

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # the progress bar says enough
    name = Path(urlsplit(file.url).path).name
    responses: list[requests.Response] = []
    watched = {"timeout": TIMEOUT, "hooks": {"response": lambda response, **_: responses.append(response)}}
    try:
        with tqdm(total=file.bytes, desc=name, unit="B", unit_scale=True, delay=0.5, disable=None) as bar:
            downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, **watched)
            return Path(pooch.retrieve(file.url, f"md5:{file.md5}", name, folder, downloader=downloader))
    except (requests.RequestException, ValueError) as error:
        raise DownloadError(file.url, _reason(error, urlsplit(file.url).hostname)) from error
    finally:
        logger.setLevel(level)
        for response in responses:  # pooch leaves the connection of a broken download open
            response.close()


def advice(path: Path, *, with_top: bool, architecture: Architecture) -> str:
    """Return lines that tell what helps where neither a file nor a connection is there.

    Args:
        path: Place of the missing file in the cache.
        with_top: Whether the classifier is wanted.
        architecture: The network.
    """
    first = ADVICE_ONLINE * is_offline()
    text = ADVICE.format(first=first, options=options(with_top=with_top, architecture=architecture), path=path)
    return text + ADVICE_WITHOUT_TRAINING * (not with_top)


def options(*, with_top: bool, architecture: Architecture) -> str:
    """Return the options of `myvgg convert --download` that bring a file.

    Args:
        with_top: Whether the classifier is wanted.
        architecture: The network.
    """
    return " --with-top" * with_top + f" --architecture {architecture.name}" * (architecture != CONFIGURATION_E)


def _reason(error: Exception, host: str | None) -> str:
    """Tell in a few words why a download failed."""
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
    return "the file that arrived has another MD5, it may be the page of a proxy or of a login; try again"
