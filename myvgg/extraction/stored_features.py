"""A file of features that has been written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from myvgg.extraction.feature_table import FeatureTable
from myvgg.extraction.readers import read_features


@dataclass(frozen=True, eq=False)
class StoredFeatures:
    """A file of features that has been written.

    Attributes:
        path: The file.
        rows: Number of pictures in it.
        errors: For the pictures without features, the reason by name.
        computed: Number of pictures that this call has computed; an earlier call has computed the others.
        existed: Whether the finished file was there already, and is left as it was.

    Example:
        >>> import tempfile, myvgg
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     myvgg.extract("examples/c*.jpg", output=f"{folder}/a.h5", params="bundled", progress=False).read()
        FeatureTable(2 pictures, relu5_4 (512,))
    """

    path: Path
    rows: int
    errors: Mapping[str, str]
    computed: int
    existed: bool

    def read(self) -> FeatureTable:
        """Read the file; see `myvgg.read_features`."""
        return read_features(self.path)

    def __repr__(self) -> str:
        failed = f", {len(self.errors)} without features" if self.errors else ""
        return f"StoredFeatures({str(self.path)!r}, {self.rows} picture{'s' * (self.rows != 1)}{failed})"
