"""Paint becomes masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from myvgg import images
from myvgg.page import painting
from myvgg.page.painting import KEEP, REGIONS, masks_of, read_layer, write


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


@pytest.mark.parametrize(
    ("colours", "styles", "problem"),
    [
        ([REGIONS[0]] * 2, 2, "no place is left for style 2: paint a part in green, or leave a part unpainted"),
        ([REGIONS[1]] * 2, 2, "no place is left for style 1: paint a part in blue, or leave a part unpainted"),
        ([*REGIONS], 6, "no place is left for style 6: leave a part unpainted"),
    ],
)
def test_every_style_needs_a_place(colours: list[str], styles: int, problem: str) -> None:
    """Where everything is painted for other styles, the sentence has the page's words."""
    with pytest.raises(ValueError, match=problem):
        masks_of([layer_of(*colours)], styles=styles)


def test_paint_is_reduced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer of paint is read from a file or from bytes at the size of a result, whatever the photograph's is."""
    path = tmp_path / "layer.png"
    Image.fromarray(np.repeat(np.repeat(layer_of(KEEP, None), 900, 0), 1500, 1)).save(path)
    layer = read_layer(str(path))
    assert layer.shape == (307, 1024, 4)
    assert np.array_equal(layer, read_layer(path.read_bytes()))
    keep = masks_of([layer], styles=1).keep
    assert keep is not None
    assert keep[:, :500].all()
    assert not keep[:, 524:].any()
    monkeypatch.setattr(painting, "MAX_PIXELS", 1000)
    with pytest.raises(ValueError, match="the paint has more than 1000 pixels"):
        read_layer(str(path))
    with pytest.raises(ValueError, match="the paint cannot be read: paint again"):
        read_layer(b"no picture")


def test_masks_are_read_back(tmp_path: Path) -> None:
    """A mask is a picture of black and white, which the library reads as 0 and 1."""
    path = write(np.array([[True, False]]), tmp_path / "mask.png")
    with Image.open(path) as image:
        assert image.mode == "L"
    assert images.load_mask(path).tolist() == [[1.0, 0.0]]
