"""Settings of a method and candidates from their file, as estimation takes them."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lass.assembly.codecs import CodecAt
from lass.assembly.finishes import open_finish, read_kept
from lass.models.checkpoint import new_network
from lass.models.vqvae import Vqvae
from lass.separation.estimation.candidates import Candidates
from lass.separation.estimation.masks import Mask
from lass.separation.estimation.refinement import Refinement
from lass.tokens import write_candidates
from tests.assembly.toy import small_codec

SETTINGS: dict[str, Any] = {
    "refined": 2,
    "refinement": {"steps": 3, "learning_rate": 0.1, "halve_every": 2, "penalty": 0.01},
    "choice": "joint",
    "sigma": 0.2,
    "consistency": "equal",
    "averaging": None,
    "mask": None,
}


def test_settings_of_a_method() -> None:
    finish = open_finish(SETTINGS)
    assert finish.refinement == Refinement(steps=3, learning_rate=0.1, halve_every=2, penalty=0.01)
    assert (finish.refined, finish.choice, finish.sigma, finish.averaging) == (2, "joint", 0.2, None)
    assert finish.mask is None
    assert open_finish(SETTINGS | {"refined": 0, "refinement": None}).refinement is None
    masked = open_finish(SETTINGS | {"mask": {"window": 64, "templates": 3, "rounds": 2}})
    assert masked.mask == Mask(window=64, templates=3, rounds=2)


def test_candidates_of_this_codec_alone(tmp_path: Path) -> None:
    shape = small_codec(stride=4)
    vqvae = new_network(Vqvae, shape, seed=0).eval()
    codec, path = CodecAt(vqvae, "float32"), tmp_path / "candidates.parquet"
    codes = torch.randint(6, (3, 2, 8), generator=torch.Generator().manual_seed(0))
    given = Candidates(codes, torch.tensor([-1.0, -2.5, -9.0]).double(), torch.tensor([0.1, 0.2, 0.3]), 4)
    write_candidates(path, [(5, given)], codebook=vqvae.quantizer.identity, codebook_size=6)
    [(item, found)] = read_kept(path, codec=codec).items()
    assert item == 5
    for name in ("codes", "log_posterior", "remix_distance"):
        stored, expected = getattr(found, name), getattr(given, name)
        assert stored.dtype == expected.dtype
        assert torch.equal(stored, expected)
    assert found.uncounted == 4
    vqvae.quantizer.codebook += 1
    with pytest.raises(ValueError, match=r"candidates\.parquet: codes of codebook"):
        read_kept(path, codec=codec)
