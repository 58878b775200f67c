"""Animations have the right frames, times and sizes, and are written whole or not at all."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from myvgg.runs.animation import animate, check_animation_path, choose, crossfade, labelled
from tests.full_disk import SURVIVED, outcomes

SUFFIXES = (".gif", ".webp", ".mp4")

PALETTE = 6.0
"""Mean error of 256 colours with dithering, in levels."""

LOSSY = 6.0
"""Mean error of H.264 with colours at half resolution, in levels."""


def frames(count: int = 4, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Draw different soft pictures of one size."""
    y, x = np.mgrid[:height, :width][..., None]
    waves = [np.sin(x / 20 + number + [0, 2, 4]) * np.cos(y / 15 + number) for number in range(count)]
    return [(127.5 + 100 * wave).astype(np.float32) for wave in waves]


def read(path: Path) -> tuple[list[np.ndarray], list[float]]:
    """Read frames and their times in seconds."""
    if path.suffix == ".mp4":
        return read_mp4(path)
    arrays, times = [], []
    with Image.open(path) as image:
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            arrays.append(np.asarray(image.convert("RGB"), np.float32))
            times.append(image.info["duration"] / 1000)
    return arrays, times


def read_mp4(path: Path) -> tuple[list[np.ndarray], list[float]]:
    """Read frames with PyAV."""
    import av

    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        arrays = [frame.to_ndarray(format="rgb24").astype(np.float32) for frame in file.decode(stream)]
        return arrays, [float(1 / stream.average_rate)] * len(arrays)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_frames_come_back_with_their_times(suffix: str, tmp_path: Path) -> None:
    """Pillow reads all frames, nearly as written, with their times and an endless loop."""
    animate(frames(), tmp_path / f"a{suffix}", seconds=0.1, hold=2.0)
    actual, times = read(tmp_path / f"a{suffix}")
    assert times == [0.1, 0.1, 0.1, 2.0]
    for frame, expected in zip(actual, frames(), strict=True):
        assert np.abs(frame - expected).mean() < PALETTE
    with Image.open(tmp_path / f"a{suffix}") as image:
        assert (image.info["loop"], image.size) == (0, (64, 48))


@pytest.mark.parametrize(("seconds", "hold", "last"), [(0.2, 1.5, 8), (0.1, 1.0, 10), (0.5, 0.0, 1)])
def test_an_mp4_repeats_its_last_frame(seconds: float, hold: float, last: int, tmp_path: Path) -> None:
    """PyAV reads all frames at the right rate; the last one is repeated to hold it."""
    animate(frames(), tmp_path / "a.mp4", seconds=seconds, hold=hold)
    actual, times = read_mp4(tmp_path / "a.mp4")
    expected = frames()[:-1] + frames()[-1:] * last
    assert times == pytest.approx([seconds] * len(expected))
    for frame, wanted in zip(actual, expected, strict=True):
        assert np.abs(frame - wanted).mean() < LOSSY


def test_an_mp4_is_one_that_everything_plays(tmp_path: Path) -> None:
    """An MP4 is H.264 with colours at half resolution, names its colour space, and begins with its index."""
    import av

    animate(frames(), tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as file:
        context = file.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
    content = (tmp_path / "a.mp4").read_bytes()
    assert 0 < content.find(b"moov") < content.find(b"mdat")


@pytest.mark.parametrize("colour", [(200, 60, 30), (20, 200, 90), (30, 40, 220), (128, 128, 128)], ids=str)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_colours_are_kept(suffix: str, colour: tuple[int, int, int], tmp_path: Path) -> None:
    """A plain picture has its colour to a few levels; the two matrices of video differ by more than ten."""
    plain = np.full((32, 32, 3), colour, np.float32)
    animate([plain], tmp_path / f"a{suffix}")
    actual, _ = read(tmp_path / f"a{suffix}")
    assert np.abs(actual[0] - plain).max() <= 3


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("height", "width"), [(33, 47), (32, 47), (33, 46), (1, 1), (1, 40)])
def test_every_size_can_be_written(suffix: str, height: int, width: int, tmp_path: Path) -> None:
    """GIF and WebP keep odd sizes; an MP4 repeats the last row or column."""
    animate(frames(2, height, width), tmp_path / f"a{suffix}")
    actual, _ = read(tmp_path / f"a{suffix}")
    odd = suffix == ".mp4"
    assert actual[0].shape == (height + odd * (height % 2), width + odd * (width % 2), 3)
    assert np.abs(actual[0][:height, :width] - frames(2, height, width)[0]).mean() < 2 * LOSSY


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_smaller_frames_are_enlarged(suffix: str, tmp_path: Path) -> None:
    """All frames have the size of the last; a plain small one fills it."""
    small = np.full((10, 13, 3), 90, np.float32)
    animate([small, frames(1)[0]], tmp_path / f"a{suffix}")
    actual, _ = read(tmp_path / f"a{suffix}")
    assert {frame.shape for frame in actual} == {(48, 64, 3)}
    assert np.abs(actual[0] - 90).max() <= 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_frame_is_an_animation(suffix: str, tmp_path: Path) -> None:
    """A single frame can be written and read."""
    animate(frames(1), tmp_path / f"a{suffix}", labels=["1"])
    assert len(read(tmp_path / f"a{suffix}")[0]) == 1


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_frames_that_are_equal_lose_no_time(suffix: str, tmp_path: Path) -> None:
    """Equal frames do not shorten an animation in any format."""
    first, last = frames(2)
    animate([first, first, first, last], tmp_path / f"a{suffix}", seconds=0.2, hold=1.0)
    assert sum(read(tmp_path / f"a{suffix}")[1]) == pytest.approx(1.6)


def test_a_gif_dithers(tmp_path: Path) -> None:
    """A soft gradient has no visible steps: averages over small neighbourhoods are right to about a level."""
    ramp = np.repeat(np.linspace(0, 255, 256, dtype=np.float32)[None, :, None], 3, axis=2).repeat(64, 0)
    ramp[..., 1] = ramp[:, ::-1, 1]
    ramp[..., 2] = np.linspace(0, 255, 64, dtype=np.float32)[:, None]
    animate([ramp], tmp_path / "a.gif")
    error = read(tmp_path / "a.gif")[0][0] - ramp
    means = error.reshape(8, 8, 32, 8, 3).mean((1, 3))
    assert np.abs(means).mean() < 1.5 < np.abs(error).mean()


@pytest.mark.parametrize("background", [0, 90, 128, 255])
@pytest.mark.parametrize(("height", "width"), [(256, 256), (512, 340), (200, 700)])
def test_a_label_stays_in_its_corner_and_is_legible(height: int, width: int, background: int) -> None:
    """Only the lower left changes; there, letters are white on a far darker ground, on any picture."""
    frame = np.full((height, width, 3), background, np.float32)
    actual = labelled(frame, "iteration 120")
    changed = (actual != frame).any(-1)
    y, x = np.nonzero(changed)
    assert y.min() > 0.85 * height
    assert x.max() < 0.6 * width
    assert min(x.min(), height - 1 - y.max()) >= 4
    corner = actual[y.min() : y.max() + 1, x.min() : x.max() + 1, 0]
    paper = np.median(corner)
    assert corner.max() == 255
    assert paper <= 110
    assert 0.03 < (corner > 200).mean() < 0.5


def test_the_picture_shines_through_a_label() -> None:
    """The box is translucent: on a picture of two greys it has two greys."""
    frame = np.full((256, 256, 3), 60, np.float32)
    frame[:, 30:] = 240
    actual = labelled(frame, "iteration 120")
    row = actual[256 - 1 - 11 // 2 - 2]  # below the letters
    assert row[14, 0] < 60 < row[60, 0] < 240


@pytest.mark.parametrize(("height", "width"), [(1, 1), (12, 9), (30, 60), (400, 40)])
@pytest.mark.parametrize("text", ["step 40 of 360", "x" * 300, "two\nlines", "", " "])
def test_a_label_never_fails(text: str, height: int, width: int) -> None:
    """Small pictures, long texts and no text give a picture of the same size."""
    assert labelled(np.zeros((height, width, 3), np.float32), text).shape == (height, width, 3)


def test_a_long_label_shrinks_into_the_picture() -> None:
    """A text that is too wide is drawn smaller, and its box ends inside the picture."""
    changed = (labelled(np.full((200, 300, 3), 255, np.float32), "step 40 of 360 at scale 3 of 5, going on") < 255).any(
        -1
    )
    x = np.flatnonzero(changed.any(0))
    assert 200 < x.max() < 298


def test_no_label_only_rounds() -> None:
    """Without a text the picture is only rounded."""
    frame = frames(1)[0]
    assert np.array_equal(labelled(frame, ""), np.rint(frame))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_labels_are_in_the_file(suffix: str, tmp_path: Path) -> None:
    """Frames with labels differ from those without at the lower left, and nearly nowhere else."""
    plain = [np.full((128, 256, 3), level, np.float32) for level in (60, 120, 180)]
    animate(plain, tmp_path / f"a{suffix}", labels=["iteration 1", "iteration 2", "iteration 3"], hold=0.0)
    actual, _ = read(tmp_path / f"a{suffix}")
    for frame, expected in zip(actual, plain, strict=True):
        changed = np.abs(frame - expected).max(-1) > 16
        y, x = np.nonzero(changed)
        assert y.size > 300
        assert y.min() > 90
        assert x.max() < 128


def test_a_crossfade_is_linear() -> None:
    """Both ends are exact, the frames between them lie on the line, and values are floats."""
    first, last = frames(2)
    actual = crossfade(first, last, 5)
    assert len(actual) == 5
    assert np.array_equal(actual[0], first)
    for share, frame in zip((0.25, 0.5, 0.75, 1.0), actual[1:], strict=True):
        assert np.allclose(frame, (1 - share) * first.astype(np.float64) + share * last, atol=1e-3)
        assert frame.dtype == np.float32


def test_a_crossfade_starts_at_the_size_of_its_end() -> None:
    """A smaller first picture is enlarged before."""
    assert {frame.shape for frame in crossfade(np.zeros((3, 5, 3), np.float32), frames(1)[0])} == {(48, 64, 3)}
    assert len(crossfade(*frames(2))) == 20


@pytest.mark.parametrize("count", [1, 0, -3])
def test_a_crossfade_needs_both_ends(count: int) -> None:
    """Fewer than two frames are refused."""
    with pytest.raises(ValueError, match=f"count must be at least 2, not {count}"):
        crossfade(*frames(2), count)


@pytest.mark.parametrize(
    ("iterations", "count", "expected"),
    [
        (5, 10, [1, 2, 3, 4, 5]),
        (5, 5, [1, 2, 3, 4, 5]),
        (360, 4, [90, 180, 270, 360]),
        (10, 3, [3, 6, 10]),
        (7, 1, [7]),
        (1, 1, [1]),
    ],
)
def test_frames_are_chosen_evenly(iterations: int, count: int, expected: list[int]) -> None:
    """All iterations are chosen where there is room, otherwise an even selection with the last one."""
    assert choose(iterations, count) == expected


def test_chosen_frames_are_as_even_as_whole_numbers_can_be() -> None:
    """For all small numbers, the right number is chosen, and distances differ by one at most."""
    for iterations in range(1, 40):
        for count in range(1, 45):
            actual = np.array([0, *choose(iterations, count)])
            assert len(actual) == 1 + min(iterations, count)
            assert actual[-1] == iterations
            assert np.ptp(np.diff(actual)) <= 1
            assert np.diff(actual).min() >= 1


@pytest.mark.parametrize(("iterations", "count"), [(0, 1), (1, 0), (3, -1)])
def test_no_frames_cannot_be_chosen(iterations: int, count: int) -> None:
    """Numbers below one are refused."""
    with pytest.raises(ValueError, match=f"at least 1, not {iterations} and {count}"):
        choose(iterations, count)


@pytest.mark.parametrize("name", ["a.png", "a", "gif", "a.gif.zip", "a.avi"])
def test_other_suffixes_are_refused(name: str, tmp_path: Path) -> None:
    """The error lists the formats, in the check and in the writer, and nothing is written."""
    for function in (check_animation_path, lambda path: animate(frames(), path)):
        with pytest.raises(ValueError, match=r"name an animation \.gif, \.webp or \.mp4"):
            function(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.gif", "a.GIF", "a.webp", "b.c.MP4"])
def test_suffixes_of_any_case_are_taken(name: str, tmp_path: Path) -> None:
    """Suffixes that pass the check can be written."""
    check_animation_path(tmp_path / name)
    animate(frames(2), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_without_pyav_an_mp4_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the package; the other formats need none."""
    monkeypatch.setitem(sys.modules, "av", None)
    for function in (check_animation_path, lambda path: animate(frames(), path)):
        with pytest.raises(ValueError, match=r'pip install "myvgg\[video\]"'):
            function(tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())
    animate(frames(), tmp_path / "a.gif")


WRONG = {
    "no frames": ([], {}, "frames must be one at least"),
    "labels": (frames(2), {"labels": ["a"]}, "labels must be one for each of 2 frames, not 1"),
    "no labels": (frames(2), {"labels": []}, "not 0"),
    "no time": (frames(2), {"seconds": 0.0}, "seconds must be from 0.02 to 600"),
    "short": (frames(2), {"seconds": 0.019}, "not 0.019 and 1.5"),
    "long": (frames(2), {"seconds": 601.0}, "not 601.0 and 1.5"),
    "negative hold": (frames(2), {"hold": -1.0}, "not 0.2 and -1.0"),
    "no number": (frames(2), {"hold": float("nan")}, "not 0.2 and nan"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_refused(name: str, tmp_path: Path) -> None:
    """The error names the parameter and its value, and nothing is written."""
    pictures, options, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        animate(pictures, tmp_path / "a.gif", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_missing_folder_is_an_error(suffix: str, tmp_path: Path) -> None:
    """No folder is made, and a folder in the place of the file stays."""
    (tmp_path / f"a{suffix}").mkdir()
    for path in (tmp_path / "missing" / f"a{suffix}", tmp_path / f"a{suffix}"):
        with pytest.raises(OSError, match="directory"):
            animate(frames(), path)
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


SAVE_ANIMATION = """
import numpy as np
from myvgg.runs.animation import animate

frames = list(np.random.default_rng(0).uniform(0, 255, (3, 60, 60, 3)).astype(np.float32))
save = lambda path: animate(frames, path)
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_leaves_the_old_file(suffix: str, tmp_path: Path) -> None:
    """A disk that is full at any point raises OSError; the old file stays, and no temporary file is left."""
    assert outcomes(SAVE_ANIMATION, tmp_path / f"a{suffix}") == SURVIVED
