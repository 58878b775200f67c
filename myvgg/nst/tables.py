"""Settings as tables of TOML's types, and in TOML files.

A table holds settings by their names; `preset = "gatys"` names the settings to start from.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myvgg.nst.settings import SETTINGS, Settings


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a TOML file of settings and check it.

    Returns:
        A table for `Settings.with_values`.

    Raises:
        ValueError: A file that cannot be read, that is not TOML (with the line), or whose values are not settings;
            names the file.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
        Settings().with_values(table)
    except OSError as error:
        raise ValueError(f"{os.fspath(path)}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{os.fspath(path)}: not a TOML file: {error}") from error
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from error
    return table


def table_of(settings: Settings) -> dict[str, Any]:
    """Return all settings that are not None as a table of TOML's types; `Settings().with_values` undoes it."""
    values = {name: getattr(settings, name) for name in SETTINGS}
    plain = {Mapping: dict, tuple: list}
    for kind, make in plain.items():
        values |= {name: make(value) for name, value in values.items() if isinstance(value, kind)}
    return {name: value for name, value in values.items() if value is not None}


def dump(settings: Settings) -> str:
    """Write all settings as TOML, one a line; a setting that is None becomes a comment, since TOML has no None."""
    table = table_of(settings)
    lines = (f"{name} = {_toml(table[name])}" if name in table else f"# {name} is not set" for name in SETTINGS)
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """Write a value on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {_toml(part)}' for name, part in value.items())} }}" if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML's escapes are JSON's, but for it
    return repr(value)
