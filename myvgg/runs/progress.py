"""The progress bar of a run. It counts pixels, since a step at a large scale takes longer than one at a small scale."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from myvgg.nst.transfer import Step

BAR = "{desc} |{bar}| {elapsed}<{remaining}{postfix}"
"""Scale and step, the bar, the time so far and the time left, the losses; they fit into 80 columns."""


def shown(steps: Iterator[Step]) -> Iterator[Step]:
    """Pass steps on and show a bar on stderr. Time left is estimated from the steps that this run has made.

    Args:
        steps: The steps, from `myvgg.nst.steps`.

    Yields:
        The same steps.
    """
    width, height = shutil.get_terminal_size()  # given, since tqdm shows nothing where a terminal says 0 of both
    with tqdm(total=1, bar_format=BAR, ncols=width, nrows=height) as bar:
        for step in steps:
            yield step  # before the bar moves, so that every step on the bar has been stored
            pixels = step.size[0] * step.size[1]
            if bar.total != step.work:
                bar.total, bar.initial, bar.n = step.work, step.done - pixels, step.done - pixels
            bar.set_description_str(
                f"scale {step.scale}/{step.scales} step {step.iteration}/{step.iterations}", refresh=False
            )
            losses = {name: f"{getattr(step.losses, name):.2g}" for name in ("content", "style", "total")}
            bar.set_postfix(losses, refresh=False)
            bar.update(pixels)


def say(sentence: str) -> None:
    """Print a sentence to stderr, above the bar if there is one.

    Args:
        sentence: The sentence.
    """
    tqdm.write(sentence, file=sys.stderr)
