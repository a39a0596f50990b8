"""`lass import`: one part after the other into a model's folder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from lass.cli import app
from lass.models.pretrained.gpt import read_gpt
from lass.models.pretrained.inception import read_inception
from lass.models.pretrained.registry import KINDS, convert_files
from lass.models.pretrained.vqgan import read_vqgan
from tests.models.pretrained.public_jukebox import prior_sizes, random_vqvae, random_weights
from tests.models.pretrained.public_taming import (
    fitting_tensors,
    gpt2_tensors,
    transformer_tensors,
    vqgan_tensors,
    write_file,
)
from tests.recorded.reading import recorded


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


@pytest.fixture
def images(tmp_path: Path) -> dict[str, Path]:
    """A tiny file of every kind of images."""
    config = tmp_path / "config.json"
    config.write_text('{"n_head": 2}')
    project = tmp_path / "project.yaml"
    project.write_text("transformer_config: {params: {n_head: 2}}")
    return {
        "vqgan": write_file(tmp_path / "vqgan.ckpt", vqgan_tensors()),
        "last": write_file(tmp_path / "last.ckpt", fitting_tensors()),
        "other": write_file(tmp_path / "other.ckpt", transformer_tensors()),
        "gpt2": write_file(tmp_path / "pytorch_model.bin", gpt2_tensors(codes=24)),
        "config": config,
        "project": project,
    }


def test_a_folder_of_images_is_filled_part_by_part(images: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "model"
    codec = run("taming-vqgan", images["vqgan"], "--out", out, "--side", 16)
    assert codec.exit_code == 0, codec.output
    assert "licence: MIT License, copyright (c) 2020 Patrick Esser, Robin Rombach and Björn" in codec.stderr
    transformer = ("taming-transformer", images["last"], "--out", out)
    assert run(*transformer, images["project"], "--name", "face").exit_code == 0
    told = run(*transformer, "--heads", 2, "--name", "any", "--classes", 20)
    assert told.exit_code == 0, told.output
    gpt2 = run("gpt2", images["gpt2"], images["config"], "--out", out, "--name", "digits")
    assert gpt2.exit_code == 0, gpt2.output
    assert "licence: not known: ask whoever published the weights" in gpt2.stderr
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    names = ("any", "digits", "face")
    assert written == ["codec.safetensors", *(f"priors/{name}.safetensors" for name in names)]
    starts = {name: read_gpt(out / "priors" / f"{name}.safetensors").shape.classes for name in names}
    assert starts == {"any": 20, "digits": 1, "face": 1}
    assert read_vqgan(out / "codec.safetensors").shape.image == (3, 16, 16)


def test_the_network_of_fid_is_imported(tmp_path: Path) -> None:
    source = write_file(tmp_path / "pt_inception.pth", recorded("inception").published)
    result = run("inception", source, "--out", tmp_path / "fid")
    assert result.exit_code == 0, result.output
    assert "licence: Apache License 2.0" in result.stderr
    assert read_inception(tmp_path / "fid" / "inception.safetensors").shape.features == 2048


def test_what_is_asked_for_wrongly_of_images(images: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "model"
    codec = ("taming-vqgan", images["vqgan"], "--out", out)
    prior = ("taming-transformer", images["last"], "--out", out, "--name", "face")
    assert "taming-vqgan takes no --heads: leave it away" in complaint(*codec, "--heads", 2)
    assert "must be positive multiples of the hop 4" in complaint(*codec, "--side", 18)
    assert "taming-vqgan is made of one file, but 2 are given" in complaint(*codec, images["last"])
    assert "import the codec into" in complaint(*prior, "--heads", 2)
    assert "is_there_not.ckpt: no such file" in complaint("inception", "is_there_not.ckpt", "--out", out)
    assert "pytorch_model.bin: lacks Conv2d_1a_3x3.bn.bias" in complaint(
        "inception", images["gpt2"], "--out", out
    )
    assert not out.exists()
    assert run(*codec, "--side", 16).exit_code == 0
    assert "taming-transformer takes no --side: leave it away" in complaint(*prior, "--side", 16)
    assert "the number of heads is not known, and no tensor tells it: give --heads" in complaint(*prior)
    assert "width 16 must be a multiple of twice the heads, 3" in complaint(*prior, "--heads", 3)
    assert "25 classes, but each is one of 24 codes" in complaint(*prior, "--heads", 2, "--classes", 25)
    assert "vqgan.ckpt: has no transformer, but decoder.conv_in.bias" in complaint(
        "taming-transformer", images["vqgan"], "--out", out, "--name", "face", "--heads", 2
    )
    assert "gpt2 needs --name" in complaint("gpt2", images["gpt2"], "--out", out)
    assert "wte.weight (missing) should be a tensor of 2 dimensions" in complaint(
        "gpt2", images["vqgan"], "--out", out, "--name", "face", "--heads", 2
    )
    assert "other.ckpt: a prior of 20 codes, but the codec in the folder has 24" in complaint(
        "taming-transformer", images["other"], "--out", out, "--name", "face", "--heads", 2
    )
    assert not (out / "priors").exists()
    assert run(*prior, "--heads", 0).exit_code == 2


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
