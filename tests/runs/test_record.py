"""Records survive a round trip, and so do the settings in them."""

from __future__ import annotations

import csv
import hashlib
import os
import platform
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from myvgg.images import ImageError
from myvgg.nst import tables
from myvgg.nst.settings import Layers, Settings
from myvgg.runs import csv_files, loss_log, record
from tests.full_disk import SURVIVED, outcomes

RECORD: dict[str, Any] = {
    "run": {"matte": 'a "b"\\c\n', "steps": 3, "finished": True, "styles": ["é.png", "日本.jpg"], "masks": []},
    "settings": {"size": "800x600", "epsilon": 1e-12, "tv_sum": False, "style_layers": {"relu1_1": 256.0}},
    "inputs": {"content": {"file": "/some where/a.b=c#d.jpg", "sha256": "00ff"}},
    "weights": {"file": "vgg19.h5", "sha256": "ff00", "generation": "Keras"},
}

OTHER_VALUES: dict[str, Any] = {
    "size": "800x600",
    "iterations": 7,
    "scales": 3,
    "min_size": 33,
    "seed": 2**40,
    "content_weight": 0.1 + 0.2,
    "style_weight": 1e22,
    "tv_weight": 5e-324,
    "style_strength": 1 / 3,
    "content_layers": Layers({"relu4_2": 0.1, "pool3": 1e-7}),
    "style_layers": Layers({}),
    "style_loss": "gram+mean",
    "balance": False,
    "layer_scaling": "none",
    "tv": "l1",
    "tv_sum": True,
    "pooling": "avg",
    "pool_padding": "same",
    "padding": "zero",
    "preprocessing": "unit",
    "precision": "float32",
    "max_memory": 3.5,
    "draft": 300,
    "optimizer": "lbfgs",
    "learning_rate": 1e-17,
    "beta1": 0.123456789012345678,
    "beta2": 0.0,
    "epsilon": 1.5e-300,
    "history": 100,
    "clip": "end",
    "average": 0.9999999999999999,
    "init": 'C:\\pictures\\"first" é\t.png',
    "noise": 1.0,
    "noise_range": 3.3,
    "style_scale": 1.7,
    "style_size": "2.5MP",
    "style_blend": (0.1, 0.7, 0.0),
    "match_layers": Layers("relu3_2=0.1"),
    "detail_layers": Layers("relu1_1=8,relu2_1=4"),
    "match_weight": 0.7,
    "match_progress": 0.1,
    "step_growth": 0.9,
    "content_details": 0.3,
    "first_steps": 1.7,
    "last_pass": 7,
    "scale_ratio": 1.7,
    "content_decay": 0.3,
    "content_loss": "self-similarity",
    "parameters": "pyramid",
    "pyramid_levels": 3,
    "preserve_colors": "luminance",
    "color_strength": 0.55,
    "color_root": "cholesky",
    "resize": "cubic",
}
"""For every setting a value that is not its default, and is difficult to write where possible."""


def made_log() -> list[loss_log.Row]:
    """Make the rows of two scales."""
    return [
        loss_log.Row(i, 1 if i < 4 else 2, content=0.1 / i, style=0.5**i, tv=0.0, total=1 / 3 / i) for i in range(1, 8)
    ]


def test_the_table_holds_the_numbers_exactly(tmp_path: Path) -> None:
    """Python's own reader finds a head and exactly the same numbers."""
    loss_log.write_csv(made_log(), tmp_path / "log.csv")
    with (tmp_path / "log.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["iteration", "scale", "content", "style", "tv", "total"]
    assert [tuple(map(float, row)) for row in rows] == made_log()
    assert rows[0][:2] == ["1", "1"]


def test_a_table_without_rows_has_a_head(tmp_path: Path) -> None:
    """A table without rows consists of its head."""
    loss_log.write_csv([], tmp_path / "log.csv")
    assert (tmp_path / "log.csv").read_text() == "iteration,scale,content,style,tv,total\n"


def test_the_plot_has_a_line_for_each_term_that_is_not_zero(tmp_path: Path) -> None:
    """The SVG names content, style and total, but not the total variation, which was 0; the axes are labelled."""
    loss_log.plot(made_log(), tmp_path / "log.svg")
    drawn = (tmp_path / "log.svg").read_text()
    assert ET.fromstring(drawn).tag.endswith("svg")
    texts = [text for text in ("content", "style", "tv", "total, weighted") if f"<!-- {text} -->" in drawn]
    assert texts == ["content", "style", "total, weighted"]
    assert all(f"<!-- {text} -->" in drawn for text in ("iteration", "loss", "Losses of the run"))


def test_the_plot_separates_scales(tmp_path: Path) -> None:
    """Rows of two scales draw one line more than the same rows within one scale."""
    one_scale = [row._replace(scale=1) for row in made_log()]
    loss_log.plot(made_log(), tmp_path / "two.svg")
    loss_log.plot(one_scale, tmp_path / "one.svg")
    two, one = ((tmp_path / name).read_text().count('id="line2d_') for name in ("two.svg", "one.svg"))
    assert two == one + 1


@pytest.mark.parametrize("rows", [[], [(1, 1, 0.0, 0.0, 0.0, 0.0)], [(1, 1, np.nan, np.inf, 1.0, np.nan)]])
def test_poor_logs_are_drawn(rows: list[tuple[float, ...]], tmp_path: Path) -> None:
    """No rows, only zeros, and NaN give a plot without a warning."""
    loss_log.plot(rows, tmp_path / "log.PNG")
    with Image.open(tmp_path / "log.PNG") as image:
        assert image.format == "PNG"


def test_plotting_leaves_pyplot_alone(tmp_path: Path) -> None:
    """No figure of pyplot's is open afterwards."""
    from matplotlib import pyplot as plt

    loss_log.plot(made_log(), tmp_path / "log.png")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", ["log", "log.jpg", "log.csv"])
def test_a_plot_of_another_suffix_is_refused(name: str, tmp_path: Path) -> None:
    """The error names the formats, and nothing is written."""
    with pytest.raises(ValueError, match=r"name it \.png or \.svg"):
        loss_log.plot(made_log(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_record_comes_back() -> None:
    """Names, quotes, line ends, alphabets, empty lists and unusual keys survive a round trip."""
    text = record.dump(RECORD)
    assert record.parse(text) == RECORD
    assert tomllib.loads(text) == RECORD


def test_a_record_takes_what_programs_hold() -> None:
    """Paths become texts, tuples lists, NumPy's numbers Python's; None leaves a table but keeps its place in a list."""
    held = {"a": Path("b/c.png"), "none": None, "list": (None, Path("m.png"), np.float32(0.5)), "n": np.int64(3)}
    actual = record.parse(record.dump({"run": {**held, "x": np.float64(0.1), "yes": np.bool_(True)}}))
    assert actual == {"run": {"a": "b/c.png", "list": ["", "m.png", 0.5], "n": 3, "x": 0.1, "yes": True}}
    assert [type(actual["run"][key]) for key in ("n", "x", "yes")] == [int, float, bool]


def test_a_name_that_is_no_text_does_not_lose_the_record(tmp_path: Path) -> None:
    """A file's name of bytes that are no UTF-8 is written with a question mark."""
    record.write({"run": {"content": Path(b"a\xff.jpg".decode("utf-8", "surrogateescape"))}}, tmp_path / "r.toml")
    assert tomllib.loads((tmp_path / "r.toml").read_text()) == {"run": {"content": "a?.jpg"}}


def test_every_setting_has_another_value_here() -> None:
    """The table of this test names all settings, each with a value that is not the default."""
    assert set(OTHER_VALUES) == {field.name for field in fields(Settings)}
    default = Settings()
    assert [name for name, value in OTHER_VALUES.items() if value == getattr(default, name)] == []


def restored(settings: Settings) -> Settings:
    """Send settings through a record."""
    text = record.dump({"settings": tables.table_of(settings)})
    return Settings().with_values(record.parse(text)["settings"])


@pytest.mark.usefixtures("unchecked")  # the annotations of settings tell what they are after normalisation
@pytest.mark.parametrize("name", OTHER_VALUES)
def test_a_setting_survives_exactly(name: str) -> None:
    """Each setting survives TOML with its type, and so do all others at their defaults."""
    settings = Settings(**{name: OTHER_VALUES[name]})
    actual = restored(settings)
    assert actual == settings
    assert getattr(actual, name) == OTHER_VALUES[name]
    assert type(getattr(actual, name)) is type(OTHER_VALUES[name])


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    "settings", [Settings(), Settings(**OTHER_VALUES | {"optimizer": "adam"})], ids=["default", "other"]
)
def test_all_settings_survive_exactly(settings: Settings) -> None:
    """All settings together survive TOML, and so does the order of layers."""
    actual = restored(settings)
    assert actual == settings
    assert list(actual.style_layers) == list(settings.style_layers)


def test_a_hash_is_that_of_all_bytes(tmp_path: Path) -> None:
    """The hash of an empty file and of a large file is hashlib's."""
    for content in (b"", b"ab" * 1_000_000):
        (tmp_path / "file").write_bytes(content)
        assert record.sha256_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_versions_are_those_of_the_modules() -> None:
    """Versions from metadata equal those of the modules."""
    import PIL
    import scipy

    actual = record.versions()
    assert list(actual) == ["python", "myvgg", "tensorflow", "numpy", "scipy", "pillow"]
    assert (actual["python"], actual["numpy"]) == (platform.python_version(), np.__version__)
    assert (actual["scipy"], actual["pillow"]) == (scipy.__version__, PIL.__version__)


def test_a_package_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package without metadata, such as a checkout that is not installed, is no error."""
    monkeypatch.setattr(record, "PACKAGES", ("no-such-package", "numpy"))
    assert list(record.versions()) == ["python", "numpy"]


def png(path: Path, **text: str) -> Path:
    """Write a small PNG with text chunks with Pillow."""
    info = PngInfo()
    for key, value in text.items():
        info.add_itxt(key, value)
    Image.new("RGB", (2, 3)).save(path, pnginfo=info)
    return path


def test_a_record_is_read_from_the_picture(tmp_path: Path) -> None:
    """The record in a PNG counts more than a file beside it."""
    path = png(tmp_path / "out.png", **record.embed(RECORD))
    (tmp_path / "out.png.toml").write_text("[settings]\nsize = 3\n")
    assert record.read_record(path) == RECORD


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "two.dots.webp"])
@pytest.mark.parametrize("appended", [False, True], ids=["replaced", "appended"])
def test_a_record_is_read_from_beside_the_picture(name: str, appended: bool, tmp_path: Path) -> None:
    """For a picture without a record, the file with .toml in place of its suffix, or after it, is read."""
    Image.new("RGB", (2, 3)).save(tmp_path / name)
    file = record.beside(tmp_path / name) if appended else (tmp_path / name).with_suffix(".toml")
    record.write(RECORD, file)
    assert record.read_record(tmp_path / name) == RECORD
    assert record.read_record(file) == RECORD


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[settings", "record is damaged: "),
        (b"losses = 5\n[settings]", "record is damaged: losses"),
        (b"metrics = [1]\n[settings]", "record is damaged: metrics"),
        (b'[settings]\n[losses]\nstyle = "a"', "record is damaged: losses.style"),
        (b'[settings]\n[run]\nseconds = "a"', "record is damaged: run.seconds"),
        (b"a = 1\n", r"no record of a run, for it has no table \[settings\]"),
        (b"settings = 3\n", r"has no table \[settings\]"),
        (b"\xff", "cannot be read"),
    ],
    ids=["no TOML", "losses", "metrics", "a loss", "seconds", "another TOML", "no table", "no text"],
)
def test_a_damaged_record_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    """The error names the damaged file, which is not the picture, and its problem."""
    picture = png(tmp_path / "out.png")
    (tmp_path / "out.toml").write_bytes(content)
    with pytest.raises(ImageError, match=rf"out\.toml: .*{message}"):
        record.read_record(picture)


def test_a_pipe_is_no_record(tmp_path: Path) -> None:
    """A pipe is refused before it is opened, which could wait for ever."""
    os.mkfifo(tmp_path / "a.toml")
    with pytest.raises(ImageError, match="not a regular file"):
        record.read_record(tmp_path / "a.toml")


def test_a_damaged_record_in_a_picture_is_refused(tmp_path: Path) -> None:
    """The error names the picture."""
    with pytest.raises(ImageError, match=r"out\.png: the record is damaged"):
        record.read_record(png(tmp_path / "out.png", myvgg="= ="))


def test_a_picture_without_a_record_says_where_it_was_sought(tmp_path: Path) -> None:
    """The error names the picture and the file that could be beside it."""
    with pytest.raises(ImageError, match=r"out\.png: holds no record .* no out\.png\.toml beside it"):
        record.read_record(png(tmp_path / "out.png"))


@pytest.mark.parametrize("name", ["missing.png", "missing.toml"])
def test_a_missing_file_is_refused(name: str, tmp_path: Path) -> None:
    """A missing picture or record is an error that names it."""
    with pytest.raises(ImageError, match=name):
        record.read_record(tmp_path / name)


WRITERS = {
    "log.csv": "write_csv(log, path)",
    "log.png": "plot(log, path)",
    "r.toml": "write({'run': {'a': 'b' * 999}}, path)",
}

SETUP = """
from myvgg.runs.loss_log import plot, write_csv
from myvgg.runs.record import write

log = [(i, 1, 1 / i, 2 / i, 3 / i, 4 / i) for i in range(1, 50)]
save = lambda path: {call}
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_the_old_file(name: str, tmp_path: Path) -> None:
    """A full disk raises OSError; the old file stays, and no temporary file is left."""
    assert outcomes(SETUP.format(call=WRITERS[name]), tmp_path / name) == SURVIVED


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    """No writer makes a folder."""
    for write in (loss_log.write_csv, loss_log.plot):
        with pytest.raises(FileNotFoundError):
            write(made_log(), tmp_path / "missing" / "log.png")
    with pytest.raises(FileNotFoundError):
        record.write(RECORD, tmp_path / "missing" / "r.toml")
    assert not list(tmp_path.iterdir())


DAMAGES: dict[str, tuple[str, Any]] = {
    "a list as run": ("run", [1]),
    "a number as matte": ("run", RECORD["run"] | {"matte": 3}),
    "a text as steps": ("run", RECORD["run"] | {"steps": "many"}),
    "bits of a list": ("run", RECORD["run"] | {"bits": [8]}),
    "inputs without tables": ("inputs", {"content": "a.jpg"}),
    "an input without a hash": ("inputs", {"content": {"file": "a.jpg"}}),
    "weights of a number": ("weights", {"sha256": 1}),
}


@pytest.mark.parametrize(("table", "value"), DAMAGES.values(), ids=DAMAGES)
def test_a_record_with_wrong_values_is_refused(table: str, value: Any, tmp_path: Path) -> None:
    """A record whose tables are missing or of other types is an error that names the file and the value."""
    path = png(tmp_path / "out.png", **record.embed(RECORD | {table: value}))
    with pytest.raises(ImageError, match=rf"out\.png: .*{table}"):
        record.read_record(path)


def test_pictures_of_one_name_have_records_of_their_own(tmp_path: Path) -> None:
    """A record of the former name counts for the only picture of that name, and for no other."""
    for name in ("out.jpg", "out.webp"):
        Image.new("RGB", (2, 3)).save(tmp_path / name)
    assert record.beside(tmp_path / "out.jpg") != record.beside(tmp_path / "out.webp")
    record.write(RECORD, tmp_path / "out.toml")
    with pytest.raises(ImageError, match=r"no out\.jpg\.toml beside it"):
        record.read_record(tmp_path / "out.jpg")
    (tmp_path / "out.webp").unlink()
    assert record.read_record(tmp_path / "out.jpg") == RECORD


def test_a_shared_record_has_no_folders(tmp_path: Path) -> None:
    """A picture that is passed on names its inputs without their folders; the file beside it has them."""
    shared = record.shared(RECORD)
    path = png(tmp_path / "out.png", **record.embed(shared))
    assert "/some where" not in record.dump(shared)
    assert record.read_record(path) == shared
    record.write(RECORD, record.beside(path))
    assert record.read_record(path)["inputs"] == RECORD["inputs"]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t"])
def test_no_cell_of_a_table_is_a_formula(begin: str, tmp_path: Path) -> None:
    """A name that a spreadsheet would compute is text; numbers stay numbers."""
    csv_files.write_table([["name", "value"], [f"{begin}1+1\r.jpg", -0.5]], tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        cells = list(csv.reader(file))[1]
    assert cells == [f"'{begin}1+1 .jpg", "-0.5"]
    assert csv_files.cell_text(cells[0]) == f"{begin}1+1 .jpg"


def test_settings_that_do_not_change_the_picture_do_not_count() -> None:
    """The memory of a run does not count, and settings that an older record does not know are the defaults."""
    table = tables.table_of(Settings(max_memory=3.0))
    assert record.pixels_of(table) == record.pixels_of(tables.table_of(Settings()))
    del table["padding"]
    assert record.pixels_of(table) == record.pixels_of(tables.table_of(Settings()))
    assert record.pixels_of(table | {"seed": 1}) != record.pixels_of(table)


def test_settings_that_a_record_does_not_know_are_those_of_its_time() -> None:
    """A picture that was made before a setting was there is made again as it was made."""
    table = tables.table_of(Settings())
    for name, former in {"step_growth": 1, "first_steps": 2, "content_details": 0}.items():
        old = {each: value for each, value in table.items() if each != name}
        assert getattr(Settings().with_values(record.settings_of({"settings": old})), name) == former
        assert record.pixels_of(old)[name] == former
        assert getattr(Settings().with_values(record.settings_of({"settings": {**old, name: 0.5}})), name) == 0.5
