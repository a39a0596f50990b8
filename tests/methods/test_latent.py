"""Latent autoregressive source separation as a method: candidates from their file, estimates of batches."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lass.data.mixtures import Batch
from lass.likelihood.residual import ResidualSums, write_residual
from lass.methods.latent import open_method, read_kept
from lass.methods.protocol import Given
from lass.methods.settings import LatentJob, read_job
from lass.models.checkpoint import write_checkpoint
from lass.models.codec import CodecAt
from lass.models.settings import CodecCheck
from lass.separation.estimation.candidates import Candidates
from lass.separation.settings import Estimation, Refinement
from lass.settings import Computed
from lass.tokens import write_candidates
from tests.models.toy import network_of, new_codec, small_codec

CPU = torch.device("cpu")


def candidates(seed: int) -> Candidates:
    codes = torch.randint(6, (3, 2, 8), generator=torch.Generator().manual_seed(seed))
    scores, distances = torch.tensor([-1.0, -2.5, -9.0]).double(), torch.tensor([0.1, 0.2, 0.3])
    return Candidates(codes, scores, distances, 4, torch.zeros(3, dtype=torch.int64))


@pytest.fixture
def given(tmp_path: Path) -> Given:
    """A codec with a hop of 4, what it loses, and candidates of two mixtures."""
    codec = new_codec(small_codec(stride=4))
    write_checkpoint(tmp_path / "codec.safetensors", network_of(codec), provenance={})
    own = new_codec(small_codec(stride=4))
    path = tmp_path / "candidates.parquet"
    write_candidates(
        path,
        [(5, candidates(0)), (7, candidates(1))],
        codebook=own.identity,
        codebook_size=6,
        computed=Computed(precision="float32", device="CPU"),
    )
    sums = ResidualSums.empty(sources=2, codes=6, frame=4)
    generator = torch.Generator().manual_seed(2)
    for source in (0, 1):
        sums.add(source, (1 + 4 * source) * torch.rand(60, 4, generator=generator), torch.arange(60) % 6)
    write_residual(tmp_path / "residual.safetensors", sums, classes=["drums", "bass"], codebook=own.identity)
    return Given(CPU, tmp_path / "codec.safetensors", path, tmp_path / "residual.safetensors")


def job(**changes: object) -> LatentJob:
    values = {
        "codec": CodecCheck(hop=4),
        "precision": "float32",
        "classes": ["drums", "bass"],
        "labels": {"drums": "drums", "bass": "bass"},
        "weights": [0.5, 0.5],
        "bounds": None,
        "estimation": Estimation(),
        "strength": None,
    }
    return LatentJob.model_validate(values | changes)


def batch(classes: list[list[str]], items: list[int]) -> Batch:
    mixtures = np.random.default_rng(3).normal(size=(len(items), 32)).astype(np.float32)
    sources = np.zeros((len(items), 2, 32), np.float32)  # which no method may look at
    return Batch(items, classes, sources, np.full((len(items), 2), 0.5, np.float32), mixtures)


def test_the_most_probable_candidate_is_decoded(given: Given) -> None:
    codec = new_codec(small_codec(stride=4))
    [estimates] = open_method(job(), given).separate(batch([["drums", "bass"]], [7]))
    torch.testing.assert_close(
        torch.from_numpy(estimates), codec.decode(candidates(1).codes[0]), atol=1e-3, rtol=1e-3
    )  # stored in half precision


def test_the_codec_decodes_in_the_precision_that_was_chosen(given: Given) -> None:
    """Not in the configured one, which may leave the choice to the machine."""
    data = batch([["drums", "bass"]], [7])
    exact, rounded = (
        open_method(job(precision="auto"), replace(given, precision=precision)).separate(data)
        for precision in ("float32", "bfloat16")
    )
    np.testing.assert_array_equal(exact, open_method(job(), given).separate(data))
    assert 0 < np.abs(exact - rounded).max() < 0.1


def test_what_the_codec_loses_goes_by_the_class_of_each_source(given: Given) -> None:
    sharing = job(estimation=Estimation(consistency="residual"), strength=1.0)
    method = open_method(sharing, given)
    straight, turned = (
        method.separate(batch([order], [5]))[0] for order in (["drums", "bass"], ["bass", "drums"])
    )
    data = batch([["drums", "bass"]], [5]).mixtures[0]
    for estimates in (straight, turned):
        np.testing.assert_allclose(0.5 * estimates.sum(axis=0), data, atol=1e-4)
    plain = open_method(job(), given).separate(batch([["drums", "bass"]], [5]))[0]
    moved = [np.abs(estimates - plain).sum(axis=1) for estimates in (straight, turned)]
    assert moved[0][1] > moved[0][0], "bass, of which the codec loses more, takes more of what is missing"
    assert moved[1][0] > moved[1][1]


def test_candidates_of_this_codec_alone(given: Given) -> None:
    codec = new_codec(small_codec(stride=4))
    assert given.candidates is not None
    stored = read_kept(given.candidates, codec=codec)
    assert list(stored) == [5, 7]
    for name in ("codes", "log_posterior", "remix_distance"):
        found, expected = getattr(stored[5], name), getattr(candidates(0), name)
        assert found.dtype == expected.dtype
        assert torch.equal(found, expected)
    assert stored[5].uncounted == 4
    codec.vqvae.quantizer.codebook += 1
    with pytest.raises(ValueError, match=r"candidates\.parquet: codes of codebook"):
        read_kept(given.candidates, codec=CodecAt(codec.vqvae, "float32"))


def test_a_method_without_its_files_says_which(given: Given) -> None:
    with pytest.raises(ValueError, match="needs the codec"):
        open_method(job(), Given(CPU))
    lacking = Given(CPU, given.codec, given.candidates)
    with pytest.raises(ValueError, match="needs the variances of what the codec loses"):
        open_method(job(estimation=Estimation(consistency="residual"), strength=1.0), lacking)


def test_a_job_survives_the_workflow() -> None:
    given = job(estimation=Estimation(refined=1, refinement=Refinement(steps=3)))
    assert read_job(given.model_dump(mode="json")) == given
