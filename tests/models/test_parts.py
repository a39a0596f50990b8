"""Parts from files, put together: those of one codec fit, others are refused with the file's name."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lass.models import checkpoint
from lass.models.codec import CodecAt
from lass.models.parts import Model, open_model, open_priors
from lass.models.settings import PriorOfClass
from lass.models.transformer import TransformerPrior
from tests.models.toy import counted_from, new_codec, of_class, small_codec, write_prior, write_table

CLASSES = ["drums", "bass"]


@pytest.fixture
def codec() -> CodecAt:
    """K = 6, a hop of 4."""
    return new_codec(small_codec(stride=4))


def assemble(folder: Path, codec: CodecAt, **changes: Any) -> Model:
    """A model with two priors of its own, with some arguments replaced."""
    priors = [
        (write_prior(folder / f"{name}.safetensors", codec.identity, trained_on=[name]), of_class(name))
        for name in CLASSES
    ]
    table = write_table(folder / "table.safetensors", codec.identity)
    parts: dict[str, Any] = {"likelihood": table, "counted": counted_from(codec.identity), "priors": priors}
    return open_model(codec, **(parts | {"length": 8} | changes))


def test_parts_of_one_codec_are_a_model(tmp_path: Path, codec: CodecAt) -> None:
    model = assemble(tmp_path, codec)
    assert list(model.priors) == CLASSES
    assert model.priors["drums"] is not model.priors["bass"]
    assert model.counts.fallback.shape == (6,)
    assert model.counts.likelihood.sources == 2


def test_a_model_without_table_and_priors(tmp_path: Path, codec: CodecAt) -> None:
    model = assemble(tmp_path, codec, likelihood=None, priors=[])
    assert model.priors_of(CLASSES) == []
    with pytest.raises(ValueError, match="opened without its table of counts"):
        _ = model.counts


def test_a_likelihood_of_another_size(tmp_path: Path, codec: CodecAt) -> None:
    other = write_table(tmp_path / "other.safetensors", codec.identity, codes=5)
    with pytest.raises(ValueError, match=r"other\.safetensors: made for codebook_size = 5"):
        assemble(tmp_path, codec, likelihood=other)
    other = write_table(tmp_path / "other.safetensors", codec.identity, sources=3)
    with pytest.raises(ValueError, match=r"other\.safetensors: made for sources = 3"):
        assemble(tmp_path, codec, likelihood=other)


def test_a_likelihood_of_another_codebook_or_of_other_sources(tmp_path: Path, codec: CodecAt) -> None:
    other = write_table(tmp_path / "other.safetensors", "f" * 16)
    with pytest.raises(ValueError, match=r"other\.safetensors: counted with codebook = ffff"):
        assemble(tmp_path, codec, likelihood=other)
    more = counted_from(codec.identity).model_copy(update={"tuples": 400})
    with pytest.raises(ValueError, match=r"tuples = 200, but tuples = 400 is configured: .* null to count"):
        assemble(tmp_path, codec, counted=more)


def test_a_prior_of_another_codebook(tmp_path: Path, codec: CodecAt) -> None:
    own = write_prior(tmp_path / "own.safetensors", codec.identity, trained_on=["drums"])
    other = write_prior(tmp_path / "other.safetensors", "f" * 16, trained_on=["bass"])
    with pytest.raises(ValueError, match=r"other\.safetensors: trained on codes of codebook ffff"):
        assemble(tmp_path, codec, priors=[(own, of_class("drums")), (other, of_class("bass"))])


def test_a_prior_of_other_classes(tmp_path: Path) -> None:
    path = write_prior(tmp_path / "prior.safetensors", "abc", trained_on=["bass"])
    with pytest.raises(ValueError, match=r"prior\.safetensors: trained on the classes \['bass'\], but"):
        open_priors([(path, of_class("drums"))], codebook="abc", length=8)


def test_a_checkpoint_that_is_named_twice_fits_both_classes(tmp_path: Path, codec: CodecAt) -> None:
    """Every class is checked, not the first that names the file."""
    path = write_prior(tmp_path / "prior.safetensors", codec.identity, trained_on=["drums"])
    with pytest.raises(
        ValueError, match=r"trained on the classes \['drums'\], but configured for \['bass'\]"
    ):
        assemble(tmp_path, codec, priors=[(path, of_class("drums")), (path, of_class("bass"))])


def test_priors_have_the_precision_of_the_codec(tmp_path: Path, codec: CodecAt) -> None:
    model = assemble(tmp_path, CodecAt(codec.vqvae, "bfloat16"))
    for prior in model.priors.values():
        assert {weights.dtype for weights in prior.network.parameters()} == {torch.bfloat16}


def test_a_prior_of_another_kind_or_of_a_shorter_context(tmp_path: Path) -> None:
    path = write_prior(tmp_path / "prior.safetensors", "abc", trained_on=CLASSES, conditional=True)
    untold = of_class("bass", prior="shared", classes=CLASSES)
    with pytest.raises(ValueError, match=r"prior\.safetensors: has 2 start tokens, but 1 are configured"):
        open_priors([(path, untold)], codebook="abc", length=8)
    told = of_class("bass", prior="shared", classes=CLASSES, conditional=True)
    with pytest.raises(ValueError, match=r"prior\.safetensors: its context of 8 tokens is shorter than .* 9"):
        open_priors([(path, told)], codebook="abc", length=9)


@pytest.mark.parametrize("conditional", [True, False])
def test_a_shared_prior_starts_with_the_class_only_where_it_has_classes(
    tmp_path: Path, codec: CodecAt, conditional: bool
) -> None:
    path = write_prior(
        tmp_path / "p.safetensors", codec.identity, trained_on=CLASSES, conditional=conditional
    )
    described = [of_class(name, prior="p", classes=CLASSES, conditional=conditional) for name in CLASSES]
    model = assemble(tmp_path, codec, priors=[(path, one) for one in described])
    drums, bass = (model.priors[name] for name in CLASSES)
    assert (drums is bass) == (not conditional), "told no class, one object is asked for both at once"
    assert isinstance(drums, TransformerPrior)
    assert isinstance(bass, TransformerPrior)
    assert (drums.class_index, bass.class_index) == (0, int(conditional))


def test_a_checkpoint_is_read_once_however_many_classes_it_serves(
    tmp_path: Path, codec: CodecAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_prior(tmp_path / "p.safetensors", codec.identity, trained_on=CLASSES, conditional=True)
    read: list[Path] = []

    def counted(path: Path, *, codebook: str) -> Any:
        read.append(path)
        return original(path, codebook=codebook)

    original = checkpoint.read_transformer
    monkeypatch.setattr("lass.models.parts.read_transformer", counted)
    described: list[PriorOfClass] = [
        of_class(name, prior="p", classes=CLASSES, conditional=True) for name in CLASSES
    ]
    model = assemble(tmp_path, codec, priors=[(path, one) for one in described])
    assert read == [path]
    assert model.priors["drums"].network is model.priors["bass"].network


def test_labels_say_what_a_prior_tells_apart() -> None:
    assert of_class("bass").label == "bass"
    assert of_class("cat", prior="animals", classes=["cat", "dog"], conditional=True).label == "cat"
    untold = [of_class(name, prior="animals", classes=["cat", "dog"]).label for name in ("cat", "dog")]
    assert untold == ["animals prior"] * 2
