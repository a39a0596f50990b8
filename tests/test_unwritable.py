"""A full disk, a closed folder, a killed writer: said with a remedy, and nothing is half-written."""

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import soundfile

from lass.bundle.folder import pack_model, read_description
from lass.data.audio.files import write_audio
from lass.data.audio.streams import opened_writers
from lass.data.table import Place, mixture_table, write_mixtures
from lass.evaluation.tables.files import write_csv
from lass.likelihood.counts import SparseCounts, write_counts
from lass.likelihood.merging import merge_to_likelihood
from lass.likelihood.tensor import read_likelihood
from lass.songs.rendering import write_song
from lass.storage import write_tensors
from lass.writing import aside_of, left_asides, undisturbed, written_aside
from tests.bundle.toy import audio_codec, audio_parts, unpacked

ROOM = 20_000
NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, (6000, 2)).astype(np.float32).T
FORK = os.fork  # what runs in it ends with os._exit: pytest goes on in the parent alone


def mixtures() -> pa.Table:
    places = [[Place(f"an item of a name of its own, {number}", 7 * number)] for number in range(9000)]
    return mixture_table(places, sources=[["x"]] * len(places), weights=[1.0], length=5)


def write_stream(path: Path) -> None:
    with opened_writers([path], rate=8000, channels=2, frames=6000) as writers:
        writers.write(NOISE[None])


def write_merged(path: Path) -> None:
    """From counts of which the room is enough."""
    keys = np.arange(3000)
    for shard in range(2):
        counts = SparseCounts(keys[shard::2], np.ones(1500, np.int64), 16, 2, symmetric=False)
        part = path.parent / "parts" / f"{shard}.safetensors"
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        write_counts(part, counts)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    try:
        merge_to_likelihood(sorted(path.parent.glob("parts/*")), path, memory=10**6)
    finally:
        shutil.rmtree(path.parent / "parts")


WRITERS: dict[str, Callable[[Path], None]] = {
    "a.safetensors": lambda path: write_tensors(path, {"x": NOISE}, form="f", version=1, fields={}),
    "a.parquet": lambda path: write_mixtures(path, mixtures()),
    "a.csv": lambda path: write_csv(pd.DataFrame({"x": NOISE[0]}), path=path),
    "likelihood.safetensors": write_merged,
    "a.wav": lambda path: write_audio(path, NOISE[:, :2600], rate=8000),
    "a.flac": lambda path: write_audio(path, NOISE, rate=8000, subtype="PCM_16"),
    "song": lambda path: write_song(path, seed=0, seconds=2),
}


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file grows beyond 20 kB, as on a disk that is full by then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("little_room")
@pytest.mark.parametrize("name", WRITERS)
def test_a_disk_that_is_full(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(OSError, match=r"cannot be written .*: free some room on its disk, and") as caught:
        WRITERS[name](path)
    assert str(path) in str(caught.value)
    assert caught.value.errno == errno.EFBIG
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_says_how_much_is_left(tmp_path: Path) -> None:
    def write() -> None:
        with written_aside(tmp_path / "a"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match=r"free some room on its disk, and start again \(\d+\.\d MB are left\)"):
        write()


@pytest.mark.usefixtures("little_room")
@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_disk_that_is_full_as_a_stream_ends(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError, match=f"{name}"):
        write_stream(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_two_processes_merge_counts_side_by_side(tmp_path: Path) -> None:
    """What another process merges meanwhile is not this one's to read, nor to take away."""
    path = tmp_path / "likelihood.safetensors"
    other = aside_of(path.with_suffix(".merging"))
    other = other.with_name(other.name.replace(f".{os.getpid()}-", f".{os.getppid()}-"))
    other.mkdir()
    (other / "keys").write_bytes(b"of another process")
    write_merged(path)
    assert len(read_likelihood(path).log_likelihood) == 3000
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name, other.name}


def test_the_same_with_room(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.flac", NOISE, rate=8000, subtype="PCM_16")
    assert (tmp_path / "a.flac").stat().st_size > ROOM, "it would not have fitted"
    write_stream(tmp_path / "b.flac")
    assert soundfile.read(tmp_path / "b.flac")[0].shape == (6000, 2)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_is_closed(tmp_path: Path, number: int) -> None:
    path = tmp_path / "file.txt"

    def write(named: Path) -> None:
        with written_aside(path):
            raise OSError(number, os.strerror(number), str(named))

    with pytest.raises(OSError, match=r"cannot be written .*: get the permission to write into") as caught:
        write(aside_of(path))
    assert str(path) in str(caught.value)
    with pytest.raises(OSError, match=r"elsewhere") as caught:
        write(tmp_path / "elsewhere")
    assert "permission to write" not in str(caught.value), "of another file"


def elsewhere(code: str, path: Path) -> "subprocess.Popen[bytes]":
    """A process that begins to write `path`, then runs `code`."""
    begin = "import os, sys, pathlib\nfrom lass.writing import written_aside\n"
    begin += "with written_aside(pathlib.Path(sys.argv[1])) as aside:\n    aside.write_text('whole')\n    "
    return subprocess.Popen([sys.executable, "-c", begin + code, str(path)], stdin=subprocess.PIPE)


def test_two_processes_write_one_file(tmp_path: Path) -> None:
    """As a job does whose Snakemake was killed, and the one that was started in its place."""
    path = tmp_path / "file.txt"
    with elsewhere("sys.stdin.read()", path) as other:
        end = time.monotonic() + 60
        while not any(tmp_path.glob(".file.*.part.txt")):
            assert time.monotonic() < end
            time.sleep(0.01)
        with written_aside(path) as aside:
            aside.write_text("half")
            other.communicate(b"")
            assert other.returncode == 0
            assert path.read_text() == "whole"
            aside.write_text("whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    with elsewhere("os.kill(os.getpid(), 9)", tmp_path / "file.txt") as other:
        assert other.wait() == -signal.SIGKILL
    [left] = tmp_path.iterdir()
    assert left_asides(tmp_path) == [left]
    mine = aside_of(tmp_path / "mine.txt")
    mine.touch()  # whose writer lives
    with written_aside(tmp_path / "other.csv") as aside:
        aside.touch()
    assert {entry.name for entry in tmp_path.iterdir()} == {"other.csv", mine.name}


def test_what_another_machine_left_goes_after_a_day(tmp_path: Path) -> None:
    old, new = tmp_path / ".a.1-00000000.part.txt", tmp_path / ".b.1-00000000.part.txt"
    for path in (old, new):
        path.touch()
    os.utime(old, (time.time() - 90_000,) * 2)
    assert left_asides(tmp_path) == [old]


def killed_while(monkeypatch: pytest.MonkeyPatch, name: str, do: Callable[[], object]) -> None:
    """Run `do` in a process that is killed as it calls what `name` is."""
    child = FORK()
    if not child:
        monkeypatch.setattr(name, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        do()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_packing_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the old model is put away, and between that and the new one's coming: the old one comes back."""
    folder, codec = tmp_path / "models" / "toy", audio_codec()
    parts = audio_parts(tmp_path / "parts", codec)

    def pack(seed: int) -> None:
        pack_model(folder, parts, unpacked(codec), level=None, made={"seed": seed})

    def left() -> list[str]:
        return [path.name for path in folder.parent.iterdir()]

    pack(1)
    killed_while(monkeypatch, "lass.bundle.folder.check_model", lambda: pack(2))
    assert len(left()) == 2
    assert read_description(folder).made["seed"] == 1
    monkeypatch.setattr("lass.writing._swept", set())
    pack(3)
    assert left() == ["toy"]

    replace = Path.replace

    def once(self: Path, target: Path) -> Path:
        moved = replace(self, target)
        os.kill(os.getpid(), signal.SIGKILL)
        return moved

    child = FORK()
    if not child:
        monkeypatch.setattr(Path, "replace", once)
        pack(4)
        os._exit(0)
    os.waitpid(child, 0)
    assert "toy" not in left()
    monkeypatch.setattr("lass.writing._swept", set())
    (tmp_path / "parts" / "codec.safetensors").rename(tmp_path / "codec")
    with pytest.raises(FileNotFoundError, match=r"codec\.safetensors"):
        pack(5)
    assert left() == ["toy"]
    assert read_description(folder).made["seed"] == 3
    (tmp_path / "codec").rename(tmp_path / "parts" / "codec.safetensors")
    pack(5)
    assert left() == ["toy"]
    assert read_description(folder).made["seed"] == 5


def test_packing_leaves_what_was_put_away_of_others(tmp_path: Path) -> None:
    """Of models whose names begin alike: versions of one, which are told apart by what stands after a dot."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    codec = audio_codec()
    parts = audio_parts(tmp_path / "parts", codec)
    models = tmp_path / "models"
    others = {}
    for name in ("toy-1.1", "toy-1.beta.0", "toy-1"):
        mine = aside_of(models / name, "before")
        others[name] = mine.with_name(mine.name.replace(f".{os.getpid()}-", f".{gone.pid}-"))
        others[name].mkdir(parents=True)
        (others[name] / "kept").touch()
    pack_model(models / "toy-1.0", parts, unpacked(codec), level=None, made={})
    assert {path.name for path in models.iterdir()} == {"toy-1.0", *(path.name for path in others.values())}
    assert all((path / "kept").exists() for path in others.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_until_the_work_is_done(number: signal.Signals) -> None:
    done: list[str] = []
    before = signal.getsignal(number)

    def stop(*_: object) -> None:
        raise InterruptedError

    def work() -> None:
        with undisturbed():
            os.kill(os.getpid(), number)
            time.sleep(0.01)  # when it comes
            done.append("work")

    signal.signal(number, stop)
    try:
        with pytest.raises(InterruptedError):
            work()
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, before)
    assert done == ["work"]
