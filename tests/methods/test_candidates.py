"""Candidates of mixtures: one group for every list of priors, with either likelihood, batch by batch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lass.data.images.library import FILE, open_images, write_images
from lass.data.mixtures import Mixtures
from lass.data.settings import ImageLibrarySettings
from lass.data.table import Place, mixture_table
from lass.likelihood.frames import FrameMoments, write_frames
from lass.likelihood.settings import TupleOrigin
from lass.methods.candidates import candidates_of, group_by_priors, open_likelihood, open_separator
from lass.methods.candidates import model_of as open_for
from lass.methods.settings import DecodingJob
from lass.models.checkpoint import new_network
from lass.models.codec import CodecAt
from lass.models.likelihood_network import LikelihoodNetwork, NetworkShape, write_network
from lass.models.parts import Model, open_model
from lass.models.settings import CodecCheck
from lass.separation.settings import DecoderSettings, Measured
from tests.models.toy import counted_from, new_codec, of_class, small_codec, write_prior, write_table
from tests.separation.toy import ancestral, beam

CLASSES = ["cat", "dog"]
PAIRS = [["cat", "dog"], ["dog", "dog"], ["cat", "dog"], ["dog", "cat"]]


@pytest.fixture
def codec() -> CodecAt:
    """Images of 4 x 4 pixels, K = 6, S = 4."""
    return new_codec(small_codec(stride=2, overlap=False, image=(1, 4, 4)))


def model_of(folder: Path, codec: CodecAt, *, told: bool) -> Model:
    """A model whose one prior is `told` the class or not."""
    sizes = {"context": 4, "absolute": True}
    path = folder / "prior.safetensors"
    prior = write_prior(path, codec.identity, trained_on=CLASSES, conditional=told, **sizes)
    described = [of_class(name, prior="animals", classes=CLASSES, conditional=told) for name in CLASSES]
    return open_model(
        codec,
        likelihood=write_table(folder / "table.safetensors", codec.identity),
        counted=counted_from(codec.identity),
        priors=[(prior, one) for one in described],
        length=4,
    )


def mixtures_of(folder: Path) -> Mixtures:
    """Four mixtures of a cat and three dogs."""
    rng = np.random.default_rng(0)
    labels = np.array([0, 1, 1, 1, 0])
    write_images(folder / FILE, rng.integers(256, size=(5, 1, 4, 4), dtype=np.uint8), labels, CLASSES)
    library = open_images(folder, ImageLibrarySettings(image=(1, 4, 4), classes=tuple(CLASSES)))
    rows = [(0, 1), (2, 3), (4, 2), (1, 0)]
    places = [[Place(f"{row:06d}", 0) for row in pair] for pair in rows]
    return Mixtures(table_of(places), library)


def table_of(places: list[list[Place]]) -> Any:
    """The table of the mixtures."""
    return mixture_table(places, sources=PAIRS, weights=[0.5, 0.5], length=16)


def job_of(decoder: DecoderSettings, *, batch: int = 8) -> DecodingJob:
    return DecodingJob(
        decoder=decoder,
        codec=CodecCheck(hop=2),
        precision="float32",
        priors=[],
        counted_from=TupleOrigin(sources=("a", "a"), weights=(0.5, 0.5), tuples=200),
        positions=4,
        noise=0.1,
        batch=batch,
        seed=0,
    )


def test_a_prior_that_is_told_no_class_serves_all_mixtures(tmp_path: Path, codec: CodecAt) -> None:
    [group] = group_by_priors(PAIRS, model_of(tmp_path, codec, told=False))
    assert group.rows == [0, 1, 2, 3]
    assert group.priors[0] is group.priors[1]


def test_a_prior_that_is_told_the_class_serves_equal_classes(tmp_path: Path, codec: CodecAt) -> None:
    model = model_of(tmp_path, codec, told=True)
    groups = group_by_priors(PAIRS, model)
    assert [group.rows for group in groups] == [[0, 2], [1], [3]]
    assert group_by_priors([], model) == []


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("frames", [True, False])
@pytest.mark.parametrize("decoder", [ancestral(4), beam(4)], ids=["ancestral", "beam"])
def test_candidates_do_not_depend_on_the_batch(
    tmp_path: Path, codec: CodecAt, told: bool, frames: bool, decoder: DecoderSettings
) -> None:
    generator, moments = torch.Generator().manual_seed(0), FrameMoments.empty(6, 4)
    moments.add(torch.rand(60, 4, generator=generator), torch.arange(60) % 6)
    write_frames(tmp_path / "frames.safetensors", moments, codebook=codec.identity)
    model, mixtures = model_of(tmp_path, codec, told=told), mixtures_of(tmp_path)
    settings: dict[str, Any] = {"model": model, "memory": lambda: 2**30}
    settings["measured"] = {"frames": tmp_path / "frames.safetensors"}
    decoder = decoder.model_copy(update={"likelihood": "frames" if frames else "counts"})
    whole = dict(candidates_of(mixtures, range(4), job=job_of(decoder), **settings))
    assert sorted(whole) == [0, 1, 2, 3]
    for one in whole.values():
        assert one.codes.shape[1:] == (2, 4)
        assert 1 <= len(one.codes) <= decoder.kept + 1
    single = dict(candidates_of(mixtures, [3, 1], job=job_of(decoder, batch=1), **settings))
    for number, one in single.items():
        assert torch.equal(one.codes, whole[number].codes), "whatever shares the batch with it"


def test_memory_is_asked_for_once_everything_is_loaded(
    tmp_path: Path, codec: CodecAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU what is free before the likelihoods are there is more than decoding may take."""
    model, mixtures, opened = model_of(tmp_path, codec, told=False), mixtures_of(tmp_path), list[str]()

    def likelihood(*values: Any, **named: Any) -> Any:
        opened.append("likelihood")
        return open_likelihood(*values, **named)

    def memory() -> int:
        opened.append("memory")
        return 2**30

    monkeypatch.setattr("lass.methods.candidates.open_likelihood", likelihood)
    list(candidates_of(mixtures, [0], model=model, job=job_of(beam(2)), memory=memory, measured={}))
    assert opened == ["likelihood", "memory"]


def test_the_network_alone_needs_neither_table_nor_priors(tmp_path: Path) -> None:
    """What it finds is the same whether these are there or not."""
    codec, classes = new_codec(small_codec(stride=4)), ["drums", "bass"]
    shape = NetworkShape(codes=6, code_channels=2, hop=4, sources=2, width=8, window=8, dilations=(1,))
    told: dict[str, Any] = {"sources": ["a", "a"], "weights": [0.5, 0.5], "codebook": codec.identity}
    network = new_network(LikelihoodNetwork, shape, seed=0)
    write_network(tmp_path / "network.safetensors", network, provenance={}, **told)
    decoder = ancestral(4).model_copy(update={"likelihood": "network", "prior_weight": 0.0})
    alone = job_of(decoder)
    beside = alone.model_copy(update={"priors": [of_class(name) for name in classes]})
    table = write_table(tmp_path / "table.safetensors", codec.identity)
    priors = [
        str(write_prior(tmp_path / f"{name}.safetensors", codec.identity, trained_on=[name]))
        for name in classes
    ]
    models = [
        open_for(beside, codec=codec, likelihood=str(table), priors=priors),
        open_for(alone, codec=codec, likelihood=None, priors=[]),
    ]
    decoded = []
    for model in models:
        files: dict[Measured, Path] = {"network": tmp_path / "network.safetensors"}
        likelihood = open_likelihood(files, model=model, job=alone)
        own = model.priors_of(classes)
        separator = open_separator(model, alone, priors=own, memory=2**28, likelihood=likelihood)
        mixtures = torch.randn(3, 16, generator=torch.Generator().manual_seed(0))
        decoded.append(separator.hypotheses(mixtures, [4, 5, 6]))
    assert torch.equal(decoded[0].codes, decoded[1].codes)
    assert torch.equal(decoded[0].scores, decoded[1].scores)
    assert decoded[1].uncounted.tolist() == [0, 0, 0]
