"""Choosing one of W hypotheses, and the result of a separation (step 5 of the method)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Separation:
    """One mixture, separated."""

    codes: Tensor  # [N, S] int64, the chosen hypothesis
    estimates: Tensor  # [N, T] float32, D(z_n)
    log_posterior: float  # of the chosen hypothesis, up to a constant of the mixture
    remix_distance: float  # ||y - sum_n alpha_n D(z_n)||², relative to ||y||²
    uncounted: int  # positions whose mixture code was never counted: the nearest counted one stood in


def select_hypothesis(
    codes: Tensor,
    scores: Tensor,
    *,
    mixture: Tensor,
    weights: Tensor,
    decode: Callable[[Tensor], Tensor],
    criterion: str,
    uncounted: int = 0,
) -> Separation:
    """Keep the hypothesis of the lowest remix distance ('remix') or of the highest score ('posterior').

    Args:
        codes: hypotheses [W, S, N] of one mixture.
        scores: their log posterior [W]; those at -inf do not exist and are never chosen.
        mixture: y [T].
        weights: alpha [N].
        decode: codes [R, S] to waveforms [R, T].
        criterion: 'remix' or 'posterior'.
        uncounted: passed on to the result.
    """
    if criterion not in ("remix", "posterior"):
        raise ValueError(f"selection {criterion!r}: choose remix or posterior")
    real = torch.isfinite(scores).nonzero()[:, 0]
    if not len(real):
        raise ValueError(
            "no hypothesis has a positive probability: the priors rule out every tuple that was counted; "
            "count more tuples or decode with more hypotheses"
        )
    if criterion == "posterior":
        real = real[scores[real].argmax()][None]
    audio = decode(codes[real].transpose(1, 2).flatten(0, 1)).unflatten(0, (len(real), -1))  # [W, N, T]
    remix = (weights[None, :, None] * audio).sum(dim=1)  # [W, T]
    distances = (remix - mixture).square().sum(dim=-1) / mixture.square().sum().clamp_min(1e-12)
    best = int(distances.argmin())
    return Separation(
        codes=codes[real[best]].T.contiguous(),
        estimates=audio[best].contiguous(),
        log_posterior=float(scores[real[best]]),
        remix_distance=float(distances[best]),
        uncounted=uncounted,
    )
