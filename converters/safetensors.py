"""Our own stored format, safetensors, as a converter."""

from __future__ import annotations

from myvgg.params import load as read
from myvgg.params import save as write

__all__ = ["read", "write"]
