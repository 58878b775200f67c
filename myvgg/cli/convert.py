"""`myvgg convert`: weights files of other programs become files of this one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from myvgg.architecture import ARCHITECTURES
from myvgg.cli import parser
from myvgg.cli.options import Option
from myvgg.cli.program import command, muted
from myvgg.runtime.errors import UsageError

if TYPE_CHECKING:
    from myvgg.architecture import Architecture
    from myvgg.params import Params


@dataclass(frozen=True)
class Arguments:
    """Convert weights of VGG19 or VGG16, such as MatConvNet's .mat or Keras' .h5, to the format that myvgg loads."""

    source: Annotated[Path | None, Option(metavar="SOURCE", positional=True)] = None
    """File to convert, or bundled: the file that comes with myvgg."""

    output: Annotated[Path | None, Option("-o")] = None
    """File to write: .safetensors, -8bit.safetensors (a quarter of the size), .npz, .h5 or .weights.h5. By default
    vgg19.safetensors in the folder weights of the checkout."""

    architecture: Literal["vgg19", "vgg16"] = "vgg19"
    """Network of the file."""

    preprocessing: Literal["caffe", "torchvision", "features"] | None = None
    """Preparation of pictures for these weights: caffe (B, G, R, 0 to 255), torchvision (R, G, B over a deviation) or
    features (R, G, B, 0 to 255). By default the file or its values tell."""

    list: bool = False
    """Describe SOURCE, and write nothing."""

    download: bool = False
    """Download the public Keras file in place of SOURCE."""

    with_top: bool = False
    """Download the public file with the classifier."""

    verify: bool = False
    """Run Keras' network and this one on a random picture, and print the difference of each layer."""

    normalize: Annotated[tuple[str, ...], Option(metavar="PICTURES")] = ()
    """Scale the kernels so that the mean response of every filter to these pictures, files or folders, is one."""

    compare: Annotated[Path | None, Option(metavar="OTHER")] = None
    """Compare SOURCE with another file, array by array, and write nothing."""


def parse(argv: Sequence[str], *, program: str = "myvgg convert") -> Arguments:
    """Read the words of the command into its record.

    Raises:
        UsageError: Words that are not understood, or do not go together.
        SystemExit: The words ask for the help, which is printed.
    """
    arguments = parser.read(Arguments, argv, program=program)
    if (arguments.source is None) != arguments.download:
        raise UsageError("name one file to convert, or --download")
    if arguments.with_top and not arguments.download:
        raise UsageError("--with-top goes with --download")
    others = arguments.download or arguments.output or arguments.verify or arguments.normalize
    if arguments.list and (others or arguments.compare):
        raise UsageError("--list takes one file and writes nothing")
    if arguments.preprocessing and (arguments.download or arguments.compare):
        raise UsageError("--preprocessing goes with one file to convert or to list")
    if arguments.compare and others:
        raise UsageError("--compare takes two files and writes nothing")
    return arguments


def _start(arguments: Arguments) -> None:
    architecture = ARCHITECTURES[arguments.architecture]
    if arguments.compare:
        _compare(arguments.source, arguments.compare, architecture)
    elif arguments.list:
        _list(arguments, architecture)
    else:
        _convert(arguments)


def _list(arguments: Arguments, architecture: Architecture) -> None:
    from myvgg import converters

    source = _file_of(arguments.source)
    params = converters.load(source, architecture=architecture, preprocessing=arguments.preprocessing)
    print("\n".join(_describe(params, source)))


def _file_of(source: Path | None) -> Path:
    """Return the file of SOURCE or OTHER."""
    from myvgg import store

    assert source is not None
    return store.bundled_path() if str(source) == store.BUNDLED else source


def _convert(arguments: Arguments) -> None:
    from myvgg import converters, store
    from myvgg.params import ROUNDED
    from myvgg.runtime.files import check_writable

    architecture = ARCHITECTURES[arguments.architecture]
    output = arguments.output or store.FOLDER / store.stored_name(architecture, include_top=False)
    converters.writer_of(output)
    check_writable(output)
    if output.resolve() == store.bundled_path(architecture).resolve():
        raise ValueError(f"cannot write {output}: it is the file that comes with myvgg, choose another name")
    source = None if arguments.source is None else _file_of(arguments.source)
    _check_replaceable(output, source)
    if source is None:
        params = store.download(output.parent, with_top=arguments.with_top, architecture=architecture)
    else:
        params = converters.load(source, architecture=architecture, preprocessing=arguments.preprocessing)
    if ROUNDED in params.origin.notes and arguments.output is None:
        raise ValueError(
            f"{source} has kernels of 8 bits, and {output} is for exact weights: name the result by -o, or use --list"
        )
    print("\n".join(_describe(params, source)))
    if arguments.verify:
        _verify(params)
    if arguments.normalize:
        params = _normalized(params, arguments.normalize)
    converters.save(_measured(params), output)
    print(f"wrote {output} ({output.stat().st_size:,} bytes)")


def _check_replaceable(output: Path, source: Path | None) -> None:
    """Raise unless the output is a new file, or a weights file other than the source."""
    import warnings

    from myvgg import converters
    from myvgg.params import WeightsError

    if not output.exists():
        return
    if source is not None and source.exists() and output.samefile(source):
        raise ValueError(f"cannot write {output}: it is the file to convert, name another file")
    for architecture in ARCHITECTURES.values():
        with suppress(WeightsError), warnings.catch_warnings(action="ignore"):
            converters.load(output, architecture=architecture)
            return
    raise ValueError(f"{output} is there and has no weights that are known here: name another file, or remove it")


def _measured(params: Params) -> Params:
    """Add the mean response of each layer to photographs, for formats that can hold it."""
    with muted():
        from myvgg.photographs import measured
    return measured(params)


def _normalized(params: Params, words: Sequence[str]) -> Params:
    with muted():
        from myvgg.normalization import normalized
    from myvgg import images

    files = images.find_pictures(words)
    print(f"  scaled   to a mean response of one to {len(files)} pictures")
    return normalized(params, (images.load(path) for path in files))


def _describe(params: Params, source: Path | None) -> Iterator[str]:
    """Yield the lines that describe a file."""
    from myvgg.converters.fingerprints import describe_values  # type: ignore[import-not-found]  # of the wheel

    origin = params.origin
    yield f"{source or origin.file}: {origin.generation}"
    if origin.file and source is not None and origin.file != source.name:
        yield f"  made of  {origin.file}"
    yield f"  sha256   {origin.sha256 or 'not known'}"
    if source is not None:
        yield f"  release  {_release(source)}"
    if origin.license:
        yield f"  license  {origin.license}"
    count = sum(array.size for layer in params.layers.values() for array in layer)
    yield f"  layers   {len(params.layers)}, {count:,} parameters, {params.nbytes:,} bytes as float32"
    for name, layer in params.layers.items():
        yield f"           {name:8} {' x '.join(map(str, layer.kernel.shape)):>19}  +{layer.bias.size:5}"
    yield f"  values   {describe_values(params)}"
    order = "R, G, B" if params.preprocessing.channels == "rgb" else "B, G, R"
    yield f"  pictures {order} minus {params.preprocessing.mean}, over {params.preprocessing.scale}"
    if params.labels:
        yield f"  classes  {len(params.labels)}, from {params.labels[0]!r} to {params.labels[-1]!r}"
    for note in origin.notes:
        yield f"  note     {note}"


def _release(source: Path) -> str:
    """Find a file among the public ones, by its MD5."""
    import hashlib

    from myvgg import store

    with source.open("rb") as file:
        md5 = hashlib.file_digest(file, "md5").hexdigest()
    for public in store.manifest().values():
        if public.md5 == md5:
            return f"the public file, {public.format}, {public.generation}"
    return f"none of the public files, by its md5 {md5}"


def _verify(params: Params) -> None:
    with muted():
        from myvgg.parity import differences

    print("  Keras and ours on a random picture, largest difference over largest value:")
    found = differences(params)
    for name, difference in found.items():
        print(f"           {name:8} {difference:.1e}" if difference else f"           {name:8} equal bit for bit")
    if not max(found.values()) <= 1e-5:  # NaN is no agreement either
        raise ValueError("Keras and ours differ by more than rounding; nothing was written")


def _compare(first: Path | None, second: Path, architecture: Architecture) -> None:
    from myvgg import converters

    first, second = _file_of(first), _file_of(second)
    ours, theirs = (converters.load(path, architecture=architecture) for path in (first, second))
    different = 0
    for name in dict.fromkeys([*ours.layers, *theirs.layers]):
        result = _compare_layer(ours, theirs, name)
        different += result != "equal"
        print(f"{name:8} {result}")
    if different:
        raise ValueError(f"{different} of the layers of {first} and {second} differ")
    print(f"all layers of {first} and {second} are equal bit for bit")


def _compare_layer(ours: Params, theirs: Params, name: str) -> str:
    import numpy as np

    if name not in theirs.layers or name not in ours.layers:
        return f"only in the {'first' if name in ours.layers else 'second'}"
    pairs = list(zip(ours.layers[name], theirs.layers[name], strict=True))
    if all(np.array_equal(a, b) for a, b in pairs):
        return "equal"
    if any(a.shape != b.shape for a, b in pairs):
        return "of another shape"
    kernel, bias = (float(np.abs(a - b).max()) for a, b in pairs)
    return f"largest difference {kernel:.2e} in the kernel, {bias:.2e} in the bias"


main = command("myvgg convert", parse, _start, memory_kept=False)  # arrays of hundreds of megabytes, once
