"""The 1000 classes of ILSVRC-2012, in the order of VGG19's output, and the best few of a prediction."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np


class ImageNetClass(NamedTuple):
    """One class.

    Attributes:
        wnid: WordNet id, such as `n01440764`; no two classes share one.
        name: Short name with underscores for spaces, such as `great_white_shark`; two names occur twice.
    """

    wnid: str
    name: str


@cache
def imagenet_classes() -> tuple[ImageNetClass, ...]:
    """Return the 1000 classes in the order in which Keras, Caffe and MatConvNet number them."""
    text = (importlib.resources.files("myvgg") / "imagenet_classes.txt").read_text(encoding="ascii")
    return tuple(ImageNetClass(*line.split()) for line in text.splitlines())


def imagenet_labels() -> tuple[str, ...]:
    """Return the names of the 1000 classes in order."""
    return tuple(one.name for one in imagenet_classes())


def top(probabilities: np.ndarray, labels: Sequence[str], *, k: int = 5) -> list[tuple[str, float]]:
    """Return the `k` most probable classes of one picture, the best first; of equal ones the earlier class first.

    Args:
        probabilities: One row of `prob`, or of `fc8`.
        labels: A name for each of its entries.
        k: How many, from 1 to all of them.

    Raises:
        ValueError: More than one row, another number of labels, or a `k` that is out of range.
    """
    if probabilities.ndim != 1:
        raise ValueError(f"probabilities must be one row, not an array of shape {probabilities.shape}")
    if len(labels) != probabilities.size:
        raise ValueError(f"labels must be {probabilities.size} names, one for each probability, not {len(labels)}")
    if not 1 <= k <= probabilities.size:
        raise ValueError(f"k must be from 1 to {probabilities.size}, not {k}")
    best = np.argsort(-probabilities, kind="stable")[:k]
    return [(labels[index], float(probabilities[index])) for index in best]
