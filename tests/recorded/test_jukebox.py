"""Jukebox's networks against what the original code made of the same weights (`make_jukebox.py`)."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from lass.models.pretrained.jukebox_codec import read_jukebox_vqvae
from lass.models.pretrained.jukebox_import import import_jukebox_prior, import_jukebox_vqvae
from lass.models.pretrained.jukebox_prior import JukeboxPrior, read_jukebox_prior
from lass.storage import read_header, read_tensors
from tests.recorded.make_jukebox import BLOCKS, FORM, HERE, VERSION

Recorded = tuple[Path, dict[str, Tensor]]


def unpack(name: str, folder: Path) -> Recorded:
    """The weights as a public file, in the older format of such files, and what the original made of them."""
    assert "jukebox-infer" in read_header(HERE / name, form=FORM, version=VERSION)["made_by"]
    held = read_tensors(HERE / name)
    weights = {key.removeprefix("weights."): each for key, each in held.items() if key.startswith("weights.")}
    path = folder / name.replace(".safetensors", ".pth.tar")
    torch.save({"model": weights, "step": 1}, path, _use_new_zipfile_serialization=False)
    return path, {key: each for key, each in held.items() if not key.startswith("weights.")}


def test_codes_and_sound_are_the_originals(tmp_path: Path) -> None:
    source, recorded = unpack("jukebox_vqvae.safetensors", tmp_path)
    network = read_jukebox_vqvae(import_jukebox_vqvae([source], tmp_path))
    codes = network.encode(recorded["audio"])
    assert torch.equal(codes, recorded["codes"])
    assert len(codes.unique()) > 4
    torch.testing.assert_close(network.decode(codes), recorded["decoded"], atol=1e-4, rtol=0)
    assert float(recorded["decoded"].std()) > 0.1


@pytest.mark.parametrize("by_steps", [False, True])
def test_logits_are_the_originals(tmp_path: Path, by_steps: bool) -> None:
    codec, _ = unpack("jukebox_vqvae.safetensors", tmp_path)
    import_jukebox_vqvae([codec], tmp_path)
    source, recorded = unpack("jukebox_prior.safetensors", tmp_path)
    prior = JukeboxPrior(
        read_jukebox_prior(import_jukebox_prior([source], tmp_path, name="bass", blocks=BLOCKS))
    )
    codes, wanted = recorded["codes"], recorded["logits"]
    if not by_steps:
        torch.testing.assert_close(prior.logits(codes), wanted, atol=1e-3, rtol=0)
        assert float(wanted.std()) > 0.1
        return
    state = prior.start(len(codes), codes.shape[1])
    for position in range(codes.shape[1]):
        table = prior.log_probs(codes[:, position - 1] if position else None, state)
        torch.testing.assert_close(table, wanted[:, position].log_softmax(dim=-1), atol=1e-3, rtol=0)
