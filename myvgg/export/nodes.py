"""The network as nodes of ONNX, made from the table of layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper

from myvgg.architecture import Conv, Pool, PoolPadding, rectified
from myvgg.export.graph import rgb_params, side_of
from myvgg.extractor import Reduction, columns_of
from myvgg.network import Pooling, check_layers, checked_names
from myvgg.params import Params

OPSET, VERSION = 17, 8
"""Versions of ONNX' operators and of its files, which all programs in use read."""

TO_CHANNELS_FIRST, TO_CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]
"""Orders of axes."""

POOLS = {"max": "MaxPool", "avg": "AveragePool"}
"""ONNX' operators that `pooling` names."""


class Computed(NamedTuple):
    """A tensor, with the nodes that compute it from the tensor before.

    Attributes:
        name: Its name in the network. In the graph, where maps are channels first, `x/` stands before it.
        nodes: The nodes in the order of computation.
        arrays: The arrays that the nodes use, by name.
    """

    name: str
    nodes: list[NodeProto]
    arrays: dict[str, np.ndarray]


def onnx_model(
    params: Params,
    names: Sequence[str],
    *,
    pooling: Pooling = "max",
    pool_padding: PoolPadding = "valid",
    reduce: Reduction = "none",
) -> Any:
    """Build a model that `onnx.save` writes.

    Args:
        params: The parameters.
        names: Tensors or Keras' names.
        pooling: As in `myvgg.features`.
        pool_padding: As in `myvgg.features`.
        reduce: The reduction of maps.

    Raises:
        ValueError: An unknown name, or a layer that the parameters do not have.
    """
    architecture, names = params.architecture, checked_names(names)
    wanted = {name: architecture.resolve(name) for name in names}
    check_layers(architecture, params.layers, deepest := architecture.deepest(names))
    nodes, arrays = _network(params, deepest, pooling, pool_padding)
    side = side_of(architecture, names)
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", side or "height", side or "width", 3])
    maps = architecture.layer_names(include_top=False)
    columns_of(architecture, names, reduce)
    outputs = []
    for name, tensor in wanted.items():
        units = architecture.activations[tensor].channels
        for made, value in _outputs(name, tensor, units, reduce if tensor in maps else "dense"):
            nodes += made
            outputs.append(value)
    initializers = [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, architecture.name, [images], outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="myvgg")
    model.ir_version = VERSION
    checker.check_model(model)
    return model


def _network(
    params: Params, deepest: str, pooling: Pooling, pool_padding: PoolPadding
) -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """Return the nodes from the pictures to the deepest tensor, and the arrays that they use."""
    bound, mean, scale = rgb_params(params)
    nodes = [
        helper.make_node("Sub", ["images", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["x/images"], perm=TO_CHANNELS_FIRST),
    ]
    arrays = {"mean": mean, "scale": scale}
    for computed in _tensors(bound, pooling, pool_padding):
        nodes += computed.nodes
        arrays |= computed.arrays
        if computed.name == deepest:
            break
    return nodes, arrays


def _tensors(params: Params, pooling: Pooling, pool_padding: PoolPadding) -> Iterator[Computed]:
    """Yield the tensors in the order of computation."""
    first, last = (params.architecture.classifier[index].name for index in (0, -1))
    x = "x/images"
    for layer in params.architecture.layers:
        before, x = x, f"x/{layer.name}"
        if isinstance(layer, Pool):
            options: dict[str, Any] = {
                "kernel_shape": [2, 2],
                "strides": [2, 2],
                "ceil_mode": int(pool_padding == "same"),
            }
            yield Computed(layer.name, [helper.make_node(POOLS[pooling], [before], [x], **options)], {})
            continue
        kernel, bias = params.layers[layer.name]
        named = {f"{layer.name}.kernel": kernel, f"{layer.name}.bias": bias}
        if isinstance(layer, Conv):
            named[f"{layer.name}.kernel"] = kernel.transpose(3, 2, 0, 1)
            nodes = [helper.make_node("Conv", [before, *named], [x], pads=[1, 1, 1, 1])]
        else:
            nodes = [helper.make_node("Gemm", ["x/flat" if layer.name == first else before, *named], [x])]
        yield Computed(layer.name, (_flattened(before) if layer.name == first else []) + nodes, named)
        before, after = x, rectified(layer.name, last=last)
        x = f"x/{after}"
        yield Computed(after, [helper.make_node("Softmax" if layer.name == last else "Relu", [before], [x])], {})


def _flattened(maps: str) -> list[NodeProto]:
    """Return the nodes that lay maps out as rows: height, then width, then channels, as fc6 takes them."""
    return [
        helper.make_node("Transpose", [maps], ["x/last_maps"], perm=TO_CHANNELS_LAST),
        helper.make_node("Flatten", ["x/last_maps"], ["x/flat"]),
    ]


def _outputs(
    name: str, tensor: str, units: int, reduce: Reduction | Literal["dense"]
) -> Iterator[tuple[list[NodeProto], ValueInfoProto]]:
    """Yield the nodes that put a tensor out under the name that was asked for, maps channels last, and its type."""
    x = f"x/{tensor}"
    if reduce == "dense":
        yield [helper.make_node("Identity", [x], [name])], _value(name, "batch", units)
    elif reduce == "none":
        node = helper.make_node("Transpose", [x], [name], perm=TO_CHANNELS_LAST)
        yield [node], _value(name, "batch", f"{name}.height", f"{name}.width", units)
    if reduce in ("mean", "moments"):
        column = name if reduce == "mean" else f"{name}.mean"
        node = helper.make_node("ReduceMean", [x], [column], axes=[2, 3], keepdims=0)
        yield [node], _value(column, "batch", units)
    if reduce in ("gram", "moments"):
        column = name if reduce == "gram" else f"{name}.second"
        yield _products(x, column), _value(column, "batch", units, units)


def _products(x: str, column: str) -> list[NodeProto]:
    """Return the nodes that compute the mean product of channels over positions."""
    rows, turned, sums, count, number = (f"{column}/{part}" for part in ("rows", "turned", "sums", "count", "number"))
    shape = numpy_helper.from_array(np.array([0, 0, -1], np.int64))
    return [
        helper.make_node("Constant", [], [f"{column}/shape"], value=shape),
        helper.make_node("Reshape", [x, f"{column}/shape"], [rows]),
        helper.make_node("Transpose", [rows], [turned], perm=[0, 2, 1]),
        helper.make_node("MatMul", [rows, turned], [sums]),
        helper.make_node("Shape", [rows], [count], start=2, end=3),
        helper.make_node("Cast", [count], [number], to=TensorProto.FLOAT),
        helper.make_node("Div", [sums, number], [column]),
    ]


def _value(name: str, *shape: str | int) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
