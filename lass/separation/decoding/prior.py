"""What the decoder asks of a prior: next-code log-probabilities and the bookkeeping of hypotheses."""

from typing import Any, Protocol

from torch import Tensor


class Prior(Protocol):
    """An autoregressive model `p_n(z_s | z_<s)` over one source's codes (paper, section 3)."""

    codebook_size: int

    def start(self, batch: int, length: int, *, shared: int = 1) -> Any:
        """State of `batch` empty sequences that may grow to `length` tokens.

        Up to `shared` of those that come of them will have most of their past in common.
        """

    def bytes_per_sequence(self, length: int) -> int:
        """Memory that a sequence of `length` tokens takes at most while it is decoded."""

    def log_probs(self, previous: Tensor | None, state: Any) -> Tensor:
        """Advance by one position: `log p(z_s | z_<s)` [batch, K].

        `previous` holds the codes chosen last [batch]; None at the first position. The next call may
        overwrite what this one returned.
        """

    def reorder(self, state: Any, rows: Tensor) -> None:
        """Let sequence b continue what was `rows[b]` (int64); there are len(rows) sequences from now on.

        ValueError where a state cannot change their number (on a GPU, where decoding does not ask for it).
        """
