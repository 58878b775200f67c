"""Options about the network, which several commands share, and the loading of its weights."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from myvgg.architecture import ARCHITECTURES, CONFIGURATION_E, Architecture
from myvgg.cli.options import Option
from myvgg.cli.program import start_tensorflow

if TYPE_CHECKING:
    from myvgg.params import Params


BUNDLED_NOTE = (
    "weights: VGG19 in 8 bits, which comes with myvgg; 'myvgg convert --download' gets the exact weights, 80 MB"
)


@dataclass(frozen=True, kw_only=True)
class NetworkArguments:
    """Options about the network and its weights."""

    weights: Annotated[str, Option(metavar="FILE")] = "auto"
    """Weights file, or bundled, random, or auto: the first that is found of MYVGG_WEIGHTS, the checkout's, and those in
    the cache. Without any of them, pictures of features take the bundled ones, and other commands a download."""

    architecture: Literal["vgg19", "vgg16"] = "vgg19"
    """The network."""

    @property
    def network(self) -> Architecture:
        """The layers of the network."""
        return ARCHITECTURES[self.architecture]

    def load(self, *, include_top: bool | None, bundled_first: bool = False) -> Params:
        """Load the weights.

        Args:
            include_top: Load the dense layers, too; None loads them where the file has them.
            bundled_first: Let `auto` take the bundled weights before a download.

        Raises:
            WeightsError: No weights can be used.
        """
        return load_weights(
            self.weights, include_top=include_top, architecture=self.network, bundled_first=bundled_first
        )


def load_weights(
    source: str, *, include_top: bool | None, architecture: Architecture = CONFIGURATION_E, bundled_first: bool
) -> Params:
    """Load weights, and print a note if `auto` takes the bundled weights.

    Args:
        source: A file, `auto`, `bundled` or `random`.
        include_top: Load the dense layers, too; None loads them where the file has them.
        architecture: The network.
        bundled_first: Let `auto` take the bundled weights before a download.

    Raises:
        WeightsError: No weights can be used.
    """
    start_tensorflow()
    from myvgg import store
    from myvgg.loading import load_params
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
