"""The network for other programs: TensorFlow's SavedModel, TFLite and ONNX, of an extractor or the classifier.

All of them take pictures, R, G, B, 0 to 255, float32, (batch, height, width, 3), and give the tensors that were asked
for under their names, float32, channels last; preprocessing is inside.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from myvgg.files import replacing
from myvgg.params import Params

Quantize = Literal["float32", "float16", "int8"]
"""How TFLite keeps numbers; with int8 it computes in it too."""


def to_saved_model(params: Params, names: Sequence[str], folder: str | os.PathLike[str], **options: Any) -> None:
    """Write a SavedModel for `tf.saved_model.load`, whose signature `serving_default` takes `images` of any size.

    Args:
        params: The parameters.
        names: Tensors or Keras' names.
        folder: To make; there must be nothing yet.
        **options: `pooling` and `pool_padding`, as in `myvgg.features`.

    Raises:
        FileExistsError: There is such a folder.
        OSError: It cannot be written; there is nothing of it then.
    """
    import tensorflow as tf

    from myvgg.export.graph import compute
    from myvgg.vgg19 import check_layers

    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(17, "is there already: remove it, or name another folder", str(folder))
    module = tf.Module()
    needed = check_layers(params.architecture, params.layers, params.architecture.deepest(names))
    layers = {name: tuple(tf.Variable(part, trainable=False) for part in params.layers[name]) for name in needed}
    module.layers = layers
    module.serve = compute(params, names, layers=layers, **options)
    with tempfile.TemporaryDirectory(prefix=".saved-model-", dir=folder.resolve().parent) as temporary:
        made = Path(temporary) / "model"
        tf.saved_model.save(module, made, signatures={"serving_default": module.serve})
        shutil.move(made, folder)


def to_tflite(
    params: Params,
    names: Sequence[str],
    path: str | os.PathLike[str],
    *,
    size: int = 224,
    quantize: Quantize = "float32",
    pictures: Iterable[np.ndarray] = (),
    **options: Any,
) -> None:
    """Write a TFLite model for single square pictures.

    Args:
        params: The parameters.
        names: Tensors or Keras' names.
        path: A file.
        size: Height and width, in pixels.
        quantize: float32; float16, which halves the file; or int8, a quarter of it.
        pictures: R, G, B, 0 to 255, (size, size, 3), by which int8 learns the range of numbers: some tens of what the
            model will see.
        **options: `pooling` and `pool_padding`, as in `myvgg.features`.

    Raises:
        ValueError: int8 without pictures, or pictures of another size.
        OSError: It cannot be written; an older file stays as it was.
    """
    import tensorflow as tf

    from myvgg.export.graph import compute

    shown = [np.asarray(picture, np.float32)[np.newaxis] for picture in pictures]
    if quantize == "int8" and not shown:
        raise ValueError("int8 needs pictures, some tens of what the model will see")
    if wrong := [picture.shape[1:] for picture in shown if picture.shape[1:] != (size, size, 3)]:
        raise ValueError(f"pictures must be {size} x {size} x 3, not {' x '.join(map(str, wrong[0]))}")
    function = compute(params, names, batch=1, size=size, **options)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    if quantize != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantize == "int8":
        converter.representative_dataset = lambda: ([picture] for picture in shown)
    content = converter.convert()
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def to_onnx(params: Params, names: Sequence[str], path: str | os.PathLike[str], **options: Any) -> None:
    """Write an ONNX model for batches of any number and size.

    Args:
        params: The parameters.
        names: Tensors or Keras' names.
        path: A file.
        **options: `pooling` and `pool_padding`, as in `myvgg.features`.

    Raises:
        OSError: It cannot be written; an older file stays as it was.
    """
    from onnx import save

    from myvgg.export.nodes import onnx_model

    model = onnx_model(params, names, **options)
    with replacing(path) as temporary:
        save(model, temporary)


FORMATS: dict[str, Callable[..., None]] = {"": to_saved_model, ".tflite": to_tflite, ".onnx": to_onnx}
"""What writes a suffix; SavedModels are folders."""
