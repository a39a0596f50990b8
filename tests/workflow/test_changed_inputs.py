"""A user's files change between two runs: what depends on them runs again, and nothing else does."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from PIL import Image

from lass.config.shifts import Shifts
from tests.workflow.recordings import write_songs
from tests.workflow.runner import ROOT, TEST_CONFIG, digests, dry_run, run, write_config

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

ASCII = {
    "LC_ALL": "C",
    "LANG": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONIOENCODING": "ascii",
    "PYTHONHASHSEED": "7",
}
Planned = Callable[[], dict[str, int]]


def rewrite(path: Path, content: bytes) -> None:
    """Other content with the times of the old one, as a copy that keeps times has it."""
    times = path.stat()
    time.sleep(0.02)
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def finished(directory: Path, config: Path, *targets: str) -> Planned:
    """Run for `targets`; what then would run for them, and for the mixtures of the test split, again."""
    outcome = run(directory, configs=[TEST_CONFIG, config], targets=targets)
    assert outcome.status == 0, outcome.output

    def planned() -> dict[str, int]:
        outcome = dry_run(directory, configs=[TEST_CONFIG, config], targets=targets)
        assert outcome.status == 0, outcome.output
        return outcome.jobs

    assert planned() == {}
    return planned


def test_songs(tmp_path: Path) -> None:
    songs = tmp_path / "songs"
    write_songs(songs, train=3, test=2)
    mine = {"source": "stems", "root": f"{songs}/", "held_out": 1, "mixtures": {"count": {"test": None}}}
    away = yaml.safe_load((ROOT / "config" / "stems.yaml").read_text(encoding="utf-8"))["datasets"]["stems"]
    away["root"] = str(tmp_path / "nowhere")  # of a data set that nobody asks for
    config = write_config(tmp_path / "c.yaml", {"datasets": {"slakh": mine, "away": away}})
    targets = ["results/slakh/mixtures/test.parquet", "results/slakh/sources/train"]
    planned = finished(tmp_path, config, *targets)
    of_test = {"extract_sources": 1, "draw_mixtures": 1}

    stem = songs / "test" / "Some Band - Song 0" / "bass.wav"
    old = stem.read_bytes()
    stem.touch()
    (stem.parent / "notes.txt").write_text("no stem")
    (songs / "test" / ".hidden").mkdir()
    assert planned() == {}
    rewrite(stem, old[:-400] + bytes(400))
    assert planned() == of_test
    rewrite(stem, old)
    assert planned() == {}
    stem.unlink()
    assert planned() == of_test
    stem.write_bytes(old)
    assert planned() == {}
    shutil.copytree(stem.parent, songs / "test" / "Another Song")
    assert planned() == of_test
    shutil.rmtree(songs / "test" / "Another Song")
    shutil.rmtree(songs / "test" / "Some Band - Song 1")
    assert planned() == of_test
    outcome = run(tmp_path, configs=[TEST_CONFIG, config], targets=targets)
    assert outcome.status == 0, outcome.output
    assert planned() == {}

    (songs / "test").rename(tmp_path / "old")
    shutil.copytree(tmp_path / "old", songs / "test", copy_function=shutil.copy)
    assert planned() == {}, "other files of the same bytes"
    (songs / "train").rename(tmp_path / "train")
    write_songs(songs, train=3)
    rewrite(songs / "train" / "Some Band - Song 1" / "drums.wav", old)
    assert planned() == {"extract_sources": 1}
    shutil.rmtree(songs / "train")
    (tmp_path / "train").rename(songs / "train")
    assert planned() == {}
    shutil.copytree(songs / "test", songs / "validation")
    assert planned() == {"extract_sources": 1}, "nothing is held out of train any more"


def test_pictures(tmp_path: Path) -> None:
    """Class folders of any name; pictures and folders that come and go."""
    pictures = tmp_path / "pictures"
    for split in ("train", "validation", "test"):
        for name in ("Cats", "hot-dog", "0"):
            (pictures / split / name).mkdir(parents=True)
            for level in range(3):
                Image.new("L", (28, 28), 50 * level).save(pictures / split / name / f"{level}.png")
    default = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    classes = ["cat", "dog", "zero"]
    mine = default["datasets"]["mnist"] | {"source": "folder", "root": str(pictures), "classes": classes}
    mine["tables"]["psnr"]["rows"].remove("diffusion")
    mine["files"] = {"cat": "Cats", "dog": ["hot-dog"], "zero": 0}
    mine["held_out"] = None
    mine["priors"]["digits"] |= {"classes": classes, "checkpoint": None}
    mine["codec"]["checkpoint"] = None
    mine["separation"]["priors"] = dict.fromkeys(classes, "digits")
    config = write_config(tmp_path / "c.yaml", {"datasets": {"pictures": mine}})
    planned = finished(tmp_path, config, "results/pictures/mixtures/test.parquet")
    again = {"prepare_images": 1, "draw_mixtures": 1}

    home = pictures / "test" / "Cats"
    (pictures / "test" / "birds").mkdir()
    (home / "0.png").touch()
    assert planned() == {}
    shutil.copy2(home / "0.png", home / "9.png")
    assert planned() == again
    (home / "9.png").unlink()
    assert planned() == {}
    Image.new("L", (28, 28), 255).save(home / "1.png")
    assert planned() == again
    (home / "1.png").unlink()
    assert planned() == again

    home.rename(pictures / "test" / "cats")
    outcome = dry_run(tmp_path, configs=[TEST_CONFIG, config], targets=["results/pictures/sources/test"])
    assert outcome.status == 1
    assert f"{pictures}/test has no folder 'Cats' of class 'cat'" in outcome.output


def test_a_locale_of_ascii(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Songs called by other letters are read; a root that the locale cannot name is refused.

    Results are those of forks that have another locale and order sets in another way.
    """
    songs = tmp_path / "songs"
    write_songs(songs, test=2)
    (songs / "test" / "Some Band - Song 0").rename(songs / "test" / "été")
    (songs / "test" / "Some Band - Song 1" / "bass.wav").rename(tmp_path / "bass.wav")
    (songs / "test" / "Some Band - Song 1").rename(songs / "test" / "niño")
    values = {"datasets": {"slakh": {"source": "stems", "root": str(songs)}}}
    config = write_config(tmp_path / "c.yaml", values)
    targets = ["results/slakh/sources/test", "results/slakh/mixtures/test.parquet"]
    (tmp_path / "forked").mkdir()
    forked = run(tmp_path / "forked", configs=[TEST_CONFIG, config], targets=targets)
    assert forked.status == 0, forked.output
    for name, value in ASCII.items():
        monkeypatch.setenv(name, value)
    outcome = run(tmp_path, configs=[TEST_CONFIG, config], targets=targets)
    assert outcome.status == 0, outcome.output
    assert (tmp_path / targets[0] / "été.wav").is_file()
    assert digests(tmp_path, *targets) == digests(tmp_path / "forked", *targets)
    log = (tmp_path / "results/logs/extract_sources/slakh/test.log").read_text(encoding="utf-8")
    assert "left out niño" in log
    assert "UnicodeEncodeError" not in outcome.output

    songs.rename(tmp_path / "chansons d'été")
    values["datasets"]["slakh"]["root"] = str(tmp_path / "chansons d'été")
    config = write_config(tmp_path / "c.yaml", values)
    outcome = run(tmp_path, configs=[TEST_CONFIG, config], targets=targets)
    assert outcome.status == 1
    assert "the locale knows only ASCII: set LC_ALL=C.UTF-8 or PYTHONUTF8=1" in outcome.output
    assert "UnicodeEncodeError" not in outcome.output


def test_no_gpu_is_said_before_the_first_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a job asks for one; a dry run, and a run of other jobs, need none."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    target = "results/slakh/codec.safetensors"
    options = ("--config", "device=cuda")
    assert dry_run(tmp_path, *options, targets=[target]).status == 0
    outcome = run(tmp_path, *options, targets=[target])
    assert outcome.status == 1
    assert "this machine shows no GPU" in outcome.output
    assert "set device to auto or cpu" in outcome.output
    assert not (tmp_path / "results").exists()
    outcome = run(tmp_path, *options, targets=["results/slakh/songs/test"])
    assert outcome.status == 0, outcome.output


@pytest.mark.parametrize(
    ("shift", "where"),
    [(False, "composed.soundfonts"), (True, "shifts.kinds.other.soundfonts")],
    ids=["composed", "shifted"],
)
def test_a_missing_soundfont_is_said_before_the_first_job(tmp_path: Path, *, shift: bool, where: str) -> None:
    """Where songs are composed; a dry run needs none."""
    fonts = {"soundfonts": [str(tmp_path / "none.sf2")]}
    shifts = {"rows": {"hpss": ["hpss"]}, "kinds": {"other": fonts}}
    slakh = {"shifts": shifts} if shift else {"composed": fonts}
    config = write_config(tmp_path / "c.yaml", {"datasets": {"slakh": slakh}})
    split = next(iter(Shifts.model_validate(shifts).splits)) if shift else "test"
    wanted = {"configs": [TEST_CONFIG, config], "targets": [f"results/slakh/songs/{split}"]}
    assert dry_run(tmp_path, **wanted).status == 0
    outcome = run(tmp_path, **wanted)
    assert outcome.status == 1
    assert f"datasets.slakh: {where} names" in outcome.output
    assert "No job has been started" in outcome.output
    assert not (tmp_path / "results").exists()
