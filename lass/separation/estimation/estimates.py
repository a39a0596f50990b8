"""From candidates to one estimate per source: decoding, refinement, consistency, choice or average, masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Protocol

import torch
from torch import Tensor

from lass.separation.estimation.candidates import Candidates
from lass.separation.estimation.consistency import project, share_residual
from lass.separation.estimation.masks import Mask, average_with_masked
from lass.separation.estimation.refinement import Refinement, refine_latents

CHOICES = ("remix", "posterior", "joint")
CONSISTENCIES = (None, "equal", "residual")


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
    variance: Tensor | None = None  # [N, K, D], by `lass.likelihood.residual`: for consistency 'residual'


@dataclass(frozen=True)
class Finish:
    """What happens to the candidates of a mixture.

    The first `refined` candidates (those of lowest remix distance) are refined; where `refined` is 0, all are
    only decoded. One of them is chosen: `remix`, by the remix error that is left; `posterior`, by
    the log posterior of its codes; `joint`, by `log posterior - error / (2 sigma²)` with the error ||y -
    remix||² after refinement. Consistency makes the estimates add up to the mixture: `equal` shares out
    what is missing alike, `residual` by what the codec is known to lose in the frames of each code. Last,
    `mask` takes the mean of the estimates and of the mixture through soft masks that they make.
    """

    refined: int  # M; 0 for all candidates as they are
    refinement: Refinement | None  # where M > 0
    choice: str = "remix"
    sigma: float = 0.1  # of joint: standard deviation of a number of the mixture
    consistency: str | None = None  # one of CONSISTENCIES
    averaging: float | None = None  # temperature (nats) of a posterior mean; None: the chosen one alone
    mask: Mask | None = None  # None for no masks

    def __post_init__(self) -> None:
        """Refuse combinations that mean nothing."""
        if self.choice not in CHOICES:
            raise ValueError(f"choice {self.choice!r}: choose one of {', '.join(CHOICES)}")
        if self.consistency not in CONSISTENCIES:
            raise ValueError(f"consistency {self.consistency!r}: choose one of {CONSISTENCIES}")
        if self.refined < 0 or (self.refined > 0) != (self.refinement is not None):
            raise ValueError(
                f"refined {self.refined}: refinement is needed where it is positive, and only there"
            )
        if self.sigma <= 0 or (self.averaging is not None and self.averaging <= 0):
            raise ValueError(f"sigma {self.sigma} and averaging {self.averaging} must be positive")


@dataclass(frozen=True)
class Synthesised:
    """Candidates of one mixture with the data that they stand for."""

    codes: Tensor  # [M, N, S] int64
    log_posterior: Tensor  # [M] float64
    data: Tensor  # [M, N, T] float32: D(z_n), or what refined latents decode to


def estimate_sources(
    found: Sequence[Candidates],
    mixtures: Tensor,
    *,
    finish: Finish,
    synthesis: Synthesis,
    interchangeable: bool,
) -> Tensor:
    """Estimates [B, N, T] of the sources of the mixtures y [B, T] from the candidates of each.

    `interchangeable`: the sources have one prior, so that candidates may hold them in any order; averages
    align them. ValueError where consistency 'residual' has no variances to go by.
    """
    made = (
        (decode_candidates(one, finish=finish, synthesis=synthesis) for one in found)  # one mixture at a time
        if finish.refinement is None
        else refine_candidates(found, mixtures, finish=finish, synthesis=synthesis)
    )
    return torch.stack(
        [
            estimate_mixture(
                one, mixture, finish=finish, synthesis=synthesis, interchangeable=interchangeable
            )
            for one, mixture in zip(made, mixtures, strict=True)
        ]
    )


@torch.no_grad()
def decode_candidates(found: Candidates, *, finish: Finish, synthesis: Synthesis) -> Synthesised:
    """The candidates of one mixture as they are; only those that can be chosen."""
    codes, posterior = found.codes, found.log_posterior  # [M, N, S], [M]
    if finish.choice == "posterior" and finish.averaging is None:  # the others need not be decoded
        best = posterior.argmax()[None]
        codes, posterior = codes[best], posterior[best]
    codec = synthesis.codec
    return Synthesised(
        codes, posterior, torch.stack([codec.synthesise(codec.embed(one)).float() for one in codes])
    )


def refine_candidates(
    found: Sequence[Candidates], mixtures: Tensor, *, finish: Finish, synthesis: Synthesis
) -> list[Synthesised]:
    """The first `refined` candidates of each of the mixtures y [B, T], all refined together."""
    assert finish.refinement is not None, "as `Finish` demands where `refined` is positive"
    codec, weights = synthesis.codec, synthesis.weights
    kept = [min(finish.refined, len(one.codes)) for one in found]
    owner = torch.repeat_interleave(torch.tensor(kept))
    codes = torch.cat([one.codes[:number] for one, number in zip(found, kept, strict=True)])  # [R, N, S]
    targets = mixtures[owner.to(mixtures.device)]  # [R, T]
    latents = codec.embed(codes.flatten(0, 1)).unflatten(0, codes.shape[:2])  # [R, N, S, C]
    latents = refine_latents(
        latents, targets, weights=weights, synthesise=codec.synthesise, settings=finish.refinement
    ).latents
    with torch.no_grad():
        decoded = codec.synthesise(latents.flatten(0, 1)).float().unflatten(0, codes.shape[:2])  # [R, N, T]
    return [
        Synthesised(one.codes[:number], one.log_posterior[:number], data)
        for one, number, data in zip(found, kept, decoded.split(kept), strict=True)
    ]


def estimate_mixture(
    made: Synthesised, mixture: Tensor, *, finish: Finish, synthesis: Synthesis, interchangeable: bool
) -> Tensor:
    """Estimates [N, T] of the sources of one mixture y [T] from its decoded candidates."""
    mixtures = mixture.expand(len(made.codes), -1)  # [M, T]
    errors = ((synthesis.weights[:, None] * made.data).sum(dim=1) - mixtures).square().sum(dim=1)  # [M]
    estimates = make_consistent(
        made.data,
        made.codes,
        mixtures,
        kind=finish.consistency,
        synthesis=synthesis,
        interchangeable=interchangeable,
    )
    scores = candidate_scores(errors, made.log_posterior.to(errors), finish=finish)
    best = combine(estimates, scores, averaging=finish.averaging, interchangeable=interchangeable)
    if finish.mask is None:
        return best
    return average_with_masked(best, mixture, weights=synthesis.weights, mask=finish.mask)


def make_consistent(
    decoded: Tensor,
    codes: Tensor,
    mixtures: Tensor,
    *,
    kind: str | None,
    synthesis: Synthesis,
    interchangeable: bool,
) -> Tensor:
    """Estimates [R, N, T] that add up to the mixtures [R, T], from D(z_n) [R, N, T] of codes [R, N, S].

    Sources that are `interchangeable` have no class: all share the mean of the classes' variances.
    """
    if kind is None:
        return decoded
    if kind == "equal":
        low, high = synthesis.bounds
        return project(decoded, mixtures, weights=synthesis.weights, low=low, high=high)
    if synthesis.variance is None:
        raise ValueError("consistency 'residual' needs the variances of what the codec loses: fit them first")
    known = synthesis.variance
    if interchangeable:
        known = known.mean(dim=0, keepdim=True).expand_as(known)
    source = torch.arange(codes.shape[1], device=codes.device)[:, None]
    variance = known[source, codes]  # [R, N, S, D]
    return share_residual(decoded, mixtures, weights=synthesis.weights, variance=variance)


def candidate_scores(errors: Tensor, log_posterior: Tensor, *, finish: Finish) -> Tensor:
    """What is maximised [R], in nats, from remix errors and log posteriors [R]."""
    likelihood = -errors / (2 * finish.sigma**2)
    return {"remix": likelihood, "posterior": log_posterior, "joint": likelihood + log_posterior}[
        finish.choice
    ]


def combine(estimates: Tensor, scores: Tensor, *, averaging: float | None, interchangeable: bool) -> Tensor:
    """The best of M estimates [M, N, T] by `scores` [M], or their mean by softmax(scores / averaging)."""
    best = estimates[scores.argmax()]
    if averaging is None:
        return best
    if interchangeable:
        estimates = torch.stack([align(one, best) for one in estimates])
    weights = (scores.double() / averaging).softmax(dim=0).to(estimates)
    return (weights[:, None, None] * estimates).sum(dim=0)


def align(estimates: Tensor, reference: Tensor) -> Tensor:
    """The order of `estimates` [N, T] that is nearest to `reference` [N, T]."""
    orders = list(permutations(range(len(estimates))))
    distances = torch.stack([(estimates[list(order)] - reference).square().sum() for order in orders])
    return estimates[list(orders[int(distances.argmin())])]
