"""The command line of style transfer: `python -m myvgg.nst`, or `python scripts/style.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myvgg.arguments import load_weights
from myvgg.command import UsageError, muted, run
from myvgg.nst import presets
from myvgg.nst.arguments import Arguments, Base, BatchArguments, SweepArguments, parse
from myvgg.nst.settings import Settings

if TYPE_CHECKING:
    from myvgg.nst.job import Job, Pictures
    from myvgg.nst.transfer import Step
    from myvgg.params import Params

DEMO: dict[str, Any] = {"size": 320, "iterations": 10}
"""Settings of the run without pictures, which takes less than a minute on two cores without bfloat16 as well."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run("style.py", lambda: _main(sys.argv[1:] if argv is None else list(argv)))


def _main(argv: list[str]) -> None:
    commands = {"batch": _batch, "sweep": _sweep}
    if argv and argv[0] in commands:
        return commands[argv[0]](argv[1:])
    return _style(argv)


def _style(argv: list[str]) -> None:
    """Stylise one picture, or compare presets on it."""
    arguments = parse(Arguments, argv)
    if arguments.print_config:
        return print(presets.dump(arguments.settings), end="")
    demo = not (arguments.pictures or arguments.content or arguments.style or arguments.from_picture)
    if demo and not _names_settings(arguments):
        arguments = parse(Arguments, argv, **DEMO)
    from myvgg.nst import job as jobs

    job = _job(arguments, demo=demo)
    names = [name for name in (arguments.compare or "").split(",") if name]
    compared = {name: parse(Arguments, [*argv, "--preset", name]).settings for name in names}
    jobs.check(job)
    pictures = jobs.read(job)
    params = load_weights(arguments.weights, include_top=False, bundled_first=True)
    if not params.origin.trained and not _names_settings(arguments):
        untrained = presets.read(presets.FOLDER / "random.toml")
        job = replace(job, settings=parse(Arguments, argv, **untrained | (DEMO if demo else {})).settings)
    if arguments.dry_run:
        return _plan(job, pictures, params)
    if compared:
        return _compare(job, compared, params)
    return _run(job, pictures, params)


def _run(job: Job, pictures: Pictures, params: Params) -> None:
    from myvgg.nst import job as jobs
    from myvgg.nst.plan import describe, plan
    from myvgg.nst.progress import say, shown

    def watch(steps: Iterator[Step], work: int, done: int) -> Iterator[Step]:
        say(describe(plan(job.settings, pictures, params)))
        return shown(steps, work, done)

    outcome = jobs.run(job, pictures, params, say=say, watch=watch)
    if outcome.report:
        print("  ".join(f"{name} {value:.3f}" for name, value in outcome.report._asdict().items()))
    say(f"wrote {', '.join(map(str, job.outputs.values()))}")


def _job(arguments: Arguments, *, demo: bool) -> Job:
    """Gather what the words say about files; a picture that is run again lends what they do not name."""
    from myvgg.nst.job import Job

    content, styles = arguments.content, arguments.style
    positional = list(arguments.pictures)
    if demo:
        with muted():
            from myvgg.photographs import FOLDER
        here = Path.cwd()
        folder = FOLDER.relative_to(here) if FOLDER.is_relative_to(here) else FOLDER
        positional = [folder / "landscape.jpg", folder / "strokes.jpg"]
    if positional and content is None:
        content = positional.pop(0)
    if positional and styles:
        raise UsageError("name the styles either by --style or after the content, not both")
    styles = tuple(positional) or styles
    if arguments.pictures and not styles:
        raise UsageError("name a style picture as well, or --content FILE alone to reconstruct it")
    job = Job(
        content=content,
        styles=styles,
        output=arguments.output,
        settings=arguments.settings,
        masks=arguments.mask,
        style_masks=arguments.style_mask,
        keep=arguments.keep,
        matte=arguments.matte,
        bits=arguments.bits,
        report=arguments.report,
        log=arguments.log,
        preview_every=arguments.preview_every,
        animate=arguments.animate,
        frames=arguments.frames,
        resume=arguments.resume,
        checkpoint_every=arguments.checkpoint_every,
    )
    if arguments.from_picture:
        from myvgg.nst.job import again

        return again(job, arguments.from_picture)
    return job


def _compare(job: Job, compared: dict[str, Settings], params: Params) -> None:
    from myvgg.nst import many
    from myvgg.nst.progress import say, shown

    many.compare(job, compared, params, say=say, watch=shown)


def _plan(job: Job, pictures: Pictures, params: Params) -> None:
    from myvgg.nst.plan import describe, plan

    print(describe(plan(job.settings, pictures, params)))


def _batch(argv: list[str]) -> None:
    """Stylise every content with every style."""
    from myvgg.nst import many
    from myvgg.nst.progress import say, shown

    arguments = parse(BatchArguments, argv)
    if arguments.print_config:
        return print(presets.dump(arguments.settings), end="")
    if arguments.threads is not None and (arguments.threads < 1 or arguments.ray is None):
        raise UsageError("--threads must be at least 1, and goes with --ray")
    jobs = many.batch_jobs(arguments.contents, arguments.styles, arguments.output, _template(arguments))
    params = load_weights(arguments.weights, include_top=False, bundled_first=True)
    if arguments.dry_run:
        return print(many.plan(jobs, params))
    return many.batch(
        jobs, arguments.output, params, say=say, watch=shown, ray=arguments.ray, threads=arguments.threads or 1
    )


def _sweep(argv: list[str]) -> None:
    """Vary settings on one pair."""
    from myvgg.nst import many
    from myvgg.nst.progress import say, shown

    arguments = parse(SweepArguments, argv)
    if arguments.print_config:
        return print(presets.dump(arguments.settings), end="")
    if arguments.content is None or arguments.style is None:
        raise UsageError("name a content and a style picture")
    template = replace(_template(arguments), content=arguments.content, styles=(arguments.style,))
    grid = many.sweep_jobs(replace(template, output=arguments.output), arguments.over)
    params = load_weights(arguments.weights, include_top=False, bundled_first=True)
    if arguments.dry_run:
        return print(many.plan(grid.jobs, params))
    return many.sweep(grid, arguments.output, params, say=say, watch=shown)


def _template(arguments: Base) -> Job:
    """Return a job that has everything but its pictures."""
    from myvgg.nst.job import Job

    shared = ("settings", "matte", "bits", "report", "log", "resume", "checkpoint_every")
    options = {name: getattr(arguments, name) for name in shared}
    return Job(content=None, styles=(), output=Path(), **options)


def _names_settings(arguments: Arguments) -> bool:
    return bool(arguments.preset or arguments.config or arguments.from_picture or arguments.compare)


if __name__ == "__main__":
    sys.exit(main())
