"""Files are opened by the promised formats only; damaged and stalled ones hurt nobody."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import Base as Tag

from myvgg import images
from myvgg.images import ImageError, opening
from myvgg.images.opening import PictureWarning

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


def encode(kind: str, **options: Any) -> bytes:
    """Return what Pillow writes."""
    content = io.BytesIO()
    Image.fromarray(RGB).save(content, kind, **options)
    return content.getvalue()


def jpeg_with_exif(entries: bytes) -> bytes:
    """Write a JPEG whose EXIF holds the given directory."""
    return encode("JPEG", exif=b"Exif\0\0" + entries)


BROKEN_EXIF = {
    "a ratio of -1 to 0": b"MM\0*\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x01\x1a\0\x0a\0\0\0\x01\0\0\0\x26"
    b"\0\0\0\0\xff\xff\xff\xff\0\0\0\0",
    "a text as orientation": b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04abc\0\0\0\0\0",
    "an orientation of 77": b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x4d\0\0\0\0\0\0",
    "a directory without an end": b"MM\0*\0\0\0\x08\xff\xff\x01\x12",
    "no directory": b"garbage",
}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning")  # Pillow's
@pytest.mark.parametrize("entries", BROKEN_EXIF.values(), ids=BROKEN_EXIF)
def test_a_damaged_exif_does_not_lose_the_picture(entries: bytes, tmp_path: Path) -> None:
    """A picture is read whatever its EXIF entries hold, and turned where its orientation can be read."""
    (tmp_path / "a.jpg").write_bytes(jpeg_with_exif(entries))
    shape = images.load(tmp_path / "a.jpg").shape
    assert shape in (RGB.shape, (RGB.shape[1], RGB.shape[0], 3))
    assert np.asarray(images.load_small(tmp_path / "a.jpg")).shape == shape


OTHERS = {
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n",
    "an icon": b"\0\0\x01\0\x01\0\x08\x08\0\0\x01\0 \0\x10\0\0\0\x16\0\0\0" + bytes(16),
    "a film": b"\0\0\x01\xb3\x01\x00\x10\x13\xff\xff\xe0\x18",
}


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
def test_only_the_promised_formats_are_opened(content: bytes, tmp_path: Path) -> None:
    """A file of another format is no picture, whatever its name; no other program is started."""
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.jpg: not a picture"):
        images.load(tmp_path / "a.jpg")


def test_the_whole_page_of_a_tiff_is_read(tmp_path: Path) -> None:
    """A first page that is a reduced copy is passed over; a file of such a page alone is refused."""
    small, whole = np.zeros((2, 3, 3), np.uint8), np.full((20, 30, 3), 200, np.uint8)
    with tifffile.TiffWriter(tmp_path / "two.tif") as file:
        file.write(small, photometric="rgb", subfiletype=1)
        file.write(whole, photometric="rgb")
    assert np.array_equal(images.load(tmp_path / "two.tif"), whole)
    tifffile.imwrite(tmp_path / "one.tif", small, photometric="rgb", subfiletype=1)
    with pytest.raises(ImageError, match="camera raw"):
        images.load(tmp_path / "one.tif")


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_frame_of_several_is_taken(kind: str, tmp_path: Path) -> None:
    """Of an animation or of several pages the first is read, and a warning says so."""
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a", kind, save_all=True, append_images=frames[1:])
    with pytest.warns(PictureWarning, match=r"is taken"):
        found = images.load(tmp_path / "a")
    assert found.shape == (6, 8, 3)
    assert found[..., 0].min() > 240 > 20 > found[..., 2].max()


def test_jpeg_xl(tmp_path: Path) -> None:
    """A JPEG XL is read by imagecodecs."""
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(RGB, lossless=True))
    assert np.array_equal(images.load(tmp_path / "a.jxl"), RGB)


def test_a_stalled_file_holds_up_nobody(tmp_path: Path) -> None:
    """While one thread waits for a file that does not come, others read theirs, and so does a forked child."""
    os.mkfifo(tmp_path / "stalled.png")
    (tmp_path / "a.png").write_bytes(encode("PNG"))
    program = f"""
import os, threading
from myvgg import images
threading.Thread(target=images.load, args=[{str(tmp_path / "stalled.png")!r}], daemon=True).start()
images.load({str(tmp_path / "a.png")!r})
if os.fork() == 0:
    images.load({str(tmp_path / "a.png")!r})
    os._exit(7)
os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=120, check=False).returncode == 7


@pytest.mark.parametrize("read", [images.load, images.load_mask, images.load_small, images.text_of])
def test_pipes_and_devices_are_refused(read: Callable[[Path], object], tmp_path: Path) -> None:
    """What is no regular file is refused before it is opened, which could wait for ever."""
    os.mkfifo(tmp_path / "a.png")
    for path in (tmp_path / "a.png", Path("/dev/zero")):
        with pytest.raises(ImageError, match=f"^{path}: not a regular file$"):
            read(path)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"]), data=st.data())
def test_nothing_but_image_errors_comes_out_of_a_damaged_file(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    """A file that is cut short or has other bytes in places is read, or refused by name."""
    content = bytearray(encode(kind, **({"exif": BROKEN_EXIF["a ratio of -1 to 0"]} if kind == "PNG" else {})))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "a"
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    with warnings.catch_warnings(action="ignore"):
        for read in (images.load, images.load_mask, images.load_small, images.text_of):
            with contextlib.suppress(ImageError):
                read(path)


def test_a_picture_of_a_phone_tells_what_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pillow-heif, the error of a HEIC file names it, whatever the file's suffix; other files do not."""
    monkeypatch.setattr(opening, "formats", lambda: ("PNG", "JPEG"))
    phone, other = tmp_path / "phone.jpg", tmp_path / "other.heic"
    phone.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    other.write_bytes(b"no picture at all")
    with pytest.raises(ImageError, match=r"phone\.jpg: .*: 'pip install pillow-heif' reads HEIC"):
        images.load(phone)
    with pytest.raises(ImageError, match=r"not a picture that Pillow can read$"):
        images.load(other)


def test_pictures_of_phones_are_read_by_pillow_heif(tmp_path: Path) -> None:
    """With pillow-heif, a HEIC file is found in a folder and gives its picture, upright."""
    heif = pytest.importorskip("pillow_heif", reason="needs pillow-heif")
    picture = np.kron(np.arange(0, 256, 32, dtype=np.uint8).reshape(2, 4), np.ones((16, 16), np.uint8))
    exif = Image.Exif()
    exif[Tag.Orientation] = 6  # a quarter turn
    heif.from_pillow(Image.fromarray(np.dstack([picture] * 3))).save(
        tmp_path / "a.heic", quality=-1, exif=exif.tobytes()
    )
    assert images.find_pictures([str(tmp_path)]) == [tmp_path / "a.heic"]
    found = images.load(tmp_path / "a.heic")
    assert found.shape == (64, 32, 3)
    assert np.abs(found - np.rot90(picture, -1)[..., np.newaxis]).mean() < 3
