"""Damaged pictures of every format, for a given time: nothing but `ImageError` may come out.

They have EXIF, colour profiles, alpha, 16 bits, palettes and several frames. `python -m benchmarks.fuzz_pictures`.
"""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.fuzzing import fuzz
from myvgg import images
from myvgg.images import ImageError

SIDES = (24, 18)
"""Width and height of the pictures."""

Refusal = ImageError


def read(path: Path) -> None:
    """Read a picture in all ways, each of which may refuse it: as a picture, small, as a mask, and its texts.

    Raises:
        ImageError: At least one way refuses it.
    """
    refusals = []
    for way in (images.text_of, images.load_mask, images.read, partial(images.load_small, side=8)):
        try:
            way(path)
        except ImageError as error:
            refusals.append(error)
    if refusals:
        raise refusals[0]


def originals() -> dict[str, bytes]:
    """Return a whole picture of every kind, by the suffix of its files."""
    noise = np.random.default_rng(0).integers(0, 256, (*SIDES[::-1], 4), dtype=np.uint8)
    colour, clear = Image.fromarray(noise[..., :3]), Image.fromarray(noise)
    exif = Image.Exif()
    exif.update({0x0112: 6, 0x010E: "a picture", 0x011A: 72.0, 0x011B: 72.0, 0x8298: "somebody"})
    exif.get_ifd(0x8769).update({0xA002: SIDES[0], 0xA003: SIDES[1], 0x829A: 0.01})
    encoded = {kind: images.encode(noise[..., :3].astype(np.float32), kind) for kind in ("PNG", "TIFF", "BMP")}
    return {
        "png": encoded["PNG"],
        "16bit.png": images.encode(noise[..., :3].astype(np.float32), "PNG", bits=16, text={"myvgg": "[settings]"}),
        "alpha.png": _saved(clear, "PNG", exif=exif),
        "palette.png": _saved(colour.quantize(16), "PNG", transparency=3),
        "bmp": encoded["BMP"],
        "jpg": _saved(colour, "JPEG", exif=exif, icc_profile=_profile(encoded["PNG"])),
        "progressive.jpg": _saved(colour.convert("CMYK"), "JPEG", progressive=True, exif=exif),
        "webp": _saved(clear, "WEBP", exif=exif),
        "gif": _saved(colour, "GIF", save_all=True, append_images=[colour.rotate(90)]),
        "tif": encoded["TIFF"],
        "16bit.tif": images.encode(noise[..., :3].astype(np.float32), "TIFF", bits=16),
        "lzw.tif": _saved(colour, "TIFF", compression="tiff_lzw", exif=exif),
        "float.tif": _saved(colour.convert("F"), "TIFF"),
    }


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, kind, **options)
    return encoded.getvalue()


def _profile(png: bytes) -> bytes:
    with Image.open(io.BytesIO(png)) as image:
        return bytes(image.info["icc_profile"])


def with_sums(kind: str, content: bytes) -> bytes:
    """Give the chunks of a PNG the check sums of what they hold; without them, none of it would be read.

    Args:
        kind: Suffix of the file.
        content: The damaged file.
    """
    if not kind.endswith("png"):
        return content
    mended, at = bytearray(content), 8
    while at + 12 <= len(mended):
        end = at + 8 + int.from_bytes(mended[at : at + 4])
        mended[end : end + 4] = zlib.crc32(mended[at + 4 : end]).to_bytes(4)[: max(0, len(mended) - end)]
        at = end + 4
    return bytes(mended)


def main(argv: Sequence[str] | None = None) -> int:
    """Try damaged pictures."""
    return fuzz(originals(), "benchmarks.fuzz_pictures", argv, __doc__, mend=with_sums)


if __name__ == "__main__":
    sys.exit(main())
