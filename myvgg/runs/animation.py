"""Animations of a run: GIF and WebP by Pillow, MP4 by PyAV where the extra `video` is installed."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from myvgg.images import AnyPicture, Picture, resize
from myvgg.runs.sheet import as_image, font
from myvgg.runtime.files import replacing

MIN_SECONDS = 0.02
"""Shortest time of a frame; browsers show shorter frames of a GIF for a tenth of a second."""

MAX_SECONDS = 600
"""Longest time of a frame; a GIF counts hundredths of a second in 16 bits."""

LABEL_BACKGROUND = (0, 0, 0, 150)
"""Red, green, blue and alpha of the box behind a label: black that lets two fifths of the picture through."""


def animate(
    frames: Sequence[AnyPicture],
    path: str | os.PathLike[str],
    *,
    labels: Sequence[str] | None = None,
    seconds: float = 0.2,
    hold: float = 1.5,
) -> None:
    """Write frames as an animation, whole or not at all.

    A GIF and a WebP repeat for ever. A GIF unites equal frames that follow each other. An MP4 repeats its last frame to
    hold it.

    Args:
        frames: Pictures, which are resized to the last one's size.
        path: The file; its name ends in .gif, .webp or .mp4.
        labels: A text for each frame, drawn at its lower left.
        seconds: Time of each frame in seconds.
        hold: Time of the last frame, if longer.

    Raises:
        ValueError: As `check_animation_path`; or no frames, another number of labels, or a time out of range.
        OSError: The file cannot be written; an older file stays as it was.
    """
    check_animation_path(path)
    if not frames:
        raise ValueError("frames must be one at least")
    if labels is not None and len(labels) != len(frames):
        raise ValueError(f"labels must be one for each of {len(frames)} frames, not {len(labels)}")
    if not (MIN_SECONDS <= seconds <= MAX_SECONDS and 0 <= hold <= MAX_SECONDS):
        raise ValueError(
            f"seconds must be from {MIN_SECONDS} to {MAX_SECONDS}, hold at most that, not {seconds} and {hold}"
        )
    texts = labels or [""] * len(frames)
    drawn = [_drawn(frame, text, frames[-1]) for frame, text in zip(frames, texts, strict=True)]
    times = [round(1000 * seconds)] * (len(frames) - 1) + [round(1000 * max(seconds, hold))]
    with replacing(path) as temporary:
        if temporary.suffix.lower() == ".mp4":
            _write_mp4(drawn, times, temporary)
        else:
            temporary.write_bytes(_encoded(drawn, times, temporary.suffix.lower()))


def check_animation_path(path: str | os.PathLike[str]) -> None:
    """Raise unless `animate` can write a file of this name. Call it before anything is computed.

    Args:
        path: The file.

    Raises:
        ValueError: An unknown suffix, or an MP4 without PyAV.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".gif", ".webp", ".mp4"):
        raise ValueError(f"cannot write {os.fspath(path)}: name an animation .gif, .webp or .mp4")
    if suffix == ".mp4":
        _av()


def choose(iterations: int, count: int) -> list[int]:
    """Choose the iterations that become frames: evenly, and always the last one.

    Args:
        iterations: Number of iterations, which are counted from 1.
        count: Number of frames, at most.

    Raises:
        ValueError: A number below 1.

    Example:
        >>> choose(10, 3)
        [3, 6, 10]
    """
    if min(iterations, count) < 1:
        raise ValueError(f"iterations and count must be at least 1, not {iterations} and {count}")
    count = min(iterations, count)
    return [iterations * frame // count for frame in range(1, count + 1)]


def crossfade(first: AnyPicture, last: Picture, count: int = 20) -> list[Picture]:
    """Blend linearly from one picture to another, both included.

    Args:
        first: The first frame, which is resized to the last one's size.
        last: The last frame.
        count: Number of frames.

    Raises:
        ValueError: A count below 2.
    """
    if count < 2:
        raise ValueError(f"count must be at least 2, not {count}")
    first = _resized(first, last)
    return [first + np.float32(share) * (last - first) for share in np.linspace(0, 1, count)]


def labelled(frame: Picture, text: str) -> Picture:
    """Round a picture to 8 bits, and draw a text into its lower left corner: white on a translucent box.

    Args:
        frame: The picture.
        text: The text; nothing is drawn where it is empty.
    """
    image = as_image(frame)
    _draw_label(image, text)
    return np.asarray(image, np.float32)


def _drawn(frame: AnyPicture, text: str, last: Picture) -> Image.Image:
    image = as_image(_resized(frame, last))
    _draw_label(image, text)
    return image


def _resized(frame: AnyPicture, last: Picture) -> Picture:
    height, width = last.shape[:2]
    return frame if frame.shape == last.shape else resize(frame, (width, height))


def _draw_label(image: Image.Image, text: str) -> None:
    """Draw a text in place, at a size that suits the picture and the length of the text."""
    text = " ".join(text.split())
    if not text:
        return
    size = max(11, min(image.size) // 22)
    room = 0.9 * image.width - 3 * size
    size = max(6, min(size, int(size * room / font(size).getlength(text))))
    face, pad = font(size), size // 2
    ascent, descent = face.getmetrics()
    bottom = image.height - 1 - pad
    box = (pad, bottom - ascent - descent - pad, pad + face.getlength(text) + 2 * pad, bottom)
    draw = ImageDraw.Draw(image, "RGBA")  # this mode blends with an opaque picture
    draw.rounded_rectangle(box, radius=pad, fill=LABEL_BACKGROUND)
    draw.text((2 * pad, bottom - pad // 2 - descent), text, fill="white", font=face, anchor="ls")


def _encoded(frames: list[Image.Image], times: list[int], suffix: str) -> bytes:
    encoded = io.BytesIO()  # Pillow does not notice a full disk when it writes into files itself
    if suffix == ".gif":
        first, *others = map(_with_palette, frames)
        first.save(encoded, "GIF", save_all=True, append_images=others, duration=times, loop=0)
    else:
        first, *others = frames
        first.save(encoded, "WEBP", save_all=True, append_images=others, duration=times, loop=0, quality=90)
    return encoded.getvalue()


def _with_palette(image: Image.Image) -> Image.Image:
    """Choose 256 colours, then dither; Pillow dithers only with a palette that is given."""
    colours = image.quantize(256, method=Image.Quantize.FASTOCTREE)
    return image.quantize(palette=colours, dither=Image.Dither.FLOYDSTEINBERG)


def _write_mp4(frames: list[Image.Image], times: list[int], path: Path) -> None:
    """Write H.264 that every player knows: 4:2:0, even sides, one frame rate, BT.709, the index at the beginning."""
    av = _av()
    repeats = [1] * (len(times) - 1) + [round(times[-1] / times[0])]
    with av.open(os.fspath(path), "w", format="mp4", options={"movflags": "+faststart"}) as file:
        stream = file.add_stream("libx264", rate=Fraction(1000, times[0]), options={"crf": "18"})
        stream.width, stream.height = (side + side % 2 for side in frames[0].size)
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = 1, 1, 1, 1
        shown = [image for image, count in zip(frames, repeats, strict=True) for _ in range(count)]
        for number, image in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(_even(np.asarray(image)), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=1)
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def _even(array: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "even_height even_width 3"]:
    """Repeat the last row and the last column where their number is odd."""
    height, width = array.shape[:2]
    return np.pad(array, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _av() -> ModuleType:
    try:
        av = import_module("av")
        av.Codec("libx264", "w")
    except (ImportError, ValueError) as error:
        raise ValueError('an MP4 needs PyAV with H.264: pip install "myvgg[video]", or name a .gif or .webp') from error
    return av
