"""Statistics of latents that come in blocks, one block of channels per source.

How far apart the blocks are (the divergence from the prior, and how it splits), and a causal memory of what
each channel did. The public abstract behind it (arXiv 2402.06683, "latent variational block-wise
disentanglement") has no equations: these are ours. The Gaussian dependence is the criterion by which TRINICON
separates several microphones; the covariance that counts the posterior's variance is that of DIP-VAE-II.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

RIDGE = 1e-4  # of the mean variance, added to every variance: covariances of few frames are singular
CHUNK = 64  # frames that the memory takes at once


@dataclass(frozen=True, eq=False)
class Split:
    """A divergence from a prior without dependence between blocks, in nats per frame, as its three parts."""

    information: Tensor  # of the mixture about the latents
    dependence: Tensor  # between the blocks
    statistics: Tensor  # of each block against its prior, in sum


def divergence(means: Tensor, variances: Tensor, priors: Tensor) -> Tensor:
    """KL(Normal(means, variances) || Normal(0, priors)) of every number, in nats; shapes alike."""
    ratio = variances / priors
    return 0.5 * (ratio + means.square() / priors - 1 - ratio.log())


def total_covariance(means: Tensor, variances: Tensor, *, ridge: float = RIDGE) -> Tensor:
    """Covariance [..., C, C] of latents [..., C, L]: that of their means and the mean of their variances.

    `ridge` times the mean variance on the diagonal keeps it regular.
    """
    centred = means - means.mean(dim=-1, keepdim=True)
    within = centred @ centred.mT / means.shape[-1] + variances.mean(dim=-1).diag_embed()
    added = ridge * within.diagonal(dim1=-2, dim2=-1).mean(dim=-1) + torch.finfo(means.dtype).tiny
    regular: Tensor = within + added[..., None, None] * torch.eye(means.shape[-2]).to(means)
    return regular


def dependence(covariances: Tensor, *, blocks: int) -> Tensor:
    """Gaussian mutual information [S] between `blocks` equal blocks of the channels of [S, C, C], in nats.

    Half of the sum of the blocks' log-determinants less that of the whole: never negative, zero where nothing
    stands outside the blocks, and the same after any invertible map within them.
    """
    own = diagonal_blocks(covariances, blocks)  # [S, N, B, B]
    shared: Tensor = log_determinant(own).sum(dim=-1) - log_determinant(covariances)
    return 0.5 * shared


def covariance_penalty(covariances: Tensor, *, blocks: int) -> Tensor:
    """Squares of covariances between blocks, and of variances less one, over C squared: [S].

    The block form of DIP-VAE's. Unlike `dependence` it depends on scale, hence the variances' part.
    """
    channels = covariances.shape[-1]
    within: Tensor = torch.block_diag(*[torch.ones(channels // blocks, channels // blocks)] * blocks)
    between = covariances.square() * (1 - within.to(covariances))
    spread = (covariances.diagonal(dim1=-2, dim2=-1) - 1).square()
    return (between.sum(dim=(-2, -1)) + spread.sum(dim=-1)) / channels**2


def split_divergence(means: Tensor, variances: Tensor, priors: Tensor, *, blocks: int) -> Split:
    """The mean divergence of latents [C, L] from Normal(0, priors [C]) per frame, as its parts.

    With the Gaussian of the latents' total moments as their marginal the parts add up to the whole, whatever
    the latents are.
    """
    whole = total_covariance(means, variances, ridge=0.0)
    own = diagonal_blocks(whole[None], blocks)[0]  # [N, B, B]
    marginal = log_determinant(own).sum()
    information = 0.5 * (log_determinant(whole) - variances.log().sum(dim=0).mean())
    square = whole.diagonal() + means.mean(dim=-1).square()
    statistics = 0.5 * ((square / priors - 1 + priors.log()).sum() - marginal)
    return Split(information, 0.5 * (marginal - log_determinant(whole)), statistics)


def diagonal_blocks(matrices: Tensor, blocks: int) -> Tensor:
    """The `blocks` equal blocks on the diagonal of matrices [S, C, C]: [S, N, B, B]."""
    size = matrices.shape[-1] // blocks
    parts = [matrices[:, n * size : (n + 1) * size, n * size : (n + 1) * size] for n in range(blocks)]
    return torch.stack(parts, dim=1)


def log_determinant(matrices: Tensor) -> Tensor:
    """Of positive definite matrices [..., C, C]: [...]."""
    roots: Tensor = torch.linalg.cholesky(matrices)
    logs: Tensor = roots.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)
    return 2 * logs


def segments(latents: Tensor, frames: int) -> Tensor:
    """Latents [B, C, L] as segments [S, C, B * frames] of all examples; a rest of frames is left out.

    Latents that are shorter are one segment.
    """
    frames = min(frames, latents.shape[-1])
    count = latents.shape[-1] // frames
    cut = latents[..., : count * frames].unflatten(-1, (count, frames))  # [B, C, S, frames]
    gathered: Tensor = cut.permute(2, 1, 0, 3).flatten(2)
    return gathered


def stacked(latents: Tensor, lags: int, *, blocks: int) -> Tensor:
    """Latents [B, C, L] with those of the `lags` - 1 frames before, block by block.

    [B, C * lags, L - lags + 1].
    """
    length = latents.shape[-1] - lags + 1
    late = [latents[..., lags - 1 - lag : lags - 1 - lag + length] for lag in range(lags)]
    parts = [part.unflatten(1, (blocks, -1)) for part in late]
    return torch.cat(parts, dim=2).flatten(1, 2)


def remember(values: Tensor, *, frames: float) -> Tensor:
    """What a memory of the time constant `frames` knows of values [..., L] at every frame: [..., L].

    The mean of all values so far, each weighted by exp(-its age / `frames`): the recursion
    m(l) = a m(l-1) + (1 - a) x(l) over its weight w(l) = a w(l-1) + 1 - a, computed for all frames at once.
    """
    length = values.shape[-1]
    padded = nn.functional.pad(values, (0, -length % CHUNK)).unflatten(-1, (-1, CHUNK))
    rate = 1 / frames
    place = torch.arange(CHUNK, device=values.device, dtype=torch.float64)
    within = _decays(place[:, None] - place[None, :], rate).to(values)  # [to, from]
    inner = padded @ within.mT
    number = torch.arange(padded.shape[-2], device=values.device, dtype=torch.float64)
    between = _decays((number[:, None] - number[None, :] - 1) * CHUNK, rate).to(values)
    carried = (inner[..., -1] @ between.mT)[..., None] * (-rate * (place + 1)).exp().to(values)
    weight = -torch.expm1(-rate * torch.arange(1, length + 1, device=values.device, dtype=torch.float64))
    summed = (inner + carried).flatten(-2)[..., :length]
    held: Tensor = summed * (-math.expm1(-rate)) / weight.to(values)
    return held


def _decays(ages: Tensor, rate: float) -> Tensor:
    """exp(-age * rate) where the age is not negative, else 0."""
    return torch.where(ages >= 0, (-rate * ages.clamp(min=0)).exp(), 0.0)


def delayed(values: Tensor) -> Tensor:
    """Values [..., L] one frame later; the first is zero."""
    return nn.functional.pad(values[..., :-1], (1, 0))
