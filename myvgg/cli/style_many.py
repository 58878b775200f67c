"""`myvgg style batch` and `myvgg style sweep`: many pictures with one command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myvgg.cli.arguments import load_weights
from myvgg.cli.layering import untrained_defaults
from myvgg.cli.style_arguments import Base, BatchArguments, SweepArguments
from myvgg.runtime.errors import UsageError

if TYPE_CHECKING:
    from myvgg.nst.settings import Settings
    from myvgg.params import Params
    from myvgg.runs.job import Job

SHARED = ("settings", "matte", "bits", "report", "log", "record", "resume", "checkpoint_every")
"""Options that a job has under the same name."""


def run_batch(arguments: BatchArguments) -> None:
    """Draw every content in every style.

    Raises:
        UsageError: Words that stand for no picture, or options that do not go together.
        ValueError: Some of the pictures failed.
    """
    from myvgg.runs import many
    from myvgg.runs.progress import say, shown

    if arguments.threads is not None and (arguments.threads < 1 or arguments.ray is None):
        raise UsageError("--threads must be at least 1, and goes with --ray")
    contents, styles = (pictures(name, words, arguments.output) for name, words in _places(arguments).items())
    params = load_weights(arguments.weights, include_top=False, bundled_first=True)
    jobs = many.batch_jobs(contents, styles, arguments.output, _template(arguments, params))
    if arguments.dry_run:
        return print(many.plan(jobs, params))
    return many.batch(
        jobs, arguments.output, params, say=say, watch=shown, ray=arguments.ray, threads=arguments.threads or 1
    )


def run_sweep(arguments: SweepArguments) -> None:
    """Draw a pair of pictures with several values of one setting or two.

    Raises:
        UsageError: No pictures, or settings and values that are not allowed.
        ValueError: Some of the pictures failed.
    """
    from myvgg.runs import many
    from myvgg.runs.progress import say, shown
    from myvgg.runs.specification import check_unchosen

    if arguments.content is None or arguments.style is None:
        raise UsageError("name a content and a style picture")
    over = axes(arguments.over)
    files: dict[str, Any] = {"content": arguments.content, "styles": (arguments.style,), "output": arguments.output}
    preset = partial(_preset, arguments)
    try:  # before the weights are read
        many.sweep_jobs(replace(_template(arguments), **files), over, preset=preset)
    except ValueError as error:
        raise UsageError(f"over: {error}") from error
    params = load_weights(arguments.weights, include_top=False, bundled_first=True)
    grid = many.sweep_jobs(replace(_template(arguments, params), **files), over, preset=preset)
    if arguments.dry_run:
        return print(many.plan(grid.jobs, params))
    if "output" not in arguments.named:
        check_unchosen(arguments.output)
    return many.sweep(grid, arguments.output, params, say=say, watch=shown)


def _places(arguments: BatchArguments) -> dict[str, tuple[str, ...]]:
    """Return the words for content and style pictures, which are two words, or the values of two options."""
    named = {"contents": arguments.contents, "styles": arguments.styles}
    missing = [name for name, words in named.items() if not words]
    if arguments.places and len(arguments.places) != len(missing):
        raise UsageError(
            f"name one word for the contents and one for the styles, not {len(arguments.places)}: a file, a folder or "
            "a pattern in quotes; several go after --contents and --styles"
        )
    return named | {name: (word,) for name, word in zip(missing, arguments.places, strict=False)}


def pictures(name: str, words: Sequence[str], folder: Path) -> list[Path]:
    """Return the picture files that the words of an option stand for, each once.

    Args:
        name: The option, `contents` or `styles`.
        words: Files, folders, or patterns.
        folder: Folder of the results; folders and patterns leave out the pictures in it.

    Raises:
        UsageError: No words, or a word that stands for no picture; names the option and the word.
    """
    if not words:
        raise UsageError(f"name the {name}: files, folders or patterns")
    from myvgg.images import find_pictures

    try:
        return find_pictures(words, outside=folder)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error


def axes(over: Sequence[str]) -> dict[str, list[str]]:
    """Split the words of `--over` into settings and their values.

    Args:
        over: A word for each setting: `style-strength=0.5,1,2`, or `style-layers=relu1_1,relu2_1;relu3_1`.

    Returns:
        The values as they are written, by the name of the setting.

    Raises:
        UsageError: No setting, more than two, one setting twice, or a word without values.

    Example:
        >>> from myvgg.cli.style_many import axes
        >>> axes(["style-strength=0.5,1"])
        {'style_strength': ['0.5', '1']}
    """
    if not 1 <= len(over) <= 2:
        raise UsageError(f"name one or two settings with their values, such as style-strength=0.5,1,2, not {len(over)}")
    split: dict[str, list[str]] = {}
    for word in over:
        name, _, listed = word.partition("=")
        name = name.strip().replace("-", "_")
        values = [value.strip() for value in re.split(";" if ";" in listed else ",", listed)]
        if not all(values):
            raise UsageError(f"over must be a setting with its values, such as style-strength=0.5,1,2, not {word!r}")
        if name in split:
            raise UsageError(f"over must name two different settings, not {name} twice")
        split[name] = values
    return split


def _preset(arguments: Base, name: str) -> Settings:
    """Return the settings of a preset, with those that the words name on top."""
    return arguments.settings_over({}, preset=name)


def _template(arguments: Base, params: Params | None = None) -> Job:
    """Return a job that has everything but its pictures, with the settings that suit the weights."""
    from myvgg.runs.job import Job

    options = {name: getattr(arguments, name) for name in SHARED}
    if params and (untrained := untrained_defaults(arguments.named, params)):
        options["settings"] = arguments.settings_over(untrained)
    return Job(content=None, styles=(), output=Path(), **options)
