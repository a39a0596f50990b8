"""Public data sets from a server on this machine to sources at the model's rate, by the workflow."""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from lass.data.audio.tracks import open_tracks
from lass.data.settings import AudioLibrarySettings
from tests.data.downloads.server import Server, serving
from tests.workflow.runner import ROOT, TEST_CONFIG, dry_run, run, small_audio, write_config

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

SPLITS = ("train", "validation", "test")
STEMS = {"S00": (128, True), "S01": (33, False), "S02": (0, False), "S03": (35, False)}


def noise(*names: object, rate: int, channels: int = 1) -> bytes:
    """A WAV file of four seconds."""
    seed = [*" ".join(map(str, names)).encode()]
    samples = 0.1 * np.random.default_rng(seed).standard_normal((4 * rate, channels))
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def babyslakh() -> bytes:
    """Three songs, one of each split; the metadata come first, last and in the middle."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=1) as tar:
        for place, number in zip((0, 4, 2), (1, 16, 20), strict=True):
            stems = {name: {"program_num": what, "is_drum": drum} for name, (what, drum) in STEMS.items()}
            members = [(f"stems/{name}.wav", noise(number, name, rate=16_000)) for name in STEMS]
            members.insert(place, ("metadata.yaml", yaml.safe_dump({"stems": stems}).encode()))
            for name, content in members:
                member = tarfile.TarInfo(f"babyslakh_16k/Track{number:05}/{name}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def musdb() -> bytes:
    """Three songs, one of which is for validation."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as held:
        for song in ("train/Band - Song", "train/ANiMAL - Rockshow", "test/Leaf - Summerghost"):
            for stem in ("mixture", "drums", "bass", "other", "vocals"):
                held.writestr(f"{song}/{stem}.wav", noise(song, stem, rate=44_100, channels=2))
    return raw.getvalue()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    with serving(Server()) as server:
        yield server


def address(server: Server, behaviour: str) -> str:
    return f"{server.url(behaviour)}#sha256={hashlib.sha256(server.content).hexdigest()}"


def items(directory: Path, name: str, classes: tuple[str, ...]) -> dict[str, list[str]]:
    """The recordings of every split that were extracted."""
    data = AudioLibrarySettings(rate=8000, classes=classes)
    folder = directory / "results" / name / "sources"
    return {split: [str(item) for item in open_tracks(folder / split, data).items] for split in SPLITS}


def test_babyslakh_needs_no_root(tmp_path: Path, server: Server) -> None:
    server.content = babyslakh()
    slakh = {"source": "slakh", "download": "babyslakh", "sample_rate": 8000, "codec": {"checkpoint": None}}
    values = {
        "pretrained": False,
        "addresses": {"babyslakh": address(server, "good")},
        "datasets": {"slakh": slakh},
    }
    config = write_config(tmp_path / "mine.yaml", values)
    targets = [f"results/slakh/sources/{split}" for split in SPLITS]
    outcome = run(tmp_path, configs=[TEST_CONFIG, config], targets=targets)
    assert outcome.status == 0, outcome.output
    assert outcome.jobs == {"fetch_songs": 1, "extract_sources": 3}
    assert items(tmp_path, "slakh", ("drums", "bass")) == {
        "train": ["Track00001"],
        "validation": ["Track00016"],
        "test": ["Track00020"],
    }
    folder = tmp_path / "results" / "slakh" / "downloaded"
    assert sorted(path.stem for path in folder.rglob("*.wav")) == sorted(["S00", "S01", "S03"] * 3), (
        "no piano"
    )
    origin = json.loads((tmp_path / "results" / "slakh" / "downloaded.json").read_text())
    assert (origin["data"], origin["licence"]) == ("babyslakh", "CC BY 4.0")
    assert "licence: CC BY 4.0" in (tmp_path / "results/logs/fetch_songs/slakh.log").read_text()

    # Another mirror reruns nothing; the record is made again without a download, and nothing after it.
    values["addresses"] = {"babyslakh": [address(server, "gone"), address(server, "good")]}
    configs = [TEST_CONFIG, write_config(tmp_path / "mine.yaml", values)]
    asked = len(server.asked)
    assert dry_run(tmp_path, configs=configs, targets=targets).jobs == {}
    record = "results/slakh/downloaded.json"
    (tmp_path / record).unlink()
    outcome = run(tmp_path, configs=configs, targets=[record])
    assert outcome.status == 0, outcome.output
    assert outcome.jobs == {"fetch_songs": 1}
    assert len(server.asked) == asked, "the folder was there"
    assert dry_run(tmp_path, configs=configs, targets=targets).jobs == {}


def test_musdb_from_a_line_that_breaks(tmp_path: Path, server: Server) -> None:
    """With config/stems.yaml; the first run gets a quota's page, and nothing of it is left."""
    server.content = musdb()
    stems = small_audio("vocals", "accompaniment") | {
        "root": None,
        "held_out": None,
        "download": "musdb18_hq",
    }
    values = {"pretrained": False, "datasets": {"stems": stems}}
    targets = [f"results/stems/sources/{split}" for split in SPLITS]
    for behaviour, status in (("page", 1), ("good", 0)):
        values["addresses"] = {"musdb18_hq": [address(server, behaviour)]}
        config = write_config(tmp_path / "mine.yaml", values)
        outcome = run(tmp_path, configs=[ROOT / "config" / "stems.yaml", config], targets=targets)
        assert outcome.status == status, outcome.output
        if behaviour == "page":
            assert "sent a page of HTML instead of the file" in outcome.output
            assert not [path for path in (tmp_path / "results" / "stems").rglob("*") if path.is_file()]
    assert items(tmp_path, "stems", ("vocals", "accompaniment")) == {
        "train": ["Band - Song"],
        "validation": ["ANiMAL - Rockshow"],
        "test": ["Leaf - Summerghost"],
    }
    kept = {path.name for path in (tmp_path / "results" / "stems" / "downloaded").rglob("*.wav")}
    assert kept == {"drums.wav", "bass.wav", "other.wav", "vocals.wav"}, "no mixture"
