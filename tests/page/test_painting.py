"""Paint becomes masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from myvgg import images
from myvgg.page.painting import KEEP, REGIONS, masks_of, write


def layer_of(*colours: str | None, alpha: int = 255) -> np.ndarray:
    """Return a layer of one row, a pixel for each colour; None is clear."""
    layer = np.zeros((1, len(colours), 4), np.uint8)
    for x, colour in enumerate(colours):
        if colour:
            layer[0, x] = (*ImageColor.getrgb(colour), alpha)
    return layer


def test_colours_are_told_apart() -> None:
    """The first colour keeps, each other one is the region of a style; unpainted places belong to all styles."""
    masks = masks_of([layer_of(KEEP, REGIONS[0], REGIONS[1], None)], styles=2)
    assert masks.keep is not None
    assert masks.keep[0].tolist() == [True, False, False, False]
    assert [mask[0].tolist() for mask in masks.regions] == [[True, True, False, True], [True, False, True, True]]


def test_later_layers_lie_above() -> None:
    """A pixel has the colour of the uppermost layer that is painted there."""
    masks = masks_of([layer_of(KEEP, KEEP), layer_of(None, REGIONS[0])], styles=1)
    assert masks.keep is not None
    assert masks.keep[0].tolist() == [True, False]


def test_soft_edges_are_cut() -> None:
    """A pixel that is hardly painted is none, and one whose colour a browser has changed a little counts."""
    assert masks_of([layer_of(KEEP, alpha=20)], styles=1).keep is None
    near = layer_of(KEEP)
    near[..., :3] -= 9
    assert masks_of([near], styles=1).keep is not None


def test_only_what_is_painted_has_masks() -> None:
    """Without regions there are no masks of styles, and without red nothing is kept."""
    assert masks_of([layer_of(KEEP, None)], styles=2).regions == ()
    assert masks_of([layer_of(REGIONS[0], None)], styles=2).keep is None


def test_a_region_needs_its_style() -> None:
    """A region of a third style is an error where there are two."""
    with pytest.raises(ValueError, match="a region is painted for style 3, and there are 2 styles"):
        masks_of([layer_of(REGIONS[2])], styles=2)


def test_masks_are_read_back(tmp_path: Path) -> None:
    """A mask is a picture of black and white, which the library reads as 0 and 1."""
    path = write(np.array([[True, False]]), tmp_path / "mask.png")
    with Image.open(path) as image:
        assert image.mode == "L"
    assert images.load_mask(path).tolist() == [[1.0, 0.0]]
