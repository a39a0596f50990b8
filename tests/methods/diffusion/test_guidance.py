"""Shares of what is missing: by conjugate gradients, against the dense solution, and by mean powers."""

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.methods.diffusion.denoising import Problem, open_problem
from lass.methods.diffusion.guidance import (
    admissible,
    denoise_with_spread,
    guide_exactly,
    guide_once,
    shared_by_gradients,
)
from lass.methods.diffusion.spectra import Spectra
from lass.methods.diffusion_settings import Ode
from tests.methods.diffusion.oracles import draw_gaussians, draw_templates


def templates_problem(*, weights: list[float], size: int = 12) -> tuple[Problem, Tensor]:
    """Two mixtures of templates, and noisy addends of them."""
    oracle, rng = draw_templates(sources=len(weights), number=4, size=size), np.random.default_rng(0)
    _, mixtures = oracle.draw(rng, 2)
    problem = open_problem(oracle.priors, mixtures, torch.tensor([weights] * 2).double())
    return problem, torch.from_numpy(0.1 * rng.standard_normal((2, len(weights), size)))


def dense(problem: Problem, noisy: Tensor, sigma: float, error: float) -> Tensor:
    """`D_n + C_n (sum_k C_k + error²)^-1 r`, by differences and a solver of linear equations."""
    batch, sources, size = noisy.shape
    clean, step = problem.denoise(noisy, sigma), 1e-5
    covariances = torch.zeros(batch, sources, size, size).double()
    for place in range(size):
        move = torch.zeros(size).double()
        move[place] = step
        change = problem.denoise(noisy + move, sigma) - problem.denoise(noisy - move, sigma)
        covariances[..., place] = sigma**2 * change / (2 * step)
    total = covariances.sum(dim=1) + error**2 * torch.eye(size)
    solved = torch.linalg.solve(total, problem.mixtures - clean.sum(dim=1))
    shared: Tensor = (covariances @ solved[:, None, :, None])[..., 0]
    return clean + shared


@pytest.mark.parametrize("weights", [[1.0, 1.0], [0.7, 0.3], [0.2, 0.5, 0.3]], ids=str)
@pytest.mark.parametrize("error", [0.0, 0.05])
def test_conjugate_gradients_are_the_dense_solution(weights: list[float], error: float) -> None:
    problem, noisy = templates_problem(weights=weights)
    found = guide_exactly(problem, noisy, 0.08, products=30, error=error)
    torch.testing.assert_close(found, dense(problem, noisy, 0.08, error), rtol=1e-4, atol=1e-5)
    if not error:
        torch.testing.assert_close(found.sum(dim=1), problem.mixtures)


def test_few_products_are_on_the_way() -> None:
    problem, noisy = templates_problem(weights=[1.0, 1.0])
    right = dense(problem, noisy, 0.08, 0.0)
    distances = [
        float((guide_exactly(problem, noisy, 0.08, products=n, error=0.0) - right).norm())
        for n in range(1, 6)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.1 * distances[0]


def test_every_mixture_converges_by_itself() -> None:
    problem, noisy = templates_problem(weights=[1.0, 1.0])
    still = Problem(problem.priors, problem.mixtures.clone(), problem.gains)
    still.mixtures[0] = problem.denoise(noisy, 0.08).sum(dim=1)[0]  # nothing is missing of the first
    found = guide_exactly(still, noisy, 0.08, products=30, error=0.0)
    torch.testing.assert_close(found[0], problem.denoise(noisy, 0.08)[0])
    torch.testing.assert_close(found[1], guide_exactly(problem, noisy, 0.08, products=30, error=0.0)[1])


def test_a_jacobian_that_is_not_positive_moves_nothing() -> None:
    missing = torch.ones(1, 4).double()
    shared = shared_by_gradients(lambda v: -v[:, None].expand(-1, 2, -1), missing, products=3, error=0.0)
    assert torch.equal(shared, torch.zeros(1, 2, 4).double())


def test_gradients_and_mean_powers_share_alike_where_priors_are_gaussian() -> None:
    oracle = draw_gaussians(weights=[0.7, 0.3], size=40)
    _, mixtures = oracle.draw(np.random.default_rng(0), 2)
    problem = open_problem(oracle.priors, mixtures, oracle.weights.expand(2, -1))
    noisy = torch.from_numpy(0.1 * np.random.default_rng(1).standard_normal((2, 2, 40)))
    for sigma in (1.0, 0.1, 0.01):
        clean = problem.denoise(noisy, sigma)
        spectral = clean + problem.shares(problem.missing(clean), sigma)
        exact = guide_exactly(problem, noisy, sigma, products=300, error=0.0)
        torch.testing.assert_close(exact, spectral, rtol=1e-5, atol=1e-7)


def test_one_product_is_enough_for_white_sources() -> None:
    oracle = draw_gaussians(weights=[0.7, 0.3], size=40)
    oracle.variances.copy_(torch.tensor([[0.01], [0.04]]).expand(2, 40))
    _, mixtures = oracle.draw(np.random.default_rng(0), 2)
    problem = open_problem(oracle.priors, mixtures, oracle.weights.expand(2, -1))
    noisy = torch.zeros(2, 2, 40).double()
    torch.testing.assert_close(
        guide_once(problem, noisy, 0.1, error=0.02),
        guide_exactly(problem, noisy, 0.1, products=1, error=0.02),
    )


def test_covariances_are_those_of_the_addends() -> None:
    """Of a Gaussian addend of variance a² V: sigma² a² V / (a² V + sigma²)."""
    oracle = draw_gaussians(weights=[0.7, 0.3], size=6)
    problem = open_problem(oracle.priors, torch.zeros(1, 6).double(), oracle.weights[None])
    _, spread = denoise_with_spread(problem, torch.zeros(1, 2, 6).double(), 0.2)
    powers = oracle.weights[:, None] ** 2 * oracle.variances
    torch.testing.assert_close(spread(torch.ones(1, 6).double())[0], 0.04 * powers / (powers + 0.04))


def test_shares_by_frequency_are_a_circular_filter() -> None:
    """The Fourier basis against covariance matrices of stationary sources; odd and even lengths."""
    rng = np.random.default_rng(0)
    for size in (7, 8):
        powers = torch.from_numpy(rng.uniform(0.1, 1, (2, size // 2 + 1)))
        missing = torch.from_numpy(rng.standard_normal((1, size)))
        gains = torch.tensor([[0.7, 0.3]]).double()
        covariances = []
        for n in range(2):
            full = [float(powers[n, min(k, size - k)]) * float(gains[0, n]) ** 2 for k in range(size)]
            open_ = [0.09 * power / (0.09 + power) for power in full]
            lags = np.fft.ifft(open_).real
            covariances.append(np.array([[lags[(i - j) % size] for j in range(size)] for i in range(size)]))
        solved = np.linalg.solve(sum(covariances) + 0.04 * np.eye(size), missing[0].numpy())
        found = Spectra(powers).share(missing, gains=gains, sigma=0.3, error=0.2)
        np.testing.assert_allclose(found[0].numpy(), [c @ solved for c in covariances], atol=1e-12)


def test_spectra_serve_mixtures_of_another_length() -> None:
    spectra = Spectra(torch.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]).double())
    found = spectra.share(torch.ones(1, 16).double(), gains=torch.ones(1, 2).double(), sigma=1.0, error=0.0)
    torch.testing.assert_close(found[0, 1], torch.ones(16).double())  # at frequency 0 all is the second's
    assert float(found[0, 0].abs().max()) < 1e-9


def test_moves_within_the_plane_of_equal_sums() -> None:
    moves = torch.tensor([[[1.0], [2.0], [6.0]]])
    dirac = Ode(kind="ode", steps=2, guidance="dirac", constrained=0)
    assert admissible(moves, dirac).flatten().tolist() == [-8, 2, 6]
    assert admissible(moves, dirac, slopes=True).flatten().tolist() == [-6, 1, 5]
    symmetric = Ode(kind="ode", steps=2, guidance="symmetric", noise="independent")
    assert admissible(moves, symmetric, slopes=True).flatten().tolist() == [-3, -1.5, 4.5]
    noise = torch.randn(1, 3, 100_000, generator=torch.Generator().manual_seed(0))
    projected = admissible(noise, symmetric)
    assert float(projected.sum(dim=1).abs().max()) < 1e-5
    assert float(projected.var()) == pytest.approx(1, abs=0.01)
    assert not admissible(noise[:, :1].expand(-1, 3, -1), symmetric).abs().gt(1e-6).any()  # what all share
    assert admissible(moves, Ode(kind="ode", steps=2)) is moves
