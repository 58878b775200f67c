"""The recipe of features: all that decides their values, as a record and as text that is stored with them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from myvgg.images import Resizing
from myvgg.params import Params

if TYPE_CHECKING:
    from myvgg.extractor import Extractor, Reduction
    from myvgg.network import Pooling
    from myvgg.precision import Precision

FORMER_NAMES = {"summary": "reduce"}
"""Names in the descriptions of earlier versions, and the present ones."""

FOREIGN = "it was not made by this program"
"""The difference to a description that is none."""


@dataclass(frozen=True)
class Recipe:
    """All that decides the features of a picture.

    A file of features keeps its recipe, so that a single picture can be computed in the same way later:
    `recipe.extractor(params)(recipe.resizing(path))`. `myvgg.extract` says when that equals the picture's row bit for
    bit.

    Attributes:
        layers: Names of tensors.
        reduce: The reduction of maps, see `myvgg.Extractor`.
        resizing: How a picture is brought to a size.
        precision: The type that convolutions compute in.
        pooling: `max` or `avg`.
        weights: The network and its parameters, as `identify_weights` names them.
    """

    layers: tuple[str, ...]
    reduce: Reduction
    resizing: Resizing
    precision: Precision
    pooling: Pooling
    weights: str

    def to_json(self) -> str:
        """Return the recipe as text, to be stored and compared."""
        values = {
            "layers": self.layers,
            "reduce": self.reduce,
            "size": self.resizing.size,
            "fit": self.resizing.how,
            "precision": self.precision,
            "pooling": self.pooling,
            "weights": self.weights,
        }
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Read the text of `to_json`, or that of an earlier version.

        Raises:
            ValueError: Other text.
        """
        values = _values(text)
        try:
            layers, size = values["layers"], values["size"]
            reduce, how, *others = (values[name] for name in ("reduce", "fit", "precision", "pooling", "weights"))
        except KeyError as error:
            raise ValueError(f"the description has no {error.args[0]}") from error
        texts = [*layers, reduce, how, *others] if isinstance(layers, list) else [None]
        if not all(isinstance(each, str) for each in texts) or type(size) is not int:
            raise ValueError("the description has values of other types")
        return cls(tuple(layers), reduce, Resizing(size, how), *others)

    def difference(self, stored: str) -> str:
        """Say how a stored recipe differs from this one; return an empty text where it does not."""
        try:
            theirs = _values(stored)
        except ValueError:
            return FOREIGN
        ours = _values(self.to_json())
        pairs = [
            f"{name} {theirs.get(name)} in place of {ours[name]}" for name in ours if theirs.get(name) != ours[name]
        ]
        return ", ".join(pairs)

    def extractor(self, params: Params) -> Extractor:
        """Return the compiled network of this recipe.

        Args:
            params: The parameters that the recipe names.

        Raises:
            ValueError: Other parameters, or a layer that they do not have.
        """
        from myvgg.extractor import Extractor

        if (given := identify_weights(params)) != self.weights:
            raise ValueError(f"params must be {self.weights}, not {given}")
        options: dict[str, Any] = {"pooling": self.pooling, "precision": self.precision, "reduce": self.reduce}
        return Extractor(params, self.layers, **options)


def identify_weights(params: Params) -> str:
    """Name parameters by their values, whatever file they came from: the network, and a hash of all numbers."""
    if params not in _IDENTITIES:
        digest = hashlib.sha256()
        for layer in params.layers.values():
            for part in layer:
                digest.update(np.ascontiguousarray(part).data)
        name = f"{params.architecture.name} {digest.hexdigest()[:16]}, {params.preprocessing.channels}"
        _IDENTITIES[params] = name
    return _IDENTITIES[params]


_IDENTITIES: WeakKeyDictionary[Params, str] = WeakKeyDictionary()
"""Names of parameters, for as long as the parameters live."""


def _values(text: str) -> dict[str, Any]:
    """Return the values of a stored recipe by their present names.

    Raises:
        ValueError: Other text.
    """
    try:
        values = json.loads(text)
    except RecursionError as error:
        raise ValueError(FOREIGN) from error
    if not isinstance(values, dict):
        raise ValueError(FOREIGN)
    return {FORMER_NAMES.get(str(name), str(name)): value for name, value in values.items()}
