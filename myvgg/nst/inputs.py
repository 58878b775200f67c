"""The pictures and masks of a run, of any kind as callers have them, checked and brought to arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from myvgg.images import AnyPicture, ImageError, as_mask, as_picture
from myvgg.images.coercion import problem_of_mask
from myvgg.nst import colors
from myvgg.nst.settings import STARTS, Settings
from myvgg.runtime.errors import warn_once

AnyMask = Float32[np.ndarray, "_ _"]
"""A mask among others of other sizes, from 0 to 1."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """The pictures of a run, as arrays.

    Attributes:
        content: The content picture, or a style picture that lends its aspect where there is none.
        has_content: False where `content` is a style picture.
        styles: The style pictures, their colours already matched.
        masks: The regions of the styles in the content, of any shapes, or empty.
        style_masks: The parts of the style pictures that count, or None each.
        keep: A mask of the part of the content that stays as it is.
        given: The first picture, where the caller brings it.
    """

    content: AnyPicture
    has_content: bool
    styles: list[AnyPicture]
    masks: list[AnyMask]
    style_masks: list[AnyMask | None]
    keep: AnyMask | None
    given: AnyPicture | None


def read_inputs(
    content: Any, style: Any, settings: Settings, *, masks: Any, style_masks: Any, keep: Any, first: Any
) -> Inputs:
    """Read and check the pictures and masks of a run.

    Raises:
        ValueError: A picture or mask of the wrong shape or range, a mask that is black everywhere, a number of masks
            or shares that does not go with the styles, or settings that need a picture which is not there.
        ImageError: A file that cannot be read.

    Warns:
        UserWarning: A mask has another aspect than its picture, so that it is stretched.
    """
    given, masks, style_masks = (_listed(each) for each in (style, masks, style_masks))
    styles = [as_picture(each) for each in given]
    if content is None and not styles:
        raise ValueError("content and style must not both be None")
    for name, several in (
        ("masks", masks),
        ("style_masks", style_masks),
        ("style_blend", settings.style_blend),
    ):
        if several and len(several) != len(styles):
            raise ValueError(f"{name} must be one for each style; styles: {len(styles)}, {name}: {len(several)}")
    if content is None and settings.preserve_colors != "none":
        raise ValueError(f"preserve_colors must be none where there is no content, not {settings.preserve_colors!r}")
    if not styles and first is None and settings.init in ("style", "edges"):
        raise ValueError(f"init must not be {settings.init} where there is no style picture")
    is_compared = (styles and settings.has_style_loss) or (content is not None and settings.has_content_loss)
    if not (is_compared or settings.tv_weight):
        missing = [name for name, there in {"content": content is not None, "style": bool(styles)}.items() if not there]
        add = f"add a {missing[0]} picture, or " if missing else ""
        raise ValueError(f"the settings compare nothing: {add}raise content_weight, style_weight or tv_weight")
    canvas = styles[0] if content is None else as_picture(content)
    return Inputs(
        content=canvas,
        has_content=content is not None,
        styles=[_colored(each, canvas, settings) for each in styles],
        masks=[_mask(f"mask {number}", mask, canvas) for number, mask in enumerate(masks, 1)],
        style_masks=[
            None if mask is None else _mask(f"style mask {number}", mask, style)
            for number, (mask, style) in enumerate(zip(style_masks, styles, strict=False), 1)
        ]
        or [None] * len(styles),
        keep=None if keep is None else _mask("keep", keep, canvas),
        given=_first(first, settings),
    )


def has_aspect(mask: AnyMask, picture: AnyPicture) -> bool:
    """Tell whether a mask has the aspect of a picture, up to a pixel or a hundredth."""
    (height, width), (mask_height, mask_width) = picture.shape[:2], mask.shape
    difference = abs(mask_width * height - mask_height * width)
    return bool(difference <= max(mask_width, mask_height, width, height, 0.01 * mask_width * height))


def _mask(name: str, given: Any, picture: AnyPicture) -> AnyMask:
    """Read a mask, and compare its shape with its picture's."""
    try:
        mask = as_mask(given)
    except ImageError:  # names its file
        raise
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if problem := problem_of_mask(mask):
        raise ValueError(f"{name} {problem}")
    if not has_aspect(mask, picture):
        (height, width), (mask_height, mask_width) = picture.shape[:2], mask.shape
        warn_once(
            f"{name} of {mask_width} x {mask_height} pixels is stretched to its picture's {width} x {height}",
            UserWarning,
        )
    return mask


def _first(given: Any, settings: Settings) -> AnyPicture | None:
    """Read the first picture: the one that is given, or else the file that `init` names."""
    if given is not None or settings.init in STARTS:
        return None if given is None else as_picture(given)
    try:
        return as_picture(settings.init)
    except ImageError as error:
        raise ImageError(f"init must be {', '.join(STARTS)} or a file: {error}") from error


def _listed(value: Any) -> Sequence[Any]:
    """Return several pictures or masks as they are, one in a list, and none as an empty list."""
    return [] if value is None else value if isinstance(value, list | tuple) else [value]


def _colored(style: AnyPicture, content: AnyPicture, settings: Settings) -> AnyPicture:
    if settings.preserve_colors == "match":
        return colors.match_colors(style, content, root=settings.color_root, strength=settings.color_strength)
    if settings.preserve_colors == "histogram":
        return colors.match_histogram(style, content, strength=settings.color_strength)
    return style
