"""The figures of `docs/performance.md`, drawn from results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Result
from myvgg.runtime.files import replacing

OURS, THEIRS = "tab:blue", "tab:gray"


def draw(folder: Path, results: Sequence[Result]) -> None:
    """Write `ratios.png`, how many times as fast as each rival, and `sizes.png`, time and memory against pixels.

    A figure that none of the results belongs to is not drawn.
    """
    if faster := [result for result in results if result.unit == "s" and result.rival != "its plan"]:
        _ratios(folder / "ratios.png", faster)
    if points := [result for result in results if result.pixels]:
        _sizes(folder / "sizes.png", points)


def _ratios(path: Path, results: Sequence[Result]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 0.4 * len(results) + 1), layout="constrained")
    axes = figure.subplots()
    labels = [f"{result.what}\nbeside {result.rival}" for result in results]
    bars = axes.barh(labels, [result.ratio for result in results], color=OURS)
    axes.bar_label(bars, [f" {result.ratio:.2f}" for result in results], fontsize=7)
    axes.axvline(1, color=THEIRS)
    axes.set(xscale="log", xlabel="times as fast")
    axes.margins(x=0.1)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.tick_params("y", labelsize=6)
    axes.invert_yaxis()
    _save(figure, path)


def _sizes(path: Path, points: Sequence[Result]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, unit, label in zip(figure.subplots(1, 2), ("s", "bytes"), ("seconds", "gigabytes"), strict=True):
        scale = 1e9 if unit == "bytes" else 1
        for tiled, marker in ((False, "o"), (True, "s")):
            chosen = sorted((p for p in points if p.unit == unit and ("in tiles" in p.what) == tiled), key=_pixels)
            pixels, name = [_pixels(point) for point in chosen], "in tiles" if tiled else "whole"
            axes.plot(pixels, [point.ours / scale for point in chosen], marker, color=OURS, ls="-", label=name)
            axes.plot(pixels, [point.theirs / scale for point in chosen], ls=":", color=THEIRS)
        axes.plot([], [], ls=":", color=THEIRS, label="the plan")
        axes.set(xscale="log", yscale="log", xlabel="pixels", ylabel=label)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}" if unit == "bytes" else "")
        axes.grid(alpha=0.3, which="both")
        axes.legend()
    _save(figure, path)


def _pixels(result: Result) -> int:
    return result.pixels


def _save(figure: object, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")  # type: ignore[attr-defined]
