"""Pairs drawn in factored form, against lists of all pairs in float64."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from lass.separation.decoding import factored, sampling
from lass.separation.decoding.factored import (
    DensePairs,
    Pairs,
    SparsePairs,
    dense_slices,
    invert,
    ragged_pairs,
    sample_pairs,
)
from lass.separation.decoding.sampling import draw_tuples
from lass.separation.decoding.state import Step
from lass.separation.decoding.support import CountedSupport
from tests.oracles import draw_problem, tuples_of
from tests.separation.toy import likelihood_of

EXTREMES = [0.0, 5e-324, 2.0**-53, 0.5, 1 - 2.0**-53]  # of what a generator of [0, 1) can give


@dataclass(frozen=True)
class Case:
    """Arguments of the samplers."""

    first: Tensor  # [B, W, K]
    second: Tensor  # [B, W, K]
    log_likelihood: Tensor  # [B, K, K]
    uniforms: Tensor  # [B, W]
    sparse: bool = False  # whether the table is given by its possible pairs

    def arguments(self, rows: slice | list[int] = slice(None)) -> tuple[Tensor, Tensor, Pairs, Tensor]:
        table = self.log_likelihood[rows]
        pairs = SparsePairs(ragged_pairs(table), table.shape[1]) if self.sparse else DensePairs(table)
        return self.first[rows], self.second[rows], pairs, self.uniforms[rows]

    def joint(self, item: int, column: int) -> NDArray[np.float64]:
        """Log posterior [K * K] of all pairs in row-major order."""
        first, second = self.first[item, column], self.second[item, column]
        table = first.double()[:, None] + second.double()[None, :] + self.log_likelihood[item].double()
        return np.asarray(table.flatten().numpy())


def draw_case(
    rng: np.random.Generator,
    *,
    codes: int,
    batch: int = 2,
    width: int = 5,
    sharpness: float = 3.0,
    counted: float = 0.3,
) -> Case:
    """Priors from flat (`sharpness` 0) to peaked, and slices with a share `counted` of the pairs."""
    log_probs = rng.normal(size=(2, batch, width, codes)) * sharpness
    first, second = torch.from_numpy(log_probs).float().log_softmax(dim=-1)
    table = np.where(
        rng.random((batch, codes, codes)) < counted, rng.normal(size=(batch, codes, codes)), -np.inf
    )
    table[:, rng.integers(codes), rng.integers(codes)] = -1.0  # no slice is empty
    uniforms = torch.from_numpy(rng.random((batch, width)))
    return Case(first, second, torch.from_numpy(table).float(), uniforms, sparse=bool(rng.random() < 0.5))


def log_sum(scores: NDArray[np.float64]) -> float:
    return float(np.logaddexp.reduce(scores))


def inverted(scores: NDArray[np.float64], uniform: float) -> int:
    """The first entry whose cumulative probability passes the number."""
    cumulative = np.cumsum(np.exp(scores - scores.max()))
    return int(np.flatnonzero(cumulative > uniform * cumulative[-1])[0])


# --- the whole posterior ---


def test_draws_and_normalisers_are_those_of_a_list_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        codes = int(rng.integers(1, 40))
        case = draw_case(rng, codes=codes, sharpness=float(rng.choice([0.0, 1.0, 5.0])))
        drawn = sample_pairs(*case.arguments())
        for item, column in np.ndindex(*case.uniforms.shape):
            joint = case.joint(item, column)
            pair = inverted(joint, float(case.uniforms[item, column]))
            assert drawn.codes[item, column].tolist() == [pair // codes, pair % codes]
            assert float(drawn.scores[item, column]) == pytest.approx(joint[pair], abs=1e-4)
            assert float(drawn.log_normaliser[item, column]) == pytest.approx(log_sum(joint), abs=1e-4)


def test_a_pair_by_hand() -> None:
    """Pairs (0, 1), (1, 0), (1, 1) of probabilities 0.5 * 0.25, 0.5 * 0.75 * 0.5 and 0.5 * 0.25."""
    halves, quarters = torch.tensor([0.5, 0.5]).log(), torch.tensor([0.75, 0.25]).log()
    table = torch.tensor([[0.0, 1.0], [0.5, 1.0]]).log()
    total = 0.125 + 0.1875 + 0.125
    uniforms = torch.tensor([0.0, 0.124, 0.126, 0.312, 0.313, 0.437], dtype=torch.float64) / total
    drawn = sample_pairs(
        halves.expand(1, 6, 2),
        quarters.expand(1, 6, 2),
        DensePairs(table[None]),
        uniforms.clamp_max(1 - 1e-9)[None],
    )
    assert drawn.codes[0].tolist() == [[0, 1], [0, 1], [1, 0], [1, 0], [1, 1], [1, 1]]
    np.testing.assert_allclose(drawn.log_normaliser.exp(), total, rtol=1e-6)
    np.testing.assert_allclose(drawn.scores[0].exp(), [0.125, 0.125, 0.1875, 0.1875, 0.125, 0.125], rtol=1e-6)


def test_products_that_float32_would_lose() -> None:
    """Each prior is all but certain of a code that the mixture rules out: what is left is near exp(-400)."""
    rng = np.random.default_rng(1)
    case = draw_case(rng, codes=5, batch=3, width=500, sharpness=1.0, counted=0.6)
    case.first[:, ::2] = (torch.from_numpy(rng.normal(size=(3, 250, 5))) - 200).float()
    case.second[:, ::2] = (torch.from_numpy(rng.normal(size=(3, 250, 5))) - 200).float()
    case.first[:, ::2, 0] = case.second[:, ::2, 0] = 0.0
    case.log_likelihood[:, 0, :] = case.log_likelihood[:, :, 0] = -torch.inf
    case.log_likelihood[:, 4, 4] = -1.0
    drawn = sample_pairs(*case.arguments())
    assert (drawn.scores[:, ::2] < -380).all()  # exp of it is no number of float32, nor of the product
    assert (drawn.scores[:, 1::2] > -40).all()
    for item, column in np.ndindex(3, 500):
        joint = case.joint(item, column)
        pair = inverted(joint, float(case.uniforms[item, column]))
        assert drawn.codes[item, column].tolist() == [pair // 5, pair % 5]
        assert float(drawn.log_normaliser[item, column]) == pytest.approx(log_sum(joint), abs=1e-3)


def test_rare_hypotheses_are_drawn_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    case = draw_case(np.random.default_rng(2), codes=6, batch=2, width=20)
    case.first[:, :, 1:] -= 300
    case.log_likelihood[:, 0] = -torch.inf
    together = sample_pairs(*case.arguments())
    monkeypatch.setattr(factored, "AT_ONCE", 100)  # two hypotheses of 36 pairs
    parts = sample_pairs(*case.arguments())
    assert torch.equal(parts.codes, together.codes)
    assert torch.equal(parts.log_normaliser, together.log_normaliser)


@pytest.mark.parametrize("reason", ["likelihood", "past", "both priors"])
def test_where_every_pair_is_impossible(reason: str) -> None:
    """The score is -inf and nothing is NaN; hypotheses beside it are drawn as ever."""
    case = draw_case(np.random.default_rng(3), codes=6, batch=2, width=4)
    live = sample_pairs(*case.arguments())
    if reason == "likelihood":  # the past allows one code, which no counted pair has
        case.first[1, 2] = torch.tensor([0.0] + [-torch.inf] * 5)
        case.log_likelihood[1, 0] = -torch.inf
    else:
        case.first[1, 2] = -torch.inf
        if reason == "both priors":
            case.second[1, 2] = -torch.inf
    found = sample_pairs(*case.arguments())
    assert found.scores[1, 2] == found.log_normaliser[1, 2] == -torch.inf
    for part in (found.scores, found.log_normaliser):
        assert not part.isnan().any()
        assert torch.isfinite(part).sum() == 7
    assert ((found.codes >= 0) & (found.codes < 6)).all()
    assert torch.equal(found.codes[0], live.codes[0])


def test_impossible_pairs_are_never_drawn() -> None:
    rng = np.random.default_rng(4)
    uniforms = torch.from_numpy(np.concatenate([EXTREMES, rng.random(200)]))
    for codes in (1, 2, 7, 30):
        case = draw_case(rng, codes=codes, batch=2, width=len(uniforms), counted=0.1)
        found = sample_pairs(case.first, case.second, DensePairs(case.log_likelihood), uniforms.expand(2, -1))
        assert torch.isfinite(found.scores).all()


def test_possible_pairs_alone_say_what_the_whole_table_says() -> None:
    rng = np.random.default_rng(5)
    for counted in (0.01, 0.5, 1.0):
        case = draw_case(rng, codes=30, batch=3, width=50, counted=counted)
        found, expected = (
            sample_pairs(*replace(case, sparse=sparse).arguments()) for sparse in (True, False)
        )
        assert torch.equal(found.codes, expected.codes)
        torch.testing.assert_close(found.scores, expected.scores)
        torch.testing.assert_close(found.log_normaliser, expected.log_normaliser)


@pytest.mark.parametrize("codes", [7, 64, 200])
def test_a_mixture_has_the_same_bytes_in_any_batch(codes: int) -> None:
    for width in (1, 3, 32):
        case = draw_case(np.random.default_rng(codes), codes=codes, batch=9, width=width)
        together = sample_pairs(*case.arguments())
        for rows in ([0], [8], [3, 1], [0, 1, 2, 3, 4, 5, 6]):
            part = sample_pairs(*case.arguments(rows))
            assert torch.equal(part.codes, together.codes[rows])
            assert torch.equal(part.scores, together.scores[rows])
            assert torch.equal(part.log_normaliser, together.log_normaliser[rows])


# --- inverting a cumulative distribution ---


def test_an_entry_and_the_place_inside_it_by_hand() -> None:
    mass = torch.tensor([0.0, 1.0, 0.0, 3.0, 0.0]).expand(5, 5)
    chosen, inside = invert(mass, torch.tensor([0.0, 0.125, 0.25, 0.625, 1 - 2.0**-53], dtype=torch.float64))
    assert chosen.tolist() == [1, 1, 3, 3, 3]
    np.testing.assert_allclose(inside, [0.0, 0.5, 0.0, 0.5, 1.0], atol=1e-9)
    assert (inside < 1).all()


def test_no_mass_at_all() -> None:
    chosen, inside = invert(torch.zeros(2, 4), torch.tensor([0.0, 0.9]))
    assert ((chosen >= 0) & (chosen < 4)).all()
    assert inside.tolist() == [0.0, 0.0]


# --- as the decoder asks for them ---


def test_dense_slices_are_the_table() -> None:
    rng = np.random.default_rng(9)
    for _ in range(50):
        problem = draw_problem(rng, sources=2, codes=4, length=1)
        codes = torch.from_numpy(rng.integers(4, size=3))
        dense = dense_slices(likelihood_of(problem).slices(codes), 4)
        np.testing.assert_allclose(dense, problem.likelihood[codes], rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.02, 0.7, 1.0, 3.0])
def test_pairs_and_lists_of_tuples_give_the_same_draws(
    monkeypatch: pytest.MonkeyPatch, temperature: float
) -> None:
    """Two paths, the same numbers: codes, scores and weights agree."""
    rng = np.random.default_rng(10)
    for _ in range(100):
        codes = int(rng.integers(2, 5))
        problem = draw_problem(rng, sources=2, codes=codes, length=1)
        slices = likelihood_of(problem).slices(torch.from_numpy(rng.integers(codes, size=3)))
        support = CountedSupport(slices, codes)
        tables = list(torch.from_numpy(rng.normal(size=(2, 3, 6, codes)) * 2).float().log_softmax(dim=-1))
        uniforms = torch.from_numpy(rng.random((3, 6)))

        def drawn(
            largest: int, support: Any = support, tables: Any = tables, uniforms: Any = uniforms
        ) -> Step:
            monkeypatch.setattr(sampling, "LARGEST_DENSE", largest)
            settings: dict[str, Any] = {"likelihood_weight": 1.5, "temperature": temperature, "top_k": None}
            return draw_tuples(tables, support, uniforms, **settings)

        pairs, lists = drawn(1024), drawn(0)
        assert torch.equal(pairs.codes, lists.codes)
        torch.testing.assert_close(pairs.scores, lists.scores, atol=1e-4, rtol=1e-5)
        torch.testing.assert_close(pairs.log_weights, lists.log_weights, atol=2e-4, rtol=1e-5)


@pytest.mark.parametrize("sources", [2, 3])
@pytest.mark.parametrize("top_k", [None, 3])
def test_weights_are_scores_less_the_probability_of_the_draw(sources: int, top_k: int | None) -> None:
    rng = np.random.default_rng(11)
    for _ in range(50):
        problem = draw_problem(rng, sources=sources, codes=3, length=1)
        code = int(rng.integers(3))
        slices = likelihood_of(problem).slices(torch.tensor([code]))
        tables = list(torch.from_numpy(rng.normal(size=(sources, 1, 4, 3))).float().log_softmax(dim=-1))
        drawn = draw_tuples(
            tables,
            CountedSupport(slices, 3),
            torch.from_numpy(rng.random((1, 4))),
            likelihood_weight=2.0,
            temperature=0.7,
            top_k=top_k,
        )
        assert drawn.log_weights is not None
        options = tuples_of(problem, code)
        for column in range(4):
            scores = np.array(
                [
                    sum(float(tables[n][0, column, z[n]]) for n in range(sources))
                    + 2.0 * problem.likelihood[(code, *z)]
                    for z in options
                ]
            )
            allowed = np.sort(scores / 0.7)[::-1][:top_k]
            chosen = scores[options.index(tuple(drawn.codes[0, column].tolist()))]
            expected = chosen - (chosen / 0.7 - log_sum(allowed))
            assert float(drawn.log_weights[0, column]) == pytest.approx(expected, abs=1e-4)
            assert float(drawn.scores[0, column]) == pytest.approx(chosen, abs=1e-4)
