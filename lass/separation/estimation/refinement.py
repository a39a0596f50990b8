"""Refinement: gradient steps on the dense latents, so that the remix of the decodings approaches the mixture.

Source: paper, section 4.3 (equations 12 and 13), with the optimizer of its reference code: Adam, the rate
halved every so many steps, and a penalty on leaving the codes' own vectors.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lass.compute.rows import padded
from lass.separation.settings import Refinement

DECAYS = (0.9, 0.999)  # of Adam's moments


@dataclass(frozen=True)
class Refined:
    """Latents after the last step, and what they cost."""

    latents: Tensor  # [R, N, S, C]
    objective: Tensor  # [R]: ||y - sum_n alpha_n D(e_n)||² + penalty * ||e - e_0||² before the last step


def refine_latents(
    latents: Tensor,
    mixtures: Tensor,
    *,
    weights: Tensor,
    synthesise: Callable[[Tensor], Tensor],
    settings: Refinement,
) -> Refined:
    """Move every row's latents on their own; rows share nothing but the batch.

    Args:
        latents: start e_0 [R, N, S, C], the codebook vectors of R hypotheses.
        mixtures: y [R, T] of each.
        weights: alpha [N].
        synthesise: the decoder D from dense latents [R', S, C] to data [R', T], differentiable.
        settings: steps, rate and penalty.
    """
    with torch.inference_mode(mode=False), torch.enable_grad():
        start, mixtures, weights = (  # gradients cannot pass tensors that were made in inference mode
            given.detach().clone() for given in (latents, mixtures, weights)
        )
        position = start.clone().requires_grad_(True)
        moments = [torch.zeros_like(start) for _ in DECAYS]
        objective = start.new_full((len(start),), math.nan)
        count, sources = start.shape[:2]
        for step in range(settings.steps):
            decoded = synthesise(whole_blocks(position.flatten(0, 1)))[: count * sources].float()
            decoded = decoded.unflatten(0, (count, sources))  # [R, N, T]
            remix = (weights[:, None] * decoded).sum(dim=1)
            moved = (position - start).square().flatten(1).sum(dim=1)
            objective = (mixtures - remix).square().sum(dim=1) + settings.penalty * moved
            (gradient,) = torch.autograd.grad(objective.sum(), position)
            position = adam_step(position.detach(), gradient, moments, step=step, settings=settings)
            position.requires_grad_(True)
        return Refined(latents=position.detach(), objective=objective.detach())


def whole_blocks(rows: Tensor) -> Tensor:
    """`rows` [R, ...], followed by zeros up to whole blocks of them."""
    spare = rows.new_zeros(padded(len(rows)) - len(rows), *rows.shape[1:])
    return torch.cat([rows, spare]) if len(spare) else rows


def adam_step(
    position: Tensor, gradient: Tensor, moments: list[Tensor], *, step: int, settings: Refinement
) -> Tensor:
    """One step of Adam (Kingma and Ba 2015, algorithm 1); `moments` follow in place."""
    first, second = moments
    first.lerp_(gradient, 1 - DECAYS[0])
    second.lerp_(gradient.square(), 1 - DECAYS[1])
    corrected, spread = (
        moment / (1 - decay ** (step + 1)) for moment, decay in zip(moments, DECAYS, strict=True)
    )
    rate = settings.learning_rate * 0.5 ** (step // settings.halve_every)
    return position - rate * corrected / (spread.sqrt() + 1e-8)
