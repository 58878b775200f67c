"""The command line of extraction: `python -m myvgg.extraction`, or `python scripts/extract.py`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from myvgg.arguments import NetworkArguments
from myvgg.command import UsageError, run

if TYPE_CHECKING:
    from myvgg.extraction.plan import Plan
    from myvgg.params import Params

NO_PYARROW = "extraction needs pyarrow, which is not installed: pip install 'myvgg[extract]'"


@dataclass(frozen=True)
class Arguments(NetworkArguments):
    """Write features of pictures to a table, a row for each."""

    pictures: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PICTURES")] = ()
    """Files, folders with all that is in them, patterns ('photos/**/*.jpg'); - reads a list from standard input."""

    layers: Annotated[str, tyro.conf.arg(metavar="LAYER,...")] = "relu5_4"
    """Names of layers, such as relu4_2 or fc7; Keras' names are understood."""

    pool: Literal["none", "mean", "gram", "moments"] = "mean"
    """What is made of maps: nothing, their mean, the mean products of their channels, or both."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = Path("features.parquet")
    """What to write: .parquet, .h5, .npz or .safetensors."""

    size: int = 224
    """In pixels; what it is the size of says --fit."""

    fit: Literal["crop", "squash", "longest", "none"] = "crop"
    """The middle square of the picture; the whole of it squashed; its longest side; or the picture as it is."""

    pooling: Literal["max", "avg"] = "max"
    """The network's pools."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """What convolutions compute in; auto is what this machine is fastest at."""

    ray: Annotated[str | None, tyro.conf.arg(metavar="auto|ADDRESS")] = None
    """Work on the Ray cluster that this machine is part of, or on the one at an address."""

    workers: int | None = None
    """Networks on the cluster, at most; by default one for each processor, or for each GPU where there are some."""

    overwrite: bool = False
    """Begin anew, whatever there is of an earlier run."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run("extract.py", lambda: _main(sys.argv[1:] if argv is None else list(argv)))


def _main(argv: list[str]) -> None:
    arguments = tyro.cli(Arguments, args=argv, prog="extract.py", config=(tyro.conf.FlagCreatePairsOff,))
    if arguments.workers is not None and (arguments.workers < 1 or arguments.ray is None):
        raise UsageError("--workers must be at least 1, and goes with --ray")
    if arguments.size < 1:
        raise UsageError(f"--size must be at least 1, not {arguments.size}")
    try:
        import pyarrow as pa  # noqa: F401
    except ImportError as error:
        raise ValueError(NO_PYARROW) from error
    from myvgg.extraction import parts, table
    from myvgg.files import check_writable

    table.writer_of(arguments.output)
    check_writable(arguments.output)
    paths = _paths(arguments.pictures)
    plan, params = _planned(arguments)
    folder = parts.folder_of(arguments.output)
    if arguments.overwrite:
        parts.removed(folder)
    elif arguments.output.exists():
        return _compare(arguments.output, plan, paths)
    _check_layers(plan, params)
    parts.opened(folder, plan)
    _work(paths, plan, params, folder, arguments)
    return _finish(paths, plan, params, folder, arguments.output)


def _paths(words: Sequence[str]) -> list[str]:
    """Return the pictures that words stand for; - stands for a list on standard input."""
    from myvgg.pictures import found

    if "-" not in words:
        return [str(path) for path in found(words, recursive=True)]
    listed = [line.rstrip("\n") for line in sys.stdin]
    others = [word for word in words if word != "-"]
    paths = [line for line in listed if line] + (
        [str(path) for path in found(others, recursive=True)] if others else []
    )
    if not paths:
        raise UsageError("the list on standard input is empty")
    return list(dict.fromkeys(paths))


def _planned(arguments: Arguments) -> tuple[Plan, Params]:
    from myvgg.extraction.plan import Plan, weights_of

    architecture = arguments.network
    layers = tuple(filter(None, arguments.layers.split(",")))
    if not layers:
        raise UsageError("--layers must name at least one layer")
    resolved = [architecture.resolve(layer) for layer in layers]
    dense = set(resolved) - {*architecture.layer_names(include_top=False)}
    if dense and (arguments.fit not in ("crop", "squash") or arguments.size != architecture.input_size):
        side = architecture.input_size
        raise UsageError(f"{', '.join(sorted(dense))} need --size {side} with --fit crop or squash")
    params = arguments.load(include_top=bool(dense))
    from myvgg.precision import fastest_precision

    plan = Plan(
        layers=layers,
        summary=arguments.pool,
        size=arguments.size,
        fit=arguments.fit,
        precision=fastest_precision() if arguments.precision == "auto" else arguments.precision,
        pooling=arguments.pooling,
        weights=weights_of(params),
    )
    return plan, params


def _check_layers(plan: Plan, params: Params) -> None:
    """Raise unless pictures of the plan's size are large enough."""
    from myvgg.vgg19 import check_layers

    check_layers(params.architecture, params.layers, params.architecture.deepest(plan.layers))
    if plan.fit in ("crop", "squash"):
        for layer in plan.layers:
            params.architecture.shape(layer, plan.size, plan.size)


def _compare(output: Path, plan: Plan, paths: Sequence[str]) -> None:
    """Say that all is done, where a finished file is of the same."""
    from myvgg.extraction import table

    found = table.stored(output)
    if different := plan.difference(found.plan):
        raise ValueError(f"{output} is there and has other features, {different}: name another file, or --overwrite")
    if missing := set(paths) - {*found.paths}:
        there = f"{len(paths) - len(missing)} of the {len(paths)} pictures"
        raise ValueError(f"{output} is there and has {there}: name another file, or --overwrite")
    print(f"{output} is there already; --overwrite makes it anew", file=sys.stderr)


def _work(paths: list[str], plan: Plan, params: Params, folder: Path, arguments: Arguments) -> None:
    """Compute what is missing."""
    from tqdm import tqdm

    from myvgg.extraction import parts

    there = parts.places(parts.files_of(folder))
    missing = [path for path in paths if path not in there]
    if there:
        print(f"{len(paths) - len(missing)} of {len(paths)} pictures are done already", file=sys.stderr)
    if not missing:
        return
    with tqdm(total=len(paths), initial=len(paths) - len(missing), unit=" pictures", desc="extract") as bar:
        if arguments.ray is None:
            from myvgg.extraction import local

            local.extract(missing, plan, params, folder, bar.update)
        else:
            from myvgg.extraction import cluster

            cluster.extract(missing, plan, params, folder, bar.update, address=arguments.ray, workers=arguments.workers)


def _finish(paths: list[str], plan: Plan, params: Params, folder: Path, output: Path) -> None:
    """Put the parts together, and name what could not be read."""
    from myvgg.extraction import parts, table
    from myvgg.extractor import columns_of

    columns = columns_of(params.architecture, plan.layers, plan.summary)
    content = table.Content(paths, columns, parts.files_of(folder), plan)
    failed = [(path, error) for path, error in zip(paths, content.errors(), strict=True) if error]
    if len(failed) == len(paths):
        raise ValueError(f"none of the {len(paths)} pictures could be read: {failed[0][1]}")
    table.write(content, output)
    parts.removed(folder)
    for _, error in failed[:10]:
        print(error, file=sys.stderr)
    if failed:
        print(f"{len(failed)} of {len(paths)} pictures have no features; the column error says why", file=sys.stderr)
    print(f"wrote {output} ({len(paths)} rows, {output.stat().st_size:,} bytes)", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
