"""Parameters by the name of their source: a file, `auto`, `bundled` or `random`."""

from __future__ import annotations

import os
from pathlib import Path

from myvgg import store
from myvgg.architecture import CONFIGURATION_E, Architecture
from myvgg.params import Params, WeightsError

RANDOM = "random"
"""Names seeded random weights, in place of a path."""

NAMES = (store.AUTO, store.BUNDLED, RANDOM)
"""All names of sources."""


def load_params(
    source: str | os.PathLike[str] | None = None,
    *,
    include_top: bool | None = None,
    architecture: Architecture = CONFIGURATION_E,
    bundled_first: bool = False,
) -> Params:
    """Load the parameters that a source names.

    Args:
        source: A file of any supported format; `bundled`, VGG19's convolutions in 8 bits, which come with the package;
            `random`, seeded weights for teaching and tests; None or `auto` for the first that there is, see
            `myvgg.store`. `MYVGG_WEIGHTS` may have any of these names, too.
        include_top: True where the dense layers are needed, False to leave them, None for what the file has.
        architecture: The network.
        bundled_first: Where `auto` finds no file: take the bundled weights at once, or only after a failed download.

    Raises:
        WeightsError: A file that cannot be used, or nothing found; says what to do.
        ValueError: Random weights, and a classifier is needed.
    """
    if source in (None, store.AUTO):
        named = os.environ.get("MYVGG_WEIGHTS")
        source = RANDOM if named == RANDOM else None
    if source != RANDOM:
        _check_spelling(source)
        return store.load(source, include_top=include_top, architecture=architecture, bundled_first=bundled_first)
    if include_top:
        raise ValueError("random weights have no classifier, which is needed here: name a file that has one")
    from myvgg.random_weights import load_random

    return load_random(architecture)


def _check_spelling(source: str | os.PathLike[str] | None) -> None:
    """Raise for a single word that is no file and no name; whoever reads files says what is wrong with a path.

    Raises:
        WeightsError: Lists the names.
    """
    if source is None or source in NAMES:
        return
    path = Path(source)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return
    raise WeightsError(source, f"there is no such file, and the names of weights are {', '.join(NAMES)}")
