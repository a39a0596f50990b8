"""From candidates to estimates: what is refined, what is chosen, and how means are taken."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.separation.estimation.candidates import Candidates
from lass.separation.estimation.estimates import (
    SourceLabels,
    Synthesis,
    align,
    candidate_scores,
    candidate_shares,
    combine,
    estimate_sources,
)
from lass.separation.estimation.masks import average_with_masked
from lass.separation.settings import Estimation, Mask, Refinement

HALVES = torch.tensor([0.5, 0.5])
STEPS = Refinement(steps=80, learning_rate=0.05, halve_every=40, penalty=1e-4)
PLAIN = Estimation(choice="remix")
ALIKE = SourceLabels(("speech", "speech"), (0, 1))
APART = SourceLabels(("drums", "bass"), (0, 1))


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
    unmoved = torch.zeros(len(codes), dtype=torch.int64)
    return Candidates(torch.tensor(codes), torch.tensor(scores, dtype=torch.float64), distances, 0, unmoved)


def decoded(codes: list[list[int]]) -> Tensor:
    return CODEC.synthesise(CODEC.embed(torch.tensor(codes)))


def estimate(found: list[Candidates], mixtures: Tensor, estimation: Estimation) -> Tensor:
    return estimate_sources(
        found,
        mixtures,
        estimation=estimation,
        synthesis=Synthesis(CODEC, HALVES, bounds=(0.0, 1.0)),
        sources=[ALIKE] * len(found),
    )


def changed(**changes: Any) -> Estimation:
    """PLAIN with some settings replaced."""
    return Estimation(**(PLAIN.model_dump() | changes))


def refining(number: int, steps: Refinement, choice: str = "remix", **changes: Any) -> Estimation:
    """PLAIN with so many candidates refined."""
    return changed(refined=number, refinement=steps.model_dump(), choice=choice, **changes)


FIRST, SECOND = [[0, 6, 3], [2, 1, 5]], [[4, 4, 4], [1, 1, 1]]


@pytest.mark.parametrize(("choice", "chosen"), [("remix", FIRST), ("posterior", SECOND)])
def test_candidates_as_they_are(choice: str, chosen: list[list[int]]) -> None:
    both = [candidates([FIRST, SECOND], [-9.0, -1.0])]
    found = estimate(both, decoded(FIRST).mean(dim=0)[None], changed(choice=choice))
    torch.testing.assert_close(found[0], decoded(chosen))


def test_choices() -> None:
    mixture = decoded(FIRST).mean(dim=0)
    both = [candidates([FIRST, SECOND], [-9.0, -1.0])]
    slow = Refinement(steps=1, learning_rate=1e-6, halve_every=1, penalty=0.0)
    chosen = {
        choice: estimate(both, mixture[None], refining(2, slow, choice))[0]
        for choice in ("remix", "posterior")
    }
    torch.testing.assert_close(chosen["remix"], decoded(FIRST), atol=1e-4, rtol=0)
    torch.testing.assert_close(chosen["posterior"], decoded(SECOND), atol=1e-4, rtol=0)
    error = float((decoded(SECOND).mean(dim=0) - mixture).square().sum())
    for nats, wanted in ((7.5, SECOND), (8.5, FIRST)):  # of remix error, against 8 nats of log posterior
        found = estimate(both, mixture[None], refining(2, slow, "joint", sigma=(error / (2 * nats)) ** 0.5))[
            0
        ]
        torch.testing.assert_close(found, decoded(wanted), atol=1e-4, rtol=0)


def test_scores_by_hand() -> None:
    errors, posterior = torch.tensor([0.02, 0.0]), torch.tensor([-1.0, -4.0])
    joint = refining(2, STEPS, "joint", sigma=0.1)
    assert candidate_scores(errors, posterior, estimation=joint).tolist() == pytest.approx([-2.0, -4.0])


def test_refinement_comes_nearer_and_consistency_hits_the_mixture() -> None:
    sources = torch.tensor([[0.1, 0.9, 0.5], [0.3, 0.2, 0.8]])
    mixture, found = sources.mean(dim=0)[None], [candidates([FIRST, SECOND], [0.0, 0.0])]
    plain, refined = (estimate(found, mixture, one) for one in (PLAIN, refining(1, STEPS)))
    assert (refined.mean(dim=1) - mixture).norm() < 0.1 * (plain.mean(dim=1) - mixture).norm()
    consistent = estimate(found, mixture, changed(consistency="equal"))
    torch.testing.assert_close(consistent.mean(dim=1), mixture, atol=1e-6, rtol=0)
    assert consistent.min() >= 0
    assert consistent.max() <= 1


def test_masks_come_last() -> None:
    mixture, found = torch.tensor([[0.2, 0.9, 0.4]]), [candidates([FIRST], [0.0])]
    plain = estimate(found, mixture, changed(consistency="equal"))[0]
    mask = Mask(window=4, templates=1, rounds=2)
    both = estimate(found, mixture, changed(consistency="equal", mask=mask))[0]
    expected = average_with_masked(plain, mixture[0], weights=HALVES, mask=mask)
    torch.testing.assert_close(both, expected)
    assert (both - plain).abs().max() > 0.01


def test_fewer_candidates_than_are_to_be_refined() -> None:
    mixtures = torch.rand(2, 3)
    found = estimate(
        [candidates([FIRST], [0.0]), candidates([FIRST, SECOND, FIRST], [0.0, 1.0, 2.0])],
        mixtures,
        refining(2, STEPS),
    )
    alone = estimate([candidates([FIRST], [0.0])], mixtures[:1], refining(2, STEPS))
    torch.testing.assert_close(found[:1], alone)
    assert found.shape == (2, 2, 3)


def test_means_by_hand() -> None:
    estimates = torch.tensor([[[0.0], [1.0]], [[0.2], [0.6]]])  # M = 2, N = 2, T = 1
    found = combine(estimates, torch.tensor([0.75, 0.25]), orders=ALIKE.orders())
    torch.testing.assert_close(found, torch.tensor([[0.05], [0.9]]))
    assert combine(estimates, torch.tensor([1.0, 0.0]), orders=ALIKE.orders()).tolist() == [[0.0], [1.0]]


def test_shares_by_hand() -> None:
    scores, unmoved = torch.tensor([2 * np.log(3.0), 0.0]), torch.zeros(2, dtype=torch.int64)
    shares = candidate_shares(scores, unmoved, averaging=2.0)
    torch.testing.assert_close(shares, torch.tensor([0.75, 0.25], dtype=torch.float64))
    assert candidate_shares(scores, unmoved, averaging=None).tolist() == [1.0, 0.0]


def test_offsets_have_equal_shares_however_their_scores_differ() -> None:
    scores = torch.tensor([2 * np.log(3.0), 0.0, -1000.0])
    shares = candidate_shares(scores, torch.tensor([0, 0, 3]), averaging=2.0)
    torch.testing.assert_close(shares, torch.tensor([0.375, 0.125, 0.5], dtype=torch.float64))


def test_means_align_sources_only_where_they_can_change_places() -> None:
    estimates = torch.tensor([[[0.0], [1.0]], [[1.0], [0.2]]])
    shares = torch.tensor([0.5, 0.5])
    aligned = combine(estimates, shares, orders=ALIKE.orders())
    torch.testing.assert_close(aligned, torch.tensor([[0.1], [1.0]]))
    kept = combine(estimates, shares, orders=APART.orders())
    torch.testing.assert_close(kept, torch.tensor([[0.5], [0.6]]))


def test_three_sources_are_aligned() -> None:
    reference = torch.tensor([[0.0], [1.0], [2.0]])
    estimates, labels = torch.tensor([[2.1], [0.1], [1.1]]), SourceLabels(("a",) * 3, (0, 1, 2))
    aligned = align(estimates, reference, orders=labels.orders())
    assert aligned[:, 0].tolist() == pytest.approx([0.1, 1.1, 2.1])


# --- labels ---


VOICES = SourceLabels(("speech", "music", "speech"), (2, 0, 1))


def test_orders_by_hand() -> None:
    assert VOICES.orders() == [[0, 1, 2], [2, 1, 0]]
    assert APART.orders() == [[0, 1]]
    assert len(SourceLabels(("a",) * 3, (0, 0, 0)).orders()) == 6


def test_variances_by_hand() -> None:
    """Sources of equal label share the mean over their classes; the other has its own class's."""
    known = torch.tensor([[1.0], [2.0], [4.0], [100.0]])[..., None].expand(4, 5, 2)  # [classes, K, D]
    assert VOICES.variances(known)[:, 0, 0].tolist() == [3.0, 1.0, 3.0]
    assert SourceLabels(("a", "b"), (3, 3)).variances(known)[:, 4, 1].tolist() == [100.0, 100.0]
    everything = SourceLabels(("a",) * 4, (0, 1, 2, 3)).variances(known)
    assert torch.equal(everything, known.mean(dim=0, keepdim=True).expand_as(known))


def test_a_source_without_a_class_is_refused() -> None:
    with pytest.raises(ValueError, match="2 labels and 1 classes: every source has one of each"):
        SourceLabels(("a", "b"), (0,))


def test_averages_align_sources_of_equal_label_and_no_others() -> None:
    """Of two voices and music the voices alone change places, though music would be nearer to a voice."""
    chosen, other = [[0, 0], [6, 6], [3, 3]], [[6, 5], [3, 4], [0, 1]]
    found = [candidates([chosen, other], [1e-6, 0.0])]
    synthesis = Synthesis(CODEC, torch.full((3,), 1 / 3), bounds=(0.0, 1.0))
    averaged = changed(choice="posterior", averaging=1.0)
    [mean] = estimate_sources(
        found, torch.zeros(1, 2), estimation=averaged, synthesis=synthesis, sources=[VOICES]
    )
    swapped = decoded([other[2], other[1], other[0]])
    torch.testing.assert_close(mean, (decoded(chosen) + swapped) / 2, atol=1e-5, rtol=0)


def test_every_mixture_has_labels_of_its_own() -> None:
    """The same candidates, of sources that may change places and of sources that may not."""
    found = [candidates([FIRST, FIRST[::-1]], [1e-6, 0.0])] * 2
    synthesis = Synthesis(CODEC, HALVES, bounds=(0.0, 1.0))
    averaged = changed(choice="posterior", averaging=1.0)
    alike, apart = estimate_sources(
        found, torch.zeros(2, 3), estimation=averaged, synthesis=synthesis, sources=[ALIKE, APART]
    )
    torch.testing.assert_close(alike, decoded(FIRST))
    torch.testing.assert_close(apart, decoded(FIRST).mean(dim=0).expand(2, -1))


def test_what_the_codec_loses_is_shared_out_by_the_codes() -> None:
    """The first source loses nothing in frames of code 4: all that is missing goes to the second."""
    mixture = decoded(SECOND).mean(dim=0)[None] + 0.1
    variance = torch.ones(2, 7, 1)
    variance[0, 4] = 0.0
    synthesis = Synthesis(CODEC, HALVES, bounds=(-torch.inf, torch.inf), variance=variance)
    found, estimation = [candidates([SECOND], [0.0])], changed(consistency="residual")
    [apart] = estimate_sources(found, mixture, estimation=estimation, synthesis=synthesis, sources=[APART])
    torch.testing.assert_close(apart[0], decoded(SECOND)[0])
    torch.testing.assert_close(apart[1], decoded(SECOND)[1] + 0.2)
    [shared] = estimate_sources(found, mixture, estimation=estimation, synthesis=synthesis, sources=[ALIKE])
    # nothing tells the sources apart: 0.5 and 1 are the means of their variances
    torch.testing.assert_close(shared, decoded(SECOND) + 0.2 * torch.tensor([[1 / 3], [2 / 3]]))
    without = replace(synthesis, variance=None)
    with pytest.raises(ValueError, match="consistency 'residual' needs the variances"):
        estimate_sources(found, mixture, estimation=estimation, synthesis=without, sources=[APART])


def test_what_the_codec_loses_is_known_by_the_class_of_a_source() -> None:
    """Class 1 of the table loses nothing: the source of that class, here the first, takes nothing."""
    mixture = decoded(SECOND).mean(dim=0)[None] + 0.1
    variance = torch.ones(3, 7, 1)
    variance[1] = 0.0
    synthesis = Synthesis(CODEC, HALVES, bounds=(-torch.inf, torch.inf), variance=variance)
    found, estimation = [candidates([SECOND], [0.0])], changed(consistency="residual")
    labels = SourceLabels(("bass", "piano"), (1, 2))
    [made] = estimate_sources(found, mixture, estimation=estimation, synthesis=synthesis, sources=[labels])
    torch.testing.assert_close(made, decoded(SECOND) + torch.tensor([[0.0], [0.2]]))
