"""`myvgg.extract` from Python: in memory, into files, and equal to what a notebook computes for one picture."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import myvgg
from myvgg import images
from myvgg.cli import extract as extract_command
from myvgg.extraction import assembling, local, parts, picture_names
from myvgg.extraction.batching import compute_rows
from myvgg.extraction.prefetching import Decoded
from myvgg.extraction.storing import KeptWarning
from myvgg.images import Resizing
from myvgg.params import Params
from myvgg.runtime import errors
from tests.drawn import blobs
from tests.images.test_images import png16

SUFFIXES = [".parquet", ".h5", ".npz", ".safetensors"]
SMALL = Resizing(64)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture of each kind of file, one of them damaged, and many of one kind, so that batches fill."""
    folder = tmp_path_factory.mktemp("kinds")
    colours = np.rint(blobs(90, 120, seed=1)).astype(np.uint8)
    large = images.resize(colours.astype(np.float32), (1200, 900))
    alpha = np.linspace(0, 255, 90 * 120).reshape(90, 120).astype(np.uint8)
    images.save(large, folder / "large.jpg")
    Image.fromarray(colours[:70]).save(folder / "small.jpg")
    Image.fromarray(np.dstack([colours, alpha])).save(folder / "alpha.png")
    Image.fromarray(colours[..., 0]).save(folder / "grey.png")
    Image.fromarray(colours).quantize(16).save(folder / "palette.png")
    (folder / "deep.png").write_bytes(png16(colours.astype(np.uint16) * 257 + 30, 2))
    images.save(blobs(50, 40, seed=2), folder / "deep.tif", bits=16)
    (folder / "damaged.png").write_bytes(b"no picture")
    for index in range(40):
        Image.fromarray(np.roll(colours, index, axis=1)).save(folder / f"many{index:02}.png")
    return folder


def extracted(paths: Any, params: Any, **options: Any) -> Any:
    """Extract from the small network, without a bar."""
    return myvgg.extract(
        paths, params=params, **{"layers": ["relu3_1"], "resizing": SMALL, "progress": False} | options
    )


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "auto"])
@pytest.mark.parametrize("reduce", ["mean", "none"])
@pytest.mark.parametrize("how", ["crop", "squash", "longest", "none"])
def test_a_row_is_what_a_notebook_computes(
    how: Any, reduce: Any, precision: Any, kinds: Path, tiny_params: Params, tmp_path: Path
) -> None:
    """A picture's row, in the file and in memory, equals its features computed alone, bit for bit."""
    resizing = Resizing(64, how)
    options: dict[str, Any] = {"layers": ["relu1_2", "pool5"], "reduce": reduce, "precision": precision}
    stored = extracted(kinds, tiny_params, resizing=resizing, output=tmp_path / "f.parquet", **options)
    tables = [stored.read(), extracted(kinds, tiny_params, resizing=resizing, **options)]
    extractor = myvgg.Extractor(tiny_params, ["relu1_2", "pool5"], precision=precision, reduce=reduce)
    paths = [path for path in sorted(kinds.iterdir()) if path.name != "damaged.png"]
    for path in [*paths[:8], paths[-1]]:
        alone = extractor(resizing(path))
        for table in tables:
            row = table.row(str(path))
            assert {column: array.shape for column, array in row.items()} == {
                column: tuple(tensor.shape[1:]) for column, tensor in alone.items()
            }
            assert all(np.array_equal(row[column], tensor[0]) for column, tensor in alone.items())


def test_the_whole_network_too(kinds: Path, trained: Params, tmp_path: Path) -> None:
    """So does VGG19 at its own size, by the recipe that the file keeps, with a network in place of parameters."""
    names = [kinds / name for name in ("large.jpg", "many00.png", "many01.png", "deep.png")]
    stored = myvgg.extract(names, params=myvgg.VGG19(trained), output=tmp_path / "f.npz", progress=False)
    table = myvgg.read_features(stored.path)
    assert table.shapes == {"relu5_4": (512,)}
    extractor = table.recipe.extractor(trained)
    for name in names[:2]:
        assert np.array_equal(extractor(table.recipe.resizing(name))["relu5_4"][0], table.row(str(name))["relu5_4"])


def test_products_of_matrices_need_the_same_batch(kinds: Path, tiny_params: Params) -> None:
    """Dense layers and Gram matrices equal those of the same batch bit for bit, and those of one picture nearly."""
    paths = sorted(kinds.glob("many*.png"))[:7]
    options: dict[str, Any] = {"layers": ["relu2_2", "fc7", "prob"], "reduce": "gram", "precision": "float32"}
    table = extracted(paths, tiny_params, **options)
    extractor = myvgg.Extractor(tiny_params, ["relu2_2", "fc7", "prob"], reduce="gram")
    together = extractor(np.stack([SMALL(path) for path in paths]))
    for column, tensor in together.items():
        values = table[column]
        assert isinstance(values, np.ndarray)
        assert np.array_equal(values, tensor)
        alone = extractor(SMALL(paths[3]))[column][0]
        np.testing.assert_allclose(values[3], alone, rtol=1e-4, atol=1e-5 * np.abs(alone).max())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_and_memory_hold_the_same(suffix: str, kinds: Path, tiny_params: Params, tmp_path: Path) -> None:
    """Every format gives back the table that is made without a file, errors and recipe too."""
    options: dict[str, Any] = {"layers": ["relu3_1", "pool4"], "reduce": "moments", "precision": "float32"}
    memory = extracted(kinds, tiny_params, **options)
    stored = extracted(kinds, tiny_params, output=tmp_path / f"f{suffix}", **options)
    file = stored.read()
    assert (file.paths, file.errors, file.recipe) == (memory.paths, memory.errors, memory.recipe)
    assert list(file.arrays) == list(memory.arrays) or suffix in (".h5", ".safetensors")  # which sort them
    for column, values in memory.arrays.items():
        assert np.array_equal(file[column], values, equal_nan=True)
        assert file[column].dtype == np.float32
    damaged = memory.paths.index(str(kinds / "damaged.png"))
    assert np.isnan(memory["pool4.mean"][damaged]).all()
    assert (
        memory.shapes
        == file.shapes
        == {
            "relu3_1.mean": (8,),
            "relu3_1.second": (8, 8),
            "pool4.mean": (9,),
            "pool4.second": (9, 9),
        }
    )
    assert list(stored.errors) == [str(kinds / "damaged.png")]
    assert (stored.rows, stored.computed, stored.existed) == (len(memory), len(memory), False)
    assert repr(stored) == f"StoredFeatures('{tmp_path / f'f{suffix}'}', 48 pictures, 1 without features)"


def test_maps_of_several_shapes(kinds: Path, tiny_params: Params, tmp_path: Path) -> None:
    """Where rows have different shapes, a column is a tuple, in memory and out of Parquet; other formats refuse."""
    options: dict[str, Any] = {"reduce": "none", "resizing": Resizing(64, "longest")}
    memory = extracted(kinds, tiny_params, **options)
    file = extracted(kinds, tiny_params, output=tmp_path / "f.parquet", **options).read()
    assert memory.shapes == file.shapes == {"relu3_1": None}
    assert memory.row(str(kinds / "deep.tif"))["relu3_1"].shape == (16, 12, 8)
    for one, other in zip(memory["relu3_1"], file["relu3_1"], strict=True):
        assert (one is None and other is None) or np.array_equal(one, other)
    assert repr(file) == "FeatureTable(48 pictures, 1 without features, relu3_1 of several shapes)"
    with pytest.raises(ValueError, match=r"different shapes .* which only .parquet holds"):
        extracted(kinds, tiny_params, output=tmp_path / "f.npz", **options)


def test_one_name_or_a_list(kinds: Path, tiny_params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name stands for a file, a folder or a pattern; files in a list count once each, missing ones too."""
    monkeypatch.chdir(kinds)
    assert extracted(Path("grey.png"), tiny_params).paths == ("grey.png",)
    assert extracted("deep.*", tiny_params).paths == ("deep.png", "deep.tif")
    assert len(extracted(kinds, tiny_params)) == len(list(kinds.iterdir()))
    table = extracted(["grey.png", Path("gone.png"), "grey.png"], tiny_params)
    assert table.paths == ("grey.png", "gone.png")
    assert table.errors == ("", "gone.png: cannot be read: No such file or directory")
    assert len(table.row("grey.png")["relu3_1"]) == 8
    with pytest.raises(ValueError, match=r"the picture has no features: gone.png: cannot be read"):
        table.row("gone.png")
    with pytest.raises(ValueError, match=r"the table has no picture 'other.png'"):
        table.row("other.png")


@pytest.mark.parametrize("paths", [["inner", "*.png", "a.png"], [Path("inner"), "a.png"], "**/*.png", "."], ids=str)
def test_folders_and_patterns_in_a_list(
    paths: Any, tiny_params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list is understood as the command line understands its words, in a call and alone."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inner").mkdir()
    for name in ("a.png", "inner/b.png", "inner/c.png"):
        Image.new("RGB", (70, 70)).save(name)
    assert sorted(extracted(paths, tiny_params).paths) == ["a.png", "inner/b.png", "inner/c.png"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_names_that_are_no_text(suffix: str, tiny_params: Params, tmp_path: Path) -> None:
    """A name that is not UTF-8 has a row in every format, under a name that leads back to the file; so has an error."""
    good, bad = (Path(os.fsdecode(os.fsencode(tmp_path) + name)) for name in (b"/caf\xe9.png", b"/no\xff.png"))
    Image.new("RGB", (70, 70)).save(good)
    bad.write_bytes(b"no picture")
    output = tmp_path / f"f{suffix}"
    stored = extracted(tmp_path, tiny_params, output=output)
    assert stored.read().paths == (f"{tmp_path}/caf\\xe9.png", f"{tmp_path}/no\\xff.png")
    assert [picture_names.path_of(name) for name in stored.read().paths] == [str(good), str(bad)]
    assert len(stored.read().row(good)["relu3_1"]) == 8
    assert list(stored.errors) == [f"{tmp_path}/no\\xff.png"]
    assert stored.errors[f"{tmp_path}/no\\xff.png"].startswith(f"{tmp_path}/no\\xff.png: ")


@given(st.text() | st.text("\\xud80e9f\udce9\ud800\0/"))
def test_every_name_has_a_text(name: str) -> None:
    """Names in tables are UTF-8 without NUL, lead back to their files, and are those of the files where they can be."""
    stored = picture_names.name_of(name)
    assert picture_names.path_of(stored) == name
    assert "\0" not in stored
    assert stored.encode().decode() == stored
    assert stored == name or "\\" in stored


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    name=st.binary(min_size=1, max_size=200).filter(lambda name: not {0, 47} & {*name} and not name.startswith(b"."))
)
def test_files_of_any_name(name: bytes, tiny_params: Params) -> None:
    """Whatever name a file system allows, the picture has features, under a name that leads to it."""
    with TemporaryDirectory() as folder:
        path = Path(folder, os.fsdecode(name + b".png"))
        Image.new("RGB", (70, 70)).save(path)
        for paths in (folder, [folder], [path]):
            table = extracted(paths, tiny_params)
            assert table.errors == ("",)
            assert picture_names.path_of(table.paths[0]) == str(path)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    first=st.sets(st.integers(0, 7), min_size=1),
    changed=st.sets(st.integers(0, 7)),
    order=st.permutations(range(8)),
    suffix=st.sampled_from(SUFFIXES),
)
def test_any_history_ends_in_the_same_file(
    first: set[int], changed: set[int], order: list[int], suffix: str, tiny_params: Params
) -> None:
    """Pictures that are added, changed and put in another order after a first call give the file of one call."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number}.png") for number in range(8)]
        for number, path in enumerate(paths):
            Image.new("RGB", (70, 70), (9 * number, 0, 0)).save(path)
        output = Path(folder, f"f{suffix}")
        extracted([paths[number] for number in first], tiny_params, output=output)
        for number in changed:
            Image.new("RGB", (71, 70), (9 * number, 99, 0)).save(paths[number])
        listed = [paths[number] for number in order]
        stored = extracted(listed, tiny_params, output=output)
        assert stored.computed == len(changed | ({*range(8)} - first))
        same(stored.read(), extracted(listed, tiny_params))


def stop_at_once(paths: Any, params: Params, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin a call, and interrupt it after its first batch."""

    def interrupted(*arguments: Any) -> Any:
        yield next(iter(original(*arguments)))
        raise KeyboardInterrupt

    original = local.compute_rows
    with monkeypatch.context() as patch:
        patch.setattr(local, "compute_rows", interrupted)
        with pytest.raises(KeyboardInterrupt):
            extracted(paths, params, output=output)


def test_a_call_that_is_stopped_goes_on(
    kinds: Path, tiny_params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """After an interruption the same call computes the missing pictures; a third one finds the file finished."""
    output = tmp_path / "f.parquet"
    stop_at_once(kinds, tiny_params, output, monkeypatch)
    capsys.readouterr()
    second = extracted(kinds, tiny_params, output=output, progress=True)
    assert 0 < second.computed < second.rows == 48
    assert f"{48 - second.computed} of 48 pictures are done already" in capsys.readouterr().err
    written = output.stat().st_mtime_ns
    third = extracted(kinds, tiny_params, output=output)
    assert (third.existed, third.computed, third.rows) == (True, 1, 48)  # the damaged one is tried again
    assert third.errors == second.errors != {}
    assert output.stat().st_mtime_ns == written
    assert capsys.readouterr().err == ""
    with pytest.raises(ValueError, match=r"has other features, reduce mean in place of gram: .* or overwrite it"):
        extracted(kinds, tiny_params, output=output, reduce="gram")
    assert extracted(kinds, tiny_params, output=output, reduce="gram", overwrite=True).computed == 48


def test_a_description_of_an_earlier_version(kinds: Path, tiny_params: Params, tmp_path: Path) -> None:
    """A file whose recipe names the reduction `summary`, as earlier versions did, is the same file."""
    output = tmp_path / "f.parquet"
    stored = extracted(kinds, tiny_params, output=output)
    table = pq.read_table(output)
    text = table.schema.metadata[b"myvgg"].decode()
    assert '"reduce"' in text
    pq.write_table(table.replace_schema_metadata({"myvgg": text.replace('"reduce"', '"summary"')}), output)
    assert extracted(kinds, tiny_params, output=output).existed
    assert myvgg.read_features(output).recipe == extracted(kinds, tiny_params).recipe
    assert stored.read().recipe.reduce == "mean"


def test_without_pyarrow_there_is_memory(kinds: Path, tiny_params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only files need pyarrow, and they say so."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert len(extracted([kinds / "grey.png"], tiny_params)) == 1
    with pytest.raises(ValueError, match=r"pip install 'myvgg\[extract\]'"):
        extracted(kinds, tiny_params, output="f.npz")


def test_sources_by_name(kinds: Path, tmp_path: Path) -> None:
    """Parameters may be a file or a word, of either network."""
    myvgg.params.random(myvgg.CONFIGURATION_D, include_top=False).save(tmp_path / "vgg16.safetensors")
    options: dict[str, Any] = {"layers": ["relu1_1"], "resizing": Resizing(32)}
    table = extracted(
        [kinds / "grey.png"],
        tmp_path / "vgg16.safetensors",
        architecture="vgg16",
        **options,
    )
    assert table.recipe.weights.startswith("vgg16 ")
    bundled = extracted([kinds / "grey.png"], "bundled", **options)
    assert bundled.recipe.weights.startswith("vgg19 ")


WRONG = {
    "no layers": ({"layers": []}, "layers must name at least one layer, in a list, not"),
    "a layer without a list": ({"layers": "relu3_1"}, "in a list, not 'relu3_1'"),
    "an unknown layer": ({"layers": ["relu3_9"]}, "no layer 'relu3_9'"),
    "dense layers of another size": ({"layers": ["fc7"], "resizing": Resizing(32)}, "fc7 need pictures of size 64"),
    "dense layers of any size": ({"layers": ["prob"], "resizing": Resizing(64, "none")}, "prob need pictures"),
    "pictures that are too small": ({"layers": ["pool5"], "resizing": Resizing(16)}, "the smallest that works is 32"),
    "a reduction": ({"reduce": "max"}, "reduce must be one of none, mean, gram, moments, not 'max'"),
    "a pooling": ({"pooling": "min"}, "pooling must be one of max, avg, not 'min'"),
    "a precision": ({"precision": "int8"}, "precision must be one of auto, float32, bfloat16, float16, not 'int8'"),
    "a network": ({"architecture": "vgg11"}, "architecture must be one of vgg19, vgg16, not 'vgg11'"),
    "parameters": ({"params": 3}, "params must be myvgg.Params or a network"),
    "workers": ({"workers": 2}, "workers must be at least 1, and goes with ray"),
    "a cluster without a file": ({"ray": "auto"}, "ray goes with output"),
    "no pictures": ({"paths": []}, "paths must name at least one picture"),
    "a folder that is missing": ({"paths": "gone"}, "there is no such picture: gone"),
    "a suffix": ({"output": "f.csv"}, "name it .parquet, .h5, .npz, .safetensors"),
    "a folder for the result": ({"output": "gone/f.npz"}, "the folder gone does not exist"),
    "nothing to read": ({"paths": ["gone.png"]}, "none of the 1 pictures could be read: gone.png: cannot be read"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_wrong_arguments(
    options: Any, message: str, kinds: Path, tiny_params: Params, tmp_path: Path, monkeypatch: Any, unchecked: None
) -> None:
    """They are refused by their name and with what was given, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    given = {"paths": kinds, "params": tiny_params, "layers": ["relu3_1"], "resizing": SMALL, "progress": False}
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        myvgg.extract(**given | options)
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_not_the_recipes(kinds: Path, tiny_params: Params) -> None:
    """A recipe computes with the parameters that it names, and with no others."""
    recipe = extracted([kinds / "grey.png"], tiny_params).recipe
    kernel, bias = tiny_params.layers["conv1_1"]
    others = replace(tiny_params, layers={**tiny_params.layers, "conv1_1": myvgg.LayerParams(2 * kernel, bias)})
    with pytest.raises(ValueError, match=r"params must be tiny .*, not tiny "):
        recipe.extractor(others)


def test_float32_unless_told(kinds: Path, tiny_params: Params) -> None:
    """Two machines compute the same features, whatever they are fast at."""
    assert extracted([kinds / "grey.png"], tiny_params).recipe.precision == "float32"
    assert extract_command.parse(["a.png"]).precision == "float32"


def test_pictures_too_large_for_the_memory(tiny_params: Params) -> None:
    """A batch that is too large is computed picture by picture; too large a picture is a row with the reason."""
    pictures = [Decoded(f"{side}.png", np.zeros((side, side, 3), np.uint8)) for side in (32, 32, 48, 64, 64)]
    extractor = myvgg.Extractor(tiny_params, ["relu3_1"], reduce="mean")

    def limited(images: np.ndarray) -> Any:
        if images.nbytes > 3 * 48 * 48:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return extractor(images)

    rows = [row for batch in compute_rows(pictures, limited) for row in batch]  # type: ignore[arg-type]
    large = "64.png: not enough memory for 64 x 64 pixels: make pictures smaller by size and fit"
    assert [row.error for row in rows] == ["", "", "", large, large]
    for row, picture in zip(rows[:3], pictures, strict=False):
        assert picture.image is not None
        assert np.array_equal(row.arrays["relu3_1"], extractor(picture.image)["relu3_1"][0])


def test_pictures_too_large_for_the_machine(tiny_params: Params) -> None:
    """A picture whose maps cannot lie in memory is a row with the reason, and TensorFlow never sees it."""
    huge = Decoded("huge.png", np.broadcast_to(np.uint8(0), (200_000, 200_000, 3)))
    small = Decoded("small.png", np.zeros((64, 64, 3), np.uint8))
    extractor = myvgg.Extractor(tiny_params, ["relu3_1"], reduce="mean")
    rows = [row for batch in compute_rows([huge, small], extractor) for row in batch]
    assert [bool(row.error) for row in rows] == [True, False]
    assert "huge.png: not enough memory for 200000 x 200000 pixels" in rows[0].error


def test_records_are_short_and_hashable(kinds: Path, tiny_params: Params) -> None:
    """A table shows its pictures and columns in a line; records can be keys."""
    table = extracted([kinds / "grey.png"], tiny_params)
    assert repr(table) == "FeatureTable(1 picture, relu3_1 (8,))"
    assert len({table, table.recipe, replace(table.recipe)}) == 2


def test_a_table_is_a_mapping_of_columns(tmp_path: Path) -> None:
    """Columns are listed and asked for by name, as in other tables."""
    photo = tmp_path / "a.png"
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(photo)
    table = myvgg.extract([photo], layers=["relu1_1"], params=myvgg.params.random(include_top=False), progress=False)
    assert list(table) == ["relu1_1"]
    assert "relu1_1" in table
    assert "relu1_2" not in table


@pytest.mark.parametrize("last", [False, True], ids=["the failed row first", "the failed row last"])
def test_a_failed_picture_is_tried_again(
    last: bool, kinds: Path, tiny_params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that could not be read when a run was stopped has features if it can be read now."""
    output, late = tmp_path / "f.parquet", tmp_path / "late.png"
    there = sorted(kinds.iterdir())[:40]
    stop_at_once([late, *there], tiny_params, output, monkeypatch)
    (part,) = parts.folder_of(output).glob("*.parquet")
    part.rename(part.with_name("z.parquet" if last else "0.parquet"))  # parts are read in the order of their names
    Image.new("RGB", (80, 70), "red").save(late)
    found = extracted([late, *there], tiny_params, output=output)
    assert str(late) not in found.errors
    assert np.isfinite(found.read().row(str(late))["relu3_1"]).all()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_finished_file_is_brought_up_to_date(suffix: str, kinds: Path, tiny_params: Params, tmp_path: Path) -> None:
    """Pictures that are new, that had failed, or that have changed are computed; the rows of others are taken over."""
    output, late, other = tmp_path / f"f{suffix}", tmp_path / "late.png", tmp_path / "other.png"
    Image.new("RGB", (70, 70), "red").save(other)
    paths = [late, *sorted(kinds.glob("many0*.png")), other]
    assert list(extracted(paths, tiny_params, output=output).errors) == [str(late)]
    again = extracted(paths, tiny_params, output=output)
    assert (again.existed, again.computed) == (True, 1)
    Image.new("RGB", (80, 70), "blue").save(late)
    Image.new("RGB", (70, 80), "green").save(other)
    paths.insert(3, kinds / "grey.png")
    updated = extracted(paths, tiny_params, output=output)
    assert (updated.existed, updated.computed, updated.errors) == (False, 3, {})
    assert extracted(paths, tiny_params, output=output).computed == 0
    same(updated.read(), extracted(paths, tiny_params))
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".png"] == [output.name]


def test_leftover_parts_of_a_finished_file_go(kinds: Path, tiny_params: Params, tmp_path: Path) -> None:
    """A run that is killed after it has written the file leaves its parts; the next one removes them."""
    output, paths = tmp_path / "f.npz", sorted(kinds.glob("many0*.png"))
    recipe = extracted(paths, tiny_params, output=output).read().recipe
    parts.folder_of(output).mkdir()
    parts.open_folder(parts.folder_of(output), recipe)
    assert extracted(paths, tiny_params, output=output).existed
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_list_in_another_order(suffix: str, kinds: Path, tiny_params: Params, tmp_path: Path) -> None:
    """The rows of a finished file are put in order, without a picture being computed."""
    paths = sorted(kinds.glob("many*.png"))
    extracted(paths, tiny_params, output=tmp_path / f"f{suffix}")
    stored = extracted(paths[::-1], tiny_params, output=tmp_path / f"f{suffix}")
    assert (stored.existed, stored.computed) == (False, 0)
    same(stored.read(), extracted(paths[::-1], tiny_params))


def same(one: Any, other: Any) -> None:
    """Compare two tables."""
    assert (one.paths, one.errors) == (other.paths, other.errors)
    np.testing.assert_array_equal(one["relu3_1"], other["relu3_1"])


def test_features_of_other_pictures_are_kept(kinds: Path, tiny_params: Params, tmp_path: Path) -> None:
    """A call for fewer pictures is refused, since it would lose features; rows without features may go."""
    paths, output = [*sorted(kinds.glob("many0*.png"))[:3], tmp_path / "gone.png"], tmp_path / "f.npz"
    extracted(paths, tiny_params, output=output)
    assert extracted(paths[:3], tiny_params, output=output).rows == 3
    with pytest.raises(ValueError, match=r"not asked for \(.*many02.png\): ask for them too, name another file, or ov"):
        extracted(paths[:2], tiny_params, output=output)
    with pytest.raises(ValueError, match=r"\(.*many01.png and 1 more\)"):
        extracted(paths[:1], tiny_params, output=output)
    assert extracted(paths[:1], tiny_params, output=output, overwrite=True).rows == 1


def test_pictures_that_are_gone_keep_their_features(kinds: Path, tiny_params: Params, tmp_path: Path) -> None:
    """Where a disk is not there, features that were computed from it are not lost."""
    path = tmp_path / "a.png"
    Image.new("RGB", (70, 70)).save(path)
    extracted([path], tiny_params, output=tmp_path / "f.npz")
    path.unlink()
    assert extracted([path], tiny_params, output=tmp_path / "f.npz").existed
    updated = extracted([path, kinds / "grey.png"], tiny_params, output=tmp_path / "f.npz")
    assert (updated.computed, updated.errors) == (1, {})


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pictures_that_become_damaged_keep_their_features(
    suffix: str, kinds: Path, tiny_params: Params, tmp_path: Path
) -> None:
    """A picture that changes into a damaged file keeps its features with a warning, until it is whole again."""
    output, path, other = tmp_path / f"f{suffix}", tmp_path / "a.png", kinds / "grey.png"
    Image.new("RGB", (70, 70), "red").save(path)
    before = extracted([path], tiny_params, output=output).read().row(str(path))["relu3_1"]
    path.write_bytes(b"no picture")
    for pictures, existed in [([path], True), ([path, other], False), ([path, other], True)]:
        errors.warn_once.cache_clear()
        with pytest.warns(KeptWarning, match=r"a\.png: changed, and cannot be read any more"):
            stored = extracted(pictures, tiny_params, output=output)
        assert (stored.existed, stored.errors) == (existed, {})
        np.testing.assert_array_equal(stored.read().row(str(path))["relu3_1"], before)
    Image.new("RGB", (70, 70), "blue").save(path)
    same(extracted([path, other], tiny_params, output=output).read(), extracted([path, other], tiny_params))


def test_a_file_of_an_earlier_version_is_gone_on_from(kinds: Path, tiny_params: Params, tmp_path: Path) -> None:
    """Its pictures have no stamps, and count as unchanged."""
    output, paths = tmp_path / "f.parquet", sorted(kinds.glob("many0*.png"))
    extracted(paths[1:], tiny_params, output=output)
    pq.write_table(pq.read_table(output).drop_columns("stamp"), output)
    assert extracted(paths[1:], tiny_params, output=output).existed
    assert extracted(paths, tiny_params, output=output).computed == 1
    same(myvgg.read_features(output), extracted(paths, tiny_params))


@pytest.mark.parametrize("suffix", [".h5", ".npz", ".safetensors"])
def test_several_shapes_are_refused_at_the_first(suffix: str, kinds: Path, tiny_params: Params, tmp_path: Path) -> None:
    """Formats of whole arrays end at the first array of another shape; Parquet goes on from what is computed."""
    paths = [*sorted(kinds.glob("many*.png")), kinds / "small.jpg", *[kinds / "large.jpg"] * 9, kinds / "deep.tif"]
    options: dict[str, Any] = {"reduce": "none", "resizing": Resizing(64, "none"), "layers": ["relu1_1"]}
    output = tmp_path / f"f{suffix}"
    with pytest.raises(ValueError, match=r"only .parquet holds: name such a file, which goes on from what is computed"):
        extracted(paths, tiny_params, output=output, **options)
    rows = len(assembling.places_of(parts.readable_parts(parts.folder_of(output))))
    assert rows == 41
    with pytest.raises(ValueError, match=r"\(90, 120, 4\), \(70, 120, 4\)"):
        extracted(paths, tiny_params, output=output, **options)
    stored = extracted(paths, tiny_params, output=tmp_path / "f.parquet", **options)
    assert (stored.rows, stored.computed) == (43, 2)
    assert list(tmp_path.iterdir()) == [tmp_path / "f.parquet"]


def test_another_shape_than_that_of_a_finished_file(kinds: Path, tiny_params: Params, tmp_path: Path) -> None:
    """It is refused at once, and the file stays as it was."""
    options: dict[str, Any] = {"reduce": "none", "resizing": Resizing(64, "none"), "output": tmp_path / "f.h5"}
    paths = [kinds / "grey.png", kinds / "small.jpg", kinds / "large.jpg"]
    extracted(paths[:1], tiny_params, **options)
    with pytest.raises(ValueError, match=r"only .parquet holds"):
        extracted(paths, tiny_params, **options)
    assert myvgg.read_features(tmp_path / "f.h5").paths == (str(paths[0]),)


def test_more_names_than_safetensors_can_hold(tiny_params: Params, tmp_path: Path) -> None:
    """They are refused before anything is computed, since nothing could read the file."""
    names = [f"{index:05}{'x' * 3995}" for index in range(25_000)]
    with pytest.raises(ValueError, match=r"the names of 25,000 pictures take 100 MB, .* \.parquet or \.h5"):
        extracted(names, tiny_params, output=tmp_path / "f.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_results_are_no_pictures(kinds: Path, tiny_params: Params, tmp_path: Path, monkeypatch: Any) -> None:
    """The file and its parts may lie in the folder of the pictures: another call finds the pictures and is silent."""
    Image.open(kinds / "grey.png").save(tmp_path / "grey.png")
    output = tmp_path / "f.parquet"
    stop_at_once(tmp_path, tiny_params, output, monkeypatch)
    (parts.folder_of(output) / "a.png").write_bytes((tmp_path / "grey.png").read_bytes())
    assert extracted(tmp_path, tiny_params, output=output).rows == 1
    assert extracted(tmp_path, tiny_params, output=output).existed


def test_two_runs_do_not_write_one_file(kinds: Path, tiny_params: Params, tmp_path: Path) -> None:
    """While a run writes the parts of a file, another one is refused; afterwards it is not."""
    paths, folder = sorted(kinds.iterdir())[:2], parts.folder_of(tmp_path / "f.npz")
    folder.mkdir()
    with parts.locked(folder), pytest.raises(ValueError, match="another run is writing"):
        extracted(paths, tiny_params, output=tmp_path / "f.npz")
    assert extracted(paths, tiny_params, output=tmp_path / "f.npz").rows == 2
