"""The published solver: its schedule, its losses, its moves."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from lass.methods.diffusion.ancestral import length, magnitudes, mixture_error
from lass.methods.diffusion.schedules import VariancePreserving
from lass.methods.diffusion_settings import Ancestral, Losses
from tests.methods.diffusion.oracles import draw_templates
from tests.methods.diffusion.runs import estimate

SCHEDULE = VariancePreserving.linear(200)


def test_levels_of_the_published_steps() -> None:
    published = {200: 2.562, 175: 1.925, 150: 1.456, 125: 1.098, 100: 0.812, 50: 0.369, 1: 0.010}
    for step, sigma in published.items():
        assert SCHEDULE.sigma(step) == pytest.approx(sigma, abs=1e-3)
    assert SCHEDULE.sigma(0) == SCHEDULE.deviation(1) == 0
    assert VariancePreserving.linear(50).sigma(50) == pytest.approx(2.6, abs=0.1)


def test_lengths_of_the_published_moves() -> None:
    hybrid, dsg = (Ancestral(kind="ancestral", guidance=name) for name in ("hybrid", "dsg"))
    published = {200: 0.0127, 150: 0.0110, 100: 0.0089, 50: 0.0063, 25: 0.0044, 10: 0.0030, 1: 0.0021}
    for step, rms in published.items():
        assert length(hybrid, SCHEDULE.deviation(step)) == pytest.approx(rms, abs=6e-5)
        assert length(dsg, SCHEDULE.deviation(step)) == 0.09 * SCHEDULE.deviation(step)
    silent = Ancestral(kind="ancestral", floor=0.0)
    assert length(silent, 0.1) == pytest.approx(0.009, abs=1e-6)


def test_a_step_is_bayes_rule() -> None:
    """p(x_(t-1) | x_t, x_0) of a scalar, by completing the square."""
    for step in (1, 2, 77, 200):
        beta, before = SCHEDULE.betas[step], SCHEDULE.kept[step - 1]
        if step == 1:
            assert SCHEDULE.mean(1) == pytest.approx((1, 0))
            continue
        precision = 1 / (1 - before) + (1 - beta) / beta
        assert SCHEDULE.deviation(step) ** 2 == pytest.approx(1 / precision)
        of_clean, of_noisy = SCHEDULE.mean(step)
        assert of_clean == pytest.approx(math.sqrt(before) / (1 - before) / precision)
        assert of_noisy == pytest.approx(math.sqrt(1 - beta) / beta / precision)


def test_the_error_of_a_mixture_by_hand() -> None:
    """Six samples in four pieces of two: norms 5 (3, 4), 0, 13 (5, 12), and one of zeros."""
    missing = torch.tensor([[3.0, 4.0, 0.0, 0.0, 5.0, 12.0]])
    losses = Losses(wave=2.0, pieces=0.5, spectrum=0.0, number=4)
    found = mixture_error(torch.ones(1, 6), torch.ones(1, 6) + missing, losses)
    assert float(found) == pytest.approx(2 * math.sqrt(9 + 16 + 25 + 144) + 0.5 * 18)


def test_the_error_of_a_spectrum_knows_no_sign() -> None:
    waves = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 100)))
    losses = Losses(wave=0.0, pieces=0.0, spectrum=0.1, window=16)
    assert float(mixture_error(-waves, waves, losses).abs().max()) < 1e-9
    found = mixture_error(0 * waves, waves, losses)
    torch.testing.assert_close(found, 0.1 * magnitudes(waves, 16).square().sum(dim=(1, 2)).sqrt())
    frame = waves[0, 16:32] * torch.hann_window(16, dtype=torch.float64)
    expected = np.abs(np.fft.rfft(frame.numpy()))  # the frame about sample 24, the third
    np.testing.assert_allclose(magnitudes(waves, 16)[0, :, 3].numpy(), expected, atol=1e-9)


def test_denoisers_are_asked_as_those_of_noise_would_be() -> None:
    """By hand, for one step and no guidance: x_0 = (x_t - sqrt(1 - A) e(x_t)) / sqrt(A), then its mean."""
    oracle = draw_templates(sources=2, number=3, size=8)
    asked: list[float] = []

    def denoise(noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        asked.append(float(sigma[0, 0]))
        return oracle.denoise(noisy, sigma)

    priors = type(oracle.priors)(denoise, oracle.priors.deviations)
    estimate(priors, torch.ones(1, 8).double(), kind="ancestral", guidance="none", steps=30, peak=0.5)
    schedule = VariancePreserving.linear(30)
    assert len(asked) == 30
    assert asked[0] == pytest.approx(schedule.sigma(30) / 0.5)
    assert asked[-1] == pytest.approx(schedule.sigma(1) / 0.5)


def test_the_level_and_kind_of_the_beginning() -> None:
    """A denoiser that keeps what it is given shows what the solver began with."""
    seen: list[torch.Tensor] = []

    def denoise(noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        seen.append(noisy)
        return noisy + 0 * sigma[:, :, None]

    priors = type(draw_templates(sources=2, number=1).priors)(denoise, torch.ones(2).double())
    mixture, schedule = torch.full((1, 4000), 0.95).double(), VariancePreserving.linear(200)
    solver: dict[str, Any] = {"kind": "ancestral", "guidance": "none"}
    for settings, mean, deviation in (
        ({"level": 0.75}, schedule.kept[150] ** 0.5 * 0.95, (1 - schedule.kept[150]) ** 0.5),
        ({"start": "noise"}, 0.0, 1.0),
    ):
        for noise in ("shared", "independent"):
            seen.clear()
            estimate(priors, mixture, **solver, **settings, noise=noise)
            first = seen[0][0] * schedule.kept[200] ** 0.5
            assert torch.equal(first[0], first[1]) == (noise == "shared")
            assert float(first.mean()) == pytest.approx(mean, abs=0.05)
            assert float(first.std()) == pytest.approx(deviation, abs=0.05)
