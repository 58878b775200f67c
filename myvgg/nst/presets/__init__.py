"""Named settings, each in a TOML file of this folder, and settings as TOML in general.

A table holds settings by their names, those that differ from its base; `preset = "gatys"` names another base.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

from myvgg.nst.settings import SETTINGS, Layers, Settings

FOLDER = Path(__file__).parent


def names() -> tuple[str, ...]:
    """Name the presets, in the order of the alphabet."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load(name: str) -> Settings:
    """Return the settings of a preset.

    Raises:
        ValueError: There is none of that name; names the nearest and all.
    """
    if name not in (known := names()):
        raise ValueError(f"no preset {name!r}{_nearest(name, known)}; there are {', '.join(known)}")
    return settings(read(FOLDER / f"{name}.toml"), Settings())


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a TOML file of settings and check it.

    Returns:
        What the file says, for `settings`.

    Raises:
        ValueError: A file that cannot be read, no TOML (says the line), or not a table that `settings` takes; names the
            file.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        settings(table, Settings())
    except OSError as error:
        raise ValueError(f"{os.fspath(path)}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{os.fspath(path)}: not a TOML file: {error}") from error
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from error
    return table


def settings(table: Mapping[str, Any], base: Settings) -> Settings:
    """Return the settings that differ from a base as a table says.

    Args:
        table: Values by name; `preset` names a base that takes the place of `base`.
        base: Where to start from.

    Raises:
        ValueError: An unknown name (names the nearest), a value of the wrong type, or one out of its range.
    """
    changes = dict(table)
    if "preset" in changes:
        base = load(str(changes.pop("preset")))
    for name, value in changes.items():
        if name not in SETTINGS:
            raise ValueError(f"no setting {name!r}{_nearest(name, ('preset', *SETTINGS))}")
        changes[name] = _typed(name, value)
    return replace(base, **changes)


def table_of(settings: Settings) -> dict[str, Any]:
    """Return all settings that are not None as a table of TOML's types; `settings` undoes it, over `Settings()`."""
    values = {name: getattr(settings, name) for name in SETTINGS}
    plain = {Mapping: dict, tuple: list}
    for kind, make in plain.items():
        values |= {name: make(value) for name, value in values.items() if isinstance(value, kind)}
    return {name: value for name, value in values.items() if value is not None}


def dump(settings: Settings) -> str:
    """Write all settings as TOML, one a line; what is None is a comment, since TOML has no word for it."""
    table = table_of(settings)
    lines = (f"{name} = {_toml(table[name])}" if name in table else f"# {name} is not set" for name in SETTINGS)
    return "\n".join(lines) + "\n"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


KINDS: dict[Any, tuple[str, Callable[[Any], bool], Callable[[Any], Any]]] = {
    bool: ("true or false", lambda value: isinstance(value, bool), bool),
    float: ("a number", _is_number, float),
    str: ("a text", lambda value: isinstance(value, str), str),
    tuple[float, ...]: (
        "a list of numbers",
        lambda value: isinstance(value, list | tuple) and all(map(_is_number, value)),
        lambda value: tuple(map(float, value)),
    ),
}
"""By a setting's type: what a table must hold, how one knows, and what becomes of it. `Settings` checks other types."""


def _typed(name: str, value: Any) -> Any:
    """Return a value of a table as its setting's type."""
    hint = get_type_hints(Settings)[name]
    if hint is Layers:
        try:
            return Layers(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: {error}") from error
    if hint not in KINDS:
        return value
    said, fits, make = KINDS[hint]
    if not fits(value):
        raise ValueError(f"{name} must be {said}, not {value!r}")
    return make(value)


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


def _nearest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1)
    return f": did you mean {found[0]}?" if found else ""
