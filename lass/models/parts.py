"""The parts of a model: codec, priors and likelihood, opened once from their files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from lass.likelihood.settings import Counted
from lass.likelihood.tensor import Likelihood, nearest_counted, read_likelihood
from lass.models.checkpoint import read_transformer
from lass.models.codec import PRECISIONS, CodecAt
from lass.models.headers import describe_checkpoint, kind_of
from lass.models.pretrained.registry import PRIORS, named
from lass.models.settings import PriorOfClass
from lass.models.transformer import TransformerPrior

_Opening = tuple[Path, tuple[str, ...], bool]  # a checkpoint, and what it is said to hold


class NetworkPrior(Protocol):
    """A prior (`lass.separation.decoding.prior`) with the network behind it."""

    codebook_size: int
    network: Any  # nn.Module; its `shape` has `classes` (start tokens) and `context` (tokens)

    def start(self, batch: int, length: int, *, shared: int = 1) -> Any:
        """State of `batch` empty sequences."""

    def bytes_per_sequence(self, length: int) -> int:
        """Memory that a sequence takes."""

    def log_probs(self, previous: Tensor | None, state: Any) -> Tensor:
        """`log p(z_s | z_<s)` [batch, K]."""

    def reorder(self, state: Any, rows: Tensor) -> None:
        """Let sequence b continue what was `rows[b]`."""

    def sequence_loss(self, codes: Tensor) -> Tensor:
        """Nats per token of whole sequences [B, S]."""


@dataclass(frozen=True, eq=False)
class CountedLikelihood:
    """The table of counts, and what it takes for codes that it lacks."""

    likelihood: Likelihood
    fallback: Tensor  # [K] int64: the counted code that stands for each mixture code


@dataclass(frozen=True, eq=False)
class Model:
    """Parts that agree on their codebook."""

    codec: CodecAt
    priors: Mapping[str, NetworkPrior]  # of each class; one object where a prior does not tell them apart
    given_counts: CountedLikelihood | None = None  # where a decoder asks for the table

    @property
    def counts(self) -> CountedLikelihood:
        """The table of counts; ValueError where the model was opened without one."""
        if self.given_counts is None:
            raise ValueError("the model was opened without its table of counts: open it with one")
        return self.given_counts

    def priors_of(self, classes: Sequence[str]) -> list[NetworkPrior]:
        """The priors of sources of these `classes`; none where the model was opened without."""
        return [self.priors[name] for name in classes] if self.priors else []


def open_model(
    codec: CodecAt,
    *,
    likelihood: Path | None,
    counted: Counted,
    priors: Sequence[tuple[Path, PriorOfClass]],
    length: int,
) -> Model:
    """The model whose codec is open already; every file is read once.

    `likelihood` is the table of counts, or None where none is asked for, and `counted` what it must be
    counted from; `priors` holds checkpoint and description of the prior of each class, or nothing; `length`
    is the tokens of a mixture. ValueError, naming the file, where a part belongs to another codec or to other
    sources, or is too short.
    """
    opened = open_priors(priors, codebook=codec.identity, length=length)
    for prior in opened.values():
        prior.network.to(codec.device, PRECISIONS[codec.precision])
    if likelihood is None:
        return Model(codec, opened)
    size, sources = len(codec.codebook), len(counted.weights)
    table = read_likelihood(likelihood, codebook_size=size, sources=sources, counted=counted)
    table = table.to(codec.device)
    return Model(codec, opened, CountedLikelihood(table, nearest_counted(table, codec.codebook)))


def open_priors(
    priors: Sequence[tuple[Path, PriorOfClass]], *, codebook: str, length: int
) -> dict[str, NetworkPrior]:
    """The prior of each class from its checkpoint, for sequences of `length` tokens.

    A checkpoint is read once, however many classes it serves; one that tells no class is one object for all
    of its classes. ValueError as of `open_network`.
    """
    networks: dict[_Opening, Any] = {}
    opened: dict[tuple[_Opening, int], NetworkPrior] = {}
    of_class: dict[str, NetworkPrior] = {}
    for path, described in priors:
        opening = (path, tuple(described.classes), described.conditional)
        if opening not in networks:
            networks[opening] = open_network(path, described, codebook=codebook, length=length)
        index = described.classes.index(described.source) if described.conditional else 0
        prior = prior_of(networks[opening], kind_of(path), class_index=index)
        of_class[described.source] = opened.setdefault((opening, index), prior)
    return of_class


def prior_of(network: Any, kind: str, *, class_index: int) -> NetworkPrior:
    """The prior of one class, of a network of this kind."""
    make = named(PRIORS[kind][1]) if kind in PRIORS else TransformerPrior
    prior: NetworkPrior = make(network, class_index=class_index)
    return prior


def open_network(path: Path, described: PriorOfClass, *, codebook: str, length: int) -> Any:
    """The network of the prior at `path`, of this project or imported.

    ValueError, naming the file, where its classes or its being told them are not as described, or it has
    another codebook or a shorter context.
    """
    kind = kind_of(path)
    read = named(PRIORS[kind][0]) if kind in PRIORS else read_transformer
    network = read(path, codebook=codebook)
    stored = describe_checkpoint(path, kind)["provenance"].get("classes")
    if list(stored or described.classes) != described.classes:
        raise ValueError(
            f"{path}: trained on the classes {stored}, but configured for {described.classes}; name its own"
        )
    starts = len(described.classes) if described.conditional else 1
    if network.shape.classes != starts:
        raise ValueError(
            f"{path}: has {network.shape.classes} start tokens, but {starts} are configured; correct "
            "`conditional`"
        )
    if network.shape.context < length:
        raise ValueError(
            f"{path}: its context of {network.shape.context} tokens is shorter than a mixture's {length}; "
            "lower mixtures.seconds or train a prior with a longer context"
        )
    return network
