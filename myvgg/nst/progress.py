"""A bar that tells how far a run is, in pixels worked on, since large scales take longer than small ones."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from myvgg.nst.transfer import Step

BAR = "{desc} |{bar}| {elapsed}<{remaining}{postfix}"
"""Where it is, a bar, time so far and time left, losses: all of it fits into 80 columns."""


def shown(steps: Iterator[Step], work: int, done: int = 0) -> Iterator[Step]:
    """Pass steps on, with a bar on stderr.

    Args:
        steps: From `stylize`.
        work: Pixels of all steps together.
        done: Those of the steps that an earlier run has made.
    """
    width, height = shutil.get_terminal_size()  # tqdm by itself shows nothing where both are said to be 0
    with tqdm(total=work, initial=done, bar_format=BAR, ncols=width, nrows=height) as bar:
        for step in steps:
            yield step  # first: what the bar shows is safe
            bar.set_description_str(
                f"scale {step.scale}/{step.scales} step {step.iteration}/{step.iterations}", refresh=False
            )
            losses = {name: f"{step.losses[name]:.2g}" for name in ("content", "style", "total")}
            bar.set_postfix(losses, refresh=False)
            bar.update(step.size[0] * step.size[1])


def say(sentence: str) -> None:
    """Print a sentence to stderr, above a bar if there is one."""
    tqdm.write(sentence, file=sys.stderr)
