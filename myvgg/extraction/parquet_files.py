"""The only way in which Parquet files are read: by the thread that asks, never by Arrow's own threads.

A thread of Arrow's that lets go of a Python file while the process ends aborts it (apache/arrow, issue 34314), and a
finished command would return an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq


def read_columns(stream: BinaryIO, columns: Sequence[str], *, groups: Sequence[int] | None = None) -> pa.Table:
    """Read columns of a file.

    Args:
        stream: The file, open for reading.
        columns: Names of columns; those that the file does not have are left out.
        groups: Groups of rows; None reads all.

    Raises:
        ArrowInvalid: The file is damaged.
        OSError: It cannot be read.
    """
    file = pq.ParquetFile(stream, pre_buffer=False)
    there = [column for column in columns if column in file.schema_arrow.names]
    wanted = range(file.num_row_groups) if groups is None else groups
    return file.read_row_groups(list(wanted), columns=there, use_threads=False)
