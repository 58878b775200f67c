"""Layers of the network with their weights, as settings hold them and as people write them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from myvgg.architecture import CONFIGURATION_E


class Layers(Mapping[str, float]):
    """Weights by layer, written `relu1_1=256,relu2_1=64`; a name alone has the weight 1. They never change.

    Example:
        >>> from myvgg.nst.layers import Layers
        >>> Layers("relu1_1=256,relu2_1")
        {'relu1_1': 256.0, 'relu2_1': 1.0}
    """

    __slots__ = ("_weights",)
    _weights: Mapping[str, float]

    def __init__(self, layers: str | Iterable[str] | Mapping[str, float] = ()) -> None:
        """Read weights from text, names, or a mapping.

        Args:
            layers: One text, a text for each layer, or weights by layer. Keras' names are understood.

        Raises:
            ValueError: An unknown layer, a layer that is named twice, or a weight that is no number.
        """
        if isinstance(layers, Mapping):
            pairs = [(_text(name), weight) for name, weight in layers.items()]
        else:
            names = layers.split(",") if isinstance(layers, str) else [_text(layer) for layer in layers]
            split = [name.partition("=") for name in names if name.strip()]
            pairs = [(name.strip(), weight if equals else 1.0) for name, equals, weight in split]
        weights = {CONFIGURATION_E.resolve(name): _weight(name, weight) for name, weight in pairs}
        object.__setattr__(self, "_weights", MappingProxyType(weights))
        if len(self) < len(pairs):
            raise ValueError(f"a layer is named twice in {', '.join(name for name, _ in pairs)}")

    def __getitem__(self, layer: str) -> float:
        return self._weights[layer]

    def __iter__(self) -> Iterator[str]:
        return iter(self._weights)

    def __len__(self) -> int:
        return len(self._weights)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"layers never change: {name} cannot be set")

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return Layers, (dict(self),)

    def __repr__(self) -> str:
        return repr(dict(self))

    def __str__(self) -> str:
        return ",".join(f"{name}={weight:g}" for name, weight in self.items())

    @property
    def shares(self) -> dict[str, float]:
        """The layers whose weight is not 0, with weights that sum to one."""
        total = sum(self.values())
        return {name: weight / total for name, weight in self.items() if weight}


def read_layers(name: str, given: Any) -> Layers:
    """Read and check the layers of a setting.

    Args:
        name: Name of the setting, for errors.
        given: A value that `Layers` takes.

    Raises:
        ValueError: Not layers, a layer without maps, a negative weight, or weights that are all 0.
    """
    if not isinstance(given, Iterable):
        raise ValueError(f"{name}: layers are written relu1_1=16,relu2_1=8, or as a mapping, and not {given!r}")
    try:
        layers = Layers(given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error
    usable = CONFIGURATION_E.layer_names(include_top=False)
    for layer, weight in layers.items():
        if layer not in usable:
            raise ValueError(f"{name} must be convolutions, rectifications or pools, not {layer!r}")
        if not 0 <= weight < math.inf:
            raise ValueError(f"{name}: the weight of {layer} must be a number from 0 on, not {weight}")
        if weight > LARGEST_WEIGHT:
            raise ValueError(f"{name}: the weight of {layer} must be at most {LARGEST_WEIGHT:g}, not {weight}")
    if layers and not sum(layers.values()):
        raise ValueError(f"{name}: the weights are all 0")
    return layers


LARGEST_WEIGHT = 1e30
"""Largest weight, of a layer or a loss: beyond it, float32 has no number for a weighted loss."""


def _text(layer: Any) -> str:
    if not isinstance(layer, str):
        raise ValueError(f"a layer must be a text such as relu1_1=256, not {layer!r}")
    return layer


def _weight(name: Any, weight: Any) -> float:
    if isinstance(weight, bool) or (isinstance(weight, str) and "_" in weight):
        raise ValueError(f"the weight of {name} must be a number, not {weight!r}")
    try:
        return float(weight)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"weight of {name} must be a number, not {weight!r}") from error
