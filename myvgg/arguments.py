"""What can be said of the network to the command lines around it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from myvgg.architecture import ARCHITECTURES, CONFIGURATION_E, Architecture
from myvgg.command import muted

if TYPE_CHECKING:
    from myvgg.params import Params


BUNDLED_NOTE = (
    "weights: VGG19 in 8 bits, which comes with myvgg; "
    "'python scripts/convert_weights.py --download' gets the exact weights, 80 MB"
)


@dataclass(frozen=True, kw_only=True)
class NetworkArguments:
    """Which network, and where its weights are."""

    weights: str = "auto"
    """A weights file, bundled, random, or auto: the first that is found; weights/README.md has the order."""

    architecture: Literal["vgg19", "vgg16"] = "vgg19"
    """The network."""

    @property
    def network(self) -> Architecture:
        """The network's layers."""
        return ARCHITECTURES[self.architecture]

    def load(self, *, include_top: bool, bundled_first: bool = False) -> Params:
        """Load the weights, with the dense layers or without; `bundled_first` as in `myvgg.loading`.

        Raises:
            WeightsError: There are none that can be used.
        """
        return load_weights(
            self.weights, include_top=include_top, architecture=self.network, bundled_first=bundled_first
        )


def load_weights(
    source: str, *, include_top: bool, architecture: Architecture = CONFIGURATION_E, bundled_first: bool
) -> Params:
    """Load weights for a command line, and say so where `auto` took the bundled ones without a try to do better.

    Raises:
        WeightsError: There are none that can be used.
    """
    with muted():
        import tensorflow as tf  # noqa: F401  # it greets when it is imported

        from myvgg.loading import load_params
    from myvgg import store
    from myvgg.params import ROUNDED

    params = load_params(source, include_top=include_top, architecture=architecture, bundled_first=bundled_first)
    if (
        source == store.AUTO
        and bundled_first
        and ROUNDED in params.origin.notes
        and store.find(architecture=architecture) is None
    ):
        print(BUNDLED_NOTE, file=sys.stderr)
    return params
