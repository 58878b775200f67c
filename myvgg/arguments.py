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
    """A weights file, bundled, random, or auto: those of MYVGG_WEIGHTS, the checkout or the cache, else a download."""

    architecture: Literal["vgg19", "vgg16"] = "vgg19"
    """The network."""

    @property
    def network(self) -> Architecture:
        """The network's layers."""
        return ARCHITECTURES[self.architecture]

    def load(self, *, include_top: bool, exact: bool = True) -> Params:
        """Load the weights, with the dense layers or without; `exact` as in `myvgg.loading`.

        Raises:
            WeightsError: There are none that can be used.
        """
        return load_weights(self.weights, include_top=include_top, architecture=self.network, exact=exact)


def load_weights(
    source: str, *, include_top: bool, architecture: Architecture = CONFIGURATION_E, exact: bool
) -> Params:
    """Load weights for a command line, and say so where `auto` took the bundled ones without a try to do better.

    Raises:
        WeightsError: There are none that can be used.
    """
    with muted():
        from myvgg.loading import AUTO, load_params
    from myvgg import store
    from myvgg.params import ROUNDED

    params = load_params(source, include_top=include_top, architecture=architecture, exact=exact)
    if (
        source == AUTO
        and not exact
        and ROUNDED in params.origin.notes
        and store.find(architecture=architecture) is None
    ):
        print(BUNDLED_NOTE, file=sys.stderr)
    return params
