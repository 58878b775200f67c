"""The perceptual distance as a loss of Keras, saved and loaded with models."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import keras
import numpy as np
import tensorflow as tf

from myvgg.keras_layers import check_backend
from myvgg.params import HasParams, Params, WeightsError, params_of
from myvgg.perceptual import LAYERS, PerceptualDistance
from myvgg.preprocessing import asserted, check_type

_LIVE: WeakValueDictionary[int, PerceptualDistance] = WeakValueDictionary()
"""The distances of this process, by the checksum of their weights and layers."""


@keras.saving.register_keras_serializable("myvgg")
class PerceptualLoss(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
    """The perceptual distance as a loss for `model.compile`; see `perceptual_distance`.

    Models predict pictures, R, G, B, 0 to 255. In `fit`, the numbers of the targets are checked. Saved models
    hold the name of the weights and a checksum, not the weights: they are looked for again when the loss is first
    computed.

    Example:
        >>> import myvgg, numpy as np
        >>> loss = myvgg.PerceptualLoss("bundled", layers=["relu1_2"])
        >>> float(loss(np.zeros((1, 16, 16, 3)), np.zeros((1, 16, 16, 3))))
        0.0
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | None = None,
        *,
        layers: Sequence[str] = LAYERS,
        params: Params | HasParams | None = None,
        checksum: int | None = None,
        **options: Any,
    ) -> None:
        """Make the loss; weights are read at the first use.

        Args:
            source: As in `VGG19.load`: a file, `bundled`, or None for the first that is found.
            layers: Tensors or Keras' names, of maps.
            params: Parameters or a network in place of `source`, which are copied. A model that is loaded in another
                process finds them only if `source` names a file of them.
            checksum: The checksum of the weights of a saved model, which those that are found must have.
            **options: Keras' own: `name`, `reduction`, `dtype`.

        Raises:
            ValueError: An unknown layer, or another backend of Keras than TensorFlow.
        """
        check_backend()
        super().__init__(**{"name": "perceptual_loss", **options})
        self._source = None if source is None else os.fspath(source)
        self._layers = list(layers)
        self._checksum = checksum
        self._distance = None if params is None else self._bound(params_of(params))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Compute the loss; Keras' own call, which makes floating point of pictures of any type, after their check.

        Raises:
            ValueError: As `perceptual_distance`.
        """
        for images in (y_true, y_pred):
            if hasattr(images, "dtype"):
                check_type(images.dtype)
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> tf.Tensor:
        """Compute the distance of each pair.

        Raises:
            InvalidArgumentError: In graphs, `y_true` has numbers below -0.5 or above 300, or NaN.
        """
        if self._distance is None:
            self._distance = self._found()
        if not tf.executing_eagerly():
            y_true = asserted(tf.cast(y_true, tf.float32))
        return self._distance(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        """Return the configuration from which a saved model makes the loss again."""
        own = {"source": self._source, "layers": self._layers, "checksum": self._checksum}
        return {**super().get_config(), **own}

    def _found(self) -> PerceptualDistance:
        from myvgg.loading import load_params

        expected = self._checksum
        if expected is not None and (distance := _LIVE.get(expected)):
            return distance
        with tf.init_scope():
            distance = self._bound(load_params(self._source, include_top=False))
        if expected not in (None, self._checksum):
            raise WeightsError(
                self._source or "auto",
                "these are not the weights that the model was trained with: load it with compile=False, and compile it "
                "with myvgg.PerceptualLoss of those weights",
            )
        return distance

    def _bound(self, params: Params) -> PerceptualDistance:
        distance = PerceptualDistance(layers=self._layers, params=params)
        self._checksum = zlib.crc32(repr(self._layers).encode())
        for layer in distance.bound_params.layers.values():
            for part in layer:
                self._checksum = zlib.crc32(np.asarray(part).tobytes(), self._checksum)
        _LIVE[self._checksum] = distance
        return distance
