"""The kernels that TensorFlow computes with on this machine: oneDNN's, a GPU's, or its own."""

from __future__ import annotations

import platform
from pathlib import Path

import tensorflow as tf


def has_gpu() -> bool:
    """Return whether there is a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def has_onednn() -> bool | None:
    """Return whether oneDNN computes convolutions: TensorFlow leaves it off without AVX512_VNNI, AVX512_BF16 or AMX.

    `TF_ENABLE_ONEDNN_OPTS` turns it on or off. None where TensorFlow does not tell.
    """
    try:
        from tensorflow.python.util import _pywrap_util_port as built  # not public, so another version may lack it
    except ImportError:
        return None
    return bool(built.IsMklEnabled())


def processor_flags() -> frozenset[str]:
    """Return the instructions that an x86 processor has, in Linux' words; empty where they are not known."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return frozenset()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())
