"""How a mixture guides the probability flow of its addends' priors.

Two ideas. The first four guidances change the denoised addends: what these leave of the mixture is shared out
by how far each may still vary, `u_n ~ N(D_n, C_n)` with `C_n = sigma² dD_n/du_n` (Tweedie's second formula).
The others know the noisy addends alone: they keep them on, or draw them to, the plane of those that add up to
the mixture (Mariani et al. 2024, "Multi-source diffusion models").
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lass.methods.diffusion.denoising import Problem
from lass.methods.diffusion_settings import Ode

DRAWN = 0.75  # deviation of the sum in `gaussian`, in levels of noise, as published
CONVERGED = 1e-24  # of the squared residual, relative to the first: conjugate gradients stop


def slopes(problem: Problem, noisy: Tensor, sigma: float, settings: Ode) -> Tensor:
    """Derivative of the addends [B, N, T] by the level of noise, at `noisy` and `sigma`."""
    match settings.guidance:
        case "exact":
            clean = guide_exactly(problem, noisy, sigma, products=settings.products, error=settings.error)
        case "pigdm":
            clean = guide_once(problem, noisy, sigma, error=settings.error)
        case "spectral":
            clean = problem.denoise(noisy, sigma)
            clean = clean + problem.shares(problem.missing(clean), sigma, error=settings.error)
        case _:
            clean = problem.denoise(noisy, sigma)
    slope = (noisy - clean) / sigma
    match settings.guidance:
        case "dirac" | "symmetric":
            return admissible(slope, settings, slopes=True)
        case "gaussian":
            return slope - problem.missing(noisy)[:, None] / (2 * DRAWN**2 * sigma)
    return slope


def admissible(moves: Tensor, settings: Ode, *, slopes: bool = False) -> Tensor:
    """`moves` [B, N, T] of addends as the guidance allows them: noise, or the slopes of the priors.

    `dirac`: the constrained source gives what the others take; its prior pulls at each of them. `symmetric`:
    within the plane of equal sums, scaled so that for two sources a slope is that of `dirac`, and independent
    noise as strong as it was; nothing is left of moves that all sources share. All other guidances allow any
    move.
    """
    sources = moves.shape[1]
    if settings.guidance == "symmetric":
        factor = sources / (sources - 1)
        return (factor if slopes else factor**0.5) * (moves - moves.mean(dim=1, keepdim=True))
    if settings.guidance != "dirac":
        return moves
    chosen = constrained_source(settings, sources)
    free = torch.arange(sources, device=moves.device) != chosen
    moves = (moves - moves[:, chosen : chosen + 1]) if slopes else moves
    moves = moves * free[:, None]
    rest = moves.sum(dim=1, keepdim=True)
    return torch.where(free[:, None], moves, -rest)


def constrained_source(settings: Ode, sources: int) -> int:
    """The source that the others leave; ValueError where there is none of its number."""
    chosen = sources - 1 if settings.constrained is None else settings.constrained
    if chosen >= sources:
        raise ValueError(
            f"constrained is {chosen}, but there are {sources} sources: give at most {sources - 1}, or null"
        )
    return chosen


def guide_exactly(problem: Problem, noisy: Tensor, sigma: float, *, products: int, error: float) -> Tensor:
    """The expected addends given the noisy ones and the mixture: `D_n + C_n (sum_k C_k + error²)^-1 r`.

    `r` is what the denoised addends leave of the mixture. With enough `products` and no `error`, the result
    adds up to it.
    """
    clean, spread = denoise_with_spread(problem, noisy, sigma)
    return clean + shared_by_gradients(spread, problem.missing(clean), products=products, error=error)


def guide_once(problem: Problem, noisy: Tensor, sigma: float, *, error: float) -> Tensor:
    """The same with one product (pseudoinverse guidance, Song et al. 2023).

    The covariance of what is missing is taken to be that of white addends of their classes' deviations.
    """
    clean, spread = denoise_with_spread(problem, noisy, sigma)
    power = problem.deviations**2
    variance = (sigma**2 * power / (sigma**2 + power)).sum(dim=1) + error**2  # [B]
    return clean + spread(problem.missing(clean) / variance[:, None])


def denoise_with_spread(
    problem: Problem, noisy: Tensor, sigma: float
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The denoised addends [B, N, T], and the products of their covariances C_n with a vector.

    The products take [B, T] to [B, N, T]. They are vector-Jacobian products, as C_n is symmetric.
    """
    with torch.enable_grad():
        leaf = noisy.detach().requires_grad_()
        clean = problem.denoise(leaf, sigma)

    def spread(vector: Tensor) -> Tensor:
        (product,) = torch.autograd.grad(
            clean, leaf, vector[:, None].expand_as(clean).contiguous(), retain_graph=True
        )
        return sigma**2 * product

    return clean.detach(), spread


def shared_by_gradients(
    spread: Callable[[Tensor], Tensor], missing: Tensor, *, products: int, error: float
) -> Tensor:
    """`C_n (sum_k C_k + error²)^-1 missing` [B, N, T] by conjugate gradients, every mixture by itself.

    A mixture's iteration stops where it has converged, or where a network's Jacobian is not positive.
    """
    residual, direction = missing, missing
    before = first = residual.square().sum(dim=1, keepdim=True)  # [B, 1]
    shared = torch.zeros_like(missing)[:, None]
    for _ in range(products):
        parts = spread(direction)
        image = parts.sum(dim=1) + error**2 * direction
        curvature = (direction * image).sum(dim=1, keepdim=True)
        active = (curvature > 0) & (before > CONVERGED * first)
        step = torch.where(active, before / torch.where(active, curvature, 1.0), 0.0)
        shared = shared + step[:, :, None] * parts
        residual = residual - step * image
        after = residual.square().sum(dim=1, keepdim=True)
        direction = residual + torch.where(active, after / torch.where(active, before, 1.0), 0.0) * direction
        before = torch.where(active, after, 0.0)
    return shared
