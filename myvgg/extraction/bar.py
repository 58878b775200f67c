"""A progress bar on stderr, in pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(total: int, done: int, *, visible: bool) -> Iterator[Callable[[int], object]]:
    """Show a bar while the block runs.

    Args:
        total: Number of pictures.
        done: Number of pictures that an earlier run has done.
        visible: Show it.

    Yields:
        A function that is called with the number of pictures since its last call.
    """
    if not visible:
        yield lambda _: None
        return
    from tqdm import tqdm

    from myvgg.runtime.bars import bar

    if done:
        tqdm.write(f"{done} of {total} pictures are done already", file=sys.stderr)
    if done == total:
        yield lambda _: None
        return
    with bar(total=total, initial=done, unit=" pictures", desc="extract") as progress:
        yield progress.update
