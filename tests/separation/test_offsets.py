"""Mixtures that are moved, so that their frames begin elsewhere."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.bundle.settings import Preset
from lass.separation import separator as separator_module
from lass.separation.decoding.budget import Plan
from lass.separation.decoding.decoders import open_decoder
from lass.separation.estimation.candidates import Candidates, draw_candidates, remix_distances
from lass.separation.estimation.estimates import SourceLabels, Synthesis, estimate_sources
from lass.separation.offsets import Image, each_moved, moved, offsets_of
from lass.separation.settings import Ancestral, Estimation, Particle, Refinement, check_hop, of_one_offset
from tests.oracles import draw_problem
from tests.separation.estimation.test_candidates import mixtures_of
from tests.separation.estimation.test_candidates import separator_of as drawing
from tests.separation.estimation.test_estimates import CODEC
from tests.separation.test_separator import HOP, LEVELS, audio_of, separator_of
from tests.separation.toy import ancestral, beam, greedy

LABELS = SourceLabels(("drums", "bass"), (0, 1))
HALVES = torch.tensor([0.5, 0.5])


# --- moving ---


def test_offsets_share_a_frame_evenly() -> None:
    assert offsets_of(1, hop=64) == [0]
    assert offsets_of(4, hop=64) == [0, 16, 32, 48]
    assert offsets_of(3, hop=4) == [0, 1, 2]


def test_audio_is_moved_around_its_end() -> None:
    data = torch.arange(5.0).expand(2, -1)
    assert moved(data, 2, image=None).tolist() == [[3, 4, 0, 1, 2]] * 2
    assert torch.equal(moved(moved(data, 2, image=None), -2, image=None), data)


def test_images_are_moved_down_and_to_the_right() -> None:
    """Colour by colour: 0 1 2 / 3 4 5 becomes 5 3 4 / 2 0 1."""
    data = torch.arange(12.0)
    assert moved(data, 1, image=(2, 2, 3)).tolist() == [5, 3, 4, 2, 0, 1, 11, 9, 10, 8, 6, 7]
    assert torch.equal(moved(moved(data, 1, image=(2, 2, 3)), -1, image=(2, 2, 3)), data)


def test_each_is_moved_by_its_own() -> None:
    data = torch.arange(3.0).expand(3, 2, -1)
    found = each_moved(data, torch.tensor([0, 1, -1]), image=None)
    assert found[:, 1].tolist() == [[0, 1, 2], [2, 0, 1], [1, 2, 0]]


# --- decoding ---


def test_every_offset_is_a_search_of_the_moved_mixture() -> None:
    problem = draw_problem(np.random.default_rng(0), sources=2, codes=4, length=3, batch=5)
    separator = separator_of(problem, decoder=open_decoder(beam(3)))
    mixtures = torch.rand(5, 3 * HOP, generator=torch.Generator().manual_seed(0))
    both = replace(separator, offsets=[0, 1]).hypotheses(mixtures, range(5))
    assert both.offsets.tolist() == [0, 0, 0, 1, 1, 1]
    for place, data in enumerate((mixtures, mixtures.roll(1, dims=1))):
        alone = separator.hypotheses(data, range(5))
        assert torch.equal(both.codes[:, 3 * place : 3 * place + 3], alone.codes)
        assert torch.equal(both.scores[:, 3 * place : 3 * place + 3], alone.scores)


def test_offsets_draw_numbers_of_their_own_whatever_the_batch() -> None:
    problem = draw_problem(np.random.default_rng(0), sources=2, codes=4, length=3, batch=5)
    separator = replace(separator_of(problem, decoder=open_decoder(ancestral(64))), offsets=[0, 0])
    mixtures = torch.rand(5, 3 * HOP, generator=torch.Generator().manual_seed(0))
    found = separator.hypotheses(mixtures, range(5))
    assert not torch.equal(found.codes[:, :64], found.codes[:, 64:])
    one_by_one = [separator.hypotheses(mixture[None], [item]) for item, mixture in enumerate(mixtures)]
    assert torch.equal(found.codes, torch.cat([one.codes for one in one_by_one]))


def test_remixes_are_compared_with_the_mixture_where_it_was() -> None:
    problem = draw_problem(np.random.default_rng(3), sources=2, codes=4, length=3, batch=4)
    separator = replace(drawing(problem), offsets=[0, 1])
    mixtures = mixtures_of(problem)
    offsets: set[int] = set()
    for mixture, found in zip(mixtures, draw_candidates(separator, mixtures, range(4), kept=99), strict=True):
        data = torch.stack([separator.decode(codes) for codes in found.codes])
        back = each_moved(data, -found.offsets, image=None)
        expected = remix_distances(back, mixture, weights=separator.weights)
        torch.testing.assert_close(found.remix_distance, expected)
        offsets |= set(found.offsets.tolist())
    assert offsets == {0, 1}


def test_the_most_probable_is_one_of_the_mixture_as_it_is() -> None:
    scores = torch.tensor([-3.0, -2.0, -1.0]).double()
    found = Candidates(torch.zeros(3, 2, 4), scores, torch.zeros(3), 0, torch.tensor([0, 0, 2]))
    assert found.most_probable == 1
    assert replace(found, offsets=torch.tensor([1, 1, 2])).most_probable == 2  # where there is none


def test_codes_that_were_not_counted_are_those_of_the_mixture_as_it_is() -> None:
    problem = draw_problem(np.random.default_rng(0), sources=2, codes=4, length=3, batch=1)
    unseen = problem.likelihood.copy()
    unseen[1] = -np.inf
    separator = separator_of(replace(problem, likelihood=unseen), decoder=open_decoder(beam(3)))
    mixture = LEVELS[[1, 0, 0] * 3][None]  # frames that begin at level 1, or with the last of them at level 0
    assert separator.hypotheses(mixture.roll(1, dims=1), [0]).uncounted.tolist() == [0]
    assert replace(separator, offsets=[0, 1]).hypotheses(mixture, [0]).uncounted.tolist() == [3]


def test_offsets_may_be_decoded_in_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory holds part of the hypotheses of one offset alone, they are the same."""
    problem = draw_problem(np.random.default_rng(0), sources=2, codes=4, length=3, batch=5)
    separator = replace(separator_of(problem, decoder=open_decoder(ancestral(6))), offsets=[0, 1])
    expected = separator.hypotheses(audio_of(problem), range(5))
    monkeypatch.setattr(separator_module, "plan_decoding", lambda *_, **__: Plan(passes=3, mixtures=3))
    found = separator.hypotheses(audio_of(problem), range(5))
    assert torch.equal(found.codes, expected.codes)
    assert torch.equal(found.offsets, expected.offsets)


# --- estimation ---


ESTIMATIONS = {
    "equal": {"consistency": "equal"},
    "residual": {"consistency": "residual"},
    "mean": {"consistency": "residual", "averaging": 2.0},
    "refined": {"refined": 2, "refinement": Refinement(steps=3), "averaging": 2.0},
}


def estimate(
    mixture: Tensor, offsets: list[int], estimation: Estimation, *, image: Image | None = None
) -> Tensor:
    """Of as many candidates as offsets, the same codes each time; in frames of 3 samples."""
    codes = torch.randint(7, (len(offsets), 2, 4), generator=torch.Generator().manual_seed(1))
    scores = torch.linspace(0, -1, len(offsets)).double()
    found = Candidates(codes, scores, torch.zeros(len(offsets)), 0, torch.tensor(offsets))
    variance = torch.rand(2, 7, 3, generator=torch.Generator().manual_seed(2))
    return estimate_sources(
        [found],
        mixture[None],
        estimation=estimation,
        synthesis=Synthesis(FRAMES, HALVES, bounds=(0.0, 1.0), variance=variance, image=image),
        sources=[LABELS],
    )[0]


class Frames:
    """The toy codec, every frame of which has three samples."""

    def embed(self, codes: Tensor) -> Tensor:
        vectors: Tensor = CODEC.embed(codes)
        return vectors

    def synthesise(self, latents: Tensor) -> Tensor:
        samples: Tensor = torch.kron(CODEC.synthesise(latents), torch.tensor([[1.0, 0.5, 0.2]]))
        return samples


FRAMES = Frames()


@pytest.mark.parametrize("changes", ESTIMATIONS.values(), ids=list(ESTIMATIONS))
def test_candidates_of_a_moved_mixture_are_moved_back(changes: dict[str, Any]) -> None:
    """What is estimated of the moved mixture, moved back, for every way to estimate."""
    mixture = torch.rand(12, generator=torch.Generator().manual_seed(0))
    estimation = Estimation(**changes)
    found = estimate(mixture, [2, 2], estimation)
    there = estimate(mixture.roll(2), [0, 0], estimation)
    torch.testing.assert_close(found, there.roll(-2, dims=-1))
    assert not torch.allclose(found, estimate(mixture, [0, 0], estimation))


def test_candidates_of_a_moved_image_are_moved_back_along_both_axes() -> None:
    mixture, image = torch.rand(12, generator=torch.Generator().manual_seed(0)), (1, 3, 4)
    estimation = Estimation(consistency="equal", averaging=2.0)
    found = estimate(mixture, [1, 1], estimation, image=image)
    there = estimate(moved(mixture, 1, image=image), [0, 0], estimation, image=image)
    torch.testing.assert_close(found, moved(there, -1, image=image))


@pytest.mark.parametrize("consistency", ["equal", "residual"])
def test_a_mean_over_offsets_adds_up_to_the_mixture(consistency: str) -> None:
    mixture = torch.rand(12, generator=torch.Generator().manual_seed(0))
    estimation = Estimation.model_validate({"consistency": consistency, "averaging": 1.0})
    made = estimate(mixture, [0, 1, 2, 2], estimation)
    torch.testing.assert_close((HALVES[:, None] * made).sum(dim=0), mixture)


def test_the_mean_over_offsets_by_hand() -> None:
    """Without consistency: the mean of what each offset makes alone."""
    mixture = torch.rand(12)
    estimation = Estimation(averaging=1.0)
    both = estimate(mixture, [0, 1], estimation)
    codes = torch.randint(7, (2, 2, 4), generator=torch.Generator().manual_seed(1))
    first, second = (FRAMES.synthesise(FRAMES.embed(one)) for one in codes)
    torch.testing.assert_close(both, (first + second.roll(-1, dims=-1)) / 2)


# --- settings ---


def test_hypotheses_and_islands_are_shared_out_among_offsets() -> None:
    wide = Particle(kind="particle", hypotheses=16, islands=4, offsets=2, likelihood_weight=1.0, kept=16)
    part = of_one_offset(wide)
    assert isinstance(part, Particle)
    assert (part.offsets, part.hypotheses, part.islands, part.kept) == (1, 8, 2, 8)
    assert [of_one_offset(one) for one in (part, greedy(), beam(3))] == [part, greedy(), beam(3)]
    with pytest.raises(ValueError, match="16 hypotheses cannot be shared out among 3 offsets"):
        Ancestral(kind="ancestral", hypotheses=16, offsets=3, likelihood_weight=1.0, kept=16)
    with pytest.raises(ValueError, match="2 islands cannot be shared out among 4 offsets"):
        Particle(kind="particle", hypotheses=16, islands=2, offsets=4, likelihood_weight=1.0, kept=16)
    with pytest.raises(ValueError, match="kept is 8 of 16 hypotheses, but with 2 offsets"):
        Ancestral(kind="ancestral", hypotheses=16, offsets=2, likelihood_weight=1.0, kept=8)


def test_offsets_without_a_mean_are_refused() -> None:
    decoder = Ancestral(kind="ancestral", hypotheses=4, offsets=2, likelihood_weight=1.0, kept=4)
    with pytest.raises(ValueError, match=r"estimation: its decoder has 2 offsets.*averaging is None"):
        Preset(decoder=decoder, estimation=Estimation())
    with pytest.raises(ValueError, match=r"2 offsets.*refined 2: give averaging"):
        Preset(decoder=decoder, estimation=Estimation(averaging=1.0, refined=2, refinement=Refinement()))
    Preset(decoder=decoder, estimation=Estimation(averaging=1.0))


def test_more_offsets_than_a_frame_has_places_are_refused() -> None:
    decoder = Ancestral(kind="ancestral", hypotheses=8, offsets=8, likelihood_weight=1.0, kept=8)
    with pytest.raises(ValueError, match=r"mine\.offsets is 8, but a frame of the codec has 4 places"):
        check_hop(decoder, 4, where="mine")
    check_hop(decoder, 8, where="mine")
