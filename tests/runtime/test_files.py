"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import shutil
import stat
from pathlib import Path

import pytest

from myvgg.runtime.files import check_writable, replacing


def test_a_new_file_appears_at_the_end(tmp_path: Path) -> None:
    """Nothing is at the path before the end, and everything afterwards."""
    path = tmp_path / "new.weights.h5"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.name.endswith(".weights.h5")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_an_older_file_survives(error: type[BaseException], tmp_path: Path) -> None:
    """Whatever goes wrong, the older file stays and the temporary one goes."""
    path = tmp_path / "file"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_of_an_older_file_are_kept(tmp_path: Path) -> None:
    """A private file stays private, even where the writer puts a file of its own in place."""
    path = tmp_path / "file"
    path.touch(0o600)
    with replacing(path) as temporary:
        temporary.unlink()
        temporary.write_text("new")
    assert (stat.S_IMODE(path.stat().st_mode), path.read_text()) == (0o600, "new")


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    """It is as readable as any file that is made here."""
    (tmp_path / "usual").touch()
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_link_goes_on_leading_to_the_file(tmp_path: Path) -> None:
    """The file that a symbolic link leads to is replaced, not the link."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "target")
    with replacing(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "target").read_text() == "new"


def test_errors_name_the_path_that_was_asked_for(tmp_path: Path) -> None:
    """A folder that is missing is reported with the file's own name, not a temporary one."""
    path = tmp_path / "missing" / "file"
    with pytest.raises(FileNotFoundError) as caught, replacing(path):
        pass
    assert caught.value.filename == str(path)


def test_check_writable_leaves_nothing(tmp_path: Path) -> None:
    """A path that can be written passes, and the folder stays as it was."""
    check_writable(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["Dr. Who vs. " + "the long name of a picture " * 8 + ".png", "x" * 246 + ".png"])
def test_long_names_are_written(name: str, tmp_path: Path) -> None:
    """A name that the file system takes is checked and written, whatever dots it holds."""
    check_writable(tmp_path / name)
    with replacing(tmp_path / name) as temporary:
        temporary.write_bytes(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_check_writable_refuses_a_name_that_is_too_long(tmp_path: Path) -> None:
    """A name that the file system refuses is an error before anything is computed."""
    with pytest.raises(ValueError, match="too long"):
        check_writable(tmp_path / ("x" * 256))


def test_a_share_without_permissions_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that refuses to set permissions takes the file all the same."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "a.txt").read_text() == "whole"


@pytest.mark.parametrize("older", [True, False])
def test_a_share_that_refuses_to_rename_is_written(
    older: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content is copied; where the copy fails, an older file is as it was and a new one does not appear."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "replace", refuse)
    path = tmp_path / "a.txt"
    if older:
        path.write_text("older")

    def write() -> None:
        with replacing(path) as temporary:
            temporary.write_text("new")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", refuse)
        with pytest.raises(OSError, match="Operation not permitted"):
            write()
    assert [each.read_text() for each in tmp_path.iterdir()] == ["older"] * older
    write()
    assert [each.read_text() for each in tmp_path.iterdir()] == ["new"]
