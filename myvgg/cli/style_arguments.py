"""Options of the commands of style transfer, apart from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from myvgg.cli import layering
from myvgg.cli.options import Option
from myvgg.nst.settings import Settings

MOST_USED, PICTURES, LOOK, CONTROL, RUNNING, OBJECTIVE, OPTIMISER = (
    *("most used", "pictures", "look", "control", "running"),
    *("advanced objective", "advanced optimiser"),
)
TITLES = {
    MOST_USED: "The options to try first.",
    PICTURES: "Files that are read and written.",
    LOOK: "Colours, strokes and smoothness of the result.",
    CONTROL: "Places where the styles go, and places that stay as they are.",
    RUNNING: "Time, memory, what is reported and what is kept.",
    OBJECTIVE: "The sum that is minimised.",
    OPTIMISER: "The steps by which it is minimised.",
}
"""Groups of options in the order of the help, with a sentence each."""


@dataclass(frozen=True)
class Base:
    """Options of all commands of style transfer."""

    preset: Annotated[str | None, Option(group=MOST_USED)] = None
    """Settings to start from; other options count more. An option with the value none, such as --draft none, removes a
    number that the preset sets. The presets are"""

    matte: Annotated[str, Option(metavar="COLOUR", group=PICTURES)] = "white"
    """Colour behind transparent parts while they are stylised: a name, or #rrggbb."""

    bits: Annotated[Literal[8, 16] | None, Option(group=PICTURES)] = None
    """Bits of each channel of the result. By default as many as the content has, if the format can hold them."""

    config: Annotated[Path | None, Option(group=RUNNING)] = None
    """TOML file of settings, which count more than those of the preset. --print-config writes such a file."""

    print_config: Annotated[bool, Option(group=RUNNING)] = False
    """Print the settings as TOML, and do nothing else."""

    dry_run: Annotated[bool, Option(group=RUNNING)] = False
    """Print the scales with their time and memory, and do nothing else."""

    weights: Annotated[str, Option(metavar="FILE", group=RUNNING)] = "auto"
    """Weights file, or bundled, random, or auto: the first that is found of MYVGG_WEIGHTS, the checkout's, those in the
    cache, and the bundled ones."""

    report: Annotated[bool, Option(group=RUNNING)] = False
    """Measure style, structure, score and grain of the result."""

    log: Annotated[bool, Option(group=RUNNING)] = False
    """Write the losses beside the result, as a table (.csv) and as a plot (.losses.png)."""

    record: Annotated[
        bool, Option(group=PICTURES, without="Write no record of the run, neither inside the picture nor beside it.")
    ] = True
    """Write the record of the run, inside a PNG and beside the picture. --from-picture reads it."""

    resume: Annotated[bool, Option(group=RUNNING)] = False
    """Continue an interrupted run of the same command."""

    checkpoint_every: Annotated[float, Option(metavar="SECONDS", group=RUNNING)] = 30.0
    """Time between two checkpoints in seconds, at least."""

    settings: Settings = field(default_factory=Settings)
    """Settings of the style transfer."""

    named: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """All values that the words name, those of settings included."""

    def settings_over(self, defaults: Mapping[str, Any], *, preset: str | None = None) -> Settings:
        """Return the settings that the words make together with others.

        Args:
            defaults: Settings that count more than the preset's, and less than those of the file and the words.
            preset: A preset in place of the one that the words name.

        Raises:
            UsageError: An unknown preset, or a setting that is not allowed.
        """
        return layering.settings_of({**self.named, "preset": preset} if preset else self.named, defaults)


@dataclass(frozen=True)
class Arguments(Base):
    """Draw the content of a picture in the style of another picture, or of several.

    Without pictures, two examples that come with myvgg are used, at a smaller size.
    """

    output: Annotated[Path, Option("-o", group=MOST_USED)] = Path("stylized.png")
    """Picture to write; the suffix names the format. A record of the run goes beside it, such as
    out.png.toml."""

    pictures: Annotated[tuple[Path, ...], Option(metavar="CONTENT STYLE", group=PICTURES, positional=True)] = ()
    """The content picture, then the style pictures. Several styles are blended."""

    content: Annotated[Path | None, Option("-c", group=PICTURES)] = None
    """Content picture, in place of the first picture. Without a style, the content is reconstructed."""

    style: Annotated[tuple[Path, ...], Option("-s", group=PICTURES, repeated=True)] = ()
    """Style picture, in place of the other pictures; may be given several times. Without a content, a texture is
    made."""

    from_picture: Annotated[Path | None, Option(group=PICTURES)] = None
    """Result of an earlier run: read its inputs and settings, and run it again. A preset takes the place of its
    settings."""

    animate: Annotated[Path | None, Option(group=PICTURES)] = None
    """Animation to write: .gif, .webp or .mp4."""

    frames: Annotated[Literal["steps", "crossfade"], Option(group=PICTURES)] = "steps"
    """Frames of the animation: steps of the run, or a crossfade from the content to the result."""

    preview_every: Annotated[int | str, Option(metavar="N", group=PICTURES)] = 0
    """Write the unfinished picture after each N steps, or at the first step and then after each time such as 5s; 0 for
    never."""

    mask: Annotated[tuple[Path, ...], Option(group=CONTROL, repeated=True)] = ()
    """Mask of the content, given once for each style: white where the style goes."""

    style_mask: Annotated[tuple[Path, ...], Option(group=CONTROL, repeated=True)] = ()
    """Mask of a style picture, given once for each style: white where the style picture counts."""

    keep: Annotated[Path | None, Option(group=CONTROL)] = None
    """Mask of the content: white where the content stays as it is."""

    compare: Annotated[str | None, Option(metavar="PRESET,...", group=RUNNING)] = None
    """Run several presets on the same pictures, and draw the results side by side."""


@dataclass(frozen=True)
class BatchArguments(Base):
    """Draw every content in every style, into a folder, with a contact sheet and a table.

    Pictures that are finished already are not made again.
    """

    output: Annotated[Path, Option("-o", metavar="FOLDER", group=MOST_USED)] = Path("stylized")
    """Folder of the results, which is made if it is missing."""

    places: Annotated[tuple[str, ...], Option(metavar="CONTENTS STYLES", group=PICTURES, positional=True)] = ()
    """Two words: a file, a folder or a quoted pattern of content pictures, and another one of style pictures."""

    contents: Annotated[tuple[str, ...], Option("-c", metavar="PICTURES", group=PICTURES)] = ()
    """Content pictures, in place of the first word: files, folders, or patterns such as 'photos/*.jpg'."""

    styles: Annotated[tuple[str, ...], Option("-s", metavar="PICTURES", group=PICTURES)] = ()
    """Style pictures, in place of the second word: files, folders, or patterns."""

    ray: Annotated[str | None, Option(metavar="auto|ADDRESS", group=RUNNING)] = None
    """Run on a Ray cluster: on the cluster of this machine (auto), or on the one at an address."""

    threads: Annotated[int | None, Option(group=RUNNING)] = None
    """Processors for each picture on the cluster. By default one."""


@dataclass(frozen=True)
class SweepArguments(Base):
    """Draw a pair of pictures with several values of a setting, or of two settings, and put the results into a grid."""

    output: Annotated[Path, Option("-o", group=MOST_USED)] = Path("sweep.png")
    """Picture of the grid to write. The single results go beside it."""

    content: Annotated[Path | None, Option(metavar="CONTENT", group=PICTURES, positional=True)] = None
    """Content picture."""

    style: Annotated[Path | None, Option(metavar="STYLE", group=PICTURES, positional=True)] = None
    """Style picture."""

    over: Annotated[tuple[str, ...], Option(metavar="SETTING=VALUE,VALUE", group=RUNNING, repeated=True)] = ()
    """Setting and its values, such as style-strength=0.5,1,2; may be given twice, and the first one gives the rows.
    Semicolons separate values that have commas in them."""
