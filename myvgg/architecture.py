"""The VGG networks as data: layers, names, shapes, strides, receptive fields and counts.

The layers follow from one column of Table 1 in Simonyan and Zisserman, "Very Deep Convolutional Networks for
Large-Scale Image Recognition" (arXiv:1409.1556).
Convolutions are 3 x 3 with stride 1 and zero padding 1, pools are 2 x 2 with stride 2, and both are followed through
with whole numbers only, so this module needs nothing but the standard library.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

MEAN = (103.939, 116.779, 123.68)
"""B, G, R, 0 to 255, subtracted from every pixel (section 2.1); the numbers are those of the published weights."""

DROPOUT = 0.5
"""Share of fc6 and fc7 outputs dropped while training (section 3.1)."""

WEIGHT_DECAY = 5e-4
"""The multiplier of half the sum of squares of the weights while training (section 3.1)."""

PoolPadding = Literal["valid", "same"]


@dataclass(frozen=True)
class Conv:
    """A 3 x 3 convolution `conv4_2` and the rectification `relu4_2` after it."""

    name: str
    inputs: int
    outputs: int

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Height, width, inputs, outputs."""
        return (3, 3, self.inputs, self.outputs)


@dataclass(frozen=True)
class Pool:
    """A 2 x 2 pool with stride 2."""

    name: str


@dataclass(frozen=True)
class Dense:
    """A fully connected layer `fc6` and the tensor after it: `relu6`, or `prob` after the last one."""

    name: str
    inputs: int
    outputs: int

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Inputs, outputs."""
        return (self.inputs, self.outputs)


Layer = Conv | Pool | Dense


class Activation(NamedTuple):
    """One tensor that the network computes.

    Attributes:
        name: `conv1_1`, `relu1_1`, `pool1`, ..., `fc8`, `prob`.
        kind: What computes it.
        channels: Size of its last axis.
        stride: Input pixels from one position to the next.
        receptive_field: Input pixels that one position sees, along one axis; a dense layer counts as the convolution
            over the last pool that it is.
    """

    name: str
    kind: Literal["conv", "relu", "pool", "dense", "softmax"]
    channels: int
    stride: int
    receptive_field: int


class LayerInfo(NamedTuple):
    """A tensor for pictures of one size, and the cost of computing it from the one before.

    Attributes:
        name: As in `Activation`.
        kind: As in `Activation`.
        shape: Height, width and channels, or units, of one picture.
        channels: Size of its last axis.
        stride: Input pixels from one position to the next.
        receptive_field: Input pixels that one position sees, along one axis.
        parameters: Entries of kernel and bias; 0 where there are none.
        multiply_adds: Multiplications with their additions, for one picture; 0 where there is no kernel.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    channels: int
    stride: int
    receptive_field: int
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Architecture:
    """A VGG network: its layers from the picture to the class scores.

    Attributes:
        name: Short name, stored with the weights.
        layers: In the order of computation; dense layers last.
        input_size: Height and width in pixels that the dense layers were made for.
    """

    name: str
    layers: tuple[Layer, ...]
    input_size: int

    def __repr__(self) -> str:
        return f"Architecture({self.name}, {len(self.parametric)} layers, {self.input_size} x {self.input_size})"

    @cached_property
    def convolutions(self) -> tuple[Conv, ...]:
        """The convolutions in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, Conv))

    @cached_property
    def classifier(self) -> tuple[Dense, ...]:
        """The dense layers in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, Dense))

    @cached_property
    def parametric(self) -> dict[str, Conv | Dense]:
        """The layers that have a kernel and a bias, by name, in order."""
        return {layer.name: layer for layer in self.layers if not isinstance(layer, Pool)}

    @cached_property
    def activations(self) -> dict[str, Activation]:
        """Every tensor of the network by name, in the order of computation."""
        return {activation.name: activation for activation in _activations(self)}

    @cached_property
    def keras_names(self) -> dict[str, str]:
        """Keras' names by layer: `block4_conv2` for `conv4_2`, `predictions` for `fc8`."""
        dense = dict(zip((layer.name for layer in self.classifier), ("fc1", "fc2", "predictions"), strict=False))
        return {layer.name: dense.get(layer.name) or _keras_name(layer.name) for layer in self.layers}

    @cached_property
    def aliases(self) -> dict[str, str]:
        """The tensor that a Keras layer of a name puts out: `block4_conv2` is `relu4_2`, `predictions` is `prob`."""
        return {
            keras: layer if layer.startswith("pool") else rectified(layer, last=self.classifier[-1].name)
            for layer, keras in self.keras_names.items()
        }

    def layer_names(self, *, include_top: bool = True) -> tuple[str, ...]:
        """List the names of all tensors in the order of computation.

        Args:
            include_top: With the dense layers.
        """
        names = tuple(self.activations)
        return names if include_top else names[: names.index(self.classifier[0].name)]

    def resolve(self, name: str) -> str:
        """Return the tensor that a name or a Keras alias stands for.

        Raises:
            ValueError: The network has no such tensor; the message names the nearest.
        """
        if name in self.activations:
            return name
        if name in self.aliases:
            return self.aliases[name]
        near = isinstance(name, str) and difflib.get_close_matches(name, [*self.activations, *self.aliases], n=3)
        hint = (
            f"did you mean {' or '.join(near)}?" if near else f"names run from {next(iter(self.activations))} to prob"
        )
        raise ValueError(f"{self.name} has no layer {name!r}: {hint}")

    def deepest(self, names: Iterable[str]) -> str:
        """Return the tensor among `names` that is computed last."""
        order = list(self.activations)
        return max((self.resolve(name) for name in names), key=order.index)

    def needed(self, name: str) -> list[Conv | Dense]:
        """Return the layers with parameters that a tensor is computed with, in order."""
        order = list(self.activations)
        end = order.index(self.resolve(name))
        return [layer for layer in self.parametric.values() if order.index(layer.name) <= end]

    def shape(self, name: str, height: int, width: int, *, pool_padding: PoolPadding = "valid") -> tuple[int, ...]:
        """Return the shape of a tensor for one picture: (height, width, channels), or (units,) of a dense layer.

        Args:
            name: A tensor or an alias.
            height: Of the picture, in pixels.
            width: Of the picture, in pixels.
            pool_padding: `valid` drops the last odd row and column before a pool, `same` keeps them.

        Raises:
            ValueError: The map would vanish, or a dense layer would not fit; the message says which size works.
        """
        activation = self.activations[self.resolve(name)]
        if activation.name in self._dense_names:
            if (height, width) != (self.input_size, self.input_size):
                size = self.input_size
                raise ValueError(f"{activation.name} needs pictures of {size} x {size} pixels, not {height} x {width}")
            return (activation.channels,)
        smallest = self.smallest_size(name, pool_padding=pool_padding)
        if min(height, width) < smallest:
            raise ValueError(
                f"a picture of {height} x {width} pixels leaves nothing at {activation.name}: "
                f"the smallest that works is {smallest} x {smallest}"
            )
        stride = activation.stride
        if pool_padding == "same":
            return (-(-height // stride), -(-width // stride), activation.channels)
        return (height // stride, width // stride, activation.channels)

    def smallest_size(self, name: str, *, pool_padding: PoolPadding = "valid") -> int:
        """Return the smallest height and width, in pixels, for which a tensor is not empty."""
        return 1 if pool_padding == "same" else self.activations[self.resolve(name)].stride

    def parameter_count(self, *, include_top: bool = True) -> int:
        """Count kernels' and biases' entries."""
        layers = self.parametric.values() if include_top else self.convolutions
        return sum(math.prod(layer.kernel_shape) + layer.outputs for layer in layers)

    def multiply_adds(self, height: int, width: int, *, include_top: bool = True) -> int:
        """Count the multiplications of one picture's way through the network, each with its addition."""
        positions = {c.name: self.shape(c.name, height, width)[:2] for c in self.convolutions}
        maps = sum(math.prod(c.kernel_shape) * math.prod(positions[c.name]) for c in self.convolutions)
        return maps + sum(math.prod(d.kernel_shape) for d in self.classifier) * include_top

    def layer_info(
        self, name: str, *, height: int = 0, width: int = 0, pool_padding: PoolPadding = "valid"
    ) -> LayerInfo:
        """Describe a tensor for pictures of one size.

        Args:
            name: A tensor or an alias.
            height: Of the pictures, in pixels; `input_size` unless told.
            width: Of the pictures, in pixels; `input_size` unless told.
            pool_padding: See `shape`.

        Raises:
            ValueError: As `resolve` and `shape`.
        """
        _, kind, channels, stride, field = self.activations[name := self.resolve(name)]
        shape = self.shape(name, height or self.input_size, width or self.input_size, pool_padding=pool_padding)
        if (layer := self.parametric.get(name)) is None:
            return LayerInfo(name, kind, shape, channels, stride, field, 0, 0)
        weights = math.prod(layer.kernel_shape)
        counts = weights + layer.outputs, weights * math.prod(shape[:-1])
        return LayerInfo(name, kind, shape, channels, stride, field, *counts)

    def summary(self, *, height: int = 0, width: int = 0, pool_padding: PoolPadding = "valid") -> str:
        """Write all tensors as a table, down to the last that pictures of a size have; see `layer_info`.

        Raises:
            ValueError: There is not even a first one.
        """
        size = height or self.input_size, width or self.input_size
        include_top = size == (self.input_size, self.input_size)
        first, *others = self.layer_names(include_top=include_top)
        names = [name for name in others if min(size) >= self.smallest_size(name, pool_padding=pool_padding)]
        height, width = size
        rows = [
            self.layer_info(name, height=height, width=width, pool_padding=pool_padding) for name in (first, *names)
        ]
        lines = [_row("layer", "shape", "stride", "sees", "parameters", "multiply-adds")]
        for row in rows:
            shape = " x ".join(map(str, row.shape))
            counts = [f"{count:,}" if count else "" for count in (row.parameters, row.multiply_adds)]
            lines.append(_row(row.name, shape, row.stride, row.receptive_field, *counts))
        totals = [f"{sum(getattr(row, count) for row in rows):,}" for count in ("parameters", "multiply_adds")]
        return "\n".join([*lines, _row("all", "", "", "", *totals)])

    @cached_property
    def _dense_names(self) -> frozenset[str]:
        return frozenset(self.activations) - frozenset(self.layer_names(include_top=False))

    def with_classes(self, classes: int) -> Architecture:
        """Return the same network with another number of classes."""
        *rest, last = self.layers
        assert isinstance(last, Dense)
        return replace(self, layers=(*rest, replace(last, outputs=classes)))


def rectified(layer: str, *, last: str = "") -> str:
    """Name the tensor after a layer: `relu4_2` after `conv4_2`, `relu6` after `fc6`, `prob` after the `last` one."""
    return "prob" if layer == last else "relu" + layer.removeprefix("conv").removeprefix("fc")


def vgg(name: str, blocks: Sequence[Sequence[int]], dense: Sequence[int], *, input_size: int = 224) -> Architecture:
    """Build a network from a column of Table 1.

    Args:
        name: Short name.
        blocks: The widths of the convolutions between two pools, block by block.
        dense: The widths of the three dense layers.
        input_size: Height and width of the pictures that the dense layers take, in pixels.
    """
    layers: list[Layer] = []
    inputs = 3
    for block, widths in enumerate(blocks, 1):
        for index, outputs in enumerate(widths, 1):
            layers.append(Conv(f"conv{block}_{index}", inputs, outputs))
            inputs = outputs
        layers.append(Pool(f"pool{block}"))
    inputs *= (input_size >> len(blocks)) ** 2
    for index, outputs in enumerate(dense, 6):
        layers.append(Dense(f"fc{index}", inputs, outputs))
        inputs = outputs
    return Architecture(name, tuple(layers), input_size)


def _row(name: str, shape: str, stride: int | str, field: int | str, parameters: str, multiply_adds: str) -> str:
    return f"{name:<8}{shape:>17}{stride:>8}{field:>6}{parameters:>13}{multiply_adds:>16}".rstrip()


def _activations(architecture: Architecture) -> Iterator[Activation]:
    stride = field = 1
    channels = 3
    for layer in architecture.layers:
        if isinstance(layer, Pool):
            field += stride
            stride *= 2
            yield Activation(layer.name, "pool", channels, stride, field)
            continue
        channels = layer.outputs
        is_last = layer == architecture.layers[-1]
        if isinstance(layer, Conv):
            field += 2 * stride
        elif layer == architecture.classifier[0]:
            field += architecture.input_size - stride
        yield Activation(layer.name, "conv" if isinstance(layer, Conv) else "dense", channels, stride, field)
        after = rectified(layer.name, last=layer.name if is_last else "")
        yield Activation(after, "softmax" if is_last else "relu", channels, stride, field)


def _keras_name(layer: str) -> str:
    if layer.startswith("pool"):
        return f"block{layer.removeprefix('pool')}_pool"
    block, index = layer.removeprefix("conv").split("_")
    return f"block{block}_conv{index}"


CONFIGURATION_E = vgg(
    "vgg19",
    blocks=((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4),
    dense=(4096, 4096, 1000),
)
"""VGG19: configuration E of Table 1."""

CONFIGURATION_D = vgg(
    "vgg16",
    blocks=((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3),
    dense=(4096, 4096, 1000),
)
"""VGG16: configuration D of Table 1."""

ARCHITECTURES = {each.name: each for each in (CONFIGURATION_E, CONFIGURATION_D)}
"""The networks that weights are published for, by name."""
