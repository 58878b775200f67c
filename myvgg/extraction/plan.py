"""What is to be extracted, in words that are stored with the result, so that nothing else is taken for it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from myvgg.extraction.decoding import Fit
from myvgg.params import Params

if TYPE_CHECKING:
    from myvgg.extractor import Extractor, Summary
    from myvgg.precision import Precision
    from myvgg.vgg19 import Pooling

BATCH = 32
"""Pictures of one size that are computed at a time, at most; fewer where they are large."""

BATCH_PIXELS = 32 * 224 * 224
"""Pixels that are computed at a time, at most, unless one picture has more."""


@dataclass(frozen=True)
class Plan:
    """What is computed of each picture.

    Attributes:
        layers: Names of tensors.
        summary: What is made of maps.
        size: In pixels; see `decoding.fitted`.
        fit: How pictures are brought to it.
        precision: What convolutions compute in.
        pooling: `max` or `avg`.
        weights: See `weights_of`.
    """

    layers: tuple[str, ...]
    summary: Summary
    size: int
    fit: Fit
    precision: Precision
    pooling: Pooling
    weights: str

    def described(self) -> str:
        """Return it as JSON, to be stored and compared."""
        return json.dumps(asdict(self), sort_keys=True)

    def difference(self, stored: str) -> str:
        """Say in what a stored description differs; empty if in nothing."""
        try:
            theirs: dict[str, Any] = json.loads(stored)
        except ValueError:
            return "it was not made by this program"
        ours = json.loads(self.described())
        pairs = [
            f"{name} {theirs.get(name)} in place of {ours[name]}" for name in ours if theirs.get(name) != ours[name]
        ]
        return ", ".join(pairs)

    def extractor(self, params: Params) -> Extractor:
        """Bind it to the network.

        Raises:
            ValueError: A layer that there is not.
        """
        from myvgg.extractor import Extractor

        return Extractor(
            params,
            self.layers,
            pooling=self.pooling,
            precision=self.precision,
            summary=self.summary,
        )


def weights_of(params: Params) -> str:
    """Name the weights by what they are, wherever they came from: the network, and the SHA-256 of all numbers."""
    digest = hashlib.sha256()
    for layer in params.layers.values():
        for part in layer:
            digest.update(np.ascontiguousarray(part).data)
    return f"{params.architecture.name} {digest.hexdigest()[:16]}, {params.preprocessing.channels}"
