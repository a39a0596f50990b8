"""Keys and values of the positions that a transformer has seen: what a step of the decoder has to read.

Two ways to hold them. One row per sequence (`KeyValueCache`), for sequences that go their own ways; or the
past that sequences have in common once for all of them, and one short row each for the rest
(`SharedCache`), for the hypotheses of a beam search, which descend from one hypothesis a few positions
back. Then a step reads the past once instead of once per hypothesis, and next to nothing moves when
hypotheses are replaced.
"""

import torch
from torch import Tensor
from torch.nn import functional

from lass.compute.rows import first_rows, keep_rows, padded, rank_in_group

WINDOW = 16  # positions that become common past at once; tails have at most twice as many


class KeyValueCache:
    """Keys and values of up to `positions` positions, preallocated, one row per sequence."""

    def __init__(
        self, *, layers: int, rows: int, heads: int, positions: int, like: Tensor, width: int
    ) -> None:
        """Room for `rows` sequences, padded; numbers are of the type and on the device of `like`."""
        shape = (layers, padded(rows), heads, positions, width)
        self.keys = like.new_zeros(shape)  # [layers, B, kv_heads, S, D]
        self.values = like.new_zeros(shape)
        self.used = rows  # rows that hold a sequence; the others are padding
        self.length = 0

    def reorder(self, rows: Tensor) -> None:
        """Let sequence b continue what was row `rows[b]`; there are len(rows) of them from now on.

        Only rows that change are copied. Room that does not suffice grows by half at least.
        """
        self.used = len(rows)
        layers, room, heads, positions, width = self.keys.shape
        needed = padded(self.used)
        if needed > room:
            for name in ("keys", "values"):
                # Positions to come stay untouched, so that they cost neither time nor pages of memory yet.
                grown = self.keys.new_empty(layers, max(needed, room + room // 2), heads, positions, width)
                grown[:, :room, :, : self.length] = getattr(self, name)[:, :, :, : self.length]
                grown[:, room:, :, : self.length] = 0
                setattr(self, name, grown)
        moved = (rows != torch.arange(len(rows), device=rows.device)).nonzero()[:, 0]
        for store in (self.keys, self.values) if len(moved) else ():
            move_rows(store[:, :, :, : self.length], rows[moved], moved)

    def advance(self) -> None:
        """Make room for one more position."""
        if self.length == self.keys.shape[3]:
            raise ValueError(f"{self.length} tokens are all that this cache was made for: start a longer one")
        self.length += 1

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write the newest position's [B, kv_heads, 1, D]; return all [B, kv_heads, t, D]."""
        for store, new in ((self.keys, keys), (self.values, values)):
            store[layer, : len(new), :, self.length - 1 : self.length] = new
        known = (store[layer, : len(keys), :, : self.length] for store in (self.keys, self.values))
        return next(known), next(known)

    def attend(self, layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """What the newest position [B, heads, 1, D] reads from all, itself included: [B, heads, D]."""
        grouped = queries.squeeze(2).unflatten(1, (keys.shape[1], -1))  # [B, kv_heads, heads / kv_heads, D]
        past = self.append(layer, keys, values)
        return functional.scaled_dot_product_attention(grouped, *past).flatten(1, 2)


def move_rows(store: Tensor, sources: Tensor, targets: Tensor) -> None:
    """Copy rows `sources` [M] of `store` [layers, B, ...] to rows `targets` [M], as they are now."""
    if store.is_cuda or bool(torch.isin(sources, targets).any()):
        store[:, targets] = store[:, sources]
        return
    for source, target in zip(sources.tolist(), targets.tolist(), strict=True):  # on a CPU twice as fast
        store[:, target] = store[:, source]


class SharedCache:
    """Keys and values of hypotheses of which up to `members` share their past.

    Positions before `settled` lie in trunks, one for up to `members` sequences that have them in common;
    later ones in a tail per sequence. All trunks have one length and all tails have one: what a sequence
    reads depends on nothing but its own past.
    """

    def __init__(self, trunks: KeyValueCache, tails: KeyValueCache, *, members: int) -> None:
        """`trunks` for whole sequences and `tails` of `2 * WINDOW` positions, both still empty."""
        self.trunks = trunks
        self.tails = tails
        self.members = members
        self.slots = torch.zeros(tails.used, dtype=torch.int64, device=tails.keys.device)  # [U]: their trunks
        self.places = self.slots  # [U] in [0, members): their place among those of the trunk
        self.lineage = self.slots[:, None].repeat(1, 2 * WINDOW)  # [U, 2 * WINDOW]: the row they were in then
        self.packed: Tensor | None = None  # [G, kv_heads, members, h, D]: queries by trunk

    @property
    def used(self) -> int:
        """U: rows that hold a sequence."""
        return self.tails.used

    @property
    def settled(self) -> int:
        """Positions that lie in trunks."""
        return self.trunks.length

    @property
    def length(self) -> int:
        """Positions seen."""
        return self.settled + self.tails.length

    def reorder(self, rows: Tensor) -> None:
        """Let sequence b continue what was row `rows[b]`; there are len(rows) of them from now on."""
        self.tails.reorder(rows)
        self.slots, self.lineage = self.slots[rows], self.lineage[rows]

    def advance(self) -> None:
        """Make room for one more position; settle what all tails have had for long enough."""
        if self.length == self.trunks.keys.shape[3]:
            raise ValueError(f"{self.length} tokens are all that this cache was made for: start a longer one")
        if self.tails.length == 2 * WINDOW:
            self.regroup(self.lineage[:, WINDOW - 1])
            self.settle()
        elif self.settled and int(torch.bincount(self.slots).max()) > self.members:
            self.regroup(self.slots)
        self.places = rank_in_group(self.slots)
        self.tails.advance()
        self.lineage[:, self.tails.length - 1] = torch.arange(self.used, device=self.slots.device)

    def regroup(self, ancestors: Tensor) -> None:
        """Give one trunk to up to `members` sequences of one ancestor [U], those that they had, as copies."""
        _, groups = torch.unique(ancestors, return_inverse=True)
        parts = groups * self.used + rank_in_group(groups) // self.members
        _, slots = torch.unique(parts, return_inverse=True)  # [U] in [0, G)
        parents = self.slots[first_rows(slots, int(slots.max()) + 1)]  # [G]: trunks to continue
        order = parents.argsort(stable=True)
        places = torch.empty_like(parents)
        places[order] = keep_rows(parents[order])
        self.trunks.reorder(torch.empty_like(parents).index_put_((places,), parents))
        self.slots = places[slots]

    def settle(self) -> None:
        """Move the oldest `WINDOW` positions of the tails to the trunks."""
        number, begin = self.trunks.used, self.settled
        rows = first_rows(self.slots, number)
        pairs = ((self.trunks.keys, self.tails.keys), (self.trunks.values, self.tails.values))
        for trunk, tail in pairs:
            trunk[:, :number, :, begin : begin + WINDOW] = tail[:, rows, :, :WINDOW]
            tail[:, : self.used, :, :WINDOW] = tail[:, : self.used, :, WINDOW:]
        self.trunks.length += WINDOW
        self.tails.length -= WINDOW
        self.lineage[:, :WINDOW] = self.lineage[:, WINDOW:].clone()

    def attend(self, layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """What the newest position [B, heads, 1, D] reads from all, itself included: [B, heads, D].

        Attention over trunk and tail apart, joined by their normalisers.
        """
        if not self.settled:
            return self.tails.attend(layer, queries, keys, values)
        grouped = queries.squeeze(2).unflatten(1, (keys.shape[1], -1))  # [B, kv_heads, h, D]
        late, late_normaliser = normalised_attention(grouped, *self.tails.append(layer, keys, values))
        number, (heads, repeats, width) = self.trunks.used, grouped.shape[1:]
        packed = self.packed
        if packed is None or len(packed) < number:
            packed = self.packed = grouped.new_zeros(2 * number, heads, self.members, repeats, width)
        packed = packed[:number]  # places without a sequence hold old queries: nobody reads their answers
        packed[self.slots, :, self.places] = grouped[: self.used]
        past = (store[layer, :number, :, : self.settled] for store in (self.trunks.keys, self.trunks.values))
        rows = [functional.pad(part, (0, len(grouped) - self.used)) for part in (self.slots, self.places)]
        early, early_normaliser = (
            part.unflatten(2, (self.members, repeats))[rows[0], :, rows[1]]
            for part in normalised_attention(packed.flatten(2, 3), *past)
        )  # [B, kv_heads, h, D] and [B, kv_heads, h]: whole blocks of rows, or their bytes depend on B
        share = (early_normaliser - late_normaliser.contiguous()).sigmoid()[..., None]
        joined: Tensor = (share * early + (1 - share) * late).to(late.dtype)
        return joined.flatten(1, 2)


def normalised_attention(queries: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Attention of queries [B, H, Q, D] to keys and values [B, H, t, D], and the log of its normaliser.

    The normaliser [B, H, Q], in float32, joins the result [B, H, Q, D] to attention to other keys.
    """
    if queries.device.type == "cpu":
        attended, normaliser = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            queries, keys, values
        )
        return attended, normaliser.float()
    return explicit_attention(queries, keys, values)


def explicit_attention(queries: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """The same by matrix products, on any device."""
    scores = (queries.float() @ keys.float().transpose(-1, -2)) * queries.shape[-1] ** -0.5
    normaliser = scores.logsumexp(dim=-1)
    weights = (scores - normaliser[..., None]).exp().to(values.dtype)
    return weights @ values, normaliser
