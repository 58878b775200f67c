"""The 1000 classes of ILSVRC-2012 in the order of VGG19's output, and the most probable classes of a prediction."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np


class ImageNetClass(NamedTuple):
    """A class of ImageNet.

    Attributes:
        wnid: WordNet id, such as `n01440764`, which is unique.
        name: Short name with underscores for spaces, such as `great_white_shark`. Two names occur twice.
    """

    wnid: str
    name: str


@cache
def imagenet_classes() -> tuple[ImageNetClass, ...]:
    """Return the 1000 classes in the order of Keras, Caffe and MatConvNet.

    Example:
        >>> imagenet_classes()[2]
        ImageNetClass(wnid='n01484850', name='great_white_shark')
    """
    text = (importlib.resources.files("myvgg") / "imagenet_classes.txt").read_text(encoding="ascii")
    return tuple(ImageNetClass(*line.split()) for line in text.splitlines())


def imagenet_labels() -> tuple[str, ...]:
    """Return the names of the 1000 classes in the order of `imagenet_classes`.

    Example:
        >>> imagenet_labels()[:3]
        ('tench', 'goldfish', 'great_white_shark')
    """
    return tuple(one.name for one in imagenet_classes())


def top(probabilities: np.ndarray, labels: Sequence[str], *, k: int = 5) -> list[tuple[str, float]]:
    """Return the `k` most probable classes of one picture, the most probable first.

    Of classes with equal probabilities, the earlier one comes first.

    Args:
        probabilities: One row of `prob` or `fc8`.
        labels: A name for each entry of the row.
        k: Number of classes, from 1 to all.

    Returns:
        Names with their probabilities.

    Raises:
        ValueError: More than one row, another number of labels, or a `k` out of range.

    Example:
        >>> top(np.array([0.25, 0.75]), ["cat", "dog"], k=1)
        [('dog', 0.75)]
    """
    if probabilities.ndim != 1:
        raise ValueError(f"probabilities must be one row, not an array of shape {probabilities.shape}")
    if len(labels) != probabilities.size:
        raise ValueError(f"labels must be {probabilities.size} names, one for each probability, not {len(labels)}")
    if not 1 <= k <= probabilities.size:
        raise ValueError(f"k must be from 1 to {probabilities.size}, not {k}")
    best = np.argsort(-probabilities, kind="stable")[:k]
    return [(labels[index], float(probabilities[index])) for index in best]
