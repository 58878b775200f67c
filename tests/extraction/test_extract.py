"""`myvgg extract`: features of many pictures, in every format, whatever happens on the way."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
import safetensors
from PIL import Image

import converters
import myvgg
from myvgg.cli.extract import main
from myvgg.extraction import assembling, local, parts
from myvgg.extraction.prefetching import prefetch
from myvgg.extraction.recipe import identify_weights
from myvgg.images import Resizing
from myvgg.params import TORCHVISION, Origin
from tests.full_disk import SURVIVED, outcomes

ROOT = Path(__file__).parents[2]
START = """
import sys
from myvgg.extraction import local
from myvgg.cli.extract import main
local.PART_ROWS = {rows}
{end}
"""
PEAK = "main(); print([l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')][0])"
"""Programs that run the command line with parts of so many rows, one of them to print its peak of memory in KiB."""

SMALL = ("--layers", "relu2_1", "--size", "32", "--precision", "float32")


@pytest.fixture
def extract(weights: str, photos: Path, tmp_path: Path) -> Callable[..., int]:
    """Run the command line on the folder of pictures, or on others."""

    def run(output: str, *words: str, pictures: Any = None) -> int:
        given = [str(photos)] if pictures is None else [str(each) for each in pictures]
        return main([*given, *SMALL, "--weights", weights, "-o", str(tmp_path / output), *words])

    return run


def expected_rows(photos: Path, weights: str, layer: str = "relu2_1", size: int = 32) -> dict[str, np.ndarray]:
    """Compute the mean of a layer picture by picture, without the code under test but for the network."""
    vgg = myvgg.VGG19(converters.load(weights))
    found = {}
    for path in sorted(photos.rglob("*.*")):
        if path.name in ("04b.png", "empty.jpg", "cut.png"):
            continue
        image = Image.open(path).convert("RGB")
        side = min(image.size) * 224 / 256
        left, top = (image.width - side) / 2, (image.height - side) / 2
        square = image.transform(
            (size, size), Image.Transform.EXTENT, (left, top, left + side, top + side), Image.Resampling.BICUBIC
        )
        crop = np.asarray(square, np.float32)
        found[str(path)] = vgg.features(crop, [layer])[layer].numpy()[0].mean(axis=(0, 1))
    return found


def columns_of(path: Path, column: str) -> tuple[list[str], list[str], np.ndarray]:
    """Read paths, errors and arrays of any format with its own library."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        rows = [None if row is None else np.array(row, np.float32) for row in table[column].to_pylist()]
        size = next(row.size for row in rows if row is not None)
        values = np.stack([np.full(size, np.nan, np.float32) if row is None else row for row in rows])
        return table["path"].to_pylist(), [error or "" for error in table["error"].to_pylist()], values
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return [*file["path"].asstr()], [*file["error"].asstr()], file[column][()]
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return archive["path"].tolist(), archive["error"].tolist(), archive[column]
    with safetensors.safe_open(path, framework="np") as file:
        metadata = file.metadata()
        return json.loads(metadata["path"]), json.loads(metadata["error"]), file.get_tensor(column)


@pytest.mark.parametrize("output", ["f.parquet", "f.h5", "f.npz", "f.safetensors"])
def test_every_format(
    output: str,
    extract: Callable[..., int],
    photos: Path,
    weights: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every picture of the folder, in order, has the features it has by itself; the others have a reason."""
    assert extract(output) == 0
    paths, errors, values = columns_of(tmp_path / output, "relu2_1")
    expected = expected_rows(photos, weights)
    assert paths == [str(path) for path in sorted(photos.rglob("*.*"))]
    assert [bool(error) for error in errors] == [path not in expected for path in paths]
    for path, error, row in zip(paths, errors, values, strict=True):
        if error:
            assert path in error
            assert np.isnan(row).all()
        else:
            np.testing.assert_allclose(
                row, expected[path], rtol=0.1, atol=0.05 * expected[path].max()
            )  # another filter
    assert list(tmp_path.iterdir()) == [tmp_path / output]
    assert "3 of 24 pictures have no features" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("fit", ["crop", "squash", "longest", "none"])
@pytest.mark.parametrize("pool", ["none", "mean", "gram", "moments"])
def test_rows_equal_the_extractors(
    fit: Any, pool: Any, extract: Callable[..., int], photos: Path, weights: str, tmp_path: Path
) -> None:
    """However pictures are fitted and maps are summarised, rows hold what the extractor gives for that one picture."""
    assert extract("f.parquet", "--fit", fit, "--reduce", pool) == 0
    extractor = myvgg.Extractor(converters.load(weights), ["relu2_1"], reduce=pool)
    table = pq.read_table(tmp_path / "f.parquet").to_pylist()
    assert len(table) == 24
    for row in (row for row in table if not row["error"]):
        image = Resizing(32, fit)(row["path"])
        for column, tensor in extractor(image).items():
            assert tuple(row[f"{column}.shape"]) == tensor.shape[1:]
            actual = np.array(row[column], np.float32).reshape(tensor.shape[1:])
            np.testing.assert_allclose(actual, tensor[0], rtol=1e-5, atol=1e-5 * np.abs(tensor[0]).max())


def test_ragged_arrays_need_parquet(
    extract: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Maps of different shapes are refused by formats of whole arrays, with what to do; what is computed is kept."""
    assert extract("f.npz", "--fit", "none", "--reduce", "none") == 1
    assert (
        "only .parquet holds: name such a file, which goes on from what is computed, or crop the pictures"
        in capsys.readouterr().err
    )
    assert [path.name for path in tmp_path.iterdir()] == ["f.npz.parts"]


@pytest.mark.slow
def test_several_layers_and_classifier(photos: Path, tmp_path: Path) -> None:
    """Several layers come in one pass, dense ones too."""
    params = myvgg.params.random(seed=2)
    params.save(tmp_path / "top.safetensors")
    words = ["--layers", "relu1_1,fc7", "--weights", str(tmp_path / "top.safetensors"), "-o", str(tmp_path / "f.h5")]
    assert main([str(photos / "01.png"), str(photos / "02.png"), *words, "--precision", "float32"]) == 0
    with h5py.File(tmp_path / "f.h5") as file:
        assert (file["relu1_1"].shape, file["fc7"].shape) == ((2, 64), (2, 4096))
        image = Resizing(224, "crop")(photos / "02.png")
        expected = myvgg.VGG19(params).features(image, ["fc7"])["fc7"][0]
        np.testing.assert_allclose(file["fc7"][1], expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_a_list_on_standard_input(
    extract: Callable[..., int], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """- reads names, a line each, in their order, once each; a name without a file has an error."""
    names = [photos / "03.png", photos / "01.png", photos / "gone.png", photos / "03.png"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(map(str, names)) + "\n\n"))
    assert extract("f.parquet", pictures=["-"]) == 0
    table = pq.read_table(tmp_path / "f.parquet")
    assert table["path"].to_pylist() == [str(name) for name in names[:3]]
    assert [error is None for error in table["error"].to_pylist()] == [True, True, False]


# Stopped and started again


def interrupted(extract: Callable[..., int], monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Run until some pictures have been computed, then interrupt."""
    seen = 0

    def compute_rows(*arguments: Any) -> Any:
        nonlocal seen
        for rows in original(*arguments):
            if seen >= after:
                raise KeyboardInterrupt
            seen += len(rows)
            yield rows

    original = local.compute_rows
    with monkeypatch.context() as patch:
        patch.setattr(local, "compute_rows", compute_rows)
        patch.setattr(local, "PART_ROWS", 4)
        assert extract("f.parquet") == 130


def test_goes_on_where_it_was(
    extract: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pictures that an interrupted run computed are not computed again; the result is that of an undisturbed run."""
    assert extract("whole.parquet") == 0
    interrupted(extract, monkeypatch, after=10)
    assert not (tmp_path / "f.parquet").exists()
    places = assembling.places_of(parts.readable_parts(tmp_path / "f.parquet.parts"))
    done = {path for path, place in places.items() if not place.error}
    assert 9 <= len(done) < 24
    computed = []
    original = local.compute_rows
    monkeypatch.setattr(local, "compute_rows", lambda *a: (computed.extend(r) or r for r in original(*a)))  # type: ignore[func-returns-value]
    capsys.readouterr()
    assert extract("f.parquet") == 0
    assert f"{len(done)} of 24 pictures are done already" in capsys.readouterr().err
    assert len(computed) == 24 - len(done)
    assert {row.path for row in computed}.isdisjoint(done)
    whole, resumed = (pq.read_table(tmp_path / name) for name in ("whole.parquet", "f.parquet"))
    assert resumed.equals(whole, check_metadata=True)


@pytest.mark.slow
def test_killed_and_started_again(photos: Path, weights: str, tmp_path: Path) -> None:
    """A process that is killed in the middle leaves parts that the next one goes on from, and none half written."""
    many = tmp_path / "many"
    many.mkdir()
    for index in range(300):
        (many / f"{index:03}.png").symlink_to(photos / "01.png")
    code = START.format(rows=8, end="sys.exit(main())")
    command = [sys.executable, "-c", code, str(many), *SMALL, "--weights", weights, "-o", str(tmp_path / "f.parquet")]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process:
        folder = tmp_path / "f.parquet.parts"
        while process.poll() is None and len(list(folder.glob("[!.]*.parquet"))) < 3:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    before = len(assembling.places_of(parts.readable_parts(folder)))
    assert 24 <= before < 300
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"{before} of 300 pictures are done already" in again.stderr
    assert len(set(pq.read_table(tmp_path / "f.parquet")["path"].to_pylist())) == 300
    assert not folder.exists()


@pytest.mark.parametrize(
    ("words", "difference"),
    [
        (["--layers", "relu1_1"], "layers ['relu2_1'] in place of ['relu1_1']"),
        (["--reduce", "gram"], "reduce mean in place of gram"),
        (["--size", "48"], "size 32 in place of 48"),
        (["--weights", "random"], "weights vgg19 "),
    ],
    ids=["layer", "pool", "size", "weights"],
)
def test_features_of_something_else_are_refused(
    words: list[str],
    difference: str,
    extract: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    """Neither parts nor a finished file of other features are gone on with; --overwrite begins anew."""
    interrupted(extract, monkeypatch, after=10)
    assert extract("f.parquet", *words) == 1
    assert f"has features of an earlier run with {difference}" in capsys.readouterr().err
    assert extract("f.parquet") == 0
    assert extract("f.parquet", *words) == 1
    assert f"has other features, {difference}" in capsys.readouterr().err
    if words[0] == "--reduce":
        assert extract("f.parquet", *words, "--overwrite") == 0
        assert len(pq.read_table(tmp_path / "f.parquet")["relu2_1.shape"][0].as_py()) == 2


@pytest.mark.parametrize("suffix", [".parquet", ".h5", ".npz", ".safetensors"])
def test_what_is_done_is_not_done_again(
    suffix: str, extract: Callable[..., int], photos: Path, tmp_path: Path, capsys: Any
) -> None:
    """A finished file of the same is left alone; one that lacks pictures gets them; another is not taken for it."""
    some = [photos / "01.png", photos / "02.png"]
    assert extract(f"f{suffix}", pictures=some) == 0
    before = (tmp_path / f"f{suffix}").stat().st_mtime_ns
    assert extract(f"f{suffix}", pictures=some) == 0
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / f"f{suffix}").stat().st_mtime_ns == before
    assert extract(f"f{suffix}") == 0
    assert "2 of 24 pictures are done already" in capsys.readouterr().err
    assert extract(f"f{suffix}", pictures=some) == 1
    assert "has features of pictures that are not asked for" in capsys.readouterr().err
    (tmp_path / f"f{suffix}").write_bytes(b"something else")
    assert extract(f"f{suffix}", pictures=some) == 1
    assert "it was not made by this program" in capsys.readouterr().err


# What can go wrong


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (["--layers", "relu2_9"], "vgg19 has no layer 'relu2_9': did you mean relu2_", 1),
        (["--layers", ","], "layers must name at least one layer", 2),
        (["--layers", "pool5", "--size", "31"], "the smallest that works is 32 x 32", 1),
        (["--layers", "fc7"], "fc7 need pictures of size 224, by crop or squash", 2),
        (["--size", "0"], "--size must be at least 1, not 0", 2),
        (["--workers", "2"], "--workers must be at least 1, and goes with --ray", 2),
        (["-o", "missing/f.parquet"], "the folder missing does not exist", 1),
        (["-o", "f.csv"], "name it .parquet, .h5, .npz, .safetensors", 1),
        (["--weights", "missing.h5"], "missing.h5: cannot be read: No such file", 1),
    ],
)
def test_wrong_words(
    words: list[str],
    message: str,
    code: int,
    extract: Callable[..., int],
    tmp_path: Path,
    monkeypatch: Any,
    capsys: Any,
) -> None:
    """They are refused in one line, before anything is computed or written."""
    monkeypatch.chdir(tmp_path)
    assert extract("f.parquet", *words) == code
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        ([], "name pictures"),
        (["nowhere"], "there is no such picture: nowhere"),
        (["{empty}"], "the folder has no pictures"),
    ],
)
def test_no_pictures(
    pictures: list[str], message: str, extract: Callable[..., int], tmp_path: Path, capsys: Any
) -> None:
    """A word that stands for nothing is named."""
    assert extract("f.parquet", pictures=[each.format(empty=tmp_path) for each in pictures]) == 2
    assert message in capsys.readouterr().err


def test_a_broken_link_does_not_end_the_run(
    extract: Callable[..., int], photos: Path, tmp_path: Path, capsys: Any
) -> None:
    """A broken link and a pipe beside a picture are rows with an error; alone, they are refused."""
    link, pipe = tmp_path / "link.png", tmp_path / "pipe.png"
    link.symlink_to("gone.png")
    os.mkfifo(pipe)
    assert extract("f.parquet", pictures=[link, photos / "01.png", pipe]) == 0
    rows = pq.read_table(tmp_path / "f.parquet").to_pylist()
    assert [row["path"] for row in rows] == [str(link), str(photos / "01.png"), str(pipe)]
    assert ("No such file" in rows[0]["error"], rows[1]["error"]) == (True, None)
    assert rows[2]["error"] == f"{pipe}: not a regular file"
    capsys.readouterr()
    assert extract("g.parquet", pictures=[link, pipe]) == 2
    assert f"there is no such picture: {link}" in capsys.readouterr().err


def test_nothing_can_be_read(extract: Callable[..., int], photos: Path, tmp_path: Path, capsys: Any) -> None:
    """Where every picture is damaged, there is no result, and the first reason is told."""
    assert extract("f.parquet", pictures=[photos / "04b.png", photos / "empty.jpg"]) == 1
    assert "none of the 2 pictures could be read" in capsys.readouterr().err
    assert not (tmp_path / "f.parquet").exists()


def test_small_pictures_have_an_error(extract: Callable[..., int], photos: Path, tmp_path: Path) -> None:
    """As they are, pictures may be too small for a layer: those say so, the others have features."""
    assert extract("f.parquet", "--layers", "relu5_1", "--fit", "none") == 0
    table = pq.read_table(tmp_path / "f.parquet").to_pylist()
    assert all(row["relu5_1"] for row in table if not row["error"])
    Image.new("RGB", (15, 40)).save(tmp_path / "small.png")
    assert (
        extract(
            "g.parquet", "--layers", "relu5_1", "--fit", "none", pictures=[tmp_path / "small.png", photos / "01.png"]
        )
        == 0
    )
    small, large = pq.read_table(tmp_path / "g.parquet").to_pylist()
    assert "the smallest that works is 16 x 16" in small["error"]
    assert small["relu5_1"] is None
    assert large["error"] is None


def test_without_pyarrow(extract: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """A package that is missing is named with how to get it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert extract("f.parquet") == 1
    assert "pip install 'myvgg[extract]'" in capsys.readouterr().err


WRITE = """
import tempfile
import numpy as np
from myvgg.extraction import parts, writers
from myvgg.extraction.recipe import Recipe
from myvgg.images import Resizing

folder = Path(tempfile.mkdtemp())
names = [f"{i}.png" for i in range(20)]
parts.write_part([parts.Row(name, "", {"x": np.ones((50, 3), np.float32)}) for name in names], ["x"], folder)
recipe = Recipe(("x",), "none", Resizing(1), "float32", "max", "")
content = writers.Content(names, ["x"], parts.readable_parts(folder), recipe)

def save(path):
    writers.write(content, path)
"""


@pytest.mark.parametrize("suffix", [".parquet", ".h5", ".npz", ".safetensors"])
def test_full_disk(suffix: str, tmp_path: Path) -> None:
    """Wherever the disk gets full, there is an error, and the older file stays as it was."""
    assert outcomes(WRITE, tmp_path / f"f{suffix}") == SURVIVED


def test_full_disk_while_computing(
    extract: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """A part that cannot be written ends the run with one line; those before it are kept and gone on from."""
    monkeypatch.setattr(local, "PART_ROWS", 8)
    original, written = parts.pq.write_table, []

    def write_table(*arguments: Any, **options: Any) -> None:
        if written:
            raise OSError(28, "No space left on device")
        written.append(original(*arguments, **options))

    with monkeypatch.context() as patch:
        patch.setattr(parts.pq, "write_table", write_table)
        assert extract("f.parquet") == 1
    assert capsys.readouterr().err.strip().splitlines()[-1].endswith(": No space left on device")
    assert len(assembling.places_of(parts.readable_parts(tmp_path / "f.parquet.parts"))) >= 8
    assert extract("f.parquet") == 0
    assert len(pq.read_table(tmp_path / "f.parquet")) == 24


@pytest.mark.slow
def test_memory_does_not_grow(photos: Path, weights: str, tmp_path: Path) -> None:
    """Ten times as many pictures take no more memory."""
    peaks = []
    for count in (100, 1000):
        folder = tmp_path / str(count)
        folder.mkdir()
        for index in range(count):
            (folder / f"{index:04}.png").symlink_to(photos / "01.png")
        code = START.format(rows=32, end=PEAK)
        words = [
            "--layers",
            "relu1_2",
            "--pool",
            "none",
            "--size",
            "32",
            "--weights",
            weights,
            "-o",
            str(folder / "f.npz"),
        ]
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder), *words], cwd=ROOT, capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout) * 1024)
    features = 1000 * 32 * 32 * 64 * 4
    assert features > 2e8
    assert peaks[1] - peaks[0] < 0.25 * features


def test_decoding_keeps_order_and_stops(photos: Path) -> None:
    """Threads hand pictures out in the order of their names, and stop when nobody wants more."""
    names = [str(path) for path in sorted(photos.rglob("*.*"))] * 6
    found = prefetch(names, Resizing(32, "squash"))
    assert [next(found).path for _ in range(30)] == names[:30]
    found.close()
    assert [each.path for each in prefetch(names, Resizing(32, "squash"))] == names


def test_weights_are_known_by_their_numbers(weights: str) -> None:
    """Scaled or trained weights are others, though of the same file; the same numbers from elsewhere are the same."""
    params = converters.load(weights)
    kernel, bias = params.layers["conv3_1"]
    scaled = replace(params, layers={**params.layers, "conv3_1": myvgg.LayerParams(2 * kernel, bias)})
    assert (
        identify_weights(scaled)
        != identify_weights(params)
        == identify_weights(replace(params, origin=Origin("another.h5")))
    )
    assert identify_weights(replace(params, preprocessing=TORCHVISION)) != identify_weights(params)
