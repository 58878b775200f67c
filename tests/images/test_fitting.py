"""One record says how pictures are brought to the size of a network, for files, pictures of Pillow's and arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from myvgg import images
from myvgg.images import CENTRE_CROP, Resizing
from tests.drawn import blobs

PICTURE = np.rint(blobs(40, 64, seed=3)).astype(np.uint8)


def lanczos(start: float, stop: float, size: int, count: int) -> np.ndarray:
    """Return the weights by which a stretch of pixels becomes `size` pixels, from the filter's formula."""
    scale = (stop - start) / size
    support = max(scale, 1.0)
    centres = start + (np.arange(size) + 0.5) * scale
    offsets = (np.arange(count) + 0.5 - centres[:, None]) / support
    weights = np.where(np.abs(offsets) < 3, np.sinc(offsets) * np.sinc(offsets / 3), 0)
    return weights / weights.sum(axis=1, keepdims=True)


def resampled(box: tuple[float, float, float, float], width: int, height: int) -> np.ndarray:
    """Scale a part of the picture, left, top, right, bottom, in real numbers."""
    left, top, right, bottom = box
    across, down = lanczos(left, right, width, 64), lanczos(top, bottom, height, 40)
    return np.einsum("yi,ijc,xj->yxc", down, PICTURE.astype(np.float64), across).clip(0, 255)


SIDE = 40 * 224 / 256
CROP = ((64 - SIDE) / 2, (40 - SIDE) / 2, (64 + SIDE) / 2, (40 + SIDE) / 2)


@pytest.mark.parametrize(
    ("resizing", "box", "width", "height"),
    [
        (Resizing(16, "crop"), CROP, 16, 16),
        (Resizing(48, "crop"), CROP, 48, 48),
        (Resizing(16, "squash"), (0, 0, 64, 40), 16, 16),
        (Resizing(32, "longest"), (0, 0, 64, 40), 32, 20),
        (Resizing(16, "none"), (0, 0, 64, 40), 64, 40),
    ],
    ids=str,
)
def test_each_way(resizing: Resizing, box: Any, width: int, height: int) -> None:
    """The part that a way takes of a picture is scaled by Lanczos' filter, as its formula has it."""
    found = resizing(PICTURE)
    assert found.dtype == np.uint8
    assert found.shape == (height, width, 3)
    assert np.abs(found - resampled(box, width, height)).max() <= 2.1  # Pillow rounds after each axis


@pytest.mark.parametrize("how", ["crop", "squash", "longest", "none"])
def test_a_file_a_picture_and_an_array_are_the_same(how: Any, tmp_path: Path) -> None:
    """It does not matter how a picture is handed over."""
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    resizing = Resizing(24, how)
    expected = resizing(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as opened:
        assert np.array_equal(resizing(opened), expected)
    for same in (str(tmp_path / "a.png"), PICTURE, PICTURE.astype(np.float64), images.load(tmp_path / "a.png")):
        assert np.array_equal(resizing(same), expected)


def test_transparent_grey_and_turned_pictures(tmp_path: Path) -> None:
    """A file is laid on white, given three channels and turned upright before it is scaled."""
    white = Image.fromarray(np.zeros((20, 30, 4), np.uint8))
    white.save(tmp_path / "white.png")
    assert (Resizing(8)(tmp_path / "white.png") == 255).all()
    Image.fromarray(PICTURE[..., 0]).save(tmp_path / "grey.png")
    grey = Resizing(8)(tmp_path / "grey.png")
    assert np.array_equal(grey[..., 0], grey[..., 2])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PICTURE).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(Resizing(8)(tmp_path / "turned.png"), Resizing(8)(np.rot90(PICTURE, -1)))


def test_a_large_jpeg_is_close_to_its_pixels(tmp_path: Path) -> None:
    """A JPEG that is decoded at a part of its size gives the picture that its pixels give, but for a few levels."""
    large = images.resize(PICTURE.astype(np.float32), (1600, 1000))
    images.save(large, tmp_path / "large.jpg")
    for how in ("crop", "squash", "longest"):
        resizing = Resizing(64, how)  # type: ignore[arg-type]
        difference = np.abs(resizing(tmp_path / "large.jpg").astype(int) - resizing(large))
        assert difference.max() <= 4


def test_the_result_is_the_callers() -> None:
    """The array can be written to, and is no view of the picture that was given."""
    given = PICTURE.copy()
    for how in ("crop", "none"):
        Resizing(8, how)(given)[:] = 0  # type: ignore[arg-type]
    assert np.array_equal(given, PICTURE)


def test_it_is_a_record() -> None:
    """Equal fields make equal records with one hash; the default is the paper's crop."""
    assert len({Resizing(), Resizing(224, "crop"), CENTRE_CROP}) == 1
    assert Resizing(64) != CENTRE_CROP
    assert repr(Resizing(64)) == "Resizing(size=64, how='crop')"
    assert Resizing(64).is_square
    assert not Resizing(64, "longest").is_square


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size must be at least 1, not 0"),
        ({"size": 16385}, "size must be at most 16384, not 16385"),
        ({"how": "fill"}, "how must be one of crop, squash, longest, none, not 'fill'"),
    ],
    ids=["none", "large", "way"],
)
def test_refuses_other_fields(options: Any, message: str, unchecked: None) -> None:
    """A size or a way that there is not is refused when the record is made."""
    with pytest.raises(ValueError, match=message):
        Resizing(**options)
