"""Parameters by the name of their source: a file, `auto`, `bundled` or `random`."""

from __future__ import annotations

import os
from pathlib import Path

from myvgg import store
from myvgg.architecture import CONFIGURATION_E, Architecture
from myvgg.params import HasParams, Params, WeightsError, params_of

RANDOM = "random"
"""Name of seeded random weights, in place of a path."""

NAMES = (store.AUTO, store.BUNDLED, RANDOM)
"""All names of sources that are no path."""


def load_params(
    source: str | os.PathLike[str] | None = None,
    *,
    include_top: bool | None = None,
    architecture: Architecture = CONFIGURATION_E,
    bundled_first: bool = False,
) -> Params:
    """Load the parameters of a source.

    Args:
        source: A file of any supported format; `bundled`, VGG19's convolutions in 8 bits, which come with the package;
            `random`, seeded weights for teaching and tests; None or `auto`, the first source that exists, see
            `myvgg.store`. The environment variable `MYVGG_WEIGHTS` accepts the same names.
        include_top: True requires the dense layers, False leaves them out, None takes the layers of the file.
        architecture: The network.
        bundled_first: Where `auto` finds no file, take the bundled weights at once. Otherwise they are taken after a
            failed download.

    Raises:
        WeightsError: A file that cannot be used, or no file; the message tells what helps.
        ValueError: Random weights, which have no classifier, where one is required.

    Example:
        >>> load_params("bundled").origin.trained
        True
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


def given_or_found(params: Params | HasParams | None, *, include_top: bool | None = False) -> Params:
    """Return parameters that are given as arrays, or else those that are found on this machine.

    Args:
        params: The parameters, or a network such as `VGG19`. None takes the first file that is found. Where there is
            none, it takes the bundled weights, or downloads a file if `include_top` is true.
        include_top: See `load_params`; it does not change what is given.

    Raises:
        ValueError: An object that has no parameters.
        WeightsError: No weights can be used.

    Example:
        >>> import myvgg
        >>> given_or_found(myvgg.VGG19.load("bundled")).include_top
        False
    """
    if params is not None:
        return params_of(params)
    return load_params(include_top=include_top, bundled_first=not include_top)


def _check_spelling(source: str | os.PathLike[str] | None) -> None:
    """Raise for a single word that is neither a file nor a name; reading tells the problem of a path.

    Raises:
        WeightsError: The message lists the names.
    """
    if source is None or source in NAMES:
        return
    path = Path(source)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return
    raise WeightsError(source, f"there is no such file, and the names of weights are {', '.join(NAMES)}")
