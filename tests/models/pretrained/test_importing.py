"""`lass import`: one part after the other into a model's folder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from lass.cli import app
from lass.models.pretrained.registry import KINDS, convert_files
from tests.models.pretrained.public_jukebox import prior_sizes, random_vqvae, random_weights


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A tiny file of every kind."""
    paths = {name: tmp_path / name for name in ("vqvae.pth.tar", "prior_bass_44100.pth.tar", "sums.npz")}
    torch.save({"model": random_vqvae(codes=4)}, paths["vqvae.pth.tar"])
    sizes = prior_sizes(codes=4, context=128, layers=3, width=6, inner=2, hidden=5)
    torch.save({"model": random_weights(sizes)}, paths["prior_bass_44100.pth.tar"])
    coords = np.zeros((3, 1), np.int64)
    np.savez(paths["sums.npz"], coords=coords, data=np.array([2]), shape=np.array([4] * 3), fill_value=0)
    return paths


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["import", *map(str, words)])


def complaint(*words: object) -> str:
    result = run(*words)
    assert result.exit_code == 1, result.output
    return result.stderr.replace("\n", " ")


def test_a_folder_is_filled_part_by_part(files: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "model"
    result = run("jukebox-vqvae", files["vqvae.pth.tar"], "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out / 'codec.safetensors'}: imported from vqvae.pth.tar\n"
    assert "licence: Jukebox's code and weights (OpenAI): non-commercial use only" in result.stderr
    prior = files["prior_bass_44100.pth.tar"]
    assert run("jukebox-prior", prior, "--out", out, "--name", "bass").exit_code == 0
    assert run("lass-counts", files["sums.npz"], "--out", out, "--classes", "bass, drums").exit_code == 0
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert written == ["codec.safetensors", "likelihood.safetensors", "priors/bass.safetensors"]


def test_a_part_is_overwritten_with_force_only(files: dict[str, Path], tmp_path: Path) -> None:
    words = ("jukebox-vqvae", files["vqvae.pth.tar"], "--out", tmp_path / "model")
    assert run(*words).exit_code == 0
    before = (tmp_path / "model" / "codec.safetensors").read_bytes()
    assert "codec.safetensors is there already: choose another --out, or give --force" in complaint(*words)
    assert run(*words, "--force").exit_code == 0
    assert (tmp_path / "model" / "codec.safetensors").read_bytes() == before  # equal files, equal bytes


def test_what_is_asked_for_wrongly(files: dict[str, Path], tmp_path: Path) -> None:
    out, vqvae = tmp_path / "model", files["vqvae.pth.tar"]
    assert "kind 'jukebox': choose one of jukebox-vqvae, jukebox-prior" in complaint(
        "jukebox", vqvae, "--out", out
    )
    assert "jukebox-prior needs --name" in complaint("jukebox-prior", vqvae, "--out", out)
    assert "lass-counts needs --classes" in complaint("lass-counts", vqvae, "--out", out)
    assert "jukebox-vqvae takes no --name: leave it away" in complaint(
        "jukebox-vqvae", vqvae, "--out", out, "--name", "a"
    )
    assert "import the codec into" in complaint("jukebox-prior", vqvae, "--out", out, "--name", "a")
    assert "none.pth: no such file" in complaint("jukebox-vqvae", tmp_path / "none.pth", "--out", out)
    assert not out.exists()


def test_every_kind_has_its_converter(files: dict[str, Path], tmp_path: Path) -> None:
    for kind in KINDS:
        options = {name: ["a", "b"] if name == "classes" else "a" for name in KINDS[kind].needs}
        with pytest.raises(FileNotFoundError, match="no such file"):
            convert_files(kind, [tmp_path / "none"], tmp_path, options=options)
    assert files
