"""Files of features read into memory, whichever their format."""

from __future__ import annotations

import math
import os
import struct
import zipfile
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors

from myvgg.extraction.batching import Row
from myvgg.extraction.feature_table import FeatureTable
from myvgg.extraction.formats import FORMATS, Format, Head
from myvgg.extraction.recipe import Recipe

ROWS_BYTES = 16e6
"""Bytes of arrays that are taken over from a finished file together."""


def read_features(path: str | os.PathLike[str]) -> FeatureTable:
    """Read a file of features into memory.

    Args:
        path: A file .parquet, .h5, .npz or .safetensors that `myvgg.extract` or the command `extract` has written.
            Parquet needs the package pyarrow.

    Raises:
        ValueError: The file is missing, damaged, or of another kind; names the file.

    Example:
        >>> import tempfile, myvgg
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     stored = myvgg.extract("examples/c*.jpg", output=f"{folder}/cups.npz", params="bundled", progress=False)
        ...     myvgg.read_features(stored.path)
        FeatureTable(2 pictures, relu5_4 (512,))
    """
    path = Path(path)
    with _named(path):
        reader = _format_of(path)
        head = _checked(reader.head(path))
        recipe = Recipe.from_json(head.recipe)
        with reader.columns(path, len(head.paths)) as columns:
            arrays = {name: values[:] for name, values in columns.items()}
    return FeatureTable(tuple(head.paths), tuple(head.errors), arrays, recipe)


def read_head(path: Path) -> Head | None:
    """Return all that an existing file holds beside its arrays; None where it is no file of features."""
    try:
        with _named(path):
            return _checked(_format_of(path).head(path))
    except ValueError:
        return None


def read_rows(path: Path, wanted: Container[str]) -> Iterator[list[Row]]:
    """Read the rows of some pictures of a file that holds whole arrays, some at a time.

    Args:
        path: The file.
        wanted: Names of pictures.

    Raises:
        ValueError: The file is damaged; names the file.
    """
    with _named(path):
        reader = _format_of(path)
        head = _checked(reader.head(path))
        with reader.columns(path, len(head.paths)) as columns:
            size = sum(4 * math.prod(_shape_of(values)[1:]) for values in columns.values())
            step = max(1, int(ROWS_BYTES / max(1, size)))
            for start in range(0, len(head.paths), step):
                some = slice(start, min(start + step, len(head.paths)))
                arrays = {name: values[some] for name, values in columns.items()}
                heads = zip(head.paths[some], head.errors[some], head.stamps[some], strict=True)
                yield [
                    Row(picture, error, {name: values[index] for name, values in arrays.items()}, stamp)
                    for index, (picture, error, stamp) in enumerate(heads)
                    if picture in wanted
                ]


def _shape_of(values: Any) -> Sequence[int]:
    shape: Sequence[int] = values.get_shape() if hasattr(values, "get_shape") else values.shape
    return shape


def _format_of(path: Path) -> Format:
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"its name must end in {', '.join(FORMATS)}")
    if path.suffix.lower() == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError as error:
            raise ValueError("Parquet needs pyarrow, which is not installed: pip install 'myvgg[extract]'") from error
    return FORMATS[path.suffix.lower()]


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn the errors of all parsers into a ValueError that names the file."""
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{path}: cannot be read: no file of myvgg.extract, or damaged ({error})") from error
    except (
        *(OSError, ValueError, EOFError, RuntimeError, NotImplementedError),
        *(struct.error, zipfile.BadZipFile, safetensors.SafetensorError),
    ) as error:
        problem = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ValueError(f"{path}: cannot be read: {' '.join(problem.split())}") from error


def _checked(head: Head) -> Head:
    """Return the texts of a file, unless its pictures and errors do not go together."""
    if not all(isinstance(each, str) for each in (*head.paths, *head.errors)):
        raise ValueError("its paths or errors are no texts")
    if len(head.errors) != len(head.paths):
        raise ValueError(f"it has {len(head.paths)} paths and {len(head.errors)} errors")
    stamps = head.stamps or [0] * len(head.paths)
    if len(stamps) != len(head.paths):
        raise ValueError(f"it has {len(head.paths)} paths and {len(stamps)} stamps")
    return head._replace(stamps=stamps)
