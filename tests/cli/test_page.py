"""The words of `myvgg app`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from myvgg.cli.page import Arguments, parse
from myvgg.runtime.errors import UsageError


def test_by_default_only_this_machine_is_let_in() -> None:
    """Nobody who types the command alone opens the page to others."""
    assert parse([]) == Arguments(host="localhost", port=None, password=None, browser=False, weights="auto")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--port", "0"], "--port must be from 1 to 65535, not 0"),
        (["--port", "70000"], "--port must be from 1 to 65535, not 70000"),
        (["--password", ""], "--password must not be empty"),
        (["photo.jpg"], "one word too many: photo.jpg"),
    ],
)
def test_wrong_words(words: list[str], problem: str) -> None:
    """Ports that there are not, and an empty password, are wrong usage."""
    with pytest.raises(UsageError, match=problem):
        parse(words)


def test_without_gradio_the_extra_is_named() -> None:
    """The page needs an extra, and says which."""
    code = "import sys; sys.modules['gradio'] = None; from myvgg.cli.page import main; sys.exit(main([]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    expected = "myvgg app: the page needs gradio, which is not installed: pip install 'myvgg[app]'"
    assert done.stderr.splitlines()[-1] == expected
