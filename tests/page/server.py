"""The command `myvgg app` in a process of its own."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
import time

MAX_SECONDS = 180
"""Time after which a test gives up; a busy machine is slow."""


class Server:
    """A page that is served until `close`.

    Attributes:
        process: The process of the command.
        said: What the command has printed.
        url: Address of the page.
    """

    def __init__(self, *words: str, **variables: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "myvgg", "app", "--weights", "bundled", *words],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **variables},
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.said, end = "", time.monotonic() + MAX_SECONDS
        while not (found := re.search(r"http://\S+", self.said)):
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
                assert line, self.said
            except (queue.Empty, AssertionError):
                self.close()
                raise
            self.said += line
        self.url = found[0]

    @property
    def port(self) -> int:
        """Port of the page."""
        return int(self.url.rstrip("/").rpartition(":")[2])

    def _read(self) -> None:
        """Read what the command prints; an empty line is the end."""
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def close(self) -> int:
        """End the server and return its exit code."""
        self.process.terminate()
        try:
            self.process.wait(timeout=MAX_SECONDS)
        finally:
            self.process.kill()
            self._reader.join()
            assert self.process.stdout
            self.process.stdout.close()
        return self.process.returncode
