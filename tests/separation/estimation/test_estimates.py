"""From candidates to estimates: what is refined, what is chosen, and how means are taken."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.separation.estimation.candidates import Candidates
from lass.separation.estimation.estimates import (
    Finish,
    Synthesis,
    align,
    candidate_scores,
    combine,
    estimate_sources,
)
from lass.separation.estimation.masks import Mask, average_with_masked
from lass.separation.estimation.refinement import Refinement

HALVES = torch.tensor([0.5, 0.5])
STEPS = Refinement(steps=80, learning_rate=0.05, halve_every=40, penalty=1e-4)
PLAIN = Finish(refined=0, refinement=None)


@dataclass(frozen=True)
class ToyCodec:
    """A code is the number of a vector of one channel; every number of the data is the sigmoid of one."""

    vectors: Tensor  # [K, 1]

    def embed(self, codes: Tensor) -> Tensor:
        return self.vectors[codes]

    def synthesise(self, latents: Tensor) -> Tensor:
        return latents[..., 0].sigmoid()


CODEC = ToyCodec(torch.linspace(-3, 3, 7)[:, None])


def candidates(codes: list[list[list[int]]], scores: list[float]) -> Candidates:
    """Candidates in the order given."""
    distances = torch.arange(float(len(codes)))
    return Candidates(torch.tensor(codes), torch.tensor(scores, dtype=torch.float64), distances, 0)


def decoded(codes: list[list[int]]) -> Tensor:
    return CODEC.synthesise(CODEC.embed(torch.tensor(codes)))


def estimate(found: list[Candidates], mixtures: Tensor, finish: Finish, **changes: bool) -> Tensor:
    return estimate_sources(
        found,
        mixtures,
        finish=finish,
        synthesis=Synthesis(CODEC, HALVES, bounds=(0.0, 1.0)),
        **({"interchangeable": True} | changes),
    )


FIRST, SECOND = [[0, 6, 3], [2, 1, 5]], [[4, 4, 4], [1, 1, 1]]


@pytest.mark.parametrize(("choice", "chosen"), [("remix", FIRST), ("posterior", SECOND)])
def test_candidates_as_they_are(choice: str, chosen: list[list[int]]) -> None:
    both = [candidates([FIRST, SECOND], [-9.0, -1.0])]
    found = estimate(both, decoded(FIRST).mean(dim=0)[None], replace(PLAIN, choice=choice))
    torch.testing.assert_close(found[0], decoded(chosen))


def test_choices() -> None:
    mixture = decoded(FIRST).mean(dim=0)
    both = [candidates([FIRST, SECOND], [-9.0, -1.0])]
    slow = Refinement(steps=1, learning_rate=1e-6, halve_every=1, penalty=0.0)
    chosen = {
        choice: estimate(both, mixture[None], Finish(2, slow, choice))[0] for choice in ("remix", "posterior")
    }
    torch.testing.assert_close(chosen["remix"], decoded(FIRST), atol=1e-4, rtol=0)
    torch.testing.assert_close(chosen["posterior"], decoded(SECOND), atol=1e-4, rtol=0)
    error = float((decoded(SECOND).mean(dim=0) - mixture).square().sum())
    for nats, wanted in ((7.5, SECOND), (8.5, FIRST)):  # of remix error, against 8 nats of log posterior
        found = estimate(both, mixture[None], Finish(2, slow, "joint", sigma=(error / (2 * nats)) ** 0.5))[0]
        torch.testing.assert_close(found, decoded(wanted), atol=1e-4, rtol=0)


def test_scores_by_hand() -> None:
    errors, posterior = torch.tensor([0.02, 0.0]), torch.tensor([-1.0, -4.0])
    finish = Finish(2, STEPS, "joint", sigma=0.1)
    assert candidate_scores(errors, posterior, finish=finish).tolist() == pytest.approx([-2.0, -4.0])


def test_refinement_comes_nearer_and_consistency_hits_the_mixture() -> None:
    sources = torch.tensor([[0.1, 0.9, 0.5], [0.3, 0.2, 0.8]])
    mixture, found = sources.mean(dim=0)[None], [candidates([FIRST, SECOND], [0.0, 0.0])]
    plain, refined = (estimate(found, mixture, one) for one in (PLAIN, Finish(1, STEPS)))
    assert (refined.mean(dim=1) - mixture).norm() < 0.1 * (plain.mean(dim=1) - mixture).norm()
    consistent = estimate(found, mixture, replace(PLAIN, consistency="equal"))
    torch.testing.assert_close(consistent.mean(dim=1), mixture, atol=1e-6, rtol=0)
    assert consistent.min() >= 0
    assert consistent.max() <= 1


def test_masks_come_last() -> None:
    mixture, found = torch.tensor([[0.2, 0.9, 0.4]]), [candidates([FIRST], [0.0])]
    plain = estimate(found, mixture, replace(PLAIN, consistency="equal"))[0]
    mask = Mask(window=4, templates=1, rounds=2)
    both = estimate(found, mixture, replace(PLAIN, consistency="equal", mask=mask))[0]
    expected = average_with_masked(plain, mixture[0], weights=HALVES, mask=mask)
    torch.testing.assert_close(both, expected)
    assert (both - plain).abs().max() > 0.01


def test_fewer_candidates_than_are_to_be_refined() -> None:
    mixtures = torch.rand(2, 3)
    found = estimate(
        [candidates([FIRST], [0.0]), candidates([FIRST, SECOND, FIRST], [0.0, 1.0, 2.0])],
        mixtures,
        Finish(2, STEPS),
    )
    alone = estimate([candidates([FIRST], [0.0])], mixtures[:1], Finish(2, STEPS))
    torch.testing.assert_close(found[:1], alone)
    assert found.shape == (2, 2, 3)


def test_means_by_hand() -> None:
    estimates = torch.tensor([[[0.0], [1.0]], [[0.2], [0.6]]])  # M = 2, N = 2, T = 1
    scores = torch.tensor([2 * np.log(3.0), 0.0])
    found = combine(estimates, scores, averaging=2.0, interchangeable=True)  # weights 3/4 and 1/4
    torch.testing.assert_close(found, torch.tensor([[0.05], [0.9]]))
    assert combine(estimates, scores, averaging=None, interchangeable=True).tolist() == [[0.0], [1.0]]


def test_means_align_sources_only_where_they_can_change_places() -> None:
    estimates = torch.tensor([[[0.0], [1.0]], [[1.0], [0.2]]])
    scores = torch.tensor([1e-6, 0.0])
    aligned = combine(estimates, scores, averaging=1.0, interchangeable=True)
    torch.testing.assert_close(aligned, torch.tensor([[0.1], [1.0]]))
    kept = combine(estimates, scores, averaging=1.0, interchangeable=False)
    torch.testing.assert_close(kept, torch.tensor([[0.5], [0.6]]))


def test_three_sources_are_aligned() -> None:
    reference = torch.tensor([[0.0], [1.0], [2.0]])
    assert align(torch.tensor([[2.1], [0.1], [1.1]]), reference)[:, 0].tolist() == pytest.approx(
        [0.1, 1.1, 2.1]
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"choice": "best"}, "choice 'best': choose one of remix, posterior, joint"),
        ({"refined": 2}, "refined 2: refinement is needed"),
        ({"refinement": STEPS}, "refined 0: refinement is needed"),
        ({"sigma": 0.0}, "sigma 0.0 and averaging None must be positive"),
        ({"averaging": 0.0}, "averaging 0.0 must be positive"),
    ],
)
def test_settings_that_mean_nothing(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(PLAIN, **changes)  # type: ignore[arg-type]


def test_what_the_codec_loses_is_shared_out_by_the_codes() -> None:
    """The first source loses nothing in frames of code 4: all that is missing goes to the second."""
    mixture = decoded(SECOND).mean(dim=0)[None] + 0.1
    variance = torch.ones(2, 7, 1)
    variance[0, 4] = 0.0
    synthesis = Synthesis(CODEC, HALVES, bounds=(-torch.inf, torch.inf), variance=variance)
    finish = replace(PLAIN, consistency="residual")
    parts: dict[str, Any] = {"finish": finish, "interchangeable": False}
    [found] = estimate_sources([candidates([SECOND], [0.0])], mixture, synthesis=synthesis, **parts)
    torch.testing.assert_close(found[0], decoded(SECOND)[0])
    torch.testing.assert_close(found[1], decoded(SECOND)[1] + 0.2)
    [shared] = estimate_sources(
        [candidates([SECOND], [0.0])], mixture, finish=finish, synthesis=synthesis, interchangeable=True
    )  # nothing tells the sources apart: 0.5 and 1 are the means of their variances
    torch.testing.assert_close(shared, decoded(SECOND) + 0.2 * torch.tensor([[1 / 3], [2 / 3]]))
    with pytest.raises(ValueError, match="consistency 'residual' needs the variances"):
        estimate_sources(
            [candidates([SECOND], [0.0])], mixture, synthesis=replace(synthesis, variance=None), **parts
        )
    with pytest.raises(ValueError, match="consistency 'some': choose one of"):
        replace(PLAIN, consistency="some")
