"""`nst.stylize` takes pictures of every kind, gives what `nst.steps` gives, and shows its progress on stderr."""

from __future__ import annotations

import io
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from myvgg import VGG, VGG19, images, nst
from myvgg.nst import Settings, colors
from myvgg.params import Params
from tests.runs.small import QUICK

Stylize = Callable[..., nst.Result]

ORIENTATION = 0x0112
"""Number of the EXIF entry."""


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A picture of 8 bits, wider than high."""
    return np.random.default_rng(3).integers(0, 256, (18, 26, 3), np.uint8)


@pytest.fixture
def stylize(params: Params, content: np.ndarray, style: np.ndarray) -> Stylize:
    """`nst.stylize` with the small network, short settings and no bar; pictures and options can be replaced."""

    def run(content: Any = content, style: Any = style, settings: Settings = QUICK, **options: Any) -> nst.Result:
        return nst.stylize(content, style, settings, **{"params": params, "progress": False, **options})

    return run


def last(*arguments: Any, **options: Any) -> nst.Step:
    """Make all steps and return the last one."""
    *_, step = nst.steps(*arguments, **options)
    return step


def test_gives_what_the_steps_give(stylize: Stylize, params: Params, content: np.ndarray, style: np.ndarray) -> None:
    """Picture, losses and number of steps are those of the last step; the picture is rounded."""
    result = stylize()
    step = last(content, style, QUICK, params=params)
    assert result.image.dtype == np.uint8
    assert np.array_equal(result.image, np.rint(step.image))
    assert result.losses == step.losses
    assert (result.steps, result.settings) == (step.iteration, QUICK) == (2, QUICK)
    assert result.seconds > 0


class Interrupting(dict[Any, Any]):
    """A cache in which the statistics of one scale are interrupted."""

    def __init__(self, scale: int) -> None:
        """Interrupt at a scale, from 1."""
        super().__init__()
        self.scale = scale

    def __setitem__(self, key: Any, value: Any) -> None:
        """Keep the statistics, or stop as Ctrl-C does."""
        if len(self) + 1 == self.scale:
            raise KeyboardInterrupt
        super().__setitem__(key, value)


def test_an_interruption_leaves_the_picture_so_far(stylize: Stylize) -> None:
    """A run that is stopped after its first step returns its picture, and says so; an earlier stop is raised."""
    settings = replace(QUICK, scales=2)
    result = stylize(settings=settings, cache=Interrupting(2))
    assert result.interrupted
    assert 0 < result.steps < stylize(settings=settings).steps
    assert result.image.shape[1] < 24
    assert repr(result).endswith(", interrupted)")
    with pytest.raises(KeyboardInterrupt):
        stylize(settings=settings, cache=Interrupting(1))


@pytest.mark.usefixtures("ctrl_c")
def test_an_interruption_of_the_last_colours_leaves_the_picture(
    stylize: Stylize, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C after the last step, while the result gets the content's colours, waits for them."""
    keep_colors = colors.keep_colors

    def pressed(*pictures: Any, **options: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return keep_colors(*pictures, **options)

    settings = replace(QUICK, preserve_colors="luminance")
    expected = stylize(settings=settings)
    monkeypatch.setattr(colors, "keep_colors", pressed)
    result = stylize(settings=settings)
    assert result.interrupted
    assert np.array_equal(result.image, expected.image)


def upright(photo: np.ndarray, tmp_path: Path) -> Any:
    """Store a picture on its side, with an EXIF entry that turns it upright, and open it with Pillow."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # shown turned by 90 degrees clockwise
    Image.fromarray(np.rot90(photo)).save(tmp_path / "turned.png", exif=exif)
    return Image.open(tmp_path / "turned.png")


def transparent(photo: np.ndarray, tmp_path: Path) -> Any:
    """Make the left half of a picture transparent."""
    alpha = np.full(photo.shape[:2], 255, np.uint8)
    alpha[:, :13] = 0
    return Image.fromarray(np.dstack([photo, alpha]))


def stored(photo: np.ndarray, tmp_path: Path) -> Path:
    """Store a picture."""
    Image.fromarray(photo).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def on_white(photo: np.ndarray) -> np.ndarray:
    """Make the left half of a picture white."""
    return np.where(np.arange(photo.shape[1])[:, None] < 13, np.uint8(255), photo)


def same(photo: np.ndarray) -> np.ndarray:
    """Leave a picture as it is."""
    return photo


def grey(photo: np.ndarray) -> np.ndarray:
    """Take the green channel for all three."""
    return np.repeat(photo[..., 1:2], 3, axis=-1)


KINDS: dict[str, tuple[Callable[[np.ndarray, Path], Any], Callable[[np.ndarray], np.ndarray]]] = {
    "path": (stored, same),
    "text": (lambda photo, folder: str(stored(photo, folder)), same),
    "Pillow": (lambda photo, _: Image.fromarray(photo), same),
    "Pillow with orientation": (upright, same),
    "Pillow with alpha": (transparent, on_white),
    "Pillow with a palette": (lambda photo, _: Image.fromarray(photo[..., 1]).convert("P"), grey),
    "uint8": (lambda photo, _: photo, same),
    "float32": (lambda photo, _: photo.astype(np.float32), same),
    "float64": (lambda photo, _: photo.astype(np.float64), same),
    "grey": (lambda photo, _: photo[..., 1], grey),
}
"""Kinds of pictures: a function that makes one of an array, and the array that it shows."""


@pytest.fixture(scope="module")
def known() -> dict[Any, np.ndarray]:
    """Results of arrays that several kinds of pictures show, by the function that makes the array."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_takes_pictures_of_every_kind(
    kind: str, stylize: Stylize, photo: np.ndarray, known: dict[Any, np.ndarray], tmp_path: Path
) -> None:
    """A content of any kind gives the same result as the array that it shows."""
    make, shows = KINDS[kind]
    one_step = replace(QUICK, iterations=1)
    if shows not in known:
        known[shows] = stylize(content=shows(photo), settings=one_step).image
    assert np.array_equal(stylize(content=make(photo, tmp_path), settings=one_step).image, known[shows])


@pytest.mark.slow
def test_styles_are_taken_in_every_kind_too(stylize: Stylize, photo: np.ndarray, tmp_path: Path) -> None:
    """A path, a picture of Pillow's and an array as styles give the same result as three arrays."""
    styles = [stored(photo, tmp_path), Image.fromarray(photo[::-1]), photo[:, ::-1]]
    expected = stylize(style=[photo, photo[::-1], photo[:, ::-1]])
    assert np.array_equal(stylize(style=styles).image, expected.image)
    assert not np.array_equal(stylize(style=photo).image, expected.image)


@pytest.mark.slow
def test_masks_of_every_kind(stylize: Stylize, content: np.ndarray, style: np.ndarray, tmp_path: Path) -> None:
    """Boolean arrays, arrays from 0 to 1, Pillow's pictures and files are the same masks."""
    left = np.zeros(content.shape[:2], bool)
    left[:, :13] = True
    Image.fromarray(255 * left.astype(np.uint8)).save(tmp_path / "left.png")
    styles = [style, style[::-1]]
    expected = stylize(style=styles, masks=[left, ~left])
    other = stylize(style=styles, masks=[tmp_path / "left.png", 1 - left.astype(np.float32)])
    pillow = stylize(style=styles, masks=[Image.fromarray(255 * left.astype(np.uint8)), ~left])
    assert np.array_equal(other.image, expected.image)
    assert np.array_equal(pillow.image, expected.image)
    assert not np.array_equal(stylize(style=styles).image, expected.image)


def test_other_pictures_by_name(stylize: Stylize, params: Params, content: np.ndarray, style: np.ndarray) -> None:
    """Masks of styles, the part that stays, the first picture and cached statistics reach the run."""
    half = np.zeros(style.shape[:2], bool)
    half[:14] = True
    keep = np.zeros(content.shape[:2], bool)
    keep[:, 20:] = True
    settings = replace(QUICK, init="picture")
    options: dict[str, Any] = {"style_masks": [half], "keep": keep, "first": content[::-1]}
    cache: dict[Any, Any] = {}
    actual = stylize(settings=settings, cache=cache, **options)
    assert cache
    expected = last(content, style, settings, params=params, **options)
    assert np.array_equal(actual.image, np.rint(expected.image))


def test_a_texture_and_a_reconstruction(stylize: Stylize, style: np.ndarray) -> None:
    """Without a content there is a texture of the style's aspect, without a style the content is reconstructed."""
    assert stylize(content=None).image.shape == (24, 15, 3)
    assert stylize(style=None).image.shape == (17, 24, 3)


@pytest.mark.slow
def test_takes_a_network_in_place_of_parameters(stylize: Stylize, params: Params, trained: Params) -> None:
    """A module gives the same result as its parameters."""
    assert np.array_equal(stylize(params=VGG(params)).image, stylize().image)
    assert np.array_equal(stylize(params=VGG19(trained)).image, stylize(params=trained).image)


def test_other_parameters_are_refused(stylize: Stylize, unchecked: None) -> None:
    """An object without parameters is named by its type."""
    with pytest.raises(ValueError, match=r"params must be myvgg\.Params or a network such as myvgg\.VGG19, not dict"):
        stylize(params={})


def test_settings_by_name(stylize: Stylize) -> None:
    """Settings by name take the place of those in the record."""
    result = stylize(iterations=1, seed=4, style_layers="relu1_1,relu2_1")
    expected = replace(QUICK, iterations=1, seed=4, style_layers=nst.settings.Layers("relu1_1,relu2_1"))
    assert result.settings == expected
    assert result.steps == 1
    assert np.array_equal(result.image, stylize(settings=expected).image)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"iteration": 3}, "no setting 'iteration': did you mean iterations"),
        ({"progres": True}, "no setting 'progres': did you mean"),
        ({"noise": 2.0}, "noise must be from 0 to 1, not 2"),
        ({"balance": 1}, "balance must be true or false, not 1"),
        ({"preset": "gaty"}, "no preset 'gaty': did you mean gatys"),
    ],
)
def test_wrong_settings_are_refused(options: dict[str, Any], problem: str, stylize: Stylize) -> None:
    """An unknown setting names the nearest one, a wrong value says which are allowed."""
    with pytest.raises(ValueError, match=problem):
        stylize(**options)


def test_a_preset_with_changes(stylize: Stylize) -> None:
    """A preset gives the settings to start from."""
    settings = Settings.preset("gatys", size=32, iterations=2, scales=1, precision="float32")
    result = stylize(settings=settings)
    assert result.settings.optimizer == "lbfgs"
    assert result.image.shape == (23, 32, 3)


def test_the_default_settings_are_the_settings(content: np.ndarray, style: np.ndarray, params: Params) -> None:
    """Without a record, settings by name change the default ones."""
    result = nst.stylize(content, style, params=params, size=32, iterations=1, progress=False)
    assert result.settings == Settings(size=32, iterations=1)


@pytest.fixture(scope="module")
def result() -> nst.Result:
    """A result of known numbers."""
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    return nst.Result(image, nst.Losses(1.0, 2.0, 3.0, 1234.5), QUICK, 12, 34.4)


def test_a_result_is_short_in_words(result: nst.Result) -> None:
    """Its representation has size, steps, time and loss, on one line."""
    assert repr(result) == "Result(7 x 5, 12 steps, 34 s, loss 1.23e+03)"


def test_a_notebook_shows_the_picture(result: nst.Result) -> None:
    """The PNG for notebooks is the same picture."""
    with Image.open(io.BytesIO(result._repr_png_())) as shown:
        assert shown.format == "PNG"
        assert np.array_equal(np.asarray(shown), result.image)


def test_a_result_is_saved(result: nst.Result, tmp_path: Path) -> None:
    """The suffix names the format; a PNG holds the picture exactly, and another suffix is refused."""
    result.save(tmp_path / "a.png")
    assert np.array_equal(images.load(tmp_path / "a.png"), result.image)
    result.save(str(tmp_path / "a.jpg"))
    with Image.open(tmp_path / "a.jpg") as saved:
        assert (saved.format, saved.size) == ("JPEG", (7, 5))
    with pytest.raises(ValueError, match=r"cannot write .*a\.gif: name it \.png"):
        result.save(tmp_path / "a.gif")


def test_the_bar_is_on_stderr(stylize: Stylize, capfd: pytest.CaptureFixture[str]) -> None:
    """By default a bar tells scale, step and losses on stderr; without progress there is nothing at all."""
    stylize(progress=True)
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "scale 1/1 step 2/2" in shown.err
    assert "total=" in shown.err
    stylize(progress=False)
    assert capfd.readouterr() == ("", "")


def test_only_the_last_step_is_kept(monkeypatch: pytest.MonkeyPatch, content: np.ndarray, style: np.ndarray) -> None:
    """Steps are dropped as they come, since each holds its picture."""
    alive: list[int] = []

    class Counted(nst.Step):
        """A step that is counted while it exists."""

        def __del__(self) -> None:
            alive.remove(self.iteration)

    def steps(*_: Any, **__: Any) -> Any:
        for number in range(1, 6):
            alive.append(number)
            image = np.full((1, 2, 3), number, np.float32)
            losses = nst.Losses(0.0, 0.0, 0.0, 0.0)
            finish: Any = lambda _, image=image: image  # noqa: E731
            yield Counted(number, 5, 1, 1, (2, 1), 10, 2 * number, losses, "", image[None], finish, lambda: None)  # type: ignore[arg-type]
            assert len(alive) <= 2

    monkeypatch.setattr("myvgg.runs.result.steps", steps)
    assert (nst.stylize(content, style, progress=False).image == 5).all()
