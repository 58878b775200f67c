"""Everything that can be set about a style transfer, in one record."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from myvgg.architecture import CONFIGURATION_E


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a style transfer; `--help` shows the sentences below.

    Raises:
        ValueError: A value out of its range; names it and what is allowed.
    """

    size: int = 512
    """Longest side of the result, in pixels."""

    iterations: int = 200
    """Steps of Adam."""

    seed: int = 0
    """Of the noise; the same seed gives the same picture."""

    content_weight: float = 1.0
    """Weight of the content loss."""

    style_weight: float = 100.0
    """Weight of the style loss."""

    tv_weight: float = 1.0
    """Weight of the total variation, which smooths."""

    learning_rate: float = 5.0
    """Length of Adam's first steps, in levels of 0 to 255."""

    noise: float = 0.4
    """Share of uniform noise in the first image; the rest is the content."""

    content_layers: tuple[str, ...] = ("relu4_2",)
    """Layers whose features hold the content."""

    style_layers: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    """Layers whose Gram matrices hold the style."""

    pooling: Literal["max", "avg"] = "max"
    """Pooling of the network: max, as it was trained, or avg, as Gatys et al. preferred."""

    def __post_init__(self) -> None:
        for name, smallest in {"size": 1, "iterations": 1, "seed": 0}.items():
            if not isinstance(getattr(self, name), int):
                raise ValueError(f"{name} must be a whole number, not {getattr(self, name)!r}")
            if getattr(self, name) < smallest:
                raise ValueError(f"{name} must be at least {smallest}, not {getattr(self, name)}")
        for name in ("content_weight", "style_weight", "tv_weight", "learning_rate"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a number from 0 on, not {getattr(self, name)}")
        if not 0 <= self.noise <= 1:
            raise ValueError(f"noise must be from 0 to 1, not {self.noise}")
        if self.pooling not in ("max", "avg"):
            raise ValueError(f"pooling must be max or avg, not {self.pooling!r}")
        if not self.content_layers and not self.style_layers:
            raise ValueError("content_layers and style_layers must not both be empty")
        for name in ("content_layers", "style_layers"):
            if isinstance(getattr(self, name), str):
                raise ValueError(f"{name} must be a tuple of names, not the text {getattr(self, name)!r}")
            for layer in getattr(self, name):
                if CONFIGURATION_E.resolve(layer) not in CONFIGURATION_E.layer_names(include_top=False):
                    raise ValueError(f"{name} must be convolutions, rectifications or pools, not {layer!r}")
