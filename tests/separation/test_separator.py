"""From waveforms to the codes of their sources with a codec made of a table: sample values are codes."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.likelihood.tensor import nearest_counted
from lass.separation import separator as separator_module
from lass.separation.decoding.budget import Plan, mixtures_at_once, plan_decoding
from lass.separation.decoding.decoders import Decoder, open_decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.state import Hypotheses
from lass.separation.decoding.support import Positions
from lass.separation.estimation.candidates import draw_candidates
from lass.separation.likelihoods import ByCounts, ByNetwork, MixtureLikelihood
from lass.separation.separator import Separator
from lass.separation.settings import DecoderSettings
from tests.oracles import Problem, TablePrior, beam_rows, draw_problem, path_score, paths_of
from tests.separation.toy import ancestral, beam, greedy, kind_of, likelihood_of, particle, top_k

HOP = 3
LEVELS = torch.tensor([0.1, 0.3, 0.6, 1.0])  # the waveform of a code is its level, three times
BEAM = beam(6)
ANCESTRAL = ancestral(6, temperature=1.5)


def encode(audio: Tensor) -> Tensor:
    """Waveforms [R, T] to the codes of the nearest level [R, S]."""
    return (audio[:, ::HOP, None] - LEVELS).abs().argmin(dim=-1)


def decode(codes: Tensor) -> Tensor:
    """Codes [R, S] to waveforms [R, T]."""
    return LEVELS[codes].repeat_interleave(HOP, dim=1)


def counts_of(problem: Problem, **network: Any) -> ByCounts:
    table = likelihood_of(problem)
    return ByCounts(table, nearest_counted(table, LEVELS[:, None]), encode, **network)


def separator_of(problem: Problem, **changes: Any) -> Separator:
    parts: dict[str, Any] = {
        "decode": decode,
        "priors": [TablePrior(tables) for tables in problem.conditionals],
        "likelihood": counts_of(problem),
        "length": problem.mixtures.shape[1],
        "weights": torch.full((problem.sources,), 1 / problem.sources),
        "decoder": open_decoder(BEAM),
        "seed": 0,
    }
    return Separator(**(parts | changes))


@dataclass(frozen=True)
class Separated:
    """One candidate."""

    codes: Tensor  # [N, S]
    log_posterior: float
    remix_distance: float
    uncounted: int


def separate(
    separator: Separator, mixtures: Tensor, items: Sequence[int], *, nearest: bool = False
) -> list[Separated]:
    """The likeliest candidate of every mixture, or the one whose remix is nearest."""
    results = []
    for found in draw_candidates(separator, mixtures, items, kept=separator.decoder.hypotheses):
        best = 0 if nearest else int(found.log_posterior.argmax())
        measured = (float(found.log_posterior[best]), float(found.remix_distance[best]))
        results.append(Separated(found.codes[best], *measured, found.uncounted))
    return results


@pytest.fixture
def problem() -> Problem:
    return draw_problem(np.random.default_rng(0), sources=2, codes=4, length=3, batch=5)


def audio_of(problem: Problem) -> Tensor:
    return decode(torch.from_numpy(problem.mixtures))


def test_the_best_beam_is_found(problem: Problem) -> None:
    results = separate(separator_of(problem), audio_of(problem), range(5))
    for mixture, result in zip(problem.mixtures, results, strict=True):
        rows = [row for row in beam_rows(problem, mixture, width=6, weight=1.0) if row is not None]
        path, score = max(rows, key=lambda row: row[1])
        assert next(paths_of(result.codes.T[None])) == path
        assert result.log_posterior == pytest.approx(score, abs=1e-4)
        assert result.uncounted == 0


@pytest.mark.parametrize("settings", [BEAM, ANCESTRAL, greedy()], ids=kind_of)
@pytest.mark.parametrize("sources", [2, 3])
def test_the_nearest_remix_of_all_hypotheses(settings: DecoderSettings, sources: int) -> None:
    problem = draw_problem(np.random.default_rng(sources), sources=sources, codes=4, length=3, batch=4)
    separator = separator_of(problem, decoder=open_decoder(settings))
    mixtures = audio_of(problem)
    for chosen, likeliest in zip(
        separate(separator, mixtures, range(4), nearest=True),
        separate(separator, mixtures, range(4)),
        strict=True,
    ):
        assert chosen.remix_distance <= likeliest.remix_distance + 1e-7
        assert chosen.log_posterior <= likeliest.log_posterior


@pytest.mark.parametrize("settings", [BEAM, ANCESTRAL], ids=kind_of)
def test_a_mixture_is_separated_alike_in_any_batch(problem: Problem, settings: DecoderSettings) -> None:
    separator, mixtures = separator_of(problem, decoder=open_decoder(settings)), audio_of(problem)
    together = separate(separator, mixtures, [7, 3, 12, 5, 9])
    order = [4, 0, 3]
    mixed = separate(separator, mixtures[order], [9, 7, 5])
    alone = [separate(separator, mixtures[[row]], [item])[0] for row, item in enumerate([7, 3, 12, 5, 9])]
    for found, expected in [*zip(mixed, (together[row] for row in order), strict=True),
                            *zip(alone, together, strict=True)]:  # fmt: skip
        assert torch.equal(found.codes, expected.codes)
        assert found.log_posterior == expected.log_posterior
        assert found.remix_distance == expected.remix_distance


@pytest.mark.parametrize("settings", [BEAM, ANCESTRAL], ids=kind_of)
def test_less_memory_gives_the_same_hypotheses(
    problem: Problem, settings: DecoderSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In as many parts as the memory makes necessary."""
    decoded: list[int] = []

    def counting(likelihood: Positions, **parts: Any) -> Hypotheses:
        decoded.append(likelihood.batch)
        return decode_sequences(likelihood, **parts)

    monkeypatch.setattr(separator_module, "decode_sequences", counting)
    ample = separator_of(problem, decoder=open_decoder(settings))
    least = bisect_left(range(2**30), True, key=lambda memory: fits(ample, memory))
    expected = ample.hypotheses(audio_of(problem), range(5))
    for memory, parts in ((least, [1] * 5), (2**30, [5])):
        decoded.clear()
        found = replace(ample, memory=memory).hypotheses(audio_of(problem), range(5))
        assert decoded == parts
        assert torch.equal(found.codes, expected.codes)
        assert torch.equal(found.scores, expected.scores)
    if settings.kind == "ancestral":
        found = replace(ample, memory=least - 1).hypotheses(audio_of(problem), range(5))
        assert torch.equal(found.codes, expected.codes)
        assert len(decoded) > 5
        return
    with pytest.raises(ValueError, match="one mixture needs"):
        replace(ample, memory=least - 1).hypotheses(audio_of(problem), range(5))


@pytest.mark.parametrize("network", [None, 0.0, 0.7], ids=["counts", "network", "both"])
@pytest.mark.parametrize(
    ("settings", "least"),
    [
        (ANCESTRAL, 6),
        (ANCESTRAL.model_copy(update={"stratified": True}), 6),
        (top_k(6, 3), 6),
        (particle(6).model_copy(update={"islands": 3}), 3),
        (particle(6).model_copy(update={"islands": 3, "stratified": True}), 3),
    ],
    ids=["ancestral", "stratified", "top_k", "islands", "stratified islands"],
)
def test_hypotheses_of_one_mixture_in_passes(
    problem: Problem,
    settings: DecoderSettings,
    least: int,
    network: float | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Those that are drawn apart may be decoded one after the other, and are the same; the log says it."""
    whole = separator_of(problem, decoder=open_decoder(settings), likelihood=likelihood_by(problem, network))
    expected = whole.hypotheses(audio_of(problem), range(5))
    assert not caplog.records
    widths: list[int] = []

    def noting(likelihood: Positions, *, decoder: Decoder, **options: Any) -> Hypotheses:
        widths.append(decoder.hypotheses)
        return decode_sequences(likelihood, decoder=decoder, **options)

    monkeypatch.setattr(separator_module, "decode_sequences", noting)
    monkeypatch.setattr(separator_module, "plan_decoding", lambda *_, **__: Plan(passes=least, mixtures=2))
    with caplog.at_level("INFO", logger="lass"):
        found = whole.hypotheses(audio_of(problem), range(5))
    assert torch.equal(found.codes, expected.codes)
    torch.testing.assert_close(found.scores, expected.scores)
    assert set(widths) == {6 // least}
    assert f"6 hypotheses of a mixture in {least} passes" in caplog.text


def test_memory_decides_the_parts(problem: Problem) -> None:
    """Where one mixture with all of its hypotheses does not fit, they are divided until it does."""
    wide = separator_of(problem, decoder=open_decoder(ancestral(6)))
    least = bisect_left(range(2**30), True, key=lambda memory: fits(wide, memory))
    problem_of: dict[str, Any] = {"priors": wide.priors, "sizes": wide.likelihood.sizes, "length": 3}
    assert plan_decoding(least, decoder=wide.decoder, **problem_of) == Plan(passes=1, mixtures=1)
    assert plan_decoding(least - 1, decoder=wide.decoder, **problem_of).passes > 1
    for decoder in (wide.decoder, open_decoder(BEAM)):
        with pytest.raises(ValueError, match=r"one mixture needs .* for 6 hypotheses"):
            plan_decoding(1, decoder=decoder, **problem_of)


@pytest.mark.parametrize(("room", "passes"), [(6, 1), (5, 2), (3, 2), (2, 3), (1, 6)])
def test_as_few_passes_as_it_takes(
    problem: Problem, room: int, passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def allow(memory: int, *, decoder: Decoder, **_: object) -> int:
        del memory
        if decoder.hypotheses > room:
            raise ValueError("one mixture needs more")
        return room // decoder.hypotheses

    monkeypatch.setattr("lass.separation.decoding.budget.mixtures_at_once", allow)
    wide = separator_of(problem, decoder=open_decoder(ancestral(6)))
    plan = plan_decoding(100, decoder=wide.decoder, priors=wide.priors, length=3)
    assert plan == Plan(passes, mixtures=room // (6 // passes))


def fits(separator: Separator, memory: int) -> bool:
    """Whether one mixture of three tokens can be decoded in `memory` bytes."""
    try:
        mixtures_at_once(
            memory,
            priors=separator.priors,
            sizes=separator.likelihood.sizes,
            decoder=separator.decoder,
            length=3,
        )
    except ValueError:
        return False
    return True


def test_draws_depend_on_seed_and_item_alone(problem: Problem) -> None:
    separator = separator_of(problem, decoder=open_decoder(ANCESTRAL))

    def drawn(one: Separator, items: list[int], place: int = 0) -> Tensor:
        return one.uniforms([(item, place) for item in items])

    uniforms = drawn(separator, [4, 8])
    assert not torch.equal(uniforms, drawn(separator, [4, 8], place=1))
    assert uniforms.shape == (2, 1, 3, 6)
    assert torch.equal(uniforms, drawn(separator, [8, 4]).flip(0))
    assert not torch.equal(uniforms, drawn(replace(separator, seed=1), [4, 8]))
    assert not torch.equal(uniforms[0], uniforms[1])
    assert ((uniforms >= 0) & (uniforms < 1)).all()


def hear(sources: int) -> Callable[[Tensor], Tensor]:
    """A learned likelihood [B, N, S, 4] of mixtures [B, T]: which level is near."""

    def heard(mixtures: Tensor) -> Tensor:
        distances = (mixtures[:, ::HOP, None] - LEVELS).abs()  # [B, S, 4]
        return torch.stack([-(source + 1.0) * distances for source in range(sources)], dim=1)

    return heard


def likelihood_by(problem: Problem, weight: float | None) -> MixtureLikelihood:
    """Of counts; with weight 0 of the network alone; with another weight, of both."""
    if weight is None:
        return counts_of(problem)
    network = hear(problem.sources)
    if weight == 0:
        return ByNetwork(network, torch.full((problem.sources, 4), 0.25).log())
    return counts_of(problem, network=network, network_weight=weight)


@pytest.mark.parametrize("weight", [0.0, 0.7], ids=["alone", "beside the counts"])
@pytest.mark.parametrize("sources", [2, 3])
@pytest.mark.parametrize("decoder", [BEAM, ANCESTRAL], ids=kind_of)
def test_the_network_hears_each_mixture_alone(decoder: DecoderSettings, sources: int, weight: float) -> None:
    problem = draw_problem(np.random.default_rng(1), sources=sources, codes=4, length=3, batch=5)
    separator = separator_of(
        problem, decoder=open_decoder(decoder), likelihood=likelihood_by(problem, weight)
    )
    mixtures = decode(torch.from_numpy(problem.mixtures))
    together = separator.hypotheses(mixtures, range(5))
    assert together.codes.shape == (5, 6, 3, sources)
    bound = next(size for size in range(10_000, 10**8, 10_000) if fits(separator, size))
    split = replace(separator, memory=bound).hypotheses(mixtures, range(5))
    order = [3, 1, 4]
    part = separator.hypotheses(mixtures[order], order)
    assert torch.equal(split.codes, together.codes)
    assert torch.equal(part.codes, together.codes[order])
    assert torch.equal(part.scores, together.scores[order])
    counts = replace(separator, likelihood=counts_of(problem)).hypotheses(mixtures, range(5))
    assert not torch.equal(counts.scores, together.scores), "it was heard"


def test_without_prior_weight_every_position_is_decoded_by_itself() -> None:
    """The best codes are those of highest likelihood times frequency, whatever the priors say."""
    problem = draw_problem(np.random.default_rng(2), sources=2, codes=4, length=3, batch=5)
    frequencies = torch.tensor([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]]).log()
    alone = ByNetwork(hear(2), frequencies, prior_weight=0.0)
    separator = separator_of(problem, decoder=open_decoder(BEAM), likelihood=alone, priors=[])
    mixtures = decode(torch.from_numpy(problem.mixtures))
    found = separator.hypotheses(mixtures, range(5))
    best = (BEAM.likelihood_weight * hear(2)(mixtures) + frequencies[:, None]).argmax(dim=-1)  # [B, N, S]
    assert torch.equal(found.codes[:, 0], best.transpose(1, 2))
    priors = separator_of(problem).priors
    asked = {
        weight: replace(separator, priors=priors, likelihood=replace(alone, prior_weight=weight)).hypotheses(
            mixtures, range(5)
        )
        for weight in (0.0, 0.5, 1.0)
    }
    assert torch.equal(asked[0.0].scores, found.scores), "whatever the priors say"
    assert not torch.equal(asked[0.5].scores, found.scores)
    assert not torch.equal(asked[1.0].scores, asked[0.5].scores)


def test_a_prior_of_the_whole_weight_is_asked_itself() -> None:
    alone = ByNetwork(hear(2), torch.zeros(2, 4))
    priors = [TablePrior([np.zeros((1, 4))]) for _ in range(2)]
    assert [id(prior) for prior in alone.weigh(priors)] == [id(prior) for prior in priors]
    with pytest.raises(ValueError, match="0 priors for 2 sources"):
        alone.weigh([])


def test_sources_that_are_searched_alone_draw_numbers_of_their_own() -> None:
    problem = draw_problem(np.random.default_rng(1), sources=1, codes=4, length=3, batch=1)
    twice = replace(
        problem, conditionals=[*problem.conditionals, *problem.conditionals], likelihood=np.zeros((4, 4, 4))
    )
    silent = ByNetwork(lambda mixtures: torch.zeros(len(mixtures), 2, 3, 4), torch.zeros(2, 4))
    separator = separator_of(twice, decoder=open_decoder(ancestral(200)), likelihood=silent)
    codes = separator.hypotheses(decode(torch.from_numpy(problem.mixtures)), [0]).codes[0]  # [200, 3, 2]
    assert not torch.equal(codes[..., 0], codes[..., 1])


def test_an_uncounted_code_falls_back_to_its_nearest(problem: Problem) -> None:
    likelihood = problem.likelihood.copy()
    likelihood[1] = -np.inf  # level 0.3: 0.1 is nearer than 0.6
    problem = replace(problem, likelihood=likelihood, mixtures=np.array([[1, 0, 1], [3, 2, 0]]))
    first, second = separate(separator_of(problem), audio_of(problem), [0, 1])
    assert (first.uncounted, second.uncounted) == (2, 0)
    path = next(paths_of(first.codes.T[None]))
    assert first.log_posterior == pytest.approx(path_score(problem, [0, 0, 0], path, weight=1.0), abs=1e-4)


def test_weights_enter_the_remix(problem: Problem) -> None:
    weights = torch.tensor([0.9, 0.3])
    (result,) = separate(separator_of(problem, weights=weights), audio_of(problem)[:1], [0])
    remix = 0.9 * LEVELS[result.codes[0]] + 0.3 * LEVELS[result.codes[1]]
    mixture = audio_of(problem)[0]
    expected = (remix.repeat_interleave(HOP) - mixture).square().sum() / mixture.square().sum()
    assert result.remix_distance == pytest.approx(float(expected), rel=1e-5)


def test_a_mixture_without_any_possible_separation(problem: Problem) -> None:
    likelihood = np.full_like(problem.likelihood, -np.inf)
    likelihood[:, 0, 0] = 0.0
    never = [np.where(np.arange(4) == 0, -np.inf, table) for table in problem.conditionals[0]]
    impossible = replace(problem, conditionals=[never, never], likelihood=likelihood)
    for settings in (BEAM, ANCESTRAL):
        with pytest.raises(ValueError, match="no hypothesis has a positive probability"):
            separate(separator_of(impossible, decoder=open_decoder(settings)), audio_of(problem), range(5))
