"""What a folder holds: every change of it is seen, and what changes nothing is not."""

import os
import shutil
import time
from pathlib import Path

import pytest

from lass.data import contents as module
from lass.data.contents import fingerprint, record_digests
from lass.data.settings import Contents


@pytest.fixture
def songs(tmp_path: Path) -> Contents:
    """Two songs of two stems, whose bytes a job has noted."""
    for song in ("one", "two"):
        home = tmp_path / "songs" / "train" / song
        home.mkdir(parents=True)
        for name in ("drums.wav", "bass.WAV", "metadata.yaml"):
            (home / name).write_text(f"{song} {name}")
    contents = Contents(
        root=str(tmp_path / "songs"),
        places=("train",),
        suffixes=(".wav", ".yaml"),
        record=str(tmp_path / "results" / "train.json"),
    )
    record_digests(contents)
    return contents


def stem(songs: Contents) -> Path:
    return Path(songs.root) / "train" / "one" / "drums.wav"


def rewrite(path: Path, text: str) -> None:
    """Other bytes of the same number with the times of the old ones."""
    times = path.stat()
    time.sleep(0.02)  # longer than a tick of the clock that files are stamped by
    path.write_text(text)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose bytes are read from here on."""
    found: list[Path] = []
    read = module._digest

    def noted(path: Path) -> str:
        found.append(path)
        return read(path)

    monkeypatch.setattr(module, "_digest", noted)
    return found


def test_the_same_before_and_after_the_job(songs: Contents, reads: list[Path]) -> None:
    known = fingerprint(songs)
    assert fingerprint(songs) == known
    record_digests(songs)
    assert not reads, "it knows them already"
    Path(songs.record).unlink()
    assert fingerprint(songs) == known
    assert not Path(songs.record).exists(), "only a job begins a record"


def test_a_change_is_seen(songs: Contents) -> None:
    known = {fingerprint(songs)}
    rewrite(stem(songs), "one drums.waV")
    known.add(fingerprint(songs))
    (stem(songs).parent / "metadata.yaml").write_text("corrected")
    known.add(fingerprint(songs))
    (stem(songs).parent / "bass.WAV").unlink()
    known.add(fingerprint(songs))
    shutil.copytree(stem(songs).parent, stem(songs).parents[1] / "three")
    known.add(fingerprint(songs))
    shutil.rmtree(stem(songs).parents[1] / "two")
    known.add(fingerprint(songs))
    assert len(known) == 6


def test_what_changes_nothing_is_not_seen(songs: Contents, reads: list[Path]) -> None:
    known = fingerprint(songs)
    os.utime(stem(songs))
    assert fingerprint(songs) == known
    assert reads == [stem(songs)]
    assert fingerprint(songs) == known
    assert reads == [stem(songs)], "found out once"
    (stem(songs).parent / "notes.txt").write_text("no stem")
    (stem(songs).parent / ".hidden.wav").write_text("no stem")
    (stem(songs).parents[1] / ".git").mkdir()
    assert fingerprint(songs) == known


def test_a_folder_put_back_is_the_same(songs: Contents, tmp_path: Path) -> None:
    known, home = fingerprint(songs), Path(songs.root)
    shutil.copytree(home, tmp_path / "copy")
    shutil.rmtree(home)
    shutil.copytree(tmp_path / "copy", home)
    assert fingerprint(songs) == known


def test_another_folder_under_the_same_path_is_another(songs: Contents, tmp_path: Path) -> None:
    known, home = fingerprint(songs), Path(songs.root)
    shutil.copytree(home, tmp_path / "copy")
    rewrite(tmp_path / "copy" / "train" / "two" / "bass.WAV", "two bass.WAv")
    home.rename(tmp_path / "away")
    (tmp_path / "copy").rename(home)
    assert fingerprint(songs) != known
    record_digests(songs)
    changed = fingerprint(songs)
    assert changed != known
    assert fingerprint(songs) == changed


def test_a_file_that_changes_while_it_is_read_is_not_known(
    songs: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(songs.record).unlink()
    read = module._digest

    def changing(path: Path) -> str:
        digest = read(path)
        path.write_text("meanwhile " + path.read_text())
        return digest

    monkeypatch.setattr(module, "_digest", changing)
    before = fingerprint(songs)
    record_digests(songs)
    assert fingerprint(songs) != before


def test_links(songs: Contents, tmp_path: Path) -> None:
    """A folder behind a link counts, one that leads back to itself ends, and one to nothing is a name."""
    known, home = {fingerprint(songs)}, stem(songs).parents[1]
    (home / "three").symlink_to(home / "one")
    (home / "one" / "loop").symlink_to(home)
    known.add(fingerprint(songs))
    (home / "two" / "other.wav").symlink_to(tmp_path / "nowhere")
    known.add(fingerprint(songs))
    (tmp_path / "nowhere").write_text("here it is")
    known.add(fingerprint(songs))
    assert len(known) == 4
    record_digests(songs)
    assert len({*known, fingerprint(songs)}) == 4


@pytest.mark.parametrize("text", ["", "{", "[]", '{"form": "lass.contents", "version": 0}'])
def test_a_record_that_cannot_be_read_is_none(songs: Contents, text: str) -> None:
    known = fingerprint(songs)
    Path(songs.record).write_text(text)
    assert fingerprint(songs) == known
    record_digests(songs)
    assert fingerprint(songs) == known


def test_files_by_name(tmp_path: Path) -> None:
    """Of MNIST, where nothing else counts, whatever it is called."""
    for name in ("train-images", "train-labels", "t10k-images"):
        (tmp_path / name).write_text(name)
    places = ("train-images", "train-labels")
    contents = Contents(root=str(tmp_path), places=places, suffixes=(), record=str(tmp_path / "record.json"))
    known = fingerprint(contents)
    (tmp_path / "t10k-images").write_text("other")
    assert fingerprint(contents) == known
    (tmp_path / "train-labels").write_text("other")
    assert fingerprint(contents) != known


def test_thousands_of_files_take_no_time(tmp_path: Path) -> None:
    for song in range(500):
        home = tmp_path / "train" / f"{song:04d}"
        home.mkdir(parents=True)
        for name in range(10):
            (home / f"{name}.wav").touch()
    contents = Contents(
        root=str(tmp_path), places=("train",), suffixes=(".wav",), record=str(tmp_path / "record.json")
    )
    record_digests(contents)
    begun = time.monotonic()
    fingerprint(contents)
    assert time.monotonic() - begun < 2
