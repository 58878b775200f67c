"""A disk that fills up while a file is written, as far as one process can have it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import resource, signal, sys
from pathlib import Path
{setup}

path = Path(sys.argv[1])
save(path)
size = path.stat().st_size
path.write_bytes(b"old")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then the kernel answers with an error, as it does on a full disk
for limit in (0, 100, size // 2, size - 1, size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        save(path)
        print("written")
    except OSError:
        print("refused", path.read_bytes(), len(list(path.parent.iterdir())))
"""

SURVIVED = ["refused b'old' 1"] * 4 + ["written"]
"""OSError as long as there is no room, the older file as it was, and no other beside it."""


def outcomes(setup: str, path: Path) -> list[str]:
    """Write a file with more and more room, over an older one, in a process of its own.

    Args:
        setup: Python that defines `save(path)`.
        path: The file.
    """
    command = [sys.executable, "-W", "error", "-c", SCRIPT.format(setup=setup), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout.splitlines() + done.stderr.splitlines()
