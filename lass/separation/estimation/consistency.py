"""Mixture consistency: estimates that add up to the mixture.

A step after decoding that the paper does not have. `project` takes the nearest such estimates within bounds
(for audio: Wisdom et al. 2019, "Differentiable consistency constraints for improved deep speech enhancement",
without the bounds). `share_residual` knows more: how much a codec loses in the frames of every code, and at
which frequencies.
"""

import math

import torch
from torch import Tensor

CALM = 1e-12  # added to variances: silence shares what is missing alike
HALVINGS = 40  # of the interval that holds the shift: float32 has no more to give


def project(
    estimates: Tensor, mixtures: Tensor, *, weights: Tensor, low: float = 0.0, high: float = 1.0
) -> Tensor:
    """The point nearest to `estimates` with `sum_n alpha_n x_n = y` and every number in [low, high].

    Args:
        estimates: [..., N, T].
        mixtures: y [..., T].
        weights: alpha [N], positive.
        low: the least value of a source; -inf for none.
        high: the greatest; inf for none. Both or neither are infinite, or it is a ValueError.

    Each number is on its own: x_n = clamp(e_n + t * alpha_n), where the shift t is the one root of a monotone
    function. Where y lies outside of what the bounds allow, all sources go to the nearer bound.
    """
    alpha = weights.to(estimates)[:, None]  # [N, 1]
    if math.isinf(low) and math.isinf(high):
        missing = mixtures - (alpha * estimates).sum(dim=-2)
        return estimates + alpha * (missing / alpha.square().sum())[..., None, :]
    if math.isinf(low) or math.isinf(high):
        raise ValueError(f"bounds {low} and {high}: give two finite ones, or none by -inf and inf")
    reach = (estimates.abs().amax(dim=-2) + max(abs(low), abs(high))) / alpha.min()  # every source at a bound
    below, above = -reach, reach
    for _ in range(HALVINGS):
        middle = (below + above) / 2
        remix = (alpha * (estimates + alpha * middle[..., None, :]).clamp(low, high)).sum(dim=-2)
        short = remix < mixtures
        below, above = torch.where(short, middle, below), torch.where(short, above, middle)
    return (estimates + alpha * above[..., None, :]).clamp(low, high)


def share_residual(estimates: Tensor, mixtures: Tensor, *, weights: Tensor, variance: Tensor) -> Tensor:
    """The posterior means of the sources, given what the codec decodes and what it is known to lose.

    With x_n = D(z_n) + r_n, where r_n is Gaussian with independent coefficients of the discrete cosine
    transform of every frame, y = sum_n alpha_n x_n makes E[x_n | y] = D(z_n) + alpha_n v_n / (sum_k alpha_k²
    v_k) (y - sum_k alpha_k D(z_k)): Wiener's filter, which changes from frame to frame with the codes.

    Args:
        estimates: D(z_n) [..., N, T].
        mixtures: y [..., T].
        weights: alpha [N].
        variance: v_n [..., N, S, D] of the coefficients of frames of D = T / S samples.
    """
    alpha = weights.to(estimates)[:, None]  # [N, 1]
    frame = variance.shape[-1]
    basis = cosines(frame).to(estimates)  # [D, D]
    missing = mixtures - (alpha * estimates).sum(dim=-2)  # [..., T]
    coefficients = missing.unflatten(-1, (-1, frame)) @ basis.T  # [..., S, D]
    part = alpha[..., None] ** 2 * (variance + CALM)
    shares = part / part.sum(dim=-3, keepdim=True)  # [..., N, S, D], which sum to 1 over the sources
    added = (shares * coefficients[..., None, :, :]) @ basis
    consistent: Tensor = estimates + added.flatten(-2) / alpha
    return consistent


def average_and_share(
    estimates: Tensor, mixture: Tensor, *, shares: Tensor, weights: Tensor, variance: Tensor
) -> Tensor:
    """The posterior means of the sources, given M candidates of their codes; [N, T].

    As `share_residual`, of the mean of the candidates: how much a source varies is what the codec loses, on
    average, and how far the candidates are apart (the law of total variance). Where they agree the mean is
    trusted; where they do not, what is missing of the mixture is given to the source that is in doubt.

    Args:
        estimates: D(z_n) [M, N, T].
        mixture: y [T].
        shares: of the candidates [M]; they sum to 1.
        weights: alpha [N].
        variance: v_n [N, S, D], as of `share_residual`, on average over the candidates.
    """
    frame = variance.shape[-1]
    mean = (shares[:, None, None] * estimates).sum(dim=0)  # [N, T]
    apart = (estimates - mean).unflatten(-1, (-1, frame)) @ cosines(frame).to(estimates).T  # [M, N, S, D]
    doubt = (shares[:, None, None, None] * apart.square()).sum(dim=0)  # [N, S, D]
    return share_residual(mean, mixture, weights=weights, variance=variance + doubt)


def cosines(size: int) -> Tensor:
    """The orthonormal discrete cosine transform (type II) [size, size] of a frame, in float64: basis @ x."""
    frequency, place = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    basis = torch.cos(math.pi / size * (place.double() + 0.5) * frequency) * math.sqrt(2 / size)
    basis[0] /= math.sqrt(2)
    return basis
