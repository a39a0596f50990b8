"""`lass assemble`: imported parts become a model that is checked, shown, and separates."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import lass
from lass.bundle.assembling import Told, assemble_model, origin_of, published_presets
from lass.bundle.folder import check_model
from lass.bundle.settings import Preset
from lass.cli import app
from lass.models.codec import read_codec
from lass.models.pretrained.registry import convert_files
from tests.models.pretrained.imported import import_jukebox
from tests.models.pretrained.public_taming import HEADS, fitting_tensors, write_file
from tests.models.toy import write_table
from tests.test_damaged_files import with_header

CLASSES = ["bass", "drums"]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return import_jukebox(tmp_path_factory.mktemp("imported") / "jukebox", CLASSES, codes=4)


@pytest.fixture
def folder(parts: Path, tmp_path: Path) -> Path:
    """A copy of the parts."""
    return Path(shutil.copytree(parts, tmp_path / "Bass and drums"))


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


def test_the_description_is_what_the_parts_tell(folder: Path) -> None:
    result = run("assemble", folder, "--rate", 22_050)
    assert result.exit_code == 0, result.output
    assert "4 parts of codebook" in result.stdout
    told = json.loads((folder / "model.json").read_text())
    assert told["about"]["name"] == "Bass-and-drums"
    licence = told["about"]["licence"]
    assert "Jukebox's code and weights (OpenAI): non-commercial use only" in licence
    assert "published by the authors of LASS, who state no licence" in licence
    assert (told["classes"], told["sources"], told["of_class"]) == (CLASSES, CLASSES, CLASSES)
    assert (told["weights"], told["codec"]) == ([0.5, 0.5], {"hop": 64, "rate": 22_050})
    assert (told["positions"], told["length"]) == (512, 512 * 64), "the priors know 512 places"
    assert told["presets"]["best"]["decoder"]["hypotheses"] == 10
    assert told["presets"]["paper"]["decoder"]["likelihood_weight"] == 3.0
    origin = told["made"]["parts"]["priors/drums.safetensors"]
    assert origin["file"] == "prior_drums_44100.pth.tar"
    assert len(origin["sha256"]) == 64
    assert str(folder.parent) not in json.dumps(told)
    part = folder / "likelihood.safetensors"
    assert told["files"][part.name]["sha256"] == hashlib.sha256(part.read_bytes()).hexdigest()


def test_it_is_a_model_like_any_other(folder: Path) -> None:
    """Checked, shown, and it separates: sources that add up to the recording."""
    words = ("--name", "jukebox", "--licence", "mine", "--rate", 11_025, "--tokens", 346)
    assert run("assemble", folder, *words).exit_code == 0
    checked = run("check", folder)
    assert checked.exit_code == 0, checked.output
    assert "4 parts, all whole" in checked.stdout
    card = run("models", "show", folder).stdout
    assert card.startswith("# jukebox\n")
    assert "| gives | bass, drums |" in card
    assert "| licence | mine |" in card
    separator = lass.Separator.load(folder)
    song = np.random.default_rng(0).normal(0, 0.1, (1, 9000)).astype(np.float32)
    separation = separator.separate(song, 11_025)
    assert separation.codes.shape[1:] == (2, 346)
    np.testing.assert_allclose(separation["drums"] + separation["bass"], song, atol=1e-4)


def test_presets_from_a_file(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "presets.yaml"
    mine.write_text(
        "best: {decoder: {kind: ancestral, hypotheses: 4, kept: 2, likelihood_weight: 2.0},\n"
        "       estimation: {choice: remix, consistency: equal}}\n"
    )
    assert run("assemble", folder, "--presets", mine).exit_code == 0
    described = check_model(folder)
    assert list(described.presets) == ["best"]
    best = described.presets["best"]
    assert isinstance(best, Preset)
    assert best.estimation.consistency == "equal"
    mine.write_text("best: {decoder: {kind: ancestral}}\n")
    result = run("assemble", folder, "--presets", mine, "--force")
    assert result.exit_code == 1
    assert "presets.yaml: no presets" in result.stderr.replace("\n", " ")


def test_images_with_a_prior_that_is_told_the_class(tmp_path: Path) -> None:
    """A table that was counted for the imported codec; one prior for all classes."""
    out = tmp_path / "animals"
    source = write_file(tmp_path / "last.ckpt", fitting_tensors())
    convert_files("taming-vqgan", [source], out, options={"side": 12})
    options = {"name": "animals", "heads": HEADS, "classes": ["a", "b"]}
    convert_files("taming-transformer", [source], out, options=options)
    with pytest.raises(FileNotFoundError, match=r"likelihood\.safetensors: no such file; import a table of"):
        assemble_model(out, Told())
    codebook = read_codec(out / "codec.safetensors").quantizer.identity
    write_table(out / "likelihood.safetensors", codebook, codes=24)
    described = assemble_model(out, Told())
    assert (described.kind, described.image, described.positions) == ("images", (3, 12, 12), 9)
    assert described.classes == ["a"]
    assert (described.sources, described.of_class) == (["source_1", "source_2"], ["a", "a"])
    [prior] = described.priors
    assert (prior.prior, prior.classes, prior.conditional) == ("animals", ["a", "b"], True)
    assert described.about.licence.startswith("MIT License, copyright (c) 2020 Patrick Esser")
    assert described.presets == published_presets(images=True)
    image = np.random.default_rng(0).random((3, 12, 12)).astype(np.float32)
    few = published_presets(images=True)["fast"]
    assemble_model(out, Told(presets={"best": few}))
    assert lass.Separator.load(out).separate(image)["source_1"].shape == (3, 12, 12)


def test_what_does_not_become_a_model(folder: Path) -> None:
    """A message that says what to do; no model.json is left behind, and one that was there stays."""

    def complaint(*words: object) -> str:
        result = run("assemble", folder, *words)
        assert result.exit_code == 1, result.output
        assert not (folder / "README.md").exists() or before
        return result.stderr.replace("\n", " ")

    before = False
    assert "give 44100 Hz or an integer fraction of it" in complaint("--rate", 16_000)
    assert "context of 512 tokens is shorter than a mixture's 513" in complaint("--tokens", 513)
    assert "5 tokens are 640 samples at 44100 Hz, but a window has 44100" in complaint("--tokens", 5)
    assert "--priors bass: give pairs such as" in complaint("--priors", "bass")
    assert "priors has bass, drums, but the table counts bass: import" in complaint("--priors", "bass=tuba")
    drums = folder / "priors" / "drums.safetensors"
    content = drums.read_bytes()
    drums.unlink()
    assert "bass.safetensors: trained on bass, but the table counts drums: import its prior" in complaint()
    assert not (folder / "model.json").exists()
    drums.write_bytes(content)
    assert run("assemble", folder).exit_code == 0
    before = True
    kept = (folder / "model.json").read_bytes()
    assert "model.json is there already: give --force" in complaint()
    drums.write_bytes(content[:-8])
    assert "drums.safetensors" in complaint("--force")
    assert (folder / "model.json").read_bytes() == kept
    drums.write_bytes(content)
    (folder / "codec.safetensors").unlink()
    assert "codec.safetensors: no such file; import the codec first" in complaint("--force")


def refusal(folder: Path, *words: object) -> str:
    """What the command says where it makes no model."""
    result = run("assemble", folder, *words)
    assert result.exit_code == 1, result.output
    assert not (folder / "model.json").exists()
    return result.stderr.replace("\n", " ")


def test_a_text_of_the_user_stays(folder: Path) -> None:
    (folder / "README.md").write_text("mine")
    assert "README.md is there already: give --force to overwrite it" in refusal(folder)
    assert (folder / "README.md").read_text() == "mine"
    assert run("assemble", folder, "--force").exit_code == 0
    assert (folder / "README.md").read_text().startswith("# Bass-and-drums\n")


def test_nothing_looks_finished_before_it_is_checked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is killed while the parts are read leaves no model."""
    found: list[str] = []

    def look(*_: object) -> None:
        found.extend(path.name for path in folder.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr("lass.bundle.folder.check_sizes", look)
    with pytest.raises(KeyboardInterrupt):
        assemble_model(folder, Told())
    assert sorted(found) == ["codec.safetensors", "likelihood.safetensors", "priors"]


@pytest.mark.parametrize(
    "entry",
    [
        {"shape": [1]},
        {"shape": {}},
        {"provenance": None},
        {"provenance": {"classes": 5}},
        {"provenance": {"classes": "bass"}},
        {"provenance": {"licence": 5}},
    ],
)
def test_a_part_whose_header_makes_no_sense(folder: Path, entry: dict[str, object]) -> None:
    with_header(folder / "priors" / "bass.safetensors", "lass.checkpoint", 1, **entry)
    with pytest.raises(ValueError, match=r"bass\.safetensors: damaged"):
        assemble_model(folder, Told())


def test_a_codec_whose_rate_makes_no_sense(folder: Path) -> None:
    with_header(folder / "codec.safetensors", "lass.checkpoint", 1, provenance={"sample_rate": "x"})
    with pytest.raises(ValueError, match=r"codec\.safetensors: damaged .*rate is 'x'"):
        assemble_model(folder, Told())


def test_a_prior_with_the_name_of_another_part(folder: Path) -> None:
    priors = folder / "priors"
    origin = origin_of(folder, "priors/bass.safetensors")
    assert origin["file"] == "prior_bass_44100.pth.tar"
    for name in ("likelihood", "frames"):
        shutil.copy(priors / "bass.safetensors", priors / f"{name}.safetensors")
        assert origin_of(folder, f"priors/{name}.safetensors") == origin


def test_words_that_nothing_would_come_of(folder: Path, tmp_path: Path) -> None:
    assert "--priors bas=bass: the table counts bass, drums" in refusal(folder, "--priors", "bas=bass")
    (tmp_path / "none.yaml").write_text("{}\n")
    assert "none.yaml: no presets: give one at least" in refusal(folder, "--presets", tmp_path / "none.yaml")
