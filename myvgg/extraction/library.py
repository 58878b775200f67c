"""The function behind the command `extract`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, get_args, overload

from myvgg.extraction.bar import progress_bar
from myvgg.extraction.batching import Row, compute_rows
from myvgg.extraction.feature_table import FeatureTable, stack
from myvgg.extraction.prefetching import prefetch
from myvgg.extraction.recipe import Recipe, identify_weights
from myvgg.extraction.request import AnyPath, Request, check_cluster, check_output, list_pictures, load_network
from myvgg.images import CENTRE_CROP, Resizing
from myvgg.params import HasParams, Params

if TYPE_CHECKING:
    from myvgg.extraction.stored_features import StoredFeatures
    from myvgg.extractor import Reduction
    from myvgg.network import Pooling
    from myvgg.precision import Precision


class Options(TypedDict, total=False):
    """The options of `extract`, for its two signatures."""

    layers: Sequence[str]
    reduce: Reduction
    params: Params | HasParams | AnyPath | None
    architecture: Literal["vgg19", "vgg16"]
    resizing: Resizing
    precision: Precision | Literal["auto"]
    pooling: Pooling
    ray: str | None
    workers: int | None
    overwrite: bool
    progress: bool


@overload
def extract(paths: AnyPath | Iterable[AnyPath], *, output: None = None, **options: Unpack[Options]) -> FeatureTable: ...
@overload
def extract(paths: AnyPath | Iterable[AnyPath], *, output: AnyPath, **options: Unpack[Options]) -> StoredFeatures: ...
def extract(
    paths: AnyPath | Iterable[AnyPath],
    *,
    layers: Sequence[str] = ("relu5_4",),
    reduce: Reduction = "mean",
    output: AnyPath | None = None,
    params: Params | HasParams | AnyPath | None = None,
    architecture: Literal["vgg19", "vgg16"] = "vgg19",
    resizing: Resizing = CENTRE_CROP,
    precision: Precision | Literal["auto"] = "float32",
    pooling: Pooling = "max",
    ray: str | None = None,
    workers: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> FeatureTable | StoredFeatures:
    """Compute features of pictures, into memory or into a file.

    Threads read the pictures while the network computes. A picture that cannot be read has a reason in place of
    features, and does not end the call.

    A file is written in parts. A call that was stopped goes on where it was when it is made again. A finished file of
    the same features is brought up to date: pictures that are new, have changed since or had no features are computed.
    If there are none, the file is left as it is. A picture that has become damaged keeps its features, with a warning.

    For maps and their means, a picture's row equals bit for bit the features of `resizing(path)` alone, computed by
    `myvgg.Extractor` with the same precision, on the same CPU and with as many threads. Dense layers, Gram matrices and
    second moments are products of matrices, whose rounding depends on the batch: there it equals but for the last
    digits, and bit for bit only in the same batch. So it is on a GPU.

    Args:
        paths: Picture files, folders with all pictures in them and below, and patterns such as `photos/**/*.jpg`, in a
            list or alone. Each file counts once.
        layers: Names of tensors, or Keras' names. Dense layers need pictures of the network's size.
        reduce: The reduction of maps: `none`, `mean` over positions, `gram`, the mean products of channels, or
            `moments`, both. Dense layers are not reduced.
        output: A file .parquet, .h5, .npz or .safetensors, which needs pyarrow. Without it, the features stay in
            memory.
        params: The network's parameters; a `VGG19` or `VGG16`; or the name of a source as in `VGG19.load`, None for the
            first file that is found.
        architecture: The network, where `params` names a source.
        resizing: How pictures are brought to a size.
        precision: The type that convolutions compute in; `auto` is the fastest of this machine, so that
            two machines may differ.
        pooling: The network's pools, `max` or `avg`.
        ray: The address of a Ray cluster that computes, or `auto` for the one that this machine is part of. All
            machines must be able to read the pictures and to write to the folder of `output`.
        workers: Largest number of networks on the cluster; None for one on each GPU, or on each processor of a cluster
            without GPUs.
        overwrite: Replace a file and its parts, whatever features they have.
        progress: Show a bar on stderr.

    Returns:
        The features; or with `output`, the file with its number of rows and the reasons for rows without features.

    Raises:
        ValueError: Wrong options, which is found out before anything is computed; other features in the file or its
            parts, or features of pictures that are not asked for; maps of several shapes in a file other than Parquet;
            no picture that can be read; or a cluster that cannot be reached or has given up.
        WeightsError: No parameters that can be used.
        OSError: The file or a part cannot be written; the parts before it are kept.

    Example:
        >>> import myvgg
        >>> table = myvgg.extract("examples/c*.jpg", layers=["relu4_2", "pool5"], params="bundled", progress=False)
        >>> table["relu4_2"].shape, table["pool5"].shape
        ((2, 512), (2, 512))
    """
    check_cluster(ray, workers, output)
    if output is not None:
        check_output(Path(output))
    listed = list_pictures(paths)
    options = _checked_options(reduce=reduce, pooling=pooling, precision=precision)
    network = load_network(params, architecture, layers, resizing)
    recipe = Recipe(layers=tuple(layers), resizing=resizing, weights=identify_weights(network), **options)
    request = Request(listed, recipe, network, ray, workers, progress)
    if output is None:
        return _in_memory(request)
    from myvgg.extraction.storing import store

    return store(request, Path(output), overwrite=overwrite)


def _checked_options(**options: Any) -> dict[str, Any]:
    """Return options of a recipe, with the fastest precision in place of `auto`.

    Raises:
        ValueError: A value that there is not.
    """
    from myvgg.extractor import REDUCTIONS
    from myvgg.network import POOLS, check_option
    from myvgg.precision import Precision, fastest_precision

    allowed: dict[str, Any] = {"reduce": REDUCTIONS, "pooling": POOLS, "precision": ("auto", *get_args(Precision))}
    for name, value in options.items():
        check_option(name, value, allowed[name])
    return options | ({"precision": fastest_precision()} if options["precision"] == "auto" else {})


def _in_memory(request: Request) -> FeatureTable:
    extractor = request.recipe.extractor(request.params)
    rows: list[Row] = []
    with progress_bar(len(request.paths), 0, visible=request.progress) as tell:
        for batch in compute_rows(prefetch(request.paths, request.recipe.resizing), extractor):
            rows += batch
            tell(len(batch))
    errors = tuple(row.error for row in rows)
    request.check_some(errors)
    arrays = {column: stack([row.arrays.get(column) for row in rows]) for column in extractor.columns}
    return FeatureTable(request.paths, errors, arrays, request.recipe)
