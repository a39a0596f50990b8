"""Candidates: those of W hypotheses that are worth a closer look (step 5 of the method)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lass.separation.offsets import each_moved
from lass.separation.separator import Decoded, Separator

AT_ONCE = 1024  # sequences that are decoded to data at once


@dataclass(frozen=True)
class Candidates:
    """M hypotheses of one mixture, the nearest to it first; the most probable is among them."""

    codes: Tensor  # [M, N, S] int64
    log_posterior: Tensor  # [M] float64, up to a constant of the mixture
    remix_distance: Tensor  # [M] float32: ||y - sum_n alpha_n D(z_n)||², relative to ||y||²
    uncounted: int  # positions whose mixture code was never counted
    offsets: Tensor  # [M] int64: by how much the mixture was moved for each, as of `lass.separation.offsets`
    data: Tensor | None = None  # [M, N, T] float32: D(z_n), moved back, where estimates come next

    @property
    def most_probable(self) -> int:
        """The candidate of the highest log posterior, of the mixture as it is where there is one."""
        unmoved = self.offsets == 0
        scores = self.log_posterior.where(unmoved, -torch.inf) if unmoved.any() else self.log_posterior
        return int(scores.argmax())


def draw_candidates(
    separator: Separator, mixtures: Tensor, items: Sequence[int], *, kept: int, with_data: bool = False
) -> list[Candidates]:
    """Decode W hypotheses of each mixture y [B, T]; keep the `kept` distinct ones of lowest remix distance.

    The most probable of all follows them where it is not one of them. `items` name the mixtures, and with the
    separator's seed decide every random draw. Fewer are kept where fewer distinct hypotheses exist. What they
    decode to is left in them `with_data`.
    ValueError where no hypothesis of a mixture has a positive probability.
    """
    decoded = separator.hypotheses(mixtures, items)
    return kept_candidates(separator, decoded, mixtures, items, kept=kept, with_data=with_data)


def kept_candidates(
    separator: Separator,
    decoded: Decoded,
    mixtures: Tensor,
    items: Sequence[int],
    *,
    kept: int,
    with_data: bool = False,
) -> list[Candidates]:
    """As `draw_candidates`, of hypotheses that are decoded already."""
    candidates = []
    for row, mixture in enumerate(mixtures):
        real = torch.isfinite(decoded.scores[row]).nonzero()[:, 0]
        if not len(real):
            raise ValueError(
                f"mixture {items[row]}: no hypothesis has a positive probability: the priors rule out every "
                "tuple that was counted; count more tuples or decode with more hypotheses"
            )
        distinct = real[first_of_each(decoded.codes[row, real], decoded.offsets[real])]
        codes, offsets = decoded.codes[row, distinct].transpose(1, 2), decoded.offsets[distinct]  # [M', N, S]
        data = each_moved(decode_all(codes, separator.decode), -offsets, image=separator.image)
        distances = remix_distances(data, mixture, weights=separator.weights)
        nearest = distances.argsort(stable=True)[:kept]
        likeliest = decoded.scores[row, distinct].argmax()
        if not (nearest == likeliest).any():
            nearest = torch.cat([nearest, likeliest[None]])
        candidates.append(
            Candidates(
                codes=codes[nearest].contiguous(),
                log_posterior=decoded.scores[row, distinct[nearest]],
                remix_distance=distances[nearest],
                uncounted=int(decoded.uncounted[row]),
                offsets=offsets[nearest],
                data=data[nearest] if with_data else None,
            )
        )
    return candidates


def first_of_each(codes: Tensor, offsets: Tensor) -> Tensor:
    """Indices, ascending, of the first of each distinct hypothesis, by codes [W, S, N] and offsets [W]."""
    named = torch.cat([offsets[:, None], codes.flatten(1)], dim=1)
    _, group = torch.unique(named, dim=0, return_inverse=True)
    first = torch.full((int(group.max()) + 1,), len(codes), device=codes.device)
    first.scatter_reduce_(0, group, torch.arange(len(codes), device=codes.device), reduce="amin")
    return first.sort().values


def decode_all(codes: Tensor, decode: Callable[[Tensor], Tensor]) -> Tensor:
    """D(z_n) [M, N, T] float32 of hypotheses `codes` [M, N, S]; codes that several share are decoded once."""
    every = codes.flatten(0, 1)
    distinct, shared = torch.unique(every, dim=0, return_inverse=True)
    alike = len(distinct) < len(every)
    pieces = [decode(part).float() for part in (distinct if alike else every).split(AT_ONCE)]
    data: Tensor = torch.cat(pieces)
    whole: Tensor = (data[shared] if alike else data).unflatten(0, codes.shape[:2])
    return whole


def remix_distances(data: Tensor, mixture: Tensor, *, weights: Tensor) -> Tensor:
    """`||y - sum_n alpha_n D(z_n)||² / ||y||²` [M] of decoded hypotheses [M, N, T] of the mixture y [T]."""
    remix = (weights[:, None] * data).sum(dim=1)
    distances: Tensor = (remix - mixture).square().sum(dim=-1) / mixture.square().sum().clamp_min(1e-12)
    return distances
