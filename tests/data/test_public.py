"""Public data sets from a server on this machine to folders that the readers read."""

import errno
import gzip
import hashlib
import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lass.data.audio.recordings import list_recordings
from lass.data.downloads.connections import Patience
from lass.data.public import fetch_songs, fetch_weights
from lass.data.sources import PUBLIC_DATA, PUBLIC_FILES
from tests.data.downloads.server import Server, serving

STEMS = {"S00": (128, True), "S01": (33, False), "S02": (0, False)}
SPLITS = ("train", "validation", "test")
NOTHING: dict[str, list[str]] = {}


def baby(*numbers: int) -> bytes:
    """An archive in the layout of BabySlakh: drums, bass and piano."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for number in numbers:
            home = f"babyslakh_16k/Track{number:05}"
            stems = {
                name: {"program_num": program, "is_drum": drum} for name, (program, drum) in STEMS.items()
            }
            members = {f"stems/{name}.wav": b"sound of " + name.encode() for name in STEMS}
            members |= {"metadata.yaml": yaml.safe_dump({"stems": stems}).encode(), "mix.wav": b"mix"}
            for name, content in members.items():
                member = tarfile.TarInfo(f"{home}/{name}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def musdb(**songs: int) -> bytes:
    """An archive in the layout of MUSDB18-HQ, with so many songs in each folder; two are for validation."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as held:
        for split, count in songs.items():
            names = [f"Song {number}" for number in range(count)]
            names += ["Leaf - Summerghost", "ANiMAL - Rockshow"] if split == "train" else []
            for name in names:
                for stem in ("mixture", "drums", "bass", "other", "vocals"):
                    held.writestr(f"{split}/{name}/{stem}.wav", f"{stem} of {name}")
    return raw.getvalue()


def sum_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Fetching:
    """Fetches from a server without waiting."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder, self.server = folder / "mine" / "downloaded", server

    def __call__(self, name: str, *behaviours: str, **wanted: Any) -> dict[str, Any]:
        digest = wanted.pop("digest", sum_of(self.server.content))
        mark = f"#sha256={digest}" if digest else ""
        addresses = [self.server.url(each) if "/" not in each else each for each in behaviours]
        return fetch_songs(
            name,
            self.folder,
            classes=wanted.pop("classes", ("drums", "bass")),
            files=wanted.pop("files", NOTHING),
            addresses=[address + mark for address in addresses],
            patience=Patience(attempts=2, sleep=lambda _: None),
        )

    def names(self) -> list[str]:
        """What is beside the folder, and in it."""
        return (
            sorted(path.name for path in self.folder.parent.iterdir()) if self.folder.parent.exists() else []
        )

    def files(self) -> list[str]:
        paths = [path for path in self.folder.rglob("*") if path.is_file()]
        return sorted(path.relative_to(self.folder).as_posix() for path in paths)


@pytest.fixture
def fetching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fetching]:
    monkeypatch.setenv("no_proxy", "*")
    with serving(Server(baby(1, 15, 17))) as server:
        yield Fetching(tmp_path, server)


def test_a_tar_that_is_not_stored(fetching: Fetching) -> None:
    origin = fetching("babyslakh", "good")
    expected = [
        f"{split}/Track000{number}/{name}"
        for split, number in (("test", "17"), ("train", "01"), ("validation", "15"))
        for name in ("metadata.yaml", "stems/S00.wav", "stems/S01.wav")
    ]
    assert fetching.files() == sorted(["origin.json", *expected])
    assert fetching.names() == ["downloaded"]
    assert origin == json.loads((fetching.folder / "origin.json").read_text())
    assert origin["licence"] == "CC BY 4.0"
    assert origin["sha256"] == sum_of(fetching.server.content)
    module = "lass.data.audio.slakh"
    for split in SPLITS:
        listing = list_recordings(
            module, root=fetching.folder, split=split, classes=("drums", "bass"), files={}, held_out=None
        )
        assert len(listing.recordings) == 1


def test_what_is_there_is_not_fetched_again(fetching: Fetching, caplog: pytest.LogCaptureFixture) -> None:
    """But what is there of other classes is made anew, and what is not of here is left alone."""
    first = fetching("babyslakh", "good")
    assert fetching("babyslakh", "good") == first
    assert len(fetching.server.asked) == 1
    fetching("babyslakh", "good", classes=("piano",))
    assert "is of something else (babyslakh): it is deleted and made anew" in caplog.text
    assert "train/Track00001/stems/S02.wav" in fetching.files()
    assert "train/Track00001/stems/S00.wav" not in fetching.files()
    (fetching.folder / "origin.json").write_text("{}")
    with pytest.raises(FileExistsError, match="is there and not empty: take it away"):
        fetching("babyslakh", "good")
    assert "train/Track00001/stems/S02.wav" in fetching.files()


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("gone", "HTTP 404"),
        ("cut", "HTTP|cut off"),
        ("page", "page of HTML"),
        ("shorter", "SHA-256|cut off"),
        ("wrong", "damaged or cut off|SHA-256"),
    ],
)
def test_after_a_failure_nothing_stands_that_looks_finished(
    fetching: Fetching, behaviour: str, message: str
) -> None:
    fetching.server.content += bytes(200_000)  # so that `cut` cuts it
    with pytest.raises((OSError, ValueError), match=message):
        fetching("babyslakh", behaviour, digest=sum_of(baby(1, 15, 17)) if behaviour == "cut" else "0" * 64)
    assert fetching.names() == []


def test_a_wrong_sum_at_the_very_end(fetching: Fetching) -> None:
    with pytest.raises(OSError, match=r"babyslakh_16k.tar.gz: fetch it by hand and name(.|\n)*SHA-256 "):
        fetching("babyslakh", "good", digest="0" * 64)
    assert fetching.names() == []


def test_other_numbers_of_songs(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the published sum counts, so does the published number; but the sum counts for more."""
    data = PUBLIC_DATA["babyslakh"]
    for numbers, warned in (((1, 15, 17), True), (range(1, 21), False)):
        fetching.server.content = content = baby(*numbers)
        file = replace(data.file, size=len(content), md5=None, sha256=sum_of(content))
        monkeypatch.setitem(PUBLIC_DATA, "babyslakh", replace(data, file=file))
        caplog.clear()
        fetching("babyslakh", "good", digest=None)
        assert (
            "'test': 1} songs, but {'train': 14, 'validation': 2, 'test': 4} were" in caplog.text
        ) == warned
    assert len(fetching.files()) == 1 + 20 * 3


def test_an_archive_without_songs(fetching: Fetching) -> None:
    fetching.server.content = baby(99)
    with pytest.raises(ValueError, match="babyslakh: the archive has no song in its layout"):
        fetching("babyslakh", "good")
    assert fetching.names() == []


def test_a_disk_that_is_full(fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", fill)
    with pytest.raises(
        OSError, match=r"the disk of .*mine is full after \d+ bytes of babyslakh_16k.tar.gz: make room"
    ):
        fetching("babyslakh", "good")
    assert fetching.names() == []


def test_a_zip_goes_on_where_it_was_broken_off(fetching: Fetching) -> None:
    fetching.server.content = content = musdb(train=200, test=60)
    assert len(content) > 180_000
    accompaniment = {"accompaniment": ["drums", "bass", "other"]}
    wanted = {"classes": ("vocals", "accompaniment"), "files": accompaniment}
    with pytest.raises(OSError, match=r"cut off after(.|\n)*"):
        fetching("musdb18_hq", "cut", **wanted)
    (part,) = fetching.names()
    assert part.startswith("..downloaded.musdb18hq.zip.")
    assert part.endswith(".part")
    fetching.server.asked.clear()
    fetching("musdb18_hq", "cut", **wanted)
    assert fetching.server.ranges[0] == "bytes=120000-"
    assert fetching.names() == ["downloaded"], "the archive is deleted"
    counts = {
        split: len(list((fetching.folder / split).iterdir())) for split in ("train", "validation", "test")
    }
    assert counts == {"train": 200, "validation": 2, "test": 60}
    song = fetching.folder / "validation" / "Leaf - Summerghost"
    assert sorted(path.name for path in song.iterdir()) == [
        "bass.wav",
        "drums.wav",
        "other.wav",
        "vocals.wav",
    ]
    assert (song / "vocals.wav").read_text() == "vocals of Leaf - Summerghost"


@pytest.mark.parametrize(
    ("name", "archive"), [("babyslakh", baby(1, 2)), ("musdb18_hq", musdb(train=1, test=1))]
)
def test_an_archive_of_the_user(fetching: Fetching, tmp_path: Path, name: str, archive: bytes) -> None:
    """It is read where it is and stays there."""
    mine = tmp_path / "archive"
    mine.write_bytes(archive)
    fetching(name, str(mine), digest=sum_of(archive))
    assert mine.read_bytes() == archive
    assert fetching.names() == ["downloaded"]
    assert len(fetching.files()) > 3
    assert fetching.server.asked == []


def test_a_class_that_slakh_does_not_have(fetching: Fetching) -> None:
    with pytest.raises(ValueError, match="'vocals' is unknown"):
        fetching("babyslakh", "good", classes=("vocals",))
    assert fetching.server.asked == []


def test_weights(tmp_path: Path, server_of_weights: Server) -> None:
    path = tmp_path / "weights" / "file"
    address = server_of_weights.url("good")
    with pytest.raises(OSError, match="fetch it by hand and name its path"):
        fetch_weights("inception_fid", path, addresses=[address])
    with pytest.raises(OSError, match=rf"SHA-256 \w+, not {PUBLIC_FILES['jukebox_vqvae'].sha256}"):
        fetch_weights("jukebox_vqvae", path, addresses=[address])
    assert list(path.parent.iterdir()) == []
    fetch_weights("inception_fid", path, addresses=[f"{address}#sha256={sum_of(server_of_weights.content)}"])
    assert path.read_bytes() == server_of_weights.content


@pytest.fixture
def server_of_weights(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    with serving(Server(gzip.compress(b"weights"))) as server:
        yield server
