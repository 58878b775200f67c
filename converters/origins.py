"""The origin of parameters that are read from a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from myvgg.params import Origin


def origin_of(path: Path, generation: str) -> Origin:
    """Return the origin of parameters that are read from a file, with the file's name and SHA-256.

    Args:
        path: The file.
        generation: Kind of the file in words.
    """
    with path.open("rb") as file:
        return Origin(path.name, hashlib.file_digest(file, "sha256").hexdigest(), generation)
