"""What stands between decoding and the priors: which sequences a prior is asked for, and who holds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lass.compute.rows import keep_rows
from lass.separation.decoding.prior import Prior


@dataclass
class Reader:
    """A prior with the sources that it models, asked once for every distinct prefix of theirs.

    Or, `apart`, for every hypothesis: then nothing has to be known of them, and the GPU is never waited for.
    """

    prior: Prior
    sources: list[int]
    cache: Any  # the prior's state of U distinct sequences
    rows: Tensor  # [B, W, len(sources)] int64 in [0, U): which of them a hypothesis holds
    home: Tensor | None = None  # where they are apart: the rows [B, W, len(sources)] that they keep

    def own(self, codes: Tensor) -> Tensor:
        """Of `codes` [B, W, N] those of its sources."""
        return torch.stack([codes[..., source] for source in self.sources], dim=-1)

    def log_probs(self, previous: Tensor | None) -> Tensor:
        """`log p(z_s | z_<s)` [B, W, len(sources), K] after the codes `previous` [B, W, len(sources)]."""
        tokens = None if previous is None else self.extend(previous)
        distinct: Tensor = self.prior.log_probs(tokens, self.cache)  # [U, K]
        if self.home is not None:
            batch, width, sources = self.home.shape
            return distinct.reshape(batch, sources, width, -1).transpose(1, 2)
        return distinct[self.rows]

    def extend(self, codes: Tensor) -> Tensor:
        """Let every sequence go on with `codes`; what they are followed by [U] of the sequences, now U."""
        if self.home is not None:
            self.prior.reorder(self.cache, self.rows.transpose(1, 2).flatten())
            self.rows = self.home
            return codes.transpose(1, 2).flatten()
        size = self.prior.codebook_size
        distinct, inverse = torch.unique(self.rows * size + codes, return_inverse=True)
        parents = distinct // size
        places = keep_rows(parents)
        order = places.argsort()
        self.rows = places[inverse]
        self.prior.reorder(self.cache, parents[order])
        tokens: Tensor = (distinct % size)[order]
        return tokens


def open_readers(
    priors: Sequence[Prior],
    *,
    shape: tuple[int, int, int],
    device: torch.device,
    related: bool,
    apart: bool,
) -> list[Reader]:
    """One reader per distinct prior for B mixtures with W hypotheses of S tokens each, (B, W, S) = `shape`.

    `related` hypotheses of a mixture descend from one another; `apart`: as of `Reader`.
    """
    batch, width, length = shape
    shared = width if related else 1
    readers = []
    for prior in dict.fromkeys(priors):
        sources = [source for source, one in enumerate(priors) if one is prior]
        everyone = torch.zeros(batch, width, len(sources), dtype=torch.int64, device=device)
        if not apart:
            readers.append(Reader(prior, sources, prior.start(1, length, shared=shared), everyone))
            continue
        number = everyone.numel()
        rows = torch.arange(number, device=device).view(batch, len(sources), width).transpose(1, 2)
        readers.append(Reader(prior, sources, prior.start(number, length, shared=shared), rows, rows))
    return readers


def next_log_probs(previous: Tensor | None, readers: Sequence[Reader]) -> list[Tensor]:
    """`log p_n(z_s | z_<s)` [B, W, K] of every source n after the codes `previous` [B, W, N]."""
    tables: dict[int, Tensor] = {}
    for reader in readers:
        own = reader.log_probs(None if previous is None else reader.own(previous))  # [B, W, sources, K]
        tables |= {source: own[:, :, index] for index, source in enumerate(reader.sources)}
    return [tables[source] for source in sorted(tables)]


def follow_parents(parents: Tensor, readers: Sequence[Reader]) -> None:
    """Let the readers follow `parents` [B, W]."""
    batch = torch.arange(len(parents), device=parents.device)[:, None]
    for reader in readers:
        reader.rows = reader.rows[batch, parents]
