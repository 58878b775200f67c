"""The file of features that an earlier call has finished, compared with the pictures that are asked for now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from myvgg.extraction.assembling import is_fresh
from myvgg.extraction.formats import Head
from myvgg.extraction.readers import read_head
from myvgg.extraction.recipe import FOREIGN
from myvgg.extraction.request import Request
from myvgg.extraction.stored_features import StoredFeatures


class Finished(NamedTuple):
    """A finished file.

    Attributes:
        path: The file.
        head: All that it holds beside its arrays.
        done: Names of the pictures whose features need not be computed again.
        old: Names of the pictures whose features are those of the pictures before they changed.
    """

    path: Path
    head: Head
    done: frozenset[str]
    old: frozenset[str]

    def is_current(self, paths: Sequence[str], errors: Mapping[str, str]) -> bool:
        """Return whether the file is the result.

        Args:
            paths: The pictures that are asked for.
            errors: The present reasons of pictures without features.
        """
        if self.head.paths != list(paths):
            return False
        theirs = zip(self.head.paths, self.head.errors, strict=True)
        return all(
            path in self.done or (errors.get(path) and (path in self.old or errors[path] == error))
            for path, error in theirs
        )

    def stored(self, computed: int) -> StoredFeatures:
        """Return the file as the result of a call that has left it as it was."""
        pairs = zip(self.head.paths, self.head.errors, strict=True)
        errors = {path: error for path, error in pairs if error}
        return StoredFeatures(self.path, len(self.head.paths), errors, computed, existed=True)


def read_finished(request: Request, output: Path, stamps: Mapping[str, int]) -> Finished | None:
    """Return the finished file; None if there is none.

    Args:
        request: The pictures, and the features to compute of them.
        output: The file.
        stamps: The present stamps of the pictures.

    Raises:
        ValueError: The file has other features, or features of other pictures, which would be lost.
    """
    if not output.exists():
        return None
    head = read_head(output)
    different = FOREIGN if head is None else request.recipe.difference(head.recipe)
    if head is None or different:
        raise ValueError(f"{output} is there and has other features, {different}: name another file, or overwrite it")
    rows = [*zip(head.paths, head.errors, head.stamps, strict=True)]
    others = [path for path, error, _ in rows if path not in stamps and not error]
    if others:
        some = f"{others[0]} and {len(others) - 1} more" if len(others) > 1 else others[0]
        raise ValueError(
            f"{output} is there and has features of pictures that are not asked for ({some}): ask for them too, name "
            "another file, or overwrite it"
        )
    there = {path: stamp for path, error, stamp in rows if path in stamps and not error}
    done = frozenset(path for path, stamp in there.items() if is_fresh(stamp, stamps[path]))
    return Finished(output, head, done, frozenset(there) - done)
