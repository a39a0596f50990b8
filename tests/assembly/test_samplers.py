"""Separators of images: one for each group of mixtures, with either likelihood."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lass.assembly.codecs import CodecAt
from lass.assembly.groups import Group
from lass.assembly.samplers import open_samplers
from lass.likelihood.frames import PatchMoments, write_patches
from lass.likelihood.tensor import build_likelihood, write_likelihood
from lass.models.checkpoint import new_network, write_checkpoint
from lass.models.transformer import Transformer, TransformerPrior, TransformerShape
from lass.models.vqvae import Vqvae
from lass.separation.estimation.candidates import draw_candidates
from lass.separation.separator import Separator
from tests.assembly.toy import small_codec
from tests.likelihood.dense import count, draw_codes

CLASSES = ["cat", "dog"]
SAMPLER: dict[str, Any] = {"name": "ancestral", "hypotheses": 4, "likelihood": "counts", "kept": 2}


@pytest.fixture
def codec() -> CodecAt:
    """Images of 4 x 4 pixels, K = 6, S = 4."""
    shape = small_codec(stride=2, overlap=False, image=(1, 4, 4))
    network = new_network(Vqvae, shape, seed=0).eval().requires_grad_(False)
    network.quantizer.codebook.copy_(torch.rand(6, 2, generator=torch.Generator().manual_seed(0)))
    return CodecAt(network, "float32")


def opened(folder: Path, codec: CodecAt, *, told: bool, **sampler: Any) -> list[tuple[Group, Separator]]:
    """What separates three mixtures of one prior, which is `told` the class or not."""
    sources, mixture = draw_codes(sources=2, codebook_size=6, positions=200, seed=1)
    write_likelihood(folder / "table.safetensors", build_likelihood(count(sources, mixture, codebook_size=6)))
    generator, moments = torch.Generator().manual_seed(0), PatchMoments.empty(6, 4)
    moments.add(torch.rand(60, 4, generator=generator), torch.arange(60) % 6)
    write_patches(folder / "patches.safetensors", moments)
    shape = TransformerShape(
        codes=6, classes=1 + told, context=4, layers=1, width=8, heads=2, kv_heads=1, absolute=True
    )
    provenance = {"codebook": codec.vqvae.quantizer.identity, "classes": CLASSES}
    prior = folder / "prior.safetensors"
    write_checkpoint(prior, new_network(Transformer, shape, seed=1), provenance=provenance)
    kind = {"prior": "animals", "classes": CLASSES, "conditional": told}
    return list(
        open_samplers(
            [["cat", "dog"], ["dog", "dog"], ["cat", "dog"]],
            codec=codec,
            files={
                "likelihood": folder / "table.safetensors",
                "patches": folder / "patches.safetensors",
                "priors": [prior, prior],
            },
            priors=[{"source": name, **kind} for name in CLASSES],
            sampler=SAMPLER | sampler,
            weights=[0.5, 0.5],
            settings={"length": 4, "seed": 0, "noise": 0.1, "memory": 2**30},
        )
    )


def test_a_prior_that_is_told_no_class_separates_all_mixtures_together(
    tmp_path: Path, codec: CodecAt
) -> None:
    [(group, separator)] = opened(tmp_path, codec, told=False)
    assert group.rows == [0, 1, 2]
    assert separator.priors[0] is separator.priors[1], "it is asked for both sources at once"
    assert separator.evidence is None


def test_a_prior_that_is_told_the_class_separates_those_of_equal_classes(
    tmp_path: Path, codec: CodecAt
) -> None:
    both, dogs = opened(tmp_path, codec, told=True)
    assert (both[0].rows, dogs[0].rows) == ([0, 2], [1])
    for separator, expected in ((both[1], [0, 1]), (dogs[1], [1, 1])):
        indices = [prior.class_index for prior in separator.priors if isinstance(prior, TransformerPrior)]
        assert indices == expected


@pytest.mark.parametrize("likelihood", ["counts", "patches"])
@pytest.mark.parametrize("name", ["ancestral", "beam"])
def test_either_likelihood_gives_candidates(
    tmp_path: Path, codec: CodecAt, likelihood: str, name: str
) -> None:
    [(_, separator)] = opened(tmp_path, codec, told=False, name=name, likelihood=likelihood)
    assert (separator.evidence is None) == (likelihood == "counts")
    mixtures = torch.rand(3, 16, generator=torch.Generator().manual_seed(2))
    found = draw_candidates(separator, mixtures, range(3), kept=2)
    assert all(one.codes.shape[1:] == (2, 4) and 1 <= len(one.codes) <= 3 for one in found)
    alone = draw_candidates(separator, mixtures[1:2], [1], kept=2)
    assert torch.equal(alone[0].codes, found[1].codes), "whatever shares the batch with it"
