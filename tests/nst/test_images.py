"""Files of every kind come out in the right colours, others are refused, and writing is whole or not at all."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from myvgg.nst import images
from myvgg.nst.images import ImageError
from tests.full_disk import SURVIVED, outcomes

JPEG = 3
"""Levels by which quality 100 changes blocks of one colour: two colour spaces, each rounded to 8 bits."""

RESAMPLING = 1e-3
"""Levels; Pillow sums some hundred float32 products of up to 255."""

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (5, 7, 3), np.uint8)
GREY = RGB[..., 0]
ALPHA = RNG.integers(0, 256, (5, 7), np.uint8)
DEEP = RNG.integers(0, 65536, (5, 7, 3), np.uint16)
LIGHT = 128
"""Where a picture of one bit is white."""


def grey(values: np.ndarray) -> np.ndarray:
    """Repeat a plane in three channels."""
    return np.repeat(np.asarray(values, np.float64)[..., None], 3, axis=-1)


def on_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay a picture on white, in real numbers."""
    share = alpha[..., None] / 255
    return colour * share + 255 * (1 - share)


def blocks(array: np.ndarray) -> np.ndarray:
    """Enlarge every pixel to 16 x 16, so that JPEG keeps its colour."""
    return array.repeat(16, 0).repeat(16, 1)


def png16(array: np.ndarray, colour_type: int) -> bytes:
    """Write a PNG of 16 bits per channel, which Pillow cannot for colours."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 16, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return what Pillow writes."""
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def palette(**options: Any) -> bytes:
    """Return a PNG of three colours, red, green and blue, in its first row."""
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    return encode(image, "PNG", **options)


def animation() -> bytes:
    """Return a GIF whose first frame is green and whose second is red."""
    frames = [Image.new("RGB", (3, 2), colour) for colour in ("lime", "red")]
    return encode(frames[0], "GIF", save_all=True, append_images=frames[1:])


def profile(**swapped: str) -> bytes:
    """Return an sRGB profile whose tags are exchanged as named."""
    content = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    table, data = content[:300], content[300:]
    for tag, other in swapped.items():
        table = table.replace(tag.encode(), b"----").replace(other.encode(), tag.encode())
        table = table.replace(b"----", other.encode())
    return table + data


RED_AND_GREEN_EXCHANGED = profile(rXYZ="gXYZ")
"""In the colours of this profile, the first channel is green."""

RGBA = Image.fromarray(np.dstack([RGB, ALPHA]))
RED_GREEN_BLUE = np.diag([255.0, 255, 255])[None]
CMYK = Image.fromarray(RNG.integers(0, 256, (5, 7, 4), np.uint8), "CMYK")
FROM_CMYK = (255 - np.asarray(CMYK)[..., :3].astype(float)) * (255 - np.asarray(CMYK)[..., 3:].astype(float)) / 255

KINDS: dict[str, tuple[Callable[[], bytes], np.ndarray, float]] = {
    "rgb png": (lambda: encode(Image.fromarray(RGB), "PNG"), RGB, 0),
    "rgb bmp": (lambda: encode(Image.fromarray(RGB), "BMP"), RGB, 0),
    "rgb tiff": (lambda: encode(Image.fromarray(RGB), "TIFF"), RGB, 0),
    "rgb tiff lzw": (lambda: encode(Image.fromarray(RGB), "TIFF", compression="tiff_lzw"), RGB, 0),
    "rgb webp": (lambda: encode(Image.fromarray(RGB), "WEBP", lossless=True), RGB, 0),
    "rgb jpeg": (
        lambda: encode(Image.fromarray(blocks(RGB)), "JPEG", quality=100, subsampling=0),
        blocks(RGB),
        JPEG,
    ),
    "grey png": (lambda: encode(Image.fromarray(GREY), "PNG"), grey(GREY), 0),
    "grey jpeg": (lambda: encode(Image.fromarray(blocks(GREY)), "JPEG", quality=100), grey(blocks(GREY)), JPEG),
    "one bit": (
        lambda: encode(Image.fromarray(GREY >= LIGHT), "PNG"),
        grey(np.where(GREY >= LIGHT, 255, 0)),
        0,
    ),
    "grey and alpha": (
        lambda: encode(Image.fromarray(np.dstack([GREY, ALPHA]), "LA"), "PNG"),
        on_white(grey(GREY), ALPHA),
        1,
    ),
    "grey with a transparent level": (
        lambda: encode(Image.fromarray(GREY), "PNG", transparency=int(GREY[2, 3])),
        grey(np.where(GREY[2, 3] == GREY, 255, GREY)),
        0,
    ),
    "rgb and alpha png": (lambda: encode(RGBA, "PNG"), on_white(RGB, ALPHA), 1),
    "rgb and alpha webp": (lambda: encode(RGBA, "WEBP", lossless=True, exact=True), on_white(RGB, ALPHA), 1),
    "rgb and alpha tiff": (lambda: encode(RGBA, "TIFF"), on_white(RGB, ALPHA), 1),
    "rgb with a transparent colour": (
        lambda: encode(Image.fromarray(RGB), "PNG", transparency=tuple(map(int, RGB[2, 3]))),
        np.where((RGB[2, 3] == RGB).all(-1, keepdims=True), 255, RGB),
        0,
    ),
    "palette": (palette, RED_GREEN_BLUE, 0),
    "palette with a transparent entry": (
        lambda: palette(transparency=1),
        np.array([[[255, 0, 0], [255, 255, 255], [0, 0, 255]]]),
        0,
    ),
    "palette with alpha": (
        lambda: palette(transparency=bytes([255, 0, 51])),
        np.array([[[255, 0, 0], [255, 255, 255], [204, 204, 255]]]),
        1,
    ),
    "16 bit grey png": (lambda: encode(Image.fromarray(DEEP[..., 0]), "PNG"), grey(DEEP[..., 0] / 257), 2e-5),
    "16 bit grey tiff": (lambda: encode(Image.fromarray(DEEP[..., 0]), "TIFF"), grey(DEEP[..., 0] / 257), 2e-5),
    "16 bit grey in 32": (
        lambda: encode(Image.fromarray(DEEP[..., 0].astype(np.int32)), "TIFF"),
        grey(DEEP[..., 0] / 257),
        2e-5,
    ),
    "16 bit rgb": (lambda: png16(DEEP, 2), DEEP / 257, 1),
    "16 bit rgb and alpha": (
        lambda: png16(np.dstack([DEEP, ALPHA.astype(np.uint16) * 257]), 6),
        on_white(DEEP / 257, ALPHA),
        2,
    ),
    "16 bit grey and alpha": (
        lambda: png16(np.dstack([DEEP[..., 0], ALPHA.astype(np.uint16) * 257]), 4),
        on_white(grey(DEEP[..., 0] / 257), ALPHA),
        2,
    ),
    "cmyk tiff": (lambda: encode(CMYK, "TIFF"), FROM_CMYK, 1),
    "cmyk jpeg": (
        lambda: encode(CMYK.resize((112, 80), Image.Resampling.NEAREST), "JPEG", quality=100),
        blocks(FROM_CMYK),
        JPEG,
    ),
    "animation": (animation, np.tile([0, 255, 0], (2, 3, 1)), 0),
    "one pixel": (lambda: encode(Image.fromarray(RGB[:1, :1]), "PNG"), RGB[:1, :1], 0),
    "one row": (lambda: encode(Image.fromarray(RGB[:1]), "PNG"), RGB[:1], 0),
    "sRGB profile": (lambda: encode(Image.fromarray(RGB), "PNG", icc_profile=profile()), RGB, 0),
    "another profile": (
        lambda: encode(Image.fromarray(RGB), "PNG", icc_profile=RED_AND_GREEN_EXCHANGED),
        RGB[..., [1, 0, 2]],
        1,
    ),
    "another profile, jpeg": (
        lambda: encode(
            Image.fromarray(blocks(RGB)), "JPEG", quality=100, subsampling=0, icc_profile=RED_AND_GREEN_EXCHANGED
        ),
        blocks(RGB)[..., [1, 0, 2]],
        JPEG + 1,
    ),
    "another profile, palette": (
        lambda: palette(icc_profile=RED_AND_GREEN_EXCHANGED),
        RED_GREEN_BLUE[..., [1, 0, 2]],
        1,
    ),
    "another profile and alpha": (
        lambda: encode(RGBA, "PNG", icc_profile=RED_AND_GREEN_EXCHANGED),
        on_white(RGB, ALPHA)[..., [1, 0, 2]],
        2,
    ),
    "another profile and a transparent entry": (
        lambda: palette(icc_profile=RED_AND_GREEN_EXCHANGED, transparency=2),
        np.array([[[0, 255, 0], [255, 0, 0], [255, 255, 255]]]),
        1,
    ),
    "a colour profile on grey": (
        lambda: encode(Image.fromarray(GREY), "PNG", icc_profile=RED_AND_GREEN_EXCHANGED),
        grey(GREY),
        0,
    ),
    "a colour profile on cmyk": (lambda: encode(CMYK, "TIFF", icc_profile=profile()), FROM_CMYK, 1),
    "a cut off profile": (lambda: encode(Image.fromarray(RGB), "PNG", icc_profile=profile()[:300]), RGB, 0),
    "a profile of noise": (lambda: encode(Image.fromarray(RGB), "PNG", icc_profile=b"no profile at all"), RGB, 0),
}
"""What is in the file, what must come out, and by how many levels it may be off: 8-bit steps on the way round."""


@pytest.mark.parametrize(("make", "expected", "tolerance"), KINDS.values(), ids=KINDS)
def test_reads_every_kind_of_picture(
    make: Callable[[], bytes], expected: np.ndarray, tolerance: float, tmp_path: Path
) -> None:
    """Whatever a file holds comes out as R, G, B, 0 to 255, float32, under any name."""
    path = tmp_path / "picture.of.some.kind"
    path.write_bytes(make())
    actual = images.load(path)
    assert actual.dtype == np.float32
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= tolerance
    assert np.array_equal(images.load(str(path)), actual)


EDGES = {2: "top right", 3: "bottom right", 4: "bottom left", 5: "left top", 6: "right top", 7: "right bottom"}
EDGES |= {1: "top left", 8: "left bottom"}
"""The EXIF standard: where the file's first row is when the picture is seen upright, then its first column."""


def stored_as(upright: np.ndarray, orientation: int) -> np.ndarray:
    """Lay out an upright picture as a camera that was held in one way would have stored it."""
    row, column = EDGES[orientation].split()
    rows_first = row in ("top", "bottom")
    stored = upright if rows_first else upright.swapaxes(0, 1)
    stored = stored[::-1] if row in ("bottom", "right") else stored
    return np.ascontiguousarray(stored[:, ::-1] if column in ("bottom", "right") else stored)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_pictures_upright(orientation: int, kind: str, tmp_path: Path) -> None:
    """A photograph whose EXIF entry says how the camera was held comes out upright."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    upright = blocks(RGB)
    content = encode(Image.fromarray(stored_as(upright, orientation)), kind, exif=exif, **options)
    (tmp_path / "a").write_bytes(content)
    actual = images.load(tmp_path / "a")
    assert actual.shape == upright.shape
    assert np.abs(actual - upright).max() <= (JPEG if kind == "JPEG" else 0)


@pytest.mark.parametrize("orientation", [3, 6])
def test_turns_transparent_pictures_with_a_profile(orientation: int, tmp_path: Path) -> None:
    """Orientation, transparency and profile work together."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = stored_as(np.dstack([RGB, ALPHA]), orientation)
    options = {"exif": exif, "icc_profile": RED_AND_GREEN_EXCHANGED}
    (tmp_path / "a").write_bytes(encode(Image.fromarray(stored), "PNG", **options))
    expected = on_white(RGB, ALPHA)[..., [1, 0, 2]]
    assert np.abs(images.load(tmp_path / "a") - expected).max() <= 2


def refusal(path: Path) -> str:
    """Return the message with which a picture is refused, checked to be one line that names the file first."""
    with pytest.raises(ImageError) as caught:
        images.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


STRANGERS = {
    "empty": (b"", "the file is empty"),
    "text": (b"hello", "not a picture"),
    "page": (b"<!DOCTYPE html><html>", "not a picture"),
    "noise": (np.random.default_rng(1).bytes(5000), "not a picture"),
    "only a signature": (b"\x89PNG\r\n\x1a\n", ""),
    "fractions": (encode(Image.fromarray(RGB[..., 0] / np.float32(255)), "TIFF"), "mode F with values from 0"),
    "negative": (encode(Image.fromarray(DEEP[..., 0].astype(np.int32) - 40000), "TIFF"), "mode I with values from -"),
    "24 bit grey": (encode(Image.fromarray(DEEP[..., 0].astype(np.int32) * 256), "TIFF"), "has no known range"),
}


@pytest.mark.parametrize(("content", "problem"), STRANGERS.values(), ids=STRANGERS)
def test_refuses_strangers(content: bytes, problem: str, tmp_path: Path) -> None:
    """What is no picture, or one whose range of values nobody knows, is refused in one line that says so."""
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert problem in refusal(path)


@pytest.mark.parametrize(("name", "problem"), [("", "Is a directory"), ("missing.png", "No such file")])
def test_refuses_what_cannot_be_opened(name: str, problem: str, tmp_path: Path) -> None:
    """A folder and a missing file are called that."""
    assert problem in refusal(tmp_path / name)


WRITERS = {
    "PNG": {},
    "JPEG": {"quality": 90},
    "GIF": {},
    "WEBP": {"lossless": True},
    "TIFF": {"compression": "tiff_lzw"},
    "BMP": {},
    **({"AVIF": {}} if features.check("avif") else {}),
}


@pytest.mark.parametrize("share", [0.01, 0.2, 0.6, 0.95])
@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.filterwarnings("ignore:.*EXIF.*:UserWarning", "ignore:Truncated File Read:UserWarning")
def test_refuses_truncated_pictures(kind: str, share: float, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A picture that was cut off anywhere is refused."""
    noise = np.random.default_rng(2).integers(0, 256, (40, 50, 3), np.uint8)
    content = encode(Image.fromarray(noise), kind, **WRITERS[kind])
    path = tmp_path / "a.png"
    path.write_bytes(content[: int(share * len(content))])
    refusal(path)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_refuses_damaged_avif(tmp_path: Path) -> None:
    """AVIF whose data are destroyed, for which Pillow raises RuntimeError, is refused like any other picture."""
    noise = np.random.default_rng(2).integers(0, 256, (40, 50, 3), np.uint8)
    content = encode(Image.fromarray(noise), "AVIF")
    path = tmp_path / "a.avif"
    start = content.index(b"mdat") + 4
    path.write_bytes(content[:start] + b"\xff" * (len(content) - start))
    assert "cannot be read" in refusal(path)


def test_refuses_decompression_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file of gigantic pixels is refused before they are unpacked."""
    (tmp_path / "a.png").write_bytes(encode(Image.fromarray(RGB), "PNG"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert "decompression bomb" in refusal(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".bmp", ".tif", ".tiff", ".Tiff"])
def test_writes_what_it_reads(suffix: str, tmp_path: Path) -> None:
    """Formats without loss hold 8-bit values exactly, whatever the capitals of the suffix."""
    images.save(RGB.astype(np.float32), tmp_path / f"a{suffix}")
    assert np.array_equal(images.load(tmp_path / f"a{suffix}"), RGB)


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        (".png", "PNG"),
        (".jpg", "JPEG"),
        (".jpeg", "JPEG"),
        (".JPG", "JPEG"),
        (".webp", "WEBP"),
        (".tif", "TIFF"),
        (".bmp", "BMP"),
        (".x.png", "PNG"),
    ],
)
def test_the_suffix_names_the_format(suffix: str, kind: str, tmp_path: Path) -> None:
    """A file is in the format of its suffix, close to the picture, and alone in its folder."""
    path = tmp_path / f"a{suffix}"
    smooth = blocks(np.linspace(20, 230, 12, dtype=np.float32).reshape(2, 2, 3))
    images.save(smooth, path)
    with Image.open(path) as image:
        assert image.format == kind
    assert np.abs(images.load(path) - smooth).mean() < JPEG
    assert list(tmp_path.iterdir()) == [path]


def test_colours_keep_their_resolution_in_jpeg(tmp_path: Path) -> None:
    """Chroma is not halved: thin coloured lines stay."""
    lines = np.zeros((16, 16, 3), np.float32)
    lines[:, ::2, 0] = 255
    images.save(lines, tmp_path / "a.jpg")
    assert np.abs(images.load(tmp_path / "a.jpg") - lines).mean() < 10  # 60 and more with halved chroma


def test_rounds_and_clips(tmp_path: Path) -> None:
    """Values go to the nearest level and stay within the range, they are not cut off or wrapped around."""
    values = np.array([[-300, -0.4, 0.4], [0.6, 99.4, 99.6], [254.4, 254.6, 256], [300, 1e9, 127.9]], np.float32)
    images.save(values[None], tmp_path / "a.png")
    expected = [[0, 0, 0], [1, 99, 100], [254, 255, 255], [255, 255, 128]]
    assert np.array_equal(images.load(tmp_path / "a.png")[0], expected)


@pytest.mark.parametrize("name", ["a", "a.txt", "a.gif", "a.pdf", "png", "a.png.bak", "a."])
def test_refuses_to_write_an_unknown_suffix(name: str, tmp_path: Path) -> None:
    """A suffix that no format belongs to is refused with those that there are, and nothing is written."""
    for function in (lambda path: images.save(np.zeros((2, 2, 3), np.float32), path), images.format_of):
        with pytest.raises(ValueError, match=r"name it \.png, \.jpg, \.webp, \.tif or \.bmp"):
            function(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_where_nothing_can_be_written(tmp_path: Path) -> None:
    """A missing folder, and a folder in the place of the file, give OSError and no temporary file."""
    (tmp_path / "a.png").mkdir()
    for path in (tmp_path / "a.png", tmp_path / "missing" / "a.png"):
        with pytest.raises(OSError, match="directory"):
            images.save(np.zeros((2, 2, 3), np.float32), path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


SAVE_PICTURE = """
import numpy as np
from myvgg.nst import images

picture = np.random.default_rng(0).uniform(0, 255, (60, 60, 3)).astype(np.float32)
save = lambda path: images.save(picture, path)
"""


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
def test_a_full_disk_leaves_the_old_file(suffix: str, tmp_path: Path) -> None:
    """Where there is no room, at any point, writing raises OSError, the old file stays and no temporary one does."""
    assert outcomes(SAVE_PICTURE, tmp_path / f"a{suffix}") == SURVIVED


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_arrays_of_any_floating_type_are_taken(dtype: type) -> None:
    """Bytes and floating point of any width become float32 with the same values, in an array of its own."""
    given = RGB.astype(dtype)
    actual = images.as_rgb(given)
    assert actual.dtype == np.float32
    assert np.array_equal(actual, RGB)
    assert not np.shares_memory(actual, given)


def test_grey_arrays_get_three_channels() -> None:
    """A plane is repeated; nested lists of real numbers are arrays, too."""
    assert np.array_equal(images.as_rgb(GREY), grey(GREY))
    assert np.array_equal(images.as_rgb([[0.0, 128.5], [255.0, 1.0]]), grey(np.array([[0, 128.5], [255, 1]])))


FLOAT = RGB.astype(np.float32)
WRONG_ARRAYS = {
    "int64": (RGB.astype(np.int64), "must be uint8 or floating point from 0 to 255, not int64"),
    "bool": (RGB > 0, "not bool"),
    "complex": (RGB.astype(complex), "not complex"),
    "text": ("picture.jpg", "must be uint8 or floating point"),
    "nothing": (None, "not object"),
    "a batch": (FLOAT[None], "must have shape (height, width, 3), not (1, 5, 7, 3)"),
    "channels first": (FLOAT.transpose(2, 0, 1), "not (3, 5, 7)"),
    "one channel": (FLOAT[..., :1], "not (5, 7, 1)"),
    "alpha": (np.dstack([RGB, ALPHA]), "not (5, 7, 4)"),
    "a row": (FLOAT[0, 0], "not (3,)"),
    "a number": (np.float32(3), "not ()"),
    "no rows": (FLOAT[:0], "not (0, 7, 3)"),
    "no grey columns": (FLOAT[:, :0, 0], "(5, 0"),
    "negative": (FLOAT - 300, "must be from 0 to 255, not -"),
    "too large": (FLOAT / FLOAT.max() * 256, "to 256.0"),
    "nan": (np.where(FLOAT > 200, np.nan, FLOAT), "nan"),
    "infinite": (np.where(FLOAT > 200, np.inf, FLOAT), "inf"),
}


@pytest.mark.parametrize(("array", "problem"), WRONG_ARRAYS.values(), ids=WRONG_ARRAYS)
def test_refuses_wrong_arrays(array: Any, problem: str) -> None:
    """What is no picture is refused with what it is and what is allowed."""
    with pytest.raises(ValueError, match=r"^a picture") as caught:
        images.as_rgb(array)
    assert problem in str(caught.value)


@pytest.mark.parametrize("longest", [1, 2, 16, 17, 333])
@pytest.mark.parametrize("shape", [(5, 7), (7, 5), (31, 31), (1, 900), (900, 1), (97, 640), (1, 1)], ids=str)
def test_the_longest_side_is_exact(shape: tuple[int, int], longest: int) -> None:
    """The longest side has the wanted pixels, the other one its share of them, at least one."""
    share = longest / max(shape)
    expected = tuple(max(1, int(np.floor(side * share + 0.5))) for side in shape)
    actual = images.resize(np.full((*shape, 3), 99, np.float32), longest)
    assert max(actual.shape[:2]) == longest
    assert np.abs(np.subtract(actual.shape[:2], expected)).max() <= (0 if shape[0] == shape[1] else 1)
    assert actual.shape[2] == 3


@pytest.mark.parametrize("longest", [3, 20, 300])
def test_a_constant_picture_stays_constant(longest: int) -> None:
    """Every channel keeps its own value in any size, up to the borders."""
    colour = np.array([0, 77.25, 255], np.float32)
    actual = images.resize(np.tile(colour, (19, 27, 1)), longest)
    assert actual.dtype == np.float32
    assert np.abs(actual - colour).max() <= RESAMPLING


def test_the_wanted_size_is_left_alone() -> None:
    """A picture of the right size keeps its values."""
    assert np.array_equal(images.resize(FLOAT, 7), FLOAT)


@pytest.mark.parametrize("pattern", ["columns", "rows", "checkerboard", "noise"])
def test_fine_patterns_go_to_their_mean(pattern: str) -> None:
    """What is finer than the new pixels becomes grey, it does not alias into coarse stripes."""
    y, x = np.mgrid[:160, :160]
    patterns = {"columns": x % 2, "rows": y % 2, "checkerboard": (x + y) % 2}
    patterns["noise"] = np.random.default_rng(3).integers(0, 2, (160, 160))
    actual = images.resize(grey(255 * patterns[pattern]).astype(np.float32), 10)
    spread = 40 if pattern == "noise" else 5  # sixteenths of the noise's spread of 127.5, and four times that at most
    assert np.abs(actual - 127.5).max() <= spread


def test_shrinking_is_about_the_mean_of_blocks() -> None:
    """A smooth picture at an eighth of its size is close to the means of its blocks, in place and in value."""
    y, x = np.mgrid[:160, :240][..., None]
    smooth = (127.5 + 100 * np.sin(y / 23 + np.arange(3)) * np.cos(x / 31)).astype(np.float32)
    expected = smooth.reshape(20, 8, 30, 8, 3).mean((1, 3))
    actual = images.resize(smooth, 30)
    inside = (slice(2, -2), slice(2, -2))  # Lanczos looks three pixels far and meets the border there
    assert np.abs(actual - expected)[inside].max() <= 1.5  # levels; half a pixel's shift would be 14


@pytest.mark.parametrize("longest", [5, 11, 64])
def test_resizing_a_mirrored_picture_mirrors_the_result(longest: int) -> None:
    """Neither corner is favoured, and rows are not taken for columns."""
    picture = np.random.default_rng(4).uniform(0, 255, (21, 34, 3)).astype(np.float32)
    expected = images.resize(picture, longest)
    for flip in (np.s_[::-1], np.s_[:, ::-1], np.s_[..., ::-1]):
        assert np.abs(images.resize(np.ascontiguousarray(picture[flip]), longest)[flip] - expected).max() <= RESAMPLING
    turned = images.resize(np.ascontiguousarray(picture.swapaxes(0, 1)), longest).swapaxes(0, 1)
    assert np.abs(turned - expected).max() <= RESAMPLING


def test_enlarging_stays_within_the_range() -> None:
    """Sharp edges do not overshoot 0 and 255."""
    edge = np.zeros((6, 6, 3), np.float32)
    edge[:, 3:] = 255
    actual = images.resize(edge, 50)
    assert (actual.min(), actual.max()) == (0, 255)


def test_one_pixel_fills_a_picture() -> None:
    """A picture of one pixel can be enlarged."""
    actual = images.resize(np.array([[[1, 2, 250]]], np.float32), 9)
    assert actual.shape == (9, 9, 3)
    assert np.abs(actual - [1, 2, 250]).max() <= RESAMPLING


def test_a_transparent_grey_of_16_bit_is_white(tmp_path: Path) -> None:
    """A 16-bit PNG may name one grey that is transparent; it comes out as white, the others as they are."""
    values = np.array([[0, 300], [40000, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png", transparency=300)
    expected = np.where(values == 300, 255, values / 257)
    np.testing.assert_allclose(images.load(tmp_path / "a.png")[..., 0], expected, rtol=1e-6)  # float32
