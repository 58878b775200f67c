"""The network for other programs: TensorFlow's SavedModel, TFLite and ONNX.

An exported network takes pictures, R, G, B, 0 to 255, float32, (batch, height, width, 3), and gives tensors under the
names that were asked for, float32, channels last. Its preprocessing is inside.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from PIL import Image

from myvgg.images import Resizing
from myvgg.params import HasParams, Params, params_of
from myvgg.runtime.files import replacing

if TYPE_CHECKING:
    from myvgg.architecture import PoolPadding
    from myvgg.extractor import Reduction
    from myvgg.network import Pooling

Quantize = Literal["float32", "float16", "int8"]
"""The numbers of a TFLite model; with int8 it computes in them too."""


def to_saved_model(
    params: Params | HasParams,
    names: Sequence[str],
    folder: str | os.PathLike[str],
    *,
    pooling: Pooling = "max",
    pool_padding: PoolPadding = "valid",
    reduce: Reduction = "none",
) -> None:
    """Write a SavedModel for `tf.saved_model.load`, whose signature `serving_default` takes `images` of any size.

    Args:
        params: The network's parameters, or a `VGG19` or `VGG16`.
        names: Tensors or Keras' names.
        folder: A folder that does not exist yet.
        pooling: As in `myvgg.features`.
        pool_padding: As in `myvgg.features`.
        reduce: As in `myvgg.Extractor`; columns are named as there.

    Raises:
        FileExistsError: There is such a folder.
        OSError: The folder cannot be written; nothing of it is left.
        ValueError: An unknown name, or a layer that the parameters do not have.

    Example:
        >>> import tempfile, myvgg
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     myvgg.export.to_saved_model(myvgg.VGG19.load("bundled"), ["relu1_1"], f"{parent}/model")
    """
    import tensorflow as tf

    from myvgg.export.graph import compute
    from myvgg.network import check_layers

    params, folder = params_of(params), Path(folder)
    if folder.exists():
        raise FileExistsError(17, "is there already: remove it, or name another folder", str(folder))
    module = tf.Module()
    needed = check_layers(params.architecture, params.layers, params.architecture.deepest(names))
    layers = {name: tuple(tf.Variable(part, trainable=False) for part in params.layers[name]) for name in needed}
    module.layers = layers
    module.serve = compute(params, names, layers=layers, pooling=pooling, pool_padding=pool_padding, reduce=reduce)
    with tempfile.TemporaryDirectory(prefix=".saved-model-", dir=folder.resolve().parent) as temporary:
        made = Path(temporary) / "model"
        tf.saved_model.save(module, made, signatures={"serving_default": module.serve})
        shutil.move(made, folder)


def to_tflite(
    params: Params | HasParams,
    names: Sequence[str],
    path: str | os.PathLike[str],
    *,
    size: int = 224,
    quantize: Quantize = "float32",
    pictures: Iterable[Any] = (),
    pooling: Pooling = "max",
    pool_padding: PoolPadding = "valid",
    reduce: Reduction = "none",
) -> None:
    """Write a TFLite model for single square pictures.

    Args:
        params: The network's parameters, or a `VGG19` or `VGG16`.
        names: Tensors or Keras' names.
        path: A file.
        size: Height and width of the pictures, in pixels.
        quantize: `float32`; `float16`, which halves the file; or `int8`, a quarter of it.
        pictures: Some tens of pictures like those that the model will see, by which int8 learns the range of numbers:
            paths and pictures of Pillow's, which are squashed to the size as by `myvgg.images.Resizing`, or arrays
            (size, size, 3), R, G, B, 0 to 255.
        pooling: As in `myvgg.features`.
        pool_padding: As in `myvgg.features`.
        reduce: As in `myvgg.Extractor`; columns are named as there.

    Raises:
        ValueError: int8 without pictures, arrays of another size, an unknown name or option, or a layer that the
            parameters do not have.
        ImageError: A picture cannot be read.
        OSError: The file cannot be written; an older file stays as it was.
    """
    import tensorflow as tf

    from myvgg.export.graph import compute
    from myvgg.network import check_option

    check_option("quantize", quantize, get_args(Quantize))
    shown = list(_calibration(pictures, size))
    if quantize == "int8" and not shown:
        raise ValueError("int8 needs pictures, some tens of what the model will see")
    function = compute(
        params_of(params), names, batch=1, size=size, pooling=pooling, pool_padding=pool_padding, reduce=reduce
    )
    module = tf.Module()
    module.serve = function  # with it, the model has a signature, which names its outputs
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], module)
    if quantize != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantize == "int8":
        converter.representative_dataset = lambda: ([picture] for picture in shown)
    content = converter.convert()
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def to_onnx(
    params: Params | HasParams,
    names: Sequence[str],
    path: str | os.PathLike[str],
    *,
    pooling: Pooling = "max",
    pool_padding: PoolPadding = "valid",
    reduce: Reduction = "none",
) -> None:
    """Write an ONNX model for batches of any number and size; needs the package onnx.

    Args:
        params: The network's parameters, or a `VGG19` or `VGG16`.
        names: Tensors or Keras' names.
        path: A file.
        pooling: As in `myvgg.features`.
        pool_padding: As in `myvgg.features`.
        reduce: As in `myvgg.Extractor`; columns are named as there.

    Raises:
        ValueError: An unknown name, or a layer that the parameters do not have.
        OSError: The file cannot be written; an older file stays as it was.

    Example:
        >>> import tempfile, myvgg
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     myvgg.export.to_onnx(myvgg.VGG19.load("bundled"), ["relu1_1"], f"{folder}/model.onnx")
    """
    from onnx import save

    from myvgg.export.nodes import onnx_model

    model = onnx_model(params_of(params), names, pooling=pooling, pool_padding=pool_padding, reduce=reduce)
    with replacing(path) as temporary:
        save(model, temporary)


FORMATS: dict[str, Callable[..., None]] = {"": to_saved_model, ".tflite": to_tflite, ".onnx": to_onnx}
"""The function that writes a suffix; a SavedModel is a folder without one."""


def _calibration(pictures: Iterable[Any], size: int) -> Iterator[np.ndarray]:
    """Yield pictures as batches of one, (1, size, size, 3)."""
    resizing = Resizing(size, "squash")  # the whole picture
    for picture in pictures:
        is_array = not isinstance(picture, str | os.PathLike | Image.Image)
        array = np.asarray(picture if is_array else resizing(picture), np.float32)
        if array.shape != (size, size, 3):
            raise ValueError(f"pictures must be {size} x {size} x 3, not {' x '.join(map(str, array.shape))}")
        yield array[np.newaxis]
