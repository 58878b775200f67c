"""The weights that come with the package: VGG19's convolutions in 8 bits, one file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from myvgg.downloads import PublicFile
from myvgg.parameter_records import WeightsError

DISTANCE = "0.2 to 0.8 % in blocks 1 to 3 and about 1 % in blocks 4 and 5"
"""Relative L2 distance of the bundled weights' rectified features, by `python -m benchmarks rounding`.

The file beside them has exact values in blocks 1 to 3 only: see `weights/README.md`.
"""

STAND_IN = (
    "{problem}: using the weights that come with myvgg, whose kernels have 8 bits. Features are off by {distance} "
    "(weights/README.md). 'myvgg convert --download' gets the exact weights, and the name "
    "'bundled' takes these without a warning"
)
"""Warning where the bundled weights take the place of a download."""


def check_file(path: Path, known: PublicFile) -> None:
    """Raise unless the bundled file is there, whole and unchanged.

    Args:
        path: The file.
        known: Its size and MD5.

    Raises:
        WeightsError: The file is missing, cut off, changed, or the pointer that Git LFS leaves in its place.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    else:
        if content.startswith(b"version https://git-lfs"):
            problem = "is a Git LFS pointer"
        elif len(content) != known.bytes:
            problem = f"has {len(content):,} of {known.bytes:,} bytes"
        elif hashlib.md5(content, usedforsecurity=False).hexdigest() != known.md5:
            problem = "has been changed"
        else:
            return
    way = f"install myvgg again, or run 'git checkout -- weights/{path.name}' in a clone"
    raise WeightsError(path, f"the file that comes with myvgg {problem}: {way}")
