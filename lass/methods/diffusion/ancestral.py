"""The published solver: ancestral sampling, every step moved down the gradient of the mixture's error.

Shi et al. 2026, "Unsupervised single-channel audio separation with diffusion source priors", and the rivals
that it is compared with there. Sources are on the scale of a mixture of a given peak. The denoisers are told
x_t / sqrt(A_t), which is a source plus noise of the deviation sqrt(1 / A_t - 1).

One difference: `undiff` has no Langevin corrector here. The published one moves a source by 2e-5 of the level
of noise and costs a call of the networks.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from lass.methods.diffusion.denoising import Problem
from lass.methods.diffusion.noise import Noise
from lass.methods.diffusion.schedules import VariancePreserving
from lass.methods.diffusion_settings import Ancestral, Losses

CALM = 1e-8  # added to norms: silence has no gradient
REPEATS = 2  # of the correction in `undiff`


def descend(problem: Problem, settings: Ancestral, noise: Noise) -> Tensor:
    """Addends [B, N, T] of the mixtures of `problem`, which have the peak that the settings ask for."""
    schedule = VariancePreserving.linear(settings.steps)
    noisy = begin(problem, settings, noise, schedule)
    for step in range(settings.steps, 0, -1):
        clean, gradient = denoise(problem, noisy, settings, schedule, step)
        of_clean, of_noisy = schedule.mean(step)
        sampled = of_clean * clean + of_noisy * noisy
        if step > 1:
            sampled = sampled + schedule.deviation(step) * noise.draw(problem.sources)
        noisy = sampled if gradient is None else sampled - move(gradient, settings, schedule.deviation(step))
    return noisy


def begin(problem: Problem, settings: Ancestral, noise: Noise, schedule: VariancePreserving) -> Tensor:
    """Sources [B, N, T] to begin with: the noised mixture, or noise."""
    drawn = noise.of_kind(settings.noise, problem.sources)
    if settings.start == "noise":
        return drawn.contiguous()
    kept = float(schedule.kept[max(1, round(settings.level * settings.steps))])
    return math.sqrt(kept) * problem.mixtures[:, None] + math.sqrt(1 - kept) * drawn


def denoise(
    problem: Problem, noisy: Tensor, settings: Ancestral, schedule: VariancePreserving, step: int
) -> tuple[Tensor, Tensor | None]:
    """The denoised sources [B, N, T] of `step`, and the gradient of the losses by the noisy ones."""
    scale, sigma = math.sqrt(schedule.kept[step]), schedule.sigma(step)
    guided = settings.guidance in ("dps", "dsg", "hybrid")
    with torch.set_grad_enabled(guided):
        leaf = noisy.detach().requires_grad_(guided)
        clean = problem.denoise(leaf / scale, sigma)
        if settings.clip is not None:
            clean = clean.clamp(-settings.clip, settings.clip)
        if guided:
            error = mixture_error(clean.sum(dim=1), problem.mixtures, settings.losses).sum()
            return clean.detach(), torch.autograd.grad(error, leaf)[0]
    if settings.guidance == "undiff":
        for _ in range(REPEATS):
            clean = clean + 0.5 * problem.missing(clean)[:, None]
    return clean, None


def move(gradient: Tensor, settings: Ancestral, deviation: float) -> Tensor:
    """What a step takes from the sources [B, N, T], given the gradient and the deviation of its noise."""
    if settings.guidance == "dps":
        return settings.factor * gradient
    norm: Tensor = gradient.norm(dim=-1, keepdim=True) + CALM
    return gradient * (math.sqrt(gradient.shape[-1]) * length(settings, deviation) / norm)


def length(settings: Ancestral, deviation: float) -> float:
    """RMS of the move in a step whose noise has `deviation`; for `hybrid` a smooth maximum with the floor."""
    share = settings.factor * deviation
    if settings.guidance == "dsg":
        return share
    high, low = max(share, settings.floor), min(share, settings.floor)
    return high + math.log1p(math.exp(settings.sharpness * (low - high))) / settings.sharpness


def mixture_error(sums: Tensor, mixtures: Tensor, losses: Losses) -> Tensor:
    """The weighted norms of what `sums` [B, T] leave of `mixtures`, by mixture [B]."""
    missing = mixtures - sums
    error: Tensor = losses.wave * missing.norm(dim=1)
    if losses.pieces:
        size = -(-missing.shape[1] // losses.number)
        padded = functional.pad(missing, (0, -missing.shape[1] % size))
        error = error + losses.pieces * padded.unflatten(1, (-1, size)).norm(dim=2).sum(dim=1)
    if losses.spectrum:
        apart = magnitudes(sums, losses.window) - magnitudes(mixtures, losses.window)
        error = error + losses.spectrum * apart.flatten(1).norm(dim=1)
    return error


def magnitudes(waves: Tensor, window: int) -> Tensor:
    """Magnitudes [B, F, S] of the short-time Fourier transform of `waves` [B, T], in Hann's window."""
    shape = torch.hann_window(window, dtype=waves.dtype, device=waves.device)
    spectrum: Tensor = torch.stft(
        waves, window, window // 2, window=shape, pad_mode="constant", return_complex=True
    )
    return spectrum.abs()
