"""Pictures and masks of every kind that callers have become arrays of one kind."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base as Tag

from myvgg import images
from myvgg.images import ImageError

RNG = np.random.default_rng(5)
RGB = RNG.integers(0, 256, (5, 7, 3), np.uint8)
GREY = RGB[..., 0]
ALPHA = RNG.integers(0, 256, (5, 7), np.uint8)
DEEP = RNG.integers(0, 65536, (5, 7), np.uint16)
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def on_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay a picture on white, in real numbers."""
    share = alpha[..., None] / 255
    return colour * share + 255 * (1 - share)


def palette(transparent: int | None = None) -> Image.Image:
    """Return a picture of Pillow's with the colours red, green and blue, one of them transparent."""
    image = Image.new("P", (3, 1))
    image.putpalette([*RED, *GREEN, *BLUE])
    image.putdata([0, 1, 2])
    if transparent is not None:
        image.info["transparency"] = transparent
    return image


def turned(array: np.ndarray, orientation: int) -> Image.Image:
    """Return a picture of Pillow's as a file with an orientation gives it: not yet upright."""
    exif = Image.Exif()
    exif[Tag.Orientation] = orientation
    content = io.BytesIO()
    Image.fromarray(array).save(content, "PNG", exif=exif)
    return Image.open(content)


PILLOW = {
    "colours": (lambda: Image.fromarray(RGB), RGB),
    "grey": (lambda: Image.fromarray(GREY), np.dstack([GREY] * 3)),
    "one bit": (lambda: Image.fromarray(GREY >= 128), 255 * np.dstack([GREY >= 128] * 3)),
    "alpha": (lambda: Image.fromarray(np.dstack([RGB, ALPHA])), on_white(RGB, ALPHA)),
    "grey and alpha": (
        lambda: Image.fromarray(np.dstack([GREY, ALPHA]), "LA"),
        on_white(np.dstack([GREY] * 3), ALPHA),
    ),
    "palette": (palette, np.array([[RED, GREEN, BLUE]])),
    "transparent colour": (lambda: palette(1), np.array([[RED, (255, 255, 255), BLUE]])),
    "16 bits": (lambda: Image.fromarray(DEEP), np.dstack([DEEP / 257] * 3)),
    "32 bits with the values of 16": (lambda: Image.fromarray(DEEP.astype(np.int32)), np.dstack([DEEP / 257] * 3)),
    "lying on its right side": (lambda: turned(RGB, 6), np.rot90(RGB, -1)),
    "upside down": (lambda: turned(RGB, 3), RGB[::-1, ::-1]),
}


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("make", "expected"), PILLOW.values(), ids=PILLOW)
def test_pictures_of_pillows(make: Callable[[], Image.Image], expected: np.ndarray) -> None:
    """A picture of Pillow's comes out like its file: upright, on white, R, G, B, 0 to 255."""
    picture = images.as_picture(make())
    assert picture.dtype == np.float32
    assert picture.shape == expected.shape
    np.testing.assert_allclose(picture, expected, atol=1e-3)


@pytest.mark.parametrize("kind", [str, Path])
def test_pictures_by_their_path(kind: Any, tmp_path: Path) -> None:
    """A path is read, as text or as a path."""
    Image.fromarray(RGB).save(tmp_path / "a.png")
    assert np.array_equal(images.as_picture(kind(tmp_path / "a.png")), RGB)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_arrays(dtype: Any) -> None:
    """An array of any usual type comes out as it is; a grey one gets three channels."""
    assert np.array_equal(images.as_picture(RGB.astype(dtype)), RGB)
    assert np.array_equal(images.as_picture(GREY.astype(dtype)), np.dstack([GREY] * 3))


def test_the_caller_keeps_an_array_of_its_own() -> None:
    """A change of the result does not reach the array that was given."""
    given = RGB.astype(np.float32)
    images.as_picture(given)[:] = 0
    assert np.array_equal(given, RGB)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (RGB.astype(np.int64), "uint8 or floating point from 0 to 255, not int64"),
        (GREY >= 128, "not bool"),
        (RGB[None], r"shape \(height, width, 3\), not \(1, 5, 7, 3\)"),
        (np.dstack([RGB, ALPHA]), r"not \(5, 7, 4\)"),
        (np.zeros((0, 7, 3), np.uint8), r"not \(0, 7, 3\)"),
        (RGB.astype(np.float32) - 1, "from 0 to 255, not -1.0"),
        (RGB.astype(np.float32) * 2, "values must be from 0 to 255"),
        (np.full((2, 2, 3), np.nan, np.float32), "values must be from 0 to 255, not nan"),
        (None, "not object"),
        (7.0, r"not \(\)"),
    ],
    ids=["integers", "boolean", "batch", "alpha", "empty", "negative", "large", "nan", "none", "number"],
)
def test_refuses_arrays_that_are_no_pictures(picture: Any, message: str) -> None:
    """Another type, shape or range is refused with what was given."""
    with pytest.raises(ValueError, match=message):
        images.as_picture(picture)


def test_refuses_what_cannot_be_read(tmp_path: Path) -> None:
    """A file that is missing is named; values of Pillow's without a known range are refused."""
    with pytest.raises(ImageError, match=r"missing.png: cannot be read: No such file"):
        images.as_picture(tmp_path / "missing.png")
    with pytest.raises(ImageError, match=r"missing.png: cannot be read: No such file"):
        images.as_mask(str(tmp_path / "missing.png"))
    with pytest.raises(ImageError, match="mode F with values from 0 to 1 has no known range"):
        images.as_picture(Image.fromarray(np.array([[0, 1]], np.float32)))


LUMINANCE = RGB @ np.array([0.299, 0.587, 0.114]) / 255

MASKS = {
    "boolean": (lambda: GREY >= 128, GREY >= 128),
    "numbers": (lambda: GREY / 255, GREY / 255),
    "zeros and ones": (lambda: (GREY >= 128).astype(np.uint8), GREY >= 128),
    "lists": (lambda: [[0.0, 0.25], [1.0, 0.5]], np.array([[0, 0.25], [1, 0.5]])),
    "colours of Pillow's": (lambda: Image.fromarray(RGB), LUMINANCE),
    "grey of Pillow's": (lambda: Image.fromarray(GREY), GREY / 255),
    "one bit": (lambda: Image.fromarray(GREY >= 128), GREY >= 128),
    "alpha of Pillow's": (lambda: Image.fromarray(np.dstack([RGB, ALPHA])), ALPHA / 255),
    "the same alpha everywhere": (lambda: Image.fromarray(np.dstack([RGB, np.full_like(ALPHA, 9)])), LUMINANCE),
    "16 bits": (lambda: Image.fromarray(DEEP), DEEP / 65535),
    "lying on its right side": (lambda: turned(GREY, 6), np.rot90(GREY, -1) / 255),
}


@pytest.mark.parametrize(("make", "expected"), MASKS.values(), ids=MASKS)
def test_masks(make: Callable[[], Any], expected: np.ndarray) -> None:
    """Whatever a mask is made of, it comes out as (height, width), float32, 0 to 1."""
    mask = images.as_mask(make())
    assert mask.dtype == np.float32
    np.testing.assert_allclose(mask, expected, atol=1e-6)
    assert mask.min() >= 0
    assert mask.max() <= 1


def test_masks_by_their_path(tmp_path: Path) -> None:
    """A path is read like `load_mask`."""
    Image.fromarray(np.dstack([RGB, ALPHA])).save(tmp_path / "a.png")
    assert np.array_equal(images.as_mask(str(tmp_path / "a.png")), images.load_mask(tmp_path / "a.png"))


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (RGB / 255, r"shape \(height, width\), not \(5, 7, 3\): take one channel"),
        (np.zeros((0, 4)), r"not \(0, 4\)"),
        (np.zeros(4), r"not \(4,\)"),
        (GREY.astype(np.float32), r"from 0 to 1, not .*: divide by 255, or compare labels with one of them"),
        (DEEP, r"from 0 to 1, not .*: divide by 65535"),
        (np.array([[0.5, -0.1]]), "from 0 to 1, not -0.1"),
        (np.array([[0, -1]]), "from 0 to 1, not -1"),
        (np.array([[0.5, np.nan]]), "from 0 to 1, not nan to nan$"),
        (np.array([["a"]]), "numbers from 0 to 1, not <U1"),
    ],
    ids=["channels", "empty", "row", "levels", "16 bits", "negative", "negative label", "nan", "text"],
)
def test_refuses_arrays_that_are_no_masks(mask: Any, message: str) -> None:
    """Another shape or range is refused with what was given, and what helps."""
    with pytest.raises(ValueError, match=message):
        images.as_mask(mask)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64], ids=lambda dtype: dtype.__name__)
def test_masks_of_whole_numbers(dtype: Any) -> None:
    """An array of whole numbers is a mask from 0 to 255, or of 0 and 1; a channel of its own is no matter."""
    assert np.allclose(images.as_mask(np.array([[0, 51, 255]], dtype)), [[0, 0.2, 1]])
    assert images.as_mask(np.array([[0, 255]], dtype)).tolist() == [[0, 1]]
    assert images.as_mask(np.array([[[0], [1]]], dtype)).tolist() == [[0, 1]]
    assert images.as_mask(np.array([[0, 31, 40]], dtype)).max() < 0.2


LABELS: dict[str, Any] = {
    "three": np.array([[0, 1, 2, 3]], np.uint8),
    "one": np.array([[0, 3]], np.int64),
    "twenty": np.array([[0, 20]], np.uint8),
    "some are ignored": np.array([[0, 1, 18, 255]], np.uint8),
    "one is ignored": np.array([[0, 1, 255]], np.uint8),
    "a picture": Image.fromarray(np.array([[0, 3, 3]], np.uint8)),
    "16 bits": Image.fromarray(np.array([[0, 3, 3]], np.uint16)),
    "colours": Image.fromarray(np.array([[(0, 0, 0), RED, GREEN]], np.uint8)),
    "a palette": palette(),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_refuses_masks_of_labels(labels: Any, tmp_path: Path) -> None:
    """Labels of several regions are no mask, neither in memory nor in a file; the error says what helps."""
    with pytest.raises(ValueError, match=r"has labels: make a mask for each region, .*labels == 1"):
        images.as_mask(labels)
    if isinstance(labels, Image.Image):
        labels.save(tmp_path / "labels.png")
        with pytest.raises(ImageError, match=r"labels\.png: .*has labels"):
            images.as_mask(tmp_path / "labels.png")


@pytest.mark.parametrize("kind", ["L", "I;16", "P", "RGB"])
def test_a_mask_of_one_label_is_white_there(kind: str, tmp_path: Path) -> None:
    """A picture of 0 and 1, or of black and one colour, is black and white."""
    labels = np.array([[0, 1, 1]], np.uint16 if kind == "I;16" else np.uint8)
    image = Image.fromarray(labels)
    if kind in ("P", "RGB"):
        image = Image.new("P", (3, 1))
        image.putpalette([0, 0, 0, 128, 0, 0])
        image.putdata([0, 1, 1])
    image = image.convert("RGB") if kind == "RGB" else image
    image.save(tmp_path / "label.png")
    for mask in (image, tmp_path / "label.png"):
        assert images.as_mask(mask).tolist() == [[0, 1, 1]]


def test_a_picture_that_is_transparent_everywhere_is_a_black_mask() -> None:
    """Nothing of it counts."""
    assert not images.as_mask(Image.new("RGBA", (3, 2), (255, 255, 255, 0))).any()


def test_masks_of_floating_point(tmp_path: Path) -> None:
    """A file of floating point is a mask from 0 to 1."""
    values = np.array([[0.0, 0.25, 1.0]], np.float32)
    Image.fromarray(values).save(tmp_path / "mask.tif")
    assert np.array_equal(images.as_mask(tmp_path / "mask.tif"), values)
    assert np.array_equal(images.as_mask(Image.fromarray(values)), values)
    Image.fromarray(300 * values).save(tmp_path / "mask.tif")
    with pytest.raises(ImageError, match=r"mask\.tif: .*from 0 to 1, not 0"):
        images.as_mask(tmp_path / "mask.tif")


@pytest.mark.parametrize("take", [images.as_picture, images.as_mask])
def test_masked_arrays_are_refused(take: Callable[[Any], Any]) -> None:
    """The values below the mask of a masked array are no pixels; the error says how to fill them."""
    shape = (5, 7, 3) if take is images.as_picture else (5, 7)
    with pytest.raises(ValueError, match=r"no masked pixels: fill them, (image|mask)\.filled"):
        take(np.ma.masked_array(np.zeros(shape), np.ones(shape, bool)))
