"""Features of a list of pictures in a file, in parts that a later call goes on from."""

from __future__ import annotations

from pathlib import Path

from myvgg.extraction import parts
from myvgg.extraction.bar import progress_bar
from myvgg.extraction.readers import read_head
from myvgg.extraction.recipe import FOREIGN
from myvgg.extraction.request import Request
from myvgg.extraction.stored_features import StoredFeatures
from myvgg.extraction.writers import Content, write


def store(request: Request, output: Path, *, overwrite: bool) -> StoredFeatures:
    """Compute the pictures that are missing, and write the file when all are there.

    Args:
        request: The pictures, and the features to compute of them.
        output: The file, which `request.check_output` has passed.
        overwrite: Begin anew, without the file or the parts of an earlier call.

    Raises:
        ValueError: The file or the parts of an earlier call have other features; or no picture could be read.
        OSError: Nothing more can be written; the parts that are written are kept.
    """
    folder = parts.folder_of(output)
    if not overwrite and output.exists():
        return _compare(request, output)
    folder.mkdir(exist_ok=True)
    with parts.locked(folder):
        if not overwrite and output.exists():  # another run has finished it meanwhile
            parts.remove_folder(folder)
            return _compare(request, output)
        if overwrite:
            parts.empty_folder(folder)
        parts.open_folder(folder, request.recipe)
        computed = _compute_missing(request, folder)
        return _finish(request, folder, output, computed)


def _compare(request: Request, output: Path) -> StoredFeatures:
    """Return the finished file, or raise where it has other features or lacks pictures."""
    head = read_head(output)
    different = FOREIGN if head is None else request.recipe.difference(head.recipe)
    if head is None or different:
        raise ValueError(f"{output} is there and has other features, {different}: name another file, or overwrite it")
    if missing := set(request.paths) - {*head.paths}:
        there = f"{len(request.paths) - len(missing)} of the {len(request.paths)} pictures"
        raise ValueError(f"{output} is there and has {there}: name another file, or overwrite it")
    if tuple(head.paths) != tuple(request.paths):
        more = len({*head.paths} - {*request.paths})
        there = f"{more} pictures more" if more else "the pictures in another order"
        raise ValueError(f"{output} is there and has {there}: name another file, or overwrite it")
    errors = {path: error for path, error in zip(head.paths, head.errors, strict=True) if error}
    return StoredFeatures(output, len(head.paths), errors, computed=0, existed=True)


def _compute_missing(request: Request, folder: Path) -> int:
    """Compute the pictures without features in the parts, failed ones again; return their number."""
    places = parts.places_of(parts.readable_parts(folder))
    missing = [path for path in request.paths if path not in places or places[path].error]
    total = len(request.paths)
    with progress_bar(total, total - len(missing), visible=request.progress) as tell:
        if not missing:
            return 0
        if request.ray is None:
            from myvgg.extraction import local

            local.compute_parts(missing, request.recipe, request.params, folder, tell)
        else:
            from myvgg.extraction import distributed

            arguments = missing, request.recipe, request.params, folder, tell
            distributed.compute_parts(*arguments, address=request.ray, workers=request.workers)
    return len(missing)


def _finish(request: Request, folder: Path, output: Path, computed: int) -> StoredFeatures:
    """Put the parts together, and remove them."""
    from myvgg.extractor import columns_of

    columns = columns_of(request.params.architecture, request.recipe.layers, request.recipe.reduce)
    content = Content(request.paths, columns, parts.readable_parts(folder), request.recipe)
    errors = content.errors()
    request.check_some(errors)
    write(content, output)
    parts.remove_folder(folder)
    failed = {path: error for path, error in zip(request.paths, errors, strict=True) if error}
    return StoredFeatures(output, len(request.paths), failed, computed, existed=False)
