"""Features of a list of pictures in a file, in parts that a later call goes on from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from myvgg.extraction import local, parts
from myvgg.extraction.assembling import Place, Shapes, places_of
from myvgg.extraction.bar import progress_bar
from myvgg.extraction.finished import Finished, read_finished
from myvgg.extraction.parts import Part
from myvgg.extraction.picture_names import stamp_of
from myvgg.extraction.readers import read_rows
from myvgg.extraction.request import Request
from myvgg.extraction.stored_features import StoredFeatures
from myvgg.extraction.writers import WRITERS, Content, check_names, write
from myvgg.extractor import columns_of
from myvgg.runtime.errors import warn_once


class KeptWarning(UserWarning):
    """Pictures cannot be read any more, and the features of before are kept."""


PARQUET = ".parquet"
"""The suffix of files that hold arrays of several shapes, and whose rows are parts themselves."""


def store(request: Request, output: Path, *, overwrite: bool) -> StoredFeatures:
    """Compute the pictures that are missing, and write the file when all are there.

    A file that an earlier call has finished is left as it is if nothing is missing. Otherwise its rows are taken over,
    and pictures that are new, have changed or have failed are computed. A picture that has changed and cannot be read
    keeps its features, with a warning.

    Args:
        request: The pictures, and the features to compute of them.
        output: The file, which `request.check_output` has passed.
        overwrite: Begin anew, without the file or the parts of an earlier call.

    Raises:
        ValueError: The file or the parts of an earlier call have other features; the format cannot hold the pictures;
            or no picture could be read.
        OSError: Nothing more can be written; the parts that are written are kept.
    """
    check_names(request.paths, request.recipe, output)
    stamps = {path: stamp_of(path) for path in request.paths}
    earlier = None if overwrite else read_finished(request, output, stamps)
    folder = parts.folder_of(output)
    if earlier and earlier.is_current(request.paths, {}):
        parts.remove_leftover(folder, request.recipe)
        return earlier.stored(computed=0)
    if not overwrite:
        parts.adopt_folder(output, request.recipe, WRITERS)
    folder.mkdir(exist_ok=True)
    with parts.locked(folder):
        if overwrite:
            parts.empty_folder(folder)
        else:
            earlier = read_finished(request, output, stamps)  # another run may have finished it meanwhile
        parts.open_folder(folder, request.recipe)
        job = _Job(request, output, folder, stamps, earlier)
        stored = job.finish(job.compute())
        parts.remove_folder(folder)
        return stored


class _Job:
    """The pictures of a request on their way into a file."""

    def __init__(
        self, request: Request, output: Path, folder: Path, stamps: Mapping[str, int], earlier: Finished | None
    ) -> None:
        """Take what is known.

        Args:
            request: The pictures, and the features to compute of them.
            output: The file.
            folder: The folder of the parts.
            stamps: The present stamps of the pictures.
            earlier: The file that an earlier call has finished.
        """
        self._request, self._output, self._folder = request, output, folder
        self._stamps, self._earlier = stamps, earlier
        self._columns = columns_of(request.params.architecture, request.recipe.layers, request.recipe.reduce)
        self._done = earlier.done if earlier else frozenset[str]()

    def compute(self) -> int:
        """Compute the pictures without features in the file or the parts; return their number.

        Raises:
            ValueError: Arrays of several shapes in a format that cannot hold them; the parts are kept.
        """
        request, folder = self._request, self._folder
        own = parts.readable_parts(folder)
        places = places_of(own, self._stamps)
        done = self._done | {path for path, place in places.items() if place.is_done}
        missing = [path for path in request.paths if path not in done]
        shapes, total = self._shapes(places, own), len(request.paths)
        with progress_bar(total, total - len(missing), visible=request.progress) as tell:
            if not missing:
                return 0
            if request.ray is None:
                local.compute_parts(
                    missing, request.recipe, request.params, folder, tell, shapes.see if shapes else None
                )
            else:
                from myvgg.extraction import distributed

                arguments = missing, request.recipe, request.params, folder, self._watched(tell, shapes)
                distributed.compute_parts(*arguments, address=request.ray, workers=request.workers)
        return len(missing)

    def finish(self, computed: int) -> StoredFeatures:
        """Write the file, unless it is there and would be the same.

        Args:
            computed: Number of pictures that were computed.
        """
        paths, recipe = self._request.paths, self._request.recipe
        own = parts.readable_parts(self._folder)
        places = places_of(own, self._stamps)
        errors = {path: place.error for path, place in places.items()}
        if self._earlier and self._earlier.is_current(paths, errors):
            _tell_kept([path for path in paths if path in self._earlier.old])
            return self._earlier.stored(computed)
        if self._earlier and self._output.suffix.lower() == PARQUET:
            own += parts.parts_in(self._output)
        elif self._earlier:
            wanted = self._done - {path for path, place in places.items() if place.is_done}
            wanted |= self._earlier.old - {path for path, place in places.items() if not place.error}
            local.write_rows(read_rows(self._output, wanted), self._columns, self._folder)
            own = parts.readable_parts(self._folder)
        content = Content(paths, self._columns, own, recipe, self._stamps)
        self._request.check_some(content.errors)
        write(content, self._output)
        _tell_kept([path for path, place in zip(paths, content.places, strict=True) if place.is_kept])
        failed = {path: error for path, error in zip(paths, content.errors, strict=True) if error}
        return StoredFeatures(self._output, len(paths), failed, computed, existed=False)

    def _shapes(self, places: Mapping[str, Place], own: Sequence[Part]) -> Shapes | None:
        """Return the shapes so far, for formats of whole arrays; None where all are equal anyway, or any is allowed."""
        recipe = self._request.recipe
        if self._output.suffix.lower() == PARQUET or recipe.reduce != "none" or recipe.resizing.is_square:
            return None
        shapes = Shapes()
        if self._earlier:
            first = next((row for rows in read_rows(self._output, self._done) for row in rows), None)
            for column, array in first.arrays.items() if first else ():
                shapes.see(column, array.shape)
        shapes.see_rows([places[path] for path in self._request.paths if path in places], own, self._columns)
        return shapes

    def _watched(self, tell: Callable[[int], object], shapes: Shapes | None) -> Callable[[int], object]:
        """Return a function that tells progress and looks at the shapes in parts that others have written."""
        if shapes is None:
            return tell
        seen = {*self._folder.glob(parts.WHOLE)}

        def told(count: int) -> None:
            tell(count)
            for path in {*self._folder.glob(parts.WHOLE)} - seen:
                seen.add(path)
                written = parts.parts_in(path)
                shapes.see_rows([*places_of(written).values()], written, self._columns)

        return told


def _tell_kept(paths: Sequence[str]) -> None:
    """Warn of pictures that cannot be read any more, whose features are kept."""
    if paths:
        others = f" and {len(paths) - 1} more" * (len(paths) > 1)
        warn_once(
            f"{paths[0]}{others}: changed, and cannot be read any more; the features of before are kept", KeptWarning
        )
