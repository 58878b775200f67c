"""Results as a Markdown table and as JSON, with the machine that they were measured on."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.measure import Result
from myvgg.runtime.files import replacing

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "h5py", "safetensors")
FLAGS = ("fma", "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
"""What oneDNN and Eigen choose their kernels by."""

COLUMNS = ("what", "rival", "ours", "the rival's", "ratio", "to reach", "reached")


def machine() -> dict[str, Any]:
    """Describe the machine and the versions that ran."""
    processor = _processor()
    present = set(processor.get("flags", "").split())
    return {
        "processor": processor.get("model name", platform.processor() or platform.machine()),
        "cores": os.cpu_count(),
        "flags": [flag for flag in FLAGS if flag in present],
        "system": platform.system(),
        "versions": {"python": platform.python_version(), **_versions()},
    }


def describe(machine: dict[str, Any]) -> str:
    """Put the machine into one sentence."""
    flags = f" ({', '.join(machine['flags'])})" if machine["flags"] else ""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return f"{machine['processor']}, {machine['cores']} cores{flags}, {machine['system']}; {versions}."


def header() -> str:
    """Return the head of the table."""
    return f"{_row(COLUMNS)}\n{_row(['---'] * len(COLUMNS))}"


def row(result: Result) -> str:
    """Return a result as a line of the table."""
    reached = ("yes" if result.reached else "no") if result.to_reach else ""
    ours, theirs = _quantity(result.ours, result.unit), _quantity(result.theirs, result.unit)
    words = {"s": "times as fast", "bytes": "times the bytes", "%": "of it"}
    ratio = f"{result.ratio:.{4 if result.unit == '%' else 2}f} {words[result.unit]}"
    return _row((result.what, result.rival, ours, theirs, ratio, result.to_reach, reached))


def write(path: Path, machine: dict[str, Any], results: Iterable[Result]) -> None:
    """Write everything as JSON."""
    content = {"machine": machine, "results": [asdict(result) for result in results]}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")


def read(path: Path) -> list[Result]:
    """Read the results that `write` wrote."""
    return [Result(**entry) for entry in json.loads(path.read_text())["results"]]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _quantity(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value:.2f} %"
    if unit == "bytes":
        return f"{value / 1e6:.0f} MB"
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"


def _processor() -> dict[str, str]:
    """Return what Linux tells about the first core; nothing elsewhere."""
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
