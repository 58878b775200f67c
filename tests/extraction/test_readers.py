"""`myvgg.read_features` reads what other libraries see in the same file, and refuses everything else by name."""

from __future__ import annotations

import json
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.numpy

import myvgg
from myvgg.extraction import parts, writers
from myvgg.extraction.batching import Row
from myvgg.extraction.recipe import Recipe
from myvgg.images import Resizing

SUFFIXES = [".parquet", ".h5", ".npz", ".safetensors"]
RECIPE = Recipe(("relu1_1", "prob"), "none", Resizing(64), "float32", "max", "tiny 0123456789abcdef, bgr")
PATHS = ["b.png", "größe.jpg", "damaged.png", "a.png"]
MAPS = np.random.default_rng(0).standard_normal((4, 2, 3, 5)).astype(np.float32)
PROB = np.random.default_rng(1).uniform(size=(4, 10)).astype(np.float32)
DAMAGED = 2


def write(path: Path, *, maps: Any = MAPS) -> Path:
    """Write a file of four pictures, one of them without features, in two parts that are not in order."""
    folder = parts.open_folder(parts.folder_of(path), RECIPE)
    rows = [Row(name, "", {"relu1_1": maps[index], "prob": PROB[index]}) for index, name in enumerate(PATHS)]
    rows[DAMAGED] = Row(PATHS[DAMAGED], "damaged.png: cannot be read", {})
    parts.write_part([rows[3], rows[1]], ["relu1_1", "prob"], folder)
    parts.write_part([rows[0], rows[2]], ["relu1_1", "prob"], folder)
    writers.write(writers.Content(PATHS, ["relu1_1", "prob"], parts.readable_parts(folder), RECIPE), path)
    parts.remove_folder(folder)
    return path


def others(path: Path, column: str) -> list[Any]:
    """Read a column with the format's own library; None or NaN for a picture without features."""
    if path.suffix == ".parquet":
        table = pq.read_table(path).to_pylist()
        return [row[column] and np.array(row[column], np.float32).reshape(row[f"{column}.shape"]) for row in table]
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return list(file[column][()])
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return list(archive[column])
    return list(safetensors.numpy.load_file(path)[column])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_reads_what_others_read(suffix: str, tmp_path: Path) -> None:
    """Arrays, names, errors and the recipe are those of the file, and those that were written."""
    path = write(tmp_path / f"f{suffix}")
    table = myvgg.read_features(str(path))
    assert table.paths == tuple(PATHS)
    assert [bool(error) for error in table.errors] == [False, False, True, False]
    assert table.recipe == RECIPE
    assert set(table.arrays) == {"relu1_1", "prob"}
    for column, written in (("relu1_1", MAPS), ("prob", PROB)):
        for index, (row, other) in enumerate(zip(table[column], others(path, column), strict=True)):
            assert row is not None
            if index == DAMAGED:
                assert np.isnan(row).all()
            else:
                assert np.array_equal(row, other)
                assert np.array_equal(row, written[index])


def test_reads_arrays_of_several_shapes(tmp_path: Path) -> None:
    """Parquet gives each picture its own shape back."""
    maps = [np.full((height, 3, 2), height, np.float32) for height in (1, 4, 2, 3)]
    table = myvgg.read_features(write(tmp_path / "f.parquet", maps=maps))
    rows = table["relu1_1"]
    assert isinstance(rows, tuple)
    assert [row if row is None else row.shape for row in rows] == [(1, 3, 2), (4, 3, 2), None, (3, 3, 2)]
    assert all(row is None or np.array_equal(row, maps[index]) for index, row in enumerate(rows))
    assert table.shapes == {"relu1_1": None, "prob": (10,)}


def test_a_suffix_in_capitals(tmp_path: Path) -> None:
    """The case of the suffix does not matter."""
    assert myvgg.read_features(write(tmp_path / "F.NPZ")).shapes["prob"] == (10,)


def problem(path: Path) -> str:
    """Return what is said of a file that cannot be read; it is one line that begins with the file's name."""
    with pytest.raises(ValueError) as caught:
        myvgg.read_features(path)
    text = str(caught.value)
    assert type(caught.value) is ValueError
    assert text.startswith(f"{path}: cannot be read: ")
    assert len(text.splitlines()) == 1
    return text


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.7, 0.99])
def test_cut_off_files(share: float, suffix: str, tmp_path: Path) -> None:
    """A file that ends early is refused."""
    content = write(tmp_path / f"f{suffix}").read_bytes()
    (tmp_path / f"f{suffix}").write_bytes(content[: int(share * len(content))])
    problem(tmp_path / f"f{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_other_content(suffix: str, tmp_path: Path) -> None:
    """Text, another format's content, a folder, and nothing at all are refused."""
    path = tmp_path / f"f{suffix}"
    assert "No such file" in problem(path)
    path.write_text("no features")
    problem(path)
    path.write_bytes(write(tmp_path / ("g.npz" if suffix != ".npz" else "g.h5")).read_bytes())
    problem(path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / f"f{suffix}").mkdir()
    problem(tmp_path / "folder" / f"f{suffix}")


@pytest.mark.parametrize("suffix", [".parquet", ".npz", ".safetensors"])  # HDF5's own library may loop for ever
def test_changed_bytes(suffix: str, tmp_path: Path, unchecked: None) -> None:
    """With bytes changed anywhere, a file is refused by its name or read; nothing else happens."""
    content = write(tmp_path / f"f{suffix}").read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(60):
        changed = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            changed[place] = rng.integers(256)
        (tmp_path / f"f{suffix}").write_bytes(changed)
        try:
            assert len(myvgg.read_features(tmp_path / f"f{suffix}").paths) == 4
        except ValueError as error:
            assert str(error).startswith(f"{tmp_path / f'f{suffix}'}: cannot be read: ")  # noqa: PT017


def test_other_suffixes(tmp_path: Path) -> None:
    """A name that ends in none of the suffixes is refused with those that there are."""
    assert "its name must end in .parquet, .h5, .npz, .safetensors" in problem(tmp_path / "f.csv")


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only Parquet needs pyarrow, and says how to get it."""
    files = [write(tmp_path / f"f{suffix}") for suffix in SUFFIXES]
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert "pip install 'myvgg[extract]'" in problem(files[0])
    for path in files[1:]:
        assert len(myvgg.read_features(path)) == 4


def npz(file: Path, **members: bytes | np.ndarray) -> None:
    """Write an archive of arrays, or of bytes that are said to be arrays."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, member in members.items():
            with archive.open(f"{name}.npy", "w") as stream:
                if isinstance(member, bytes):
                    stream.write(member)
                else:
                    np.lib.format.write_array(stream, member)  # pickles objects


class Touch:
    """An object whose pickle makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def claim(shape: tuple[int, ...]) -> bytes:
    """Return an array's header that claims a shape, and four bytes."""
    text = str({"descr": "<f4", "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"1234"


TEXTS = {"path": np.array(PATHS), "error": np.array([""] * 4), "myvgg": np.array(RECIPE.to_json())}


def test_an_archive_runs_no_code(tmp_path: Path) -> None:
    """Pickled arrays are refused and not read."""
    for texts in (TEXTS, TEXTS | {"path": np.array([Touch(tmp_path / "touched")] * 4, object)}):
        npz(tmp_path / "f.npz", **texts, relu1_1=np.array([Touch(tmp_path / "touched")] * 4, object))
        assert "no plain array" in problem(tmp_path / "f.npz")
    assert pickle.loads(pickle.dumps(Touch(tmp_path / "touched"))) is None  # as a pickle would
    assert (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"relu1_1": claim((4, 10**12))}, "relu1_1 is no plain array of (4, 1000000000000) float32"),
        ({"relu1_1": claim((-1, -1))}, "cannot be read"),
        ({"relu1_1": np.zeros((3, 2), np.float32)}, "relu1_1 must be float32 of 4 rows, not float32 of shape (3, 2)"),
        ({"relu1_1": np.zeros((4, 2))}, "relu1_1 must be float32 of 4 rows, not float64"),
        ({"error": np.array([""])}, "it has 4 paths and 1 errors"),
        ({"path": np.arange(4)}, "its paths or errors are no texts"),
        ({"myvgg": np.array("{}")}, "the description has no layers"),
        ({"myvgg": np.array(RECIPE.to_json().replace("64", '"64"'))}, "values of other types"),
        ({"myvgg": np.array("[" * 100_000)}, "cannot be read"),
    ],
    ids=["claims", "negative", "rows", "type", "errors", "names", "recipe", "size", "depth"],
)
def test_archives_of_other_arrays(members: Any, message: str, tmp_path: Path) -> None:
    """The shapes that an archive declares are compared with its bytes and with its list of pictures."""
    npz(tmp_path / "f.npz", **TEXTS | members)
    assert message in problem(tmp_path / "f.npz")


def test_compressed_archives(tmp_path: Path) -> None:
    """A small file may hold any number of zeros; ours are not compressed."""
    np.savez_compressed(tmp_path / "f.npz", **TEXTS, relu1_1=np.zeros((4, 1000), np.float32))  # type: ignore[arg-type]
    assert "compressed" in problem(tmp_path / "f.npz")


def external(file: h5py.File) -> None:
    """Let an array lie in another file."""
    del file["prob"]
    file.create_dataset("prob", (4, 10), "<f4", external=[("other.bin", 0, 160)])


def linked(file: h5py.File) -> None:
    """Let a name lead to another file."""
    del file["prob"]
    file["prob"] = h5py.ExternalLink("other.h5", "/prob")


def huge(file: h5py.File) -> None:
    """Declare an array of zeros that takes no room in the file."""
    del file["prob"]
    file.create_dataset("prob", (4, 10**10), "<f4", chunks=(4, 1000))


def unwritten(file: h5py.File) -> None:
    """Declare an array whose bytes were never written."""
    del file["prob"]
    file.create_dataset("prob", (4, 10**10), "<f4")


def grouped(file: h5py.File) -> None:
    """Put a folder in place of an array."""
    del file["prob"]
    file.create_group("prob")


def nameless(file: h5py.File) -> None:
    """Leave out the pictures."""
    del file["path"]


def other_recipe(file: h5py.File) -> None:
    """Leave out the recipe."""
    del file.attrs["myvgg"]


def soft(file: h5py.File) -> None:
    """Let a name lead to another name."""
    file["again"] = h5py.SoftLink("/prob")


def virtual(file: h5py.File) -> None:
    """Let an array consist of another file's."""
    del file["prob"]
    layout = h5py.VirtualLayout((4, 10), "<f4")
    layout[:] = h5py.VirtualSource("other.h5", "prob", (4, 10))
    file.create_virtual_dataset("prob", layout)


def repeated(file: h5py.File) -> None:
    """Give an array many names, so that it would be read as often."""
    for index in range(2000):
        file[f"prob{index}"] = file["prob"]


def recipes(file: h5py.File) -> None:
    """Put many recipes in place of one."""
    file.attrs["myvgg"] = [RECIPE.to_json()] * 10


def empty(file: h5py.File) -> None:
    """Put nothing in place of an array."""
    del file["prob"]
    file["prob"] = h5py.Empty("<f4")


def stamps(file: h5py.File) -> None:
    """Leave out some stamps."""
    del file["stamp"]
    file["stamp"] = np.zeros(3, np.int64)


CHANGES = [external, linked, huge, unwritten, grouped, nameless, other_recipe, soft, virtual, repeated, recipes, empty]


@pytest.mark.parametrize("change", [*CHANGES, stamps])
def test_hdf5_of_other_arrays(change: Callable[[h5py.File], None], tmp_path: Path) -> None:
    """An array must lie in the file itself, all of it, and the file must be whole."""
    path = write(tmp_path / "f.h5")
    with h5py.File(path, "r+") as file:
        change(file)
    problem(path)


@pytest.mark.parametrize(
    "changed",
    [
        {"path": pa.array([1, 2, 3, 4])},
        {"prob.shape": pa.array([[10], [10], None, [11]], pa.list_(pa.int32()))},
        {"prob.shape": pa.array([[10], [10], [10], [10]], pa.list_(pa.int32()))},
        {"prob": pa.array(["a", "b", "c", "d"])},
    ],
    ids=["names", "shapes", "an array without values", "texts"],
)
def test_parquet_of_other_columns(changed: dict[str, pa.Array], tmp_path: Path) -> None:
    """Columns must be what their names say."""
    path = write(tmp_path / "f.parquet")
    table = pq.read_table(path)
    for name, values in changed.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    pq.write_table(table, path)
    problem(path)


def test_safetensors_of_other_texts(tmp_path: Path) -> None:
    """Names must be a list of texts, one for each row."""
    for names in ('{"a": 1}', "[1, 2, 3, 4]", json.dumps(PATHS[:3]), "no JSON"):
        metadata = {"myvgg": RECIPE.to_json(), "path": names, "error": json.dumps([""] * 4)}
        safetensors.numpy.save_file({"prob": PROB}, tmp_path / "f.safetensors", metadata)
        problem(tmp_path / "f.safetensors")
    safetensors.numpy.save_file({"prob": PROB}, tmp_path / "f.safetensors")
    assert "no file of myvgg.extract" in problem(tmp_path / "f.safetensors")
