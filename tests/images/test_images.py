"""Files of every kind come out in the right colours, others are refused, and writing is whole or not at all."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, features

from myvgg import images
from myvgg.images import ImageError
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
DEEP_ALPHA = RNG.integers(0, 65536, (5, 7), np.uint16)
DEEP_ALPHA[0, :2] = 0, 65535
DEEP_STEP = 1e-4
"""Levels of 255 that float32 may be off; a step of 16 bits is 1/257 of a level."""

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


def png16(array: np.ndarray, colour_type: int, **chunks_before: bytes) -> bytes:
    """Write a PNG of 16 bits per channel, which Pillow cannot for colours, with further chunks."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 16, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    before = b"".join(chunk(name.encode(), content) for name, content in chunks_before.items())
    chunks = chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def tiff16(array: np.ndarray, **options: Any) -> bytes:
    """Return what tifffile writes."""
    content = io.BytesIO()
    photometric = "minisblack" if array.ndim == 2 else "rgb"
    tifffile.imwrite(content, array, **({"photometric": photometric, "metadata": None} | options))
    return content.getvalue()


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Encode light as IEC 61966-2-1 has it, from 0 to 1."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


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


LINEAR_GREY = imagecodecs.cms_profile("gray", gamma=1.0)
WIDE_GAMUT = imagecodecs.cms_profile("adobergb")

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
    "16 bit rgb": (lambda: png16(DEEP, 2), DEEP / 257, DEEP_STEP),
    "16 bit rgb and alpha": (
        lambda: png16(np.dstack([DEEP, DEEP_ALPHA]), 6),
        on_white(DEEP / 257, DEEP_ALPHA / 257),
        DEEP_STEP,
    ),
    "16 bit grey and alpha": (
        lambda: png16(np.dstack([DEEP[..., 0], DEEP_ALPHA]), 4),
        on_white(grey(DEEP[..., 0] / 257), DEEP_ALPHA / 257),
        DEEP_STEP,
    ),
    "16 bit rgb with a transparent colour": (
        lambda: png16(DEEP, 2, tRNS=DEEP[2, 3].astype(">u2").tobytes()),
        np.where((DEEP[2, 3] == DEEP).all(-1, keepdims=True), 255, DEEP / 257),
        DEEP_STEP,
    ),
    "16 bit rgb, another profile": (
        lambda: png16(DEEP, 2, iCCP=b"name\0\0" + zlib.compress(RED_AND_GREEN_EXCHANGED)),
        DEEP[..., [1, 0, 2]] / 257,
        0.01,
    ),
    "16 bit rgb, a profile of noise": (
        lambda: png16(DEEP, 2, iCCP=b"name\0\0" + zlib.compress(b"no profile at all")),
        DEEP / 257,
        DEEP_STEP,
    ),
    "16 bit grey, a colour profile": (
        lambda: png16(DEEP[..., 0], 0, iCCP=b"name\0\0" + zlib.compress(RED_AND_GREEN_EXCHANGED)),
        grey(DEEP[..., 0] / 257),
        DEEP_STEP,
    ),
    "16 bit grey, a grey profile": (
        lambda: png16(DEEP[..., 0], 0, iCCP=b"name\0\0" + zlib.compress(LINEAR_GREY)),
        grey(255 * to_srgb(DEEP[..., 0] / 65535)),
        0.01,
    ),
    "16 bit tiff": (lambda: tiff16(DEEP), DEEP / 257, DEEP_STEP),
    "16 bit tiff lzw": (lambda: tiff16(DEEP, compression="lzw", predictor=True), DEEP / 257, DEEP_STEP),
    "16 bit tiff deflate": (lambda: tiff16(DEEP, compression="zlib", predictor=True), DEEP / 257, DEEP_STEP),
    "16 bit tiff big endian in tiles": (lambda: tiff16(DEEP, byteorder=">", tile=(16, 16)), DEEP / 257, DEEP_STEP),
    "16 bit tiff in planes": (
        lambda: tiff16(np.moveaxis(DEEP, -1, 0), planarconfig="separate"),
        DEEP / 257,
        DEEP_STEP,
    ),
    "16 bit tiff of two pages": (lambda: tiff16(np.stack([DEEP, DEEP[::-1]])), DEEP / 257, DEEP_STEP),
    "16 bit tiff, white is 0": (
        lambda: tiff16(DEEP[..., 0], photometric="miniswhite"),
        grey(255 - DEEP[..., 0] / 257),
        DEEP_STEP,
    ),
    "16 bit tiff and alpha": (
        lambda: tiff16(np.dstack([DEEP, DEEP_ALPHA]), extrasamples=["unassalpha"]),
        on_white(DEEP / 257, DEEP_ALPHA / 257),
        DEEP_STEP,
    ),
    "16 bit tiff and alpha in the colours": (
        lambda: tiff16(
            np.dstack([np.rint(DEEP * (DEEP_ALPHA[..., None] / 65535)).astype(np.uint16), DEEP_ALPHA]),
            extrasamples=["assocalpha"],
        ),
        on_white(DEEP / 257, DEEP_ALPHA / 257),
        0.01,
    ),
    "16 bit tiff and something else": (
        lambda: tiff16(np.dstack([DEEP, DEEP_ALPHA]), extrasamples=["unspecified"]),
        DEEP / 257,
        DEEP_STEP,
    ),
    "16 bit tiff, another profile": (
        lambda: tiff16(DEEP, iccprofile=RED_AND_GREEN_EXCHANGED),
        DEEP[..., [1, 0, 2]] / 257,
        0.01,
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
    "a grey profile": (
        lambda: encode(Image.fromarray(GREY), "PNG", icc_profile=LINEAR_GREY),
        grey(255 * to_srgb(GREY / 255)),
        1,
    ),
    "a grey profile and alpha": (
        lambda: encode(Image.fromarray(np.dstack([GREY, ALPHA]), "LA"), "PNG", icc_profile=LINEAR_GREY),
        on_white(grey(255 * to_srgb(GREY / 255)), ALPHA),
        1,
    ),
    "a colour profile on cmyk": (lambda: encode(CMYK, "TIFF", icc_profile=profile()), FROM_CMYK, 1),
    "a cut off profile": (lambda: encode(Image.fromarray(RGB), "PNG", icc_profile=profile()[:300]), RGB, 0),
    "a profile of noise": (lambda: encode(Image.fromarray(RGB), "PNG", icc_profile=b"no profile at all"), RGB, 0),
}
"""The content of the file, the picture that must come out, and by how many levels: 8-bit steps on the way round."""


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


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_pictures_of_16_bit_upright(orientation: int, kind: str, tmp_path: Path) -> None:
    """Orientation and alpha work together in 16 bits."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = stored_as(np.dstack([DEEP, DEEP_ALPHA]), orientation)
    tag = {"extratags": [(0x0112, "H", 1, orientation, True)], "extrasamples": ["unassalpha"]}
    content = png16(stored, 6, eXIf=exif.tobytes()[6:]) if kind == "PNG" else tiff16(stored, **tag)
    (tmp_path / "a").write_bytes(content)
    actual = images.read(tmp_path / "a")
    assert actual.image.shape == DEEP.shape
    assert np.abs(actual.image - on_white(DEEP / 257, DEEP_ALPHA / 257)).max() <= DEEP_STEP
    assert actual.alpha is not None
    assert np.abs(actual.alpha - DEEP_ALPHA / 65535).max() <= 1e-6


def test_both_depths_convert_alike(tmp_path: Path) -> None:
    """A wide gamut comes out of 16 bits as out of 8, in the dark as well."""
    colours = np.random.default_rng(5).integers(0, 256, (40, 50, 3), np.uint8)
    colours[:20] //= 16
    (tmp_path / "8").write_bytes(encode(Image.fromarray(colours), "TIFF", icc_profile=WIDE_GAMUT))
    (tmp_path / "16").write_bytes(tiff16(colours * np.uint16(257), iccprofile=WIDE_GAMUT))
    shallow, deep = images.load(tmp_path / "8"), images.load(tmp_path / "16")
    assert np.abs(shallow - deep).max() <= 1  # half a level by rounding, and as much by 8-bit tables
    assert np.abs(shallow - colours).max() > 20


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
    """A file that is no picture, or whose range of values is not known, is refused in one line that says so."""
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
    **({"AVIF": {}} if "avif" in features.get_supported() else {}),
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


@pytest.mark.skipif("avif" not in features.get_supported(), reason="this Pillow has no AVIF")
def test_refuses_damaged_avif(tmp_path: Path) -> None:
    """AVIF whose data are destroyed, for which Pillow raises RuntimeError, is refused like any other picture."""
    noise = np.random.default_rng(2).integers(0, 256, (40, 50, 3), np.uint8)
    content = encode(Image.fromarray(noise), "AVIF")
    path = tmp_path / "a.avif"
    start = content.index(b"mdat") + 4
    path.write_bytes(content[:start] + b"\xff" * (len(content) - start))
    assert "cannot be read" in refusal(path)


@pytest.mark.parametrize("bits", [8, 16])
def test_refuses_decompression_bombs(bits: int, tmp_path: Path) -> None:
    """A file of some bytes whose header promises gigantic pixels is refused by that, with its size and the limit."""
    content = bytearray(png16(DEEP, 2) if bits == 16 else encode(Image.fromarray(RGB), "PNG"))
    content[16:24] = struct.pack(">II", 16384, 16385)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    (tmp_path / "a.png").write_bytes(content)
    message = refusal(tmp_path / "a.png")
    assert f"({16384 * 16385} pixels) exceeds limit of {16384 * 16384} pixels" in message


def test_the_limit_of_pixels_is_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's limit, which others may have set, neither counts nor changes, whatever happens."""
    (tmp_path / "a.png").write_bytes(encode(Image.fromarray(RGB), "PNG"))
    (tmp_path / "b.png").write_bytes(b"")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    monkeypatch.setattr("myvgg.images.opening.MAX_PIXELS", RGB[..., 0].size + 1)
    assert np.array_equal(images.load(tmp_path / "a.png"), RGB)
    assert "empty" in refusal(tmp_path / "b.png")
    monkeypatch.setattr("myvgg.images.opening.MAX_PIXELS", RGB[..., 0].size - 1)
    for read in (images.load, images.load_mask, images.text_of):
        with pytest.raises(ImageError, match=r"\(35 pixels\) exceeds limit of 34 pixels"):
            read(tmp_path / "a.png")
    assert Image.MAX_IMAGE_PIXELS == 10


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


@pytest.mark.slow
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
    """An array that is no picture is refused with what it is and what is allowed."""
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
    """Patterns finer than the new pixels become grey, and do not alias into coarse stripes."""
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


BITS = {
    "16 bit grey png": 16,
    "16 bit grey tiff": 16,
    "16 bit grey in 32": 16,
    "16 bit rgb": 16,
    "16 bit tiff lzw": 16,
    "rgb png": 8,
    "rgb jpeg": 8,
    "rgb tiff": 8,
    "one bit": 8,
    "palette": 8,
    "cmyk tiff": 8,
}


@pytest.mark.parametrize(("kind", "bits"), BITS.items(), ids=BITS)
def test_tells_how_deep_a_file_is(kind: str, bits: int, tmp_path: Path) -> None:
    """The bits of a channel are told, and what is opaque has no alpha."""
    (tmp_path / "a").write_bytes(KINDS[kind][0]())
    actual = images.read(tmp_path / "a")
    assert (actual.bits, actual.alpha) == (bits, None)
    assert np.array_equal(actual.image, images.load(tmp_path / "a"))


def test_gives_alpha_back(tmp_path: Path) -> None:
    """Alpha comes from 0 to 1; a picture whose alpha is opaque everywhere has none."""
    (tmp_path / "a").write_bytes(encode(RGBA, "PNG"))
    actual = images.read(tmp_path / "a").alpha
    assert actual is not None
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, ALPHA / 255, rtol=1e-6)
    (tmp_path / "b").write_bytes(encode(Image.fromarray(np.dstack([RGB, np.full_like(ALPHA, 255)])), "PNG"))
    assert images.read(tmp_path / "b").alpha is None


@pytest.mark.parametrize(
    ("matte", "colour"), [("black", [0, 0, 0]), ("#204060", [32, 64, 96]), ("rgb(9,8,7)", [9, 8, 7])]
)
def test_transparent_parts_lie_on_the_matte(matte: str, colour: list[int], tmp_path: Path) -> None:
    """The matte is seen as far as the picture is transparent, and is not subject to the picture's profile."""
    (tmp_path / "a").write_bytes(encode(RGBA, "PNG", icc_profile=RED_AND_GREEN_EXCHANGED))
    share = ALPHA[..., None] / 255
    expected = RGB[..., [1, 0, 2]] * share + np.array(colour) * (1 - share)
    assert np.abs(images.read(tmp_path / "a", matte=matte).image - expected).max() <= 1


def test_refuses_a_matte_that_is_no_colour(tmp_path: Path) -> None:
    """An unknown colour is a wrong argument, not a wrong file."""
    with pytest.raises(ValueError, match=r"^matte must be a colour such as white or #8090a0, not 'tartan'"):
        images.read(tmp_path / "a", matte="tartan")


MASKS = {
    "grey": (lambda: encode(Image.fromarray(GREY), "PNG"), GREY / 255),
    "16 bit": (lambda: encode(Image.fromarray(DEEP[..., 0]), "PNG"), DEEP[..., 0] / 65535),
    "one bit": (lambda: encode(Image.fromarray(GREY >= LIGHT), "PNG"), GREY >= LIGHT),
    "colours": (lambda: encode(Image.fromarray(RGB), "PNG"), RGB @ np.array([0.299, 0.587, 0.114]) / 255),
    "alpha": (lambda: encode(RGBA, "PNG"), ALPHA / 255),
    "16 bit alpha": (lambda: png16(np.dstack([DEEP, DEEP_ALPHA]), 6), DEEP_ALPHA / 65535),
    "the same alpha everywhere": (
        lambda: encode(Image.fromarray(np.dstack([GREY, np.full_like(GREY, 99)]), "LA"), "PNG"),
        GREY / 255,
    ),
    "white": (lambda: encode(Image.new("RGB", (3, 2), "white"), "PNG"), np.ones((2, 3))),
}


@pytest.mark.parametrize(("make", "expected"), MASKS.values(), ids=MASKS)
def test_reads_masks(make: Callable[[], bytes], expected: np.ndarray, tmp_path: Path) -> None:
    """A mask is alpha where that says something, else luminance, from 0 to 1."""
    (tmp_path / "a").write_bytes(make())
    actual = images.load_mask(tmp_path / "a")
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, atol=1e-6)
    assert actual.max() <= 1


DEEP_PICTURE = (DEEP / 257).astype(np.float32)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("transparent", [False, True], ids=["opaque", "alpha"])
def test_16_bit_files_return_what_they_were_given(transparent: bool, suffix: str, tmp_path: Path) -> None:
    """Values come back to within half a level of 65535, black, white and alpha too."""
    path = tmp_path / f"a{suffix}"
    alpha = (DEEP_ALPHA / 65535).astype(np.float32) if transparent else None
    between = DEEP_PICTURE + np.random.default_rng(8).uniform(-1, 1, DEEP.shape) / 257
    between[0, 0], between[0, 1] = 0, 255
    between = np.clip(between, 0, 255).astype(np.float32)
    images.save(between, path, alpha=alpha, bits=16)
    content = path.read_bytes()
    samples = imagecodecs.png_decode(content) if suffix == ".png" else tifffile.imread(path)
    assert samples.dtype == np.uint16
    assert np.abs(samples[..., :3] - between * 257.0).max() <= 0.51
    assert np.array_equal(samples[0, :2, 0], [0, 65535])
    actual = images.read(path)
    assert actual.bits == 16
    if alpha is None:
        assert np.abs(actual.image - between).max() * 257 <= 0.51
        assert samples.shape == DEEP.shape
    else:
        assert np.array_equal(samples[..., 3], DEEP_ALPHA)
        assert actual.alpha is not None
        np.testing.assert_allclose(actual.alpha, alpha, atol=1e-7)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_files_are_written_again_without_change(suffix: str, tmp_path: Path) -> None:
    """Reading and writing gives the same bytes, profile included."""
    path = tmp_path / f"a{suffix}"
    images.save(DEEP_PICTURE, path, bits=16)
    assert images.encode(images.load(path), images.format_of(path), bits=16) == path.read_bytes()


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_alpha_is_put_back(suffix: str, tmp_path: Path) -> None:
    """Formats with alpha hold it exactly, and colours under transparent parts as well."""
    path = tmp_path / f"a{suffix}"
    smooth = blocks(np.linspace(40, 200, 12, dtype=np.float32).reshape(2, 2, 3))
    alpha = blocks(np.array([[0, 51], [204, 255]], np.float32) / 255)
    images.save(smooth, path, alpha=alpha)
    with Image.open(path) as image:
        samples = np.asarray(image.convert("RGBA"), float)
    assert np.array_equal(samples[..., 3], np.rint(alpha * 255))
    assert np.abs(samples[..., :3] - smooth).mean() < JPEG


def test_webp_keeps_colours_where_it_is_transparent(tmp_path: Path) -> None:
    """Invisible parts are not made flat, so that a later matte or mask may show them."""
    y, x = np.mgrid[:32, :32].astype(np.float32)
    slope = np.dstack([8 * x, 8 * y, 4 * (x + y)])
    images.save(slope, tmp_path / "a.webp", alpha=(y >= 16).astype(np.float32))
    with Image.open(tmp_path / "a.webp") as image:
        assert np.abs(np.asarray(image, float)[..., :3] - slope).mean() < JPEG  # 38 if it were flat


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_pictures_without_alpha_lie_on_white(suffix: str, tmp_path: Path) -> None:
    """Where the format has no alpha, the picture is laid on white."""
    path = tmp_path / f"a{suffix}"
    smooth = blocks(np.linspace(40, 200, 12, dtype=np.float32).reshape(2, 2, 3))
    alpha = blocks(np.array([[0, 51], [204, 255]], np.float32) / 255)
    images.save(smooth, path, alpha=alpha)
    actual = images.read(path)
    assert actual.alpha is None
    assert np.abs(actual.image - on_white(smooth, alpha * 255)).mean() < JPEG


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_files_carry_an_srgb_profile(kind: str, bits: int) -> None:
    """Formats that can have an sRGB profile, without the date of making it, so that bytes are the same each time."""
    content = images.encode(FLOAT, kind, bits=bits)
    with Image.open(io.BytesIO(content)) as image:
        embedded = image.info["icc_profile"]
        opened = ImageCms.ImageCmsProfile(io.BytesIO(embedded))
        assert "sRGB" in ImageCms.getProfileDescription(opened)
        unchanged = ImageCms.profileToProfile(Image.fromarray(RGB), opened, ImageCms.createProfile("sRGB"))
        assert np.array_equal(np.asarray(unchanged), RGB)
    assert struct.unpack(">6H", embedded[24:36]) == (2000, 1, 1, 0, 0, 0)
    assert images.encode(FLOAT, kind, bits=bits) == content


def test_formats_without_16_bits_take_8() -> None:
    """JPEG, WebP and BMP are written with the bits that they have."""
    for kind in ("JPEG", "WEBP", "BMP"):
        assert images.encode(FLOAT, kind, bits=16) == images.encode(FLOAT, kind, bits=8)


@pytest.mark.parametrize("bits", [0, 1, 12, 32])
def test_refuses_other_depths(bits: int) -> None:
    """Other numbers of bits than 8 and 16 are refused."""
    with pytest.raises(ValueError, match=f"^bits must be 8 or 16, not {bits}"):
        images.encode(FLOAT, "PNG", bits=bits)


@pytest.mark.parametrize(("kind", "side"), images.LONGEST_SIDES.items())
def test_refuses_sides_that_a_format_does_not_hold(kind: str, side: int) -> None:
    """A side beyond the format's limit is refused with that limit; the limit itself is written."""
    with pytest.raises(ValueError, match=f"^{kind} holds sides of up to {side} pixels, not {side + 1}"):
        images.encode(np.zeros((1, side + 1, 3), np.float32), kind)
    with Image.open(io.BytesIO(images.encode(np.zeros((1, side, 3), np.float32), kind))) as image:
        assert image.size == (side, 1)


TEXT = {
    "settings": 'seed = 1\nname = "a"\n',
    "Größe": "größer",
    "script": "日本 IDAT IEND",
    "empty": "",
    "long": "x" * 5000,
}


@pytest.mark.parametrize("bits", [8, 16])
def test_png_carries_text(bits: int, tmp_path: Path) -> None:
    """Text of any script comes back by keyword, beside the pixels and the profile."""
    images.save(FLOAT, tmp_path / "a.png", bits=bits, text=TEXT)
    assert images.text_of(tmp_path / "a.png") == TEXT
    assert np.abs(images.load(tmp_path / "a.png") - FLOAT).max() <= DEEP_STEP
    with Image.open(tmp_path / "a.png") as image:
        assert "icc_profile" in image.info


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tif", ".bmp", ".png"])
def test_files_without_text_have_none(suffix: str, tmp_path: Path) -> None:
    """Other formats go without the text, and no text is an empty dict."""
    images.save(FLOAT, tmp_path / f"a{suffix}", text={} if suffix == ".png" else TEXT)
    assert images.text_of(tmp_path / f"a{suffix}") == {}


def test_refuses_to_read_text_of_what_is_no_picture(tmp_path: Path) -> None:
    """Missing, foreign and cut off files give the error that reading them gives."""
    content = images.encode(FLOAT, "PNG", text=TEXT)
    for name, part in {"empty": b"", "text": b"hello", "cut": content[:-40]}.items():
        (tmp_path / name).write_bytes(part)
    for name in ("empty", "text", "cut", "missing"):
        with pytest.raises(ImageError, match=f"{name}: "):
            images.text_of(tmp_path / name)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.6, 0.95])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "png"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning", "ignore:Truncated File Read:UserWarning")
@pytest.mark.filterwarnings("ignore:Tag data larger:UserWarning")
def test_refuses_truncated_16_bit_pictures(
    compression: str | None, share: float, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A picture of 16 bits that was cut off anywhere is refused, and nothing else is said."""
    noise = np.random.default_rng(2).integers(0, 65536, (40, 50, 3), np.uint16)
    content = png16(noise, 2) if compression == "png" else tiff16(noise, compression=compression)
    (tmp_path / "a").write_bytes(content[: int(share * len(content))])
    refusal(tmp_path / "a")
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_refuses_a_16_bit_tiff_with_a_damaged_directory(tmp_path: Path) -> None:
    """A directory that promises more entries than there are, which Pillow forgives, is refused like other damage."""
    content = bytearray(tiff16(DEEP))
    content[9] = 1  # the upper byte of the number of entries
    (tmp_path / "a").write_bytes(content)
    assert re.search("cannot be read: .*directory", refusal(tmp_path / "a"))  # in the words of libtiff's version


SIZES = {
    "longest side, wide": (512, 800, 601, (512, 385), (512, 384)),
    "longest side, high": ("512", 600, 801, (384, 512), (383, 512)),
    "longest side, enlarged": (512, 3, 2, (512, 341), (512, 341)),
    "exact": ("800x600", 7, 9, (800, 600), (800, 600)),
    "width": ("800x", 300, 200, (800, 533), (800, 533)),
    "height": ("x600", 301, 200, (903, 600), (903, 600)),
    "area": ("2MP", 300, 150, (2000, 1000), (2000, 1000)),
    "area, in parts": (".5MP", 100, 300, (408, 1225), (408, 1224)),
    "half a pixel": (3, 6, 5, (3, 3), (3, 2)),
    "never nothing": (4, 900, 1, (4, 1), (4, 1)),
    "one pixel of area": ("0.000001MP", 90, 10, (3, 1), (3, 1)),
}


@pytest.mark.parametrize(("size", "width", "height", "rounded", "truncated"), SIZES.values(), ids=SIZES)
def test_sizes_keep_the_shape(
    size: int | str, width: int, height: int, rounded: tuple[int, int], truncated: tuple[int, int]
) -> None:
    """The wanted side, both or the area is met, the other side follows, rounded or truncated."""
    assert images.target_size(size, width, height) == rounded
    assert images.target_size(size, width, height, truncate=True) == truncated


def test_truncating_loses_no_whole_pixel() -> None:
    """A size that a picture has already is the size it gets, however it is asked for."""
    for width, height in np.random.default_rng(6).integers(1, 3000, (300, 2)).tolist():
        wishes = [max(width, height), f"{width}x", f"x{height}", f"{width * height / 1e6:.6f}MP"]
        for size in wishes:
            assert images.target_size(size, width, height, truncate=True) == (width, height)


@pytest.mark.parametrize("size", ["0", "800 by 600", "-3x4", "xx", "2GP", ""])
def test_refuses_what_is_no_size(size: str) -> None:
    """A size that cannot be understood is refused under the name that the caller gives it."""
    with pytest.raises(ValueError, match=r"^style_size must be like 512"):
        images.target_size(size, 4, 3, name="style_size")


@pytest.mark.parametrize("size", [16385, "16385x16384", "300MP"])
def test_refuses_gigantic_sizes(size: int | str) -> None:
    """A size that nothing could hold is refused with the limit."""
    with pytest.raises(ValueError, match=f"^size must give at most {images.MAX_PIXELS} pixels, not 1[67]"):
        images.target_size(size, 100, 100)


def weight(distance: float, method: str) -> float:
    """Return a filter's value: a triangle, or Keys' cubic with a = -1/2."""
    d = abs(distance)
    if method == "bilinear":
        return max(0.0, 1 - d)
    return 1.5 * d**3 - 2.5 * d**2 + 1 if d <= 1 else -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0.0


def interpolate(values: np.ndarray, count: int, method: str) -> np.ndarray:
    """Sample the first axis at the centres of new pixels; what lies outside does not count."""
    rows = []
    for new in range(count):
        centre = (new + 0.5) * len(values) / count - 0.5
        reach = range(int(np.floor(centre)) - 1, int(np.floor(centre)) + 3)
        pairs = [(weight(centre - old, method), values[old]) for old in reach if 0 <= old < len(values)]
        rows.append(sum(w * value for w, value in pairs) / sum(w for w, _ in pairs))
    return np.stack(rows)


@pytest.mark.parametrize("size", [(4, 3), (19, 23), (7, 16), (2, 5), (1, 1)], ids=str)
@pytest.mark.parametrize("method", ["bilinear", "cubic"])
def test_other_methods_interpolate_without_antialiasing(method: Any, size: tuple[int, int]) -> None:
    """Bilinear and cubic look at two and four neighbours of the new pixels' centres, clipped to the range."""
    columns = interpolate(FLOAT.astype(float).swapaxes(0, 1), size[0], method).swapaxes(0, 1)
    expected = np.clip(interpolate(columns, size[1], method), 0, 255)
    actual = images.resize(FLOAT, size, method=method)
    assert actual.dtype == np.float32
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= (1 if method == "cubic" else RESAMPLING)  # TensorFlow tabulates cubics


@pytest.mark.parametrize("method", ["antialias", "bilinear", "cubic"])
def test_width_comes_before_height(method: Any) -> None:
    """A pair is width and height, and neither has to fit the picture's shape."""
    assert images.resize(FLOAT, (11, 4), method=method).shape == (4, 11, 3)


def test_refuses_another_method(unchecked: None) -> None:
    """An unknown method is refused with those that there are."""
    with pytest.raises(ValueError, match=r"^method must be antialias, bilinear or cubic, not 'nearest'"):
        images.resize(FLOAT, 3, method="nearest")  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(3, 2), (40, 31), (10, 10), (1, 1), (14, 5)], ids=str)
def test_masks_that_sum_to_one_still_do(size: tuple[int, int]) -> None:
    """Masks of regions without gaps stay so in any size, from 0 to 1, with soft edges and without rings."""
    regions = np.random.default_rng(7).integers(0, 3, (20, 28))
    masks = [(regions == i).astype(np.float32) for i in range(3)]
    actual = [images.resize_mask(mask, size) for mask in masks]
    assert all(mask.shape == size[::-1] and mask.min() >= 0 and mask.max() <= 1 for mask in actual)
    np.testing.assert_allclose(sum(actual), 1, atol=1e-5)


def test_masks_are_antialiased() -> None:
    """A fine pattern goes to its mean, and a mask of the wanted size stays as it is."""
    y, x = np.mgrid[:160, :160]
    mask = ((x + y) % 2).astype(np.float32)
    assert np.abs(images.resize_mask(mask, (10, 10)) - 0.5).max() <= 0.02
    assert np.array_equal(images.resize_mask(mask, (160, 160)), mask)
