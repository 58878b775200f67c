"""Parquet files are read by the thread that asks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pa = pytest.importorskip("pyarrow", reason="Parquet needs the extra extract")
pq = pytest.importorskip("pyarrow.parquet")

READ = """
import os, sys
import pyarrow.parquet as pq
from myvgg.extraction.parquet_files import read_columns

def threads():
    return len(os.listdir("/proc/self/task"))

with open(sys.argv[1], "rb") as stream:
    before = threads()
    table = read_columns(stream, ["a", "b", "none"], groups=[1])
    print(threads() - before, table.column_names, table["a"].to_pylist(), read_columns(stream, ["b"]).num_rows)
    pq.read_table(sys.argv[1])  # by name: of the stream, it would abort this process now and then
    print(threads() > before)
"""
"""Reads a file in a process without threads of Arrow's, first as this package does and then as Arrow does."""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux alone lists the threads of a process")
def test_reading_starts_no_thread_of_arrow(tmp_path: Path) -> None:
    """Arrow's threads abort a process that ends while one of them lets go of the file, so none is started."""
    path = tmp_path / "a.parquet"
    table = pa.table({"a": [1, 2, 3, 4], "b": ["one", "two", "three", "four"]})
    pq.write_table(table, path, row_group_size=2)
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["0 ['a', 'b'] [3, 4] 4", "True"]
