"""Fuzzing: damaged files are read for a given time in child processes, and their outcomes are counted.

Files are cut off, bits and numbers are changed, and pieces exchanged. A child process reads a batch of files, since a
parser may end its process or go on for ever; then the rest of its batch is not counted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

BATCH = 40
"""Files a child process."""

CHILD_SECONDS = 60
"""Seconds after which a child process is ended."""

CHILD = """
import collections, json, pathlib, sys
from {module} import read, Refusal
outcomes = collections.Counter()
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    print(path, file=sys.stderr, flush=True)
    try:
        read(path)
        outcomes["read"] += 1
    except Refusal:
        outcomes["refused"] += 1
    except BaseException as error:
        outcomes[type(error).__name__] += 1
print(json.dumps(outcomes))
"""
"""Program of a child; `module` has a function that reads a file, and the error that damaged files give."""


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a file with one to three faults.

    Args:
        content: The whole file.
        rng: The generator of random numbers.
    """
    changed = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(changed)) if rng.random() < 0.5 else rng.integers(min(len(changed), 4096)))
        match rng.integers(5):
            case 0:
                del changed[max(at, 1) :]
            case 1:
                changed[at] ^= 1 << int(rng.integers(8))
            case 2:
                changed[at : at + 4] = rng.choice([b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xff\xff\xff\xff", b"9999"])
            case 3:
                changed[at : at + 64] = rng.bytes(int(rng.integers(64)))
            case _:
                other = int(rng.integers(len(changed)))
                changed[at : at + 32] = changed[other : other + 32]
    return bytes(changed)


def tried(folder: Path, module: str) -> Counter[str]:
    """Read all files of a folder in a child process; one that ends is counted with its signal.

    Args:
        folder: The folder.
        module: Name of the module that reads them.
    """
    command = [sys.executable, "-W", "ignore", "-c", CHILD.format(module=module), str(folder)]
    try:
        done = subprocess.run(  # noqa: S603, our own
            command, capture_output=True, text=True, check=False, timeout=CHILD_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        last = (error.stderr or b"").decode().splitlines()[-1:]
        return Counter({f"no end in {CHILD_SECONDS} s at {[Path(each).name for each in last]}": 1})
    if done.returncode:
        return Counter({f"ended by {done.returncode} at {done.stderr.splitlines()[-1:]}": 1})
    return Counter(json.loads(done.stdout.splitlines()[-1]))


def fuzz(
    whole: Mapping[str, bytes],
    module: str,
    argv: Sequence[str] | None,
    description: str | None,
    mend: Callable[[str, bytes], bytes] = lambda _, content: content,
) -> int:
    """Try damaged files, print their outcomes by kind, and return 1 where one was neither read nor refused.

    Args:
        whole: Whole files by kind; a kind is the suffix of its files.
        module: Name of the module that reads them.
        argv: The words of the command line.
        description: Text of the help.
        mend: Called with the kind and the damaged file; returns the file that is tried.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--seconds", type=float, default=60.0, help="time to run")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other files")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="folder for the files of a batch that went wrong")
    arguments = parser.parse_args(argv)
    rng, end = np.random.default_rng(arguments.seed), time.monotonic() + arguments.seconds
    outcomes: dict[str, Counter[str]] = {kind: Counter() for kind in whole}
    while time.monotonic() < end:
        for kind, content in whole.items():
            with tempfile.TemporaryDirectory() as folder:
                for index in range(BATCH):
                    Path(folder, f"{index:02}.{kind}").write_bytes(mend(kind, damaged(content, rng)))
                found = tried(Path(folder), module)
                if arguments.keep and set(found) - {"read", "refused"}:
                    shutil.copytree(folder, arguments.keep, dirs_exist_ok=True)
            outcomes[kind] += found
            if time.monotonic() > end:
                break
    for kind, counter in outcomes.items():
        print(f"{kind:18} {counter.total():6} files: {', '.join(f'{n} {what}' for what, n in counter.items())}")
    return int(any(set(counter) - {"read", "refused"} for counter in outcomes.values()))
