"""Units of a network: one channel of a tensor, or one class, and the picture size that they are looked at in."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf
from jaxtyping import Float32

from myvgg.architecture import CONFIGURATION_E, Architecture
from myvgg.labels import imagenet_labels
from myvgg.loading import given_or_found
from myvgg.network import check_layers, features
from myvgg.params import HasParams, Params
from myvgg.preprocessing import preprocess


class Unit(NamedTuple):
    """A channel of a tensor.

    Attributes:
        layer: Name of the tensor.
        channel: From 0; of the class scores, the number of a class.
    """

    layer: str
    channel: int


def network_of(params: Params | HasParams | None, *layers: str) -> Params:
    """Return parameters as arrays.

    Args:
        params: The network's parameters, or a `VGG19` or `VGG16`. None takes the first file that is found, or else the
            bundled weights; for a dense layer, a file with the classifier. Where no layer is named, the classifier is
            taken if the file has it.
        layers: The layers that the parameters must have.

    Raises:
        ValueError: An unknown layer, or one that the parameters do not have.
        WeightsError: No weights can be used.

    Example:
        >>> from myvgg.microscope.units import network_of
        >>> network_of(None, "relu4_1").include_top
        False
    """
    include_top = None
    if params is None and layers:
        include_top = any(is_dense(CONFIGURATION_E, layer) for layer in layers)
    found = given_or_found(params, include_top=include_top)
    for layer in layers:
        check_layers(found.architecture, found.layers, found.architecture.resolve(layer))
    return found


def is_dense(architecture: Architecture, layer: str) -> bool:
    """Tell whether a tensor is one of the classifier, which needs pictures of one size.

    Raises:
        ValueError: An unknown layer.
    """
    return architecture.resolve(layer) not in architecture.layer_names(include_top=False)


def unit_of(architecture: Architecture, layer: str, channel: int) -> Unit:
    """Return a unit that the network has.

    Raises:
        ValueError: An unknown layer, or a channel out of range; the message tells how many there are.

    Example:
        >>> import myvgg
        >>> from myvgg.microscope.units import unit_of
        >>> unit_of(myvgg.CONFIGURATION_E, "block4_conv1", 37)
        Unit(layer='relu4_1', channel=37)
    """
    name = architecture.resolve(layer)
    channels = architecture.activations[name].channels
    if not 0 <= channel < channels:
        raise ValueError(
            f"channel must be from 0 to {channels - 1}, since {name} has {channels} channels, not {channel}"
        )
    return Unit(name, channel)


def unrectified(architecture: Architecture, layer: str) -> str:
    """Return the last convolution or dense layer that a tensor is computed with.

    Below zero, a rectified channel has no gradient; this one has.

    Example:
        >>> import myvgg
        >>> from myvgg.microscope.units import unrectified
        >>> [unrectified(myvgg.CONFIGURATION_E, name) for name in ("relu4_1", "pool5", "prob")]
        ['conv4_1', 'conv5_4', 'fc8']
    """
    return architecture.needed(layer)[-1].name


def label_of(params: Params, unit: Unit) -> str:
    """Return the name of a unit's class; empty for a unit that is no class, or a class without a name."""
    architecture = params.architecture
    last = architecture.classifier[-1]
    if unit.layer not in (last.name, "prob"):
        return ""
    labels = params.labels or (imagenet_labels() if last.outputs == len(imagenet_labels()) else ())
    return labels[unit.channel] if labels else ""


def mean_response(network: Params, picture: Float32[tf.Tensor, "height width 3"], unit: Unit) -> Float32[tf.Tensor, ""]:
    """Compute a unit's response to a picture: the mean over positions, or the number of a dense layer.

    Args:
        network: The parameters.
        picture: R, G, B, 0 to 255.
        unit: The unit.
    """
    x = preprocess(picture[tf.newaxis], like=network.preprocessing)
    return tf.reduce_mean(features(network, x, [unit.layer])[unit.layer][..., unit.channel])
