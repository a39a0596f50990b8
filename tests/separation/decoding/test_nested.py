"""Draws by nested sums against draws tuple by tuple, which look at every tuple in float64."""

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.likelihood.tensor import RaggedSlices
from lass.separation.decoding import sampling
from lass.separation.decoding.nested import group_starts
from lass.separation.decoding.sampling import draw_nested, draw_ragged
from lass.separation.decoding.state import Step
from lass.separation.decoding.support import CountedSupport

CODES = 24


def random_slices(rng: np.random.Generator, *, sources: int, sizes: list[int]) -> RaggedSlices:
    """Ascending tuples of CODES codes, as many as `sizes` says."""
    keys = [np.sort(rng.choice(CODES**sources, size, replace=False)) for size in sizes]
    tuples = np.stack(np.unravel_index(np.concatenate(keys), (CODES,) * sources), axis=1)
    return RaggedSlices(
        torch.from_numpy(tuples),
        torch.from_numpy(np.log(rng.random(sum(sizes)))).float(),
        torch.tensor([0, *np.cumsum(sizes)]),
    )


def random_tables(rng: np.random.Generator, *, sources: int, batch: int, sharpness: float) -> list[Tensor]:
    """Log-probabilities [B, 40, CODES] of every source."""
    logits = torch.from_numpy(sharpness * rng.normal(size=(sources, batch, 40, CODES)))
    return list(logits.float().log_softmax(dim=-1))


def assert_same(found: Step, expected: Step) -> None:
    assert torch.equal(found.codes, expected.codes)
    assert torch.equal(found.scores, expected.scores)
    torch.testing.assert_close(found.log_weights, expected.log_weights, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sharpness", [1.0, 6.0, 60.0], ids=["even", "sharp", "beyond_float32"])
@pytest.mark.parametrize(("sources", "temperature"), [(2, 1.0), (3, 0.5), (4, 2.0)])
def test_nested_sums_draw_what_all_tuples_do(sources: int, temperature: float, sharpness: float) -> None:
    """Of one tuple, of a few, and of many with whole groups that share their first codes."""
    rng = np.random.default_rng((sources, int(sharpness)))
    slices = random_slices(rng, sources=sources, sizes=[1, 7, 400])
    tables = random_tables(rng, sources=sources, batch=3, sharpness=sharpness)
    uniforms = torch.from_numpy(rng.random((3, 40)))
    settings = {"likelihood_weight": 1.5, "temperature": temperature}
    assert_same(
        draw_nested(tables, slices, uniforms, **settings),
        draw_ragged(tables, slices, uniforms, top_k=None, **settings),
    )


def test_codes_that_a_prior_rules_out_are_not_drawn() -> None:
    rng = np.random.default_rng(5)
    slices = random_slices(rng, sources=3, sizes=[300, 300])
    tables = random_tables(rng, sources=3, batch=2, sharpness=1.0)
    tables[1][0, :20, ::2] = -torch.inf
    tables[2][1, 7] = -torch.inf  # no tuple of this hypothesis is possible
    uniforms = torch.from_numpy(rng.random((2, 40)))
    found = draw_nested(tables, slices, uniforms, likelihood_weight=1.0, temperature=1.0)
    assert (found.codes[0, :20, 1] % 2 == 1).all()
    assert torch.isfinite(found.scores[0]).all()
    assert found.log_weights is not None
    assert found.scores[1, 7] == found.log_weights[1, 7] == -torch.inf
    assert torch.isfinite(found.scores[1]).sum() == 39
    assert_same(
        found, draw_ragged(tables, slices, uniforms, likelihood_weight=1.0, temperature=1.0, top_k=None)
    )


def test_draws_do_not_depend_on_who_shares_the_batch() -> None:
    rng = np.random.default_rng(6)
    slices = random_slices(rng, sources=3, sizes=[200, 90, 350])
    tables = random_tables(rng, sources=3, batch=3, sharpness=2.0)
    uniforms = torch.from_numpy(rng.random((3, 40)))
    together = draw_nested(tables, slices, uniforms, likelihood_weight=1.0, temperature=1.0)
    assert together.log_weights is not None
    for item in range(3):
        own = [table[item : item + 1] for table in tables]
        alone = draw_nested(
            own, slices.only(item), uniforms[item : item + 1], likelihood_weight=1.0, temperature=1.0
        )
        assert torch.equal(alone.codes[0], together.codes[item])
        assert alone.log_weights is not None
        assert torch.equal(alone.log_weights[0], together.log_weights[item])


@pytest.mark.parametrize(("sources", "codes"), [(3, CODES), (2, sampling.LARGEST_DENSE + 1)])
def test_who_is_drawn_by_nested_sums(sources: int, codes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three sources, and two with a codebook too large for dense slices; not the k best alone."""
    calls: list[int] = []

    def note(log_probs: list[Tensor], *_: object, **__: object) -> None:
        calls.append(len(log_probs))

    monkeypatch.setattr(sampling, "draw_nested", note)
    slices = random_slices(np.random.default_rng(0), sources=sources, sizes=[10])
    support = CountedSupport(slices, codes)
    tables = [torch.zeros(1, 2, codes)] * sources
    settings = {"likelihood_weight": 1.0, "temperature": 1.0}
    sampling.draw_tuples(tables, support, torch.zeros(1, 2), top_k=None, **settings)
    assert calls == [sources]
    sampling.draw_tuples(tables, support, torch.zeros(1, 2), top_k=3, **settings)
    assert calls == [sources]


def test_where_groups_begin_by_hand() -> None:
    tuples = torch.tensor([[0, 0, 1], [0, 0, 2], [0, 3, 0], [2, 3, 0], [2, 3, 1], [2, 4, 1]])
    assert [starts.tolist() for starts in group_starts(tuples)] == [[0, 3], [0, 2, 3, 5]]
    assert [starts.tolist() for starts in group_starts(tuples[:1])] == [[0], [0]]
