"""Names of the files of many runs: made of pictures and settings, safe on every file system, and distinct."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

from myvgg.nst.settings import SETTINGS, Settings
from myvgg.runs.record import NEUTRAL

MAX_BYTES = 150
"""Length of a name without its suffix, in bytes. File systems allow 255, and checkpoints have longer suffixes."""


def changed_settings(settings: Settings) -> list[str]:
    """Return the settings that decide the picture and differ from the default, each as a word such as `noise-0.2`.

    Args:
        settings: The settings.

    Example:
        >>> changed_settings(Settings(size=256, balance=False))
        ['size-256', 'balance-false']
    """
    default = Settings()
    names = [name for name in SETTINGS if name not in NEUTRAL]
    changed = {name: getattr(settings, name) for name in names if getattr(settings, name) != getattr(default, name)}
    return [f"{dashed(name)}-{_written(value)}" for name, value in changed.items()]


def dashed(name: str) -> str:
    """Return a setting's name as the command line writes it, with dashes.

    Args:
        name: The name with underscores.
    """
    return name.replace("_", "-")


def distinct(names: Sequence[str], keys: Sequence[Hashable]) -> list[str]:
    """Make names safe, short and distinct, also where a file system ignores case.

    A hash replaces the end of a long name, and is added to names that are equal. The same names and keys give the same
    result in every run.

    Args:
        names: Names without suffix, of any characters.
        keys: For each name, a value that differs between equal names.

    Example:
        >>> distinct(["sea", "a b"], [1, 2])
        ['sea', 'a-b']
    """
    safe = [_cut(re.sub(r"[^\w.,=+-]+", "-", name)) for name in names]
    count = Counter(name.casefold() for name in safe)
    return [
        name if count[name.casefold()] == 1 else f"{name}-{digest(str(key))}"
        for name, key in zip(safe, keys, strict=True)
    ]


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cut(name: str) -> str:
    if len(name.encode()) <= MAX_BYTES:
        return name
    return f"{name.encode()[:MAX_BYTES].decode(errors='ignore')}-{digest(name)}"


def digest(text: str) -> str:
    """Return eight letters that stand for a text.

    Args:
        text: The text, which may hold bytes that are none.
    """
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:8]
