"""The records that parameters consist of, and the errors of weights files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from myvgg.architecture import MEAN
from myvgg.runtime.errors import one_line


class WeightsError(ValueError):
    """A weights file that cannot be used; the message names the file and everything that is wrong with it.

    Attributes:
        path: The file, or a word for the source of the arrays.
        problems: A sentence for each problem.
    """

    def __init__(self, path: str | os.PathLike[str], problems: str | Iterable[str]) -> None:
        self.path = os.fspath(path)
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__(f"{one_line(self.path)}: {'; '.join(self.problems)}")

    def __reduce__(self) -> tuple[type[WeightsError], tuple[str, tuple[str, ...]]]:
        return type(self), (self.path, self.problems)


class WeightsWarning(UserWarning):
    """Other weights are used in place of the exact ones, or weights of a file are zero."""


class LayerParams(NamedTuple):
    """Kernel and bias of one layer, float32.

    Attributes:
        kernel: Of a convolution, (3, 3, inputs, outputs); of a dense layer, (inputs, outputs).
        bias: (outputs,).
    """

    kernel: np.ndarray
    bias: np.ndarray

    def __repr__(self) -> str:
        return f"LayerParams(kernel {' x '.join(map(str, self.kernel.shape))}, bias {self.bias.shape[0]})"


class Preprocessing(NamedTuple):
    """The way from a picture, R, G, B, 0 to 255, to the input of a network: (picture - mean) / scale.

    Attributes:
        channels: Order of the input's channels, `bgr` or `rgb`.
        mean: One number for each channel, in that order, 0 to 255.
        scale: One divisor for each channel, in that order.
    """

    channels: Literal["bgr", "rgb"]
    mean: tuple[float, float, float]
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)


CAFFE = Preprocessing("bgr", MEAN)
"""Preprocessing of the authors' own weights, in the files of Caffe, MatConvNet and Keras."""

TORCHVISION = Preprocessing("rgb", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
"""Preprocessing of torchvision's weights: mean and standard deviation of ImageNet; torchvision has them over 255."""


@dataclass(frozen=True)
class Origin:
    """The source of parameters.

    Attributes:
        file: Name of the file that was converted, without its folder.
        sha256: SHA-256 of that file, in hexadecimal.
        generation: Kind of that file, such as "MatConvNet beta11 to beta16".
        notes: Changes on the way, such as a conversion from float64.
        trained: Whether the values were trained; False for random ones.
        license: Makers of the values, and the terms under which they may be passed on; empty if unknown.
    """

    file: str = ""
    sha256: str = ""
    generation: str = ""
    notes: tuple[str, ...] = ()
    trained: bool = True
    license: str = ""

    def changed(self, note: str) -> Origin:
        """Return the origin of values that were made of these: they are those of the file no more.

        Args:
            note: What was changed.
        """
        source = ", ".join(filter(None, [self.generation, self.file, self.sha256]))
        notes = self.notes if self.generation == CHANGED else (*self.notes, *([f"made of {source}"] if source else []))
        return replace(self, file="", sha256="", generation=CHANGED, notes=tuple(dict.fromkeys((*notes, note))))


CHANGED = "changed after loading"
"""The generation of values that were trained or drawn after the file was read."""
