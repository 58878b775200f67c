"""The progress bar of a run. It counts pixels, since a step at a large scale takes longer than one at a small scale."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from myvgg.runtime.bars import bar

if TYPE_CHECKING:
    from myvgg.nst.transfer import Step

BAR = "{desc} |{bar}| {elapsed}<{remaining}{postfix}"
"""Scale and step, the bar, the time so far and the time left, the losses; they fit into 80 columns."""


def shown(steps: Iterator[Step]) -> Iterator[Step]:
    """Pass steps on and show a bar on stderr. Time left is estimated from the steps that this run has made.

    The first step of a scale does not count there, since graphs are made in its time.

    Args:
        steps: The steps, from `myvgg.nst.steps`.

    Yields:
        The same steps.
    """
    width, height = shutil.get_terminal_size()  # given, since tqdm shows nothing where a terminal says 0 of both
    with bar(total=1, bar_format=BAR, ncols=width, nrows=height) as progress:
        scale = 0
        for step in steps:
            yield step  # before the bar moves, so that every step on the bar has been stored
            progress.set_description_str(
                f"scale {step.scale}/{step.scales} step {step.iteration}/{step.iterations}", refresh=False
            )
            losses = {name: f"{getattr(step.losses, name):.2g}" for name in ("content", "style", "total")}
            progress.set_postfix(losses, refresh=False)
            progress.total = step.work
            if step.scale == scale:
                progress.update(step.size[0] * step.size[1])
            else:
                _begin(progress, step, is_first=not scale)
                scale = step.scale


def _begin(progress: Any, step: Step, *, is_first: bool) -> None:
    """Let a bar go on after the first step of a scale, as if that step had taken no time."""
    progress.n = progress.last_print_n = step.done
    if is_first:
        progress.initial = step.done
    progress.last_print_t = time.time()
    progress.refresh()


def say(sentence: str) -> None:
    """Print a sentence to stderr, above the bar if there is one.

    Args:
        sentence: The sentence.
    """
    tqdm.write(sentence, file=sys.stderr)
