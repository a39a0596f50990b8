"""Files are complete or absent, equal contents have equal bytes, and foreign or damaged files are refused."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lass.storage import read_header, read_sizes, read_tensors, write_tensors
from lass.writing import aside_of, left_asides, written_aside


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with two tensors and two sizes."""
    path = tmp_path / "file.safetensors"
    write_tensors(path, tensors(), form="lass.test", version=3, fields={"size": 4, "name": "x"})
    return path


def tensors() -> dict[str, Any]:
    return {"a": torch.arange(6).reshape(2, 3), "b": np.array([0.5, 0.25], dtype=np.float32)}


def header(path: Path) -> dict[str, Any]:
    return read_header(path, form="lass.test", version=3)


# --- writing aside ---


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with written_aside(path) as aside:
        aside.write_text("half")
        assert aside.name.startswith(".")
        assert aside.suffix == ".txt"
        assert not path.exists()
        aside.write_text("whole")
    assert path.read_text() == "whole"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write() -> None:
        with written_aside(path) as aside:
            aside.write_text("half")
            raise KeyError("made up")

    with pytest.raises(KeyError, match="made up"):
        write()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]


def test_a_leftover_of_a_killed_job_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    with written_aside(path) as aside:
        aside.write_text("left over")
        name = aside.name
        path.write_text("")
    (tmp_path / name).write_text("left over")
    write_tensors(path, tensors(), form="lass.test", version=3, fields={})
    assert read_tensors(path).keys() == {"a", "b"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.safetensors"]


# --- tensors ---


def test_what_is_written_is_read(path: Path) -> None:
    found = read_tensors(path)
    assert torch.equal(found["a"], torch.arange(6).reshape(2, 3))
    assert found["b"].tolist() == [0.5, 0.25]
    assert header(path) == {"form": "lass.test", "version": 3, "size": 4, "name": "x"}


def test_equal_contents_have_equal_bytes(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "other.safetensors"
    write_tensors(
        other,
        dict(reversed(tensors().items())),
        form="lass.test",
        version=3,
        fields={"name": "x", "size": 4},
    )
    assert other.read_bytes() == path.read_bytes()


def test_views_are_written_as_they_look(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    wide = torch.arange(12).reshape(3, 4)
    write_tensors(path, {"t": wide.T, "s": wide[:, 1]}, form="lass.test", version=3, fields={})
    assert torch.equal(read_tensors(path)["t"], wide.T)
    assert read_tensors(path)["s"].tolist() == [1, 5, 9]


def test_the_file_may_be_read_by_whom_the_user_lets(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = tmp_path / "file.safetensors"
        write_tensors(path, tensors(), form="lass.test", version=3, fields={})
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


# --- what is refused ---


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such file; run the step that makes it"):
        header(tmp_path / "nowhere")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    for read in (header, read_tensors):
        with pytest.raises(ValueError, match=r"file\.safetensors: damaged or truncated .*make it again"):
            read(path)


def test_another_format_or_version(path: Path) -> None:
    for form, version in (("lass.other", 3), ("lass.test", 4)):
        message = rf"file\.safetensors: format 'lass\.test' version 3 .*expected '{form}' version {version}"
        with pytest.raises(ValueError, match=message):
            read_header(path, form=form, version=version)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "tensors that lass did not write, no lass.test: give a file that lass made"),
        ({"made": "elsewhere"}, "tensors that lass did not write"),
        ({"lass": "{"}, "damaged"),
        ({"lass": "[1]"}, "damaged"),
    ],
)
def test_a_file_of_someone_else(tmp_path: Path, metadata: dict[str, str] | None, message: str) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata=metadata)
    with pytest.raises(ValueError, match=rf"foreign\.safetensors: {message}"):
        header(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "a pointer of Git LFS.*`git lfs pull`",
        ),
        (
            b"PK\x03\x04rest of a zip",
            "a pickle or zip, as torch.save makes, no safetensors: give a file that lass made",
        ),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "a pickle or zip, as torch.save makes"),
        (b"<!DOCTYPE html><html>Quota exceeded</html>", "a web page: download the file again"),
    ],
)
def test_a_file_of_another_kind_is_called_what_it_is(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"other\.safetensors: {message}"):
        header(path)


def test_a_header_of_any_length_is_none_of_another_kind(tmp_path: Path) -> None:
    """Its length stands first: 640 bytes begin as a pickle does."""
    for length in range(120):
        write_tensors(tmp_path / "a", {}, form="lass.test", version=1, fields={"text": "x" * 8 * length})
        assert read_header(tmp_path / "a", form="lass.test", version=1)["text"] == "x" * 8 * length


def test_sizes(path: Path) -> None:
    def sizes(**expected: int | None) -> dict[str, int]:
        return read_sizes(path, form="lass.test", version=3, expected=expected)

    assert sizes(size=None) == {"size": 4}
    assert sizes(size=4) == {"size": 4}
    with pytest.raises(ValueError, match=r"made for size = 4, but size = 5 is needed"):
        sizes(size=5)
    for key in ("name", "width"):
        with pytest.raises(ValueError, match=f"header lacks '{key}'"):
            sizes(**{key: None})


def test_the_header_is_sorted_json(path: Path) -> None:
    """One entry, so that the library that writes the file has no order to choose."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length])["__metadata__"]
    assert list(metadata) == ["lass"]
    assert list(json.loads(metadata["lass"])) == ["form", "name", "size", "version"]


def refuse(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Safetensors opens no file."""

    def opened(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("lass.storage.safe_open", opened)


@pytest.mark.parametrize("read", [header, read_tensors])
def test_a_disk_that_fails_is_no_damaged_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object]
) -> None:
    """Whoever deletes what cannot be read now has lost a whole file."""
    refuse(monkeypatch, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(OSError, match=r"Input/output error.*file\.safetensors") as caught:
        read(path)
    assert caught.value.errno == errno.EIO
    # What safetensors makes of a file that the system does not open has no number.
    refuse(monkeypatch, FileNotFoundError("No such file or directory"))
    with pytest.raises(ValueError, match="damaged"):
        read(path)

    def closed(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(PermissionError, match=r"Permission denied.*file\.safetensors"):
        read(path)


@pytest.mark.parametrize("said", ["unable to mmap: Cannot allocate memory (12)", "CUDA out of memory."])
@pytest.mark.parametrize("read", [header, read_tensors])
def test_want_of_memory_is_no_damaged_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object], said: str
) -> None:
    refuse(monkeypatch, RuntimeError(said))
    with pytest.raises(MemoryError, match=r"file\.safetensors: not enough memory to read it.*free some"):
        read(path)


def test_containers_of_one_name_do_not_sweep_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each counts its processes from 1: that a number is not known here says nothing of the other."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    def written_in(space: str) -> Path:
        monkeypatch.setattr(os, "readlink", lambda _: f"pid:[{space}]")
        mine = aside_of(tmp_path / "file.txt")
        return mine.with_name(mine.name.replace(f".{os.getpid()}-", f".{gone.pid}-"))

    paths = [written_in("1"), written_in("2")]
    for path in paths:
        path.touch()
    assert len(set(paths)) == 2
    assert left_asides(tmp_path) == paths[1:]
