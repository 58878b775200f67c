"""Parameters by the name of their source: a file, `auto`, `bundled` or `random`."""

from __future__ import annotations

import os

from myvgg import store
from myvgg.architecture import CONFIGURATION_E, Architecture
from myvgg.params import Params

AUTO, RANDOM = "auto", "random"


def load_params(
    source: str | os.PathLike[str] | None = None,
    *,
    include_top: bool | None = None,
    architecture: Architecture = CONFIGURATION_E,
    exact: bool = True,
) -> Params:
    """Load the parameters that a source names.

    Args:
        source: A file of any supported format; `bundled`, VGG19's convolutions in 8 bits, which come with the package;
            `random`, seeded weights for teaching and tests; None or `auto` for the first that there is, see
            `myvgg.store`. `MYVGG_WEIGHTS` may have any of these names, too.
        include_top: True where the dense layers are needed, False to leave them, None for what the file has.
        architecture: The network.
        exact: Where `auto` finds no file: try a download before the bundled file, or take the latter at once.

    Raises:
        WeightsError: A file that cannot be used, or nothing found; says what to do.
        ValueError: Random weights, and a classifier is needed.
    """
    if source in (None, AUTO):
        named = os.environ.get("MYVGG_WEIGHTS")
        source = RANDOM if named == RANDOM else None
    if source != RANDOM:
        return store.load(source, include_top=include_top, architecture=architecture, exact=exact)
    if include_top:
        raise ValueError("random weights have no classifier, which include_top=True needs: name a file")
    from myvgg.random_weights import load_random

    return load_random(architecture)
