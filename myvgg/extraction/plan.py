"""What is to be extracted, in words that are stored with the result, so that nothing else is taken for it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from myvgg.extraction.decoding import Fit
from myvgg.params import Params

if TYPE_CHECKING:
    from myvgg.extractor import Extractor, Summary
    from myvgg.precision import Precision

BATCH = 32
"""Pictures of one size that are computed at a time, at most; fewer where they are large."""

BATCH_PIXELS = 32 * 224 * 224


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
        weights: What kind of file the weights are of, and its SHA-256.
    """

    layers: tuple[str, ...]
    summary: Summary
    size: int
    fit: Fit
    precision: Precision
    pooling: str
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
            pooling=self.pooling,  # type: ignore[arg-type]
            precision=self.precision,
            summary=self.summary,
        )

    @property
    def is_fixed(self) -> bool:
        """Whether every picture gives arrays of the same shape."""
        return self.fit in ("crop", "squash") or self.summary != "none"


def weights_of(params: Params) -> str:
    """Say which weights they are."""
    return f"{params.architecture.name}, {params.origin.generation}, {params.origin.sha256}"
