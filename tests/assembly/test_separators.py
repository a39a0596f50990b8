"""Parts from files, put together: those of one codec fit, others are refused with the file's name."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lass.assembly.codecs import CodecAt
from lass.assembly.priors import open_prior
from lass.assembly.separators import open_separator
from lass.likelihood.tensor import build_likelihood, write_likelihood
from lass.models.checkpoint import new_network, read_vqvae, write_checkpoint
from lass.models.transformer import Transformer, TransformerShape
from lass.models.vqvae import Vqvae
from lass.separation.decoding.loop import Method
from lass.separation.estimation.candidates import draw_candidates
from lass.separation.separator import Separator
from tests.assembly.toy import small_codec
from tests.likelihood.dense import count, draw_codes

CLASSES = ["drums", "bass"]


@pytest.fixture
def codec(tmp_path: Path) -> Vqvae:
    """A codec with K = 6 and a hop of 4, through its file."""
    shape = small_codec(stride=4)
    network = new_network(Vqvae, shape, seed=0)
    network.quantizer.codebook.copy_(torch.rand(6, 2, generator=torch.Generator().manual_seed(0)))
    write_checkpoint(tmp_path / "vqvae.safetensors", network, provenance={})
    return read_vqvae(tmp_path / "vqvae.safetensors")


def write_prior(path: Path, codebook: str, *, trained_on: list[str], conditional: bool = False) -> Path:
    classes = len(trained_on) if conditional else 1
    shape = TransformerShape(codes=6, classes=classes, context=8, layers=1, width=8, heads=2, kv_heads=1)
    network = new_network(Transformer, shape, seed=len(path.name))
    write_checkpoint(path, network, provenance={"codebook": codebook, "classes": trained_on})
    return path


def entry(path: Path, name: str) -> dict[str, Any]:
    """What a separator is told of the prior of one source."""
    return {"path": path, "classes": [name], "conditional": False, "source": name}


def assemble(folder: Path, codec: Vqvae, **changes: Any) -> Separator:
    """A separator of two priors of its own, with some arguments replaced."""
    sources, mixture = draw_codes(sources=2, codebook_size=6, positions=50, seed=1)
    write_likelihood(folder / "table.safetensors", build_likelihood(count(sources, mixture, codebook_size=6)))
    priors = [
        entry(write_prior(folder / f"{name}.safetensors", codec.quantizer.identity, trained_on=[name]), name)
        for name in CLASSES
    ]
    parts: dict[str, Any] = {
        "codec": CodecAt(codec, "float32"),
        "likelihood": folder / "table.safetensors",
        "priors": priors,
        "weights": [0.5, 0.5],
        "method": Method("beam", hypotheses=3),
        "seed": 0,
        "length": 8,
    }
    return open_separator(**(parts | changes))


def test_parts_of_one_codec_separate(tmp_path: Path, codec: Vqvae) -> None:
    audio = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    found = draw_candidates(assemble(tmp_path, codec), audio, range(3), kept=2)
    for one in found:
        assert one.codes.shape[1:] == (2, 8)
        assert 1 <= len(one.codes) <= 3
        assert torch.isfinite(one.log_posterior).all()
        assert torch.isfinite(one.remix_distance).all()


def test_a_likelihood_of_another_size(tmp_path: Path, codec: Vqvae) -> None:
    sources, mixture = draw_codes(sources=2, codebook_size=5, positions=50, seed=1)
    other = tmp_path / "other.safetensors"
    write_likelihood(other, build_likelihood(count(sources, mixture, codebook_size=5)))
    with pytest.raises(ValueError, match=r"other\.safetensors: made for codebook_size = 5"):
        assemble(tmp_path, codec, likelihood=other)
    sources, mixture = draw_codes(sources=3, codebook_size=6, positions=50, seed=1)
    write_likelihood(other, build_likelihood(count(sources, mixture, codebook_size=6)))
    with pytest.raises(ValueError, match=r"other\.safetensors: made for sources = 3"):
        assemble(tmp_path, codec, likelihood=other)


def test_a_prior_of_another_codebook(tmp_path: Path, codec: Vqvae) -> None:
    own = write_prior(tmp_path / "own.safetensors", codec.quantizer.identity, trained_on=["drums"])
    other = write_prior(tmp_path / "other.safetensors", "f" * 16, trained_on=["bass"])
    priors = [entry(own, "drums"), entry(other, "bass")]
    with pytest.raises(ValueError, match=r"other\.safetensors: trained on codes of codebook ffff"):
        assemble(tmp_path, codec, priors=priors)


def test_a_prior_of_other_classes(tmp_path: Path) -> None:
    path = write_prior(tmp_path / "prior.safetensors", "abc", trained_on=["bass"])
    with pytest.raises(ValueError, match=r"prior\.safetensors: trained on the classes \['bass'\], but"):
        open_prior(**(entry(path, "drums")), codebook="abc", length=8)


def test_a_prior_of_another_kind_or_of_a_shorter_context(tmp_path: Path) -> None:
    path = write_prior(tmp_path / "prior.safetensors", "abc", trained_on=CLASSES, conditional=True)
    shared: dict[str, Any] = {"classes": CLASSES, "source": "bass", "codebook": "abc"}
    with pytest.raises(ValueError, match=r"prior\.safetensors: has 2 start tokens, but 1 are configured"):
        open_prior(path, **shared, conditional=False, length=8)
    with pytest.raises(ValueError, match=r"prior\.safetensors: its context of 8 tokens is shorter than .* 9"):
        open_prior(path, **shared, conditional=True, length=9)


@pytest.mark.parametrize("conditional", [True, False])
def test_a_shared_prior_starts_with_the_class_only_where_it_has_classes(
    tmp_path: Path, conditional: bool
) -> None:
    path = write_prior(tmp_path / "p.safetensors", "abc", trained_on=CLASSES, conditional=conditional)
    for index, source in enumerate(CLASSES):
        prior = open_prior(
            path, classes=CLASSES, conditional=conditional, source=source, codebook="abc", length=8
        )
        assert prior.class_index == (index if conditional else 0)
