"""The sizes through which a picture grows, the settings at each of them, and the first picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from PIL.Image import Resampling

from myvgg.architecture import MEAN, Architecture
from myvgg.images import AnyPicture, Picture, resample, resize, target_size
from myvgg.nst.cells import CELL
from myvgg.nst.settings import Settings

Size = tuple[int, int]
"""Width and height in pixels."""

BLUR = 8
"""Size of the smallest details that the start `blur` keeps, in pixels."""


def sizes(width: int, height: int, settings: Settings, architecture: Architecture) -> list[Size]:
    """Return the sizes of the scales, the smallest first, the result's last.

    Scales at which a layer would vanish are left out. A last pass is a further scale of the result's size.

    Args:
        width: Of the content picture, in pixels.
        height: Of the content picture, in pixels.
        settings: The size, and how far down to start.
        architecture: The network.

    Raises:
        ValueError: The result itself is too small for a layer.
    """
    last = final_size(width, height, settings)
    check(architecture, last, settings, "content picture")
    smallest = smallest_side(architecture, settings)
    found = [last]
    while settings.scales is None or len(found) < settings.scales:
        factor = settings.scale_ratio ** -len(found)
        size = (max(1, round(last[0] * factor)), max(1, round(last[1] * factor)))
        if min(size) < smallest or (settings.scales is None and max(size) < settings.min_size):
            break
        if size == found[0]:
            break
        found.insert(0, size)
    return [*found, last] if settings.last_pass else found


def final_size(width: int, height: int, settings: Settings) -> Size:
    """Return the size of the result for a content picture of a width and height."""
    return target_size(settings.size, width, height, truncate=settings.resize != "antialias")


def steps(sizes: Sequence[Size], settings: Settings) -> list[int]:
    """Return the number of steps at each scale.

    The last scale has `iterations`, and each scale `step_growth` times the steps of the one before it. The first of
    several has `first_steps` times as many. A last pass has steps of its own.
    """
    last = len(sizes) - 1 - bool(settings.last_pass)
    counts = [settings.iterations * settings.step_growth ** (index - last) for index in range(last + 1)]
    counts[0] *= settings.first_steps if last else 1
    return [max(1, round(count)) for count in counts] + [settings.last_pass] * bool(settings.last_pass)


def draft_of(sizes: Sequence[Size], index: int, settings: Settings) -> Size | None:
    """Return the size of the draft that a scale only adds details to; None for a scale that may change all."""
    result, wanted = max(sizes[-1]), settings.draft
    smaller = [size for size in sizes if max(size) < result]
    if wanted is None or wanted >= result or not smaller:
        return None
    draft = min(smaller, key=lambda size: abs(math.log(max(size) / wanted)))
    return draft if max(draft) < max(sizes[index]) else None


def is_last_pass(sizes: Sequence[Size], index: int, settings: Settings) -> bool:
    """Tell whether a scale is the last pass, a further one of the result's size."""
    return bool(settings.last_pass) and index == len(sizes) - 1


def settings_at(sizes: Sequence[Size], index: int, settings: Settings) -> Settings:
    """Return the settings of a scale; those of the last pass and of scales above a draft differ."""
    if is_last_pass(sizes, index, settings):
        return settings.of_last_pass
    return settings.above_draft if draft_of(sizes, index, settings) else settings


def style_size(width: int, height: int, scale: Size, settings: Settings, architecture: Architecture) -> Size:
    """Return the size of a style picture at a scale; it is enlarged only where the layers need a larger picture."""
    if settings.style_size is not None:
        truncate = settings.resize != "antialias"
        size = target_size(settings.style_size, width, height, name="style_size", truncate=truncate)
        check(architecture, size, settings, "style picture")
        return size
    factor = min(1.0, max(scale) * settings.style_scale / max(width, height))
    factor = max(factor, smallest_side(architecture, settings) / min(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def smallest_side(architecture: Architecture, settings: Settings) -> int:
    """Return the smallest side, in pixels, that leaves something at all layers that the settings name.

    Where layers are matched, it leaves at least one cell.
    """
    layers = (architecture.smallest_size(layer, pool_padding=settings.pool_padding) for layer in settings.layers)
    return max(_smallest_for_cells(settings), *layers)


def _smallest_for_cells(settings: Settings) -> int:
    return CELL if settings.matched_layers and settings.pool_padding == "valid" else 1


def check(architecture: Architecture, size: Size, settings: Settings, what: str) -> None:
    """Raise unless a picture of a size leaves something at all layers that the settings name."""
    if min(size) < (smallest := smallest_side(architecture, settings)):
        shallower = " or name shallower layers" if smallest > _smallest_for_cells(settings) else ""
        raise ValueError(
            f"the {what} is too narrow: {size[0]} x {size[1]} pixels at this size, but the layers need {smallest} on "
            f"each side; raise the size{shallower}"
        )


def first_image(
    content: Picture, style: AnyPicture | None, settings: Settings, *, given: AnyPicture | None = None
) -> Picture:
    """Make the picture that the optimisation starts from, 0 to 255.

    Args:
        content: The content picture at the smallest scale; only its size counts for the starts without it.
        style: A style picture of any size, for the starts `style` and `edges`.
        settings: The kind of start, its noise and its seed.
        given: The first picture, of any size, where it is a picture of its own.
    """
    height, width, _ = content.shape
    if given is not None:
        return resize(given, (width, height))
    if settings.init == "style":
        assert style is not None
        return resize(style, (width, height))
    if settings.init == "blur":
        return np.asarray(_without_details(content, BLUR).clip(0, 255))
    if settings.init == "edges":
        assert style is not None
        details = content - _without_details(content, 2)
        return np.asarray((style.mean((0, 1), dtype=np.float32) + details).clip(0, 255))
    noise = np.random.default_rng(settings.seed).uniform(-1, 1, content.shape).astype(np.float32)
    noise *= np.float32(settings.noise_range)
    colour, share = np.array(MEAN[::-1], np.float32), np.float32(settings.noise)
    starts: dict[str, Callable[[], Picture]] = {
        "blend": lambda: share * (colour + noise) + (1 - share) * content,
        "add": lambda: content + noise,
        "content": lambda: content,
        "noise": lambda: colour + noise,
    }
    first: Picture = np.clip(starts[settings.init](), 0, 255, dtype=np.float32)
    return first


def _without_details(picture: Picture, size: int) -> Picture:
    """Return a picture without details below a size in pixels, of values that may leave their range."""
    height, width, _ = picture.shape
    small = resample(picture, (max(1, width // size), max(1, height // size)), Resampling.BILINEAR)
    return resample(small, (width, height), Resampling.BILINEAR)
