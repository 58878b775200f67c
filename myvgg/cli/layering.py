"""Settings in layers: a preset below, a file above it, and the words of a command line on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myvgg.nst import presets, tables
from myvgg.nst.settings import SETTINGS, Settings
from myvgg.runtime.errors import UsageError

if TYPE_CHECKING:
    from myvgg.params import Params


def settings_of(named: Mapping[str, Any], defaults: Mapping[str, Any]) -> Settings:
    """Return the settings that the words of a command line make.

    Args:
        named: Values that the words name: settings, and `preset`, `from_picture` and `config`. A preset takes the
            place of the settings of `from_picture`.
        defaults: Settings that count more than the preset's, and less than those of the file and the words.

    Raises:
        UsageError: An unknown preset or key of a file, or a setting that is not allowed.
        ImageError: The picture of `from_picture` has no record.

    Example:
        >>> from myvgg.cli.layering import settings_of
        >>> settings_of({"preset": "gatys", "size": 64}, {"size": 8, "seed": 3}).seed
        3
    """
    recorded = _recorded(named["from_picture"]) if "from_picture" in named and not named.get("preset") else None
    try:
        base = Settings.preset(named.get("preset") or "default")
        if recorded is not None:
            base = Settings().with_values(recorded)
        base = base.with_values(defaults)
        if "config" in named:
            base = base.with_values(tables.read(named["config"]))
        return replace(base, **{name: value for name, value in named.items() if name in SETTINGS})
    except ValueError as error:
        raise UsageError(str(error)) from error


def untrained_defaults(named: Mapping[str, Any], params: Params) -> dict[str, Any]:
    """Return the settings that suit random weights, where the weights are random and the words choose no settings.

    Args:
        named: Values that the words name.
        params: The weights.
    """
    if params.origin.trained or any(named.get(name) for name in ("preset", "config", "from_picture", "compare")):
        return {}
    return tables.read(presets.FOLDER / "random.toml")


def _recorded(picture: Path) -> dict[str, Any]:
    """Return the settings in the record of a picture."""
    from myvgg.runs import record

    return record.settings_of(record.read_record(picture))
