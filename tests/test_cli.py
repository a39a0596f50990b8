"""The command: what it writes, what it says of bad input, and what is left where it is stopped."""

import json
import math
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from rich.console import Console
from typer.testing import CliRunner, Result

import lass
from lass.bundle.folder import part_of
from lass.bundle.settings import VERSION
from lass.cli import app
from tests.bundle.toy import sound, write_audio_model, write_image_model

ROOT = Path(__file__).parents[1]
UNKNOWN = "is damaged or no audio file (Format not recognised): convert it to WAV or FLAC, or make it again"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_audio_model(tmp_path_factory.mktemp("model") / "toy")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(path: Path, audio: np.ndarray, rate: int = 8000, **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio.T, rate, **{"subtype": "FLOAT"} | how)
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def separate(*words: object, model: Path) -> Result:
    return run("separate", *words, "--model", model)


def complaint(result: Result, status: int = 1) -> str:
    """The one line that says what is wrong, below what says which model it is."""
    assert result.exit_code == status, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("lass: ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.output
    return lines[0].removeprefix("lass: ")


def left(folder: Path) -> list[str]:
    """Everything in a folder, hidden or not."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def check_sum(path: Path, out: Path, form: str = "wav", tolerance: float = 1e-4) -> None:
    """The sources add up to the recording, and are of its rate."""
    mixture, rate = soundfile.read(path, dtype="float32", always_2d=True)
    total = np.zeros_like(mixture)
    for name in ("drums", "bass"):
        source, own = soundfile.read(out / f"{name}.{form}", dtype="float32", always_2d=True)
        assert own == rate
        total += source
    assert np.abs(total - mixture).max() <= tolerance * np.abs(mixture).max()


# --- what is written ---


def test_a_recording_is_taken_apart(here: Path, model: Path) -> None:
    path = write(here / "song.wav", sound(3.0))
    result = separate("song.wav", model=model)
    assert result.exit_code == 0, result.output
    assert left(here) == [
        "separated",
        "separated/song",
        "separated/song/bass.wav",
        "separated/song/drums.wav",
        "song.wav",
    ]
    check_sum(path, here / "separated" / "song")
    assert "toy: Random weights." in result.stderr
    assert re.search(r"separated/song: 3.0 s in [\d.]+ s \([\d.]+ times its length\)", result.stderr)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"), [(44100, 8, 1.5), (8000, 1, 2.0), (192000, 2, 1.5), (44100, 2, 0.0002)]
)
def test_any_rate_and_number_of_channels(
    here: Path, model: Path, rate: int, channels: int, seconds: float
) -> None:
    """The last of them is shorter than a token."""
    path = write(here / "song.wav", sound(seconds, rate=rate, channels=channels), rate)
    assert separate("song.wav", model=model).exit_code == 0
    check_sum(path, here / "separated" / "song")
    assert soundfile.info(here / "separated" / "song" / "bass.wav").channels == channels


NAMES = [
    "a b  c",
    'it\'s "so"',
    "two\nlines",
    "Übung 音楽 [1] [red]",
    "-x",
    "per%cent",
    os.fsdecode(b"latin\xe9"),
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name(here: Path, model: Path, name: str) -> None:
    with (here / f"{name}.wav").open("wb") as file:
        soundfile.write(file, sound(1.0).T, 8000, format="WAV", subtype="FLOAT")
    result = separate(f"./{name}.wav", model=model)
    assert result.exit_code == 0, result.output
    assert (here / "separated" / name / "drums.wav").is_file()
    assert len(result.stderr.splitlines()) == 2
    (here / f"{name}.txt").write_text("x")
    line = complaint(separate(f"./{name}.txt", "--out", "other", model=model))
    assert "is damaged or no audio file" in line
    again = separate(f"./{name}.wav", "--json", "--force", model=model)
    assert json.loads(again.stdout)["files"][0]["seconds"] == 1.0


def test_a_name_with_a_newline_is_shown_in_one_line(model: Path) -> None:
    assert complaint(separate("two\nlines.wav", model=model)) == (
        "two\\nlines.wav does not exist: give a recording"
    )


def test_names_are_shown_in_the_bar(here: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lass.cli.separation.ERRORS", Console(stderr=True, force_terminal=True, width=100))
    for name in ("two\nlines", "a [b] [red]"):
        write(here / f"{name}.wav", sound(1.0))
        result = separate(f"{name}.wav", model=model)
        assert result.exit_code == 0, result.output
        assert name.replace("\n", "\\n") in re.sub(r"\x1b\[[\d;?]*\w", "", result.stderr)


def test_folders_and_patterns(here: Path, model: Path) -> None:
    for name in ("one.wav", "two.flac", "._one.wav", "sub/three.wav"):
        write(here / "songs" / name, sound(0.5), subtype="PCM_24" if name.endswith("flac") else "FLOAT")
    (here / "songs" / "cover.jpg").write_bytes(b"x")
    assert separate("songs", "--out", "a", model=model).exit_code == 0
    assert names(here / "a") == ["one", "two"]
    assert separate("songs/*", "songs/one.wav", "--out", "b", model=model).exit_code == 0
    assert names(here / "b") == ["one", "two"]
    assert separate("songs/**/*.wav", "--out", "c", model=model).exit_code == 0
    assert names(here / "c") == ["one", "three"]
    assert (
        complaint(separate("songs/x*", model=model)) == "songs/x* matches no recording: correct the pattern"
    )


def test_an_excerpt(here: Path, model: Path) -> None:
    write(here / "song.wav", sound(3.0))
    assert separate("song.wav", "--start", 1, "--end", 1.5, model=model).exit_code == 0
    assert soundfile.info(here / "separated" / "song" / "drums.wav").frames == 4000
    line = complaint(separate("song.wav", "--start", 3, "--out", "b", model=model))
    assert line == "song.wav lasts 3.00 s: ask for an excerpt that lies in it"
    line = complaint(separate("song.wav", "--start", 2, "--end", 1, model=model))
    assert line == "--end 1 is not after --start 2: give a later one"
    line = complaint(separate("song.wav", "--end", "inf", model=model))
    assert line == "--start 0.0 --end inf: give seconds, or leave --end away"
    assert separate("song.wav", "--start", "nan", model=model).exit_code == 2
    assert left(here / "separated") == ["song", "song/bass.wav", "song/drums.wav"]


def test_flac_says_what_it_clips(here: Path, model: Path) -> None:
    path = write(here / "song.wav", sound(1.0))
    result = separate("song.wav", "--format", "flac", model=model)
    assert result.exit_code == 0
    assert "clipped" not in result.stderr
    check_sum(path, here / "separated" / "song", "flac")
    write(here / "loud.wav", 20 * sound(1.0))
    result = separate("loud.wav", "--format", "flac", model=model)
    assert result.exit_code == 0
    assert re.search(
        r"separated/loud: \d+ samples beyond full scale are clipped in \.flac: --format wav keeps them",
        result.stderr,
    )


def test_a_summary_for_machines(here: Path, model: Path) -> None:
    write(here / "song.wav", sound(1.0))
    (here / "bad.wav").write_text("no audio")
    result = separate("song.wav", "bad.wav", "--json", model=model)
    assert result.exit_code == 1
    made = json.loads(result.stdout)
    assert made["model"] == "toy"
    song, bad = made["files"]
    assert song["outputs"] == {name: f"separated/song/{name}.wav" for name in ("drums", "bass")}
    assert (song["seconds"], song["rate"], song["channels"], song["frames"]) == (1.0, 8000, 2, 8000)
    assert bad["error"].startswith("bad.wav is damaged or no audio file")
    assert result.stderr == f"lass: {bad['error']}\n"


def test_bad_files_among_good_ones(here: Path, model: Path) -> None:
    for name in ("a", "c"):
        write(here / f"{name}.wav", sound(0.5))
    (here / "b.wav").write_text("no audio")
    result = separate("a.wav", "b.wav", "gone.wav", "c.wav", model=model)
    assert result.exit_code == 1
    assert [line for line in result.stderr.splitlines() if line.startswith("lass: ")] == [
        f"lass: b.wav {UNKNOWN}",
        "lass: gone.wav does not exist: give a recording",
    ]
    assert names(here / "separated") == ["a", "c"]


def test_an_error_of_any_kind_ends_no_other_recording(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(here / "a.wav", sound(0.5))
    write(here / "b.wav", sound(0.5))
    before = lass.Separator.separate_file

    def fails(self: lass.Separator, path: Path, *values: Any, **named: Any) -> Any:
        if path.name == "a.wav":
            raise KeyError("something")
        return before(self, path, *values, **named)

    monkeypatch.setattr(lass.Separator, "separate_file", fails)
    result = separate("a.wav", "b.wav", model=model)
    assert complaint(result) == "a.wav: KeyError: 'something'"
    assert names(here / "separated") == ["b"]


def test_the_summary_names_files_as_they_are(here: Path, model: Path) -> None:
    """What a terminal cannot show is escaped there, and not for machines."""
    path = write(here / "a\u3000\u00a0b\n.wav", sound(0.5))
    [song] = json.loads(separate(path.name, "--json", model=model).stdout)["files"]
    assert song["input"] == path.name
    assert all(Path(output).is_file() for output in song["outputs"].values())


def test_no_name_leads_out_of_the_folder(here: Path, model: Path) -> None:
    write(here / "song.wav", sound(0.5)).rename(here / "...wav")
    assert separate("./...wav", "--out", "a/b", model=model).exit_code == 0
    assert names(here / "a" / "b" / "...wav") == ["bass.wav", "drums.wav"]


# --- recordings that cannot be separated ---


def test_no_such_file(here: Path, model: Path) -> None:
    assert complaint(separate("gone.wav", model=model)) == "gone.wav does not exist: give a recording"
    assert left(here) == []


def test_the_traceback_is_there_for_those_who_ask(model: Path) -> None:
    done = in_shell("separate", "gone.wav", "--model", model, "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "FileNotFoundError: gone.wav does not exist: give a recording" in done.stderr


def test_a_folder_without_audio(here: Path, model: Path) -> None:
    (here / "empty").mkdir()
    (here / "empty" / "song.txt").write_text("x")
    line = complaint(separate("empty", model=model))
    assert line.startswith("empty has no recordings in it (.wav, ")
    assert line.endswith("): give another folder")


def test_a_text_file(here: Path, model: Path) -> None:
    (here / "song.wav").write_text("This is no audio.\n" * 100)
    assert complaint(separate("song.wav", model=model)) == (f"song.wav {UNKNOWN}")
    assert left(here) == ["song.wav"]


def test_a_cut_flac(here: Path, model: Path) -> None:
    path = write(here / "song.flac", sound(3.0), subtype="PCM_24")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    line = complaint(separate("song.flac", model=model))
    assert line == (
        "song.flac is damaged or no audio file (Error : flac decoder lost sync): make or download it again"
    )
    assert left(here) == ["song.flac"]


def test_a_cut_wav(here: Path, model: Path) -> None:
    path = write(here / "song.wav", sound(3.0))
    path.write_bytes(path.read_bytes()[:10000])
    assert "make or download it again" in complaint(separate("song.wav", model=model))


def test_no_samples(here: Path, model: Path) -> None:
    write(here / "song.wav", np.zeros((2, 0), dtype=np.float32))
    assert complaint(separate("song.wav", model=model)) == (
        "song.wav has no audio in it (0 frames): make or download it again"
    )
    (here / "nothing.wav").touch()
    assert "nothing.wav is damaged or no audio file" in complaint(separate("nothing.wav", model=model))
    assert left(here) == ["nothing.wav", "song.wav"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none(here: Path, model: Path, value: float) -> None:
    broken = sound(1.0)
    broken[1, 777] = value
    write(here / "song.wav", broken)
    assert complaint(separate("song.wav", model=model)) == (
        "song.wav holds NaN or infinity at frame 777 of what was asked for: make or download it again"
    )
    assert left(here) == ["song.wav"]


def test_two_inputs_of_one_name(here: Path, model: Path) -> None:
    for folder in ("one", "two"):
        write(here / folder / "song.wav", sound(0.5))
    assert complaint(separate("one/song.wav", "two/Song.wav", model=model)) == (
        "one/song.wav and two/Song.wav would both go to separated/Song: separate one of them with another "
        "--out"
    )


# --- where nothing can be written ---


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 100 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("file systems can be mounted by root alone")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_a_full_disk(here: Path, model: Path, small_disk: Path, form: str) -> None:
    write(here / "song.wav", sound(3.0))
    line = complaint(separate("song.wav", "--out", small_disk, "--format", form, model=model))
    named, _, rest = line.partition(": ")
    assert named in {f"{small_disk}/song/{name}.{form}" for name in ("drums", "bass")}
    assert rest == "No space left on device: make room, or choose another --out"
    assert left(small_disk) == []


def test_a_disk_that_fails_when_it_is_written_to(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(here / "song.wav", sound(3.0))

    def fail(*_: object) -> None:
        raise soundfile.LibsndfileError(2)

    monkeypatch.setattr(soundfile.SoundFile, "write", fail)
    assert complaint(separate("song.wav", model=model)) == (
        "separated/song/drums.wav: Input/output error: look at the disk, or choose another --out"
    )
    assert left(here) == ["song.wav"]


def test_errors_of_networks_are_not_blamed_on_the_recording(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(here / "song.wav", sound(1.0))

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no memory on the device")

    monkeypatch.setattr("lass.bundle.presets.ByCodes.separate", fail)
    assert complaint(separate("song.wav", model=model)) == "song.wav: no memory on the device"


def test_a_file_where_a_folder_is_needed(here: Path, model: Path) -> None:
    write(here / "song.wav", sound(0.5))
    assert complaint(separate("song.wav", "--out", "song.wav", model=model)) == (
        "song.wav/song: Not a directory: a file stands where a folder is needed: give another path"
    )
    (here / "out").mkdir()
    (here / "out" / "song").write_text("x")
    assert complaint(separate("song.wav", "--out", "out", model=model)) == (
        "out/song: File exists: choose another --out"
    )
    (here / "b" / "song" / "bass.wav").mkdir(parents=True)
    line = complaint(separate("song.wav", "--out", "b", "--force", model=model))
    assert line == "b/song/bass.wav is a folder: move it away, or choose another --out"
    assert left(here / "b") == ["song", "song/bass.wav"]


@pytest.mark.parametrize("place", ["out", "out/song"])
def test_a_folder_without_permission(
    here: Path, model: Path, place: str, request: pytest.FixtureRequest
) -> None:
    write(here / "song.wav", sound(0.5))
    folder = here / place
    folder.mkdir(parents=True)
    folder.chmod(0o555)
    request.addfinalizer(lambda: folder.chmod(0o755))
    if os.access(folder, os.W_OK):
        pytest.skip("root may write anywhere")
    line = complaint(separate("song.wav", "--out", "out", model=model))
    assert line.endswith(": Permission denied: change its permissions, or give another path")


def test_permission_denied_is_said_with_the_file(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(here / "song.wav", sound(0.5))

    def refuse(path: Path, *_: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("lass.data.audio.streams.os.open", refuse)
    line = complaint(separate("song.wav", model=model))
    assert re.fullmatch(
        r"separated/song/?.*: Permission denied: change its permissions, or give another path", line
    )
    assert left(here) == ["song.wav"]


def test_nothing_is_overwritten_unless_asked(here: Path, model: Path) -> None:
    write(here / "song.wav", sound(0.5))
    mine = here / "separated" / "song" / "bass.wav"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert complaint(separate("song.wav", model=model)) == (
        "separated/song/bass.wav is there already, made in another way: give --force to overwrite it, or "
        "another --out"
    )
    assert mine.read_text() == "mine"
    assert separate("song.wav", "--force", model=model).exit_code == 0
    check_sum(here / "song.wav", mine.parent)


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_what_is_done_is_skipped(here: Path, model: Path, form: str) -> None:
    """And what was made in another way, or from another recording, is not taken for it."""
    path = write(here / "song.wav", sound(0.5))
    assert separate("song.wav", "--format", form, model=model).exit_code == 0
    made = here / "separated" / "song" / f"bass.{form}"
    before = made.stat().st_mtime_ns
    again = separate("song.wav", "--format", form, model=model)
    assert again.exit_code == 0
    assert "separated/song: is there already: skipped (--force separates it again)" in again.stderr
    assert made.stat().st_mtime_ns == before
    summary = json.loads(separate("song.wav", "--format", form, "--json", model=model).stdout)
    assert summary["files"][0]["skipped"]
    for options in (("--seed", 1), ("--preset", "paper"), ("--end", 0.3)):
        line = complaint(separate("song.wav", "--format", form, *options, model=model))
        assert "is there already, made in another way" in line
    write(path, sound(0.5, seed=7))
    line = complaint(separate("song.wav", "--format", form, model=model))
    assert "is there already, made in another way" in line
    assert separate("song.wav", "--format", form, "--force", model=model).exit_code == 0
    assert made.stat().st_mtime_ns > before


# --- models that cannot be used ---


@pytest.fixture
def broken(here: Path, model: Path) -> Path:
    """A copy of the model that may be spoilt, beside a song."""
    write(here / "song.wav", sound(0.5))
    shutil.copytree(model, here / "broken")
    return here / "broken"


def describe(folder: Path, **changes: Any) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def restate(folder: Path, name: str) -> None:
    """Have model.json say that a file is what was packed."""
    files = json.loads((folder / "model.json").read_text())["files"]
    describe(folder, files=files | {name: part_of(folder / name).model_dump()})


def test_no_such_model(here: Path) -> None:
    line = complaint(run("separate", "song.wav", "--model", "slakh-maxi"))
    assert re.fullmatch(r"no model 'slakh-maxi': name one of .*, or give a model's folder", line)
    assert complaint(run("separate", here, "--model", here)).startswith(f"{here} has no recordings in it")
    line = complaint(run("check", here))
    assert line == f"{here} is no model: it has no model.json; give a folder by `lass pack`"


@pytest.mark.parametrize("name", ["codec.safetensors", "priors/bass.safetensors", "network.safetensors"])
def test_a_model_that_lacks_a_part(broken: Path, name: str) -> None:
    (broken / name).unlink()
    for result in (separate("song.wav", model=broken), run("check", broken)):
        assert complaint(result) == f"{broken} lacks {name}: copy the model again"


def test_a_model_with_a_cut_part(broken: Path) -> None:
    path = broken / "likelihood.safetensors"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])
    for result in (separate("song.wav", model=broken), run("check", broken)):
        assert complaint(result) == f"{path} has {size - 1} bytes instead of {size}: copy the model again"


def test_a_model_with_a_changed_byte(broken: Path) -> None:
    path = broken / "priors" / "bass.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert complaint(run("check", broken)) == f"{path} is not the file that was packed: copy the model again"


@pytest.mark.parametrize(
    "name", ["codec.safetensors", "priors/bass.safetensors", "likelihood.safetensors", "network.safetensors"]
)
def test_a_model_with_a_part_of_another_codebook(broken: Path, here: Path, name: str) -> None:
    write_audio_model(here / "other", seed=1)
    shutil.copyfile(here / "other" / name, broken / name)
    restate(broken, name)
    for result in (separate("song.wav", model=broken), run("check", broken)):
        line = complaint(result)
        assert name in line
        assert "codebook" in line


def test_a_model_from_the_future(broken: Path) -> None:
    describe(broken, version=VERSION + 1)
    for result in (separate("song.wav", model=broken), run("check", broken)):
        assert re.fullmatch(
            rf"{broken}/model\.json is of version {VERSION + 1}, and this lass [\w.+]+ reads version "
            f"{VERSION}: install the lass that made it",
            complaint(result),
        )


class _Trap:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("by", ["pickle", "torch"])
@pytest.mark.parametrize("name", ["codec.safetensors", "priors/bass.safetensors", "likelihood.safetensors"])
def test_a_model_with_a_pickle_in_it(broken: Path, here: Path, name: str, by: str) -> None:
    trap = _Trap(here / "sprung")
    with (broken / name).open("wb") as file:
        (pickle.dump if by == "pickle" else torch.save)(trap, file)
    line = complaint(separate("song.wav", model=broken))
    assert re.search(rf"{name} has \d+ bytes instead of \d+: copy the model again", line)
    restate(broken, name)
    for result in (separate("song.wav", model=broken), run("check", broken)):
        assert name in complaint(result)
    assert not (here / "sprung").exists()


def test_a_model_of_images(here: Path) -> None:
    write(here / "song.wav", sound(0.5))
    line = complaint(separate("song.wav", model=write_image_model(here / "pictures")))
    assert line == "toy is a model of images: give --model one of audio (see `lass models`)"


def test_a_preset_that_the_model_lacks(here: Path, model: Path) -> None:
    write(here / "song.wav", sound(0.5))
    line = complaint(separate("song.wav", "--preset", "fast", model=model))
    assert line == "toy has no preset fast: give one of best, paper"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu(here: Path, model: Path) -> None:
    write(here / "song.wav", sound(0.5))
    line = complaint(separate("song.wav", "--device", "cuda", model=model))
    assert line == "device 'cuda' is asked for, but torch sees no GPU: use cpu or auto"


def test_a_whole_model(model: Path) -> None:
    result = run("check", model)
    assert result.exit_code == 0
    assert re.fullmatch(rf"{model}: 6 parts, all whole and of codebook \w+\n", result.stdout)
    shown = run("models", "show", model)
    assert shown.stdout == (model / "README.md").read_text()


def test_models_at_hand(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(model, tmp_path / "mine")
    monkeypatch.setenv("LASS_MODELS", str(tmp_path))
    result = run("models")
    assert result.exit_code == 0, result.output
    assert re.search(r"mine +│ drums, bass +│ 1000 Hz .* cache", result.stdout)


def test_a_wrong_command_line() -> None:
    assert run("separate").exit_code == 2
    assert run("separate", "song.wav", "--format", "mp3").exit_code == 2


# --- processes ---


def command(*words: object) -> list[str]:
    return [sys.executable, "-c", "from lass.cli import main; main()", *map(str, words)]


def in_shell(*words: object, **how: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*words), capture_output=True, text=True, check=False, **settings(), **how)


def settings() -> dict[str, Any]:
    return {"env": os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}}


def started(*words: object) -> "subprocess.Popen[str]":
    # Tests that run in the background are told to ignore Ctrl-C, and would tell the process the same.
    return subprocess.Popen(
        command(*words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 (no other thread)
        **settings(),
    )


def wait_for(pattern: str, folder: Path, process: "subprocess.Popen[str]") -> None:
    """Until a file of this pattern is in the folder."""
    until = time.monotonic() + 60
    while not any(folder.glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_in_the_middle(here: Path, model: Path, number: signal.Signals, status: int) -> None:
    """Nothing is half-written, and the same command goes on with the next file."""
    write(here / "a.wav", sound(0.5))
    write(here / "b.wav", sound(600.0))
    process = started("separate", "a.wav", "b.wav", "--model", model)
    wait_for("separated/b/.*.part.wav", here, process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == status, errors
    assert "Traceback" not in errors
    if number == signal.SIGINT:
        assert "lass: stopped at b.wav, after 1 of 2 recordings: the same command goes on there" in errors
    assert left(here / "separated") == ["a", "a/bass.wav", "a/drums.wav"]
    write(here / "b.wav", sound(0.5))
    again = in_shell("separate", "a.wav", "b.wav", "--model", model)
    assert again.returncode == 0, again.stderr
    assert "separated/a: is there already: skipped" in again.stderr
    check_sum(here / "b.wav", here / "separated" / "b")


@pytest.mark.slow
def test_killed_in_the_middle(here: Path, model: Path) -> None:
    """What is left is taken away by the next call."""
    write(here / "b.wav", sound(600.0))
    process = started("separate", "b.wav", "--model", model)
    wait_for("separated/b/.bass.*.part.wav", here, process)
    process.kill()
    process.communicate()
    assert len(left(here / "separated")) == 3
    write(here / "b.wav", sound(0.5))
    assert separate("b.wav", model=model).exit_code == 0
    assert left(here / "separated") == ["b", "b/bass.wav", "b/drums.wav"]


@pytest.mark.slow
def test_two_processes_into_one_folder(here: Path, model: Path) -> None:
    write(here / "song.wav", sound(600.0))
    write(here / "other.wav", sound(0.5))
    first = started("separate", "song.wav", "--model", model)
    wait_for("separated/song/.*.part.wav", here, first)
    result = separate("song.wav", "other.wav", model=model)
    assert complaint(result) == (
        "another lass writes into separated/song: wait until it is done, or choose another --out"
    )
    check_sum(here / "other.wav", here / "separated" / "other")
    assert first.poll() is None
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=30)
    assert left(here / "separated") == ["other", "other/bass.wav", "other/drums.wav"]


def test_the_command_has_a_version() -> None:
    done = in_shell("version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"[\w.+]+\n", done.stdout)


def test_a_page_of_a_run_that_is_not_there(tmp_path: Path) -> None:
    said = run("page", tmp_path / "gone")
    assert said.exit_code == 1
    assert "gone is no folder: give one that the workflow worked in" in said.stderr
    (tmp_path / "results").mkdir()
    said = run("page", tmp_path)
    assert said.exit_code == 1
    assert "has no table with its settings: let the workflow make one" in said.stderr


def test_another_recording_of_the_same_name_and_size_is_not_taken_for_the_first(
    here: Path, model: Path
) -> None:
    for folder, seed in (("one", 0), ("two", 1)):
        write(here / folder / "song.wav", sound(1.0, seed=seed))
    assert separate("one/song.wav", model=model).exit_code == 0
    said = separate("two/song.wav", model=model)
    assert said.exit_code == 1
    assert "is there already, made in another way" in said.stderr


def test_the_recording_itself_is_never_overwritten(here: Path, model: Path) -> None:
    path = write(here / "drums" / "drums.wav", sound(1.0))
    before = path.read_bytes()
    said = separate(path, "--out", ".", "--force", model=model)
    assert said.exit_code == 1
    assert "drums.wav is the recording itself: choose another --out" in said.stderr
    assert path.read_bytes() == before


def test_more_channels_than_flac_holds(here: Path, model: Path) -> None:
    write(here / "song.wav", sound(0.5, channels=9))
    said = separate("song.wav", "--format", "flac", model=model)
    assert said.exit_code == 1
    assert "FLAC holds 8 channels of 655350 Hz at most, not 9 of 8000: use .wav" in said.stderr


def test_a_broken_model_in_the_cache_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache" / "broken").mkdir(parents=True)
    (tmp_path / "cache" / "broken" / "model.json").write_text("{", encoding="utf-8")
    monkeypatch.setenv("LASS_MODELS", str(tmp_path / "cache"))
    said = run("models")
    assert said.exit_code == 1
    assert "slakh-mini" in said.stdout
    assert "is no JSON" in said.stderr
