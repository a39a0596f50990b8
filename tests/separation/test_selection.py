"""One of W hypotheses: the nearest remix or the highest score, never one that does not exist."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.separation.selection import Separation, select_hypothesis

CODES = torch.tensor([[[0, 1], [2, 0]], [[1, 1], [0, 0]], [[2, 2], [1, 0]]])  # [W = 3, S = 2, N = 2]
WEIGHTS = torch.tensor([0.25, 0.75])
HOP = 2


def decode(codes: Tensor) -> Tensor:
    """Every code becomes two samples of its own value and of twice that."""
    return torch.stack([codes, 2 * codes], dim=-1).flatten(1).float()


def remix(hypothesis: int) -> Tensor:
    """sum_n alpha_n D(z_n), written out."""
    first, second = CODES[hypothesis, :, 0].tolist(), CODES[hypothesis, :, 1].tolist()
    mixed = [0.25 * a + 0.75 * b for a, b in zip(first, second, strict=True)]
    return torch.tensor([factor * value for value in mixed for factor in (1.0, 2.0)])


def select(scores: list[float], *, mixture: Tensor, criterion: str, **more: Any) -> Separation:
    return select_hypothesis(
        CODES,
        torch.tensor(scores, dtype=torch.float64),
        mixture=mixture,
        weights=WEIGHTS,
        decode=decode,
        criterion=criterion,
        **more,
    )


@pytest.mark.parametrize("nearest", [0, 1, 2])
def test_the_nearest_remix_is_kept(nearest: int) -> None:
    result = select([-3.0, -2.0, -1.0], mixture=remix(nearest) + 0.01, criterion="remix", uncounted=7)
    assert torch.equal(result.codes, CODES[nearest].T)
    assert torch.equal(result.estimates, decode(CODES[nearest].T))
    assert result.log_posterior == [-3.0, -2.0, -1.0][nearest]
    expected = 4 * 0.01**2 / float((remix(nearest) + 0.01).square().sum())
    assert result.remix_distance == pytest.approx(expected, rel=1e-3)
    assert result.uncounted == 7


@pytest.mark.parametrize("best", [0, 1, 2])
def test_the_highest_score_is_kept_whatever_its_remix(best: int) -> None:
    scores = [-5.0] * 3
    scores[best] = -1.0
    mixture = remix((best + 1) % 3)
    result = select(scores, mixture=mixture, criterion="posterior")
    assert torch.equal(result.codes, CODES[best].T)
    assert result.log_posterior == -1.0
    error = (remix(best) - mixture).square().sum() / mixture.square().sum()
    assert result.remix_distance == pytest.approx(float(error), rel=1e-6)


def test_remix_distances_by_brute_force() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        mixture = torch.from_numpy(rng.normal(size=4)).float() * 3
        distances = [float((remix(w) - mixture).square().sum()) for w in range(3)]
        result = select([-1.0, -1.0, -1.0], mixture=mixture, criterion="remix")
        assert torch.equal(result.codes, CODES[int(np.argmin(distances))].T)


@pytest.mark.parametrize("criterion", ["remix", "posterior"])
def test_a_hypothesis_that_does_not_exist_is_never_chosen(criterion: str) -> None:
    """Not even where its remix is perfect."""
    result = select([-torch.inf, -9.0, -torch.inf], mixture=remix(0), criterion=criterion)
    assert torch.equal(result.codes, CODES[1].T)
    assert result.log_posterior == -9.0


@pytest.mark.parametrize("criterion", ["remix", "posterior"])
def test_equals_go_to_the_first(criterion: str) -> None:
    repeated = CODES[[1, 1, 1]]
    result = select_hypothesis(
        repeated,
        torch.tensor([-torch.inf, -1.0, -1.0]),
        mixture=remix(1),
        weights=WEIGHTS,
        decode=decode,
        criterion=criterion,
    )
    assert torch.equal(result.codes, CODES[1].T)


def test_a_silent_mixture_has_a_finite_distance() -> None:
    assert np.isfinite(select([0.0] * 3, mixture=torch.zeros(4), criterion="remix").remix_distance)


def test_an_unknown_criterion() -> None:
    with pytest.raises(ValueError, match="selection 'best': choose remix or posterior"):
        select([0.0] * 3, mixture=remix(0), criterion="best")


@pytest.mark.parametrize("criterion", ["remix", "posterior"])
@pytest.mark.parametrize("score", [-torch.inf, torch.nan])
def test_no_hypothesis_at_all(criterion: str, score: float) -> None:
    with pytest.raises(ValueError, match="no hypothesis has a positive probability"):
        select([score] * 3, mixture=remix(0), criterion=criterion)
