"""What can be said of the network to the command lines around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from myvgg.architecture import ARCHITECTURES, Architecture
from myvgg.command import muted

if TYPE_CHECKING:
    from myvgg.params import Params


@dataclass(frozen=True, kw_only=True)
class NetworkArguments:
    """Which network, and where its weights are."""

    weights: str = "auto"
    """A weights file, random, or auto: those of MYVGG_WEIGHTS, the checkout, the cache, or a download."""

    architecture: Literal["vgg19", "vgg16"] = "vgg19"
    """The network."""

    @property
    def network(self) -> Architecture:
        """The network's layers."""
        return ARCHITECTURES[self.architecture]

    def load(self, *, include_top: bool) -> Params:
        """Load the weights, with the dense layers or without.

        Raises:
            WeightsError: There are none that can be used.
        """
        with muted():
            from myvgg import store
            from myvgg.random_weights import load_random
        if self.weights == "random":
            return load_random(self.network)
        source = None if self.weights == "auto" else self.weights
        return store.load(source, include_top=include_top, architecture=self.network)
