"""Checks of settings: every value is of its type, in its range, and goes with the others."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from myvgg.nst.layers import LARGEST_WEIGHT, Layers, read_layers
from myvgg.sizes import parse_size

if TYPE_CHECKING:
    from myvgg.nst.settings import Settings

WHOLE = {
    "iterations": 1,
    "scales": 1,
    "min_size": 1,
    "draft": 1,
    "seed": 0,
    "history": 1,
    "pyramid_levels": 1,
    "last_pass": 0,
}
"""Settings that are whole numbers, with the smallest that is allowed."""

OPTIONAL = ("scales", "draft")
"""Whole numbers that may be None."""

NOT_NEGATIVE = (
    *("content_weight", "style_weight", "tv_weight", "style_strength", "learning_rate", "epsilon"),
    *("noise_range", "style_scale", "match_weight"),
)
"""Settings that are numbers from 0 on."""

WEIGHTS = ("content_weight", "style_weight", "tv_weight", "style_strength", "match_weight")
"""Settings that losses are multiplied with."""

SHARES = ("noise", "beta1", "beta2", "average", "color_strength", "match_progress", "content_details")
"""Settings that are numbers from 0 to 1."""

BELOW_ONE = ("beta1", "beta2", "average")
"""Decays, which must be below 1."""

BETWEEN = {"step_growth": (0.1, 10), "first_steps": (0.1, 10), "scale_ratio": (1.1, 10), "content_decay": (0.01, 1)}
"""Settings that are numbers between two others."""

KINDS: dict[Any, tuple[str, Callable[[Any], bool], Callable[[Any], Any]]] = {
    bool: ("true or false", lambda value: isinstance(value, bool), bool),
    float: ("a number", lambda value: _is_number(value), float),
    float | None: (
        "a number",
        lambda value: value is None or _is_number(value),
        lambda value: None if value is None else float(value),
    ),
    str: ("a text", lambda value: isinstance(value, str), str),
    tuple[float, ...]: (
        "a list of numbers",
        lambda value: isinstance(value, list | tuple) and all(map(_is_number, value)),
        lambda value: tuple(map(float, value)),
    ),
}
"""By type of a setting: the name of the type, its check, and its conversion. `check` knows all other types."""


def plain(value: Any) -> Any:
    """Return a value of NumPy's as one of Python's, and a path as a text; any other value as it is."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.tolist() if hasattr(value, "tolist") else value


def as_type(name: str, hint: Any, value: Any) -> Any:
    """Return a value of a table of TOML as the type of its setting.

    Args:
        name: Name of the setting, for errors.
        hint: Type of the setting.
        value: Value of the table.

    Raises:
        ValueError: A value of another type.

    Example:
        >>> from myvgg.nst.ranges import as_type
        >>> as_type("style_blend", tuple[float, ...], [1, 2])
        (1.0, 2.0)
    """
    if hint is Layers:
        return read_layers(name, value)
    if hint not in KINDS:
        return value
    said, fits, make = KINDS[hint]
    if not fits(value):
        raise ValueError(f"{name} must be {said}, not {value!r}")
    try:
        return make(value)
    except OverflowError as error:
        raise ValueError(f"{name} is a number too large: {error}") from error


def check(settings: Settings) -> None:
    """Check all values of settings, whose layers are read already.

    Raises:
        ValueError: A value that is not allowed; names the setting, the value and the allowed values.
    """
    _check_choices(settings)
    for name, smallest in WHOLE.items():
        _check_whole(name, getattr(settings, name), smallest)
    for name in (*NOT_NEGATIVE, *SHARES):
        _check_number(name, getattr(settings, name))
    _check_sizes(settings)
    _check_together(settings)


def _check_choices(settings: Settings) -> None:
    for name, hint in get_type_hints(type(settings)).items():
        if get_origin(hint) is Literal and getattr(settings, name) not in get_args(hint):
            *choices, last = get_args(hint)
            raise ValueError(f"{name} must be {', '.join(choices)} or {last}, not {getattr(settings, name)!r}")


def _check_whole(name: str, value: Any, smallest: int) -> None:
    if value is None and name in OPTIONAL:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number, not {value!r}")
    if value < smallest:
        raise ValueError(f"{name} must be at least {smallest}, not {value}")


def _check_number(name: str, value: Any) -> None:
    limit = 1.0 if name in SHARES else math.inf
    if not (0 <= _number(name, value) <= limit and value < math.inf):
        allowed = "from 0 to 1" if name in SHARES else "a number from 0 on"
        raise ValueError(f"{name} must be {allowed}, not {value}")
    if name in WEIGHTS and value > LARGEST_WEIGHT:
        raise ValueError(f"{name} must be at most {LARGEST_WEIGHT:g}, not {value}")
    if name in BELOW_ONE and value == 1:
        raise ValueError(f"{name} must be below 1")


def _check_sizes(settings: Settings) -> None:
    memory = settings.max_memory
    if memory is not None and not 0 < _number("max_memory", memory) < math.inf:
        raise ValueError(f"max_memory must be a number of gigabytes above 0, not {memory}")
    if settings.style_scale == 0:
        raise ValueError("style_scale must be above 0")
    for name, (smallest, largest) in BETWEEN.items():
        if not smallest <= _number(name, getattr(settings, name)) <= largest:
            raise ValueError(f"{name} must be from {smallest:g} to {largest:g}, not {getattr(settings, name)}")
    parse_size("size", settings.size)
    if settings.style_size is not None:
        parse_size("style_size", settings.style_size)


def _check_together(settings: Settings) -> None:
    shares = settings.style_blend
    if any(share < 0 for share in shares) or (shares and not 0 < sum(shares) < math.inf):
        raise ValueError(f"style_blend must be shares from 0 on, with a sum above 0 that is a number, not {shares}")
    is_empty = not any(settings.content_layers.values()) and not any(settings.style_layers.values())
    if is_empty and settings.statistic:
        raise ValueError("content_layers and style_layers must not both be empty")
    for name in ("style_loss", "content_loss"):
        uses = getattr(settings, name) in ("neighbors", "wasserstein+neighbors", "remd", "split", "self-similarity")
        if uses and not any(settings.match_layers.values()):
            raise ValueError(f"match_layers must not be empty where {name} is {getattr(settings, name)}")
    if settings.last_pass and not any(settings.match_layers.values()):
        raise ValueError("match_layers must not be empty where there is a last_pass")
    if settings.optimizer == "lbfgs" and (settings.sampled_layers or settings.last_pass):
        raise ValueError(
            "optimizer must be adam where style_loss is remd or split, where content_loss is self-similarity and where "
            "there is a last_pass, whose positions are drawn anew at each step, not lbfgs"
        )
    if settings.optimizer == "lbfgs" and settings.parameters == "pyramid":
        raise ValueError("optimizer must be adam where parameters is pyramid, not lbfgs")
    if settings.precision == "float16" and settings.layer_scaling == "none":
        raise ValueError(
            "precision must not be float16 where layer_scaling is none, since features overflow: choose float32 or "
            "bfloat16"
        )
    if settings.style_weight * settings.style_strength > LARGEST_WEIGHT:
        raise ValueError(f"style_weight times style_strength must be at most {LARGEST_WEIGHT:g}")
    if settings.content_weight == settings.style_weight * settings.style_strength == settings.tv_weight == 0:
        raise ValueError("content_weight, style_weight and tv_weight must not all be 0")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError(f"{name} must be a number, not {value!r}")
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a number, not {value!r}") from error
