"""`myvgg style`: draw one picture, or the same pictures with several presets."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myvgg.cli import style_many, style_parser
from myvgg.cli.arguments import load_weights
from myvgg.cli.layering import untrained_defaults
from myvgg.cli.program import command
from myvgg.cli.style_arguments import Arguments, Base, BatchArguments, SweepArguments
from myvgg.example_pictures import FOLDER
from myvgg.nst import tables
from myvgg.runtime.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from myvgg.nst.settings import Settings
    from myvgg.nst.transfer import Step
    from myvgg.params import Params
    from myvgg.runs.job import Job, Pictures

DEMO: dict[str, Any] = {"size": 320}
"""Settings of the run without pictures. It takes less than a minute on two cores, without bfloat16 too."""

KINDS: dict[str, type[Base]] = {"batch": BatchArguments, "sweep": SweepArguments}
"""Records of the commands under `style`."""

SHARED = (
    *("output", "keep", "matte", "bits", "report", "log", "record", "preview_every", "animate", "frames", "resume"),
    *("checkpoint_every", "settings"),
)
"""Options that a job has under the same name."""


def parse(argv: Sequence[str], *, program: str = "myvgg style") -> Base:
    """Read the words of `style`, `style batch` or `style sweep` into their record.

    Args:
        argv: Words after the command's name. The first may be `batch` or `sweep`, unless the program's name ends so.
        program: Name of the program.

    Raises:
        UsageError: Words that are not understood, or a setting that is not allowed.
        ImageError: The picture of `--from-picture` has no record.
        SystemExit: The words ask for the help, which is printed.
    """
    *_, kind = program.split()
    if kind not in KINDS and argv and argv[0] in KINDS:
        kind, program, argv = argv[0], f"{program} {argv[0]}", argv[1:]
    if kind not in KINDS and argv and (near := did_you_mean(argv[0], KINDS)) and not Path(argv[0]).exists():
        raise UsageError(f"there is no picture and no command {argv[0]!r}{near}")
    return style_parser.parse(KINDS.get(kind, Arguments), argv, program=program)


def _start(arguments: Base) -> None:
    if arguments.print_config:
        print(tables.dump(arguments.settings), end="")
    elif isinstance(arguments, BatchArguments):
        style_many.run_batch(arguments)
    elif isinstance(arguments, SweepArguments):
        style_many.run_sweep(arguments)
    elif isinstance(arguments, Arguments):
        _style(arguments)


def _style(arguments: Arguments) -> None:
    """Draw one picture, or compare presets on it."""
    chosen = bool(arguments.preset or arguments.config or arguments.from_picture or arguments.compare)
    demo = not (arguments.pictures or arguments.content or arguments.style or arguments.from_picture)
    defaults = DEMO if demo and not chosen else {}
    job = _job(replace(arguments, settings=arguments.settings_over(defaults)), demo=demo)
    names = [name for name in (arguments.compare or "").split(",") if name]
    if arguments.compare is not None and not names:
        raise UsageError("--compare must name presets, such as gatys,draft")
    compared = {name: arguments.settings_over({}, preset=name) for name in names}
    _check_compared(compared)
    from myvgg.runs import job as jobs
    from myvgg.runs.specification import check_unchosen

    jobs.check(replace(job, log=False, record=False) if compared else job)  # a sheet has neither
    pictures = jobs.read(job)
    params = load_weights(arguments.weights, include_top=False, bundled_first=True)
    if arguments.from_picture:
        _compare_weights(arguments.from_picture, params)
    if untrained := untrained_defaults(arguments.named, params):
        job = replace(job, settings=arguments.settings_over(untrained | defaults))
    if arguments.dry_run:
        return _plan_compared(job, compared, params) if compared else _plan(job, pictures, params)
    if "output" not in arguments.named:
        check_unchosen(job.output)
    return _compare(job, compared, params) if compared else _run(job, pictures, params)


def _check_compared(compared: dict[str, Settings]) -> None:
    """Raise if two presets come out the same, because other options set every setting in which they differ."""
    seen: dict[Settings, str] = {}
    for name, settings in compared.items():
        if settings in seen:
            raise UsageError(
                f"{seen[settings]} and {name} are the same here: --config or other options set every setting in which "
                "they differ. Leave those out, or name other presets"
            )
        seen[settings] = name


def _job(arguments: Arguments, *, demo: bool) -> Job:
    """Return the job of a command; a picture that is run again gives the inputs."""
    content, styles = _examples() if demo else _content_and_styles(arguments)
    from myvgg.runs.job import Job, again

    options = {name: getattr(arguments, name) for name in SHARED}
    files = tuple(filter(None, [arguments.config, Path(arguments.weights)]))
    job = Job(
        content=content, styles=styles, masks=arguments.mask, style_masks=arguments.style_mask, read=files, **options
    )
    if not arguments.from_picture:
        return job
    named = {name: getattr(arguments, name) for name in ("matte", "bits") if name in arguments.named}
    return replace(again(job, arguments.from_picture), **named)


def _compare_weights(picture: Path, params: Params) -> None:
    """Say so if a picture was made with other weights."""
    from myvgg.runs import record
    from myvgg.runs.progress import say

    made, ours = record.read_record(picture)["weights"], params.origin
    if made.get("sha256", "") != (ours.sha256 or ""):
        name = made.get("file") or "weights without a name"
        say(f"{picture} was made with {name}, and now {ours.file or 'other weights'} are used: the result will differ")


def _content_and_styles(arguments: Arguments) -> tuple[Path | None, tuple[Path, ...]]:
    content, pictures = arguments.content, arguments.pictures
    if pictures and content is None:
        content, *rest = pictures
        pictures = tuple(rest)
    if pictures and arguments.style:
        raise UsageError("name the styles either by --style or after the content, not both")
    styles = pictures or arguments.style
    if arguments.pictures and not styles:
        raise UsageError("name a style picture as well, or --content FILE alone to reconstruct it")
    return content, styles


def _examples() -> tuple[Path, tuple[Path, ...]]:
    """Return two pictures that come with the package, relative to this folder where that is shorter."""
    here = Path.cwd()
    folder = FOLDER.relative_to(here) if FOLDER.is_relative_to(here) else FOLDER
    return folder / "landscape.jpg", (folder / "strokes.jpg",)


def _run(job: Job, pictures: Pictures, params: Params) -> None:
    from myvgg.nst.plan import plan
    from myvgg.runs import job as jobs
    from myvgg.runs.plan_text import describe
    from myvgg.runs.progress import say, shown

    def watch(steps: Iterator[Step]) -> Iterator[Step]:
        say(describe(plan(job.settings, pictures.sizes, params)))
        return shown(steps)

    outcome = jobs.run(job, pictures, params, say=say, watch=watch)
    if outcome.report:
        print("  ".join(f"{name} {value:.3f}" for name, value in outcome.report._asdict().items()))
    say(f"wrote {', '.join(map(str, outcome.files))}")


def _compare(job: Job, compared: dict[str, Settings], params: Params) -> None:
    from myvgg.runs import many
    from myvgg.runs.progress import say, shown

    many.compare(job, compared, params, say=say, watch=shown)


def _plan_compared(job: Job, compared: dict[str, Settings], params: Params) -> None:
    from myvgg.runs import many
    from myvgg.runs.combinations import compared_jobs

    print(many.plan(compared_jobs(job, compared), params))


def _plan(job: Job, pictures: Pictures, params: Params) -> None:
    from myvgg.nst.plan import plan
    from myvgg.runs.plan_text import describe

    print(describe(plan(job.settings, pictures.sizes, params)))


_run_words = command("myvgg style", parse, _start)


def main(argv: Sequence[str] | None = None, *, program: str = "myvgg style") -> int:
    """Run the command and return its exit code.

    Args:
        argv: Words after the command's name; by default those of this process. The first may be `batch` or `sweep`.
        program: Name of the program, for errors and the help.
    """
    words = sys.argv[1:] if argv is None else argv
    if words and words[0] in KINDS:
        return _run_words(words[1:], program=f"{program} {words[0]}")
    return _run_words(words, program=program)
