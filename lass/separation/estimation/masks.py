"""Soft masks: the mixture itself, shared out by what the estimates of its sources sound like throughout.

A step after decoding that the paper does not have. An estimate errs now here, now there, but its source
sounds alike again and again: a few templates of its spectrum, learnt from the estimate by non-negative matrix
factorisation and then fitted to the mixture together with those of the others, keep what is common and drop
what is not (Smaragdis et al. 2007, "Supervised and semi-supervised separation of sounds from single-channel
mixtures", with estimates in place of examples).
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lass.separation.settings import Mask

Magnitudes = NDArray[np.float64]

SWEEPS = 100  # of the factorisation of an estimate
REFITS = 30  # of the activations, on the mixture
SILENT = 1e-4  # of the mixture's magnitudes, 80 dB under them: an estimate of no more has no templates
LOUDER = 4.0  # times the power of an estimate, 6 dB: more its templates may not take of the mixture
FAINT = 1e-12  # power of every source everywhere: silence shares alike
DIVERGENCE: dict[str, Any] = {"solver": "mu", "beta_loss": "kullback-leibler", "tol": 0.0}  # no early end


def average_with_masked(estimates: Tensor, mixture: Tensor, *, weights: Tensor, mask: Mask) -> Tensor:
    """The mean of the estimates and of the mixture through masks [N, T]: two that err in different ways.

    Estimates have wrong phases and inventions of their own; a mask lets through what overlaps. In round r
    masks m are made by x_(r-1): x_r = (1 - c) e + c m(x_(r-1)), x_0 = e, c the `share` of the masked.
    Arguments as in `mask_mixture`.
    """
    own = 1 - mask.share
    averaged = estimates
    for _ in range(mask.rounds):
        masked = mask_mixture(averaged, mixture, weights=weights, mask=mask)
        averaged = own * estimates + mask.share * masked
    return averaged


def mask_mixture(estimates: Tensor, mixture: Tensor, *, weights: Tensor, mask: Mask) -> Tensor:
    """The mixture through Wiener's filters of the sources' templates [N, T].

    |STFT(alpha_n e_n)| [F, L], of F frequencies and L frames, is factored into R templates W_n [F, R] and
    activations, which are forgotten; then |STFT(y)| into [W_1 ... W_N] H with W held. x_n = STFT^-1(P_n /
    sum_k P_k STFT(y)) / alpha_n with P_n = (W_n H_n)², scaled down where all of it has more than LOUDER times
    the power of the estimate: templates of a faint source may fit a loud one. Hann windows; divergences are
    Kullback-Leibler's.

    Args:
        estimates: e_n [N, T].
        mixture: y [T].
        weights: alpha [N].
        mask: ValueError where its window is not less than 2 T.
    """
    length, window = mixture.shape[-1], mask.window
    if window >= 2 * length:
        raise ValueError(f"window {window}: must be less than twice the {length} samples of the mixture")
    hann, hop = torch.hann_window(window, device=estimates.device), window // 4
    alpha = weights.to(estimates)[:, None]  # [N, 1]
    spectra = torch.stft(alpha * estimates, window, hop, window=hann, return_complex=True)  # [N, F, L]
    heard = torch.stft(mixture, window, hop, window=hann, return_complex=True)  # [F, L]
    shares = template_shares(magnitudes(spectra), magnitudes(heard), templates=mask.templates)
    gains = torch.from_numpy(shares).to(estimates)
    masked: Tensor = torch.istft(gains * heard, window, hop, window=hann, length=length)
    return masked / alpha


def magnitudes(spectra: Tensor) -> Magnitudes:
    """Of spectra [..., F, L]."""
    absolute: Magnitudes = spectra.abs().double().cpu().numpy()
    return absolute


def template_shares(sources: Magnitudes, mixture: Magnitudes, *, templates: int) -> Magnitudes:
    """Shares [N, F, L] of the sources in the power of the mixture [F, L], by their templates.

    `sources` [N, F, L] are the magnitudes of their estimates.
    """
    # It takes a second, and most methods make no masks.
    from sklearn.decomposition import non_negative_factorization  # noqa: PLC0415

    power = np.full_like(sources, FAINT)
    heard = np.flatnonzero(sources.max(axis=(1, 2)) > SILENT * mixture.max())
    if len(heard) > 0 and mixture.any():
        spectra = np.concatenate([templates_of(sources[n], templates) for n in heard])  # [heard R, F]
        factors = non_negative_factorization(  # from a constant start: nothing is drawn
            mixture.T, H=spectra, n_components=len(spectra), update_H=False, max_iter=REFITS, **DIVERGENCE
        )
        activations = factors[0]  # [L, heard R]
        for n, own, active in zip(
            heard, np.split(spectra, len(heard)), np.split(activations, len(heard), axis=1), strict=True
        ):
            taken = (active @ own).T ** 2
            most = LOUDER * np.square(sources[n]).sum()
            power[n] += taken * (most / max(taken.sum(), most))
    shares: Magnitudes = power / power.sum(axis=0)
    return shares


def templates_of(source: Magnitudes, templates: int) -> Magnitudes:
    """R templates [R, F] of the magnitudes [F, L] of one source, from the same start for every source."""
    from sklearn.decomposition import NMF  # noqa: PLC0415 (as in template_shares)

    model = NMF(templates, init="random", random_state=0, max_iter=SWEEPS, **DIVERGENCE)
    model.fit(source.T)
    spectra: Magnitudes = model.components_
    return spectra
