"""Files, folders and patterns stand for picture files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from myvgg.images import find_pictures
from myvgg.images.finding import read_list
from myvgg.images.opening import PictureWarning
from myvgg.runtime.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pictures, with one in a folder of its own, a hidden one, and a file of another kind."""
    (tmp_path / "inner").mkdir()
    for name in ("b.png", "a.JPG", "inner/c.webp", ".hidden.png", "odd [1].png"):
        Image.new("RGB", (2, 2)).save(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*words: str | Path, **options: bool) -> list[str]:
    """Return the names of the files that words stand for."""
    return [str(path) for path in find_pictures(words, **options)]  # type: ignore[arg-type]


def test_a_folder_has_its_pictures(folder: Path) -> None:
    """A folder stands for its pictures in order, and for those below it where that is asked for."""
    assert names(".") == ["a.JPG", "b.png", "odd [1].png"]
    assert names(Path(), recursive=True) == ["a.JPG", "b.png", "inner/c.webp", "odd [1].png"]
    assert names(folder) == [str(folder / name) for name in ("a.JPG", "b.png", "odd [1].png")]


def test_patterns(folder: Path) -> None:
    """A pattern stands for the pictures that match; a file with brackets in its name for itself."""
    assert names("*.png") == ["b.png", "odd [1].png"]
    assert names("**/*.webp") == ["inner/c.webp"]
    assert names("odd [1].png") == ["odd [1].png"]


def test_files_are_taken_by_their_name(folder: Path) -> None:
    """A file that is named is taken, hidden or with another suffix; each file once, in the order of the words."""
    assert names("notes.txt", ".hidden.png", "b.png", ".", "inner/../b.png") == [
        "notes.txt",
        ".hidden.png",
        "b.png",
        "a.JPG",
        "odd [1].png",
    ]


def test_a_folder_can_be_left_out(folder: Path) -> None:
    """Pictures in the folder that is left out are not found, unless they are named."""
    found = find_pictures(["."], recursive=True, outside=Path("inner"))
    assert [path.name for path in found] == ["a.JPG", "b.png", "odd [1].png"]
    assert find_pictures(["inner/c.webp"], outside=Path("inner")) == [Path("inner/c.webp")]
    assert find_pictures(["inner"], outside=Path()) == [Path("inner/c.webp")]
    with pytest.raises(UsageError, match=r"inner: all pictures are in .*inner, the folder of results: name another"):
        find_pictures(["inner"], outside=Path("inner"))


def test_links_keep_their_names(folder: Path) -> None:
    """Two links to one picture are two pictures."""
    for name in ("one.png", "two.png"):
        (folder / name).symlink_to(folder / "b.png")
    assert names("one.png", "two.png") == ["one.png", "two.png"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name pictures: files, folders or patterns"),
        (["b.png", "gone.png"], "there is no such picture: gone.png"),
        (["*.gif"], "there is no such picture: *.gif"),
        (["empty"], "the folder has no pictures: empty"),
    ],
    ids=["none", "file", "pattern", "folder"],
)
def test_words_that_stand_for_nothing(words: list[str], message: str, folder: Path) -> None:
    """They are named."""
    (folder / "empty").mkdir()
    with pytest.raises(UsageError) as caught:
        find_pictures(words)
    assert str(caught.value) == message


def test_hidden_folders_are_left_out(folder: Path) -> None:
    """Folders in which other programs hide files are not searched, those of the folder that is named are."""
    for name in (".ipynb_checkpoints", "@eaDir", ".thumbnails", "__MACOSX"):
        (folder / name).mkdir()
        Image.new("RGB", (2, 2)).save(folder / name / "d.png")
    assert names(".", recursive=True) == ["a.JPG", "b.png", "inner/c.webp", "odd [1].png"]
    assert names(".thumbnails") == [".thumbnails/d.png"]
    assert names("**/*.png") == ["b.png", "odd [1].png"]


def test_files_that_are_left_out_are_told(folder: Path) -> None:
    """A warning says how many files of each suffix were left out."""
    for name in ("a.cr2", "b.cr2", "readme"):
        (folder / name).touch()
    with pytest.warns(PictureWarning, match=r"left out 1 without a suffix; 2 \.cr2; 1 \.txt$"):
        names(".")
    (folder / "empty").mkdir()
    (folder / "empty" / "a.cr2").touch()
    with pytest.raises(UsageError, match=r"the folder has no pictures: empty \(1 \.cr2\)"):
        names("empty")


def test_links_in_circles_end(folder: Path) -> None:
    """A folder is searched once, whatever links lead to it."""
    (folder / "inner" / "back").symlink_to("..")
    (folder / "other").symlink_to("inner")
    found = [os.path.realpath(name) for name in names(".", recursive=True)]
    assert len(found) == len(set(found)) == 4


def test_a_tilde_may_be_a_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ~ is the home folder, unless there is a file of that name; without a home it is nothing."""
    monkeypatch.setenv("HOME", str(folder / "inner"))
    assert names("~/c.webp") == [str(folder / "inner/c.webp")]
    Image.new("RGB", (2, 2)).save(folder / "~a.png")
    assert names("~a.png") == ["~a.png"]


LISTS = {
    "lines": b"a.jpg\n-b c.jpg\n",
    "lines of Windows": b"a.jpg\r\n-b c.jpg\r\n",
    "a mark of the order": b"\xef\xbb\xbfa.jpg\n-b c.jpg",
    "UTF-16": "a.jpg\r\n-b c.jpg\r\n".encode("utf-16"),
    "UTF-16 without a mark": "a.jpg\r\n-b c.jpg\r\n".encode("utf-16-le"),
    "UTF-16 of the other order": "a.jpg\n-b c.jpg".encode("utf-16-be"),
    "lines of old Macs": b"a.jpg\r-b c.jpg\r",
    "quotes": b'"a.jpg"\r\n"-b c.jpg"\r\n',
    "find -print0": b"a.jpg\0-b c.jpg\0",
}


@pytest.mark.parametrize("content", LISTS.values(), ids=LISTS)
def test_lists_of_all_systems(content: bytes) -> None:
    """Lists of files are understood whichever system wrote them."""
    assert read_list(content) == ["a.jpg", "-b c.jpg"]


@pytest.mark.parametrize(
    "content", ["a.jpg".encode("utf-16") + b"x", b"a.jpg\0\0/\0\0\0b", "a/b.jpg".encode("utf-32-le")]
)
def test_what_is_no_list_is_refused(content: bytes) -> None:
    """Damaged or binary content is refused in one line that tells the remedy, and no name comes from it."""
    with pytest.raises(UsageError, match=r"^the list of pictures is .* UTF-8.*$"):
        read_list(content)


def test_a_name_may_have_quotes(folder: Path) -> None:
    """A file whose name has the quotes is the file that is meant; short names between NULs are names."""
    (folder / '"q.png"').touch()
    assert read_list(b'"q.png"\n') == ['"q.png"']
    assert read_list(b"a\0b\0c\0./d\0") == ["a", "b", "c", "./d"]


def test_names_that_are_no_text() -> None:
    """Bytes that are no text come through, and a name between NULs may have lines."""
    assert [os.fsencode(name) for name in read_list(b"\xff.jpg\0two\nlines.jpg\0")] == [b"\xff.jpg", b"two\nlines.jpg"]
