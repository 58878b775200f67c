"""The pictures, recipe and parameters of a call, checked before anything is computed."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from myvgg.architecture import ARCHITECTURES, Architecture
from myvgg.extraction.picture_names import name_of
from myvgg.extraction.recipe import Recipe
from myvgg.images import Resizing, find_pictures
from myvgg.images.finding import existing
from myvgg.params import HasParams, Params, params_of
from myvgg.runtime.errors import UsageError
from myvgg.runtime.files import check_writable

AnyPath = str | os.PathLike[str]

NEEDED = ("pyarrow", "filelock")
"""Packages with which a file of features is written."""

NOT_INSTALLED = "a file of features needs {package}, which is not installed: pip install 'myvgg[extract]'"


@dataclass(frozen=True, eq=False)
class Request:
    """Pictures, and the features to compute of them.

    Attributes:
        paths: Names of files, each once, see `picture_names`.
        recipe: The features to compute.
        params: The network's parameters.
        ray: The address of a cluster; None for this machine.
        workers: Largest number of networks on the cluster.
        progress: Show a bar.
    """

    paths: tuple[str, ...]
    recipe: Recipe
    params: Params
    ray: str | None = None
    workers: int | None = None
    progress: bool = True

    def check_some(self, errors: Sequence[str]) -> None:
        """Raise unless at least one picture has features.

        Args:
            errors: For each picture the reason that it has none, or an empty text.

        Raises:
            ValueError: Tells the first reason.
        """
        if all(errors):
            raise ValueError(f"none of the {len(self.paths)} pictures could be read: {errors[0]}")


def list_pictures(paths: AnyPath | Iterable[AnyPath]) -> tuple[str, ...]:
    """Return the names of pictures, each once, in their order; see `picture_names`.

    Args:
        paths: Files, which need not exist, folders and patterns, in a list; or one file, folder or pattern.

    Raises:
        UsageError: No picture.
    """
    found = find_pictures([paths], recursive=True) if isinstance(paths, str | os.PathLike) else _found(paths)
    listed = tuple(dict.fromkeys(map(name_of, found)))
    if not listed:
        raise UsageError("paths must name at least one picture")
    return listed


def _found(paths: Iterable[AnyPath]) -> Iterator[AnyPath]:
    """Yield files, those of folders and patterns in their place; a pattern without files may be a missing file."""
    for given in paths:
        path = existing(given) if os.fspath(given).startswith("~") else given
        is_pattern = glob.has_magic(os.fspath(path)) and not os.path.lexists(path) and _matches(path)
        if is_pattern or os.path.isdir(path):  # noqa: PTH112  # Path raises where a name is too long
            yield from find_pictures([path], recursive=True)
        else:
            yield path


def _matches(pattern: AnyPath) -> bool:
    return next(glob.iglob(os.fspath(pattern), recursive=True), None) is not None  # noqa: PTH207


def check_output(output: Path) -> None:
    """Raise unless a file of features can be written.

    Raises:
        ValueError: pyarrow or filelock is missing, the suffix names no format, or nothing may be written there.
    """
    for package in NEEDED:
        try:
            import_module(package)
        except ImportError as error:
            raise ValueError(NOT_INSTALLED.format(package=package)) from error
    from myvgg.extraction.writers import writer_of

    writer_of(output)
    check_writable(output)


def check_cluster(ray: str | None, workers: int | None, output: AnyPath | None) -> None:
    """Raise unless the options of a cluster go together.

    Raises:
        UsageError: A number of workers below 1 or without a cluster, or a cluster without a file to write.
    """
    if workers is not None and (workers < 1 or ray is None):
        raise UsageError("workers must be at least 1, and goes with ray")
    if ray is not None and output is None:
        raise UsageError("ray goes with output, a file in a folder that all machines can write to")


def load_network(
    source: Params | HasParams | AnyPath | None, architecture: str, layers: Iterable[str], resizing: Resizing
) -> Params:
    """Return parameters that have the layers, after the layers have been checked.

    Args:
        source: Parameters, a network such as `VGG19`, or the name of a source as in `myvgg.loading.load_params`.
        architecture: `vgg19` or `vgg16`, for a source that is named.
        layers: Names of tensors.
        resizing: How pictures are brought to a size.

    Raises:
        UsageError: No layers, or dense layers with pictures of another size.
        ValueError: An unknown layer, pictures too small for a layer, or parameters without it.
        WeightsError: No parameters that can be used.
    """
    from myvgg.loading import load_params
    from myvgg.network import check_layers, check_option

    check_option("architecture", architecture, ARCHITECTURES)
    if source is None or isinstance(source, str | os.PathLike):
        network = ARCHITECTURES[architecture]
        names = _checked_layers(layers, network, resizing)
        include_top = not set(map(network.resolve, names)) <= {*network.layer_names(include_top=False)}
        params = load_params(source, include_top=include_top, architecture=network)
    else:
        params = params_of(source)
        names = _checked_layers(layers, params.architecture, resizing)
    check_layers(params.architecture, params.layers, params.architecture.deepest(names))
    return params


def _checked_layers(layers: Iterable[str], network: Architecture, resizing: Resizing) -> tuple[str, ...]:
    """Return the names of layers that pictures of the size have."""
    if isinstance(layers, str) or not (names := tuple(layers)):
        raise UsageError(f"layers must name at least one layer, in a list, not {layers!r}")
    maps = network.layer_names(include_top=False)
    dense = sorted(name for name in set(map(network.resolve, names)) if name not in maps)
    if dense and not (resizing.is_square and resizing.size == network.input_size):
        raise UsageError(f"{', '.join(dense)} need pictures of size {network.input_size}, by crop or squash")
    for name in names if resizing.is_square else ():
        network.shape(name, resizing.size, resizing.size)
    return names
