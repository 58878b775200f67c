"""What can be said to the command lines of style transfer, as records that tyro reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tyro

from myvgg.command import UsageError
from myvgg.nst import foreign, presets, record
from myvgg.nst.images import ImageError
from myvgg.nst.settings import Layers, Settings

REGISTRY = tyro.constructors.ConstructorRegistry()


@REGISTRY.primitive_rule
def _layers_rule(info: tyro.constructors.PrimitiveTypeInfo) -> Any:
    """Let layers be written as one word."""
    if info.type is not Layers:
        return None
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="LAYER=WEIGHT,...",
        instance_from_str=lambda words: Layers(words[0]),
        is_instance=lambda value: isinstance(value, Layers),
        str_from_instance=lambda layers: [str(layers)],
    )


@dataclass(frozen=True)
class Base:
    """What a run starts from and how it is shown, apart from the pictures."""

    preset: str | None = None
    """Settings to start from: default, draft, print, gatys, or another program's; see docs/presets.md."""

    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """A TOML file of settings, over those of the preset; --print-config shows how it looks."""

    print_config: bool = False
    """Print the settings as TOML, and do nothing."""

    dry_run: bool = False
    """Print the scales with their time and memory, and do nothing."""

    weights: str = "auto"
    """A weights file, bundled, random, or auto: those of MYVGG_WEIGHTS, the checkout or the cache, else the bundled."""

    matte: str = "white"
    """The colour that transparent parts lie on while they are stylised: a name or #rrggbb."""

    bits: Literal[8, 16] | None = None
    """Bits a channel; by default as many as the content has, where the format can hold them."""

    report: bool = False
    """Measure style, structure, score and grain of the result."""

    log: bool = False
    """Write the losses beside the result, as a table (.csv) and as a plot (.losses.png)."""

    resume: bool = False
    """Go on from where an interrupted run of the same command has left off."""

    checkpoint_every: float = 30.0
    """Seconds between two checkpoints."""

    settings: Annotated[Settings, tyro.conf.arg(name="")] = field(default_factory=Settings)


@dataclass(frozen=True)
class Arguments(Base):
    """Stylise a picture: the content of one in the style of another, or of several.

    Without pictures, two of the bundled examples are used, smaller and with fewer steps.
    'style.py batch --help' tells of many pictures at once, 'style.py sweep --help' of one pair with many settings.
    """

    pictures: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="CONTENT STYLE")] = ()
    """What the result shows, and what it looks like; several styles are blended."""

    content: Annotated[Path | None, tyro.conf.arg(aliases=["-c"], metavar="FILE")] = None
    """The content, in place of the first picture; alone, it is reconstructed."""

    style: Annotated[tuple[Path, ...], tyro.conf.UseAppendAction, tyro.conf.arg(aliases=["-s"], metavar="FILE")] = ()
    """A style, in place of the other pictures; may be said several times. Without a content it makes a texture."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = Path("stylized.png")
    """Where the result goes; the suffix names the format. Its record goes beside it, as TOML."""

    from_picture: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Run what made this picture again."""

    compare: str | None = None
    """Presets, such as default,gatys: run each on the same pictures and draw them side by side."""

    mask: Annotated[tuple[Path, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="FILE")] = ()
    """Said once for each style: white where in the content the style goes."""

    style_mask: Annotated[tuple[Path, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="FILE")] = ()
    """Said once for each style: white where the style picture counts."""

    keep: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """A mask: white where the content stays as it is."""

    preview_every: int = 0
    """Write the picture as it is after so many steps; 0 for never."""

    animate: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write an animation as well, .gif, .webp or .mp4."""

    frames: Literal["steps", "crossfade"] = "steps"
    """What the animation shows: the run, or a cross-fade from the content to the result."""


@dataclass(frozen=True)
class BatchArguments(Base):
    """Stylise many pictures: every content with every style, into a folder, with a contact sheet and a table.

    What is there already is not made again.
    """

    contents: Annotated[tuple[str, ...], tyro.conf.arg(aliases=["-c"], metavar="PICTURES")] = ()
    """Files, folders, or patterns such as 'photos/*.jpg'."""

    styles: Annotated[tuple[str, ...], tyro.conf.arg(aliases=["-s"], metavar="PICTURES")] = ()
    """Files, folders, or patterns."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FOLDER")] = Path("stylized")
    """The folder of the results; it is made where it is missing."""

    ray: Annotated[str | None, tyro.conf.arg(metavar="auto|ADDRESS")] = None
    """Work on the Ray cluster that this machine is part of, or on the one at an address."""

    threads: int | None = None
    """Processors for each picture, on a cluster; one unless told."""


@dataclass(frozen=True)
class SweepArguments(Base):
    """Stylise one pair with a setting varied over a list, or two settings, and draw the grid."""

    content: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="CONTENT")] = None
    """What the results show."""

    style: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="STYLE")] = None
    """What they look like."""

    over: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="SETTING=VALUE,VALUE")] = ()
    """The setting and its values: style-strength=0.5,1,2; may be said twice, and the first gives the rows. Values with
    commas in them are separated by semicolons."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = Path("sweep.png")
    """The grid; the single pictures go beside it."""


Kind = TypeVar("Kind", bound=Base)


def parse(kind: type[Kind], argv: list[str], **defaults: Any) -> Kind:
    """Read the arguments of a command line, its settings over those of its preset and its file.

    Args:
        kind: Which command.
        argv: The words after its name.
        **defaults: Settings over the preset's, below the file's and the words'.

    Raises:
        UsageError: A setting out of its range, or an unknown preset or key of a file.
        SystemExit: tyro has printed what is wrong, or the help.
    """
    argv = foreign.translate(argv)
    try:
        named = _parse(kind, argv, Settings())
        base = presets.load(named.preset or "default")
        if (made := getattr(named, "from_picture", None)) is not None:
            base = presets.settings(record.read_record(made)["settings"], Settings())
        base = presets.settings(defaults, base)
        if named.config:
            base = presets.settings(presets.read(named.config), base)
        return _parse(kind, argv, base)
    except ImageError:  # a picture without a record is no wrong usage
        raise
    except ValueError as error:
        raise UsageError(str(error)) from error


def _parse(kind: type[Kind], argv: list[str], settings: Settings) -> Kind:
    config = (tyro.conf.FlagCreatePairsOff,)
    return tyro.cli(kind, args=argv, default=kind(settings=settings), prog="style.py", registry=REGISTRY, config=config)
