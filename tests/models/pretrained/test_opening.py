"""Imported parts where the project's own stand otherwise: opened by their kind, and separating together."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.bundle.folder import Parts, pack_model
from lass.bundle.opening import open_bundle
from lass.bundle.settings import Preset
from lass.likelihood.settings import Counted
from lass.models.codec import CodecAt, open_codec
from lass.models.parts import Model, open_model, open_priors
from lass.models.pretrained.jukebox_codec import JukeboxVqvae
from lass.models.pretrained.jukebox_prior import JukeboxPrior
from lass.models.pretrained.registry import convert_files
from lass.models.settings import CodecCheck
from lass.separation.decoding.decoders import open_decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.support import CountedPositions
from lass.separation.settings import Beam, Estimation
from tests.bundle.toy import CLASSES, unpacked
from tests.models.pretrained.public_jukebox import prior_sizes, random_vqvae, random_weights
from tests.models.toy import of_class

CPU = torch.device("cpu")
K = 4
# Codes of the mixture 0 and 1 have three pairs each, the others one.
PAIRS = {0: [(0, 1), (1, 0), (2, 2)], 1: [(0, 3), (3, 0), (1, 1)], 2: [(3, 3)], 3: [(0, 0)]}
COUNTS = [3, 3, 2, 1, 1, 4, 2, 2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Codec, two priors with blocks of 2 tokens, and a table, imported."""
    folder = tmp_path_factory.mktemp("model")
    torch.save({"model": random_vqvae(codes=K)}, folder / "vqvae.pth.tar")
    convert_files("jukebox-vqvae", [folder / "vqvae.pth.tar"], folder, options={})
    sizes = {"codes": K, "context": 128, "layers": 6, "width": 8, "inner": 4, "hidden": 8}
    for seed, name in enumerate(CLASSES):
        weights = random_weights(prior_sizes(**sizes), seed=seed, scale=0.7)
        torch.save({"model": weights}, folder / "prior.pth.tar")
        convert_files("jukebox-prior", [folder / "prior.pth.tar"], folder, options={"name": name})
    entries = [(*pair, code) for code, pairs in PAIRS.items() for pair in pairs]
    arrays = {"coords": np.array(entries).T, "data": np.array(COUNTS), "shape": np.array([K] * 3)}
    np.savez(folder / "sums.npz", allow_pickle=False, fill_value=np.array(0), **arrays)
    convert_files("lass-counts", [folder / "sums.npz"], folder, options={"classes": CLASSES})
    return folder


def opened(folder: Path, *, rate: int = 44_100) -> Model:
    codec = open_codec(
        folder / "codec.safetensors", CodecCheck(hop=128 * rate // 44_100, rate=rate), device=CPU
    )
    return open_model(
        codec,
        likelihood=folder / "likelihood.safetensors",
        counted=Counted(codebook=codec.identity, sources=tuple(CLASSES), weights=(0.5, 0.5), tuples=9),
        priors=[(folder / "priors" / f"{name}.safetensors", of_class(name)) for name in CLASSES],
        length=5,
    )


def test_parts_are_opened_by_their_kind(folder: Path) -> None:
    model = opened(folder, rate=22_050)
    assert isinstance(model.codec.vqvae, JukeboxVqvae)
    assert model.codec.hop == 64
    assert all(isinstance(prior, JukeboxPrior) for prior in model.priors.values())
    low = CodecAt(model.codec.vqvae, "bfloat16")
    audio = torch.randn(1, 640, generator=torch.Generator().manual_seed(0))
    codes = model.codec.encode(audio)
    assert torch.equal(low.encode(audio), codes)
    assert low.decode(codes).dtype == torch.float32
    assert not torch.equal(low.decode(codes), model.codec.decode(codes))


def best_by_enumeration(model: Model, mixture: list[int], *, weight: float) -> tuple[list[list[int]], float]:
    """The most probable pair of sequences of all that the table allows, by whole passes of the priors."""
    paths = list(itertools.product(*(PAIRS[code] for code in mixture)))
    sums: dict[tuple[int, int], int] = {}
    entries = [(pair, code) for code, pairs in PAIRS.items() for pair in pairs]
    for (pair, _), number in zip(entries, COUNTS, strict=True):
        sums[pair] = sums.get(pair, 0) + number
    log_likelihood = {
        entry: np.log(number / sums[entry[0]]) for entry, number in zip(entries, COUNTS, strict=True)
    }
    codes = torch.tensor(paths).permute(2, 0, 1)  # [N, paths, S]
    total = torch.tensor(
        [weight * sum(log_likelihood[pair, code] for pair, code in zip(path, mixture, strict=True))
         for path in paths]
    )  # fmt: skip
    for source, prior in zip(codes, model.priors.values(), strict=True):
        assert isinstance(prior, JukeboxPrior)
        logs: Tensor = prior.logits(source).log_softmax(dim=-1)
        total = total + logs.gather(2, source[..., None])[..., 0].sum(dim=1)
    row = int(total.argmax())
    return codes[:, row].tolist(), float(total[row])


def test_a_wide_beam_finds_what_enumeration_finds(folder: Path) -> None:
    model, mixture = opened(folder), [0, 1, 0, 1, 0]
    decoded = decode_sequences(
        CountedPositions(model.counts.likelihood, torch.tensor([mixture])),
        priors=list(model.priors.values()),
        decoder=open_decoder(Beam(kind="beam", likelihood_weight=3.0, hypotheses=243, kept=1)),
    )
    row = int(decoded.scores[0].argmax())
    codes, score = best_by_enumeration(model, mixture, weight=3.0)
    assert decoded.codes[0, row].T.tolist() == codes
    assert float(decoded.scores[0, row]) == pytest.approx(score, abs=1e-4)


def test_a_packed_model_of_imported_parts_separates(folder: Path, tmp_path: Path) -> None:
    preset = Preset(
        decoder=Beam(kind="beam", likelihood_weight=3.0, hypotheses=4, kept=1), estimation=Estimation()
    )
    described = unpacked(
        opened(folder).codec,
        codec=CodecCheck(hop=64, rate=22_050),
        counted_from={"sources": CLASSES, "weights": [0.5, 0.5], "tuples": 9},
        positions=5,
        length=320,
        strength=None,
        presets={"best": preset},
    )
    priors = {name: folder / "priors" / f"{name}.safetensors" for name in CLASSES}
    parts = Parts(folder / "codec.safetensors", folder / "likelihood.safetensors", priors)
    pack_model(tmp_path / "packed", parts, described, level=None, made={})
    model = open_bundle(tmp_path / "packed", device=CPU, precision="float32")
    windows = np.random.default_rng(0).standard_normal((2, 320)).astype(np.float32)
    separated = model.preset("best", classes=CLASSES, seed=0, memory=1 << 28).separate(windows, [0, 1])
    assert separated.estimates.shape == (2, 2, 320)
    assert model.codes is not None
    mixture = model.codes.parts.counts.fallback[model.codes.codec.encode(torch.from_numpy(windows))]
    allowed = [PAIRS[code] for code in mixture.flatten().tolist()]
    assert all(pair in pairs for pair, pairs in zip(
        map(tuple, separated.codes.transpose(0, 2, 1).reshape(-1, 2).tolist()), allowed, strict=True
    ))  # fmt: skip


def test_a_prior_that_is_told_classes_is_not_this_one(folder: Path) -> None:
    options = {"name": "both", "classes": CLASSES}
    path = convert_files("jukebox-prior", [folder / "prior.pth.tar"], folder, options=options)
    codebook = opened(folder).codec.identity
    told = of_class("drums", prior="both", classes=CLASSES, conditional=True)
    with pytest.raises(ValueError, match=r"both\.safetensors: has 1 start tokens, but 2 are configured"):
        open_priors([(path, told)], codebook=codebook, length=5)
    shared = [(path, of_class(name, prior="both", classes=CLASSES)) for name in CLASSES]
    drums, bass = open_priors(shared, codebook=codebook, length=5).values()
    assert drums is bass
    with pytest.raises(ValueError, match=r"both\.safetensors: its context of 128 tokens is shorter"):
        open_priors(shared, codebook=codebook, length=129)
    with pytest.raises(ValueError, match="class index 1: the prior has 1 start token alone"):
        JukeboxPrior(drums.network, class_index=1)
