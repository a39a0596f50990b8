"""Which members of public archives are kept, in whatever order they come."""

import io
import itertools
import tarfile
from pathlib import Path

import pytest
import yaml

from lass.data.archives import extract_tar
from lass.data.audio.metadata import Stem, read_stems
from lass.data.audio.selections import SlakhSelection, StemsSelection, baby_split, redux_split, wanted_stems
from lass.data.audio.slakh import find_recordings
from lass.data.programs import SOURCE_PROGRAMS

STEMS = {
    "S00": {"program_num": 33, "is_drum": False},
    "S01": {"program_num": 128, "is_drum": True},
    "s02": {"program_num": 0, "is_drum": False},
    "S03": {"program_num": 38, "is_drum": False},
}
BASS_AND_DRUMS = ["S00.flac", "S01.flac", "S03.flac"]


def metadata(*names: str) -> bytes:
    return yaml.safe_dump({"stems": {name: STEMS[name] for name in names or STEMS}}).encode()


def archive(*members: tuple[str, bytes]) -> io.BufferedReader:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    raw.seek(0)
    return io.BufferedReader(raw)


def kept(folder: Path, *members: tuple[str, bytes], selection: SlakhSelection | StemsSelection) -> list[str]:
    folder.mkdir()
    extract_tar(archive(*members), folder, selection)
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def redux(*classes: str) -> SlakhSelection:
    return SlakhSelection(classes or ("drums", "bass"), redux_split)


def test_stems_of_the_classes_whatever_comes_first(tmp_path: Path) -> None:
    """Every order of metadata and stems gives the same; what is not wanted is deleted or never written."""
    home = "slakh2100_flac_redux/train/Track00007"
    members = [
        (f"{home}/metadata.yaml", metadata()),
        *((f"{home}/stems/{name.upper()}.flac", name.encode()) for name in STEMS),
    ]
    expected = ["train/Track00007/metadata.yaml"]
    expected += [f"train/Track00007/stems/{name}" for name in BASS_AND_DRUMS]
    for index, order in enumerate(itertools.permutations(members)):
        assert kept(tmp_path / str(index), *order, selection=redux()) == expected


def test_what_is_no_stem_or_of_no_split_is_left_out(tmp_path: Path) -> None:
    top = "./slakh2100_flac_redux"
    names = [
        *("train/Track00001/mix.flac", "train/Track00001/all_src.mid", "train/Track00001/MIDI/S00.mid"),
        *(f"train/Track00001/stems/{name}" for name in ("._S00.flac", "S00.txt", "a/S00.flac")),
        *(
            "omitted/Track00002/stems/S00.flac",
            "omitted/Track00002/metadata.yaml",
            "Track00003/metadata.yaml",
        ),
        *("train/README.md", "train/Tracks/x.wav"),
        *("test/Track00004/stems/S00.flac", "validation/Track00005/metadata.yaml"),
    ]
    members = [(f"{top}/{name}", metadata()) for name in names]
    found = kept(tmp_path / "out", *members, selection=redux())
    assert found == ["test/Track00004/stems/S00.flac", "validation/Track00005/metadata.yaml"]


def test_tracks_that_lack_a_class_or_cannot_be_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    members = [
        ("a/test/Track00001/metadata.yaml", metadata("S00", "s02")),
        *((f"a/test/Track00001/stems/{name}.flac", b"") for name in ("S00", "S02")),
        *((f"a/test/Track00002/stems/{name}.flac", b"") for name in ("S00", "S02")),
        ("a/test/Track00002/metadata.yaml", b"stems: 3"),
        ("a/test/Track00003/stems/S00.flac", b""),
    ]
    assert kept(tmp_path / "out", *members, selection=redux()) == [
        "test/Track00001/metadata.yaml",
        "test/Track00002/metadata.yaml",
        "test/Track00002/stems/S00.flac",
        "test/Track00002/stems/S02.flac",
        "test/Track00003/stems/S00.flac",
    ]
    assert "test/Track00002: all stems are kept" in caplog.text


def test_the_reader_finds_what_is_kept(tmp_path: Path) -> None:
    """The files that it takes of the whole track are the kept ones, of every class alone and of pairs."""
    home = tmp_path / "whole" / "Track00001"
    (home / "stems").mkdir(parents=True)
    programs = {f"S{number:03}": Stem(number == 128, number) for number in range(0, 129, 3)}
    stems = {name: {"program_num": stem.program, "is_drum": stem.is_drum} for name, stem in programs.items()}
    stems["S900"] = {"program_num": 33, "is_drum": True}
    (home / "metadata.yaml").write_text(yaml.safe_dump({"stems": stems}))
    for name in stems:
        (home / "stems" / f"{name}.flac").touch()
    entries = read_stems(home / "metadata.yaml")
    for classes in [(name,) for name in SOURCE_PROGRAMS] + [("drums", "bass"), ("piano", "guitar")]:
        (track,) = find_recordings(home.parent, classes=classes, files={}).recordings
        taken = {path.stem.casefold() for paths in track.stems.values() for path in paths}
        assert wanted_stems(entries, classes) == taken


def test_an_unknown_class() -> None:
    with pytest.raises(ValueError, match="class 'vocals' is unknown in Slakh's layout: use some of"):
        redux("vocals")


def test_splits_of_babyslakh(tmp_path: Path) -> None:
    members = [(f"babyslakh_16k/Track{number:05}/metadata.yaml", metadata()) for number in range(1, 22)]
    selection = SlakhSelection(("drums",), baby_split)
    found = kept(tmp_path / "out", *members, selection=selection)
    splits = [name.split("/")[0] for name in found]
    assert {split: splits.count(split) for split in splits} == {"train": 14, "validation": 2, "test": 4}
    assert "validation/Track00015/metadata.yaml" in found
    assert not [name for name in found if "Track00021" in name]


def test_files_of_stems_and_songs_of_validation(tmp_path: Path) -> None:
    selection = StemsSelection(["vocals", "accompaniment"], {"accompaniment": ["Drums", "bass.wav", "other"]})
    songs = [
        "train/Actions \u2013 One Minute Smile",
        "train/ANiMAL - Rockshow",
        "train/A",
        "test/Leaf - Summerghost",
    ]
    stems = ["mixture", "drums", "bass", "other", "vocals"]
    members = [(f"{song}/{stem}.wav", b"") for song in songs for stem in stems]
    members += [
        ("train/A/drums.txt", b""),
        ("train/A/._drums.wav", b""),
        ("train/drums.wav", b""),
        ("x/A/drums.wav", b""),
    ]
    found = kept(tmp_path / "out", *members, selection=selection)
    homes = {str(Path(name).parent) for name in found}
    assert homes == {
        "validation/Actions \u2013 One Minute Smile",
        "validation/ANiMAL - Rockshow",
        "train/A",
        "test/Leaf - Summerghost",
    }
    assert [Path(name).name for name in found if "Rockshow" in name] == [
        "bass.wav",
        "drums.wav",
        "other.wav",
        "vocals.wav",
    ]
    assert len(found) == 16
