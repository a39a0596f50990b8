"""Positions that do not depend on one another: all at once gives what one after the other does."""

import numpy as np
import pytest
import torch

from lass.separation.decoding.decoders import open_decoder
from lass.separation.decoding.independent import draw_positions
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.support import LearnedPositions
from lass.separation.decoding.weighted import FrequencyPrior, WeightedPrior
from tests.separation.toy import ancestral, greedy, top_k

BATCH, LENGTH, CODES, WIDTH = 3, 40, 32, 5


def problem() -> tuple[LearnedPositions, FrequencyPrior, torch.Tensor]:
    """A likelihood, frequencies and numbers; code 0 never occurs."""
    rng = torch.Generator().manual_seed(3)
    told = 3 * torch.randn(BATCH, LENGTH, CODES, generator=rng)
    frequencies = torch.randn(CODES, generator=rng)
    frequencies[0] = -torch.inf
    numbers = torch.rand(BATCH, LENGTH, WIDTH, generator=rng, dtype=torch.float64)
    return LearnedPositions(told), FrequencyPrior(frequencies.log_softmax(dim=0)), numbers


@pytest.mark.parametrize(("temperature", "stratified"), [(1.0, False), (0.5, False), (1.0, True)])
def test_the_codes_and_scores_of_the_loop(
    temperature: float, stratified: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    likelihood, prior, numbers = problem()
    settings = ancestral(WIDTH, weight=0.7, temperature=temperature)
    decoder = open_decoder(settings.model_copy(update={"stratified": stratified}))
    numbers = torch.cat([numbers, numbers.flip(1)], dim=-1)[..., : decoder.draws]
    at_once = decode_sequences(likelihood, priors=[prior], decoder=decoder, uniforms=numbers)
    monkeypatch.setattr("lass.separation.decoding.loop.draw_positions", lambda *_, **__: None)
    in_turn = decode_sequences(likelihood, priors=[prior], decoder=decoder, uniforms=numbers)
    assert torch.equal(at_once.codes, in_turn.codes)
    torch.testing.assert_close(at_once.scores, in_turn.scores, rtol=1e-12, atol=0)
    assert (at_once.codes > 0).all()
    assert len(at_once.codes.unique()) > CODES / 2


def test_blocks_of_positions_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    likelihood, prior, numbers = problem()
    decoder = open_decoder(ancestral(WIDTH))
    whole = draw_positions(likelihood, priors=[prior], decoder=decoder, uniforms=numbers)
    monkeypatch.setattr("lass.separation.decoding.independent.NUMBERS", 7 * CODES)
    parts = draw_positions(likelihood, priors=[prior], decoder=decoder, uniforms=numbers)
    assert whole is not None
    assert parts is not None
    assert torch.equal(whole.codes, parts.codes)
    assert torch.equal(whole.scores, parts.scores)


def test_what_depends_on_its_past_is_left_to_the_loop() -> None:
    likelihood, prior, numbers = problem()
    half = WeightedPrior(prior, 0.5, prior.frequencies)
    draws = open_decoder(ancestral(WIDTH))
    best, first = open_decoder(top_k(WIDTH, 2)), open_decoder(greedy())
    assert draw_positions(likelihood, priors=[half], decoder=draws, uniforms=numbers) is None
    assert draw_positions(likelihood, priors=[prior], decoder=best, uniforms=numbers) is None
    assert draw_positions(likelihood, priors=[prior], decoder=first, uniforms=numbers) is None


def test_stratified_hypotheses_are_together_nearer_to_the_posterior() -> None:
    """Each is drawn from it still; how often a code is among W of them varies less than by chance."""
    probabilities = torch.tensor([0.5, 0.25, 0.125, 0.125])
    width, length = 8, 4000
    rng = torch.Generator().manual_seed(0)
    numbers = torch.rand(1, length, 2 * width, generator=rng, dtype=torch.float64)
    counts = {}
    for stratified in (False, True):
        decoder = open_decoder(ancestral(width).model_copy(update={"stratified": stratified}))
        drawn = draw_positions(
            LearnedPositions(torch.zeros(1, length, 4)),
            priors=[FrequencyPrior(probabilities.log())],
            decoder=decoder,
            uniforms=numbers[..., : decoder.draws],
        )
        assert drawn is not None
        codes = drawn.codes[0, :, :, 0]  # [W, S]
        alone = torch.stack([torch.bincount(one, minlength=4) for one in codes]) / length
        torch.testing.assert_close(alone, probabilities.expand(width, -1), rtol=0, atol=0.04)
        counts[stratified] = torch.nn.functional.one_hot(codes, 4).sum(dim=0).double()  # [S, 4]
    assert (counts[True] == width * probabilities).all()  # multiples of 1 / W: exactly
    np.testing.assert_allclose(
        counts[False].var(dim=0), width * probabilities * (1 - probabilities), rtol=0.1
    )
