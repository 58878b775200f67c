"""Figures for notebooks: pictures side by side, and curves, drawn with Matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from myvgg.images import as_picture

COLUMNS = 4
"""Number of pictures in a row."""

SIDE = 3.2
"""Width of a picture, and height of a figure of curves, in inches."""

TALLEST = 4
"""Largest height of a picture over the width of its cell; one that is taller becomes narrower than the cell."""

DASHES = ("-", "--", "-.", ":")
"""Dashes of the curves one after the other, so that curves that lie on each other are all seen."""


def show_pictures(pictures: Mapping[str, Any], *, columns: int = COLUMNS, side: float = SIDE) -> None:
    """Draw pictures side by side, each under its title.

    A notebook shows the figure below the cell; a program shows it with `matplotlib.pyplot.show()`.

    Args:
        pictures: Pictures by title: paths, Pillow's pictures, or arrays as `myvgg.images.as_picture` takes them.
        columns: Largest number of pictures in a row.
        side: Width of a picture, in inches; a tall one is at most four times as high, and narrower then.

    Raises:
        ValueError: No pictures, a number that is not above 0, or an array that is no picture.
        ImageError: A picture that cannot be read.

    Example:
        >>> from matplotlib import pyplot as plt
        >>> show_pictures({"cat": "examples/chelsea.jpg", "waves": "examples/waves.jpg"})
        >>> [axes.get_title() for axes in plt.gcf().axes]
        ['cat', 'waves']
        >>> plt.close()
    """
    if not pictures or columns < 1 or not side > 0:
        raise ValueError(f"there must be pictures, columns and a side above 0, not {len(pictures)}, {columns}, {side}")
    from matplotlib import pyplot as plt

    loaded = {title: as_picture(picture) / 255 for title, picture in pictures.items()}
    columns = min(columns, len(loaded))
    rows = math.ceil(len(loaded) / columns)
    tallest = min(TALLEST, max(picture.shape[0] / picture.shape[1] for picture in loaded.values()))
    size = (side * columns, rows * (side * tallest + 0.3))
    _, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axes in grid.flat:
        axes.axis("off")
    for axes, (title, picture) in zip(grid.flat, loaded.items(), strict=False):
        axes.set_title(title, fontsize=10)
        axes.imshow(picture)


def show_curves(
    curves: Mapping[str, Sequence[float]], *, ylabel: str = "loss", relative: bool = False, side: float = SIDE
) -> None:
    """Draw curves over the steps of a run, from step 1 on, with a logarithmic axis.

    A notebook shows the figure below the cell; a program shows it with `matplotlib.pyplot.show()`.

    Args:
        curves: Values above 0 by name, one for each step.
        ylabel: Title of the vertical axis.
        relative: Divide each curve by its first value.
        side: Height of the figure in inches; its width is twice that.

    Raises:
        ValueError: No curves, a curve without values, or a value that is not above 0.

    Example:
        >>> from matplotlib import pyplot as plt
        >>> show_curves({"total": [8.0, 4.0, 2.0]}, relative=True)
        >>> plt.gca().lines[0].get_ydata().tolist()
        [1.0, 0.5, 0.25]
        >>> plt.close()
    """
    if not curves or not all(len(values) and all(value > 0 for value in values) for values in curves.values()):
        raise ValueError("curves must be one at least, each of values above 0")
    from matplotlib import pyplot as plt

    _, axes = plt.subplots(figsize=(2 * side, side), layout="constrained")
    for (name, values), dashes in zip(curves.items(), cycle(DASHES), strict=False):
        unit = values[0] if relative else 1
        axes.plot(range(1, len(values) + 1), [value / unit for value in values], dashes, label=name, linewidth=2)
    axes.set(xlabel="step", ylabel=ylabel, yscale="log")
    axes.grid(alpha=0.3)
    axes.legend()
