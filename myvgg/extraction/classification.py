"""The function behind the command `classify`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from myvgg.extraction.prefetching import prefetch
from myvgg.extraction.request import AnyPath, list_pictures
from myvgg.images import CENTRE_CROP, Resizing
from myvgg.params import HasParams, Params, params_of
from myvgg.runtime.errors import UsageError

if TYPE_CHECKING:
    from myvgg.vgg19 import VGG


class Classification(NamedTuple):
    """The most probable classes of a picture.

    Attributes:
        path: The picture's name in the list.
        classes: Labels with their probabilities, the most probable first; empty for a picture that cannot be read.
        error: The reason that it cannot be read; empty for the others.

    Example:
        >>> import myvgg
        >>> myvgg.Classification("cup.jpg", (("espresso", 0.9), ("cup", 0.1))).classes[0]
        ('espresso', 0.9)
    """

    path: str
    classes: tuple[tuple[str, float], ...]
    error: str = ""


def classify(
    paths: AnyPath | Iterable[AnyPath],
    *,
    params: Params | HasParams | AnyPath | None = None,
    top: int = 5,
    resizing: Resizing = CENTRE_CROP,
) -> Iterator[Classification]:
    """Name the objects in pictures.

    Each picture is computed alone: its probabilities equal those of `VGG19.top(resizing(path))` bit for bit.

    Args:
        paths: Picture files, folders with all pictures in them and below, and patterns such as `photos/**/*.jpg`, in a
            list or alone. Each file counts once.
        params: Parameters with the classifier; a `VGG19` or `VGG16`; or the name of a source as in `VGG19.load`, None
            for the first file that is found.
        top: Number of classes for each picture.
        resizing: How pictures are brought to the network's size, by crop or squash.

    Yields:
        One record for each picture, in their order; pictures that cannot be read have a reason.

    Raises:
        ValueError: No pictures, wrong options, or parameters without the classifier.
        WeightsError: No parameters that can be used.

    Example:
        >>> import myvgg
        >>> vgg = myvgg.VGG19(myvgg.params.random(), num_classes=10)
        >>> (found,) = myvgg.classify(["examples/chelsea.jpg"], params=vgg, top=3)
        >>> found.path, len(found.classes)
        ('examples/chelsea.jpg', 3)
    """
    listed = list_pictures(paths)
    vgg = _network(params)
    classes, side = vgg.architecture.classifier[-1].outputs, vgg.architecture.input_size
    if not 1 <= top <= classes:
        raise UsageError(f"top must be from 1 to {classes}, not {top}")
    if not (resizing.is_square and resizing.size == side):
        raise UsageError(f"resizing must give pictures of size {side}, by crop or squash, not {resizing}")
    return _classified(vgg, listed, top, resizing)


def _network(source: Params | HasParams | AnyPath | None) -> VGG:
    """Return a network with the classifier."""
    from myvgg.loading import load_params
    from myvgg.network import check_layers
    from myvgg.vgg19 import VGG

    if source is None or isinstance(source, str | os.PathLike):
        params = load_params(source, include_top=True)
    else:
        params = params_of(source)
    check_layers(params.architecture, params.layers, params.architecture.classifier[-1].name)
    return source if isinstance(source, VGG) else VGG(params)


def _classified(vgg: VGG, paths: Sequence[str], top: int, resizing: Resizing) -> Iterator[Classification]:
    for picture in prefetch(paths, resizing):
        if picture.image is None:
            yield Classification(picture.path, (), picture.error)
        else:
            (best,) = vgg.top(picture.image, k=top)
            yield Classification(picture.path, tuple(best))
