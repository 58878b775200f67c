"""The kernels with which TensorFlow computes on this machine, oneDNN's, a GPU's or its own, and graphs of them."""

from __future__ import annotations

import functools
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf

from myvgg.runtime.process import uninterrupted


def compiled(function: Callable[..., Any], **options: Any) -> Any:
    """Return `tf.function` of a function.

    TensorFlow counts the graphs of all functions with the same code, and warns of the fifth one, as if one function
    were traced again and again. It does not know the code of a partial function.

    Args:
        function: The function.
        **options: Those of `tf.function`.
    """
    return tf.function(functools.partial(function), autograph=False, **options)


def uninterrupted_graph(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Return `compiled` of a function, whose calls an interruption does not end: it comes after, see `uninterrupted`.

    If an interruption came while TensorFlow looks up the graph, the graph would be lost from TensorFlow's table, and
    all later calls would fail.

    Args:
        function: The function.
        **options: Those of `tf.function`.
    """
    graph = compiled(function, **options)

    def call(*arguments: Any) -> Any:
        with uninterrupted():
            return graph(*arguments)

    return call


def has_gpu() -> bool:
    """Tell whether there is a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


@functools.cache
def gpu_memory() -> float | None:
    """Return the bytes that TensorFlow may take of the smallest GPU; None without a GPU, or if it does not tell."""
    if not has_gpu():
        return None
    try:
        from tensorflow.python.client import device_lib  # not public: another version may not have it
    except ImportError:
        return None
    found = [device.memory_limit for device in device_lib.list_local_devices() if device.device_type == "GPU"]
    return float(min(found)) if found else None


@contextmanager
def without_tf32() -> Iterator[None]:
    """Let GPUs multiply all bits of float32 in the block, which TF32 rounds to 10 bits of mantissa.

    Covariances are differences of nearly equal numbers; rounded to TF32, those of a flat picture are no covariances.
    """
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def has_onednn() -> bool | None:
    """Tell whether oneDNN computes convolutions; None if TensorFlow does not tell.

    TensorFlow uses oneDNN on processors with AVX512_VNNI, AVX512_BF16 or AMX. The environment variable
    `TF_ENABLE_ONEDNN_OPTS` turns it on or off.
    """
    try:
        from tensorflow.python.util import _pywrap_util_port as built  # not public: another version may not have it
    except ImportError:
        return None
    return bool(built.IsMklEnabled())


def processor_flags() -> frozenset[str]:
    """Return the instruction sets of an x86 processor, by Linux' names; empty if they are not known."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return frozenset()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())
