"""Evidence of a response: the places of a photograph that a class or a channel answers to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
from jaxtyping import Float32

from myvgg import kernels
from myvgg.extractor import Extractor
from myvgg.images import Picture, Resizing, as_picture
from myvgg.microscope.strips import join
from myvgg.microscope.units import Unit, is_dense, label_of, mean_response, network_of, unit_of
from myvgg.network import lean_gradients
from myvgg.params import HasParams, Params
from myvgg.preprocessing import deprocess
from myvgg.runtime.watching import Watch, unwatched
from myvgg.visualization import brightest, coloured

SIZE = 224
"""Longest side of a photograph in pixels, unless told; dense layers need another one."""

PATCHES = 8
"""Longest side of a photograph over the side of a patch, unless told."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Places of a photograph that a unit answers to.

    Attributes:
        layer: Name of the tensor.
        channel: Number of its channel, from 0; of the class scores, the number of a class.
        label: Name of the class; empty where there is none.
        response: The unit's response to the photograph: the mean over positions, or the class score.
        picture: The photograph as the network saw it, R, G, B, 0 to 255.
        map: A number for each pixel; what it is tells the function that made it.
    """

    layer: str
    channel: int
    label: str
    response: float
    picture: Picture = field(repr=False)
    map: Float32[np.ndarray, "height width"] = field(repr=False)

    @property
    def unit(self) -> str:
        """The unit in words, such as `relu5_4, channel 37` or `fc8, class 281 (tabby)`."""
        name = f" ({self.label})" * bool(self.label)
        return f"{self.layer}, {'class' if self.layer in ('fc8', 'prob') else 'channel'} {self.channel}{name}"

    def draw(self) -> Float32[np.ndarray, "height width 3"]:
        """Draw the photograph and the map beside it, dark where the map is zero or less.

        Returns:
            R, G, B, 0 to 255.
        """
        return join([self.picture, coloured(self.map, 0.0, brightest(self.map, 0.0))])


def occlusion_map(
    picture: Any,
    params: Params | HasParams | None = None,
    *,
    layer: str | None = None,
    channel: int | None = None,
    size: int | None = None,
    patch: int | None = None,
    stride: int | None = None,
    watch: Watch = unwatched,
) -> Evidence:
    """Slide a grey patch over a photograph, and map how far a response drops.

    The map is, for each pixel, the mean drop over all patches that cover it. The grey is the mean colour of the
    weights' training pictures.

    Args:
        picture: A path, a picture of Pillow's, or an array as `myvgg.images.as_picture` takes it.
        params: The network's parameters, or a `VGG19` or `VGG16`. None takes the first file that is found, or else the
            bundled weights.
        layer: Any tensor. By default the class scores `fc8`, and without the classifier the last rectified convolution.
        channel: Number of the channel or class, from 0. By default the one with the greatest response.
        size: Longest side of the photograph in pixels, by default 224. Dense layers take the square in the middle.
        patch: Side of the patch in pixels; by default an eighth of the photograph's longest side.
        stride: Pixels from one place of the patch to the next, at most the patch; by default half of it.
        watch: A function of the patches and their number that passes them on, such as a progress bar; where it stops,
            places that no patch has covered count as zero.

    Returns:
        The map with the unit that it explains.

    Raises:
        ValueError: An unknown layer, a channel out of range, a number below 1, a stride above the patch, a picture too
            small for the layer.
        ImageError: The picture cannot be read.
        WeightsError: No weights can be used.

    Reference:
        Zeiler and Fergus (2014), "Visualizing and Understanding Convolutional Networks", on occlusion sensitivity.

    Example:
        >>> import myvgg
        >>> vgg = myvgg.VGG19.load("bundled")
        >>> myvgg.microscope.occlusion_map("examples/coffee.jpg", vgg, layer="relu3_1", channel=5, size=32).map.shape
        (24, 32)
    """
    network, seen, layer = _prepared(picture, params, layer, size)
    patch = max(1, max(seen.shape[:2]) // PATCHES) if patch is None else patch
    stride = max(1, patch // 2) if stride is None else stride
    if min(patch, stride) < 1:
        raise ValueError("patch and stride must be at least 1")
    if stride > patch:
        raise ValueError(f"stride must be at most {patch}, the patch, so that no pixel is left out, not {stride}")
    extractor = Extractor(network, [layer], reduce="mean")
    unit, response = _chosen(network, layer, channel, extractor(seen)[layer][0].numpy())
    grey = deprocess(tf.zeros([1, 1, 3]), like=network.preprocessing).numpy().clip(0, 255)
    places = _places(seen, patch, stride)

    def drops() -> Iterator[tuple[tuple[slice, slice], float]]:
        for place in places:
            covered = seen.copy()
            covered[place] = grey
            yield place, response - float(extractor(covered)[layer][0, unit.channel])

    total, count = np.zeros(seen.shape[:2]), np.zeros(seen.shape[:2])
    for place, drop in watch(drops(), len(places)):
        total[place] += drop
        count[place] += 1
    return Evidence(*unit, label_of(network, unit), response, seen, (total / np.maximum(count, 1)).astype(np.float32))


def gradient_map(
    picture: Any,
    params: Params | HasParams | None = None,
    *,
    layer: str | None = None,
    channel: int | None = None,
    size: int | None = None,
) -> Evidence:
    """Map how strongly a response depends on each pixel: the largest absolute derivative by its three colours.

    Args:
        picture: A path, a picture of Pillow's, or an array as `myvgg.images.as_picture` takes it.
        params: See `occlusion_map`.
        layer: See `occlusion_map`.
        channel: See `occlusion_map`.
        size: See `occlusion_map`.

    Returns:
        The map with the unit that it explains.

    Raises:
        ValueError: An unknown layer, a channel out of range, a size below 1, a picture too small for the layer.
        ImageError: The picture cannot be read.
        WeightsError: No weights can be used.

    Reference:
        Simonyan, Vedaldi and Zisserman (2013), "Deep Inside Convolutional Networks: Visualising Image Classification
        Models and Saliency Maps", on image-specific class saliency.

    Example:
        >>> import myvgg
        >>> vgg = myvgg.VGG19.load("bundled")
        >>> myvgg.microscope.gradient_map("examples/coffee.jpg", vgg, layer="relu3_1", channel=5, size=32).unit
        'relu3_1, channel 5'
    """
    network, seen, layer = _prepared(picture, params, layer, size)
    responses = Extractor(network, [layer], reduce="mean")(seen)[layer][0].numpy()
    unit, response = _chosen(network, layer, channel, responses)

    def gradient(image: tf.Tensor) -> tf.Tensor:
        with lean_gradients():
            return tf.gradients(mean_response(network, image, unit), image)[0]

    slope = kernels.uninterrupted_graph(gradient)(tf.constant(seen)).numpy()
    return Evidence(*unit, label_of(network, unit), response, seen, np.abs(slope).max(axis=-1))


def _prepared(
    picture: Any, params: Params | HasParams | None, layer: str | None, size: int | None
) -> tuple[Params, Picture, str]:
    """Return the network, the picture at the size that it is seen in, and the layer.

    Raises:
        ValueError: A layer or a size that does not fit.
    """
    network = network_of(params, *([layer] if layer else []))
    architecture = network.architecture
    last_map = architecture.layer_names(include_top=False)[-2]
    name = architecture.resolve(layer or (architecture.classifier[-1].name if network.include_top else last_map))
    dense = is_dense(architecture, name)
    size = size if size is not None else architecture.input_size if dense else SIZE
    seen = Resizing(size, "crop" if dense else "longest")(as_picture(picture)).astype(np.float32)
    architecture.shape(name, *seen.shape[:2])
    return network, seen, name


def _chosen(network: Params, layer: str, channel: int | None, responses: np.ndarray) -> tuple[Unit, float]:
    """Return the unit that is named, or else the one with the greatest response, and its response."""
    unit = unit_of(network.architecture, layer, int(responses.argmax()) if channel is None else channel)
    return unit, float(responses[unit.channel])


def _places(picture: Picture, patch: int, stride: int) -> list[tuple[slice, slice]]:
    """Return all places of a patch, which cover the picture; the last ones end at its borders."""
    starts = [sorted({*range(0, max(1, side - patch + 1), stride), max(0, side - patch)}) for side in picture.shape[:2]]
    return [(slice(y, y + patch), slice(x, x + patch)) for y in starts[0] for x in starts[1]]
