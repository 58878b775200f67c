"""The command line: `python -m benchmarks [NAME ...]`, or `--draw FILE ... --figures FOLDER` for what is measured."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from benchmarks import figures, report
from benchmarks.measure import Result
from myvgg.runtime.files import check_writable

NAMES = (
    *("startup", "loading", "rounding", "pairs", "forward", "conversion", "extraction", "files", "cluster", "exported"),
    *("step", "gradient", "whole", "quality", "descent", "sizes", "held"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run benchmarks, print a table, and return 1 where a figure is not reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure ourselves beside our rivals.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(NAMES)}; all by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write machine and results there as well")
    parser.add_argument("--figures", type=Path, metavar="FOLDER", help="draw what the documents show there")
    parser.add_argument(
        "--draw", type=Path, nargs="+", default=[], metavar="FILE", help="run nothing, but draw what runs have written"
    )
    parser.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="keep the pictures of quality there, and write its document"
    )
    arguments = parser.parse_args(argv)
    if arguments.draw and (arguments.names or arguments.json or not arguments.figures):
        parser.error("--draw goes with --figures, and neither with names nor with --json")
    if unknown := set(arguments.names) - {*NAMES}:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    try:
        for file in (arguments.json, arguments.figures and arguments.figures / "ratios.png"):
            if file:
                check_writable(file)
    except ValueError as error:
        parser.error(str(error))
    if arguments.draw:
        figures.draw(arguments.figures, [result for path in arguments.draw for result in report.read(path)])
        return 0
    machine = report.machine()
    print(report.describe(machine), report.header(), sep="\n\n")
    results = []
    for result in _results(arguments.names or NAMES, arguments.pictures):
        print(report.row(result), flush=True)
        results.append(result)
    if arguments.json:
        report.write(arguments.json, machine, results)
    if arguments.figures:
        figures.draw(arguments.figures, results)
    return int(not all(result.reached for result in results))


def _results(names: Sequence[str], pictures: Path | None) -> Iterator[Result]:
    for name in names:
        module = import_module(f"benchmarks.{name}")
        if missing := [package for package in module.NEEDS if find_spec(package) is None]:
            print(f"skipped {name}: {', '.join(missing)} not installed", file=sys.stderr)
        else:
            yield from module.run(pictures) if name == "quality" else module.run()


if __name__ == "__main__":
    sys.exit(main())
