"""From candidates to one estimate per source: decoding, refinement, consistency, choice or average, masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal, Protocol

import torch
from torch import Tensor

from lass.separation.estimation.candidates import Candidates
from lass.separation.estimation.consistency import average_and_share, project, share_residual
from lass.separation.estimation.masks import average_with_masked
from lass.separation.estimation.refinement import refine_latents
from lass.separation.offsets import Image, each_moved, moved
from lass.separation.settings import Estimation, Refinement


class Codec(Protocol):
    """What estimation asks of a codec: from codes to vectors, from vectors to data."""

    def embed(self, codes: Tensor) -> Tensor:
        """Vectors [R, S, C] of codes [R, S]."""

    def synthesise(self, latents: Tensor) -> Tensor:
        """Data points [R, T] of dense latents [R, S, C]; differentiable."""


@dataclass(frozen=True)
class Synthesis:
    """What turns codes of the sources into estimates that fit their mixture."""

    codec: Codec
    weights: Tensor  # alpha [N]
    bounds: tuple[float, float]  # of every number of a source; infinite for none
    variance: Tensor | None = None  # [classes, K, D], by `lass.likelihood.residual`: for `residual`
    image: Image | None = None  # colours, rows and columns of a data point; None for audio


@dataclass(frozen=True)
class SourceLabels:
    """Which estimate of a mixture is meant to be which of its N sources.

    Sources of equal label may change places: nothing tells their estimates apart. ValueError where there are
    not as many classes as labels.
    """

    labels: tuple[str, ...]  # [N]
    classes: tuple[int, ...]  # [N]: index of each source's class in `Synthesis.variance`

    def __post_init__(self) -> None:
        """Refuse a source without a class."""
        if len(self.labels) != len(self.classes):
            raise ValueError(
                f"{len(self.labels)} labels and {len(self.classes)} classes: every source has one of each"
            )

    def orders(self) -> list[list[int]]:
        """Every order of the sources that leaves each label where it is; the order as given comes first."""
        places = range(len(self.labels))
        return [
            list(order)
            for order in permutations(places)
            if all(self.labels[order[place]] == self.labels[place] for place in places)
        ]

    def variances(self, of_classes: Tensor) -> Tensor:
        """Of variances [classes, K, D] those of every source [N, K, D].

        A source of a label of its own has its class's; those of equal label share the mean over them.
        """
        own = of_classes[list(self.classes)]  # [N, K, D]
        alike = [
            [place for place, other in enumerate(self.labels) if other == label] for label in self.labels
        ]
        return torch.stack([own[places].mean(dim=0) for places in alike])


@dataclass(frozen=True)
class Synthesised:
    """Candidates of one mixture with the data that they stand for."""

    codes: Tensor  # [M, N, S] int64
    log_posterior: Tensor  # [M] float64
    data: Tensor  # [M, N, T] float32: D(z_n), or what refined latents decode to, moved back
    offsets: Tensor  # [M] int64: by how much the mixture was moved for each


def estimate_sources(
    candidates: Sequence[Candidates],
    mixtures: Tensor,
    *,
    estimation: Estimation,
    synthesis: Synthesis,
    sources: Sequence[SourceLabels],
) -> Tensor:
    """Estimates [B, N, T] of the sources of the mixtures y [B, T] from the candidates of each.

    `sources`, of every mixture: candidates may hold sources of equal label in any order, and averages align
    those. ValueError where consistency 'residual' has no variances to go by.
    """
    made = (
        (  # one mixture at a time
            decode_candidates(one, estimation=estimation, synthesis=synthesis) for one in candidates
        )
        if estimation.refinement is None
        else refine_candidates(
            candidates,
            mixtures,
            number=estimation.refined,
            settings=estimation.refinement,
            synthesis=synthesis,
        )
    )
    return torch.stack(
        [
            estimate_mixture(one, mixture, estimation=estimation, synthesis=synthesis, sources=own)
            for one, mixture, own in zip(made, mixtures, sources, strict=True)
        ]
    )


@torch.no_grad()
def decode_candidates(candidates: Candidates, *, estimation: Estimation, synthesis: Synthesis) -> Synthesised:
    """The candidates of one mixture as they are; only those that can be chosen."""
    codes, posterior, data = candidates.codes, candidates.log_posterior, candidates.data
    offsets = candidates.offsets
    if estimation.choice == "posterior" and estimation.averaging is None:  # the others need not be decoded
        best = posterior.argmax()[None]
        codes, posterior, offsets = codes[best], posterior[best], offsets[best]
        data = None if data is None else data[best]
    if data is None:
        codec = synthesis.codec
        data = torch.stack([codec.synthesise(codec.embed(one)).float() for one in codes])
        data = each_moved(data, -offsets, image=synthesis.image)
    return Synthesised(codes, posterior, data, offsets)


def refine_candidates(
    candidates: Sequence[Candidates],
    mixtures: Tensor,
    *,
    number: int,
    settings: Refinement,
    synthesis: Synthesis,
) -> list[Synthesised]:
    """The first `number` candidates of each of the mixtures y [B, T], all refined together."""
    codec, weights = synthesis.codec, synthesis.weights
    kept = [min(number, len(one.codes)) for one in candidates]
    owner = torch.repeat_interleave(torch.tensor(kept))
    codes = torch.cat([one.codes[:rows] for one, rows in zip(candidates, kept, strict=True)])  # [R, N, S]
    offsets = torch.cat([one.offsets[:rows] for one, rows in zip(candidates, kept, strict=True)])  # [R]
    targets = each_moved(mixtures[owner.to(mixtures.device)], offsets, image=synthesis.image)  # [R, T]
    latents = codec.embed(codes.flatten(0, 1)).unflatten(0, codes.shape[:2])  # [R, N, S, C]
    latents = refine_latents(
        latents, targets, weights=weights, synthesise=codec.synthesise, settings=settings
    ).latents
    with torch.no_grad():
        decoded = codec.synthesise(latents.flatten(0, 1)).float().unflatten(0, codes.shape[:2])  # [R, N, T]
    decoded = each_moved(decoded, -offsets, image=synthesis.image)
    return [
        Synthesised(one.codes[:rows], one.log_posterior[:rows], data, one.offsets[:rows])
        for one, rows, data in zip(candidates, kept, decoded.split(kept), strict=True)
    ]


def estimate_mixture(
    made: Synthesised,
    mixture: Tensor,
    *,
    estimation: Estimation,
    synthesis: Synthesis,
    sources: SourceLabels,
) -> Tensor:
    """Estimates [N, T] of the sources of one mixture y [T] from its decoded candidates.

    ValueError where consistency 'residual' has no variances to go by.
    """
    mixtures = mixture.expand(len(made.codes), -1)  # [M, T]
    errors = ((synthesis.weights[:, None] * made.data).sum(dim=1) - mixtures).square().sum(dim=1)  # [M]
    scores = candidate_scores(errors, made.log_posterior.to(errors), estimation=estimation)
    shares = candidate_shares(scores, made.offsets, averaging=estimation.averaging).to(made.data)
    if estimation.consistency == "residual" and estimation.averaging is not None:
        estimates = average_consistent(made, mixture, shares=shares, synthesis=synthesis, sources=sources)
    else:
        consistent = make_consistent(
            made, mixtures, kind=estimation.consistency, synthesis=synthesis, sources=sources
        )
        estimates = combine(consistent, shares, orders=sources.orders())
    if estimation.mask is None:
        return estimates
    return average_with_masked(estimates, mixture, weights=synthesis.weights, mask=estimation.mask)


def make_consistent(
    made: Synthesised,
    mixtures: Tensor,
    *,
    kind: Literal["equal", "residual"] | None,
    synthesis: Synthesis,
    sources: SourceLabels,
) -> Tensor:
    """Estimates [M, N, T] that add up to the mixtures [M, T], from D(z_n) of M candidates."""
    if kind is None:
        return made.data
    if kind == "equal":
        low, high = synthesis.bounds
        return project(made.data, mixtures, weights=synthesis.weights, low=low, high=high)
    variance = lost_by(made.codes, synthesis=synthesis, sources=sources)
    data, targets = (each_moved(one, made.offsets, image=synthesis.image) for one in (made.data, mixtures))
    shared = share_residual(data, targets, weights=synthesis.weights, variance=variance)
    return each_moved(shared, -made.offsets, image=synthesis.image)


def average_consistent(
    made: Synthesised, mixture: Tensor, *, shares: Tensor, synthesis: Synthesis, sources: SourceLabels
) -> Tensor:
    """The mean [N, T] of M candidates by their shares [M], made consistent with the mixture y [T].

    Each candidate is first brought into the order of sources that is nearest to the one of the most weight.
    What is missing of the mixture is shared out in the frames of every offset, of all candidates' mean.
    """
    best = made.data[shares.argmax()]
    orders = [nearest_order(one, best, orders=sources.orders()) for one in made.data]
    data, lost = (
        torch.stack([one[order] for one, order in zip(each, orders, strict=True)])
        for each in (made.data, lost_by(made.codes, synthesis=synthesis, sources=sources))
    )
    estimates = torch.zeros_like(best)
    for by in made.offsets.unique().tolist():
        own = made.offsets == by
        weight = shares[own].sum()  # of the offset among all
        variance = ((shares[own] / weight)[:, None, None, None] * lost[own]).sum(dim=0)  # [N, S, D]
        data_then, mixture_then = (moved(one, by, image=synthesis.image) for one in (data, mixture))
        shared = average_and_share(
            data_then, mixture_then, shares=shares, weights=synthesis.weights, variance=variance
        )
        estimates += weight * moved(shared, -by, image=synthesis.image)
    return estimates


def lost_by(codes: Tensor, *, synthesis: Synthesis, sources: SourceLabels) -> Tensor:
    """Variances [M, N, S, D] of what the codec loses in the frames of codes [M, N, S].

    ValueError where the synthesis has none.
    """
    if synthesis.variance is None:
        raise ValueError("consistency 'residual' needs the variances of what the codec loses: fit them first")
    known = sources.variances(synthesis.variance)  # [N, K, D]
    source = torch.arange(len(known), device=codes.device)[:, None]
    return known[source, codes]


def candidate_scores(errors: Tensor, log_posterior: Tensor, *, estimation: Estimation) -> Tensor:
    """What is maximised [M], in nats, from remix errors and log posteriors [M]."""
    likelihood = -errors / (2 * estimation.sigma**2)
    return {"remix": likelihood, "posterior": log_posterior, "joint": likelihood + log_posterior}[
        estimation.choice
    ]


def candidate_shares(scores: Tensor, offsets: Tensor, *, averaging: float | None) -> Tensor:
    """The weights [M] of candidates in their mean, float64: softmax(scores / averaging), or the best alone.

    Offsets have equal weight: scores [M] of a mixture that was moved differ from others by a constant.
    """
    if averaging is None:
        return torch.nn.functional.one_hot(scores.argmax(), len(scores)).double()
    places = offsets.unique()
    shares = torch.empty_like(scores, dtype=torch.float64)
    for by in places:
        own = offsets == by
        shares[own] = (scores[own].double() / averaging).softmax(dim=0) / len(places)
    return shares


def combine(estimates: Tensor, shares: Tensor, *, orders: Sequence[list[int]]) -> Tensor:
    """The mean of M estimates [M, N, T] by their shares [M]; the only one that has a share as it is.

    Before the mean is taken, each is brought into the one of the `orders` of sources that is nearest to that
    of the most weight.
    """
    best = estimates[shares.argmax()]
    if int((shares > 0).sum()) == 1:
        return best
    aligned = torch.stack([align(one, best, orders=orders) for one in estimates])
    return (shares[:, None, None] * aligned).sum(dim=0)


def align(estimates: Tensor, reference: Tensor, *, orders: Sequence[list[int]]) -> Tensor:
    """`estimates` [N, T] in the one of the `orders` that is nearest to `reference` [N, T]."""
    return estimates[nearest_order(estimates, reference, orders=orders)]


def nearest_order(estimates: Tensor, reference: Tensor, *, orders: Sequence[list[int]]) -> list[int]:
    """The one of the `orders` in which `estimates` [N, T] are nearest to `reference` [N, T]."""
    distances = torch.stack([(estimates[order] - reference).square().sum() for order in orders])
    return orders[int(distances.argmin())]
